"""Work that nobody waits for is neither lost nor silent."""

from __future__ import annotations

import asyncio

import pytest

from signaling.background import Background


async def test_finished_before_the_end() -> None:
    background, done = Background(), asyncio.Event()

    async def work() -> None:
        done.set()

    background.start(work(), "work")
    assert len(background) == 1
    await background.finish(10)
    assert done.is_set()
    assert len(background) == 0
    await background.finish(10)


async def test_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise RuntimeError("broken")

    background = Background()
    background.start(work(), "careless")
    await background.finish(10)
    assert "careless" in caplog.text
    assert "broken" in caplog.text


async def test_what_takes_too_long_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()
    background.start(asyncio.Event().wait(), "endless")
    await background.finish(0)
    assert "endless" in caplog.text
    await background.finish(10)
    assert len(background) == 0
