"""Courses, what they offer, enrolments, terms and quotas, the addresses of calendars, notices."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


_PATH = sa.String(length=300).with_variant(sa.String(length=300, collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _calendar_feeds()
    _course_places()
    _courses()
    _enrolments()
    _home_classes()
    _network_notices()
    _offers()
    _place_pairs()
    _quotas()
    _terms()


def _calendar_feeds() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_calendar_feeds")),
    )
    with op.batch_alter_table("calendar_feeds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_calendar_feeds_secret_hash"), ["secret_hash"], unique=True)


def _course_places() -> None:
    op.create_table(
        "course_places",
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("place_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("course_id", "place_id", name=op.f("pk_course_places")),
    )


def _courses() -> None:
    op.create_table(
        "courses",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("provider_name", sa.Text(), nullable=False),
        sa.Column("district_id", sa.String(length=64), nullable=False),
        sa.Column("city_id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("grade_from", sa.Integer(), nullable=False),
        sa.Column("grade_to", sa.Integer(), nullable=False),
        sa.Column("master_id", sa.String(length=64), nullable=False),
        sa.Column("master_name", sa.Text(), nullable=False),
        sa.Column("style", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("visibility", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courses")),
    )
    with op.batch_alter_table("courses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_courses_path_id"), ["path", "id"], unique=False)


def _enrolments() -> None:
    op.create_table(
        "enrolments",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("party_id", sa.String(length=64), nullable=False),
        sa.Column("class_id", sa.String(length=64), nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("tutor_id", sa.String(length=64), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("waits_for", sa.String(length=32), nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("attended", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_enrolments")),
    )
    with op.batch_alter_table("enrolments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enrolments_id"), ["id"], unique=True)
        batch_op.create_index(
            batch_op.f("ix_enrolments_lesson_id_state_number"), ["lesson_id", "state", "number"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_enrolments_party_id_starts_ms"), ["party_id", "starts_ms"], unique=False
        )
        batch_op.create_index(
            "ix_enrolments_standing",
            ["lesson_id", "party_id"],
            unique=True,
            sqlite_where=sa.text("ended_ms IS NULL"),
            postgresql_where=sa.text("ended_ms IS NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_enrolments_tutor_id_starts_ms"), ["tutor_id", "starts_ms"], unique=False
        )


def _home_classes() -> None:
    op.create_table(
        "home_classes",
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("class_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tutor_id", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", "class_id", name=op.f("pk_home_classes")),
    )
    with op.batch_alter_table("home_classes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_home_classes_tutor_id"), ["tutor_id"], unique=False)


def _network_notices() -> None:
    op.create_table(
        "network_notices",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("read_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_network_notices")),
    )
    with op.batch_alter_table("network_notices", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_network_notices_person_id_number"), ["person_id", "number"], unique=False
        )


def _offers() -> None:
    op.create_table(
        "offers",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("lesson_id", sa.String(length=64), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("master_id", sa.String(length=64), nullable=False),
        sa.Column("master_name", sa.Text(), nullable=False),
        sa.Column("delivery", sa.String(length=32), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("rooms", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("term_id", sa.String(length=64), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("planned", sa.BigInteger(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_offers")),
    )
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_offers_changed_ms_number"), ["changed_ms", "number"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_offers_course_id_starts_ms"), ["course_id", "starts_ms"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_offers_lesson_id"), ["lesson_id"], unique=True)
        batch_op.create_index(
            batch_op.f("ix_offers_master_id_starts_ms"), ["master_id", "starts_ms"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_offers_path_starts_ms"), ["path", "starts_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_offers_starts_ms"), ["starts_ms"], unique=False)


def _place_pairs() -> None:
    op.create_table(
        "place_pairs",
        sa.Column("place_id", sa.String(length=64), nullable=False),
        sa.Column("other_id", sa.String(length=64), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("place_id", "other_id", name=op.f("pk_place_pairs")),
    )


def _quotas() -> None:
    op.create_table(
        "quotas",
        sa.Column("term_id", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        sa.Column("booked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("term_id", "provider_id", name=op.f("pk_quotas")),
    )


def _terms() -> None:
    op.create_table(
        "terms",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("place_id", sa.String(length=64), nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("target_delivered", sa.Integer(), nullable=False),
        sa.Column("delivered_grade", sa.Integer(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms")),
    )
    with op.batch_alter_table("terms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_terms_path_from_ms"), ["path", "from_ms"], unique=False)
