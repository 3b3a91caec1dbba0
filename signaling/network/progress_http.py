"""How much of what the term asks for is done: of oneself and one's children, of a class, of a school."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import Office, Path, PlaceKind
from classroom.network.progress import Progress
from classroom.network.terms import Term
from classroom.store import network_classes, people, progress, terms
from classroom.store.progress import OfClass, OfPupil
from signaling.keys import CONFIG, STORE
from signaling.network.courses_views import DeliveryName
from signaling.network.own_classes import own_class
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

CLASSES: Final = 50
"""Of a school in one answer: three thousand pupils to count, some 200 ms of looks one after the other."""


class SubjectCount(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    """Empty: of none."""
    done: int
    """Lessons."""


class ProgressTerm(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    from_ms: int
    until_ms: int
    """Unix times in ms."""


class ProgressView(msgspec.Struct, frozen=True, kw_only=True):
    target: int
    """Activities that the term asks for,"""
    target_delivered: int
    """so many of them delivered to school."""
    done: int
    """Lessons in which they took part, or whose recording they have watched,"""
    caught_up: int
    """so many of them by the recording (补课),"""
    delivered: int
    """so many of them delivered to school."""
    missed: int
    """Lessons from which they were absent."""
    minutes: int
    reached: bool
    subjects: list[SubjectCount]
    """The most frequent first."""


class ProgressLesson(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    title: str
    subject: str
    delivery: DeliveryName
    starts_ms: int
    came: Literal["present", "late", "absent"]
    caught_up: bool
    """补课: absent, and has watched enough of the recording (`catch_up_share`), or the class's tutor or
    its room's screen has."""
    minutes: int


