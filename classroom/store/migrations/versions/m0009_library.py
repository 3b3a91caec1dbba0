"""What is known about the items of the library."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _clips()
    _grants()
    _items()
    _log()
    _marks()
    _notice_reads()
    _notices()
    _places()
    _retention()
    _views()
    _watching()
    _words()


def _clips() -> None:
    op.create_table(
        "library_clips",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key_point", sa.Text(), nullable=False),
        sa.Column("track", sa.String(length=32), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("cut", sa.String(length=32), nullable=False),
        sa.Column("cut_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.String(length=64), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.String(length=64), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_clips")),
    )
    with op.batch_alter_table("library_clips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_library_clips_author_id"), ["author_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_library_clips_item_id"), ["item_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_library_clips_state_subject_changed_ms"),
            ["state", "subject", "changed_ms"],
            unique=False,
        )


def _grants() -> None:
    op.create_table(
        "library_grants",
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("party", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "party", "value", name=op.f("pk_library_grants")),
    )
    with op.batch_alter_table("library_grants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_library_grants_party_value"), ["party", "value"], unique=False)


def _items() -> None:
    op.create_table(
        "library_items",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("grade", sa.Text(), server_default="", nullable=False),
        sa.Column("provider", sa.Text(), server_default="", nullable=False),
        sa.Column("district", sa.Text(), server_default="", nullable=False),
        sa.Column("master", sa.Text(), server_default="", nullable=False),
        sa.Column("people", sa.Text(), server_default="", nullable=False),
        sa.Column("month", sa.String(length=32), server_default="", nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("complete", sa.Float(), server_default="1", nullable=False),
        sa.Column("media", sa.Text(), server_default="", nullable=False),
        sa.Column("visibility", sa.String(length=32), server_default="lesson", nullable=False),
        sa.Column("downloads", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("edited", sa.Text(), server_default="", nullable=False),
        sa.Column("indexed_seq", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("hold_ms", sa.BigInteger(), nullable=True),
        sa.Column("hold_by", sa.String(length=64), nullable=True),
        sa.Column("hold_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.Column("deleted_by", sa.String(length=64), nullable=True),
        sa.Column("delete_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("verdict", sa.String(length=32), server_default="", nullable=False),
        sa.Column("verdict_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_library_items")),
    )
    with op.batch_alter_table("library_items", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_library_items_changed_ms_number"), ["changed_ms", "number"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_library_items_id"), ["id"], unique=True)
        batch_op.create_index(batch_op.f("ix_library_items_indexed_seq"), ["indexed_seq"], unique=False)
        batch_op.create_index(batch_op.f("ix_library_items_lesson_id"), ["lesson_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_library_items_state"), ["state"], unique=False)


def _log() -> None:
    op.create_table(
        "library_log",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("clip_id", sa.String(length=64), nullable=True),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_library_log")),
    )
    with op.batch_alter_table("library_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_library_log_clip_id"), ["clip_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_library_log_item_id"), ["item_id"], unique=False)


def _marks() -> None:
    op.create_table(
        "library_marks",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("supervision", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_marks")),
    )
    with op.batch_alter_table("library_marks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_library_marks_item_id_at_ms"), ["item_id", "at_ms"], unique=False
        )


def _notice_reads() -> None:
    op.create_table(
        "library_notice_reads",
        sa.Column("notice", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("notice", "person_id", name=op.f("pk_library_notice_reads")),
    )


def _notices() -> None:
    op.create_table(
        "library_notices",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("clip_id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_library_notices")),
    )
    with op.batch_alter_table("library_notices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_library_notices_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_library_notices_subject"), ["subject"], unique=False)


def _places() -> None:
    op.create_table(
        "library_places",
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("school", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "school", name=op.f("pk_library_places")),
    )
    with op.batch_alter_table("library_places", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_library_places_school"), ["school"], unique=False)


def _retention() -> None:
    op.create_table(
        "library_retention",
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "kind", name=op.f("pk_library_retention")),
    )


def _views() -> None:
    op.create_table(
        "library_views",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("began_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_views")),
    )
    with op.batch_alter_table("library_views", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_library_views_item_id_began_ms"), ["item_id", "began_ms"], unique=False
        )


def _watching() -> None:
    op.create_table(
        "library_watching",
        sa.Column("item_id", sa.String(length=80), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("class_id", sa.String(length=64), nullable=True),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("spans", sa.Text(), nullable=False),
        sa.Column("watched_ms", sa.BigInteger(), nullable=False),
        sa.Column("position_ms", sa.BigInteger(), nullable=False),
        sa.Column("began_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "person_id", name=op.f("pk_library_watching")),
    )
    with op.batch_alter_table("library_watching", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_library_watching_lesson_id"), ["lesson_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_library_watching_person_id_updated_ms"), ["person_id", "updated_ms"], unique=False
        )


def _words() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE library_words (number integer PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_library_words ON library_words USING gin (words) WITH (fastupdate = off)")
    else:
        # The words are made by us (classroom.library.words): all that is not ASCII belongs to them.
        op.execute(
            "CREATE VIRTUAL TABLE library_words USING fts5(words, tokenize = 'ascii', detail = 'none', "
            "columnsize = 0)"
        )
