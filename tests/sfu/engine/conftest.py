"""Memory that ends where the data ends, so that a parser that reads on is found out at once."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable

import pytest

PROT_NONE = 0


class GuardedPage:
    """One page before an inaccessible one: reading a byte past the data kills the test run with SIGSEGV."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, 2 * mmap.PAGESIZE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        libc = ctypes.CDLL(None, use_errno=True)
        guard = ctypes.c_void_p(start + mmap.PAGESIZE)
        if libc.mprotect(guard, ctypes.c_size_t(mmap.PAGESIZE), PROT_NONE) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")

    def place(self, data: bytes) -> memoryview:
        """At most one page; valid until the next call."""
        start = mmap.PAGESIZE - len(data)
        self._map[start : mmap.PAGESIZE] = data
        return memoryview(self._map)[start : mmap.PAGESIZE]


@pytest.fixture(scope="session")
def guarded() -> Callable[[bytes], memoryview]:
    return GuardedPage().place
