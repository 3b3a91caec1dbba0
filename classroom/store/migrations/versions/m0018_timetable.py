"""What is done with the timetable; where a lesson is given; what notices were written together."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PATH = sa.String(length=300).with_variant(sa.String(length=300, collation="C"), "postgresql")


def upgrade() -> None:
    _operations()
    _operation_lessons()
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("room", sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("network_notices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("batch", sa.String(length=64), server_default="", nullable=False))
        batch_op.create_index(
            "ix_network_notices_once",
            ["batch", "kind", "person_id", "lesson_id"],
            unique=True,
            sqlite_where=sa.text("batch != ''"),
            postgresql_where=sa.text("batch != ''"),
        )


def _operations() -> None:
    op.create_table(
        "timetable_operations",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("place_id", sa.String(length=64), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lessons", sa.Integer(), nullable=False),
        sa.Column("classes", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("undone_ms", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_timetable_operations")),
    )
    with op.batch_alter_table("timetable_operations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_timetable_operations_id"), ["id"], unique=True)
        batch_op.create_index(
            batch_op.f("ix_timetable_operations_path_number"), ["path", "number"], unique=False
        )


def _operation_lessons() -> None:
    op.create_table(
        "operation_lessons",
        sa.Column("operation_id", sa.String(length=64), nullable=False),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("operation_id", "lesson_id", name=op.f("pk_operation_lessons")),
    )
    with op.batch_alter_table("operation_lessons", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_operation_lessons_lesson_id"), ["lesson_id"], unique=False)
