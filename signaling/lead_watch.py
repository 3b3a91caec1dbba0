"""Whether media still come from those who lead a lesson: looked at five times a second, told to its room when
it changes (`ReportLead`); what follows from it is the room's (`classroom.lead`).

Theory of operation. The media plane counts what each transport has received. A leader's line is alive as
long as that grows. A line on which nothing is to be expected (no connection for sending yet, nothing
published, everything muted, or not a packet so far) says nothing; then the WebSocket has to do: a leader who
only listens is there while it is connected. So a master whose network is gone is found out within `SILENT_S`
and one look, long before any connection has failed; and one whose WebSocket broke while media flow on is not
missed.

Cost: one call to the media plane for each leader and look, some microseconds; pupils are not looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from classroom.clock import Clock, Timer
from classroom.commands import ReportLead
from classroom.lead import LEADING
from classroom.model import LessonState, PersonId, Role
from signaling.quality_watch import Lines

if TYPE_CHECKING:
    from classroom.lesson import LessonRoom
    from sfu.transport import Transport

log = logging.getLogger(__name__)

LOOK_S: Final = 0.2
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

    def stats(self, transport: Transport) -> dict[str, Any]: ...


class _Line:
    """What is known of one leader's line."""

    def __init__(self, now: float) -> None:
        self.alive_at = now
        """When it last showed that somebody is there."""
        self.told_silent = False
        self._transport = 0
        self._packets = 0

    def look(self, now: float, connected: bool, transport: int, packets: int) -> None:
        """transport, packets: 0 when nothing is to be expected."""
        if transport != self._transport:
            # Counted anew; until something has come on it, it says nothing.
            self._transport, self._packets = transport, 0
        if packets > self._packets:
            self._packets, self.alive_at = packets, now
        elif not self._packets and connected:
            self.alive_at = now


class LeadWatch:
    """Made by the composition root; `start` and `close` once each."""

    def __init__(self, sfu: MediaPlane, leaders: Callable[[], Iterable[Leader]], clock: Clock) -> None:
        self._sfu = sfu
        self._leaders = leaders
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._timer: Timer | None = None

    def start(self) -> None:
        self._timer = self._clock.call_at(self._clock.now() + LOOK_S, self._due)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = self._clock.call_at(self._clock.now() + LOOK_S, self._due)
        try:
            self.look()
        except Exception:
            log.exception("x a mistake of ours while looking at those who lead")

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
        sending, _, sends, _ = leader.lines(now)
        uplink = sending if sends else None
        packets = self._sfu.stats(uplink)["transport"].get("packets_received", 0) if uplink else 0
        line.look(now, leader.connected, uplink.id if uplink else 0, packets)
        silent_s = now - line.alive_at
        silent = silent_s >= SILENT_S
        if silent is not line.told_silent:
            line.told_silent = silent
            room.post(ReportLead(leader.person_id, flowing=not silent, silent_s=silent_s if silent else 0.0))
