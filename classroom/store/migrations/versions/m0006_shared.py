"""What everybody in a lesson shares survives a restart: timer, stage, settings, where each class is."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("lessons") as batch:
        batch.add_column(sa.Column("shared", sa.Text(), server_default="{}", nullable=False))
