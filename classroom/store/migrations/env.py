"""Run by Alembic: migrates over the connection it is handed (classroom.store.migrate)."""

from alembic import context

from classroom.store.library_tables import library_items
from classroom.store.migrate import include_name

connection = context.config.attributes["connection"]
# SQLite cannot alter tables: Alembic copies them in batches.
context.configure(
    connection=connection,
    target_metadata=library_items.metadata,
    render_as_batch=True,
    include_name=include_name,
)
with context.begin_transaction():
    context.run_migrations()
