"""What lessons that are long over came to, a row each. Who lost an office or an account is found by an index
of those alone: SQLite took it to find all others. And in SQLite the audit cannot be written over by a row of
the same number, either: it deletes the one that is there without asking the trigger that forbids it."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_GONE = (("appointments", "revoked_ms"), ("accounts", "disabled_ms"))


def upgrade() -> None:
    op.create_table(
        "lesson_sums",
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", name=op.f("pk_lesson_sums")),
    )
    for table, column in _GONE:
        name, gone = op.f(f"ix_{table}_{column}"), sa.text(f"{column} IS NOT NULL")
        op.drop_index(name, table)
        op.create_index(name, table, [column], sqlite_where=gone, postgresql_where=gone)
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER audit_is_append_only_replace BEFORE INSERT ON audit "
            "WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) "
            "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        )
