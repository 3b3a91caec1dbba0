"""What supervision looks up: lessons that are live, and those that somebody supervised."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    live = sa.text("state = 'live'")
    op.create_index(
        op.f("ix_lessons_live"), "lessons", ["started_ms", "id"], sqlite_where=live, postgresql_where=live
    )
    op.create_index(op.f("ix_observations_person_id"), "observations", ["person_id", "started_ms"])
