"""What everybody else receives is the same, byte for byte, with and without a supervisor."""

from __future__ import annotations

import re
from typing import Any

import pytest

from classroom import core

VARYING = re.compile(
    # Drawn at random, or the time of day, or counted over all connections of the server.
    r"'(id|at_ms|since_ms|started_ms|server_ms|session|resume)': [^,}]+"
    r"|[0-9a-f]{16}|ufrag\d+|\b1\d{3}\b"
)


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rosters go out when there is news: not some time later, here before something and there behind it."""
    for interval in ("ROSTER_INTERVAL_S", "ELSEWHERE_INTERVAL_S"):
        monkeypatch.setattr(core, interval, 0.0)


async def lesson(door: Any, *, supervised: bool) -> list[str]:
    """A short lesson: everything that master and tutor heard, in order."""
    supervisor = await door.join("supervisor") if supervised else None
    master, welcome = await door.enter("master")
    tutor, welcome_of_tutor = await door.enter("tutor")
    heard = [welcome, welcome_of_tutor, *await master.settled(), *await tutor.settled()]
    assert any("tutor-1" in str(message) for message in heard if message["type"] == "roster")
    heard.append(await master.publish())
    await master.say("lesson.start")
    offer = await tutor.expect("subscribe.offer")
    if supervisor is not None:
        watched = await supervisor.expect("subscribe.offer")
        assert len(watched["streams"]) == 2
        await supervisor.answer(watched)
        await supervisor.settled()
    await tutor.answer(offer)
    await tutor.say("hand.raise")
    heard += [offer, await master.expect("hands")]
    await master.say("chat.send", text="good", id="1")
    heard += [await tutor.expect("chat"), await master.expect("chat")]
    if supervisor is not None:
        await supervisor.say("leave")
        await supervisor.closed()
    heard += [*await master.settled(), *await tutor.settled()]
    return [VARYING.sub("", str(message)) for message in heard]


async def test_nobody_hears_of_a_supervisor(door: Any, other_door: Any) -> None:
    assert await lesson(door, supervised=True) == await lesson(other_door, supervised=False)


async def test_seq_and_roster_are_what_they_are_without_one(door: Any) -> None:
    master, tutor = await door.join("master"), await door.join("tutor")
    await master.settled()
    await tutor.settled()
    before = master.last_seq, tutor.last_seq
    supervisor, seen = await door.enter("supervisor")
    assert {person["id"] for person in seen["lesson"]["people"]} == {"master-1", "tutor-1"}
    await supervisor.say("leave")
    await supervisor.closed()
    await master.settled()
    await tutor.settled()
    assert (master.last_seq, tutor.last_seq) == before
