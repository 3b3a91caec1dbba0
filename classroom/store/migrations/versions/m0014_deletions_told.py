"""Whether a deletion in the library was told as an event: the command line only writes it down."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("library_items") as batch:
        batch.add_column(sa.Column("deletion_told", sa.Boolean(), nullable=False, server_default="1"))
        batch.create_index(batch.f("ix_library_items_deletion_told"), ["deletion_told"])
