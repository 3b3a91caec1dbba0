"""The WebSocket's edges: who is not let in, and what is not listened to."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import msgspec
import pytest

from signaling import codec, keys, ws
from signaling.sessions import spread_ms


async def refused(participant: Any) -> tuple[str, str]:
    """Kind of the error and reason of the good-bye."""
    error = await participant.refusal()
    assert error["request"] == "hello"
    assert error["title"]
    bye = await participant.bye()
    await participant.closed()
    return error["kind"], bye["reason"]


async def test_subprotocol_is_asked_for(door: Any) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await door.http.ws_connect(door.url("/ws"))
    assert caught.value.status == 400


async def test_plain_get_is_a_problem(door: Any) -> None:
    async with door.http.get(door.url("/ws"), headers={"Sec-WebSocket-Protocol": "tongke.v1"}) as response:
        assert response.status == 400
        assert response.content_type == "application/problem+json"


async def test_hello_in_time(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "HELLO_TIMEOUT_S", 0.01)
    assert await refused(await door.socket()) == ("hello-first", "refused")


async def test_hello_first(door: Any) -> None:
    participant = await door.socket()
    await participant.say("ping")
    assert await refused(participant) == ("hello-first", "refused")


@pytest.mark.parametrize(
    ("claims", "outcome"),
    [
        ({"ttl_s": -1}, ("token-expired", "expired")),
        ({"lesson": "nowhere"}, ("unknown-lesson", "refused")),
        ({"role": "tutor", "class_id": "class-9"}, ("unknown-class", "refused")),
    ],
)
async def test_token_that_does_not_fit(door: Any, claims: dict[str, Any], outcome: tuple[str, str]) -> None:
    participant = await door.socket()
    await participant.say("hello", token=door.token(**({"role": "master"} | claims)))
    assert await refused(participant) == outcome
    assert len(door.app[keys.SESSIONS]) == 0


@pytest.mark.parametrize(("token", "kind"), [("", "token-missing"), ("nonsense", "token-invalid")])
async def test_no_token(door: Any, token: str, kind: str) -> None:
    participant = await door.socket(headers={"Accept-Language": "en"})
    await participant.say("hello", token=token)
    assert await refused(participant) == (kind, "refused")


async def test_lesson_that_is_over(door: Any) -> None:
    master = await door.join("master")
    await master.say("lesson.start")
    await master.say("lesson.end")
    assert (await master.bye())["reason"] == "ended"
    assert await master.closed() == 1000
    late = await door.socket()
    await late.say("hello", token=door.token("tutor", class_id="class-1"))
    assert await refused(late) == ("lesson-ended", "ended")


@pytest.mark.parametrize(
    ("frame", "kind", "asked"),
    [
        ("{", "malformed", ""),
        ("[]", "malformed", ""),
        ('{"type": 5}', "malformed", ""),
        ('{"type": "dance"}', "unknown-type", "dance"),
        ('{"type": "chat.send"}', "malformed", "chat.send"),
        ('{"type": "chat.send", "text": 7}', "malformed", "chat.send"),
        ('{"type": "ping", "deep": ' + "[" * 50_000 + "]" * 50_000 + "}", "malformed", ""),
    ],
)
async def test_what_is_not_understood_is_said_so(door: Any, frame: str, kind: str, asked: str) -> None:
    master = await door.join("master")
    await master.socket.send_str(frame)
    error = await master.refusal()
    assert error["kind"] == kind
    assert error.get("request", "") == asked
    await master.settled()


async def test_refusal_is_in_the_language_of_hello(door: Any) -> None:
    participant = await door.socket(headers={"Accept-Language": "zh"})
    await participant.say("hello", token="", language="en")
    assert (await participant.refusal())["title"] == "No token"


async def test_too_many_strangers_wait_outside(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "MAX_STRANGERS", 1)
    stranger = await door.socket()
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await door.socket()
    assert caught.value.status == 503
    await stranger.say("hello", token=door.token("master"))
    await stranger.expect("welcome")
    await door.join("tutor")


async def test_long_messages_cost_more(door: Any) -> None:
    master = await door.join("master")
    for _ in range(3):
        await master.say("publish.offer", sdp="x" * 199_000, tracks=[])
    assert [(await master.refusal())["kind"] for _ in range(3)] == ["not-sdp", "not-sdp", "too-many-requests"]


async def test_binary_frames_are_not_taken(door: Any) -> None:
    master = await door.join("master")
    await master.socket.send_bytes(b'{"type": "ping"}')
    assert (await master.refusal())["kind"] == "malformed"


async def test_unknown_fields_are_passed_over(door: Any) -> None:
    master = await door.join("master")
    await master.say("ping", id=7, colour="red")
    assert (await master.expect("pong"))["id"] == 7


async def test_nonsense_again_and_again_ends_the_connection(door: Any) -> None:
    master = await door.join("master")
    for _ in range(20):
        await master.socket.send_str("?")
    bye = await master.bye()
    assert (bye["reason"], bye.get("retry", False)) == ("protocol", False)
    assert await master.closed() == 1008


async def test_too_many_messages_are_not_listened_to(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "MESSAGES_PER_S", 0.0)
    master = await door.join("master")
    for number in range(int(ws.MESSAGES_BURST) + 1):
        await master.say("ping", id=number)
    assert (await master.refusal())["kind"] == "too-many-requests"


async def test_frame_too_large_closes_the_connection(door: Any) -> None:
    master = await door.join("master")
    await master.socket.send_str(json.dumps({"type": "ping", "x": "x" * codec.MAX_FRAME}))
    assert await master.closed() == 1009


async def test_missed_heartbeats_lose_the_connection(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "MISSED_HEARTBEATS", 0.001)
    master = await door.join("master")
    await master.closed()
    assert len(door.app[keys.SESSIONS]) == 1


async def test_token_that_expires_inside(door: Any) -> None:
    master = await door.join("master")
    (session,) = door.app[keys.SESSIONS]
    session.renew(msgspec.structs.replace(session.claims, exp=0))
    bye = await master.bye()
    assert (bye["reason"], bye.get("retry", False)) == ("expired", False)


async def test_shutdown_tells_everybody_to_come_back(door: Any) -> None:
    master = await door.join("master")
    door.app[keys.SESSIONS].close()
    bye = {"type": "bye", "reason": "shutdown", "retry": True, "retry_after_ms": spread_ms(1)}
    assert await master.bye() == bye
    assert await master.closed() == 1001
    late = await door.socket()
    await late.say("hello", token=door.token("master"))
    assert await refused(late) == ("shutting-down", "shutdown")


async def test_client_that_does_not_read_ends_alone(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    master, tutor = await door.join("master"), await door.join("tutor")
    slow = next(s for s in door.app[keys.SESSIONS] if s.claims.role == "tutor")
    monkeypatch.setattr(slow.outbox, "_max_bytes", 10)
    await master.say("chat.send", text="hello")
    assert await tutor.bye() == {"type": "bye", "reason": "slow", "retry": True}
    await master.settled()


async def test_fault_of_ours_ends_one_session_only(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    master, tutor = await door.join("master"), await door.join("tutor")
    broken = next(s for s in door.app[keys.SESSIONS] if s.claims.role == "tutor")
    monkeypatch.setattr(broken._publisher, "offer", None)
    await tutor.offer({"1": "camera"})
    assert (await tutor.refusal())["kind"] == "internal"
    assert (await tutor.bye())["retry"] is True
    await master.settled()