class OwnProgress(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    mine: bool
    """Else of a child."""
    class_id: str
    class_name: str
    term: ProgressTerm | None
    """null: none holds at the school, and nothing is asked."""
    progress: ProgressView
    lessons: list[ProgressLesson]
    """That are over, the latest first."""


class MyProgress(msgspec.Struct, frozen=True, kw_only=True):
    people: list[OwnProgress]


class PupilProgress(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    progress: ProgressView


class ClassProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Of a class as a whole: lessons in which it took part, whoever of it was there."""

    class_id: str
    name: str
    grade: int
    progress: ProgressView
    known: int
    """Pupils who are known by name,"""
    reached: int
    """so many of whom have done what is asked."""


class ClassProgressReport(msgspec.Struct, frozen=True, kw_only=True):
    term: ProgressTerm | None
    """null: none holds at the school; the rest is empty."""
    in_class: ClassProgress | None
    pupils: list[PupilProgress]
    """By name."""


class SchoolProgress(msgspec.Struct, frozen=True, kw_only=True):
    term: ProgressTerm | None
    classes: list[ClassProgress]
    subjects: list[SubjectCount]
    """Of these classes together."""
    known: int
    reached: int
    """Pupils of these classes."""
    after: str
    """For the next page; empty: this was the last."""


class TermQuery(msgspec.Struct, frozen=True, kw_only=True):
    term: str = ""
    """Id; empty: the one that holds now."""


class SchoolProgressQuery(msgspec.Struct, frozen=True, kw_only=True):
    term: str = ""
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=CLASSES)] = CLASSES


async def my_progress(request: web.Request) -> web.Response:
    """One's own, and one's children's: of whoever of them is a pupil now."""
    asked, principal, store = query(request, TermQuery), request[PRINCIPAL], request.app[STORE]
    children = sorted({PersonId(each.about) for each in principal.of({Office.PARENT})})
    views = []
    for person in (principal.person, *children):
        now_ms, least = store.clock.unix_ms(), request.app[CONFIG].catch_up_share
        found = await read(store.network.read(progress.of_pupil, person, asked.term, now_ms, least))
        if found is not None:
            names = await read(store.network.read(people.names, {person}))
            views.append(_own(found, names.get(person, ""), mine=person == principal.person))
    return json_response(MyProgress(people=views))


async def class_progress(request: web.Request) -> web.Response:
    """By the class's tutors and the organizers of its school."""
    asked, store = query(request, TermQuery), request.app[STORE]
    of = await own_class(request)
    term = await _term(request, of.path, asked.term)
    if term is None:
        return json_response(ClassProgressReport(term=None, in_class=None, pupils=[]))
    now_ms, least = store.clock.unix_ms(), request.app[CONFIG].catch_up_share
    found = await read(store.network.read(progress.of_class, of, term, now_ms, least))
    names = await read(store.network.read(people.names, {each.person for each in found.pupils}))
    pupils = [
        PupilProgress(person=each.person, name=names.get(each.person, ""), progress=_view(each.progress))
        for each in found.pupils
    ]
    pupils.sort(key=lambda each: (each.name, each.person))
    return json_response(ClassProgressReport(term=_term_view(term), in_class=_class(found), pupils=pupils))


async def school_progress(request: web.Request) -> web.Response:
    asked, store = query(request, SchoolProgressQuery), request.app[STORE]
    school = await place_reached(request, request.match_info["place"], {Office.ORGANIZER})
    term = await _term(request, school.path, asked.term) if school.kind is PlaceKind.SCHOOL else None
    found: list[OfClass] = []
    after = ""
    if term is not None:
        classes = await read(
            store.network.read(
                network_classes.listed, [school.path], after=asked.after, limit=asked.limit + 1
            )
        )
        after = classes[asked.limit - 1].id if len(classes) > asked.limit else ""
        # One look for each: who shares this server's loop waits for a class, not for a school.
        now_ms, least = store.clock.unix_ms(), request.app[CONFIG].catch_up_share
        found = [
            await read(store.network.read(progress.of_class, each, term, now_ms, least))
            for each in classes[: asked.limit]
        ]
    return json_response(
        SchoolProgress(
            term=_term_view(term) if term else None,
            classes=[_class(each) for each in found],
            subjects=_together(found),
            known=sum(len(each.pupils) for each in found),
            reached=sum(each.reached for each in found),
            after=after,
        )
    )


async def _term(request: web.Request, path: Path, term: str) -> Term | None:
    """Problem not-found: there is none of this name there."""
    store = request.app[STORE]

    async def look(connection: AsyncConnection) -> Term | None:
        return await terms.of_place(connection, path, term, store.clock.unix_ms())

    found = await read(store.network.read(look))
    if found is None and term:
        raise Problem("not-found")
    return found


def _together(found: list[OfClass]) -> list[SubjectCount]:
    counts: dict[str, int] = {}
    for each in found:
        for subject, done in each.progress.subjects:
            counts[subject] = counts.get(subject, 0) + done
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [SubjectCount(subject=subject, done=done) for subject, done in ordered]


def _class(found: OfClass) -> ClassProgress:
    return ClassProgress(
        class_id=found.of.id,
        name=found.of.name,
        grade=found.of.grade,
        progress=_view(found.progress),
        known=len(found.pupils),
        reached=found.reached,
    )


def _own(found: OfPupil, name: str, *, mine: bool) -> OwnProgress:
    return OwnProgress(
        person=found.person,
        name=name,
        mine=mine,
        class_id=found.in_class.id if found.in_class else "",
        class_name=found.in_class.name if found.in_class else "",
        term=_term_view(found.term) if found.term else None,
        progress=_view(found.progress),
        lessons=[
            ProgressLesson(
                lesson=each.lesson,
                title=each.title,
                subject=each.subject,
                delivery=each.delivery.value,
                starts_ms=each.starts_ms,
                came=each.came.value,
                caught_up=each.caught_up,
                minutes=each.minutes,
            )
            for each in reversed(found.progress.parts)
        ],
    )


def _view(found: Progress) -> ProgressView:
    return ProgressView(
        target=found.goal.activities,
        target_delivered=found.goal.delivered,
        done=found.done,
        caught_up=found.caught_up,
        delivered=found.delivered,
        missed=found.missed,
        minutes=found.minutes,
        reached=found.reached,
        subjects=[SubjectCount(subject=subject, done=done) for subject, done in found.subjects],
    )


def _term_view(term: Term) -> ProgressTerm:
    return ProgressTerm(id=term.id, name=term.name, from_ms=term.from_ms, until_ms=term.until_ms)


_PROBLEMS: Final = ("bad-request", "not-found", "not-ready")

OPERATIONS: Final = (
    Operation(
        id="my_progress",
        method="GET",
        path="/api/v1/my/progress",
        tag="network",
        handler=my_progress,
        query=TermQuery,
        response=MyProgress,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="class_progress",
        method="GET",
        path="/api/v1/classes/{class}/progress",
        tag="network",
        handler=class_progress,
        query=TermQuery,
        response=ClassProgressReport,
        problems=_PROBLEMS,
    ),
    Operation(
        id="school_progress",
        method="GET",
        path="/api/v1/places/{place}/progress",
        tag="network",
        handler=school_progress,
        query=SchoolProgressQuery,
        response=SchoolProgress,
        problems=_PROBLEMS,
    ),
)
