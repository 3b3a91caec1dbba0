"""The peer's door against a few words of its API, without the peer."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from load_tests.door import Refused
from load_tests.peers.janus import JanusDoor
from load_tests.sdp import LocalParameters, offer

DESCRIPTION = """\
v=0
o=- 1 1 IN IP4 10.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 10.0.0.1
a=mid:0
a=rtpmap:111 opus/48000/2
a=ice-ufrag:u
a=ice-pwd:p
a=setup:actpass
a=fingerprint:sha-256 AA:BB
a=candidate:1 1 udp 1 10.0.0.1 5000 typ host
a=sendonly
""".replace("\n", "\r\n")


class Janus:
    """Answers as VideoRoom does; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.room_exists = True

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("janus-protocol",))
        await socket.prepare(request)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                asked = frame.json()
                self.asked.append(asked)
                for reply in self.replies(asked):
                    await socket.send_json({**reply, "transaction": asked["transaction"]})
        return socket

    def replies(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        if asked["janus"] != "message":
            return [{"janus": "success", "data": {"id": 7}}]
        if not self.room_exists:
            data = {"error": "No such room", "error_code": 426}
            return [{"janus": "ack"}, {"janus": "event", "plugindata": {"data": data}}]
        event: dict[str, Any] = {"janus": "event", "plugindata": {"data": {"id": 99}}}
        if asked["body"]["request"] == "publish" or asked["body"].get("ptype") == "subscriber":
            event["jsep"] = {"type": "answer", "sdp": DESCRIPTION}
        return [{"janus": "ack"}, event]


async def test_publishers_and_subscribers_of_a_room() -> None:
    janus, bot = Janus(), offer(LocalParameters("ufrag", "pwd", "CC:DD", port=4_321), "recvonly")
    application = web.Application()
    application.router.add_get("/", janus.socket)
    async with TestServer(application) as server, JanusDoor(str(server.make_url("/"))) as door:
        await door.publish("", "", bot)
        resource = await door.subscribe("", "", bot)
        assert resource.answer.address == ("10.0.0.1", 5000)
        started = janus.asked[-1]
        assert started["body"]["request"] == "start"
        assert "4321 typ host" in started["jsep"]["sdp"]
        assert {"feed": 99} in [
            each["body"].get("streams", [{}])[0] for each in janus.asked if "body" in each
        ]
        await door.leave(resource, "")
        assert janus.asked[-1]["janus"] == "detach"
        janus.room_exists = False
        with pytest.raises(Refused, match="No such room"):
            await door.subscribe("", "", bot)


async def test_a_peer_that_is_not_there(free_port: Any) -> None:
    with pytest.raises(Refused, match="janus"):
        async with JanusDoor(f"ws://127.0.0.1:{free_port()}"):
            pass
