"""What the recorder process does with its two sockets, without the sockets: messages and datagrams in, out
come RTCP for the server, writes for the spool, and answers. Sans-IO; `now_us` is CLOCK_MONOTONIC in
microseconds.

A packet goes: datagram -> stream of its SSRC -> fragments -> track of the stream -> spool.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recorder import rtp
from recorder.chain import Signer
from recorder.control import (
    GapCause,
    ItemClose,
    ItemOpen,
    RemovalCause,
    Shutdown,
    ToRecorder,
    TrackClose,
    TrackMute,
    TrackOpen,
)
from recorder.cutter import MISSING_US, Cut
from recorder.item import ItemWriter, KnownItem, TrackWriter
from recorder.spool import Spool
from recorder.stream import Stream
from recorder.timeline import SenderClock

logger = logging.getLogger(__name__)

OUR_SSRC = 1
"""Sender of our RTCP. We send no media, so it can meet no other."""
NAMES = (
    "packets",
    "bad_packet",
    "unknown_ssrc",
    "pli",
    "nack",
    "gap_muted",
    "gap_silent",
    "gap_network",
    "gap_server",
    "gap_policy",
    "open_failed",
)
"""Counters that are there from the beginning."""
CHECKPOINT_US = 2_000_000
"""Between two signatures of an item, 0.1 ms each: so much can be taken off a live one's end unnoticed."""
MAX_STREAMS = 4096
"""SSRCs at once: every source of a hundred lessons."""


@dataclass(slots=True)
class _Recording:
    """One stream on its way into one track."""

    stream: Stream
    track: TrackWriter
    item: ItemWriter
    opened: TrackOpen

    def item_us(self, now_us: int) -> int:
        return now_us - self.item.started_us

    def write(self, cuts: Iterable[Cut]) -> None:
        for cut in cuts:
            if not self.track.append(cut):
                self.stream.need_keyframe()


