"""Whether media still come from those who lead a lesson: told to its room when it changes (`ReportLead`);
what follows from it is the room's (`classroom.lead`).

Theory of operation. The media plane counts what each transport has received. A leader's line is alive as
long as that grows. A line on which nothing is to be expected (no connection for sending yet, nothing
published, everything muted, or not a packet so far) says nothing; then the WebSocket has to do: a leader who
only listens is there while it is connected. So a master whose network is gone is found out within `SILENT_S`
and one look, long before any connection has failed; and one whose WebSocket broke while media flow on is not
missed.

Media that have stopped are missed: then neither a WebSocket nor a connection that is only being made tells
that they are back, but packets alone, or a master who is there and has muted all of them.

Cost: only those who lead are known here. Five times a second one call to the media plane for each whose
lesson is live and who sends (about a microsecond); while nobody does, one look a second at a short list.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from classroom.clock import Clock, Timer
from classroom.commands import ReportLead
from classroom.model import LEADING, LessonState, PersonId, Role
from sfu.beat import beat
from signaling.quality_watch import Lines

if TYPE_CHECKING:
    from classroom.lesson import LessonRoom
    from sfu.transport import Transport

log = logging.getLogger(__name__)

LOOK_S: Final = 0.2
REST_S: Final = 1.0
"""Between two looks while nobody sends in a lesson that is live."""
SILENT_S: Final = 0.5
"""Opus in its quietest sends a packet every 0.4 s; the room waits for the rest of its second."""


class Leader(Protocol):
    """A session of somebody who may lead: over the WebSocket or by WHIP."""

    id: str

    @property
    def room(self) -> LessonRoom | None: ...
    @property
    def person_id(self) -> PersonId: ...
    @property
    def role(self) -> Role: ...
    def lines(self, now: float) -> Lines: ...
    @property
    def connected(self) -> bool:
        """By signaling; always, where there is none beside the media."""


class MediaPlane(Protocol):
    """What the watch needs of the Sfu."""

    def packets_received(self, transport: Transport) -> int: ...


class _Line:
    """What is known of one leader's line."""

    def __init__(self, now: float) -> None:
        self.alive_at = now
        """When it last showed that somebody is there."""
        self.told: bool | None = None
        """Whether it is silent, as the room was told; None: nothing was said of it yet."""
        self._missed = False
        """Media came, and have stopped."""
        self._transport = 0
        self._packets = 0

    def look(self, now: float, leader: Leader, sfu: MediaPlane) -> bool:
        """Whether media have come since the last look."""
        uplink, _, sends, *_ = leader.lines(now)
        number, packets = (uplink.id, sfu.packets_received(uplink)) if uplink and sends else (0, 0)
        if number != self._transport:
            # Counted anew; until something has come on it, it says nothing.
            self._transport, self._packets = number, 0
        if packets > self._packets:
            self._packets, self.alive_at, self._missed = packets, now, False
            return True
        if leader.connected and not self._packets and (not self._missed or (uplink and not sends)):
            self.alive_at = now
        return False

    def silent_s(self, now: float) -> float:
        """0 as long as it is none."""
        silent_s = now - self.alive_at
        if silent_s < SILENT_S:
            return 0.0
        self._missed = self._missed or self._packets > 0
        return silent_s


class LeadWatch:
    """Made by the composition root; `start` and `close` once each."""

    def __init__(self, sfu: MediaPlane, leaders: Callable[[], Iterable[Leader]], clock: Clock) -> None:
        self._sfu = sfu
        self._leaders = leaders
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._timer: Timer | None = None

    def start(self) -> None:
        self._timer = self._clock.call_at(beat(self._clock.now(), REST_S), self._due)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        try:
            self.look()
        except Exception:
            log.exception("x a mistake of ours while looking at those who lead")
        pause_s = LOOK_S if self._lines else REST_S
        self._timer = self._clock.call_at(beat(self._clock.now(), pause_s), self._due)

    def look(self) -> None:
        """At all who lead a lesson that is live."""
        now = self._clock.now()
        before, self._lines = self._lines, {}
        for leader in self._leaders():
            if leader.role not in LEADING:
                continue
            room = leader.room
            if room is None or room.lesson.state is not LessonState.LIVE:
                continue
            line = self._lines[leader.id] = before.get(leader.id) or _Line(now)
            self._look_at(line, leader, room, now)

    def _look_at(self, line: _Line, leader: Leader, room: LessonRoom, now: float) -> None:
        came = line.look(now, leader, self._sfu)
        silent_s = line.silent_s(now)
        silent = silent_s > 0
        # Of a new line nothing is said while all is well; but who was lost on an earlier one is waited for.
        waited_for = line.told is None and came and room.misses(leader.person_id)
        if silent is not bool(line.told) or waited_for:
            line.told = silent
            room.post(ReportLead(leader.person_id, flowing=not silent, silent_s=silent_s))
