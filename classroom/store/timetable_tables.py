"""The tables of what is done with the timetable, and of substitutes.

Times are Unix times in ms. A `path` is that of `classroom.network.model.Path`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from classroom.store.catalogue_tables import _NUMBER
from classroom.store.network_tables import PATH
from classroom.store.tables import _ID, _KEY, metadata

timetable_operations = Table(
    "timetable_operations",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("id", _ID, nullable=False),
    Column("kind", _KEY, nullable=False),
    Column("path", PATH, nullable=False),
    Column("place_id", _ID, nullable=False),
    Column("course_id", _ID, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lessons", Integer, nullable=False),
    Column("classes", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("asked", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", _ID, nullable=False),
    Column("undone_ms", BigInteger),
    Column("undone_by", _ID),
    Index(None, "id", unique=True),
    Index(None, "path", "number"),
)
"""What was done with many lessons, or one, in one action (`classroom.network.timetable_operations`); never
deleted. `path`: of the place that it was done in. `asked`: a digest of what was asked for, so that the same
request sent again is known. `people`: who was told."""

operation_lessons = Table(
    "operation_lessons",
    metadata,
    Column("operation_id", _ID, primary_key=True),
    Column("lesson_id", _ID, primary_key=True),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Index(None, "lesson_id"),
)
"""The lessons of an operation: what each was before, and what it has become; JSON of a `Slot`."""

substitutions = Table(
    "substitutions",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("id", _ID, nullable=False),
    Column("lesson_id", _ID, nullable=False),
    Column("class_id", _ID, nullable=False),
    Column("path", PATH, nullable=False),
    Column("instead_of", _ID, nullable=False),
    Column("person_id", _ID, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", _KEY, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", _ID, nullable=False),
    Column("decided_ms", BigInteger),
    Column("decided_by", _ID),
    Column("operation_id", _ID, nullable=False),
    Index(None, "id", unique=True),
    Index(None, "path", "number"),
    Index(None, "state", "number"),
)
"""Who is to teach instead of whom (`classroom.network.substitutes`). `class_id`: empty: the master; `path`:
of the class's school, or of the provider. `operation_id`: what it became; empty: nothing yet."""

_declared = substitutions.c.state == "declared"
Index(
    "ix_substitutions_declared",
    substitutions.c.lesson_id,
    substitutions.c.class_id,
    unique=True,
    sqlite_where=_declared,
    postgresql_where=_declared,
)
"""One at a time waits to be decided."""
