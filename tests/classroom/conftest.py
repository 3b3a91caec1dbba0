"""A school, a clock that moves when told, members and observers that remember what they heard."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pytest
import pytest_asyncio
from hypothesis import strategies as st

from classroom.commands import PersonCommand
from classroom.core import LessonCore
from classroom.events import Event, Fact, LeaveCause, Snapshot
from classroom.floor import Route
from classroom.lesson import LessonRoom
from classroom.model import (
    ChatEntry,
    ChatId,
    ClassId,
    ClassRoom,
    HandId,
    Lesson,
    LessonId,
    LessonState,
    Person,
    PersonId,
    Phase,
    Publication,
    QuizId,
    Role,
    Source,
)
from classroom.rules.permissions import refusal

T = TypeVar("T")
TURNS = 5
"""Of the event loop: more than any chain of callbacks in the classroom takes."""


class FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """Implements classroom.clock.Clock. Begins at 1,000 s and 2027-01-15T08:00:00Z."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def unix_ms(self) -> int:
        return 1_800_000_000_000 + round((self._now - 1000.0) * 1000)

    def call_at(self, when: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    @property
    def pending(self) -> int:
        return sum(not timer.cancelled for _, _, timer in self._timers)

    def fire(self, seconds: float) -> None:
        """Moves on and calls what is due, each at its time."""
        until = self._now + seconds
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            if not timer.cancelled:
                timer.callback()
        self._now = until

    async def advance(self, seconds: float) -> None:
        """The same, and lets the tasks have their turns after each timer."""
        until = self._now + seconds
        while True:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if not self._timers or self._timers[0][0] > until:
                break
            self.fire(max(0.0, self._timers[0][0] - self._now))
        self._now = until


class FakeMember:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.routings: list[tuple[Route, ...]] = []
        self.snapshot: Snapshot | None = None
        self.standby: tuple[Route, ...] = ()

    def deliver(self, event: Event) -> None:
        self.events.append(event)

    def route(self, routes: tuple[Route, ...]) -> None:
        self.routings.append(routes)

    def prepare(self, standby: tuple[Route, ...]) -> None:
        self.standby = standby

    @property
    def receives(self) -> list[str]:
        """`person/source` of each route, in order."""
        return [f"{route.person}/{route.source}" for route in (self.routings[-1] if self.routings else ())]

    def heard(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


class FakeObserver:
    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)

    def told(self, kind: type[T]) -> list[T]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


class School:
    """Two classes with a tutor each, and one at home with a tutor and two pupils."""

    class_1 = ClassRoom(ClassId("c1"), "1班", PersonId("t1"))
    class_2 = ClassRoom(ClassId("c2"), "2班", PersonId("t2"))
    class_home = ClassRoom(ClassId("home"), "居家班", PersonId("th"), at_home=True)
    master = Person(PersonId("m"), "李老师", Role.MASTER)
    tutor_1 = Person(PersonId("t1"), "王老师", Role.TUTOR, class_1.id)
    tutor_2 = Person(PersonId("t2"), "陈老师", Role.TUTOR, class_2.id)
    tutor_home = Person(PersonId("th"), "刘老师", Role.TUTOR, class_home.id)
    student_a = Person(PersonId("sa"), "小明", Role.STUDENT, class_home.id)
    student_b = Person(PersonId("sb"), "小红", Role.STUDENT, class_home.id)
    room_1 = Person(PersonId("r1"), "1班教室", Role.ROOM, class_1.id)
    student_1 = Person(PersonId("s1"), "小刚", Role.STUDENT, class_1.id)
    encoder = Person(PersonId("e"), "cam", Role.ENCODER)
    organizer = Person(PersonId("o"), "管理员", Role.ORGANIZER)
    supervisor = Person(PersonId("v"), "督查员", Role.SUPERVISOR)
    people = (
        *(master, tutor_1, tutor_2, tutor_home, student_a, student_b, student_1),
        *(encoder, organizer, supervisor),
    )
    with_room = (*people, room_1)

    def lesson(self, state: LessonState = LessonState.SCHEDULED, **fields: Any) -> Lesson:
        classes = (self.class_1, self.class_2, self.class_home)
        return replace(Lesson(LessonId("L"), "光的折射", classes, state), **fields)


@dataclass
class Hall:
    """A room with its clock, and all who were ever in it."""

    room: LessonRoom
    clock: FakeClock
    observer: FakeObserver
    members: dict[PersonId, FakeMember] = field(default_factory=dict)

    async def join(self, *people: Person) -> FakeMember:
        """The last one's member."""
        for person in people:
            member = FakeMember()
            member.snapshot = await self.room.join(person, member)
            self.members[person.id] = member
            await self.turn()
        return member

    async def leave(self, person: Person, cause: LeaveCause = LeaveCause.LEFT) -> None:
        await self.room.leave(person.id, self.members[person.id], cause)

    async def turn(self) -> None:
        """Lets everything that is under way arrive; no time passes."""
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def __getitem__(self, person: Person) -> FakeMember:
        return self.members[person.id]


OpenHall = Callable[..., Awaitable[Hall]]


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def fake_observer() -> FakeObserver:
    return FakeObserver()


@pytest.fixture
def new_member() -> type[FakeMember]:
    return FakeMember


@pytest_asyncio.fixture
async def open_hall(school: School) -> AsyncIterator[OpenHall]:
    """`await open_hall(state, chat=..., **fields of the lesson)`; closed at the end of the test."""
    halls: list[Hall] = []

    async def make(
        state: LessonState = LessonState.SCHEDULED, *, chat: tuple[ChatEntry, ...] = (), **fields: Any
    ) -> Hall:
        clock, observer = FakeClock(), FakeObserver()
        room = LessonRoom(school.lesson(state, **fields), clock=clock, observers=[observer], chat=chat)
        room.start()
        halls.append(Hall(room, clock, observer))
        return halls[-1]

    yield make
    for hall in halls:
        await hall.room.close()
        assert not hall.clock.pending, "a timer outlives its room"


@pytest_asyncio.fixture
async def hall(open_hall: OpenHall) -> Hall:
    """A scheduled lesson's room, empty."""
    return await open_hall()


@pytest_asyncio.fixture
async def live_hall(open_hall: OpenHall) -> Hall:
    """A live lesson's room, empty."""
    return await open_hall(LessonState.LIVE, started_ms=1_800_000_000_000)


# --- anything anybody may say -------------------------------------------------------------------------------

SLOT = "#"
"""Begins an id that stands for something there is: `#3` is the third hand, message or quiz."""
SCHOOL_PEOPLE = [person.id for person in School.with_room]
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    PersonId: st.sampled_from([*SCHOOL_PEOPLE, PersonId("nobody")]),
    ClassId: st.sampled_from(["c1", "c2", "home", "none"]).map(ClassId),
    HandId: st.integers(0, 3).map(lambda n: HandId(f"{SLOT}{n}")),
    ChatId: st.integers(0, 3).map(lambda n: ChatId(f"{SLOT}{n}")),
    QuizId: st.integers(0, 3).map(lambda n: QuizId(f"{SLOT}{n}")),
    Publication: st.just(Publication(SLOT)),
    Source: st.sampled_from(["camera", "microphone", "screen", "cam.video"]).map(Source),
    ChatEntry: st.nothing(),
    str: st.sampled_from(["", "x", "12", "3排", "home", "t1"]),
    int: st.sampled_from([0, 1, 2, 60, -1]),
    bool: st.booleans(),
    type(None): st.none(),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a command's field."""
    if hint in BY_TYPE:
        return BY_TYPE[hint]
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(map(anything, get_args(hint)))
    if get_origin(hint) is tuple:
        return st.lists(anything(get_args(hint)[0]), max_size=3).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    assert is_dataclass(hint), f"no values for {hint}"
    hints = get_type_hints(hint)
    return st.builds(hint, **{each.name: anything(hints[each.name]) for each in fields(hint)})


def command_of(kind: type, people: Iterable[PersonId]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    values = {each.name: anything(hints[each.name]) for each in fields(kind)}
    return st.builds(kind, **(values | {"actor": st.sampled_from(list(people))}))


@pytest.fixture
def every_command() -> dict[type, st.SearchStrategy[Any]]:
    """Of each kind of command whatever anybody could ask: made from its fields, so that a new kind is in by
    itself."""
    return {kind: command_of(kind, SCHOOL_PEOPLE) for kind in get_args(PersonCommand)}


@pytest.fixture
def likely_command() -> st.SearchStrategy[Any]:
    """Any command, by somebody who may ask for it in a live lesson, if there is anybody."""

    def may(kind: Any) -> list[PersonId]:
        allowed = [
            p.id for p in School.with_room if not refusal(kind, p.role, LessonState.LIVE, Phase.LECTURE)
        ]
        return allowed or SCHOOL_PEOPLE

    return st.one_of([command_of(kind, may(kind)) for kind in get_args(PersonCommand) if may(kind)])


def filled_in(core: LessonCore, command: Any) -> Any:
    """The command with what there is in the place of slots."""
    found: dict[Any, list[Any]] = {
        HandId: [hand.id for hand in core.hands],
        ChatId: [entry.id for entry in core.chat.entries()],
        QuizId: list(core.talk.quizzes),
        Publication: [core.new_id()],
    }
    hints = get_type_hints(type(command))
    changed = {}
    for each in fields(command):
        value = getattr(command, each.name)
        if isinstance(value, str) and value.startswith(SLOT):
            kind = next(kind for kind in found if kind in (hints[each.name], *get_args(hints[each.name])))
            there = found[kind] or ["none"]
            changed[each.name] = there[int(value[1:] or 0) % len(there)]
    return replace(command, **changed)


@pytest.fixture(name="filled_in")
def filled_in_fixture() -> Callable[[LessonCore, Any], Any]:
    return filled_in
