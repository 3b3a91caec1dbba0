"""Bots: one that publishes like a teacher's browser, and many that take what they get.

A subscriber does all that a browser does to get in (signaling, ICE, DTLS) and then leaves its socket to the
sink; it sends consent checks (RFC 7675) and no other feedback, and says so in its offer. The publisher sends
whole frames at their time, obeys keyframe requests and answers NACKs.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pylibsrtp

from .door import Door, Resource
from .dtls import Identity
from .media import AUDIO_CLOCK_HZ, AUDIO_FRAME_TICKS, VIDEO_CLOCK_HZ, Camera, Microphone
from .rtp import AUDIO_LEVEL, BadRtcp, KeyframeRequest, Stream, TransportSequence, feedback
from .sdp import Answer, offer
from .sink import Sink
from .transport import CONSENT_INTERVAL_S, BotTransport

REPORT_INTERVAL_S = 1.0
SENT_FRAMES_KEPT = 20_000
"""Send times for the latency of the far end: nearly 7 minutes of audio."""
PACKETS_KEPT = 1_024
"""For NACKs: about 6 s at 1.5 Mbit/s."""
MAX_RECEIVED_PER_WAKE = 64
STALLED_S = 1.0
"""Frames that are later than that are never sent: a device that stood still does not make up for it."""


def now_us() -> int:
    """The sink's clock."""
    return time.monotonic_ns() // 1000


class SendTimes:
    """When the frame of an RTP timestamp began to be sent, for the latest frames of one stream."""

    def __init__(self) -> None:
        self.by_timestamp: dict[int, int] = {}
        self.packets: dict[int, list[int]] = {}
        """The same for each packet of the frame, in order."""

    def so_far(self) -> list[tuple[int, int]]:
        """(timestamp, microseconds) of each frame; for another thread than the one that notes."""
        return list(self.by_timestamp.items())

    def note(self, timestamp: int, at_us: int) -> None:
        """A packet that is being sent now."""
        timestamp &= 0xFFFFFFFF
        if timestamp in self.packets:
            self.packets[timestamp].append(at_us)
            return
        self.by_timestamp[timestamp] = at_us
        self.packets[timestamp] = [at_us]
        if len(self.by_timestamp) > SENT_FRAMES_KEPT:
            oldest = next(iter(self.by_timestamp))
            del self.by_timestamp[oldest], self.packets[oldest]


@dataclass(slots=True)
class PublisherFigures:
    packets: int = 0
    retransmitted: int = 0
    keyframe_requests: int = 0
    late_us: deque[int] = field(default_factory=lambda: deque(maxlen=SENT_FRAMES_KEPT))
    """How long after its time each frame was sent: what the bot's own pacing adds to nothing."""

    def lateness_us(self) -> list[int]:
        """Of what was sent so far; for another thread than the one that sends."""
        return list(self.late_us)


