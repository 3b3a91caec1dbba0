"""What is not as it was is named."""

from __future__ import annotations

import os

import pytest

from load_tests.census import Census
from load_tests.process import NoSuchProcess


class Metrics:
    """A door that only shows numbers."""

    async def metrics(self) -> str:
        gauges = ("tongke_transports 3", "tongke_sessions 1")
        return "".join(f"# TYPE {each.split()[0]} gauge\n{each}\n" for each in gauges)


async def test_differences_are_said_in_words() -> None:
    door = Metrics()
    before = await Census.take(door, os.getpid())  # type: ignore[arg-type]
    assert before.differs(before) == []
    assert before.gauges["transports"] == 3
    assert before.rss_octets
    descriptor = os.eventfd(0)
    after = await Census.take(door, os.getpid())  # type: ignore[arg-type]
    os.close(descriptor)
    assert before.differs(after) == [f"open files {before.descriptors} -> {(before.descriptors or 0) + 1}"]
    elsewhere = await Census.take(door, None)  # type: ignore[arg-type]
    assert elsewhere.descriptors is None
    with pytest.raises(NoSuchProcess):
        await Census.take(door, 1 << 30)  # type: ignore[arg-type]
