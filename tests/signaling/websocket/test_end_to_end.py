"""With the real media plane: a master sends, a tutor gets moving pictures and sound, and both survive a lost
socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack

from signaling import keys
from signaling.app import Server, running
from signaling.config import Config

TIMEOUT_S = 30.0
FRAMES = 20


class Client:
    """A participant with real peer connections."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.sending = RTCPeerConnection()
        self.receiving = RTCPeerConnection()
        self.frames: dict[str, int] = {}
        self.moving = asyncio.Condition()
        self._pulls: list[asyncio.Task[None]] = []
        self.receiving.on("track", self._pull)

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def expect(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            while (message := await self.socket.receive_json())["type"] != kind:
                assert message["type"] not in {"error", "bye"}, message
        found: dict[str, Any] = message
        return found

    async def publish(self) -> None:
        self.sending.addTrack(VideoStreamTrack())
        self.sending.addTrack(AudioStreamTrack())
        await self.sending.setLocalDescription(await self.sending.createOffer())
        sources = {"video": "camera", "audio": "microphone"}
        tracks = [
            {"mid": t.mid, "source": sources[t.sender.track.kind]} for t in self.sending.getTransceivers()
        ]
        await self.say("publish.offer", sdp=self.sending.localDescription.sdp, tracks=tracks)
        answer = await self.expect("publish.answer")
        await self.sending.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))

    async def receive(self) -> dict[str, Any]:
        """Answers the next offer."""
        offer = await self.expect("subscribe.offer")
        await self.receiving.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
        await self.receiving.setLocalDescription(await self.receiving.createAnswer())
        answer = self.receiving.localDescription.sdp
        await self.say("subscribe.answer", version=offer["version"], sdp=answer)
        return offer

    async def sees_and_hears(self, more: int = FRAMES) -> None:
        """So many more pictures and pieces of sound have been decoded."""
        begin = dict(self.frames)
        async with asyncio.timeout(TIMEOUT_S), self.moving:
            await self.moving.wait_for(
                lambda: all(self.frames.get(k, 0) >= begin.get(k, 0) + more for k in ("audio", "video"))
            )

    async def sees(self, more: int = FRAMES) -> int:
        """So many more pictures; how many pieces of sound there are by then."""
        begin = self.frames.get("video", 0)
        async with asyncio.timeout(TIMEOUT_S), self.moving:
            await self.moving.wait_for(lambda: self.frames.get("video", 0) >= begin + more)
        return self.frames.get("audio", 0)

    def _pull(self, track: Any) -> None:
        self._pulls.append(asyncio.create_task(self._count(track)))

    async def _count(self, track: Any) -> None:
        while True:
            await track.recv()
            async with self.moving:
                self.frames[track.kind] = self.frames.get(track.kind, 0) + 1
                self.moving.notify_all()

    async def close(self) -> None:
        for pull in self._pulls:
            pull.cancel()
        await asyncio.gather(*self._pulls, return_exceptions=True)
        await self.sending.close()
        await self.receiving.close()
        await self.socket.close()


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(Config(data=tmp_path / "data", port=0, media_port=0, demo=True)) as server:
        yield server


@pytest_asyncio.fixture
async def enter(server: Server) -> AsyncIterator[Any]:
    """`enter(role, **hello)` -> (client, welcome)."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def enter(role: str, class_id: str = "", **hello: Any) -> tuple[Client, dict[str, Any]]:
            url = f"http://127.0.0.1:{server.port}/ws"
            client = Client(await http.ws_connect(url, protocols=("tongke.v1",)))
            stack.push_async_callback(client.close)
            token = server.app[keys.TOKENS].issue(
                person=f"{role}-1",
                role=role,  # type: ignore[arg-type]
                lesson="demo",
                class_id=class_id,
                now=time.time(),
                ttl_s=600,
            )
            await client.say("hello", token=token, **hello)
            return client, await client.expect("welcome")

        yield enter


async def test_pictures_and_sound_from_master_to_class(server: Server, enter: Any) -> None:
    master, _ = await enter("master")
    tutor, _ = await enter("tutor", "class-1")
    await master.publish()
    await master.say("lesson.start")
    offer = await tutor.receive()
    assert len(offer["streams"]) == 2
    await tutor.sees_and_hears()
    assert server.app[keys.SFU].counters()["rtp_out"] > 0


async def test_media_goes_on_while_the_socket_is_away(enter: Any) -> None:
    master, _ = await enter("master")
    tutor, welcome = await enter("tutor", "class-1")
    await master.publish()
    await master.say("lesson.start")
    await tutor.receive()
    await tutor.sees_and_hears()
    await tutor.socket.close()
    await tutor.sees_and_hears()
    _, again = await enter("tutor", "class-1", resume=welcome["resume"], last_seq=0)
    assert again["resumed"] is True
    await tutor.sees_and_hears()


async def test_who_is_muted_sends_in_vain_until_they_open_again(enter: Any) -> None:
    """The page is not asked: it goes on sending, and the server forwards nothing. Then sound comes by the
    same line, without an offer."""
    master, _ = await enter("master")
    tutor, _ = await enter("tutor", "class-1")
    organizer, _ = await enter("organizer")
    await master.publish()
    await master.say("lesson.start")
    await tutor.receive()
    await tutor.sees_and_hears()
    await organizer.say("moderate.mute", person_id="master-1", source="microphone")
    await master.expect("moderated")
    silent = await tutor.sees()
    assert await tutor.sees() == silent
    await master.say("publish.mute", source="microphone", muted=False)
    await tutor.sees_and_hears()
