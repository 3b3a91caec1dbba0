"""How well each person was reached, second by second."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quality",
        sa.Column("lesson_id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("fair_s", sa.Integer(), nullable=False),
        sa.Column("poor_s", sa.Integer(), nullable=False),
        sa.Column("frozen_s", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("up_kbps", sa.Integer(), nullable=False),
        sa.Column("down_kbps", sa.Integer(), nullable=False),
        sa.Column("lost_up", sa.Float(), nullable=False),
        sa.Column("lost_down", sa.Float(), nullable=False),
        sa.Column("round_trip_ms", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "person_id", "started_ms", name="pk_quality"),
        sqlite_with_rowid=False,
    )
