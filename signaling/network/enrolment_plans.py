"""Plans lessons by the catalogue: their times, whether they are cancelled, and enrolled classes, each with
its tutor; who enrolled alone sits in classes at home.

Theory of operation
-------------------
An enrolment is done when it is in the database; that the lesson is planned by it comes a moment later, so
that five hundred enrolments in a second are one new plan and not five hundred. `offers.wanted` says that
something changed, `offers.planned` how far the plan has come, so nothing is lost with a server: the next one
looks once at all, and from then on at what it enrols itself.

One task plans, some lessons at a time: first those that somebody waits for (`now`), then those whose rooms
are open, whose people are to hear of it, then the others. Of all of them together it is asked what they are
to be, and written down how far they have come. What happens to a lesson is in its stream, and with that
before its webhooks: with its room open it happens there, like anything else; of a lesson at rest whose room
is closed it is done by the same rules past the room, which nobody needs (`office.carry_out_closed`), while no
room opens. So a district's day that is called off is some twenty looks at the database, and no room.

Who comes in finds the lesson as the catalogue has it: `PlannedRooms` opens no room before the plan has
followed. Classes that somebody else put into a lesson stay."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Final

from classroom.clock import Clock
from classroom.commands import CancelLesson, FromOffice, OfficeCommand, RestoreLesson, ReviseLesson
from classroom.directory import Directory, UnknownLesson
from classroom.lesson import LessonRoom
from classroom.model import Lesson, LessonId, LessonState, PersonId, Role
from classroom.network.timetable_operations import Operation
from classroom.office import AT_REST, carry_out_closed
from classroom.planning import MAX_CLASSES, BadPlan, Plan, plan_of
from classroom.rules.reasons import Reason, Refused
from classroom.store import enrolment_plans, timetable_operations
from classroom.store.enrolment_plans import Wanted
from classroom.store.outbox import StoreUnavailable
from classroom.store.store import Store
from signaling.bell import Bell

log = logging.getLogger(__name__)

GATHER_S: Final = 0.5
"""Enrolments of one lesson that come within it are one plan."""
AGAIN_S: Final = 30.0
"""After the database was away, or a class that is to go was still in the lesson."""
AT_ONCE: Final = 100
"""Lessons that are planned together: some 5 ms of the event loop at a time; who wants to come in waits for
no more than these."""
IN_A_ROW: Final = 10
"""Lessons at rest that are changed before everything else has its turn: some 3 ms."""
CLOSING_S: Final = 2.0
"""For those that are under way when the server goes."""
_OVER: Final = frozenset({Reason.LESSON_ENDED, Reason.LESSON_CANCELLED})


class LessonPlanner:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._due: dict[LessonId, None] = {}
        """In the order in which they came."""
        self._again: set[LessonId] = set()
        """To be tried again, when it is time."""
        self._waiting: dict[LessonId, asyncio.Future[None]] = {}
        """Who waits for a lesson's plan."""
        self._under_way: Collection[LessonId] = ()
        self._looked = False
        """What a server before this one left is known."""
        self._bell = Bell(clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._gathering = False
        self._closing = False

    def start(self) -> None:
        self._store.catalogue.on_changed = self.changed
        for name, work in (("warm catalogue", self._warm), ("lesson plans left", self._find_due)):
            self._tasks.append(asyncio.create_task(work(), name=name))
        self._tasks.append(asyncio.create_task(self._run(), name="lesson plans"))

    async def close(self) -> None:
        """What is not planned yet is planned by the next server."""
        self._store.catalogue.on_changed = lambda lessons: None
        self._closing = True
        self._bell.ring()
        if self._tasks:
            # Those that are being planned are, unless the database is away.
            await asyncio.wait(self._tasks, timeout=CLOSING_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._answer(self._waiting, StoreUnavailable("the server stops"))

    def changed(self, lessons: Iterable[LessonId]) -> None:
        """Who is enrolled in them, or anything else that the catalogue says of them."""
        self._due.update(dict.fromkeys(lessons))
        if self._due and not self._gathering:
            self._gathering = True
            self._bell.ring_in(GATHER_S)

    async def now(self, lesson: LessonId) -> None:
        """Plans a lesson by what the catalogue says of it, if it is not. Raises StoreUnavailable."""
        if self._closing:
            raise StoreUnavailable("the server stops")
        if lesson not in self._waiting:
            self._waiting[lesson] = asyncio.get_running_loop().create_future()
        self._due[lesson] = None
        self._bell.ring()
        await asyncio.shield(self._waiting[lesson])

    async def caught_up(self, lesson: LessonId) -> None:
        """Before somebody comes in: it is as the catalogue has it. Nobody waits for a database that is
        away."""
        if lesson in self._due or lesson in self._under_way or not self._looked:
            with contextlib.suppress(StoreUnavailable):
                await self.now(lesson)

    # --- the tasks
    # --------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._closing:
            await self._bell.heard()
            self._bell.quiet()
            self._gathering = False
            while not self._closing and (some := self._take()):
                self._under_way = frozenset(some)
                await self._plan_some(some)
                self._under_way = ()

    def _take(self) -> list[LessonId]:
        """The next ones."""
        here = (room.lesson.id for room in self._directory.rooms())
        first = (each for each in chain(self._waiting, here) if each in self._due)
        some = list(islice(dict.fromkeys(chain(first, self._due)), AT_ONCE))
        for lesson in some:
            del self._due[lesson]
        return some

    async def _plan_some(self, some: Sequence[LessonId]) -> None:
        waiting = {each: self._waiting.pop(each) for each in some if each in self._waiting}
        error: Exception | None = None
        try:
            await self._plan(some)
        except StoreUnavailable as away:
            self._later(some)
            error = away
        except Exception as fault:
            if len(some) > 1:
                # One lesson's trouble is not the others'.
                self._waiting |= {each: waiting[each] for each in waiting if each not in self._waiting}
                for each in some:
                    await self._plan_some([each])
                return
            log.exception("x plan of lesson %s: a fault of ours", some[0])
            error = fault
        self._answer(waiting, error)

    def _answer(self, waiting: Mapping[LessonId, asyncio.Future[None]], error: Exception | None) -> None:
        for future in waiting.values():
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
                # Whoever waited may be gone.
                future.exception()

    async def _warm(self) -> None:
        """Whoever asks the catalogue first is not to wait until it is read."""
        with contextlib.suppress(StoreUnavailable):
            await self._store.catalogue.warm()

    async def _find_due(self) -> None:
        """What a server before this one left."""
        after = 0
        while not self._closing:
            try:
                found = await self._store.network.read(enrolment_plans.due, after)
            except StoreUnavailable:
                await asyncio.sleep(AGAIN_S)
                continue
            if not found:
                self._looked = True
                return
            self.changed(lesson for _, lesson in found)
            after = found[-1][0]

    def _later(self, lessons: Iterable[LessonId]) -> None:
        if not self._again:
            self._clock.call_at(self._clock.now() + AGAIN_S, self._try_again)
        self._again.update(lessons)

    def _try_again(self) -> None:
        again, self._again = self._again, set()
        self.changed(again)

    # --- planning
    # ---------------------------------------------------------------------------------------------

    async def _plan(self, some: Collection[LessonId]) -> None:
        """Raises StoreUnavailable."""
        network = self._store.network
        self._again.difference_update(some)
        wanted = await network.read(enrolment_plans.wanted, some)
        if not wanted:
            return
        async with self._directory.kept_closed():
            followed = await self._at_rest(wanted)
        others = [lesson for lesson in wanted if lesson not in followed]
        await asyncio.gather(*(self._in_room(each, wanted[each]) for each in others))
        followed |= set(others) - self._again
        await self._store.written()
        await network.change(enrolment_plans.done, {each: wanted[each].version for each in followed})

    async def _at_rest(self, wanted: Mapping[LessonId, Wanted]) -> set[LessonId]:
        """Those that need no room; which it were."""
        closed = [lesson for lesson in wanted if self._directory.room(lesson) is None]
        if not closed:
            return set()
        found = await self._store.begin_closed(closed)
        resting = [each for each in found.values() if each.state in AT_REST]
        latest = await self._latest(resting, wanted)
        for number, lesson in enumerate(resting, 1):
            with self._refusals(lesson.id):
                steps = _steps(lesson, wanted[lesson.id], latest.get(lesson.id))
                carry_out_closed(lesson, steps, self._store.clock, self._store)
            if not number % IN_A_ROW:
                await asyncio.sleep(0)
        return {lesson.id for lesson in resting} - self._again

    async def _latest(
        self, lessons: Iterable[Lesson], wanted: Mapping[LessonId, Wanted]
    ) -> dict[LessonId, Operation]:
        """What was last done with those that are cancelled, or to be."""
        asked = [
            lesson.id
            for lesson in lessons
            if wanted[lesson.id].cancelled or lesson.state is LessonState.CANCELLED
        ]
        return await self._store.network.read(timetable_operations.last_of, asked) if asked else {}

    async def _in_room(self, lesson: LessonId, wanted: Wanted) -> None:
        """Raises StoreUnavailable."""
        try:
            room = await self._directory.open_room(lesson)
        except UnknownLesson:
            log.warning("x plan of lesson %s: there is none", lesson)
            return
        latest = await self._latest([room.lesson], {lesson: wanted})
        with self._refusals(lesson):
            for step in _steps(room.lesson, wanted, latest.get(lesson)):
                await room.ask(FromOffice(Role.ORGANIZER, step))

    @contextlib.contextmanager
    def _refusals(self, lesson: LessonId) -> Iterator[None]:
        try:
            yield
        except BadPlan as error:
            log.error("x plan of lesson %s: %s", lesson, error)
        except Refused as refused:
            if refused.reason not in _OVER:
                log.info("x plan of lesson %s: %s", lesson, refused.reason.value)
                self._later([lesson])


class PlannedRooms:
    """A directory whose lessons are as the catalogue has them, for whoever comes in from outside: who was
    given a token before a lesson was cancelled finds it so, however many others were."""

    def __init__(self, directory: Directory, planner: LessonPlanner) -> None:
        self._directory = directory
        self._planner = planner
        self.room = directory.room
        self.rooms = directory.rooms
        self.kept_closed = directory.kept_closed
        self.close = directory.close

    async def open_room(self, lesson_id: LessonId) -> LessonRoom:
        await self._planner.caught_up(lesson_id)
        return await self._directory.open_room(lesson_id)


def _steps(lesson: Lesson, wanted: Wanted, latest: Operation | None) -> list[OfficeCommand]:
    """What makes a lesson what it is to be; latest: what was last done with it, if it is cancelled or to be.
    Raises BadPlan."""
    if wanted.cancelled:
        reason, by = (latest.reason, latest.made_by) if latest else ("", PersonId(""))
        return [CancelLesson(by, reason)]
    revise = ReviseLesson(PersonId(""), planned_anew(plan_of(lesson), wanted).checked("."))
    # Cancelled by itself, past the catalogue, it stays so.
    if lesson.state is LessonState.CANCELLED and latest is not None and latest.undone_ms is not None:
        return [RestoreLesson(PersonId(latest.undone_by)), revise]
    return [revise]


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
