"""Through a real coturn and nothing else: aiortc decodes a lesson, and `tongke doctor` finds the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest
import pytest_asyncio
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack

from signaling import keys, turn
from signaling.app import Server, running
from signaling.config import Config
from signaling.doctor import command, media_probe
from signaling.doctor.findings import Way, best
from signaling.doctor.ways import TurnServer, TurnWay, WayFailed
from signaling.messages import IceServer
from signaling.player import WhepPlayer

PATIENCE_S = 30.0
PICTURES = 20
TRANSPORTS = ("udp", "tcp")

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Counter:
    """A Sink that counts."""

    def __init__(self) -> None:
        self.pictures = self.sounds = 0
        self._changed = asyncio.Event()

    def picture(self, frame: av.VideoFrame, at: float) -> None:
        self.pictures += 1
        self._changed.set()

    def sound(self, frame: av.AudioFrame, at: float) -> None:
        self.sounds += 1
        self._changed.set()

    async def reached(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while min(self.pictures, self.sounds) < count:
                self._changed.clear()
                await self._changed.wait()


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path, coturn: Any) -> AsyncIterator[Server]:
    urls = tuple(coturn.url(transport) for transport in TRANSPORTS)
    config = Config(port=0, media_port=0, data=tmp_path, demo=True, turn_urls=urls, turn_secret=coturn.secret)
    async with running(config) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def on_air(server: Server) -> AsyncIterator[Server]:
    """The same with a master who sends by WHIP, without the relay."""
    peer = RTCPeerConnection()
    peer.addTrack(VideoStreamTrack())
    peer.addTrack(AudioStreamTrack())
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Authorization": f"Bearer {token(server, 'master')}", "Content-Type": "application/sdp"}
    url = f"http://127.0.0.1:{server.port}/whip/demo"
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=peer.localDescription.sdp, headers=headers) as response,
    ):
        assert response.status == 201
        assert len(response.headers.getall("Link")) == len(TRANSPORTS)
        await peer.setRemoteDescription(RTCSessionDescription(await response.text(), "answer"))
    yield server
    await peer.close()


def token(server: Server, role: Any) -> str:
    tokens = server.app[keys.TOKENS]
    return tokens.issue(person=role, role=role, lesson="demo", name="", now=time.time(), ttl_s=600)


def credentials(server: Server, transport: str) -> list[IceServer]:
    (found,) = turn.ice_servers(server.config, "someone")
    urls = [url for url in found.urls if url.endswith(transport)]
    return [IceServer(urls=urls, username=found.username, credential=found.credential)]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_lesson_is_watched_through_the_relay_alone(
    on_air: Server, coturn: Any, transport: str
) -> None:
    seen = Counter()
    player = WhepPlayer(seen, ice_servers=credentials(on_air, transport), relay=True)
    try:
        await player.connect(f"http://127.0.0.1:{on_air.port}/whep/demo", token(on_air, "supervisor"))
        await seen.reached(PICTURES)
    finally:
        await player.close()
    text = coturn.log.read_text()
    assert "ALLOCATE processed, success" in text


async def test_credentials_that_have_expired_open_nothing(coturn: Any) -> None:
    for seconds, works in ((60, True), (-60, False)):
        username = f"{int(time.time()) + seconds}:someone"
        credential = turn.password(coturn.secret, username)
        way = TurnWay(TurnServer(coturn.url("udp"), username, credential), "127.0.0.1", 9)
        try:
            await way.open()
            assert works
        except WayFailed as error:
            assert (error.reason, works) == ("turn-refused", False)
        finally:
            await way.close()


async def refuse(_way: object) -> None:
    raise WayFailed("silent")


async def test_the_doctor_finds_the_relay(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both transports work, and alone they are enough."""
    monkeypatch.setattr(media_probe, "MEASURE_S", 0.1)
    for way in (command.UdpWay, command.TcpWay):
        monkeypatch.setattr(way, "open", refuse)
    url = f"http://127.0.0.1:{server.port}"
    report = await command.examine(url, token(server, "student"), "en", lambda _: None)
    relayed = [finding for finding in report.findings if finding.way is Way.TURN]
    assert [finding.works for finding in relayed] == [True, True], relayed
    assert (report.media_works, report.quality, report.advice) == (True, "fair", ["open-udp-turn-only"])


async def test_a_wrong_secret_is_told(tmp_path: Path, coturn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_probe, "MEASURE_S", 0.1)
    config = Config(port=0, media_port=0, data=tmp_path, turn_urls=(coturn.url("udp"),), turn_secret="other")
    async with running(config) as server:
        url = f"http://127.0.0.1:{server.port}"
        report = await command.examine(url, token(server, "student"), "en", lambda _: None)
    found = best(report.findings, Way.TURN)
    assert found is not None
    assert (found.works, found.reason) == (False, "turn-refused")
    assert (report.media_works, report.advice) == (True, ["turn-broken"])
