"""The machine's uptime beside the server's last sign of life: a lesson's time goes on by it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("server") as batch:
        batch.add_column(sa.Column("boot", sa.String(64), nullable=False, server_default=""))
        batch.add_column(sa.Column("uptime_ms", sa.BigInteger(), nullable=False, server_default="0"))
