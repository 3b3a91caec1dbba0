"""The files of the library: the recorder's disk, the archive they move to, and one way to read both.

Every access of the recorder to the disk goes through `Storage`. Paths are relative to the library's
directory. Files only grow: a write names its offset, so writing it again after a failure changes nothing, and
no reader ever sees bytes change that were there before.

What is finished moves to an `Archive` (another directory, or a bucket that speaks S3), when there is one.
There a file is whole or not there at all, and never changes. Its path is the same as on the disk.

Who reads media takes `MediaFiles`: an item plays the same wherever its files are by now.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec
import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

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
        os.fdatasync(self._open(path))

    def replace(self, path: str, data: bytes) -> None:
        """Writes a small file whole, so that a reader or a crash meets the old one or the new one. Raises
        OSError."""
        target = self.root / path
        self._make_directory(target.parent)
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

    def remove(self, path: str) -> None:
        """For good when it returns; also when it is not there. Raises OSError."""
        self.close(path)
        target = self.root / path
        target.unlink(missing_ok=True)
        self._sync_directory(target.parent)

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
            self._make_directory(target.parent)
            file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._make_room()
            self._sync_directory(target.parent)
        self._files[path] = file
        return file

    def _make_directory(self, directory: Path) -> None:
        if not directory.is_dir():
            directory.mkdir(parents=True, exist_ok=True)
            self._sync_directory(directory.parent)

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


def _sync_whole(path: Path, root: Path) -> None:
    """The file's bytes and its names, from the root on, are on the disk when this returns. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    for directory in path.parents:
        Storage._sync_directory(directory)
        if directory == root:
            return


CHUNK_BYTES = 256 * 1024
"""What a reader holds of a file at a time."""
PUT_CHUNK_BYTES = 8 * 1024 * 1024
"""Of a multipart upload; S3 takes 10,000 of them, so files of up to 80 GB."""
PUT_CONCURRENCY = 2
"""Parts on their way at once: 16 MiB of memory."""
KNOWN_SIZES = 4096
"""Sizes of archived files kept in memory: the parts of some hundred items."""


class ArchiveAwayError(OSError):
    """The archive does not answer, or refuses; what is asked of it can be asked again later."""


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where finished files move to."""

    url: str = ""
    """A directory, or `s3://BUCKET/PREFIX`; empty: they stay where they were recorded."""
    endpoint: str = ""
    """Of an S3-compatible server, `https://s3.school.example`; empty: Amazon's."""
    region: str = ""
    key_id: str = ""
    """With `secret`; both empty: what the environment says (AWS_ACCESS_KEY_ID, an instance's role)."""
    secret: str = ""


class Archive:
    """Files that do not change any more, in a directory or a bucket. Calls wait for the disk or the network.

    Raises FileNotFoundError for what is not there, else ArchiveAwayError.
    """

    def __init__(self, settings: ArchiveSettings) -> None:
        """Nothing is asked of it yet. Raises ValueError when the settings mean nothing."""
        self.url = settings.url
        self.directory = None if settings.url.startswith("s3://") else Path(settings.url).absolute()
        self._store: Any = _bucket(settings) if self.directory is None else None

    def put(self, path: str, source: Path) -> None:
        """Returns when the whole file is there to stay."""
        with self._answering(path):
            obstore.put(
                self._opened(), path, source, chunk_size=PUT_CHUNK_BYTES, max_concurrency=PUT_CONCURRENCY
            )
        if self.directory is not None:
            with self._answering(path):
                _sync_whole(self.directory / path, self.directory)

    def put_bytes(self, path: str, data: bytes) -> None:
        with self._answering(path):
            obstore.put(self._opened(), path, data)
        if self.directory is not None:
            with self._answering(path):
                _sync_whole(self.directory / path, self.directory)

    def size(self, path: str) -> int:
        with self._answering(path):
            return int(obstore.head(self._opened(), path)["size"])

    def open_range(self, path: str, start: int, length: int) -> Iterator[bytes]:
        """What there is of data[start:start+length], in pieces. `start` lies within the file."""
        if length <= 0:
            return
        with self._answering(path):
            options: Any = {"range": (start, start + length)}
            for piece in obstore.get(self._opened(), path, options=options).stream(CHUNK_BYTES):
                yield bytes(piece)

    def delete(self, path: str) -> None:
        """Also when it is not there."""
        with contextlib.suppress(FileNotFoundError), self._answering(path):
            obstore.delete(self._opened(), path)

    def names(self, directory: str) -> list[str]:
        """Names in a directory, sorted."""
        with self._answering(directory):
            found = obstore.list_with_delimiter(self._opened(), f"{directory}/")["objects"]
            return sorted(str(each["path"]).rpartition("/")[2] for each in found)

    def _opened(self) -> Any:
        """A directory may come and go (an unmounted disk): it is made and opened when it is needed."""
        if self._store is None:
            assert self.directory is not None
            self.directory.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(self.directory, mkdir=True)
        return self._store

    @contextlib.contextmanager
    def _answering(self, path: str) -> Iterator[None]:
        try:
            yield
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(path) from error
        except (BaseError, OSError) as error:
            # obstore's own words go on over many lines, the request's text included.
            reason = str(error).partition("\n")[0][:200]
            raise ArchiveAwayError(f"{path}: {reason}") from error


