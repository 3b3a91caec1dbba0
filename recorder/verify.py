"""Is a recorded lesson complete, and is it what was recorded?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from recorder.storage import MediaStore

State = Literal["complete", "incomplete", "changed", "deleted"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is not as it should be, and where."""

    kind: str
    """A stable word; `cli.library.finding.KIND` in the catalogue says it in words."""
    file: str = ""
    """Name in the item's directory."""
    line: int | None = None
    """Of a ledger, index or seal, from 1."""
    fragment: int | None = None
    """Of the track, from 0."""
    at_s: float | None = None
    """Item clock."""
    duration_s: float | None = None
    detail: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found."""

    item: str
    state: State
    """changed: something is not what was recorded; incomplete: something is missing, and the ledger says so,
    or the recording has no end; deleted: on record, see `recorder/tombstone.py`."""
    findings: list[Finding]
    sealed: bool
    """Signed whole, after its end."""
    key: str
    """Public key (base64url) it is signed with; empty for an item of the older layout."""


def verify(store: MediaStore, item_id: str, keys: Sequence[str], *, media: bool = True) -> Verdict:
    """keys: public keys that are trusted. media=False looks at ledger, indexes and signatures alone, which
    takes milliseconds; else every byte is read.

    Raises UnknownItemError; OSError when the files cannot be read.
    """
    raise NotImplementedError
