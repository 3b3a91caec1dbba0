"""A dropped WebSocket loses nothing: not the place, not the media, not a message."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from signaling import keys
from signaling.config import Config


async def come_back(door: Any, welcome: dict[str, Any], last_seq: int, role: str = "tutor") -> Any:
    hello = {"resume": welcome["resume"], "last_seq": last_seq}
    return await door.enter(role, hello=hello)


async def detached(door: Any) -> None:
    """Until the server has noticed that a connection is gone."""
    async with asyncio.timeout(30):
        while all(session.connected for session in door.app[keys.SESSIONS]):
            await door.http.get(door.url("/healthz"))


async def test_missed_messages_follow_and_nothing_else_changed(door: Any) -> None:
    master = await door.join("master")
    tutor, welcome = await door.enter("tutor")
    await master.settled()
    seen = tutor.last_seq
    await tutor.socket.close()
    await detached(door)
    for number in range(3):
        await master.say("chat.send", text=f"{number}", id=f"m{number}")
    await master.settled()
    tutor, again = await come_back(door, welcome, seen)
    assert again["resumed"] is True
    assert again["session"] == welcome["session"]
    assert "people" not in again["lesson"]
    texts = [(await tutor.expect("chat")) for _ in range(3)]
    assert [message["message"]["text"] for message in texts] == ["0", "1", "2"]
    assert [message["seq"] for message in texts] == sorted(message["seq"] for message in texts)


async def test_others_see_no_leave(door: Any) -> None:
    master = await door.join("master")
    tutor, welcome = await door.enter("tutor")
    await master.expect("roster")
    await master.settled()
    await tutor.socket.close()
    await detached(door)
    await come_back(door, welcome, 0)
    assert await master.settled() == []


async def test_media_is_kept(door: Any) -> None:
    master, tutor, offer = await door.live()
    await tutor.answer(offer)
    await tutor.settled()
    receiving = door.sfu.transports[-1]
    sessions = door.app[keys.SESSIONS]
    resume = next(s.resume_token for s in sessions if s.claims.role == "tutor")
    await tutor.socket.close()
    await detached(door)
    await master.publish({"1": "camera"})
    await master.settled()
    assert receiving.kinds == ["video"]
    tutor, again = await come_back(door, {"resume": resume}, tutor.last_seq)
    assert again["resumed"] is True
    update = await tutor.expect("subscribe.offer")
    assert "fresh" not in update
    assert [stream["source"] for stream in update["streams"]] == ["camera"]
    assert receiving in door.sfu.open


async def test_lost_answer_is_asked_for_again(door: Any) -> None:
    _, tutor, offer = await door.live()
    resume = next(s.resume_token for s in door.app[keys.SESSIONS] if s.claims.role == "tutor")
    await tutor.socket.close()
    await detached(door)
    tutor, _ = await come_back(door, {"resume": resume}, tutor.last_seq)
    again = await tutor.expect("subscribe.offer")
    assert again["version"] == offer["version"] + 1
    await tutor.answer(again)
    await tutor.settled()
    assert door.sfu.transports[-1].kinds == ["audio", "video"]


async def test_half_dead_connection_is_taken_over(door: Any) -> None:
    tutor, welcome = await door.enter("tutor")
    back, again = await come_back(door, welcome, tutor.last_seq)
    assert again["resumed"] is True
    await tutor.closed()
    await back.settled()


@pytest.mark.parametrize("last_seq", [-1, 1000])
async def test_impossible_position_starts_afresh(door: Any, last_seq: int) -> None:
    tutor, welcome = await door.enter("tutor")
    await tutor.socket.close()
    await detached(door)
    _, again = await come_back(door, welcome, last_seq)
    assert "resumed" not in again
    assert again["session"] != welcome["session"]


async def test_resume_is_for_the_same_person(door: Any) -> None:
    tutor, welcome = await door.enter("tutor")
    hello = {"resume": welcome["resume"]}
    _, other = await door.enter("tutor", person="tutor-2", class_id="class-2", hello=hello)
    assert other["session"] != welcome["session"]
    await tutor.settled()


async def test_new_connection_without_resume_replaces_the_first(door: Any) -> None:
    first, second = await door.join("tutor"), await door.join("tutor")
    assert (await first.bye())["reason"] == "replaced"
    await first.closed()
    await second.settled()
    assert len(door.app[keys.SESSIONS]) == 1


class TestNotBackInTime:
    @pytest.fixture
    def config(self, config: Config) -> Config:
        return Config(data=config.data, resume_s=0.01)

    async def test_the_place_is_given_up(self, door: Any) -> None:
        master, tutor, _ = await door.live()
        await tutor.socket.close()
        while not any(p.get("id") == "tutor-1" and not p.get("online") for p in await roster(master)):
            pass
        assert len(door.app[keys.SESSIONS]) == 1


async def roster(participant: Any) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = (await participant.expect("roster")).get("people", [])
    return people
