"""Work that nobody waits for is neither lost nor silent."""

from __future__ import annotations

import asyncio

import pytest

from classroom.store.outbox import StoreUnavailable
from signaling.background import Background, Rounds


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


async def test_rounds_go_on_after_what_failed_and_end_between_two(caplog: pytest.LogCaptureFixture) -> None:
    faults: list[Exception | None] = [StoreUnavailable("away"), ValueError("odd"), None]
    done = asyncio.Event()

    async def look() -> None:
        if not faults:
            done.set()
        elif (fault := faults.pop(0)) is not None:
            raise fault

    rounds = Rounds("sweeps", look, 0.0, at_once=False)
    rounds.start()
    async with asyncio.timeout(30):
        await done.wait()
    await rounds.close()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["x sweeps: away; looked at again later", "x sweeps: a mistake of ours"]


async def test_rounds_that_never_began_end() -> None:
    await Rounds("sweeps", asyncio.Event().wait, 1.0).close()
