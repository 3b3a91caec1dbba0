"""Supervision, ratings and check-in; credentials that ended are found by when."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _check_ins()
    _checked_in()
    _ratings()
    _review_problems()
    _reviews()
    _credentials()


def _check_ins() -> None:
    op.create_table(
        "check_ins",
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("radius_m", sa.Integer(), nullable=False),
        sa.Column("opens_ms", sa.BigInteger(), nullable=False),
        sa.Column("late_ms", sa.BigInteger(), nullable=False),
        sa.Column("closes_ms", sa.BigInteger(), nullable=False),
        sa.Column("picture", sa.Boolean(), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", name=op.f("pk_check_ins")),
    )


def _checked_in() -> None:
    op.create_table(
        "checked_in",
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("class_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("distance_m", sa.Integer(), nullable=True),
        sa.Column("accuracy_m", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.String(length=64), nullable=False),
        sa.Column("picture_id", sa.String(length=64), nullable=False),
        sa.Column("picture_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("face", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "person_id", name=op.f("pk_checked_in")),
    )
    with op.batch_alter_table("checked_in", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_checked_in_picture_until_ms"), ["picture_until_ms"], unique=False
        )


def _ratings() -> None:
    op.create_table(
        "ratings",
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("rater", sa.String(length=32), nullable=False),
        sa.Column("rater_id", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("stars", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "rater", "rater_id", name=op.f("pk_ratings")),
    )
    with op.batch_alter_table("ratings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ratings_path_at_ms"), ["path", "at_ms"], unique=False)


def _review_problems() -> None:
    op.create_table(
        "review_problems",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("review_id", sa.String(length=64), nullable=False),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("item_ms", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("closing", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_problems")),
    )
    with op.batch_alter_table("review_problems", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_problems_path_state"), ["path", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_problems_review_id"), ["review_id"], unique=False)


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("supervisor_id", sa.String(length=64), nullable=False),
        sa.Column("credential_id", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("scores", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_reviews_lesson_id_supervisor_id"), ["lesson_id", "supervisor_id"], unique=True
        )
        batch_op.create_index(batch_op.f("ix_reviews_path_at_ms"), ["path", "at_ms"], unique=False)


def _credentials() -> None:
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_disabled_ms"), ["disabled_ms"], unique=False)

    with op.batch_alter_table("appointments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appointments_revoked_ms"), ["revoked_ms"], unique=False)
