"""What the dashboard of organizers asks for: quality by class, what the library takes and what is missing in
it, and lessons by the day."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Of each person the class as which they came in last.
_FILL = """
INSERT INTO quality_sums (lesson_id, class_id, seconds, fair_s, poor_s, frozen_s)
SELECT q.lesson_id, COALESCE(p.class_id, ''), SUM(q.seconds), SUM(q.fair_s), SUM(q.poor_s), SUM(q.frozen_s)
FROM quality q
JOIN (SELECT lesson_id, person_id, MAX(seq) AS seq FROM presence GROUP BY lesson_id, person_id) l
  ON l.lesson_id = q.lesson_id AND l.person_id = q.person_id
JOIN presence p ON p.lesson_id = l.lesson_id AND p.seq = l.seq
GROUP BY q.lesson_id, COALESCE(p.class_id, '')
"""


def upgrade() -> None:
    op.create_table(
        "quality_sums",
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("class_id", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("fair_s", sa.BigInteger(), nullable=False),
        sa.Column("poor_s", sa.BigInteger(), nullable=False),
        sa.Column("frozen_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "class_id", name=op.f("pk_quality_sums")),
    )
    op.execute(_FILL)
    with op.batch_alter_table("lessons") as batch:
        batch.create_index(batch.f("ix_lessons_starts_ms"), ["starts_ms"])
        batch.create_index(batch.f("ix_lessons_started_ms"), ["started_ms"])
    _library()


def _library() -> None:
    path = sa.String(length=300).with_variant(sa.String(length=300, collation="C"), "postgresql")
    with op.batch_alter_table("library_items") as batch:
        batch.add_column(sa.Column("path", path, nullable=False, server_default="/"))
        batch.add_column(sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("gap_ms", sa.BigInteger(), nullable=False, server_default="0"))
        batch.create_index(batch.f("ix_library_items_path_state_bytes"), ["path", "state", "bytes"])
