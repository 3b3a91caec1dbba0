"""A studio for the recorder: synthetic media, packetizers, a server that loses packets and answers NACKs,
a clock of its own."""

from __future__ import annotations

import heapq
import itertools
import random
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from recorder import recovery
from recorder.control import Format, ItemClose, ItemOpen, TrackClose, TrackOpen
from recorder.feed import Feed
from recorder.library import Library, write_summary
from recorder.signing import LedgerKey
from recorder.spool import Spool
from recorder.storage import Storage

FPS = 15
KEYFRAME_FRAMES = 30
MTU = 1000
RTX, RTX_TYPE = 0x1_0000, 97
"""Added to an SSRC for its retransmissions; their payload type."""
START_MS = 1_760_000_000_000
STARTED_US = 5_000_000
"""CLOCK_MONOTONIC at the item's start."""
H264 = Format(payload_type=102, codec="H264", clock_rate=90_000)
VP8 = Format(payload_type=96, codec="VP8", clock_rate=90_000)
OPUS = Format(payload_type=111, codec="opus", clock_rate=48_000, channels=2)


@dataclass(frozen=True)
class Encoded:
    """Frames of a codec; they repeat after the last one, which comes before a keyframe."""

    format: Format
    kind: str
    frames: tuple[bytes, ...]
    ticks: int
    """Per frame."""


def _pictures(count: int, width: int, height: int) -> Iterator[av.VideoFrame]:
    for index in range(count):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[:, (index * 7) % width :] = 255
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
        frame.pts = index
        yield frame


def encode_video(
    codec: str, options: dict[str, str], *, width: int = 320, height: int = 180
) -> tuple[bytes, ...]:
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.options = {"g": str(KEYFRAME_FRAMES), **options}
    packets = [
        bytes(p) for frame in _pictures(2 * KEYFRAME_FRAMES, width, height) for p in encoder.encode(frame)
    ]
    return (*packets, *(bytes(p) for p in encoder.encode(None)))


X264 = {
    "profile": "baseline",
    "preset": "ultrafast",
    "tune": "zerolatency",
    "keyint_min": str(KEYFRAME_FRAMES),
}


