"""Run by Alembic: migrates over the connection it is handed (classroom.store.migrate)."""

from alembic import context

from classroom.store import (  # noqa: F401 - what there is
    catalogue_tables,
    library_tables,
    mail_tables,
    network_tables,
    supervision_tables,
    timetable_tables,
)
from classroom.store.migrate import include_name
from classroom.store.tables import metadata

connection = context.config.attributes["connection"]
# SQLite cannot alter tables: Alembic copies them in batches.
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    include_name=include_name,
)
with context.begin_transaction():
    context.run_migrations()
