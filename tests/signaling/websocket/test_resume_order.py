"""Connections that come back in the wrong order, too late, twice, or while the server goes: nothing is said
twice, nothing is lost, the newest connection has the place, and the older one is told why."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from classroom.directory import MemoryDirectory
from classroom.lesson import LessonRoom
from classroom.model import LessonId
from signaling import keys
from signaling.config import Config

TIMEOUT_S = 30.0
"""A safety net."""


async def detached(door: Any) -> None:
    """Until the server has noticed that a connection is gone."""
    async with asyncio.timeout(TIMEOUT_S):
        while all(session.connected for session in door.app[keys.SESSIONS]):
            await door.http.get(door.url("/healthz"))


async def lost(door: Any, participant: Any) -> None:
    await participant.socket.close()
    await detached(door)


async def hello(door: Any, role: str = "tutor", **fields: Any) -> Any:
    """A socket that has said hello, and heard nothing yet."""
    participant = await door.socket()
    claims = {"class_id": "class-1"} if role in {"tutor", "student"} else {}
    await participant.say("hello", token=door.token(role, **claims), **fields)
    return participant


async def turned_away(participant: Any) -> tuple[str, dict[str, Any]]:
    """The kind of the refusal and the bye."""
    refusal = await participant.refusal()
    bye = await participant.bye()
    await participant.closed()
    return refusal["kind"], bye


async def all_but_one_replaced(pages: list[Any]) -> None:
    """Which of them the server reads last is not ours to say."""
    waiting = {asyncio.create_task(page.bye()) for page in pages}
    async with asyncio.timeout(TIMEOUT_S):
        while len(waiting) > 1:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert {task.result()["reason"] for task in done} == {"replaced"}
    waiting.pop().cancel()


async def chats(participant: Any) -> list[str]:
    return [m["message"]["text"] for m in await participant.settled() if m["type"] == "chat"]


# --- which connection is the newest ---------------------------------------------------------------------


async def test_twice_at_once_the_later_has_the_session_and_the_other_hears_why(door: Any) -> None:
    tutor, welcome = await door.enter("tutor")
    await lost(door, tutor)
    await all_but_one_replaced([await hello(door, resume=welcome["resume"]) for _ in range(2)])
    assert [session.id for session in door.app[keys.SESSIONS]] == [welcome["session"]]


async def test_an_older_one_that_arrives_late_disturbs_nobody(door: Any) -> None:
    master = await door.join("master")
    tutor, welcome = await door.enter("tutor", hello=None)
    await lost(door, tutor)
    newer = await hello(door, resume=welcome["resume"], attempt=3)
    assert (await newer.expect("welcome"))["resumed"] is True
    older = await hello(door, resume=welcome["resume"], attempt=2)
    kind, bye = await turned_away(older)
    assert (kind, bye["reason"]) == ("superseded", "replaced")
    assert "retry" not in bye
    await master.say("chat.send", text="still there?", id="1")
    await master.settled()
    assert await chats(newer) == ["still there?"]
    assert newer.socket.close_code is None


async def test_a_connection_taken_over_hears_that_and_nothing_that_is_the_others(door: Any) -> None:
    master = await door.join("master")
    tutor, welcome = await door.enter("tutor")
    await tutor.settled()
    newer = await hello(door, resume=welcome["resume"], last_seq=tutor.last_seq, attempt=2)
    await newer.expect("welcome")
    await master.say("chat.send", text="for the newer", id="1")
    assert (await newer.expect("chat"))["message"]["text"] == "for the newer"
    heard = []
    while (message := await tutor.next())["type"] != "bye":
        heard.append(message["type"])
    assert message["reason"] == "replaced"
    assert "chat" not in heard
    await tutor.closed()


async def test_first_hellos_in_the_wrong_order_before_any_welcome(door: Any) -> None:
    newer = await hello(door, resume="a-word-of-the-page", attempt=2)
    await newer.expect("welcome")
    older = await hello(door, resume="a-word-of-the-page", attempt=1)
    assert (await turned_away(older))[0] == "superseded"
    await newer.settled()


async def test_of_new_pages_at_once_one_stays(door: Any) -> None:
    await all_but_one_replaced([await hello(door) for _ in range(4)])
    assert len(door.app[keys.SESSIONS]) == 1


# --- positions that are wrong ---------------------------------------------------------------------------


async def test_an_old_position_begins_anew_and_loses_nothing(door: Any) -> None:
    """What was acknowledged is not kept; the page gets all of the lesson instead."""
    master = await door.join("master")
    tutor, welcome = await door.enter("tutor")
    await master.say("chat.send", text="before", id="1")
    await tutor.expect("chat")
    await tutor.say("ping", id=1, seq=tutor.last_seq)
    await tutor.expect("pong")
    back = await hello(door, resume=welcome["resume"], last_seq=0)
    again = await back.expect("welcome")
    assert "resumed" not in again
    assert [entry["text"] for entry in again["lesson"]["chat"]] == ["before"]
    assert (await tutor.bye())["reason"] == "replaced"


async def test_a_token_of_a_replaced_session_is_dead(door: Any) -> None:
    """A laptop that wakes up does not throw its owner out of the telephone."""
    laptop, welcome = await door.enter("tutor")
    telephone = await door.join("tutor")
    assert (await laptop.bye())["reason"] == "replaced"
    for attempt in (0, 7):
        woken = await hello(door, resume=welcome["resume"], attempt=attempt)
        kind, bye = await turned_away(woken)
        assert (kind, bye["reason"]) == ("superseded", "replaced")
    await telephone.settled()
    on_purpose = await hello(door)
    await on_purpose.expect("welcome")
    assert (await telephone.bye())["reason"] == "replaced"


async def test_after_the_end_of_the_lesson_the_end_is_what_is_said(door: Any) -> None:
    master, tutor, _ = await door.live()
    resume = next(s.resume_token for s in door.app[keys.SESSIONS] if s.claims.role == "tutor")
    await lost(door, tutor)
    await master.say("lesson.end")
    assert (await master.bye())["reason"] == "ended"
    back = await hello(door, resume=resume, attempt=2)
    kind, bye = await turned_away(back)
    assert (kind, bye["reason"]) == ("lesson-ended", "ended")


async def test_after_leaving_an_older_hello_brings_nobody_back(door: Any) -> None:
    first, welcome = await door.enter("tutor", hello=None)
    await lost(door, first)
    second = await hello(door, resume=welcome["resume"], attempt=3)
    await second.expect("welcome")
    await second.say("leave")
    await second.closed()
    late = await hello(door, resume=welcome["resume"], attempt=2)
    assert (await turned_away(late))[0] == "superseded"
    assert len(door.app[keys.SESSIONS]) == 0


# --- messages, repeated and lost ------------------------------------------------------------------------


async def test_the_server_tells_how_much_it_has_heard_over_all_connections(door: Any) -> None:
    tutor, welcome = await door.enter("tutor")
    assert "heard" not in welcome
    await tutor.say("chat.send", text="1", id="a")
    await tutor.say("hand.raise")
    await tutor.say("ping", id=5)
    assert (await tutor.expect("pong"))["heard"] == 3
    await lost(door, tutor)
    back = await hello(door, resume=welcome["resume"], last_seq=tutor.last_seq)
    assert (await back.expect("welcome"))["heard"] == 3
    await back.say("ping", id=6)
    assert (await back.expect("pong"))["heard"] == 4


async def test_chat_said_again_is_one_message(door: Any) -> None:
    master = await door.join("master")
    tutor, welcome = await door.enter("tutor")
    await tutor.say("chat.send", text="once", id="a")
    await tutor.expect("chat")
    await lost(door, tutor)
    back = await hello(door, resume=welcome["resume"], last_seq=tutor.last_seq)
    await back.expect("welcome")
    await back.say("chat.send", text="once", id="a")
    await back.say("hand.raise")
    await back.say("hand.raise")
    assert (await back.expect("chat"))["message"]["text"] == "once", "its answer may have been lost"
    await back.say("chat.send", text="last", id="b")
    assert (await back.expect("chat"))["message"]["text"] == "last"
    assert (await master.expect("chat"))["message"]["text"] == "once"
    assert (await master.expect("chat"))["message"]["text"] == "last"
    room = await door.parts.directory.open_room("demo")
    assert len(room.hands) == 1


async def test_what_the_older_connection_still_says_is_not_taken(door: Any) -> None:
    """Its client has given it up, and says again what it knows to be unheard."""
    master = await door.join("master")
    tutor, welcome = await door.enter("tutor")
    back = await hello(door, resume=welcome["resume"], last_seq=tutor.last_seq, attempt=2)
    heard = (await back.expect("welcome")).get("heard", 0)
    await tutor.say("chat.send", text="twice?", id="")
    await tutor.closed()
    await back.say("chat.send", text="once", id="")
    await back.expect("chat")
    await back.say("ping", id=1)
    assert (await back.expect("pong"))["heard"] == heard + 2
    assert (await master.expect("chat"))["message"]["text"] == "once"


async def test_each_message_comes_once_over_many_connections(door: Any) -> None:
    master = await door.join("master")
    tutor, welcome = await door.enter("tutor")
    got: list[str] = []
    for number in range(4):
        await master.say("chat.send", text=str(number), id=f"m{number}")
        await master.expect("chat")
        if number % 2:
            got.append((await tutor.expect("chat"))["message"]["text"])
        if number % 3:
            await lost(door, tutor)
        last_seq = tutor.last_seq
        tutor = await hello(door, resume=welcome["resume"], last_seq=last_seq, attempt=number + 2)
        assert (await tutor.expect("welcome"))["resumed"] is True
        tutor.last_seq = last_seq
        if not number % 2:
            got.append((await tutor.expect("chat"))["message"]["text"])
    assert got == [str(number) for number in range(4)]
    assert await chats(tutor) == []


# --- while the server goes, and after -------------------------------------------------------------------


class Gate:
    """A directory that opens its rooms when told."""

    def __init__(self, directory: MemoryDirectory) -> None:
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self._open_room = directory.open_room

    async def open_room(self, lesson_id: LessonId) -> LessonRoom:
        self.asked.set()
        await self.open.wait()
        return await self._open_room(lesson_id)


async def test_who_resumes_while_the_server_goes_is_told_to_come_back(door: Any) -> None:
    tutor, welcome = await door.enter("tutor")
    await lost(door, tutor)
    door.app[keys.SESSIONS].close()
    back = await hello(door, resume=welcome["resume"], attempt=2)
    kind, bye = await turned_away(back)
    assert (kind, bye["reason"], bye["retry"]) == ("shutting-down", "shutdown", True)
    assert bye["retry_after_ms"] > 0


async def test_who_is_half_in_when_the_server_goes_is_told_to_come_back(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = door.app[keys.SESSIONS]
    gate = Gate(door.parts.directory)
    monkeypatch.setattr(door.parts.directory, "open_room", gate.open_room)
    coming = await hello(door, resume="x", attempt=1)
    async with asyncio.timeout(TIMEOUT_S):
        await gate.asked.wait()
    sessions.close()
    gate.open.set()
    kind, bye = await turned_away(coming)
    assert (kind, bye["reason"], bye["retry"]) == ("shutting-down", "shutdown", True)
    assert len(sessions) == 0


async def test_after_a_restart_the_old_token_brings_the_place_back(config: Config, open_door: Any) -> None:
    async with open_door(config) as door:
        master, tutor = await door.join("master"), await door.join("tutor")
        resume = next(s.resume_token for s in door.app[keys.SESSIONS] if s.claims.role == "tutor")
        await master.say("lesson.start")
        await tutor.say("hand.raise", seat="12")
        await tutor.say("chat.send", text="before", id="a")
        await tutor.expect("chat")
        last_seq = tutor.last_seq
        await lost(door, tutor)
    async with open_door(config) as door:
        back = await hello(door, resume=resume, last_seq=last_seq, attempt=4)
        welcome = await back.expect("welcome")
        assert "resumed" not in welcome
        assert [hand["seat"] for hand in welcome["lesson"]["hands"]] == ["12"]
        assert [entry["text"] for entry in welcome["lesson"]["chat"]] == ["before"]
        await back.say("chat.send", text="before", id="a")
        assert (await back.expect("chat"))["message"]["id"] == welcome["lesson"]["chat"][0]["id"]
        assert len((await door.parts.directory.open_room("demo")).people) == 2, "the master's place is kept"
        late = await hello(door, resume=resume, last_seq=last_seq, attempt=3)
        assert (await turned_away(late))[0] == "superseded"
        await back.settled()
