"""The tables. The migrations make them; a test compares the two.

Times are Unix times in ms, as UTC. Ids of people, classes and lessons come from outside and are opaque.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

_ID = String(64)
_KEY = String(32)

LIVE: Final = "state = 'live'"
"""The condition of a partial index: to be said word by word where it is to be used."""

lessons = Table(
    "lessons",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("title", Text, nullable=False),
    Column("state", _KEY, nullable=False),
    Column("phase", _KEY, nullable=False),
    Column("recorded", Boolean, nullable=False),
    Column("starts_ms", BigInteger, nullable=False, server_default="0"),
    Column("ends_ms", BigInteger, nullable=False, server_default="0"),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=False),
    Column("shared", Text, nullable=False, server_default="{}"),
    Column("master_id", _ID),
    Index(None, "starts_ms"),
    Index(None, "started_ms"),
    Index("ix_lessons_live", "started_ms", "id", sqlite_where=text(LIVE), postgresql_where=text(LIVE)),
)
"""`shared`: what else everybody in the lesson shares, as JSON (`classroom.shared`)."""

classes = Table(
    "classes",
    metadata,
    Column("lesson_id", _ID, ForeignKey("lessons.id"), primary_key=True),
    Column("id", _ID, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("tutor_id", _ID),
    Column("school", Text, nullable=False),
    Column("at_home", Boolean, nullable=False),
    Column("pupils", Integer, nullable=False, server_default="0"),
    Index(None, "id"),
)
"""A class of the same id and school is the same class in all its lessons: its room's device finds them by
it."""

registers = Table(
    "registers",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("class_id", _ID, primary_key=True),
    Column("seat", _KEY, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
)
"""Who sits where in a class, for its roll call. Without rows a class has as many seats as pupils."""

devices = Table(
    "devices",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("school", Text, nullable=False),
    Column("class_id", _ID, nullable=False),
    Column("secret_hash", _ID, nullable=False),
    Column("paired_ms", BigInteger, nullable=False),
    Column("paired_by", _ID, nullable=False),
    Column("lesson_id", _ID, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("revoked_by", _ID),
)
"""Room devices that were paired, by whom and in which lesson, and who took that back: never deleted. Of the
credential only its SHA-256, in hex."""

people = Table(
    "people",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)

presence = Table(
    "presence",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", _ID, nullable=False),
    Column("role", _KEY, nullable=False),
    Column("class_id", _ID),
    Column("joined_ms", BigInteger, nullable=False),
    Column("left_ms", BigInteger),
    Column("cause", _KEY),
)
"""From coming in to going out; `seq` is that of the event of coming in. Supervisors are never in here."""

observations = Table(
    "observations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("lesson_id", _ID, nullable=False),
    Column("person_id", _ID, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("cause", _KEY),
    Index(None, "lesson_id", "started_ms"),
    Index("ix_observations_person_id", "person_id", "started_ms"),
)
"""Who supervised what, from when to when: apart from all that a lesson's people may ever be shown."""

