"""Peers with real SRTP, a seeded lossy link and a clock of their own: minutes of network in milliseconds."""

from __future__ import annotations

import heapq
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from pylibsrtp import Error, Policy, Session

from sfu.engine.address import pack_address
from sfu.engine.engine import Engine

GCM_128 = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
GCM_256 = Policy.SRTP_PROFILE_AEAD_AES_256_GCM
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
EXTENSIONS = {MID: 1, ABS_SEND_TIME: 2, TRANSPORT_CC: 3, RID: 4}
START_US = 1_000_000


KEY_BYTES = {GCM_128: 28, GCM_256: 44}
"""Of master key and salt, of the profiles that are AEADs."""


def master_key(seed: int, profile: int) -> bytes:
    """Of the direction that `srtp_pair` makes; empty where the profile is no AEAD."""
    return random.Random(seed).randbytes(64)[: KEY_BYTES.get(profile, 0)]


def srtp_pair(seed: int, profile: int = GCM_128) -> tuple[Session, Session]:
    """(protecting, unprotecting) sessions of one direction."""
    key = random.Random(seed).randbytes(64)
    outbound = Policy(key, Policy.SSRC_ANY_OUTBOUND, 0, profile)
    outbound.allow_repeat_tx = True
    outbound.window_size = 1024
    inbound = Policy(key, Policy.SSRC_ANY_INBOUND, 0, profile)
    inbound.allow_repeat_tx = True
    inbound.window_size = 1024
    return Session(outbound), Session(inbound)


