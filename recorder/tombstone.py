"""The deletion of an item, on record: what stays is a signed statement that it was deleted, by whom and why.

The statement is written before anything goes, so a deletion that a crash cut short is gone on with, and what
is missing is never taken for manipulation. It holds the hash of the item's last signature: it is this item,
as it was, that was deleted.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import msgspec

from recorder import chain
from recorder.chain import Signer
from recorder.item import CHECKPOINTS, TOMBSTONE, tombstone_path
from recorder.lines import NOT_JSON
from recorder.signing import is_signed
from recorder.storage import MediaFiles, Storage

CONTEXT = b"tongke tombstone 1\n"


class Tombstone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    item: str
    lesson: str
    at_ms: int
    """Unix time of the deletion."""
    by: str
    """Id of the person, or `retention`."""
    reason: str
    seal: str
    """Hash of the last line of its checkpoints; empty for an item of the first layout."""
    key: str
    signature: str = ""


DERIVED = (".pictures", ".composed")
"""Folders of an item with what was made from its media: small pictures, the composed film."""


def bury(disk: Storage, files: MediaFiles, stone: Tombstone, signer: Signer) -> None:
    """Deletes the item's files, on the disk and in the archive. Again: goes on where it stopped.

    stone: `seal`, `key` and `signature` are filled in here. Raises OSError; ArchiveAwayError when the archive
    cannot be asked, and then it is to be called again.
    """
    if read_tombstone(disk.read(tombstone_path(stone.item)) if _exists(disk, stone.item) else b"") is None:
        disk.replace(tombstone_path(stone.item), _signed(disk, stone, signer))
    for name in files.names(stone.item):
        if name != TOMBSTONE:
            if files.archive is not None:
                files.archive.delete(f"{stone.item}/{name}")
            disk.remove(f"{stone.item}/{name}")
    for made in DERIVED:
        shutil.rmtree(disk.root / stone.item / made, ignore_errors=True)


def read_tombstone(data: bytes) -> Tombstone | None:
    """None when it is none."""
    try:
        return msgspec.json.decode(data, type=Tombstone)
    except NOT_JSON:
        return None


def is_genuine(stone: Tombstone, item: str, keys: Sequence[str]) -> bool:
    """Whether a trusted key says that this item was deleted."""
    return stone.item == item and stone.key in keys and is_signed(stone.key, _body(stone), stone.signature)


def _signed(disk: Storage, stone: Tombstone, signer: Signer) -> bytes:
    try:
        checkpoints = disk.read(f"{stone.item}/{CHECKPOINTS}")
    except FileNotFoundError:
        checkpoints = b""
    seal = chain.end_of(checkpoints, "").hash
    stone = msgspec.structs.replace(stone, seal=seal, key=signer.public, signature="")
    return msgspec.json.encode(msgspec.structs.replace(stone, signature=signer.sign(_body(stone))))


def _body(stone: Tombstone) -> bytes:
    return CONTEXT + msgspec.json.encode(msgspec.structs.replace(stone, signature=""))


def _exists(disk: Storage, item: str) -> bool:
    return disk.size(tombstone_path(item)) > 0
