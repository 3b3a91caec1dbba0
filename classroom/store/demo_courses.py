"""Courses for the demo network (`demo_network`), so that whoever signs in finds a timetable, a catalogue and
something done already: a lesson that begins soon, two parallel ones of tomorrow, a full one with a waiting
list, one that is delivered to school, and one of three days ago that was attended, reviewed and rated.

What lies ahead is planned anew on each day on which the demo is started, under ids of that day. Whoever has
changed the demo meanwhile is not contradicted: what stands in the way of a lesson or an enrolment leaves it
out."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.attendance import Attendance, ClassAttendance, Report
from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId, Role
from classroom.network.catalogue import (
    Course,
    CourseKind,
    CourseState,
    CourseVisibility,
    Delivery,
    HomeClass,
    OfferPlan,
)
from classroom.network.check_in import Found, Result, Way
from classroom.network.enrolment import Application, EnrolmentRefused, PartyKind
from classroom.network.model import CourseId, Path, PlaceId
from classroom.network.ratings import Aspect, Rater, Rating
from classroom.network.supervision import Criterion, Form, NewProblem, ProblemKind
from classroom.network.terms import Term
from classroom.planning import Plan, planned
from classroom.roll import Counts
from classroom.store import check_in, network_places, ratings, supervision_reviews
from classroom.store.check_in import CheckedIn
from classroom.store.courses import MasterBusy
from classroom.store.demo_network import CITY, MUSEUM, PLACES, SUBJECT
from classroom.store.store import Store
from classroom.store.supervision_reviews import Review

ZONE: Final = timezone(timedelta(hours=8))
"""Of the demo's places."""
MINUTE_MS: Final = 60_000
LENGTH_MS: Final = 45 * MINUTE_MS
SOON_MS: Final = 20 * MINUTE_MS
"""From now: its door is open."""
ROUND_MS: Final = 5 * MINUTE_MS
PAST_DAYS: Final = 3
PUPILS: Final = 40
EAST, WEST = "demo-east-1", "demo-west-1"
TOPIC: Final = "光的折射"
_BY: Final = PersonId(f"{MUSEUM}-provider")

_course: Final = partial(Course, path=Path(""), provider_name="")
"""The store knows the place of a provider, and its name."""
COURSES: Final = (
    _course(
        id=CourseId("demo-light"),
        provider=MUSEUM,
        title="光的折射：一杯水里的筷子",
        topic=TOPIC,
        kind=CourseKind.SCIENCE_CLASS,
        grade_from=3,
        grade_to=6,
        master=f"{MUSEUM}-master",
        master_name="李老师",
        style="动手实验",
        summary="请准备一杯水和一根筷子，跟着老师一起观察。",
    ),
    _course(
        id=CourseId("demo-light-east"),
        provider=PlaceId(EAST),
        title="池水为什么看起来浅",
        topic=TOPIC,
        kind=CourseKind.LECTURE,
        grade_from=3,
        grade_to=6,
        master=f"{EAST}-master",
        master_name="陈老师",
        style="故事引入",
        summary="从渔夫叉鱼的故事说起。",
    ),
    _course(
        id=CourseId("demo-air"),
        provider=MUSEUM,
        title="空气炮科学秀",
        topic="空气",
        kind=CourseKind.SCIENCE_SHOW,
        grade_from=1,
        grade_to=9,
        master=f"{MUSEUM}-master",
        master_name="李老师",
        style="互动表演",
        summary="看不见的空气有多大力气？",
    ),
)


@dataclass(frozen=True, slots=True)
class _Planned:
    name: str
    course: CourseId
    starts_ms: int
    capacity: int = 200
    delivery: Delivery = Delivery.LIVE
    home: str = ""
    """Person id of who has those who come alone."""
    schools: tuple[str, ...] = ()
    """Whose first class enrols."""
    alone: tuple[str, ...] = ()
    """Schools whose pupil at home enrols."""