def rtp(
    sequence: int,
    payload: bytes,
    *,
    ssrc: int,
    payload_type: int = 96,
    timestamp: int = 0,
    marker: bool = False,
    extensions: dict[int, bytes] | None = None,
) -> bytes:
    block = b"".join(bytes([id << 4 | len(value) - 1]) + value for id, value in (extensions or {}).items())
    block += bytes(-len(block) % 4)
    head = struct.pack(
        "!BBHII",
        0x90 if block else 0x80,
        marker << 7 | payload_type,
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    return head + (struct.pack("!HH", 0xBEDE, len(block) // 4) + block if block else b"") + payload


def vp8(number: int, *, keyframe: bool, size: int = 200) -> bytes:
    """A VP8 payload (RFC 7741) that begins a frame and carries a number to know it by."""
    return bytes([0x10, 0 if keyframe else 1]) + struct.pack("!I", number) + bytes(size - 6)


def vp8_number(payload: bytes) -> int:
    return int(struct.unpack_from("!I", payload, 2)[0])


@dataclass(frozen=True)
class Rtp:
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    extensions: dict[int, bytes]
    payload: bytes


def parse(data: bytes) -> Rtp:
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    at = 12 + 4 * (first & 15)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        profile, words = struct.unpack_from("!HH", data, at)
        assert profile == 0xBEDE
        block = data[at + 4 : at + 4 + 4 * words]
        at += 4 + 4 * words
        i = 0
        while i < len(block):
            if block[i] == 0:
                i += 1
                continue
            size = (block[i] & 15) + 1
            extensions[block[i] >> 4] = block[i + 1 : i + 1 + size]
            i += 1 + size
    end = len(data) - data[-1] if first & 0x20 else len(data)
    return Rtp(second & 127, bool(second >> 7), sequence, timestamp, ssrc, extensions, data[at:end])


def rtcp_items(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(packet type, count, everything behind the first four bytes) of a compound."""
    while data:
        size = 4 * (struct.unpack_from("!H", data, 2)[0] + 1)
        yield data[1], data[0] & 31, data[4:size]
        data = data[size:]


def nack_of(ssrc: int, lost: list[int]) -> bytes:
    return struct.pack("!BBHII", 0x81, 205, 2 + len(lost), 1, ssrc) + b"".join(
        struct.pack("!HH", number, 0) for number in lost
    )


def lost_of(body: bytes) -> list[int]:
    """Sequence numbers of a NACK's body (sender and media SSRC first)."""
    numbers = []
    for at in range(8, len(body), 4):
        pid, bits = struct.unpack_from("!HH", body, at)
        numbers += [pid, *((pid + 1 + i) & 0xFFFF for i in range(16) if bits >> i & 1)]
    return numbers


@dataclass
class Link:
    """One direction of one peer's access: a rate with a queue before it, and loss on the air."""

    bps: float = 1e9
    queue_us: int = 400_000
    """What would wait longer is dropped."""
    delay_us: int = 10_000
    loss: float = 0.0
    free_us: float = 0.0
    dropped: int = 0

    def carry(self, now_us: int, size: int, chance: float) -> int | None:
        """When these bytes arrive; None: never."""
        start = max(self.free_us, float(now_us))
        if start - now_us > self.queue_us:
            self.dropped += 1
            return None
        self.free_us = start + 8e6 * size / self.bps
        return None if chance < self.loss else int(self.free_us) + self.delay_us


class Peer:
    """The other end of one transport: real SRTP, bytes in and out."""

    def __init__(self, bed: Bed, number: int, profile: int = GCM_128) -> None:
        self.bed = bed
        self.address = pack_address("192.0.2.1", 1000 + number)
        self.protect_to, from_peer = srtp_pair(2 * number, profile)
        to_peer, self.unprotect_from = srtp_pair(2 * number + 1, profile)
        self.unwrapped: dict[int, int] = {}
        self.sent_to: dict[tuple[int, int], bytes] = {}
        self.transport = bed.engine.add_transport(ufrag=f"peer{number}")
        bed.engine.set_address(self.transport, self.address)
        key = master_key(2 * number + 1, profile) if bed.own_cipher else b""
        bed.engine.set_keys(self.transport, from_peer, to_peer, aead_key=key)
        bed.engine.set_receive_extensions(self.transport, EXTENSIONS)
        bed.engine.set_send_extensions(self.transport, {MID: 1, ABS_SEND_TIME: 2, TRANSPORT_CC: 3})
        self.up: Link | None = None
        self.down: Link | None = None
        self.packets: list[Rtp] = []
        self.datagrams: list[bytes] = []
        self.reports: list[tuple[int, int, bytes]] = []
        self.on_rtcp: Callable[[int, int, bytes], None] = lambda *_: None
        self.on_rtp: Callable[[Rtp], None] = lambda _: None

    def send(self, packet: bytes) -> None:
        self.bed.uplink(self, self.protect_to.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        self.bed.uplink(self, self.protect_to.protect_rtcp(packet))

    def check_number(self, datagram: bytes) -> None:
        """Under one key no number is ever used for two packets that differ (RFC 7714, 9.1)."""
        if 192 <= datagram[1] <= 223:
            return
        sequence, ssrc = struct.unpack_from("!H4xI", datagram, 2)
        highest = self.unwrapped.setdefault(ssrc, sequence)
        index = highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000
        self.unwrapped[ssrc] = max(highest, index)
        assert self.sent_to.setdefault((ssrc, index), datagram) == datagram

    def receive(self, datagram: bytes) -> None:
        self.datagrams.append(datagram)
        if 192 <= datagram[1] <= 223:
            for item in rtcp_items(self.unprotect_from.unprotect_rtcp(datagram)):
                self.reports.append(item)
                self.on_rtcp(*item)
            return
        try:
            packet = parse(self.unprotect_from.unprotect(datagram))
        except Error:
            return  # a plain repeat of what came already: SRTP's replay list refuses it
        self.packets.append(packet)
        self.on_rtp(packet)


@dataclass
class Bed:
    """An engine, its peers, and the wires between them."""

    engine: Engine = field(default_factory=lambda: Engine(seed=1))
    now_us: int = START_US
    loss: float = 0.0
    reorder: float = 0.0
    random: random.Random = field(default_factory=lambda: random.Random(2026))
    delay_us: int = 0
    peers: dict[bytes, Peer] = field(default_factory=dict)
    wire: list[tuple[int, int, bool, Peer, bytes]] = field(default_factory=list)
    count: int = 0
    own_cipher: bool = True
    """The engine protects RTP itself, where the profile is an AEAD; else libsrtp does."""

    def peer(self, profile: int = GCM_128) -> Peer:
        peer = Peer(self, len(self.peers) + 1, profile)
        self.peers[peer.address] = peer
        return peer

    def _put(self, up: bool, peer: Peer, datagram: bytes) -> None:
        link = peer.up if up else peer.down
        if link is not None:
            at = link.carry(self.now_us, len(datagram), self.random.random())
            if at is not None:
                self.count += 1
                heapq.heappush(self.wire, (at, self.count, up, peer, datagram))
            return
        if self.random.random() < self.loss:
            return
        late = self.random.randrange(5_000, 25_000) if self.random.random() < self.reorder else 0
        self.count += 1
        heapq.heappush(self.wire, (self.now_us + self.delay_us + late, self.count, up, peer, datagram))

    def uplink(self, peer: Peer, datagram: bytes) -> None:
        self._put(True, peer, datagram)

    def advance(self, duration_us: int) -> None:
        """Lets time pass: datagrams arrive, timers fire."""
        end = self.now_us + duration_us
        while True:
            self._collect()
            due = min(self.wire[0][0] if self.wire else end, self._deadline(end), end)
            self.now_us = max(self.now_us, due)
            while self.wire and self.wire[0][0] <= self.now_us:
                _, _, up, peer, datagram = heapq.heappop(self.wire)
                if up:
                    self.engine.input(datagram, peer.address, self.now_us)
                else:
                    peer.receive(datagram)
            self.engine.tick(self.now_us)
            if self.now_us >= end:
                self._collect()
                if not self.wire or self.wire[0][0] > end:
                    return

    def _deadline(self, end: int) -> int:
        due = self.engine.next_deadline_us()
        return end if due < 0 else due

    def _collect(self) -> None:
        for datagram, address in self.engine.drain():
            if address in self.peers:
                if datagram[0] & 0xC0 == 0x80:
                    self.peers[address].check_number(datagram)
                self._put(False, self.peers[address], datagram)


@pytest.fixture(params=["own_cipher", "libsrtp"])
def bed(request: pytest.FixtureRequest) -> Bed:
    return Bed(own_cipher=request.param == "own_cipher")


@pytest.fixture
def wire_format() -> type:
    """The packet helpers, for tests that make their own bytes."""

    class Format:
        rtp = staticmethod(rtp)
        vp8 = staticmethod(vp8)
        vp8_number = staticmethod(vp8_number)
        nack_of = staticmethod(nack_of)
        lost_of = staticmethod(lost_of)
        parse = staticmethod(parse)
        rtcp_items = staticmethod(rtcp_items)
        srtp_pair = staticmethod(srtp_pair)
        extensions = EXTENSIONS
        link = Link

    return Format
