"""The tables of letters that wait to be sent by e-mail, and of how somebody wants to be told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from classroom.store.catalogue_tables import _NUMBER
from classroom.store.tables import _ID, _KEY, metadata

notice_settings = Table(
    "notice_settings",
    metadata,
    Column("person_id", _ID, primary_key=True),
    Column("language", _KEY, nullable=False),
    Column("unwanted", Text, nullable=False),
)
"""`unwanted`: topics of which no e-mail is to come, with commas between."""

mail_outbox = Table(
    "mail_outbox",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("person_id", _ID, nullable=False),
    Column("batch", _ID, nullable=False),
    Column("kind", _KEY, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index("ix_mail_outbox_once", "batch", "kind", "person_id", unique=True),
    Index(None, "due_ms"),
)
"""A letter to somebody, of the notices of a batch and kind (`network_notices`): one a person, written in the
transaction that writes the notices, gone once it was sent. Times are Unix times in ms."""
