"""Kept examples: a folder for each target, a file for each input."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path("tests/fuzz/corpus")
"""From the root of the project."""


def examples(target: str, folder: Path = FOLDER) -> list[bytes]:
    """In the order of their names. Raises FileNotFoundError when there are none."""
    paths = sorted(path for path in (folder / target).glob("*") if path.is_file())
    if not paths:
        raise FileNotFoundError(f"no examples for {target} in {folder}")
    return [path.read_bytes() for path in paths]


def keep(target: str, data: bytes, folder: Path = FOLDER) -> Path:
    """Puts an input that broke something among the examples."""
    path = folder / target / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def split(data: bytes) -> list[bytes]:
    """A sequence of packets in one example: each behind its length in 16 bits, as in RFC 4571; a torn end
    counts."""
    packets = []
    while len(data) >= 2:
        length = int.from_bytes(data[:2], "big")
        packets.append(data[2 : 2 + length])
        data = data[2 + length :]
    return packets


def join(packets: list[bytes]) -> bytes:
    return b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets)
