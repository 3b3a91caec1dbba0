"""Sessions of the single sign-on's issuer, and what is shown to it at signing out."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("issuer_session", sa.String(length=255), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("id_token", sa.Text(), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_sign_ins_issuer_session"), ["issuer_session"], unique=False)
