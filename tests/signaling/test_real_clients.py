"""aiortc as client over real sockets: ICE, DTLS in both roles, media from one to the other, IPv4 and IPv6."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from sfu import negotiate
from sfu.allocator import StreamState
from sfu.params import SfuConfig, TransportState
from sfu.sfu import Sfu
from sfu.transport import Publication, Transport
from signaling import jsep

LIMIT_S = 30.0


class Watch:
    def __init__(self) -> None:
        self.states: list[TransportState] = []
        self._changed = asyncio.Event()

    def __call__(self, state: TransportState) -> None:
        self.states.append(state)
        self._changed.set()

    async def reached(self, state: TransportState) -> None:
        async with asyncio.timeout(LIMIT_S):
            while state not in self.states:
                self._changed.clear()
                await self._changed.wait()


@dataclass
class Joined:
    """One client and our side of it."""

    client: RTCPeerConnection
    transport: Transport
    watch: Watch
    publications: list[Publication] = field(default_factory=list)
    tracks: list[MediaStreamTrack] = field(default_factory=list)


@dataclass
class Room:
    sfu: Sfu
    clients: list[RTCPeerConnection] = field(default_factory=list)

    def client(self) -> RTCPeerConnection:
        self.clients.append(RTCPeerConnection())
        return self.clients[-1]

    async def publish(self, *, setup: str = "actpass") -> Joined:
        client = self.client()
        client.addTransceiver(AudioStreamTrack(), direction="sendonly")
        client.addTransceiver(VideoStreamTrack(), direction="sendonly")
        await client.setLocalDescription(await client.createOffer())
        text = client.localDescription.sdp.replace("a=setup:actpass", f"a=setup:{setup}")
        offer = jsep.read_offer(text)
        chosen = {each.mid: negotiate.answer_publication(each.parameters()) for each in offer.sections}
        watch = Watch()
        joined = Joined(client, self.sfu.create_transport(on_state=watch), watch)
        joined.transport.connect(jsep.remote_parameters(offer))
        joined.publications = [joined.transport.publish(each) for each in chosen.values()]
        answer = jsep.answer_publish(offer, joined.transport.local, chosen)
        await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return joined

    async def subscribe(self, publications: list[Publication]) -> Joined:
        watch = Watch()
        joined = Joined(self.client(), self.sfu.create_transport(on_state=watch), watch)
        joined.client.on("track", joined.tracks.append)
        lines, numbers, offered = jsep.MediaLines(), negotiate.PayloadTypes(), []
        for publication in publications:
            parameters = negotiate.offer_subscription(
                publication.parameters,
                numbers,
                mid=lines.free_mid(publication.parameters.kind),
                ssrc=self.sfu.allocate_ssrc(),
                rtx_ssrc=self.sfu.allocate_ssrc(),
            )
            lines.put(jsep.OfferedTrack(parameters, "stream", f"track{parameters.mid}"))
            offered.append(parameters)
        text = jsep.offer_subscribe(1, joined.transport.local, lines)
        await joined.client.setRemoteDescription(RTCSessionDescription(text, "offer"))
        await joined.client.setLocalDescription(await joined.client.createAnswer())
        answer = jsep.read_answer(joined.client.localDescription.sdp, lines)
        joined.transport.connect(jsep.remote_parameters(answer))
        for publication, parameters, section in zip(publications, offered, answer.sections, strict=True):
            agreed = negotiate.accept_answer(parameters, section.parameters())
            joined.transport.subscribe(publication, agreed)
        return joined

    async def watch_by_whep(self, publications: list[Publication]) -> Joined:
        watch = Watch()
        joined = Joined(self.client(), self.sfu.create_transport(on_state=watch), watch)
        joined.client.on("track", joined.tracks.append)
        for kind in ("audio", "video"):
            joined.client.addTransceiver(kind, direction="recvonly")
        await joined.client.setLocalDescription(await joined.client.createOffer())
        offer = jsep.read_offer(joined.client.localDescription.sdp)
        joined.transport.connect(jsep.remote_parameters(offer))
        tracks = {}
        for publication, section in zip(publications, offer.sections, strict=True):
            parameters = negotiate.answer_subscription(
                publication.parameters,
                section.parameters(),
                ssrc=self.sfu.allocate_ssrc(),
                rtx_ssrc=self.sfu.allocate_ssrc(),
            )
            tracks[section.mid] = jsep.OfferedTrack(parameters, "stream", section.media)
            joined.transport.subscribe(publication, parameters)
        answer = jsep.answer_watch(offer, joined.transport.local, tracks)
        await joined.client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return joined


@pytest_asyncio.fixture
async def room_at() -> AsyncIterator[Callable[..., Any]]:
    rooms: list[Room] = []

    async def make(*media_ips: str) -> Room:
        rooms.append(Room(await Sfu.start(SfuConfig(media_ips=media_ips, media_port=0))))
        return rooms[-1]

    yield make
    for room in rooms:
        await asyncio.gather(*(client.close() for client in room.clients))
        await room.sfu.close()


async def frames(track: MediaStreamTrack, count: int) -> list[Any]:
    async with asyncio.timeout(LIMIT_S):
        return [await track.recv() for _ in range(count)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("setup", ["actpass", "passive"])
async def test_media_goes_from_a_publisher_to_a_subscriber(
    room_at: Callable[..., Any], host: str, setup: str
) -> None:
    room = await room_at(host)
    publisher = await room.publish(setup=setup)
    await publisher.watch.reached(TransportState.CONNECTED)
    assert "GCM" in publisher.transport.srtp_profile
    subscriber = await room.subscribe(publisher.publications)
    await subscriber.watch.reached(TransportState.CONNECTED)
    audio, video = subscriber.tracks
    assert len(await frames(audio, 5)) == 5
    pictures = await frames(video, 5)
    assert (pictures[0].width, pictures[0].height) == (640, 480)


async def test_whep_gets_the_same(room_at: Callable[..., Any]) -> None:
    room = await room_at("127.0.0.1")
    publisher = await room.publish()
    viewer = await room.watch_by_whep(publisher.publications)
    audio, video = viewer.tracks
    await frames(audio, 5)
    await frames(video, 5)


async def test_a_client_that_estimates_itself_keeps_its_picture(
    room_at: Callable[..., Any], until: Callable[..., Any]
) -> None:
    """aiortc knows no transport-wide numbers: it says REMB, at first a few kilobits, as little has come."""
    room = await room_at("127.0.0.1")
    publisher = await room.publish()
    viewer = await room.subscribe(publisher.publications)
    await until(lambda: len(viewer.tracks) == 2)
    arriving = asyncio.gather(*(frames(track, 60) for track in viewer.tracks))

    def stats() -> dict[str, Any]:
        return room.sfu.engine.transport_stats(viewer.transport.id)

    async with asyncio.timeout(LIMIT_S):
        await until(lambda: stats()["available_bitrate_bps"] > 0)
        await arriving
        await until(lambda: stats()["estimate_bps"] > 0)
        # What a machine that paused had it say meanwhile is not the last word.
        await until(lambda: viewer.transport.downlink.state is StreamState.OK)


async def test_we_hear_of_the_peers_close(room_at: Callable[..., Any], until: Callable[..., Any]) -> None:
    room = await room_at("127.0.0.1")
    publisher = await room.publish()
    await until(lambda: publisher.client.connectionState == "connected")
    await publisher.client.close()
    await publisher.watch.reached(TransportState.CLOSED)
    assert publisher.transport.failure == "peer_closed"
    assert all(each.closed for each in publisher.publications)


async def test_the_peer_hears_of_our_close(room_at: Callable[..., Any], until: Callable[..., Any]) -> None:
    room = await room_at("127.0.0.1")
    publisher = await room.publish()
    await until(lambda: publisher.client.connectionState == "connected")
    await publisher.transport.close()
    await until(lambda: publisher.client.connectionState == "closed")
    assert room.sfu.census()["engine_transports"] == 0
