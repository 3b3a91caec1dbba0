"""What can be wrong with a recorded item, and where."""

from __future__ import annotations

from typing import Literal

import msgspec

Changed = Literal[
    "header_changed",
    "foreign_key",
    "bad_signature",
    "not_signed",
    "line_changed",
    "lines_missing",
    "lines_added",
    "lines_rewritten",
    "fragment_changed",
    "fragment_cut_short",
    "segment_missing",
    "segment_added",
    "bytes_added",
]
"""It is not what was recorded."""
Missing = Literal["gap", "no_end", "no_seal", "not_provable"]
"""What was recorded is as it was, but it is not all that there should be; or nobody can tell."""
Kind = Changed | Missing | Literal["deleted", "left_over"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`cli.library.finding.KIND` in the catalogue says it in words."""

    kind: Kind
    file: str = ""
    """Name in the item's directory."""
    line: int | None = None
    """Of a ledger, index or file of checkpoints, from 1."""
    fragment: int | None = None
    """Of the track, from 1."""
    at_s: float | None = None
    """Item clock."""
    duration_s: float | None = None
    detail: str = ""
    """Of a gap, its cause."""