class Feed:
    def __init__(
        self,
        spool: Spool,
        mend: Callable[[str], KnownItem],
        on_closed: Callable[[str], None],
        signer: Signer,
    ) -> None:
        """mend: what is on the disk of an item, made whole. on_closed: called in the spool's thread."""
        self._spool = spool
        self._signer = signer
        self._next_checkpoint_us = 0
        self._mend = mend
        self._on_closed = on_closed
        self._items: dict[str, ItemWriter] = {}
        self._unopened: dict[str, list[ToRecorder]] = {}
        """Item that cannot be opened -> what was said of it, from its opening on."""
        self._recordings: dict[int, _Recording] = {}
        self._rtx: dict[int, _Recording] = {}
        self._clocks: dict[tuple[str, str], SenderClock] = {}
        self._muted: set[tuple[str, str, str]] = set()
        self._out: list[bytes] = []
        self._counters = Counter(dict.fromkeys(NAMES, 0))
        """Ours, and those of the streams that are over."""

    @property
    def items(self) -> list[str]:
        return list(self._items)

    @property
    def busy(self) -> bool:
        """Whether any stream is being recorded."""
        return bool(self._recordings)

    @property
    def unopened(self) -> list[str]:
        """Items whose files cannot be read at the moment."""
        return list(self._unopened)

    def message(self, message: ToRecorder, now_us: int) -> None:
        """What is said of an item whose files cannot be read waits until they can: see `retry`."""
        waiting = self._waiting_for(message)
        if waiting is not None:
            waiting.append(message)
            return
        match message:
            case ItemOpen():
                self._try_open(message, now_us)
            case ItemClose():
                self._close_item(message, now_us)
            case TrackOpen():
                self._open_track(message, now_us)
            case TrackClose():
                self._close_track(message.ssrc, message.cause, now_us)
            case TrackMute():
                self._mute(message, now_us)

    def datagram(self, datagram: bytes, now_us: int) -> None:
        self._counters["packets"] += 1
        try:
            if rtp.is_rtcp(datagram):
                self._rtcp(datagram)
            else:
                self._rtp(rtp.parse_rtp(datagram), now_us)
        except rtp.BadPacketError:
            self._counters["bad_packet"] += 1

    def tick(self, now_us: int) -> None:
        """Every few tens of milliseconds: cuts what has waited, asks for what is missing."""
        for recording in self._recordings.values():
            item_us = recording.item_us(now_us)
            recording.write(recording.stream.tick(item_us))
            self._ask(recording.stream, item_us)
        if now_us >= self._next_checkpoint_us:
            self._next_checkpoint_us = now_us + CHECKPOINT_US
            for item in self._items.values():
                item.checkpoint(now_us - item.started_us)

    def retry(self, now_us: int) -> None:
        """Once a second: tries again to open what could not be opened."""
        for item in list(self._unopened):
            opened, *said = self._unopened.pop(item)
            for message in (opened, *said):
                self.message(message, now_us)

    def drain(self) -> list[bytes]:
        """RTCP datagrams to send."""
        out, self._out = self._out, []
        return out

    def close(self, now_us: int) -> None:
        """The server is gone: finishes every item as far as it came, leaving it open for the next process."""
        for ssrc in list(self._recordings):
            self._close_track(ssrc, "server", now_us)
        for item in self._items.values():
            item.checkpoint(now_us - item.started_us)

    def counters(self) -> dict[str, int]:
        total = self._counters.copy()
        for recording in self._recordings.values():
            total.update(recording.stream.counters())
        return dict(total)

    # --- messages -------------------------------------------------------------------------------------------

    def _waiting_for(self, message: ToRecorder) -> list[ToRecorder] | None:
        """The list in which the message has to wait."""
        if isinstance(message, TrackClose):
            tracks = (said for said in self._unopened.values() if _names_track(said, message.ssrc))
            return next(tracks, None)
        return None if isinstance(message, Shutdown) else self._unopened.get(message.item)

    def _try_open(self, message: ItemOpen, now_us: int) -> None:
        try:
            self._open_item(message, now_us)
        except OSError as error:
            if not self._counters["open_failed"]:
                logger.error("x item %s cannot be opened: %s", message.item, error)
            self._counters["open_failed"] += 1
            self._unopened[message.item] = [message]

    def _open_item(self, message: ItemOpen, now_us: int) -> None:
        if message.item not in self._items:
            known = self._mend(message.item)
            at_us = now_us - message.started_us
            self._items[message.item] = ItemWriter(
                message, known, self._spool, self._counters, at_us, self._signer
            )
            logger.info("- item %s opened", message.item)

    def _close_item(self, message: ItemClose, now_us: int) -> None:
        item = self._items.pop(message.item, None)
        if item is None:
            return
        for ssrc, recording in list(self._recordings.items()):
            if recording.item is item:
                self._close_track(ssrc, "left", now_us)
        self._clocks = {key: clock for key, clock in self._clocks.items() if key[0] != message.item}
        self._muted = {key for key in self._muted if key[0] != message.item}
        item.close(message.ended_us - item.started_us, message.cause, lambda: self._on_closed(message.item))
        logger.info("- item %s closed", message.item)

    def _open_track(self, message: TrackOpen, now_us: int) -> None:
        item = self._items.get(message.item)
        if item is None or message.ssrc in self._recordings or len(self._recordings) >= MAX_STREAMS:
            return
        clock = self._clocks.setdefault((message.item, message.clock), SenderClock())
        stream = Stream(message, clock)
        stream.muted = (message.item, message.person, message.source) in self._muted
        track = item.track(message.person, message.source, message.kind, now_us - item.started_us)
        recording = _Recording(stream, track, item, message)
        self._recordings[message.ssrc] = recording
        if message.rtx_ssrc:
            self._rtx[message.rtx_ssrc] = recording

    def _close_track(self, ssrc: int, cause: RemovalCause, now_us: int) -> None:
        recording = self._recordings.pop(ssrc, None)
        if recording is None:
            return
        self._rtx.pop(recording.opened.rtx_ssrc, None)
        stream = recording.stream
        recording.write(stream.finish())
        item_us = recording.item_us(now_us)
        if item_us - stream.last_us > MISSING_US:
            recording.track.went_silent(item_us, _silent_because(stream, cause))
        recording.item.stopped(recording.track, cause, stream.greatest_error_us, recording.item_us(now_us))
        self._counters.update(stream.counters())

    def _mute(self, message: TrackMute, now_us: int) -> None:
        key = (message.item, message.person, message.source)
        (self._muted.add if message.muted else self._muted.discard)(key)
        for recording in self._recordings.values():
            opened = recording.opened
            if (opened.item, opened.person, opened.source) == key:
                recording.stream.muted = message.muted
        item = self._items.get(message.item)
        if item is not None:
            item.muted(message.person, message.source, message.muted, now_us - item.started_us)

    # --- packets --------------------------------------------------------------------------------------------

    def _rtp(self, packet: rtp.RtpPacket, now_us: int) -> None:
        recording = self._recordings.get(packet.ssrc)
        if recording is not None:
            recording.write(recording.stream.packet(packet, recording.item_us(now_us)))
            return
        recording = self._rtx.get(packet.ssrc)
        original = recording.stream.original_payload_type(packet.payload_type) if recording else None
        if recording is None or original is None:
            self._counters["unknown_ssrc"] += 1
            return
        inner = rtp.unwrap_rtx(packet, recording.stream.ssrc, original)
        if inner is not None:
            recording.write(recording.stream.packet(inner, recording.item_us(now_us), repeated=True))

    def _rtcp(self, datagram: bytes) -> None:
        for found in rtp.parse_rtcp(datagram):
            recording = self._recordings.get(found.ssrc)
            if isinstance(found, rtp.SenderReport) and recording is not None:
                recording.stream.report(found)

    def _ask(self, stream: Stream, item_us: int) -> None:
        missing = stream.nacks(item_us)
        if missing:
            self._counters["nack"] += 1
            self._out.append(rtp.build_nack(OUR_SSRC, stream.ssrc, missing))
        if stream.wants_keyframe(item_us):
            self._counters["pli"] += 1
            self._out.append(rtp.build_pli(OUR_SSRC, stream.ssrc))


def _silent_because(stream: Stream, removal: RemovalCause) -> GapCause:
    """Why nothing came any more before the stream ended."""
    if stream.muted:
        return "muted"
    return "silent" if removal == "left" else "network"


def _names_track(said: Iterable[ToRecorder], ssrc: int) -> bool:
    return any(isinstance(message, TrackOpen) and message.ssrc == ssrc for message in said)
