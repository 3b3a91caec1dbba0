"""The tables of supervision, ratings and check-in.

Times are Unix times in ms. `path`: of the place that gives the lesson (`classroom.network.model.Path`), as it
was then; `/` where nobody knows it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, text

from classroom.store.network_tables import PATH
from classroom.store.tables import _ID, _KEY, metadata

_ITEM = String(80)

reviews = Table(
    "reviews",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("lesson_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("supervisor_id", _ID, nullable=False),
    Column("credential_id", _ID, nullable=False),
    Column("item_id", _ITEM, nullable=False),
    Column("scores", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger),
    Column("seen_by", _ID),
    Index(None, "lesson_id", "supervisor_id", unique=True),
    Index(None, "path", "at_ms"),
)
"""督查评价: one of each supervisor for each lesson; never changed, but for who of the provider saw it first.
`scores`: JSON."""

_unanswered = text("state = 'open' AND told_ms IS NULL")

review_problems = Table(
    "review_problems",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("review_id", _ID, nullable=False),
    Column("lesson_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", _KEY, nullable=False),
    Column("text", Text, nullable=False),
    Column("item_id", _ITEM, nullable=False),
    Column("item_ms", BigInteger),
    Column("state", _KEY, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", _ID, nullable=False),
    Column("answer", Text, nullable=False),
    Column("closing", Text, nullable=False),
    Column("told_ms", BigInteger),
    Index(None, "review_id"),
    Index(None, "path", "state"),
    Index(
        "ix_review_problems_unanswered", "changed_ms", sqlite_where=_unanswered, postgresql_where=_unanswered
    ),
)
"""What is to be mended. `item_ms`: where the recording shows it. `answer`: of the provider; `closing`: why
it was closed, or opened again. Each move is in `audit` as well. `told_ms`: when it was said that nobody had
answered within the week; NULL since each move."""

ratings = Table(
    "ratings",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("rater", _KEY, primary_key=True),
    Column("rater_id", _ID, primary_key=True),
    Column("path", PATH, nullable=False),
    Column("stars", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by_id", _ID, nullable=False),
    Index(None, "path", "at_ms"),
)
"""Of students and schools; written by nobody but who rates. `stars`: JSON."""

check_ins = Table(
    "check_ins",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("class_id", _ID, primary_key=True, server_default=""),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("radius_m", Integer, nullable=False),
    Column("opens_ms", BigInteger, nullable=False),
    Column("late_ms", BigInteger, nullable=False),
    Column("closes_ms", BigInteger, nullable=False),
    Column("picture", Boolean, nullable=False),
    Column("opened_by", _ID, nullable=False),
    Index(None, "class_id", "opens_ms"),
)
"""What was opened, for a class, or (empty) for all of the lesson that have none of their own."""

checked_in = Table(
    "checked_in",
    metadata,
    Column("lesson_id", _ID, primary_key=True),
    Column("person_id", _ID, primary_key=True),
    Column("class_id", _ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("result", _KEY, nullable=False),
    Column("way", _KEY, nullable=False),
    Column("distance_m", Integer),
    Column("accuracy_m", Integer),
    Column("by_id", _ID, nullable=False),
    Column("picture_id", _ID, nullable=False),
    Column("picture_until_ms", BigInteger),
    Column("face", _KEY, nullable=False),
    Index(None, "picture_until_ms"),
)
"""Who checked in. Of the position only how far from the place it was. `picture_until_ms`: when the evidence
is deleted; NULL: there is none (any more)."""
