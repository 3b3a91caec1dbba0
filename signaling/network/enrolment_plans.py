"""Plans lessons by the catalogue: their times, whether they are cancelled, and enrolled classes, each with
its tutor; who enrolled alone sits in classes at home.

Theory of operation
-------------------
An enrolment is done when it is in the database; that the lesson is planned by it comes a moment later, so
that five hundred enrolments in a second are one new plan and not five hundred. `offers.wanted` says that
something changed, `offers.planned` how far the plan has come, so nothing is lost with a server: the next one
looks once at all, and from then on at what it enrols itself. Whoever comes in before the plan is made has it
made first (`now`). The plan goes through the lesson's room like any other, and so do a cancellation and its
undoing: what happens to a lesson is in its stream, and with that before its webhooks. Classes that somebody
else put into it stay."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from weakref import WeakValueDictionary

from classroom.clock import Clock, Timer
from classroom.commands import CancelLesson, FromOffice, OfficeCommand, RestoreLesson, ReviseLesson
from classroom.directory import Directory, UnknownLesson
from classroom.lesson import LessonRoom
from classroom.model import LessonId, LessonState, PersonId, Role
from classroom.planning import MAX_CLASSES, BadPlan, Plan, plan_of
from classroom.rules.reasons import Reason, Refused
from classroom.store import enrolment_plans, timetable_operations
from classroom.store.enrolment_plans import Wanted
from classroom.store.outbox import StoreUnavailable
from classroom.store.store import Store

log = logging.getLogger(__name__)

GATHER_S: Final = 0.5
"""Enrolments of one lesson that come within it are one plan."""
AGAIN_S: Final = 30.0
"""After the database was away, or a class that is to go was still in the lesson."""
AT_ONCE: Final = 32
"""Lessons that are planned together: of a district's day that is called off, their commits are shared."""
CLOSING_S: Final = 2.0
"""For those that are under way when the server goes."""
_OVER: Final = frozenset({Reason.LESSON_ENDED, Reason.LESSON_CANCELLED})


class LessonPlanner:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._due: set[LessonId] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._gathering = False
        self._closing = False
        self._turns: WeakValueDictionary[LessonId, asyncio.Lock] = WeakValueDictionary()
        """One plan of a lesson after the other."""

    def start(self) -> None:
        self._store.catalogue.on_changed = self.changed
        self._task = asyncio.create_task(self._run(), name="lesson plans")

    async def close(self) -> None:
        """What is not planned yet is planned by the next server."""
        self._store.catalogue.on_changed = lambda lessons: None
        self._closing = True
        self._wake.set()
        if self._task is not None:
            # Those that are being planned are, unless the database is away.
            await asyncio.wait((self._task,), timeout=CLOSING_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def changed(self, lessons: Iterable[LessonId]) -> None:
        """Who is enrolled in them."""
        self._due.update(lessons)
        if self._due and not self._gathering:
            self._gathering = True
            self._wake_in(GATHER_S)

    async def now(self, lesson: LessonId) -> None:
        """Plans a lesson by its enrolments, if it is not. Raises StoreUnavailable."""
        async with self._turns.setdefault(lesson, asyncio.Lock()):
            await self._plan(lesson)

    def _wake_in(self, seconds: float) -> Timer:
        return self._clock.call_at(self._clock.now() + seconds, self._wake.set)

    async def _run(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            # Whoever asks the catalogue first is not to wait until it is read.
            await self._store.catalogue.warm()
        await self._find_due()
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            self._gathering = False
            due, self._due = self._due, set()
            todo = list(due)
            while not self._closing and (some := todo[:AT_ONCE]):
                del todo[:AT_ONCE]
                await asyncio.gather(*map(self._plan_one, some))

    async def _plan_one(self, lesson: LessonId) -> None:
        try:
            await self.now(lesson)
        except StoreUnavailable:
            self._later(lesson)
        except Exception:
            # One lesson's trouble is not the others'.
            log.exception("x plan of lesson %s: a fault of ours", lesson)

    async def _find_due(self) -> None:
        """What a server before this one left."""
        after = 0
        while not self._closing:
            try:
                network = self._store.network
                found = await network.read(enrolment_plans.due, after)
            except StoreUnavailable:
                await asyncio.sleep(AGAIN_S)
                continue
            if not found:
                return
            self.changed(lesson for _, lesson in found)
            after = found[-1][0]

    def _later(self, lesson: LessonId) -> None:
        self._due.add(lesson)
        self._wake_in(AGAIN_S)

    async def _plan(self, lesson: LessonId) -> None:
        network = self._store.network
        wanted = await network.read(enrolment_plans.wanted, lesson)
        if wanted is None or wanted.version == wanted.planned:
            return
        try:
            room = await self._directory.open_room(lesson)
            await self._follow(room, wanted)
            await self._store.written()
        except UnknownLesson:
            log.warning("x plan of lesson %s: there is none", lesson)
        except BadPlan as error:
            log.error("x plan of lesson %s: %s", lesson, error)
        except Refused as refused:
            if refused.reason not in _OVER:
                log.info("x plan of lesson %s: %s", lesson, refused.reason.value)
                self._later(lesson)
                return
        await network.change(enrolment_plans.done, lesson, wanted.version)

    async def _follow(self, room: LessonRoom, wanted: Wanted) -> None:
        """Raises BadPlan, Refused, StoreUnavailable."""
        cancelled = room.lesson.state is LessonState.CANCELLED
        commands: list[OfficeCommand] = []
        if wanted.cancelled or cancelled:
            latest = await self._store.network.read(timetable_operations.last_of, room.lesson.id)
        if wanted.cancelled:
            reason, by = (latest.reason, latest.made_by) if latest else ("", PersonId(""))
            commands.append(CancelLesson(by, reason))
        else:
            # Cancelled by itself, past the catalogue, it stays so.
            if cancelled and latest is not None and latest.undone_ms is not None:
                commands.append(RestoreLesson(PersonId(latest.undone_by)))
            plan = planned_anew(plan_of(room.lesson), wanted).checked(".")
            commands.append(ReviseLesson(PersonId(""), plan))
        for command in commands:
            await room.ask(FromOffice(Role.ORGANIZER, command))


def planned_anew(plan: Plan, wanted: Wanted) -> Plan:
    """The plan with the times of the catalogue and the classes that are enrolled, beside those that are not
    the catalogue's."""
    others = tuple(room for room in plan.classes if room.id not in wanted.known)
    # Whoever has planned others into the lesson may have left too little room: the first ones come in.
    classes = (*others, *wanted.classes)[:MAX_CLASSES]
    return replace(
        plan,
        title=wanted.title,
        starts_ms=wanted.starts_ms,
        ends_ms=wanted.ends_ms,
        classes=classes,
        master=wanted.master or plan.master,
    )