async def seed_demo_courses(store: Store) -> None:
    """Makes what of it is not there yet. Raises StoreUnavailable."""
    now_ms = store.clock.unix_ms()
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZONE).date()
    if await store.lesson(_id(today, "soon")) is not None:
        return
    seed = _Seed(store, now_ms, today, await _places(store))
    if await store.catalogue.course(COURSES[0].id) is None:
        await seed.first()
    for each in seed.ahead():
        await seed.offer(each, now_ms)


async def _places(store: Store) -> Mapping[PlaceId, Path]:
    found = await store.network.read(network_places.named, [place.id for place in PLACES])
    return {place: each.path for place, each in found.items()}


def _id(day: date, name: str) -> LessonId:
    return LessonId(f"demo-{day:%Y%m%d}-{name}")


@dataclass(frozen=True, slots=True)
class _Seed:
    store: Store
    now_ms: int
    today: date
    paths: Mapping[PlaceId, Path]

    def at(self, days: int, hour: int) -> int:
        day = datetime.combine(self.today + timedelta(days=days), time(hour), ZONE)
        return round(day.timestamp() * 1000)

    def ahead(self) -> tuple[_Planned, ...]:
        light, east, air = (course.id for course in COURSES)
        soon_ms = (self.now_ms + SOON_MS) // ROUND_MS * ROUND_MS + ROUND_MS
        both = (EAST, "demo-east-2")
        home = f"{EAST}-tutor-home"
        return (
            _Planned("soon", light, soon_ms, home=home, schools=both, alone=(EAST,)),
            _Planned("light", light, self.at(1, 10), schools=both),
            _Planned("light-east", east, self.at(1, 10), schools=("demo-west-2",)),
            # Two classes and one pupil: the second class waits.
            _Planned(
                "air",
                air,
                self.at(2, 14),
                capacity=PUPILS + 20,
                home="demo-west-2-tutor-home",
                schools=(EAST, WEST),
                alone=("demo-west-2",),
            ),
            _Planned("air-school", air, self.at(5, 14), capacity=300, delivery=Delivery.TO_SCHOOL),
        )

    async def first(self) -> None:
        """Term, courses, and the lesson that is over."""
        before_ms = self.at(-PAST_DAYS - 1, 8)
        term = self.term()
        if await self.store.catalogue.term(term.id) is None:
            await self.store.catalogue.put_term(term, before_ms, PersonId(f"{CITY}-organizer"))
        names = {place.id: place.name for place in PLACES}
        for course in COURSES:
            shown = replace(
                course,
                path=self.paths[course.provider],
                provider_name=names[course.provider],
                city=CITY,
                subject=SUBJECT,
                visibility=CourseVisibility.CITY,
                state=CourseState.PUBLISHED,
            )
            await self.store.catalogue.put_course(shown, before_ms, _BY)
        past = _Planned("past", COURSES[0].id, self.at(-PAST_DAYS, 10), schools=(EAST,))
        lesson = await self.offer(past, before_ms, self.today - timedelta(days=PAST_DAYS))
        if lesson is not None:
            await self.end(lesson)

    def term(self) -> Term:
        """The half of the school year that today lies in."""
        spring = 2 <= self.today.month <= 7
        year = self.today.year - (self.today.month == 1)
        first, last = (2, 8) if spring else (8, 2)
        begins = datetime(year, first, 1, tzinfo=ZONE)
        ends = datetime(year if spring else year + 1, last, 1, tzinfo=ZONE)
        name = f"{year}年{'春' if spring else '秋'}季学期"
        from_ms, until_ms = (round(each.timestamp() * 1000) for each in (begins, ends))
        key = f"demo-{year}-{'spring' if spring else 'autumn'}"
        return Term(key, CITY, self.paths[CITY], name, from_ms, until_ms)

    async def offer(self, each: _Planned, at_ms: int, day: date | None = None) -> Lesson | None:
        """None: something stands in its way."""
        course = await self.store.catalogue.course(each.course)
        if course is None:
            return None
        home = (HomeClass(PersonId(each.home), 20, "居家班"),) if each.home else ()
        ends_ms = each.starts_ms + LENGTH_MS
        plan = OfferPlan(each.starts_ms, ends_ms, each.capacity, delivery=each.delivery, home=home)
        made = Plan(course.title, plan.starts_ms, plan.ends_ms, master=PersonId(course.master))
        lesson = planned(_id(day or self.today, each.name), made)
        try:
            if not await self.store.catalogue.add_offers(course, [(lesson, plan)], at_ms, _BY):
                return None
        except MasterBusy:
            return None
        for asked in self.applications(each, lesson.id):
            with contextlib.suppress(EnrolmentRefused):
                await self.store.catalogue.ask(asked, at_ms)
        return lesson

    def applications(self, each: _Planned, lesson: LessonId) -> list[Application]:
        found = []
        for school in each.schools:
            tutor, path = PersonId(f"{school}-tutor"), self.paths[PlaceId(school)]
            room = f"{school}-c1"
            found.append(Application(lesson, PartyKind.CLASS, room, path, PUPILS, tutor, tutor=tutor))
        for school in each.alone:
            pupil, path = PersonId(f"{school}-student-home"), self.paths[PlaceId(school)]
            found.append(Application(lesson, PartyKind.PERSON, pupil, path, 1, pupil))
        # Who comes alone asks before the class that finds no room.
        return sorted(found, key=lambda each: (each.party == f"{WEST}-c1", each.party))

    async def end(self, lesson: Lesson) -> None:
        """As if it had been given: its class came with its tutor, one pupil checked in."""
        room, tutor, pupil = ClassId(f"{EAST}-c1"), PersonId(f"{EAST}-tutor"), PersonId(f"{EAST}-student")
        names = {place.id: place.name for place in PLACES}
        sat = ClassRoom(room, "三年级1班", tutor, names[PlaceId(EAST)], pupils=PUPILS)
        over = replace(
            lesson,
            classes=(sat,),
            state=LessonState.ENDED,
            started_ms=lesson.starts_ms,
            ended_ms=lesson.ends_ms,
        )
        await self.store.save_lesson(over)
        there = CheckedIn(
            lesson.id, pupil, room, "蒋小明", lesson.starts_ms, Found(Result.PRESENT, Way.POSITION)
        )
        await self.store.network.change(check_in.check_in, there)
        came = Attendance(tutor, Role.TUTOR, room, (), LENGTH_MS, late=False, left_early=False)
        covered = ClassAttendance(room, 0, 0, 0, 0, LENGTH_MS, LENGTH_MS, Counts(0, 0, 0, 0))
        report = Report(lesson.starts_ms, lesson.ends_ms, 0, (came,), (covered,), {})
        await self.store.catalogue.settle(over, report, self.now_ms)
        await self.store.network.change(self.judge, over, pupil)

    async def judge(self, connection: AsyncConnection, lesson: Lesson, pupil: PersonId) -> None:
        museum, at_ms = self.paths[MUSEUM], lesson.ended_ms + 60 * MINUTE_MS
        problem = NewProblem(ProblemKind.TECHNIQUE, "实验环节镜头离水杯太远，后排学生看不清。")
        scores = dict.fromkeys(Criterion, 5) | {Criterion.TECHNIQUE: 3}
        text = "实验设计好，学生参与充分；建议增加近景机位。"
        supervisor = f"{CITY}-supervisor"
        review = Review(
            id=f"{lesson.id}-review",
            lesson=lesson.id,
            path=museum,
            supervisor=supervisor,
            credential=f"{supervisor}-office",
            item="",
            scores=scores,
            text=text,
            at_ms=at_ms,
        )
        form = Form(scores, text, (problem,))
        await supervision_reviews.deliver(connection, review, form, [f"{lesson.id}-problem"])
        stars = {Aspect.CONTENT: 5, Aspect.TEACHING: 5, Aspect.TECHNIQUE: 4}
        said = "实验很有意思，回家也试了一次。"
        await ratings.put(
            connection, Rating(lesson.id, Rater.STUDENT, pupil, stars, said, at_ms, pupil), museum
        )
