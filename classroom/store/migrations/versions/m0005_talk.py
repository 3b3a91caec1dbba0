"""Chats of classes and private ones, deleted messages; announcements; quizzes with answers and tallies."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("chat") as batch:
        batch.add_column(sa.Column("scope", sa.String(32), server_default="lesson", nullable=False))
        batch.add_column(sa.Column("class_id", sa.String(64)))
        batch.add_column(sa.Column("tutor_id", sa.String(64)))
        batch.add_column(sa.Column("deleted_ms", sa.BigInteger()))
        batch.add_column(sa.Column("deleted_by", sa.String(64)))
    op.create_table(
        "announcements",
        sa.Column("lesson_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("class_id", sa.String(64)),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "id", name="pk_announcements"),
    )
    op.create_table(
        "quizzes",
        sa.Column("lesson_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("correct", sa.Text(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("closes_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "id", name="pk_quizzes"),
    )
    op.create_table(
        "quiz_answers",
        sa.Column("lesson_id", sa.String(64), nullable=False),
        sa.Column("quiz_id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("class_id", sa.String(64)),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "quiz_id", "person_id", name="pk_quiz_answers"),
    )
    op.create_table(
        "quiz_tallies",
        sa.Column("lesson_id", sa.String(64), nullable=False),
        sa.Column("quiz_id", sa.String(64), nullable=False),
        sa.Column("class_id", sa.String(64), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "quiz_id", "class_id", name="pk_quiz_tallies"),
    )
