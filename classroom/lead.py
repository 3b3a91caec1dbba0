"""The master's line, and who has the lesson while it is gone.

Theory of operation
-------------------
A lesson is led by its master, and by encoders on the master's behalf. It is *reached* as long as one of them
is connected whose media flow (or who sends nothing, on purpose: a master who only listens is there). Whoever
carries the media tells `ReportLead` when nothing comes any more; coming and going the room sees itself.

Whoever is missed like that is not back with a WebSocket alone: as long as the lesson is LOST, they are
reached when their media flow again, or when a master who sends nothing says so (`Resume`). The same holds for
who comes back after a restart of the server and was `Lesson.on_air` when it went, be it within the second.

Once nobody has been reached for `MASTER_GONE_S` the lesson is LOST, and the floor gives each class to its
tutor. Once somebody has been reached again for `BACK_STEADY_S` without a break, it resumes by itself, or
becomes BACK and waits for the master's word, as the lesson is set.

    HERE --gone 1 s--> LOST --there 1 s--> HERE                (by itself)
                        ^ `----there 1 s--> BACK --Resume--> HERE
                        `------gone 1 s------'
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from classroom.clock import Timer
from classroom.commands import ReportLead
from classroom.events import MasterBack, MasterLost, NoticeKind
from classroom.model import LEADING, Attendee, LessonState, MasterState, Person, PersonId

if TYPE_CHECKING:
    from classroom.core import LessonCore

log = logging.getLogger(__name__)

MASTER_GONE_S: Final = 1.0
"""A class notices a second of nothing; a wireless network that changes its access point takes less."""
BACK_STEADY_S: Final = 1.0
"""A line that comes and goes every second must not throw the classes to and fro."""


class Lead:
    """What is known of the lines of those who lead."""

    def __init__(self) -> None:
        self.silent: dict[PersonId, float] = {}
        """Since when nothing has come from whom, by the room's clock."""
        self._missed: set[PersonId] = set()
        """Whose media stopped, or who went while they sent; until media come, or they are not missed."""
        self._timer: Timer | None = None

    def report(self, core: LessonCore, report: ReportLead) -> None:
        attendee = core.roster.get(report.person)
        if report.flowing:
            self.heard(report.person)
        elif attendee is not None and attendee.role in LEADING:
            self.silent.setdefault(report.person, core.clock.now() - report.silent_s)
            self._missed.add(report.person)

    def heard(self, person: PersonId) -> None:
        """Their media flow, or they say themselves that they are there."""
        self.silent.pop(person, None)
        self._missed.discard(person)

    def await_media(self, people: Iterable[PersonId]) -> None:
        """Of those who sent when the server went."""
        self._missed.update(people)

    def came(self, core: LessonCore, person: PersonId) -> None:
        """Anew; what an earlier connection did is forgotten, but for what the classes are waiting for."""
        waited_for = core.lesson.master is MasterState.LOST or person in core.awaited
        if waited_for and person in self._missed:
            self.silent[person] = core.clock.now()
        else:
            self.heard(person)

    def went(self, attendee: Attendee) -> None:
        self.silent.pop(attendee.id, None)
        if attendee.tracks and attendee.role in LEADING:
            self._missed.add(attendee.id)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def watch(self, core: LessonCore) -> None:
        """To be called after every command: begins to wait, or stops, or turns the lesson."""
        if core.lesson.state is not LessonState.LIVE or not len(core.roster):
            self.cancel()
            return
        reached = self._reached(core)
        if reached is (core.lesson.master is not MasterState.LOST):
            self.cancel()
            return
        if self._timer is not None:
            return
        now = core.clock.now()
        due = now + BACK_STEADY_S if reached else self._gone_at(core, now) + MASTER_GONE_S
        if due <= now:
            _turn(core, reached)
        else:
            self._timer = core.later(due, lambda: self._due(core))

    def _due(self, core: LessonCore) -> None:
        # What fired just before somebody came, or went, finds that out here.
        self._timer = None
        reached = self._reached(core)
        if core.lesson.state is LessonState.LIVE and reached is (core.lesson.master is MasterState.LOST):
            _turn(core, reached)

    def _reached(self, core: LessonCore) -> bool:
        return any(
            attendee.online and attendee.role in LEADING and attendee.id not in self.silent
            for attendee in core.roster.leaders()
        )

    def _gone_at(self, core: LessonCore, now: float) -> float:
        """When the last of them fell silent; now, when the last of them has just left."""
        online = [attendee.id for attendee in core.roster.leaders() if attendee.online]
        return max((self.silent[person] for person in online), default=now)


def goes_on_air(core: LessonCore, person: Person) -> None:
    """They send something."""
    if person.role in LEADING and person.id not in core.lesson.on_air:
        core.lesson_quietly(on_air=(*core.lesson.on_air, person.id))


def goes_off_air(core: LessonCore, person: PersonId) -> None:
    """They send nothing any more, on purpose, or will not come back to it."""
    if person in core.lesson.on_air:
        core.lesson_quietly(on_air=tuple(each for each in core.lesson.on_air if each != person))


def _turn(core: LessonCore, reached: bool) -> None:
    if not reached:
        core.change_floor(master=MasterState.LOST)
        core.observe(MasterLost)
        core.notify(NoticeKind.MASTER_LOST)
        log.warning("- lesson %s: the master's line is lost", core.lesson.id)
        return
    resumed = not core.lesson.settings.resume_by_click
    core.change_floor(master=MasterState.HERE if resumed else MasterState.BACK)
    core.observe(MasterBack, resumed=resumed)
    core.notify(NoticeKind.RESUMED if resumed else NoticeKind.MASTER_BACK)
    log.info("- lesson %s: the master is back", core.lesson.id)