def _bucket(settings: ArchiveSettings) -> Any:
    bucket, _, prefix = settings.url.removeprefix("s3://").partition("/")
    if not bucket:
        raise ValueError(f"{settings.url} names no bucket")
    options: dict[str, Any] = {"region": settings.region or "us-east-1"}
    if settings.endpoint:
        options["endpoint"] = settings.endpoint
    if settings.key_id:
        options |= {"access_key_id": settings.key_id, "secret_access_key": settings.secret}
    # A player waits for it: better a refusal soon than an answer after minutes. The mover asks again.
    client: Any = {"timeout": "60s", "connect_timeout": "5s"}
    client["allow_http"] = settings.endpoint.startswith("http://")
    retry: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=15)}
    return S3Store(
        bucket, prefix=prefix.strip("/") or None, client_options=client, retry_config=retry, **options
    )


class MediaStore(Protocol):
    """How playlists, bytes and exports read an item's files."""

    def local_path(self, item: str, name: str) -> Path | None:
        """Where it is on this machine's disk (for sendfile); None when it is not, or not any more."""

    def exists(self, item: str, name: str) -> bool: ...

    def names(self, item: str) -> list[str]:
        """Of all files of the item, wherever they are, sorted. Raises ArchiveAwayError."""

    def size(self, item: str, name: str) -> int:
        """Bytes, by now. Raises FileNotFoundError, ArchiveAwayError."""

    def open_range(self, item: str, name: str, start: int, length: int) -> Iterator[bytes]:
        """What there is of data[start:start+length], in pieces of at most CHUNK_BYTES or so. The first
        piece raises FileNotFoundError, ArchiveAwayError or another OSError."""

    def read_range(self, item: str, name: str, start: int = 0, length: int | None = None) -> bytes:
        """The same in one piece; to the end without a length."""


class MediaFiles:
    """The disk first, then the archive. Calls wait for disk and network: not for the event loop."""

    def __init__(self, disk: Storage, archive: Archive | None = None) -> None:
        self._disk = disk
        self.archive = archive
        self._sizes: dict[str, int] = {}
        """Of archived files, which do not change."""

    def local_path(self, item: str, name: str) -> Path | None:
        path = self._disk.root / item / name
        return path if path.is_file() else None

    def exists(self, item: str, name: str) -> bool:
        try:
            self.size(item, name)
        except FileNotFoundError:
            return False
        return True

    def names(self, item: str) -> list[str]:
        found = set(self._disk.names(item))
        if self.archive is not None:
            found |= set(self.archive.names(item))
        return sorted(found)

    def size(self, item: str, name: str) -> int:
        path = f"{item}/{name}"
        try:
            return (self._disk.root / path).stat().st_size
        except FileNotFoundError:
            if self.archive is None:
                raise
        if path not in self._sizes:
            if len(self._sizes) >= KNOWN_SIZES:
                self._sizes.pop(next(iter(self._sizes)))
            self._sizes[path] = self.archive.size(path)
        return self._sizes[path]

    def open_range(self, item: str, name: str, start: int, length: int) -> Iterator[bytes]:
        path = f"{item}/{name}"
        try:
            file = (self._disk.root / path).open("rb")
        except FileNotFoundError:
            if self.archive is None:
                raise
            if start < self.size(item, name):
                yield from self.archive.open_range(path, start, length)
            return
        with file:
            file.seek(start)
            while length > 0 and (piece := file.read(min(length, CHUNK_BYTES))):
                length -= len(piece)
                yield piece

    def read_range(self, item: str, name: str, start: int = 0, length: int | None = None) -> bytes:
        if length is None:
            length = self.size(item, name) - start
        return b"".join(self.open_range(item, name, start, length))