class Publisher:
    """One camera and one microphone: `await join(...)`, then `await run()` until cancelled.

    With `layers` the camera sends a simulcast: RID -> what that encoding is like, worst first, all of the
    same frame rate.
    """

    def __init__(
        self,
        identity: Identity,
        camera: Camera | None,
        microphone: Microphone,
        layers: Mapping[str, Camera] | None = None,
    ) -> None:
        """camera: None sends sound alone."""
        self.silent = False
        """Set: sends no media, only consent checks."""
        self._transport = BotTransport(identity, transport_cc=True)
        self._camera, self._microphone = camera, microphone
        self._layers = layers or ({"": camera} if camera else {})
        self._ssrcs = {kind: 1 + secrets.randbits(31) for kind in ("audio", *map(_video, self._layers))}
        self._resource: Resource | None = None
        self._token = ""
        self._since_key = dict.fromkeys(self._layers, 0)
        self._kept: dict[tuple[int, int], bytes] = {}
        self._origin = {"audio": secrets.randbits(32), "video": secrets.randbits(32)}
        self.sent = {"audio": SendTimes(), "video": SendTimes()}
        self.figures = PublisherFigures()

    async def join(self, door: Door, lesson: str, token: str) -> None:
        """Raises Refused, BadAnswer, ConnectivityFailed or HandshakeFailed."""
        sdp = offer(self._transport.local, "sendonly", self._ssrcs, tuple(filter(None, self._layers)))
        self._resource = await door.publish(lesson, token, sdp)
        self._token = token
        await self._transport.connect(self._resource.answer)
        self._streams = self._make_streams(self._resource.answer)

    async def leave(self, door: Door) -> None:
        if self._resource is not None:
            resource, self._resource = self._resource, None
            await door.leave(resource, self._token)
        self._transport.close()

    def vanish(self) -> None:
        """Its sockets close, and it says nothing to anybody."""
        self._resource = None
        self._transport.close()

    def _make_streams(self, answer: Answer) -> dict[str, Stream]:
        count = TransportSequence()
        streams = {}
        for name, ssrc in self._ssrcs.items():
            kind, _, rid = name.partition(" ")
            media = answer.of(kind)
            extensions = dict(media.extensions)
            start = secrets.randbits(15)
            streams[name] = Stream(ssrc, media.payload_type, media.mid, extensions, count, start, rid)
        return streams

    async def run(self) -> None:
        """Sends until cancelled: each frame at its time, sender reports every second, consent every 5 s."""
        loop = asyncio.get_running_loop()
        assert self._transport.socket is not None
        loop.add_reader(self._transport.socket.fileno(), self._read)
        try:
            pictures = self._camera and self._every(1 / self._camera.frames_per_second, self._send_video)
            await asyncio.gather(
                *([pictures] if pictures else ()),
                self._every(AUDIO_FRAME_TICKS / AUDIO_CLOCK_HZ, self._send_audio),
                self._every(REPORT_INTERVAL_S, self._send_reports),
                self._every(CONSENT_INTERVAL_S, lambda _: self._transport.consent_check()),
            )
        finally:
            loop.remove_reader(self._transport.socket.fileno())

    async def _every(self, interval_s: float, act: Callable[[int], object]) -> None:
        """Acts at start + n * interval: what comes late does not move what follows."""
        start, index = time.monotonic(), 0
        while True:
            late_s = time.monotonic() - start - index * interval_s
            self.figures.late_us.append(max(0, round(late_s * 1e6)))
            if late_s > STALLED_S:
                index = int((time.monotonic() - start) / interval_s)
            act(index)
            index += 1
            await asyncio.sleep(max(0.0, start + index * interval_s - time.monotonic()))

    def _send_video(self, index: int) -> None:
        if self.silent or self._camera is None:
            self._since_key = dict.fromkeys(self._layers, 0)
            return
        timestamp = self._origin["video"] + self._camera.timestamp(index)
        for rid, camera in self._layers.items():
            since_key = self._since_key[rid] % camera.key_interval
            payloads = camera.frame(index, since_key, timestamp)
            self._since_key[rid] = since_key + 1
            self._send_frame(_video(rid), payloads, timestamp)

    def _send_audio(self, index: int) -> None:
        if self.silent:
            return
        timestamp = self._origin["audio"] + index * AUDIO_FRAME_TICKS
        level = self._microphone.level(index)
        self._send_frame("audio", [self._microphone.frame(timestamp)], timestamp, level)

    def _send_frame(self, name: str, payloads: list[bytes], timestamp: int, level: int | None = None) -> None:
        stream, at_us, kind = self._streams[name], now_us(), name.partition(" ")[0]
        if AUDIO_LEVEL not in stream.extensions:
            level = None
        for number, payload in enumerate(payloads, 1):
            # Audio's marker would mean the start of a talk spurt (RFC 3551, 4.1).
            marker = kind == "video" and number == len(payloads)
            sequence = stream.sequence
            packet = self._protect(stream.packet(payload, timestamp, marker, at_us / 1e6, level))
            self._kept[stream.ssrc, sequence] = packet
            if len(self._kept) > PACKETS_KEPT:
                del self._kept[next(iter(self._kept))]
            self.sent[kind].note(timestamp, now_us())
            self._send(packet)
            self.figures.packets += 1

    def _send_reports(self, _index: int) -> None:
        at_us, unix_time = now_us(), time.time()
        for name, stream in self._streams.items():
            kind = name.partition(" ")[0]
            clock = AUDIO_CLOCK_HZ if kind == "audio" else VIDEO_CLOCK_HZ
            times = self.sent[kind].by_timestamp
            if times and not self.silent:
                timestamp, sent_us = next(reversed(times.items()))
                timestamp += (at_us - sent_us) * clock // 1_000_000
                report = stream.sender_report(timestamp, unix_time)
                assert self._transport.keys is not None
                self._send(self._transport.keys.outbound.protect_rtcp(report))

    def _protect(self, packet: bytes) -> bytes:
        assert self._transport.keys is not None
        protected: bytes = self._transport.keys.outbound.protect(packet)
        return protected

    def _send(self, datagram: bytes) -> None:
        # A full socket buffer loses a packet, as a network would; a closed port is for the consent checks
        # to find.
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self._transport.send(datagram)

    def _read(self) -> None:
        assert self._transport.socket is not None and self._transport.keys is not None
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            for _ in range(MAX_RECEIVED_PER_WAKE):
                datagram = self._transport.socket.recv(2048)
                if len(datagram) >= 8 and 192 <= datagram[1] <= 223 and datagram[0] >> 6 == 2:
                    with contextlib.suppress(pylibsrtp.Error, BadRtcp):
                        self._obey(self._transport.keys.inbound.unprotect_rtcp(datagram))

    def _obey(self, compound: bytes) -> None:
        for request in feedback(compound):
            if isinstance(request, KeyframeRequest):
                self.figures.keyframe_requests += 1
                for rid in self._layers:
                    if self._ssrcs[_video(rid)] == request.ssrc:
                        self._since_key[rid] = 0
                continue
            for sequence in request.sequences:
                packet = self._kept.get((request.ssrc, sequence))
                if packet is not None:
                    self.figures.retransmitted += 1
                    self._send(packet)


