"""The tables of the library: what is known about items, beside the files that hold the media.

`library_words` and `library_words_noted`, by which items are found, are not here: they are another thing in
each database, and made by their migrations (`library_search` tells them).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from classroom.store.network_tables import PATH
from classroom.store.tables import _ID, _KEY, metadata

_ITEM = String(80)

library_items = Table(
    "library_items",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", _ITEM, nullable=False),
    Column("lesson_id", _ID, nullable=False),
    Column("title", Text, nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("grade", Text, nullable=False, server_default=""),
    Column("provider", Text, nullable=False, server_default=""),
    Column("district", Text, nullable=False, server_default=""),
    Column("master", Text, nullable=False, server_default=""),
    Column("people", Text, nullable=False, server_default=""),
    Column("month", _KEY, nullable=False, server_default=""),
    Column("state", _KEY, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False, server_default="0"),
    Column("complete", Float, nullable=False, server_default="1"),
    Column("media", Text, nullable=False, server_default=""),
    Column("visibility", _KEY, nullable=False, server_default="lesson"),
    Column("downloads", Boolean, nullable=False, server_default="1"),
    Column("edited", Text, nullable=False, server_default=""),
    Column("indexed_seq", BigInteger, nullable=False, server_default="-1"),
    Column("hold_ms", BigInteger),
    Column("hold_by", _ID),
    Column("hold_reason", Text, nullable=False, server_default=""),
    Column("deleted_ms", BigInteger),
    Column("deleted_by", _ID),
    Column("delete_reason", Text, nullable=False, server_default=""),
    Column("deletion_told", Boolean, nullable=False, server_default="1"),
    Column("verdict", _KEY, nullable=False, server_default=""),
    Column("verdict_ms", BigInteger, nullable=False, server_default="0"),
    Column("path", PATH, nullable=False, server_default="/"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("gap_ms", BigInteger, nullable=False, server_default="0"),
    Index(None, "id", unique=True),
    Index(None, "lesson_id"),
    Index(None, "state"),
    Column("changed_ms", BigInteger, nullable=False, server_default="0"),
    Index(None, "indexed_seq"),
    Index(None, "deletion_told"),
    Index(None, "changed_ms", "number"),
    Index(None, "path", "state", "bytes"),
)
"""A row per item, made and kept by the server from what the files say, so that it can always be made again.
`media`: the item as JSON (`recorder.library.ItemView`). `people`: names of who taught, a line each; pupils'
names are in none of this. `edited`: `,COLUMN,COLUMN,` that an organizer has set, and the files do not change.
`changed_ms`: when anything did by which it is listed. `indexed_seq`: the lesson's event up to which the
item can be found by its words; -1: by none. `deletion_told`: false from its deletion until the event of it is
written, in one transaction with that. `path`: of the place that the lesson belongs to; `/`: of none, or of
several. `bytes`: of media. `gap_ms`: until when media was missing that should be there, Unix time; 0: none
was."""

library_places = Table(
    "library_places",
    metadata,
    Column("item_id", _ITEM, primary_key=True),
    Column("school", Text, primary_key=True),
    Index(None, "school"),
)
"""The schools of the classes that took part."""

library_grants = Table(
    "library_grants",
    metadata,
    Column("item_id", _ITEM, primary_key=True),
    Column("party", _KEY, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("allowed", Boolean, nullable=False),
    Column("by", _ID, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "party", "value"),
)
"""Who is let in or shut out by name."""

library_marks = Table(
    "library_marks",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("item_id", _ITEM, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("supervision", Boolean, nullable=False),
    Column("person_id", _ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", _KEY, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
    Index(None, "item_id", "at_ms"),
)
"""Marks on the item's clock. `supervision`: for supervisors and organizers only."""

library_watching = Table(
    "library_watching",
    metadata,
    Column("item_id", _ITEM, primary_key=True),
    Column("person_id", _ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", _KEY, nullable=False),
    Column("class_id", _ID),
    Column("lesson_id", _ID, nullable=False),
    Column("spans", Text, nullable=False),
    Column("watched_ms", BigInteger, nullable=False),
    Column("position_ms", BigInteger, nullable=False),
    Column("began_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index(None, "person_id", "updated_ms"),
    Index(None, "lesson_id"),
)
"""What a person has watched of an item: `spans` of its clock as JSON `[[from_ms, to_ms], ...]`, merged."""

library_views = Table(
    "library_views",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("item_id", _ITEM, nullable=False),
    Column("person_id", _ID, nullable=False),
    Column("role", _KEY, nullable=False),
    Column("kind", _KEY, nullable=False),
    Column("began_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("requests", Integer, nullable=False),
    Index(None, "item_id", "began_ms"),
)
"""Who fetched media of what, from when to when: a row per visit, not per request."""

library_clips = Table(
    "library_clips",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("item_id", _ITEM, nullable=False),
    Column("lesson_id", _ID, nullable=False),
    Column("provider", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("key_point", Text, nullable=False),
    Column("track", _KEY, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("exact", Boolean, nullable=False),
    Column("state", _KEY, nullable=False),
    Column("cut", _KEY, nullable=False),
    Column("cut_start_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("author_id", _ID, nullable=False),
    Column("author", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("reviewer_id", _ID),
    Column("remark", Text, nullable=False),
    Column("deleted_ms", BigInteger),
    Index(None, "state", "subject", "changed_ms"),
    Index(None, "author_id"),
    Index(None, "item_id"),
)
"""Micro-lessons. `state`: `classroom.library.clips.ClipState`; `cut`: how the file came out, `waiting` while
it is being made. `cut_start_ms`: where it begins in the item: a keyframe before `start_ms`, or just there."""

library_log = Table(
    "library_log",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("item_id", _ITEM, nullable=False),
    Column("clip_id", _ID),
    Column("person_id", _ID, nullable=False),
    Column("role", _KEY, nullable=False),
    Column("action", _KEY, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "item_id"),
    Index(None, "clip_id"),
)
"""Who did what with an item or a clip, when: only grows. `detail` is JSON."""

library_notices = Table(
    "library_notices",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kind", _KEY, nullable=False),
    Column("clip_id", _ID, nullable=False),
    Column("title", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("person_id", _ID),
    Column("remark", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "subject"),
    Index(None, "person_id"),
)
"""What is brought to the notice of a person; without one, of all teachers of the subject."""

library_notice_reads = Table(
    "library_notice_reads",
    metadata,
    Column("notice", Integer, primary_key=True, autoincrement=False),
    Column("person_id", _ID, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
)

library_retention = Table(
    "library_retention",
    metadata,
    Column("provider", _ID, primary_key=True),
    Column("kind", _KEY, primary_key=True),
    Column("days", Integer, nullable=False),
    Column("by", _ID, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""How long things of a kind are kept; provider `*`: of all that have no word of their own. 0 days: for
ever."""
