"""The tables of courses, what they offer, who enrolled, and terms with their quotas.

Times are Unix times in ms. A `path` is that of `classroom.network.model.Path`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, text

from classroom.store.network_tables import PATH
from classroom.store.tables import _ID, _KEY, metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""Given by the database, rising."""

courses = Table(
    "courses",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("provider_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("provider_name", Text, nullable=False),
    Column("district_id", _ID, nullable=False),
    Column("city_id", _ID, nullable=False),
    Column("title", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("kind", _KEY, nullable=False),
    Column("grade_from", Integer, nullable=False),
    Column("grade_to", Integer, nullable=False),
    Column("master_id", _ID, nullable=False),
    Column("master_name", Text, nullable=False),
    Column("style", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("summary", Text, nullable=False),
    Column("visibility", _KEY, nullable=False),
    Column("state", _KEY, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", _ID, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index(None, "path", "id"),
)
"""`path`: the provider's. `district_id`, `city_id`: where it lies, or empty. `topic`: what lessons of several
courses have in common that can be taken in place of each other."""

course_places = Table(
    "course_places",
    metadata,
    Column("course_id", _ID, primary_key=True),
    Column("place_id", _ID, primary_key=True),
)
"""Who may see a course that is shown to named places: a school, or all within a district or city."""

place_pairs = Table(
    "place_pairs",
    metadata,
    Column("place_id", _ID, primary_key=True),
    Column("other_id", _ID, primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", _ID, nullable=False),
)
"""Paired schools (手拉手), in both directions: two rows a pair."""

offers = Table(
    "offers",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("lesson_id", _ID, nullable=False),
    Column("course_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("title", Text, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("master_id", _ID, nullable=False),
    Column("master_name", Text, nullable=False),
    Column("delivery", _KEY, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("rooms", Integer, nullable=False),
    Column("state", _KEY, nullable=False),
    Column("term_id", _ID, nullable=False),
    Column("wanted", BigInteger, nullable=False),
    Column("planned", BigInteger, nullable=False),
    Column("settled_ms", BigInteger),
    Column("attended", Integer),
    Column("changed_ms", BigInteger, nullable=False),
    Column("room", Text, nullable=False, server_default=""),
    Index(None, "lesson_id", unique=True),
    Index(None, "course_id", "starts_ms"),
    Index(None, "path", "starts_ms"),
    Index(None, "master_id", "starts_ms"),
    Index(None, "changed_ms", "number"),
    Index(None, "starts_ms"),
)
"""A course's lessons in the catalogue, beside the rows of `lessons`. `capacity`, `taken`, `waiting`: in
persons; `rooms`: classes that are enrolled. `wanted` is raised by whatever changes the lesson's plan,
`planned` is what it was when the lesson was last planned by it. `attended`: persons who came, once the lesson
was settled. `room`: where it is given, in words."""


def _some_offers(name: str, column: Column[int], condition: str) -> None:
    """An index of the few rows that are looked for by themselves again and again."""
    Index(name, column, sqlite_where=text(condition), postgresql_where=text(condition))


UNSETTLED: Final = "settled_ms IS NULL"
UNSETTLED_CANCELLED: Final = "settled_ms IS NULL AND state = 'cancelled'"
WITH_WAITING: Final = "waiting > 0"
_some_offers("ix_offers_unsettled", offers.c.starts_ms, UNSETTLED)
_some_offers("ix_offers_unsettled_cancelled", offers.c.changed_ms, UNSETTLED_CANCELLED)
_some_offers("ix_offers_with_waiting", offers.c.starts_ms, WITH_WAITING)

home_classes = Table(
    "home_classes",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("class_id", _ID, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("tutor_id", _ID, nullable=False),
    Column("size", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    Index(None, "tutor_id"),
)
"""Where those who enrol alone are put, in their order: each with its online tutor."""

enrolments = Table(
    "enrolments",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("id", _ID, nullable=False),
    Column("lesson_id", _ID, nullable=False),
    Column("kind", _KEY, nullable=False),
    Column("party_id", _ID, nullable=False),
    Column("class_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("tutor_id", _ID, nullable=False),
    Column("places", Integer, nullable=False),
    Column("state", _KEY, nullable=False),
    Column("waits_for", _KEY, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", _ID, nullable=False),
    Column("ended_ms", BigInteger),
    Column("ended_by", _ID),
    Column("online", Boolean, nullable=False),
    Column("attended", Integer),
    Index(None, "id", unique=True),
    Index(None, "party_id", "starts_ms"),
    Index(None, "tutor_id", "starts_ms"),
    Index(None, "lesson_id", "state", "number"),
)
"""Who has, had or waits for places in a lesson; never deleted. `party_id`: the class or the person; `path`:
the school's. `starts_ms`, `ends_ms`: the lesson's. `online`: a room class that takes part from home.
`attended`: how many came, once the lesson was settled."""

Index(
    "ix_enrolments_standing",
    enrolments.c.lesson_id,
    enrolments.c.party_id,
    unique=True,
    sqlite_where=enrolments.c.ended_ms.is_(None),
    postgresql_where=enrolments.c.ended_ms.is_(None),
)
"""Nobody has places in a lesson twice."""

attendances = Table(
    "attendances",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("party_id", _ID, primary_key=True),
    Column("kind", _KEY, nullable=False),
    Column("class_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("came", _KEY, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("persons", Integer, nullable=False),
    Index(None, "party_id", "starts_ms"),
)
"""Who came to a lesson that was settled, and who was absent: classes that were enrolled, and of people those
who enrolled alone or of whom something is known. `class_id`: at school; `path`: the school's."""

terms = Table(
    "terms",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("place_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("name", Text, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("quota", Integer, nullable=False),
    Column("target", Integer, nullable=False),
    Column("target_delivered", Integer, nullable=False),
    Column("delivered_grade", Integer, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Index(None, "path", "from_ms"),
)
"""Of a city or district. `quota`: person-times of each provider that has none of its own. `target`:
activities of a student; `target_delivered` of them delivered to school, for the grade `delivered_grade`."""

quotas = Table(
    "quotas",
    metadata,
    Column("term_id", _ID, primary_key=True),
    Column("provider_id", _ID, primary_key=True),
    Column("allowed", Integer, nullable=False),
    Column("booked", Integer, nullable=False),
)
"""Person-times of a provider in a term: how many it may give, and how many are booked now."""

calendar_feeds = Table(
    "calendar_feeds",
    metadata,
    Column("person_id", _ID, primary_key=True),
    Column("secret_hash", _ID, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Index(None, "secret_hash", unique=True),
)
"""The secret address of a person's timetable; of the secret only its SHA-256, in hex."""

network_notices = Table(
    "network_notices",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("person_id", _ID, nullable=False),
    Column("kind", _KEY, nullable=False),
    Column("lesson_id", _ID, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("read_ms", BigInteger),
    Column("batch", _ID, nullable=False, server_default=""),
    Index(None, "person_id", "number"),
)
"""What somebody is told of lessons that they are in or wait for. `body`: JSON, by kind. `batch`: what it was
written with: the id of a timetable operation, or a name of its own; a letter tells all of a batch."""

_in_batch = network_notices.c.batch != ""
Index(
    "ix_network_notices_once",
    network_notices.c.batch,
    network_notices.c.kind,
    network_notices.c.person_id,
    network_notices.c.lesson_id,
    unique=True,
    sqlite_where=_in_batch,
    postgresql_where=_in_batch,
)
"""Nobody is told the same twice, in however many ways it concerns them."""
