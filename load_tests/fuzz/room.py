"""The engine as a whole: people in a room who talk and look, and others who mean it no good.

Sans-IO, with a clock of its own: a millisecond at a time, in which the teacher may send, the pupils receive
and report, and a hundred hostile datagrams arrive:

- from addresses that nobody knows: STUN, DTLS, RTP and noise, mutated;
- from a peer that has keys: RTP and RTCP that are mutated before they are encrypted, RTP that jumps, RTCP
  that lies;
- from a peer without encryption (a process of this machine would be one), so that what no cipher library
  would carry gets to the parsers all the same;
- and forged ones under the addresses of the others.

What the pupils get of the teacher must be what was sent, once and in order; that is checked packet by packet.
The hostile peers publish and subscribe everything, leave and come back every second. Afterwards nothing of
them is left.
"""

from __future__ import annotations

import random
import resource
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pylibsrtp import Error, Policy, Session

from sfu.engine.address import pack_address
from sfu.engine.engine import Engine
from sfu.engine.rtcp import build_rr
from sfu.engine.twcc import TwccReceiver

from . import corpus
from .mutator import Mutator

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ORIENTATION = "urn:3gpp:video-orientation"
DEPENDENCY = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
KINDS = (MID, RID, REPAIRED_RID, ABS_SEND_TIME, TRANSPORT_CC, AUDIO_LEVEL, ORIENTATION, DEPENDENCY)
RECEIVED_EXTENSIONS = {uri: id for id, uri in enumerate(KINDS, start=1)}
SENT_EXTENSIONS = {MID: 1, ABS_SEND_TIME: 4, TRANSPORT_CC: 5, AUDIO_LEVEL: 6, ORIENTATION: 7, DEPENDENCY: 8}

TWO_BYTE_PROFILE = b"\x10\x00"
"""RFC 8285, 4.3."""
STEP_US = 1000
HOSTILE_PER_STEP = 100
"""100,000 datagrams a second of the room's time."""
AUDIO_US, VIDEO_US, KEYFRAME_US = 20_000, 33_000, 2_000_000
RETURN_US = 1_000_000
"""How long a hostile peer stays before it leaves and comes back."""
PACKETS_PER_FRAME = 3
PADDED = 0x20
"""The P bit of RTP's first byte (RFC 3550, 5.1)."""
GCM_KEY = 28
"""Bytes of master key and salt."""
SENDER_PACKETS = 5_000
"""A hostile peer gets a new cipher after so many: a sender's libsrtp refuses to go back in its numbers."""
WARM_UP = 0.05
"""Of all datagrams: after these every buffer has the size that it will have."""
CODECS = (("VP8", 96, 97), ("H264", 98, 99), ("VP9", 100, 101), ("AV1", 102, 103))
HOSTILE_SSRCS = range(1000, 1040)
SUBSCRIPTIONS = 40
"""About as many as there are of and for the hostile peers."""


