"""The files of the library. Every access of the recorder to the disk goes through here.

Paths are relative to the library's directory. Files only grow: a write names its offset, so writing it again
after a failure changes nothing, and no reader ever sees bytes change that were there before.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

OPEN_FILES = 256
"""File descriptors kept open for appending: two per track, of a whole school's lessons at once."""


class Storage:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._files: dict[str, int] = {}

    def write(self, path: str, offset: int, data: bytes) -> None:
        """Raises OSError; what was written of it then lies beyond the file's valid end and is written
        over later."""
        file = self._open(path)
        view = memoryview(data)
        while view:
            written = os.pwrite(file, view, offset)
            view, offset = view[written:], offset + written

    def sync(self, path: str) -> None:
        """Returns when all that was written to the file is on the disk. Raises OSError."""
        file = self._files.get(path)
        if file is not None:
            os.fdatasync(file)

    def replace(self, path: str, data: bytes) -> None:
        """Writes a small file whole, so that a reader or a crash meets the old one or the new one. Raises
        OSError."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
        self._sync_directory(target.parent)

    def truncate(self, path: str, size: int) -> None:
        """Cuts a torn end off. Raises OSError."""
        os.truncate(self.root / path, size)

    def close(self, path: str) -> None:
        file = self._files.pop(path, None)
        if file is not None:
            os.close(file)

    def close_all(self) -> None:
        for path in list(self._files):
            self.close(path)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """What there is of data[offset:offset+length]. Raises FileNotFoundError and other OSError."""
        with (self.root / path).open("rb") as file:
            file.seek(offset)
            return file.read(-1 if length is None else length)

    def size(self, path: str) -> int:
        """Bytes; 0 when there is no such file."""
        try:
            return (self.root / path).stat().st_size
        except FileNotFoundError:
            return 0

    def names(self, directory: str = "") -> list[str]:
        """Names in a directory, sorted; without those that begin with a dot. Empty when there is none."""
        try:
            return sorted(entry.name for entry in (self.root / directory).iterdir() if entry.name[0] != ".")
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _open(self, path: str) -> int:
        file = self._files.pop(path, None)
        if file is None:
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._make_room()
            self._sync_directory(target.parent)
        self._files[path] = file
        return file

    def _make_room(self) -> None:
        """Closes the file used longest ago."""
        while len(self._files) >= OPEN_FILES:
            os.close(self._files.pop(next(iter(self._files))))

    @staticmethod
    def _sync_directory(directory: Path) -> None:
        with contextlib.suppress(OSError):  # some file systems cannot; the file itself is synced all the same
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
