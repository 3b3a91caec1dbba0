"""The lines to the members of a room: events and routes, each member's in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from classroom.events import Event
from classroom.floor import Plan, Route
from classroom.model import Person, PersonId
from classroom.rules.visibility import Audience, audience

log = logging.getLogger(__name__)


class Member(Protocol):
    """One connection of one person; implemented at the door. Neither call may block, raise, or call back into
    the room other than by `post`."""

    def deliver(self, event: Event) -> None: ...
    def route(self, routes: tuple[Route, ...]) -> None:
        """All that this member receives from now on, most important first. Called only when it changed (it is
        empty at the beginning)."""

    def prepare(self, standby: tuple[Route, ...]) -> None:
        """What this member may receive from one moment to the next (`floor.Plan`), told before the routes
        that need it. Called only when it changed (it is empty at the beginning)."""


class Line:
    """To one member: held until who joined has the snapshot, so that nothing comes before what it
    continues."""

    def __init__(self, person: Person, member: Member) -> None:
        self.person = person
        self.member = member
        self.audience = audience(person)
        self.routes: tuple[Route, ...] = ()
        self.standby: tuple[Route, ...] = ()
        self._routing = False
        self._held: list[Event] | None = []

    def deliver(self, event: Event) -> None:
        if self._held is not None:
            self._held.append(event)
        else:
            self._guarded(lambda: self.member.deliver(event))

    def route(self, plan: Plan) -> None:
        """Nothing happens when it is what it was."""
        routes, standby = plan
        if standby != self.standby:
            self.standby = standby
            if self._routing:
                self._guarded(lambda: self.member.prepare(standby))
        if routes != self.routes:
            self.routes = routes
            if self._routing:
                self._guarded(lambda: self.member.route(routes))

    def release_routes(self) -> None:
        """The member is told what it receives, if that is anything, and from now on of every change."""
        self._routing = True
        if self.standby:
            self._guarded(lambda: self.member.prepare(self.standby))
        if self.routes:
            self._guarded(lambda: self.member.route(self.routes))

    def release_events(self) -> None:
        held, self._held = self._held or [], None
        for event in held:
            self.deliver(event)

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            # A fault of the member's: it must not cost the others their lesson. The door ends such a session.
            log.exception("x member %s failed", self.person.id)


class Switchboard:
    """The lines of all members, supervisors too."""

    def __init__(self) -> None:
        self._lines: dict[PersonId, Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(tuple(self._lines.values()))

    def get(self, person: PersonId) -> Line | None:
        return self._lines.get(person)

    def connect(self, line: Line) -> None:
        self._lines[line.person.id] = line

    def disconnect(self, person: PersonId) -> None:
        del self._lines[person]

    def broadcast(self, event_for: Callable[[Audience], Event | None]) -> None:
        """To each member the event of their audience, made once per audience; None: they hear nothing."""
        events: dict[Audience, Event | None] = {}
        for line in self:
            if line.audience not in events:
                events[line.audience] = event_for(line.audience)
            event = events[line.audience]
            if event is not None:
                line.deliver(event)

    def send(self, event: Event) -> None:
        """The same to everybody."""
        for line in self:
            line.deliver(event)

    def deliver(self, person: PersonId, event: Event) -> None:
        """To one member, if they are connected."""
        line = self._lines.get(person)
        if line is not None:
            line.deliver(event)
