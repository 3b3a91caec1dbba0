"""Sign-ins that were taken back, and with them the tokens of lessons that they gave."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    revoked = sa.text("revoked_ms IS NOT NULL")
    op.add_column("sign_ins", sa.Column("revoked_ms", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_sign_ins_revoked_ms"),
        "sign_ins",
        ["revoked_ms"],
        sqlite_where=revoked,
        postgresql_where=revoked,
    )
