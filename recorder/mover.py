"""Finished media moves from the recorder's disk to the archive.

What is finished: every part of an item that has ended, and of a lesson that goes on each part behind which
another has been begun and signed for. A part is copied, the copy is read back and compared, and only then is
the file on the disk deleted; before the last one of an item goes, its small files (ledger, indexes,
signatures) are copied as well, and stay on the disk too. Nothing is remembered between two steps but what the
two directories show, so whatever kills this process, the next one goes on where it stopped: a copy that is
there is compared, not made again.

The lesson knows nothing of all this. While the archive is away files stay where they are.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
from collections.abc import Iterable, Iterator

from recorder import chain, index, ledger
from recorder.item import (
    CHECKPOINTS,
    HEADER,
    LEDGER,
    checkpoints_path,
    header_path,
    index_name,
    index_path,
    summary_path,
    tombstone_path,
)
from recorder.storage import CHUNK_BYTES, Archive, ArchiveAwayError, Storage

logger = logging.getLogger(__name__)

PAUSE_S = 10.0
"""Between two looks at the library."""
MAX_PAUSE_S = 300.0
"""The same while the archive is away, reached by doubling."""
CLOSE_S = 3.0
"""For the file on its way when the server stops; what is not done by then is done after the next start."""
_PART = re.compile(r"(t[0-9]{1,4})\.([0-9]{1,6})\.mp4")


class Mover:
    """Moves what is finished; a thread of its own when it is started."""

    def __init__(self, disk: Storage, archive: Archive) -> None:
        self._disk = disk
        self._archive = archive
        self._done: set[str] = set()
        """Items of which nothing is left to move."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.away = ""
        """Why nothing moves at the moment; empty when it does."""
        self.waiting_bytes = 0
        """Finished, and still on the disk."""
        self.counters = dict.fromkeys(("moved", "copied", "failed", "differed", "bytes"), 0)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="mover", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Waits for at most CLOSE_S."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def step(self) -> bool:
        """Moves all that is finished. False when something stood in the way: try again later."""
        waiting = [
            (item, name) for item in self._disk.names() if item not in self._done for name in self._of(item)
        ]
        self.waiting_bytes = sum(self._disk.size(f"{item}/{name}") for item, name in waiting)
        failed = ""
        for item, name in waiting:
            if self._stopping.is_set():
                break
            try:
                self._move(item, name)
            except OSError as error:
                self.counters["failed"] += 1
                failed = str(error)
                if isinstance(error, ArchiveAwayError):
                    break
        self._tell(failed)
        return not failed

    def _run(self) -> None:
        pause_s = PAUSE_S
        while not self._stopping.is_set():
            try:
                moved = self.step()
            except OSError as error:  # the disk; its own trouble is told by those who write to it
                logger.error("x the library cannot be looked through: %s", error)
                moved = False
            pause_s = PAUSE_S if moved else min(2 * pause_s, MAX_PAUSE_S)
            self._stopping.wait(pause_s)

    def _tell(self, failed: str) -> None:
        if failed and not self.away:
            logger.error("x finished recordings stay on the disk: %s", failed)
        elif self.away and not failed:
            logger.info("- the archive takes files again")
        self.away = failed

    # --- what is finished -----------------------------------------------------------------------------------

    def _of(self, item: str) -> list[str]:
        """Names of the item's part files that can move."""
        names = self._disk.names(item)
        parts = [match for name in names if (match := _PART.fullmatch(name))]
        if not self._disk.size(header_path(item)) or self._disk.size(tombstone_path(item)):
            return []
        if self._disk.size(summary_path(item)):  # written last
            if not parts:
                self._done.add(item)
            return [match[0] for match in parts]
        if len(parts) < 2:
            return []
        latest = self._latest_signed(item)
        return [match[0] for match in parts if int(match[2]) < latest.get(match[1], 0)]

    def _latest_signed(self, item: str) -> dict[str, int]:
        """Track -> its latest part that a checkpoint covers."""
        found: dict[str, int] = {}
        for name, head in chain.heads_of(self._disk.read(checkpoints_path(item))).items():
            track = name.removesuffix(".jsonl")
            if name == LEDGER:
                continue
            lines, _ = index.decode(self._disk.read(index_path(item, track), 0, head.size))
            found[track] = max((line.part for line in lines), default=0)
        return found

    # --- moving ---------------------------------------------------------------------------------------------

    def _move(self, item: str, name: str) -> None:
        path = f"{item}/{name}"
        ours = _digest(self._pieces(path))
        if not self._is_there(path, ours):
            self._archive.put(path, self._disk.root / path)
            self.counters["copied"] += 1
            if not self._is_there(path, ours):
                self.counters["differed"] += 1
                raise ArchiveAwayError(f"{path}: what was read back is not what was written")
        if self._disk.size(summary_path(item)):
            self._copy_small_files(item)
        size = self._disk.size(path)
        self._disk.remove(path)
        self.counters["moved"] += 1
        self.counters["bytes"] += size
        self.waiting_bytes -= size

    def _is_there(self, path: str, digest: str) -> bool:
        try:
            size = self._archive.size(path)
            if size != self._disk.size(path):
                return False
            return _digest(self._archive.open_range(path, 0, size)) == digest
        except FileNotFoundError:
            return False

    def _copy_small_files(self, item: str) -> None:
        entries, _ = ledger.decode(self._disk.read(f"{item}/{LEDGER}"))
        tracks = [index_name(entry.track) for entry in entries if isinstance(entry, ledger.TrackAdded)]
        for name in (HEADER, LEDGER, CHECKPOINTS, *tracks):
            path = f"{item}/{name}"
            if self._disk.size(path) and not self._is_there(path, _digest(self._pieces(path))):
                self._archive.put_bytes(path, self._disk.read(path))

    def _pieces(self, path: str) -> Iterator[bytes]:
        with (self._disk.root / path).open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece
                time.sleep(0)  # a thread that hashes gigabytes gives way to the event loop


def _digest(pieces: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return chain.encode(found.digest())
