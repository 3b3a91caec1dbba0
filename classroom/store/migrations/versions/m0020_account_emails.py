"""E-mail addresses of accounts in lower case, and found by an index: single sign-on links by them."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE accounts SET email = lower(email) WHERE email <> lower(email)")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_email"), ["email"], unique=False)
