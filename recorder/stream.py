"""One RTP stream (one SSRC) from its packets to fragments: order, frames, places. Sans-IO; times are
microseconds of the item's clock."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.control import TrackOpen
from recorder.cutter import Cut, Cutter
from recorder.depacketize import Depacketizer, Payload, make_depacketizer
from recorder.jitter import JitterBuffer, Ordered
from recorder.rtp import RtpPacket, SenderReport
from recorder.serial import Unwrapper
from recorder.timeline import SenderClock, Timeline

KEYFRAME_RETRY_US = 500_000
"""Between two requests for a keyframe that does not come; the server limits them again, per publication."""
KEYFRAME_INTERVAL_US = 4_000_000
"""A keyframe is asked for when the last is so old: replay can only begin there. Costs a 720p camera less
than 10 %."""


class Stream:
    def __init__(self, opened: TrackOpen, clock: SenderClock) -> None:
        self.ssrc = opened.ssrc
        self.kind = opened.kind
        rate = next((f.clock_rate for f in opened.formats), 90_000 if opened.kind == "video" else 48_000)
        self._formats = {f.payload_type: f for f in opened.formats}
        self._original = {f.rtx_payload_type: f.payload_type for f in opened.formats if f.rtx_payload_type}
        self._depacketizers: dict[int, Depacketizer] = {}
        self._jitter = JitterBuffer()
        self._timestamps = Unwrapper(32)
        self._timeline = Timeline(rate, clock)
        self._cutter = Cutter(self._timeline, rate, opened.kind)
        self._keyframe_us: int | None = None
        self._asked_us: int | None = None
        self.last_us = 0
        """When its last packet arrived."""
        self.greatest_error_us = 0
        self.unknown_format = 0

    @property
    def muted(self) -> bool:
        return self._cutter.muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._cutter.muted = muted

    def original_payload_type(self, rtx_payload_type: int) -> int | None:
        return self._original.get(rtx_payload_type)

    def packet(self, packet: RtpPacket, now_us: int, *, repeated: bool = False) -> list[Cut]:
        """repeated: a retransmission, whose arrival says nothing of the clock."""
        if packet.payload_type not in self._formats:
            self.unknown_format += 1
            return []
        self.last_us = now_us
        if not repeated and packet.payload:
            self._timeline.observe(self._timestamps.peek(packet.timestamp), now_us)
        framed = self._take(self._jitter.insert(packet, now_us))
        return self._cut(now_us) if framed else []

    def report(self, report: SenderReport) -> None:
        """Before the first packet a report cannot be unwrapped, and is left out."""
        if self.last_us:
            self._timeline.report(report.ntp_us, self._timestamps.peek(report.timestamp))

    def tick(self, now_us: int) -> list[Cut]:
        self._take(self._jitter.tick(now_us))
        return self._cut(now_us)

    def finish(self) -> list[Cut]:
        """All that can still be had: nothing more will come."""
        self._take(self._jitter.flush())
        return self._cutter.flush()

    def nacks(self, now_us: int) -> list[int]:
        return self._jitter.nacks(now_us)

    def wants_keyframe(self, now_us: int) -> bool:
        """Whether to ask for one now; to be asked at most once for each asking."""
        if self.kind != "video" or now_us - self.last_us > KEYFRAME_RETRY_US:
            return False
        broken = any(d.wants_keyframe for d in self._depacketizers.values())
        old = self._keyframe_us is None or now_us - self._keyframe_us > KEYFRAME_INTERVAL_US
        if not (broken or old):
            return False
        if self._asked_us is not None and now_us - self._asked_us < KEYFRAME_RETRY_US:
            return False
        self._asked_us = now_us
        return True

    def need_keyframe(self) -> None:
        """What was cut could not be kept: the next fragment must begin afresh."""
        self._keyframe_us = None

    def counters(self) -> dict[str, int]:
        counts = dict(self._jitter.counters)
        counts["frames_dropped"] = sum(d.frames_dropped for d in self._depacketizers.values())
        counts["malformed"] = sum(d.malformed for d in self._depacketizers.values())
        counts["misordered"] = self._cutter.misordered
        counts["unknown_format"] = self.unknown_format
        return counts

    def _take(self, ordered: Iterable[Ordered]) -> bool:
        """Whether a frame is complete."""
        framed = False
        for item in ordered:
            packet = item.packet
            depacketizer = self._depacketizer(packet.payload_type)
            if depacketizer is None:
                continue
            timestamp = self._timestamps.unwrap(packet.timestamp)
            payload = Payload(packet.payload, timestamp, packet.marker, item.arrival_us, item.lost > 0)
            for frame in depacketizer.push(payload):
                if frame.keyframe:
                    self._keyframe_us = frame.arrival_us
                self._cutter.push(frame)
                framed = True
        return framed

    def _depacketizer(self, payload_type: int) -> Depacketizer | None:
        if payload_type not in self._depacketizers:
            made = make_depacketizer(self._formats[payload_type])
            if made is None:
                self.unknown_format += 1
                return None
            self._depacketizers[payload_type] = made
        return self._depacketizers[payload_type]

    def _cut(self, now_us: int) -> list[Cut]:
        cuts = self._cutter.cut(now_us, held=self._jitter.holds)
        if cuts:
            self.greatest_error_us = max(self.greatest_error_us, round(abs(self._timeline.error_us)))
        return cuts
