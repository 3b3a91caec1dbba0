"""Check-in is opened for a class, too: each is at a school of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("check_ins", recreate="always") as batch:
        batch.add_column(sa.Column("class_id", sa.String(length=64), nullable=False, server_default=""))
        batch.drop_constraint(batch.f("pk_check_ins"), type_="primary")
        batch.create_primary_key(batch.f("pk_check_ins"), ["lesson_id", "class_id"])
        batch.create_index(batch.f("ix_check_ins_class_id_opens_ms"), ["class_id", "opens_ms"])
