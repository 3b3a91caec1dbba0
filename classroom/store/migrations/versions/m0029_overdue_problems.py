"""When it was said of a problem that its provider's week is over."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    unanswered = sa.text("state = 'open' AND told_ms IS NULL")
    op.add_column("review_problems", sa.Column("told_ms", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_review_problems_unanswered"),
        "review_problems",
        ["changed_ms"],
        sqlite_where=unanswered,
        postgresql_where=unanswered,
    )
