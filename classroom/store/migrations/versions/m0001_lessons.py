"""Lessons, classes, people, presence, observations, events, chat, hands."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String(64)
_KEY = sa.String(32)


def upgrade() -> None:
    _lessons()
    _attendance()
    _supervision()
    _proceedings()
    op.create_table(
        "server",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("alive_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_server"),
    )


def _lessons() -> None:
    op.create_table(
        "lessons",
        sa.Column("id", _ID, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", _KEY, nullable=False),
        sa.Column("phase", _KEY, nullable=False),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lessons"),
    )
    op.create_table(
        "classes",
        sa.Column("lesson_id", _ID, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tutor_id", _ID),
        sa.Column("school", sa.Text(), nullable=False),
        sa.Column("at_home", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["lessons.id"], name="fk_classes_lesson_id"),
        sa.PrimaryKeyConstraint("lesson_id", "id", name="pk_classes"),
    )


def _attendance() -> None:
    op.create_table(
        "people",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
    )
    op.create_table(
        "presence",
        sa.Column("lesson_id", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("role", _KEY, nullable=False),
        sa.Column("class_id", _ID),
        sa.Column("joined_ms", sa.BigInteger(), nullable=False),
        sa.Column("left_ms", sa.BigInteger()),
        sa.Column("cause", _KEY),
        sa.PrimaryKeyConstraint("lesson_id", "seq", name="pk_presence"),
    )
    still_in = sa.text("left_ms IS NULL")
    op.create_index(
        "ix_presence_open", "presence", ["lesson_id"], sqlite_where=still_in, postgresql_where=still_in
    )
    op.create_index("ix_presence_person", "presence", ["person_id"])


def _supervision() -> None:
    op.create_table(
        "observations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("lesson_id", _ID, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("cause", _KEY),
        sa.PrimaryKeyConstraint("id", name="pk_observations"),
    )
    op.create_index("ix_observations_lesson_id_started_ms", "observations", ["lesson_id", "started_ms"])
    op.create_table(
        "refused_entries",
        sa.Column("id", _ID, nullable=False),
        sa.Column("lesson_id", _ID, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("role", _KEY, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", _KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_refused_entries"),
    )
    op.create_index("ix_refused_entries_lesson_id_at_ms", "refused_entries", ["lesson_id", "at_ms"])


def _proceedings() -> None:
    op.create_table(
        "events",
        sa.Column("lesson_id", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", _KEY, nullable=False),
        sa.Column("person_id", _ID),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "seq", name="pk_events"),
    )
    op.create_table(
        "chat",
        sa.Column("lesson_id", _ID, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", _KEY, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("client_id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "id", name="pk_chat"),
    )
    op.create_index("ix_chat_lesson_id_seq", "chat", ["lesson_id", "seq"])
    op.create_table(
        "hands",
        sa.Column("lesson_id", _ID, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("class_id", _ID),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("lowered_ms", sa.BigInteger()),
        sa.Column("lowered_by", _ID),
        sa.PrimaryKeyConstraint("lesson_id", "id", name="pk_hands"),
    )
