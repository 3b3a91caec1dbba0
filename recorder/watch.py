"""Notices writes in directories (Linux inotify), so that whoever waits for a file to grow need not look at
it.

One descriptor for all directories, read by the event loop. Where the file system tells nothing (network file
systems tell only of their own machine's writes), the callers' slow look round still finds what is new.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import struct
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

IN_MODIFY, IN_MOVED_TO, IN_CREATE = 0x02, 0x80, 0x100
_EVENT = struct.Struct("iIII")
"""watch, mask, cookie, length of the name behind it (inotify(7))."""
_READ_BYTES = 65_536
_libc = ctypes.CDLL(None, use_errno=True)


class DirectoryWatch:
    """Belongs to the running event loop."""

    def __init__(self) -> None:
        """Without inotify nothing is ever told."""
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._descriptor = int(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        if self._descriptor < 0:
            logger.warning("x no inotify: %s", os.strerror(ctypes.get_errno()))
            return
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def add(self, directory: Path, changed: Callable[[], None]) -> int:
        """`changed` is called, in the loop, soon after files there were written. Returns a handle."""
        mask = IN_MODIFY | IN_MOVED_TO | IN_CREATE
        handle = int(_libc.inotify_add_watch(self._descriptor, os.fsencode(directory), mask))
        if handle >= 0:
            self._callbacks[handle] = changed
        return handle

    def remove(self, handle: int) -> None:
        if self._callbacks.pop(handle, None) is not None:
            _libc.inotify_rm_watch(self._descriptor, handle)

    def close(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
        self._callbacks.clear()

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        offset, told = 0, set()
        while offset < len(data):
            handle, _, _, length = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size + length
            told.add(handle)
        for handle in told:
            if (changed := self._callbacks.get(handle)) is not None:
                changed()