@pytest.fixture(scope="session")
def h264() -> Encoded:
    return Encoded(H264, "video", encode_video("libx264", X264), 90_000 // FPS)


@pytest.fixture(scope="session")
def h264_large() -> Encoded:
    """The same in another size."""
    return Encoded(H264, "video", encode_video("libx264", X264, width=640, height=360), 90_000 // FPS)


@pytest.fixture(scope="session")
def vp8() -> Encoded:
    options = {"deadline": "realtime", "lag-in-frames": "0", "keyint_min": str(KEYFRAME_FRAMES)}
    return Encoded(VP8, "video", encode_video("libvpx", options), 90_000 // FPS)


@pytest.fixture(scope="session")
def opus() -> Encoded:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    packets: list[bytes] = []
    for index in range(100):
        wave = np.sin(np.arange(960) * 2 * np.pi * 440 / 48_000 + index) * 8000
        frame = av.AudioFrame.from_ndarray(np.repeat(wave.astype(np.int16), 2)[None, :], "s16", "stereo")
        frame.sample_rate, frame.pts = 48_000, index * 960
        packets += [bytes(p) for p in encoder.encode(frame)]
    return Encoded(OPUS, "audio", tuple(packets), 960)


def nal_units(frame: bytes) -> list[bytes]:
    units = frame.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [unit for unit in units if unit]


def packetize_h264(frame: bytes) -> list[bytes]:
    """Parameter sets in a STAP-A, large units in FU-As, the rest alone (RFC 6184)."""
    units = nal_units(frame)
    sets = [unit for unit in units if unit[0] & 0x1F in (7, 8)]
    payloads = []
    if sets:
        payloads.append(b"\x78" + b"".join(struct.pack("!H", len(unit)) + unit for unit in sets))
    for unit in (unit for unit in units if unit not in sets):
        if len(unit) <= MTU:
            payloads.append(unit)
            continue
        pieces = [unit[start : start + MTU] for start in range(1, len(unit), MTU)]
        for index, piece in enumerate(pieces):
            flags = 0x80 * (index == 0) | 0x40 * (index == len(pieces) - 1)
            payloads.append(bytes([unit[0] & 0xE0 | 28, flags | unit[0] & 0x1F]) + piece)
    return payloads


def packetize_vp8(frame: bytes) -> list[bytes]:
    pieces = [frame[start : start + MTU] for start in range(0, len(frame), MTU)]
    return [(b"\x10" if index == 0 else b"\x00") + piece for index, piece in enumerate(pieces)]


PACKETIZERS: dict[str, Callable[[bytes], list[bytes]]] = {
    "H264": packetize_h264,
    "VP8": packetize_vp8,
    "opus": lambda frame: [frame],
}


@dataclass
class Sender:
    """A publication as the server forwards it: paced, with sender reports; it keeps everything for NACKs."""

    encoded: Encoded
    ssrc: int
    person: str = "p1"
    source: str = "camera"
    begins_us: int = 100_000
    """Item clock at its first packet; capture time 0."""
    drift: float = 0.0
    """Of its media clock against ours."""
    delay_us: int = 20_000
    reports: bool = True
    clock: str = "1"
    silent: list[tuple[int, int]] = field(default_factory=list)
    """Spans of the item's clock in which its packets are lost for good (outage of its uplink)."""
    sequence: int = 65_000
    timestamp0: int = 0xFFFF_0000
    frames_sent: int = 0
    content: int = 0
    """Index of the next frame's picture: a keyframe that is asked for comes at once."""
    keyframe_requests: int = 0
    history: dict[int, bytes] = field(default_factory=dict)
    repeated: int = 0
    outage_lost: set[int] = field(default_factory=set)

    @property
    def frame_us(self) -> float:
        return self.encoded.ticks * 1_000_000 / self.encoded.format.clock_rate

    def opened(self, item: str, rtx_ssrc: int = 0) -> TrackOpen:
        formats = [
            msgspec.structs.replace(self.encoded.format, rtx_payload_type=RTX_TYPE if rtx_ssrc else None)
        ]
        return TrackOpen(
            item=item,
            person=self.person,
            source=self.source,
            kind=self.encoded.kind,
            ssrc=self.ssrc,
            rtx_ssrc=rtx_ssrc,
            formats=formats,
            clock=self.clock,
        )

    def request_keyframe(self) -> None:
        self.keyframe_requests += 1
        self.content += -self.content % KEYFRAME_FRAMES

    def next_us(self) -> float:
        """Item clock at which the next frame leaves it."""
        return self.begins_us + self.frames_sent * self.frame_us * (1 + self.drift)

    def frame(self) -> list[bytes]:
        """Datagrams of the next frame, sender report included once a second."""
        at_us = self.next_us()
        index = self.frames_sent
        self.frames_sent += 1
        timestamp = (self.timestamp0 + index * self.encoded.ticks) & 0xFFFF_FFFF
        picture = self.encoded.frames[self.content % len(self.encoded.frames)]
        self.content += 1
        payloads = PACKETIZERS[self.encoded.format.codec](picture)
        lost = any(start <= at_us < end for start, end in self.silent)
        datagrams = []
        for position, payload in enumerate(payloads):
            marker = 0x80 * (position == len(payloads) - 1)
            header = struct.pack(
                "!BBHII",
                0x80,
                marker | self.encoded.format.payload_type,
                self.sequence & 0xFFFF,
                timestamp,
                self.ssrc,
            )
            self.history[self.sequence & 0xFFFF] = header + payload
            if lost:
                self.outage_lost.add(self.sequence & 0xFFFF)
            else:
                datagrams.append(header + payload)
            self.sequence += 1
        if self.reports and not lost and index % round(1_000_000 / self.frame_us) == 1:
            datagrams.append(sender_report(self.ssrc, at_us, timestamp))
        return datagrams


def sender_report(ssrc: int, at_us: float, timestamp: int) -> bytes:
    """The sender's wall clock shows 1000 s more than the item's."""
    ntp = round((2_208_988_800 + 1000 + at_us / 1e6) * (1 << 32))
    return struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, ntp, timestamp, 0, 0)


def as_rtx(datagram: bytes, sender: Sender) -> bytes:
    """RFC 4588: another SSRC and payload type, a sequence of its own, the original's number in front."""
    sender.repeated += 1
    marker = datagram[1] & 0x80
    header = struct.pack("!BBH", datagram[0], marker | RTX_TYPE, sender.repeated & 0xFFFF)
    return header + datagram[4:8] + struct.pack("!I", sender.ssrc + RTX) + datagram[2:4] + datagram[12:]


def lost_sequences(nack: bytes) -> list[int]:
    found = []
    for first, mask in struct.iter_unpack("!HH", nack[12:]):
        found.append(first)
        found += [(first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return found


@dataclass
class Studio:
    """A feed with its spool and a library on a disk, driven by a clock of its own."""

    root: Path
    item: str = "demo-1"
    loss: float = 0.0
    jitter_us: int = 0
    seed: int = 1
    now_us: int = STARTED_US
    rtx: bool = False

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.storage = Storage(self.root / "library")
        self.spool = Spool(Storage(self.root / "library"))
        self.closed: list[str] = []
        self.signer = LedgerKey.open(self.root)
        self.feed = Feed(
            self.spool, lambda item: recovery.mend(self.storage, item), self._on_closed, self.signer
        )
        self.senders: list[Sender] = []
        self._wire: list[tuple[float, int, bytes]] = []
        self._count = itertools.count()
        self.library = Library(self.root)

    def _on_closed(self, item: str) -> None:
        write_summary(self.storage, item)
        self.closed.append(item)

    def open(self) -> None:
        opened = ItemOpen(
            item=self.item, lesson="demo", title="光合作用", started_ms=START_MS, started_us=STARTED_US
        )
        self.feed.message(opened, self.now_us)

    def add(self, *senders: Sender) -> None:
        for sender in senders:
            self.senders.append(sender)
            rtx_ssrc = sender.ssrc + RTX if self.rtx else 0
            self.feed.message(sender.opened(self.item, rtx_ssrc), self.now_us)

    def remove(self, sender: Sender, cause: str = "left") -> None:
        self.senders.remove(sender)
        self.feed.message(TrackClose(ssrc=sender.ssrc, cause=cause), self.now_us)

    def run(self, until_us: int) -> None:
        """Until the item's clock shows that."""
        end_us = STARTED_US + until_us
        while self.now_us < end_us:
            self.now_us += 10_000
            self._send()
            while self._wire and self._wire[0][0] <= self.now_us:
                at_us, _, datagram = heapq.heappop(self._wire)
                self.feed.datagram(datagram, int(at_us))
            self.feed.tick(self.now_us)
            for request in self.feed.drain():
                self._answer(request)
            self.spool.work()

    def close(self, cause: str = "ended") -> None:
        self.feed.message(ItemClose(item=self.item, cause=cause, ended_us=self.now_us), self.now_us)
        self.spool.work()

    def _send(self) -> None:
        for sender in self.senders:
            while STARTED_US + sender.next_us() + sender.delay_us <= self.now_us:
                at_us = STARTED_US + sender.next_us() + sender.delay_us
                for datagram in sender.frame():
                    self._put(datagram, at_us)

    def _put(self, datagram: bytes, at_us: float) -> None:
        if self.random.random() >= self.loss:
            late = self.random.random() * self.jitter_us
            heapq.heappush(self._wire, (at_us + late, next(self._count), datagram))

    def _answer(self, request: bytes) -> None:
        kind, ssrc = request[1], struct.unpack_from("!I", request, 8)[0]
        sender = next(sender for sender in self.senders if sender.ssrc == ssrc)
        if kind == 206:
            sender.request_keyframe()
            return
        for sequence in lost_sequences(request):
            if sequence in sender.history and sequence not in sender.outage_lost:
                datagram = sender.history[sequence]
                self._put(as_rtx(datagram, sender) if self.rtx else datagram, self.now_us + 5_000)


@pytest.fixture(scope="session")
def studio_type() -> type[Studio]:
    return Studio


@pytest.fixture
def studio(tmp_path: Path) -> Callable[..., Studio]:
    """Studio(loss=..., jitter_us=...), its item opened."""

    def make(**options: object) -> Studio:
        made = Studio(tmp_path, **options)
        made.open()
        return made

    return make


@pytest.fixture(scope="session")
def sender() -> type[Sender]:
    return Sender


@pytest.fixture
def read_track() -> Callable[[Studio, str], list[tuple[float, bool]]]:
    """(seconds, keyframe) of every sample in a track's parts, as FFmpeg reads them."""

    def read(studio: Studio, track: str) -> list[tuple[float, bool]]:
        found = []
        for path in sorted((studio.root / "library" / studio.item).glob(f"{track}.*.mp4")):
            with av.open(str(path)) as container:
                packets: Iterable[av.Packet] = container.demux(container.streams[0])
                found += [(float(p.pts * p.time_base), p.is_keyframe) for p in packets if p.size]
        return found

    return read
