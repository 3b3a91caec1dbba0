"""One MP4 of an item, written to a file; the same bytes that are served over HTTP (recorder.remux)."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from recorder.boxes import BadBoxError
from recorder.library import Library
from recorder.live import OpenItem
from recorder.playlist import NothingRecordedError
from recorder.remux import Mp4


class ExportError(Exception):
    """The item cannot be exported; the message says why and what to do."""


class NothingToExportError(ExportError):
    """No picture and no sound was recorded."""


def export(library: Library, item_id: str, target: Path) -> None:
    """Writes the file whole or not at all; of an item that is still live, what was recorded by now. Raises
    UnknownItemError, ExportError."""
    item = OpenItem(library.storage, library.header(item_id))
    item.load()
    item.conclude()
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        file = layout(library, item)
        with unfinished.open("wb") as out:
            for data in file.read(0, file.size):
                out.write(data)
        unfinished.replace(target)
    except NothingRecordedError:
        raise NothingToExportError(f"nothing was recorded of {item_id}") from None
    except (OSError, BadBoxError) as error:
        raise ExportError(f"{item_id} cannot be written to {target}: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def layout(library: Library, item: OpenItem, until_us: int | None = None) -> Mp4:
    """Of an item's segments; until_us: only those that end by then. Raises NothingRecordedError, OSError,
    BadBoxError."""
    return Mp4(item.tracks, partial(library.media.read_range, item.header.id), until_us)