refused_entries = Table(
    "refused_entries",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("lesson_id", _ID, nullable=False),
    Column("person_id", _ID, nullable=False),
    Column("role", _KEY, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", _KEY, nullable=False),
    Index(None, "lesson_id", "at_ms"),
)

events = Table(
    "events",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("elapsed_ms", BigInteger, nullable=False, server_default="0"),
    Column("kind", _KEY, nullable=False),
    Column("person_id", _ID),
    Column("body", Text, nullable=False),
)
"""One ordered stream per lesson, from 1. A hole in the numbers is what was lost because the database was away
too long. `body` is JSON, by kind."""

chat = Table(
    "chat",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("id", _ID, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("person_id", _ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", _KEY, nullable=False),
    Column("text", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("client_id", _ID, nullable=False),
    Column("scope", _KEY, nullable=False, server_default="lesson"),
    Column("class_id", _ID),
    Column("tutor_id", _ID),
    Column("deleted_ms", BigInteger),
    Column("deleted_by", _ID),
    Index(None, "lesson_id", "seq"),
)
"""What a moderator has deleted is shown to nobody any more, and stays for those who ask why it was."""

announcements = Table(
    "announcements",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("id", _ID, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("class_id", _ID),
    Column("person_id", _ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", _KEY, nullable=False),
    Column("text", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""The latest of a class (or of all, NULL) is the one that counts; an empty one took it down."""

quizzes = Table(
    "quizzes",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("id", _ID, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("kind", _KEY, nullable=False),
    Column("question", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("correct", Text, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("closes_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger, nullable=False),
    Column("shown", Boolean, nullable=False),
)
"""`options` and `correct` are JSON lists."""

quiz_answers = Table(
    "quiz_answers",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("quiz_id", _ID, primary_key=True),
    Column("person_id", _ID, primary_key=True),
    Column("class_id", _ID),
    Column("choices", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

quiz_tallies = Table(
    "quiz_tallies",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("quiz_id", _ID, primary_key=True),
    Column("class_id", _ID, primary_key=True),
    Column("counts", Text, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("person_id", _ID, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

hands = Table(
    "hands",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("id", _ID, primary_key=True),
    Column("person_id", _ID, nullable=False),
    Column("class_id", _ID),
    Column("seat", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("lowered_ms", BigInteger),
    Column("lowered_by", _ID),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("lesson_id", _ID),
    Column("kinds", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("failing_since_ms", BigInteger),
    Column("suspended_ms", BigInteger),
    Column("error", Text, nullable=False),
)
"""Who is told of events. Without a lesson: of all lessons'. `kinds`: `,KIND,KIND,`, or empty for all.
`attempts` in vain since the last that came through; the next one is due at `due_ms`."""

webhook_outbox = Table(
    "webhook_outbox",
    metadata,
    Column("webhook_id", _ID, ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
    Column("lesson_id", _ID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
)
"""Events that a webhook is still to be told of: written with the event, deleted once they were taken."""

quality = Table(
    "quality",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("person_id", _ID, primary_key=True),
    Column("started_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("seconds", Integer, nullable=False),
    Column("fair_s", Integer, nullable=False),
    Column("poor_s", Integer, nullable=False),
    Column("frozen_s", Integer, nullable=False),
    Column("reason", _KEY, nullable=False),
    Column("up_kbps", Integer, nullable=False),
    Column("down_kbps", Integer, nullable=False),
    Column("lost_up", Float, nullable=False),
    Column("lost_down", Float, nullable=False),
    Column("round_trip_ms", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""How well each person was reached: a row per minute, each second of it in `body` (classroom.quality).
Without SQLite's row numbers: the key is the order in which it is read, and is stored once."""

quality_sums = Table(
    "quality_sums",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("class_id", _ID, primary_key=True),
    Column("seconds", BigInteger, nullable=False),
    Column("fair_s", BigInteger, nullable=False),
    Column("poor_s", BigInteger, nullable=False),
    Column("frozen_s", BigInteger, nullable=False),
)
"""What `quality` sums up to for the people of each class in a lesson (empty: of those who are in none),
written with its rows: so that a day of a thousand schools is asked for without reading millions of them."""

quality_latest = Table(
    "quality_latest",
    metadata,
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("lesson_id", _ID, primary_key=True),
    Column("people", Text, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""The last minute of everybody, a row per lesson and second: what a crash would otherwise cost. `people`
are ids, one in a line; `packed` has a second of each. Forgotten once all of it is in `quality`."""

lesson_sums = Table(
    "lesson_sums",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("body", Text, nullable=False),
)
"""What a lesson that is long over came to, for the day that it was on (`classroom.store.lesson_sums`): JSON,
written once."""

server = Table(
    "server",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("alive_ms", BigInteger, nullable=False),
    Column("boot", String(64), nullable=False, server_default=""),
    Column("uptime_ms", BigInteger, nullable=False, server_default="0"),
)
"""One row, id 1: when this server last wrote, and the machine's uptime then (`classroom.clock.Reading`). What
a crash left open was open at least until then, and a lesson's time goes on from there."""

_still_in = presence.c.left_ms.is_(None)
Index("ix_presence_open", presence.c.lesson_id, sqlite_where=_still_in, postgresql_where=_still_in)
Index("ix_presence_person", presence.c.person_id)
