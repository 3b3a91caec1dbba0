"""Who came to lessons of the catalogue, and what is left to settle."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    path = sa.String(length=300).with_variant(sa.String(length=300, collation="C"), "postgresql")
    op.create_table(
        "attendances",
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("class_id", sa.String(length=64), nullable=False),
        sa.Column("path", path, nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("came", sa.String(length=32), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "party_id", name=op.f("pk_attendances")),
    )
    op.create_index(op.f("ix_attendances_party_id_starts_ms"), "attendances", ["party_id", "starts_ms"])
    # Without a batch: 100,000 lessons are not to be copied for a column.
    op.add_column("offers", sa.Column("attended", sa.Integer(), nullable=True))
    _some("ix_offers_unsettled", "starts_ms", "settled_ms IS NULL")
    _some("ix_offers_unsettled_cancelled", "changed_ms", "settled_ms IS NULL AND state = 'cancelled'")
    _some("ix_offers_with_waiting", "starts_ms", "waiting > 0")


def _some(name: str, column: str, condition: str) -> None:
    op.create_index(
        name, "offers", [column], sqlite_where=sa.text(condition), postgresql_where=sa.text(condition)
    )
