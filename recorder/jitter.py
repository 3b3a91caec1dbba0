"""Puts the packets of one SSRC into order, asks for what is missing, and gives up after a bound.

A recording may wait longer than a viewer: a packet that comes most of a second late still makes a whole
picture. So the buffer holds everything behind a hole until the hole is filled or GIVE_UP_US have passed; then
it says how many are lost for good and goes on. It knows nothing of frames. Time is an argument; nothing is
sent from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from recorder.rtp import RtpPacket
from recorder.serial import Unwrapper

GIVE_UP_US = 800_000
"""What waits is in memory only, and a kill must not cost more than a second. Enough for five tries, or for
three with a publisher 200 ms away."""
FIRST_NACK_US = 10_000
"""A hole this young may be reordering on the publisher's path."""
NACK_INTERVAL_US = 40_000
"""Doubled with every try up to MAX_NACK_INTERVAL_US: the packet may be on its way from a publisher 100 ms
away."""
MAX_NACK_INTERVAL_US = 320_000
START_US = 50_000
"""Nothing is let go before: the packet that came first need not be the first one."""
MAX_HOLE = 1024
"""A jump over more packets is an outage: nobody's cache reaches back so far, so it is not asked for."""
MAX_BUFFERED = 4096
"""Packets held behind a hole: 0.8 s at 50 Mbit/s. More means GIVE_UP_US came too late."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A packet whose turn has come."""

    packet: RtpPacket
    sequence: int
    """Unwrapped."""
    arrival_us: int
    lost: int
    """Packets given up right before this one."""


@dataclass(slots=True)
class _Hole:
    since_us: int
    next_nack_us: int
    interval_us: int = NACK_INTERVAL_US


class JitterBuffer:
    def __init__(self) -> None:
        self._unwrapper = Unwrapper(16)
        self._next: int | None = None
        self._started_us = 0
        self._starting = True
        self._highest = 0
        self._lost = 0
        self._waiting: dict[int, tuple[RtpPacket, int]] = {}
        self._holes: dict[int, _Hole] = {}
        self.counters = dict.fromkeys(("late", "duplicate", "repaired", "lost", "nacked"), 0)

    @property
    def holds(self) -> bool:
        """Whether packets wait behind a hole."""
        return bool(self._waiting)

    def insert(self, packet: RtpPacket, now_us: int) -> list[Ordered]:
        """Takes a packet; returns those whose turn has come."""
        sequence = self._unwrapper.peek(packet.sequence)
        if self._next is None:
            self._next, self._highest = sequence, sequence - 1
            self._started_us = now_us
        if sequence < self._next and self._starting:
            self._open_holes(sequence + 1, self._next, now_us)
            self._next = sequence
        elif sequence < self._next:
            self.counters["late"] += 1
            return []
        if sequence in self._waiting:
            self.counters["duplicate"] += 1
            return []
        if sequence > self._highest:
            self._open_holes(self._highest + 1, sequence, now_us)
            self._unwrapper.unwrap(packet.sequence)
            self._highest = sequence
        elif self._holes.pop(sequence, None) is not None:
            self.counters["repaired"] += 1
        self._waiting[sequence] = (packet, now_us)
        return self._release(now_us)

    def tick(self, now_us: int) -> list[Ordered]:
        """Gives up holes that are too old; returns what they held back."""
        return self._release(now_us) if self._waiting else []

    def flush(self) -> list[Ordered]:
        """Gives up every hole: the stream is over."""
        self._holes.clear()
        self._starting = False
        return self._release(0)

    def nacks(self, now_us: int) -> list[int]:
        """Sequence numbers (16 bits, ascending) to ask for now."""
        due = []
        for sequence in sorted(self._holes):
            hole = self._holes[sequence]
            if now_us >= hole.next_nack_us:
                due.append(sequence & 0xFFFF)
                hole.next_nack_us = now_us + hole.interval_us
                hole.interval_us = min(2 * hole.interval_us, MAX_NACK_INTERVAL_US)
        self.counters["nacked"] += len(due)
        return due

    def _open_holes(self, first: int, end: int, now_us: int) -> None:
        if end - first <= MAX_HOLE:
            for missing in range(first, end):
                self._holes[missing] = _Hole(now_us, now_us + FIRST_NACK_US)

    def _release(self, now_us: int) -> list[Ordered]:
        released: list[Ordered] = []
        if self._starting and now_us - self._started_us < START_US:
            return released
        self._starting = False
        while self._waiting and self._next is not None:
            found = self._waiting.pop(self._next, None)
            if found is not None:
                released.append(Ordered(found[0], self._next, found[1], self._lost))
                self._lost = 0
            elif self._must_wait(self._next, now_us):
                break
            else:
                self._holes.pop(self._next, None)
                self.counters["lost"] += 1
                self._lost += 1
            self._next += 1
        return released

    def _must_wait(self, sequence: int, now_us: int) -> bool:
        hole = self._holes.get(sequence)
        return hole is not None and now_us - hole.since_us < GIVE_UP_US and len(self._waiting) <= MAX_BUFFERED
