"""Events carry the lesson's clock and go out by webhooks; lessons have a planned time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("lessons") as batch:
        batch.add_column(sa.Column("starts_ms", sa.BigInteger(), server_default="0", nullable=False))
        batch.add_column(sa.Column("ends_ms", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("events") as batch:
        batch.add_column(sa.Column("elapsed_ms", sa.BigInteger(), server_default="0", nullable=False))
    # The clock of what happened before: by the times that are known.
    op.execute(
        "UPDATE events SET elapsed_ms = at_ms - (SELECT started_ms FROM lessons WHERE id = lesson_id) "
        "WHERE at_ms > (SELECT started_ms FROM lessons WHERE id = lesson_id AND started_ms > 0)"
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("lesson_id", sa.String(64)),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("failing_since_ms", sa.BigInteger()),
        sa.Column("suspended_ms", sa.BigInteger()),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_table(
        "webhook_outbox",
        sa.Column("webhook_id", sa.String(64), nullable=False),
        sa.Column("lesson_id", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_webhook_outbox_webhook_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", "lesson_id", "seq", name="pk_webhook_outbox"),
    )
