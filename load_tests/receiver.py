"""The receiving end of a browser, as far as a network test needs it: repairs, feedback, what would be seen
and heard. Pure: decrypted packets and a clock in, RTCP and figures out.

Theory of operation. Each stream's sequence numbers are unwrapped. A gap in video is asked for by NACK at
once and again every 1.5 round trips, until it comes or PATIENCE_S is over; then it is missing for good, and
a key picture is asked for. Pictures are put together in order: a frame is seen when its last packet is there,
nothing before it is open, and everything since a key picture was whole. A key picture that is whole is seen
whatever is open before it: that is passed over, as browsers do. Sound is heard when it arrives. A gap in
sound is the longest time between two arrivals, a freeze the longest between two pictures seen.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from . import feedback
from .media import FU_A, NAL_IDR, NAL_SPS, STAP_A
from .rtp import TRANSPORT_CC
from .sdp import RTX_PAYLOAD_TYPE

PATIENCE_S = 1.0
"""A repair later than this is of no use to a conversation."""
ASKED_AT_ONCE = 128
MAX_OPEN = 2_000
"""Missing packets of one stream that are waited for: more is an outage, and a key picture is cheaper."""
PLI_INTERVAL_S = 0.5
FEEDBACK_INTERVAL_S = 0.1
REPORT_INTERVAL_S = 1.0
FREEZE_S = 0.5
OUR_SSRC = 1
PADDING = 0x20
"""P bit of the first byte (RFC 3550, 5.1)."""
ONE_BYTE_PROFILE = 0xBEDE
MAX_FEEDBACK_SPAN = 400
"""Transport-wide numbers in one packet of feedback: below an MTU whatever is missing."""


@dataclass(slots=True)
class _Stream:
    kind: str
    highest: int
    next: int
    """The first number that is not passed on yet."""
    packets: int = 0
    repaired: int = 0
    missing: int = 0
    """Given up."""
    passed_over: int = 0
    """Still open when a later key picture was whole."""
    octets: int = 0
    open: dict[int, list[float]] = field(default_factory=dict)
    """Missing number -> [noticed, asked last]."""
    waiting: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    """Number -> (last of its frame, begins a key picture)."""
    whole: bool = False
    """Everything since a key picture has come."""
    asked_pli: float = 0.0
    times: list[float] = field(default_factory=list)
    """When a picture was seen, or sound came."""


class Receiver:
    def __init__(self, kinds: Mapping[int, str], extensions: Mapping[str, int], rtt_s: float) -> None:
        """kinds: payload type -> `audio` or `video`; extensions: URI -> id."""
        self._kinds, self._rtt_s = kinds, max(0.03, rtt_s)
        self._transport_cc = extensions.get(TRANSPORT_CC, 0)
        self.streams: dict[int, _Stream] = {}
        self._arrived: dict[int, int] = {}
        self._transport_highest: int | None = None
        self._feedback_count = 0
        self._feedback_due = self._report_due = 0.0
        self.progress: list[tuple[float, int]] = []
        """(When, octets of video until then), every second."""

    # --- in -----------------------------------------------------------------------------------------------

    def packet(self, data: bytes, now: float) -> None:
        """One decrypted RTP packet; `now` in seconds."""
        if len(data) < 12:
            return
        marker, payload_type = data[1] >> 7, data[1] & 0x7F
        sequence, ssrc = struct.unpack_from("!H", data, 2)[0], struct.unpack_from("!I", data, 8)[0]
        payload, transport_sequence = self._header(data)
        end = len(data) - (data[-1] if data[0] & PADDING else 0)
        if transport_sequence is not None:
            self._note(transport_sequence, now)
        if payload >= end:
            return  # a probe: nothing but padding
        if payload_type == RTX_PAYLOAD_TYPE:
            ssrc, sequence, payload = self._repaired(data, payload)
        kind = "video" if payload_type == RTX_PAYLOAD_TYPE else self._kinds.get(payload_type)
        if kind is None or payload >= end or (ssrc not in self.streams and payload_type == RTX_PAYLOAD_TYPE):
            return
        stream = self.streams.setdefault(ssrc, _Stream(kind, sequence - 1, sequence))
        number = stream.highest + _signed(sequence - stream.highest)
        stream.octets += len(data)
        if number > stream.highest:
            self._open(stream, number, now)
        elif stream.open.pop(number, None) is not None:
            stream.repaired += 1
        else:
            return  # twice
        stream.packets += 1
        if kind == "audio":
            stream.times.append(now)
        else:
            stream.waiting[number] = bool(marker), begins_key_picture(data[payload:])
            self._assemble(stream, now)

    def _repaired(self, data: bytes, payload: int) -> tuple[int, int, int]:
        """(SSRC, sequence number, where the payload begins) of what is sent again (RFC 4588, 4)."""
        ssrc = next((ssrc for ssrc, each in self.streams.items() if each.kind == "video"), 0)
        return ssrc, int.from_bytes(data[payload : payload + 2], "big"), payload + 2

    def _header(self, data: bytes) -> tuple[int, int | None]:
        """(where the payload begins, transport-wide number)."""
        at = 12 + 4 * (data[0] & 15)
        if not data[0] & 0x10 or len(data) < at + 4:
            return at, None
        profile, words = struct.unpack_from("!HH", data, at)
        end, at, found = at + 4 + 4 * words, at + 4, None
        while profile == ONE_BYTE_PROFILE and at < min(end, len(data) - 2):
            id, length = data[at] >> 4, (data[at] & 15) + 1
            if id == self._transport_cc and id and length == 2:
                found = int.from_bytes(data[at + 1 : at + 3], "big")
            at += 1 if data[at] == 0 else 1 + length
        return end, found

    def _note(self, sequence: int, now: float) -> None:
        highest = self._transport_highest
        number = sequence if highest is None else highest + _signed(sequence - highest)
        self._transport_highest = number if highest is None else max(highest, number)
        self._arrived[number] = round(now * 1e6)

    @staticmethod
    def _open(stream: _Stream, number: int, now: float) -> None:
        for missing in range(stream.highest + 1, min(number, stream.highest + MAX_OPEN)):
            stream.open[missing] = [now, -math.inf]
        stream.highest = number

    def _assemble(self, stream: _Stream, now: float) -> None:
        """Passes on what is complete, in order."""
        if stream.next in stream.open:
            self._pass_over(stream)
        while stream.next not in stream.open and stream.next <= stream.highest:
            found = stream.waiting.pop(stream.next, None)
            stream.next += 1
            if found is None:
                stream.whole = False  # given up
                continue
            last, key = found
            stream.whole = stream.whole or key
            if last and stream.whole:
                stream.times.append(now)

    @staticmethod
    def _pass_over(stream: _Stream) -> None:
        """To the latest key picture that is whole."""
        keys = [at for at, (_, key) in stream.waiting.items() if key and at > stream.next]
        for begin in sorted(keys, reverse=True):
            end = begin
            while end in stream.waiting and not stream.waiting[end][0]:
                end += 1
            if end in stream.waiting:
                passed = [at for at in stream.open if at < begin]
                stream.passed_over += len(passed)
                stream.open = {at: times for at, times in stream.open.items() if at > begin}
                stream.waiting = {at: what for at, what in stream.waiting.items() if at >= begin}
                stream.next = begin
                return

    # --- out ----------------------------------------------------------------------------------------------

    def due(self, now: float) -> Iterator[bytes]:
        """RTCP packets to send now; to be called often."""
        for ssrc, stream in self.streams.items():
            self._give_up(stream, now)
            asked = [each for each, times in stream.open.items() if now - times[1] >= 1.5 * self._rtt_s]
            if asked and stream.kind == "video":
                asked = sorted(asked)[:ASKED_AT_ONCE]
                for each in asked:
                    stream.open[each][1] = now
                yield feedback.nack(OUR_SSRC, ssrc, [each & 0xFFFF for each in asked])
            if stream.kind == "video" and not stream.whole and now - stream.asked_pli >= PLI_INTERVAL_S:
                stream.asked_pli = now
                yield feedback.pli(OUR_SSRC, ssrc)
        if now >= self._feedback_due and self._arrived:
            self._feedback_due = now + FEEDBACK_INTERVAL_S
            yield from self._transport_feedback()
        if now >= self._report_due and self.streams:
            self._report_due = now + REPORT_INTERVAL_S
            video = sum(each.octets for each in self.streams.values() if each.kind == "video")
            self.progress.append((now, video))
            blocks = [(ssrc, 0, each.missing, each.highest, 0) for ssrc, each in self.streams.items()]
            yield feedback.receiver_report(OUR_SSRC, blocks[:31])

    def _give_up(self, stream: _Stream, now: float) -> None:
        late = [each for each, times in stream.open.items() if now - times[0] > PATIENCE_S]
        for each in late:
            del stream.open[each]
        stream.missing += len(late)
        if late and stream.kind == "video":
            self._assemble(stream, now)

    def _transport_feedback(self) -> Iterator[bytes]:
        arrived, self._arrived = sorted(self._arrived.items()), {}
        media = next(iter(self.streams), 0)
        while arrived:
            span = [each for each in arrived if each[0] - arrived[0][0] < MAX_FEEDBACK_SPAN]
            yield feedback.transport_feedback(OUR_SSRC, media, self._feedback_count, span)
            self._feedback_count += 1
            arrived = arrived[len(span) :]


def begins_key_picture(payload: bytes) -> bool:
    """Whether this payload (RFC 6184) begins an IDR picture or its parameter sets."""
    if not payload:
        return False
    kind = payload[0] & 31
    if kind == FU_A and len(payload) > 1:
        return bool(payload[1] & 0x80) and payload[1] & 31 == NAL_IDR
    if kind == STAP_A and len(payload) > 3:
        kind = payload[3] & 31
    return kind in (NAL_IDR, NAL_SPS)


def _signed(difference: int) -> int:
    """Modulo 2^16, from -2^15 to 2^15 - 1."""
    return (difference + 0x8000 & 0xFFFF) - 0x8000


def video_bits_per_second(receiver: Receiver, start: float, end: float) -> float:
    """Between two moments, to within a second at both ends."""
    inside = [each for each in receiver.progress if start <= each[0] < end]
    if len(inside) < 2:
        return 0.0
    (first, before), (last, after) = inside[0], inside[-1]
    return (after - before) * 8 / (last - first)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one kind was like between two moments."""

    count: int
    longest_gap_s: float
    first_s: float
    """Of the moments, how long until the first."""
    gaps: int
    """Longer than FREEZE_S."""


def seen(receiver: Receiver, kind: str, start: float, end: float) -> Seen:
    """Of the stream of this kind with most of it."""
    times = max((each.times for each in receiver.streams.values() if each.kind == kind), key=len, default=[])
    inside = [each for each in times if start <= each < end]
    edges = [start, *inside, end]
    gaps = [later - earlier for earlier, later in pairwise(edges)]
    first = inside[0] - start if inside else end - start
    return Seen(len(inside), max(gaps), first, sum(gap > FREEZE_S for gap in gaps))