def srtp(key: bytes, direction: int) -> Session:
    policy = Policy(key, direction, 0, Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return Session(policy)


def rtp_packet(
    sequence: int, timestamp: int, ssrc: int, payload_type: int, payload: bytes, *, marker: bool
) -> bytes:
    second = marker << 7 | payload_type
    return struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


class Peer:
    """One transport of the engine with the keys of both ends."""

    def __init__(self, engine: Engine, number: int, *, plain: bool = False) -> None:
        chance = random.Random(number)
        self.address = pack_address("192.0.2.1", 1000 + number)
        self.keys = chance.randbytes(64), chance.randbytes(64)
        self.transport = engine.add_transport(ufrag=f"peer{number}")
        engine.set_address(self.transport, self.address)
        self.decrypt = srtp(self.keys[1], Policy.SSRC_ANY_INBOUND)
        self.encrypt = srtp(self.keys[0], Policy.SSRC_ANY_OUTBOUND)
        if plain:
            engine.set_plain(self.transport)
        else:
            inbound, outbound = (
                srtp(self.keys[0], Policy.SSRC_ANY_INBOUND),
                srtp(self.keys[1], Policy.SSRC_ANY_OUTBOUND),
            )
            engine.set_keys(self.transport, inbound, outbound, aead_key=self.keys[1][:GCM_KEY])
        engine.set_receive_extensions(self.transport, RECEIVED_EXTENSIONS)
        engine.set_send_extensions(self.transport, SENT_EXTENSIONS)


@dataclass
class Heard:
    """What one pupil got of one track."""

    expected: int = 0
    packets: int = 0


@dataclass
class Pupil:
    peer: Peer
    audio: Heard = field(default_factory=Heard)
    video: Heard = field(default_factory=Heard)
    feedback: TwccReceiver = field(default_factory=TwccReceiver)


class Room:
    AUDIO_SSRC, VIDEO_SSRC = 11, 12
    """Towards each pupil."""

    def __init__(self, seed: int, folder: Path = corpus.FOLDER) -> None:
        self.mutator = Mutator(seed)
        self.random = self.mutator.random
        self.engine = Engine(seed=seed + 1)
        self.now_us = 1_000_000
        self.sent: Counter[str] = Counter()
        self.glitches: list[str] = []
        self.audio_sent = self.video_sent = 0
        self._last_ssrc = 5000
        self.teacher = Peer(self.engine, 1)
        self.audio = self._publish(self.teacher, "audio", "0", [("opus", 111, -1, False)], [("", 21, 0)])
        self.video = self._publish(self.teacher, "video", "1", [("VP8", 96, -1, True)], [("", 22, 0)])
        self.pupils = [self._pupil(number) for number in (2, 3)]
        self.hostile: list[tuple[Peer, bool]] = []
        self._examples = {
            name: corpus.examples(name, folder)
            for name in (
                "rtp",
                "rtcp",
                "stun",
                "payload_descriptor",
                "dependency_descriptor",
                "transport_feedback",
            )
        }
        self._attacks: tuple[tuple[str, Callable[[], None]], ...] = (
            *[("unknown address", self._from_nowhere)] * 3,
            *[("authenticated RTP", self._authenticated_rtp)] * 2,
            *[("authenticated RTCP", self._authenticated_rtcp)] * 2,
            *[("unencrypted RTP", self._plain_rtp)] * 2,
            *[("unencrypted RTCP", self._plain_rtcp)],
            *[("forged", self._forged)] * 2,
        )

    # --- people ----------------------------------------------------------------------------------------

    def _publish(
        self,
        peer: Peer,
        kind: str,
        mid: str,
        formats: list[tuple[str, int, int, bool]],
        encodings: list[tuple[str, int, int]],
    ) -> int:
        return self.engine.add_publication(
            peer.transport,
            kind=kind,
            mid=mid,
            clock_rate=48_000 if kind == "audio" else 90_000,
            formats=formats,
            encodings=encodings,
            transport_cc=True,
        )

    def _subscribe(self, peer: Peer, publication: int, ssrc: int, payload_types: list[int]) -> None:
        self.engine.add_subscription(
            peer.transport,
            publication,
            mid=str(ssrc % 10),
            ssrc=ssrc,
            rtx_ssrc=0,
            formats=[(payload_type, -1, True) for payload_type in payload_types],
        )

    def _pupil(self, number: int) -> Pupil:
        pupil = Pupil(Peer(self.engine, number))
        self._subscribe(pupil.peer, self.audio, self.AUDIO_SSRC, [111])
        self._subscribe(pupil.peer, self.video, self.VIDEO_SSRC, [96])
        return pupil

    def _teach(self) -> None:
        """What the teacher sends in this step: numbered packets."""
        if self.now_us % AUDIO_US == 0:
            number = self.audio_sent
            self.audio_sent += 1
            packet = rtp_packet(
                number, 960 * number, 21, 111, struct.pack("!I", number) + bytes(60), marker=False
            )
            self._deliver(self.teacher, self.teacher.encrypt.protect(packet))
        if self.now_us % VIDEO_US == 0:
            keyframe = self.video_sent == 0 or self.now_us % KEYFRAME_US < VIDEO_US
            for part in range(PACKETS_PER_FRAME):
                number = self.video_sent
                self.video_sent += 1
                descriptor = bytes([0x10 if part == 0 else 0, 0 if keyframe else 1])
                payload = descriptor + struct.pack("!I", number) + bytes(300)
                last = part == PACKETS_PER_FRAME - 1
                packet = rtp_packet(number, 90 * self.now_us // 1000, 22, 96, payload, marker=last)
                self._deliver(self.teacher, self.teacher.encrypt.protect(packet))

    def _deliver(self, peer: Peer, datagram: bytes) -> None:
        self.engine.input(datagram, peer.address, self.now_us)

    def _collect(self) -> None:
        """What leaves the engine; of the hostile peers' share nothing is read."""
        by_address = {pupil.peer.address: pupil for pupil in self.pupils}
        for datagram, address in self.engine.drain():
            pupil = by_address.get(address)
            if pupil is not None and not 192 <= datagram[1] <= 223:
                self._hear(pupil, datagram)
        self.engine.events()

    def _hear(self, pupil: Pupil, datagram: bytes) -> None:
        """The header is in the clear; only what the teacher sent is decrypted."""
        ssrc = int.from_bytes(datagram[8:12], "big")
        start, end = 16, 16 + 4 * int.from_bytes(datagram[14:16], "big")
        wide = datagram[12:14] == TWO_BYTE_PROFILE
        at = start
        while at < end and datagram[at]:
            id, length, head = (
                (datagram[at], datagram[at + 1], 2)
                if wide
                else (datagram[at] >> 4, (datagram[at] & 15) + 1, 1)
            )
            if id == SENT_EXTENSIONS[TRANSPORT_CC]:
                number = int.from_bytes(datagram[at + head : at + head + 2], "big")
                pupil.feedback.received(number, self.now_us)
            at += head + length
        if ssrc not in (self.AUDIO_SSRC, self.VIDEO_SSRC):
            return
        packet = pupil.peer.decrypt.unprotect(datagram)
        payload = packet[end:]
        if packet[0] & PADDED and payload[-1] == len(payload):
            return  # nothing but padding: the pupil's downlink is probed
        if ssrc == self.AUDIO_SSRC:
            self._check(pupil.audio, int.from_bytes(payload[:4], "big"), "sound")
        else:
            self._check(pupil.video, int.from_bytes(payload[2:6], "big"), "picture")

    def _check(self, heard: Heard, number: int, what: str) -> None:
        if number != heard.expected and len(self.glitches) < 100:
            self.glitches.append(f"{what} {number} came where {heard.expected} was due, at {self.now_us} us")
        heard.expected = number + 1
        heard.packets += 1

    def _report(self) -> None:
        for pupil in self.pupils:
            if 0 <= pupil.feedback.deadline() <= self.now_us:
                report = pupil.feedback.report(self.now_us)
                self._deliver(pupil.peer, pupil.peer.encrypt.protect_rtcp(build_rr(1, []) + report))

    # --- others ----------------------------------------------------------------------------------------

    def _let_in(self) -> None:
        """Two hostile peers, one of them without encryption, that publish and subscribe all there is."""
        for number, plain in ((8, False), (9, True)):
            peer = Peer(self.engine, number, plain=plain)
            self.hostile.append((peer, plain))
            red = [("red", 63, -1, False), ("opus", 111, -1, False)]
            publications = [self._publish(peer, "audio", "0", red, [("", 1000, 0)])]
            for place, (name, payload_type, rtx) in enumerate(CODECS, start=1):
                base = 1000 + 8 * place
                encodings = [("", base, base + 1)] if place % 2 else [("lo", 0, 0), ("hi", 0, 0)]
                publications.append(
                    self._publish(peer, "video", str(place), [(name, payload_type, rtx, True)], encodings)
                )
            self._subscribe(peer, self.audio, self._fresh_ssrc(), [111])
            self._subscribe(peer, self.video, self._fresh_ssrc(), [96])
            for watcher in [each.peer for each in self.pupils] + [each for each, _ in self.hostile]:
                self._subscribe(watcher, publications[0], self._fresh_ssrc(), [63, 111])
                for place, publication in enumerate(publications[1:]):
                    self._subscribe(watcher, publication, self._fresh_ssrc(), [CODECS[place][1]])

    def _fresh_ssrc(self) -> int:
        """Of what the engine sends: one never used before, as it asks for."""
        self._last_ssrc += 1
        return self._last_ssrc

    def _show_out(self) -> None:
        for peer, _ in self.hostile:
            self.engine.remove_transport(peer.transport)
        self.hostile.clear()

    def _hostile(self, plain: bool) -> Peer:
        return next(peer for peer, is_plain in self.hostile if is_plain == plain)

    def _from_nowhere(self) -> None:
        chance = self.random
        address = pack_address(f"198.51.100.{chance.randrange(256)}", chance.randrange(1, 65536))
        kind = chance.randrange(4)
        if kind == 0:
            datagram = self.mutator.bytes(self._examples["stun"]).replace(b"tongke00", b"peer8:ab")
        elif kind == 1:
            datagram = bytes([22, 0xFE, 0xFD]) + chance.randbytes(chance.randrange(1, 200))
        elif kind == 2:
            datagram = self.mutator.bytes(self._examples["rtp"])
        else:
            datagram = chance.randbytes(chance.randrange(0, 100))
        self.engine.input(datagram, address, self.now_us)

    def _nearly_rtp(self) -> bytes:
        """Of the hostile peers' streams: jumping in numbers and time, or mutated, header or payload."""
        chance, kind = self.random, self.random.random()
        if kind < 0.3:
            return self.mutator.bytes(self._examples["rtp"])
        name, payload_type, rtx = chance.choice(CODECS)
        payload = self.mutator.bytes(self._examples["payload_descriptor"])
        descriptor = b""
        if name in ("AV1", "H264") and kind < 0.8:
            packets = corpus.split(self.mutator.bytes(self._examples["dependency_descriptor"]))
            descriptor = chance.choice(packets or [b""])[:255]
        mid = str(1 + [codec for codec, _, _ in CODECS].index(name)).encode()
        rid = chance.choice((b"lo", b"hi", b"no"))
        elements = [(1, mid), (2, rid), (5, chance.randbytes(2)), (8, descriptor)]
        block = b"".join(bytes([id, len(value)]) + value for id, value in elements if value)
        block += bytes(-len(block) % 4)
        ssrc = chance.choice(HOSTILE_SSRCS) if kind < 0.95 else chance.randrange(1 << 32)
        head = struct.pack(
            "!BBHII",
            0x90,
            chance.randrange(2) << 7 | (payload_type if kind < 0.85 else rtx),
            chance.randrange(1 << 16) if kind < 0.5 else self.sent.total() & 0xFFFF,
            chance.randrange(1 << 32) if kind < 0.6 else 90 * self.now_us // 1000 & 0xFFFFFFFF,
            ssrc,
        )
        return head + struct.pack("!HH", 0x1000, len(block) // 4) + block + payload

    def _nearly_rtcp(self) -> bytes:
        chance, kind = self.random, self.random.random()
        if kind < 0.5:
            return self.mutator.bytes(self._examples["rtcp"])
        ssrc = self._last_ssrc - chance.randrange(SUBSCRIPTIONS)
        if kind < 0.65:  # everything again, please
            return struct.pack("!BBHII", 0x81, 205, 102, 1, ssrc) + struct.pack(
                "!" + "HH" * 100,
                *(each for n in range(100) for each in (17 * n + self.sent.total() & 0xFFFF, 0xFFFF)),
            )
        if kind < 0.75:
            return struct.pack("!BBHII", 0x81, 206, 2, 1, ssrc)
        if kind < 0.9:
            reports = corpus.split(self.mutator.bytes(self._examples["transport_feedback"]))
            report = chance.choice(reports or [b""])
            report += bytes(-len(report) % 4)
            return struct.pack("!BBHII", 0x8F, 205, 2 + len(report) // 4, 1, ssrc) + report
        exponent, mantissa = chance.randrange(64), chance.randrange(1 << 18)
        return struct.pack(
            "!BBHII4sBBHI",
            0x8F,
            206,
            5,
            1,
            0,
            b"REMB",
            1,
            exponent << 2 | mantissa >> 16,
            mantissa & 0xFFFF,
            ssrc,
        )

    def _authenticated(self, protect: str, packet: bytes) -> None:
        peer = self._hostile(plain=False)
        if self.sent["authenticated RTP"] % SENDER_PACKETS == 0:
            peer.encrypt = srtp(peer.keys[0], Policy.SSRC_ANY_OUTBOUND)
        try:
            datagram = getattr(peer.encrypt, protect)(packet)
        except (Error, ValueError):
            return  # the sender's own cipher library refuses such nonsense
        self._deliver(peer, datagram)

    def _authenticated_rtp(self) -> None:
        self._authenticated("protect", self._nearly_rtp())

    def _authenticated_rtcp(self) -> None:
        self._authenticated("protect_rtcp", self._nearly_rtcp())

    def _plain_rtp(self) -> None:
        self._deliver(self._hostile(plain=True), self._nearly_rtp()[:2048])

    def _plain_rtcp(self) -> None:
        self._deliver(self._hostile(plain=True), self._nearly_rtcp()[:2048])

    def _forged(self) -> None:
        """Under the address of somebody in the room."""
        victim = self.random.choice([self.teacher, *(pupil.peer for pupil in self.pupils)])
        name = self.random.choice(("rtp", "rtcp", "stun"))
        datagram = self.mutator.bytes(self._examples[name])
        if datagram[:1] and not 20 <= datagram[0] <= 63:  # DTLS is for Python to refuse
            self._deliver(victim, datagram)

    # --- the whole -------------------------------------------------------------------------------------

    def run(self, datagrams: int, progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
        """So many hostile datagrams; what came of it."""
        self._calm()
        before = self.engine.census()
        warm_kib = 0
        self._let_in()
        while (sent := self.sent.total()) < datagrams:
            self._step()
            if self.now_us % RETURN_US == 0:
                self._show_out()
                self._let_in()
            for _ in range(min(HOSTILE_PER_STEP, datagrams - sent)):
                name, attack = self.random.choice(self._attacks)
                self.sent[name] += 1
                attack()
            if not warm_kib and sent >= WARM_UP * datagrams:
                warm_kib = resident_kib()
            if self.now_us % 10_000_000 == 0:
                progress(f"{sent:>12,} datagrams, {resident_kib():,} KiB, glitches: {len(self.glitches)}")
        self._show_out()
        self._calm()
        return self._outcome(before, warm_kib)

    def _calm(self) -> None:
        """The room by itself for a while: begins what is to begin, and lets out what still waits."""
        for _ in range(200):
            self._step()

    def _step(self) -> None:
        self.engine.tick(self.now_us)
        self._collect()
        self._report()
        self.now_us += STEP_US
        self._teach()

    def _outcome(self, before: dict[str, int], warm_kib: int) -> dict[str, Any]:
        self.now_us += 2 * STEP_US  # longer than packets are gathered
        self.engine.tick(self.now_us)
        self._collect()
        for pupil in self.pupils:
            for heard, sent, what in (
                (pupil.audio, self.audio_sent, "sound"),
                (pupil.video, self.video_sent, "picture"),
            ):
                if heard.expected != sent:
                    self.glitches.append(f"{what}: the last {sent - heard.expected} packets never came")
        after = self.engine.census()
        return {
            "datagrams": self.sent.total(),
            "by_kind": dict(self.sent),
            "seconds_of_the_room": (self.now_us - 1_000_000) // 1_000_000,
            "teacher_sent": {"audio": self.audio_sent, "video": self.video_sent},
            "pupils_heard": [{"audio": p.audio.packets, "video": p.video.packets} for p in self.pupils],
            "glitches": self.glitches,
            "left_behind": {name: after[name] - before[name] for name in after if after[name] > before[name]},
            "resident_kib": {"after_warm_up": warm_kib, "at_the_end": resident_kib()},
            "dropped": {k: v for k, v in self.engine.counters().items() if k.startswith("drop_") and v},
        }
