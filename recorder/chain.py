"""Hash chains over the lines of an item's files, and the signatures under them.

Each line of `ledger.jsonl`, `TRACK.jsonl` and `checkpoints.jsonl` ends with the SHA-256 of the line before
it (`prev`); the first one's is made of `item.json` and the file's name, so that nothing can be moved from one
item or track to another. The lines of an index carry the SHA-256 of the bytes they stand for. So whoever
knows the last line of each file knows every byte of the item.

That knowledge is signed: a checkpoint says how many lines each file has and what the last one's hash is,
under an Ed25519 signature (RFC 8032) of the server. One is made every few seconds, and it is written only
when all that it speaks of is on the disk: what a power cut takes away was never signed for. The last one,
made when the item ends, is its seal.

An index is a function of the media alone. When it is lost, it is made again from the part files, and the old
signatures then hold for the new one.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

import msgspec

from recorder.lines import NOT_JSON

CONTEXT = b"tongke checkpoint 1\n"
"""In front of what is signed: the key's signatures mean nothing anywhere else."""


class Signer(Protocol):
    @property
    def public(self) -> str: ...
    def sign(self, data: bytes) -> str: ...


class _Linked(msgspec.Struct):
    prev: str = ""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """How far a chained file goes."""

    lines: int
    size: int
    """Bytes."""
    hash: str
    """Of the last line."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of `checkpoints.jsonl`."""

    item: str
    at_us: int
    """Item clock."""
    files: dict[str, Head]
    """File name -> its head, of files that grew since the checkpoint before; of all in a seal, and in the
    first one of a process."""
    sealed: bool = False
    """The item is over, and this is all of it."""
    prev: str = ""
    signature: str = ""


_encoder = msgspec.json.Encoder()
_checkpoints: msgspec.json.Decoder[Checkpoint] = msgspec.json.Decoder(Checkpoint)


_linked: msgspec.json.Decoder[_Linked] = msgspec.json.Decoder(_Linked)


def digest(data: bytes) -> str:
    """SHA-256, base64url without padding."""
    return encode(hashlib.sha256(data).digest())


def encode(data: bytes) -> str:
    """base64url (RFC 4648, 5) without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def genesis(header: bytes, file: str) -> str:
    """What the first line of a file names as the one before. header: the bytes of `item.json`."""
    return digest(hashlib.sha256(header).digest() + file.encode())


@dataclass(slots=True)
class Chain:
    """Where a chained file ends."""

    hash: str
    """Of the last line; of an empty file, its genesis."""
    lines: int = 0
    size: int = 0

    def link(self, body: bytes) -> bytes:
        """The next line, of a JSON object with at least one member."""
        return self._append(b'%s,"prev":"%s"}' % (body[:-1], self.hash.encode()))

    def sign(self, checkpoint: Checkpoint, signer: Signer) -> bytes:
        """The next line of `checkpoints.jsonl`. `prev` and `signature` of the argument are not looked at."""
        bare = msgspec.structs.replace(checkpoint, prev="", signature="")
        body = b'%s,"prev":"%s"}' % (_encoder.encode(bare)[:-1], self.hash.encode())
        signature = signer.sign(CONTEXT + body)
        return self._append(b'%s,"signature":"%s"}' % (body[:-1], signature.encode()))

    @property
    def head(self) -> Head:
        return Head(self.lines, self.size, self.hash)

    def _append(self, line: bytes) -> bytes:
        self.hash = digest(line)
        self.lines += 1
        self.size += len(line) + 1
        return line + b"\n"


def end_of(data: bytes, first: str) -> Chain:
    """The chain of a file whose lines are whole. first: its genesis."""
    chain = Chain(first, data.count(b"\n"), len(data))
    if data:
        chain.hash = digest(data[data.rfind(b"\n", 0, len(data) - 1) + 1 : -1])
    return chain


def read_checkpoint(line: bytes) -> Checkpoint | None:
    """None when it is not one."""
    try:
        return _checkpoints.decode(line)
    except NOT_JSON:
        return None


def is_sealed(checkpoints: bytes) -> bool:
    """Whether the last line of the file claims to be the seal; nothing is verified here."""
    last = read_checkpoint(checkpoints[checkpoints.rfind(b"\n", 0, len(checkpoints) - 1) + 1 : -1])
    return last is not None and last.sealed


def previous(line: bytes) -> str:
    """What a line says of the one before; "" when it says nothing."""
    try:
        return _linked.decode(line).prev
    except NOT_JSON:
        return ""


def signed_part(line: bytes) -> bytes:
    """What the signature in a checkpoint's line is made of."""
    return CONTEXT + line[: line.rfind(b',"signature":"')] + b"}"


def heads_of(checkpoints: bytes) -> dict[str, Head]:
    """What the checkpoints of a file say together; nothing is verified here."""
    heads: dict[str, Head] = {}
    for line in checkpoints.split(b"\n"):
        found = read_checkpoint(line)
        if found is not None:
            heads |= found.files
    return heads
