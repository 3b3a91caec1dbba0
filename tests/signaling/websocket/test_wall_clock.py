"""A wall clock that is set while people are in: what pages count the lesson's time from goes on."""

from __future__ import annotations

import time
from typing import Any

import pytest


@pytest.mark.parametrize("moved_s", [-3600, 3600])
async def test_pages_are_told_the_lessons_time(
    door: Any, monkeypatch: pytest.MonkeyPatch, moved_s: int
) -> None:
    master = await door.join("master")
    await master.say("lesson.start")
    await master.expect("lesson")
    real, token = time.time_ns, door.token("tutor", class_id="class-1")
    before_ms = real() // 1_000_000
    monkeypatch.setattr("classroom.clock.time.time_ns", lambda: real() + moved_s * 1_000_000_000)
    tutor = await door.socket()
    await tutor.say("hello", token=token)
    welcome = await tutor.expect("welcome")
    assert before_ms <= welcome["server_ms"] <= real() // 1_000_000 + 1
    assert 0 <= welcome["server_ms"] - welcome["lesson"]["started_ms"] <= 600_000
    await tutor.say("ping", id=1)
    assert (await tutor.expect("pong"))["server_ms"] >= welcome["server_ms"]