def _video(rid: str) -> str:
    """The name of a video stream: its kind, and after a blank its RID, if it has one."""
    return f"video {rid}".rstrip()


@dataclass(frozen=True, slots=True)
class Joined:
    """Times of one subscriber's way in; CLOCK_MONOTONIC microseconds."""

    asked_us: int
    answered_us: int
    connected_us: int


class Subscriber:
    """One viewer, whose socket goes to the sink."""

    def __init__(self, identity: Identity, sink: Sink, token: str) -> None:
        self._transport = BotTransport(identity)
        self._sink = sink
        self._token = token
        self._resource: Resource | None = None
        self._consent: asyncio.TimerHandle | None = None
        self.socket_number: int | None = None
        self.joined: Joined | None = None

    async def join(self, door: Door, lesson: str) -> None:
        """Raises Refused, BadAnswer, ConnectivityFailed or HandshakeFailed."""
        sdp = offer(self._transport.local, "recvonly")
        asked_us = now_us()
        self._resource = await door.subscribe(lesson, self._token, sdp)
        answered_us = now_us()
        await self._transport.connect(self._resource.answer)
        assert self._transport.socket is not None
        self.socket_number = self._sink.add(self._transport.socket.fileno())
        self.joined = Joined(asked_us, answered_us, now_us())
        self._schedule_consent()

    def payload_types(self) -> dict[int, str]:
        """Payload type -> kind, as the server answered."""
        assert self._resource is not None
        return {media.payload_type: media.kind for media in self._resource.answer.media if media.accepted}

    def decrypt(self, packet: bytes) -> bytes:
        """An SRTP packet of its own, in clear. Raises pylibsrtp.Error."""
        assert self._transport.keys is not None
        clear: bytes = self._transport.keys.inbound.unprotect(packet)
        return clear

    def srtp_profile(self) -> str:
        return self._transport.keys.profile if self._transport.keys else ""

    def drops(self) -> int:
        return self._transport.drops() if self._resource is not None else 0

    def vanish(self) -> None:
        """Out of the sink, and not a word to anybody."""
        if self._consent is not None:
            self._consent.cancel()
        if self.socket_number is not None:
            self._sink.remove(self.socket_number)
        self._resource = None
        self._transport.close()

    async def leave(self, door: Door) -> None:
        """Out of the sink, DELETE, close. Raises Refused."""
        if self._consent is not None:
            self._consent.cancel()
        if self.socket_number is not None:
            self._sink.remove(self.socket_number)
        resource, self._resource = self._resource, None
        self._transport.close()
        if resource is not None:
            await door.leave(resource, self._token)

    def _schedule_consent(self) -> None:
        # Between 0.8 and 1.2 of the interval, as RFC 7675, 5.1 wants it: not all of them at once.
        wait_s = CONSENT_INTERVAL_S * (0.8 + secrets.randbelow(401) / 1000)
        self._consent = asyncio.get_running_loop().call_later(wait_s, self._check_consent)

    def _check_consent(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self._transport.consent_check()
        self._schedule_consent()
