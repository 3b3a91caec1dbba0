"""/api/v1/operations: what is done with a timetable that people are enrolled in, and its undoing.

An operation is PUT under an id that the caller chooses, so it can be sent again after a lost answer; before,
the same body can be POSTed to `preview`, which says what would be done and to how many, and who would have
two lessons at one time. Who may: of a place's lessons its organizers and who answers for what is given there;
of a course, who answers for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, time
from time import time as wall_time
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import Lesson, LessonId, PersonId
from classroom.network.catalogue import BadCourse, Course, Delivery, HomeClass, OfferPlan
from classroom.network.model import CourseId, Office, Place
from classroom.network.series import Series
from classroom.network.timetable_operations import (
    BadOperation,
    Change,
    Operation,
    OperationFault,
    OperationKind,
    UndoRefused,
    check_span,
    checked_reason,
)
from classroom.planning import BadPlan, Plan, planned
from classroom.store import (
    courses,
    network_appointments,
    network_places,
    people,
    timetable_operations,
    timetable_slots,
)
from classroom.store.timetable_operations import Asked, OtherOperation, Previewed
from classroom.store.timetable_slots import Clashes
from signaling import catalogue
from signaling.keys import STORE, TOKENS
from signaling.lessons_http import UnixMs, new_id
from signaling.network.courses_http import KEEPERS
from signaling.network.enrolment_problems import span
from signaling.network.mail_dispatcher import LETTERS
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import is_id, place_reached
from signaling.network.timetable_operations_views import (
    OperationChange,
    OperationDetail,
    OperationList,
    OperationPlan,
    OperationPreview,
    OperationSeries,
    OperationSpan,
    conflict_views,
    lesson_views,
    operation_views,
)
from signaling.openapi import Operation as Endpoint
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

_MOVERS: Final = frozenset({Office.ORGANIZER})
"""Who moves classes online: who answers for the schools."""
MAX_ID: Final = 56
"""Of an operation: lessons of a series are called after it."""
_TRIED: Final = "preview"


class OperationsQuery(msgspec.Struct, frozen=True, kw_only=True):
    before: UnixMs = 0
    limit: Annotated[int, Meta(ge=1, le=timetable_operations.PAGE)] = 30


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done, checked, and where."""

    operation: Operation
    timezone: str
    asked: Asked | None = None
    course: Course | None = None
    series: tuple[tuple[Lesson, OfferPlan], ...] = ()

    async def do(self, connection: AsyncConnection, *, preview: bool) -> Operation:
        if self.course is not None:
            return await timetable_operations.plan_series(
                connection, self.operation, self.course, self.series, preview=preview
            )
        assert self.asked is not None
        return await timetable_operations.carry_out(connection, self.asked, preview=preview)


async def preview_operation(request: web.Request) -> web.Response:
    """What would be done, and to how many; nothing is."""
    work = await _work(request, _TRIED)
    network, conflicts = request.app[STORE].network, []
    seen, steps = work.operation, []
    try:
        await _tell(lambda: network.change(work.do, preview=True))
    except Previewed as previewed:
        seen, steps = previewed.operation, lesson_views(previewed.lessons)
    except Clashes as clashes:
        conflicts = await read(network.read(conflict_views, clashes.found, work.timezone))
    elsewhere = 0
    if seen.kind is OperationKind.CANCEL:
        times = seen.path, seen.from_ms, seen.until_ms
        elsewhere = await read(network.read(timetable_slots.taken_elsewhere, *times))
    [view] = await read(network.read(operation_views, [replace(seen, id="")]))
    answer = OperationPreview(operation=view, shown=steps, elsewhere=elsewhere, conflicts=conflicts)
    return json_response(answer)


async def put_operation(request: web.Request) -> web.Response:
    """Does it: all of it, or nothing."""
    name = new_id(request.match_info["operation"])
    if len(name) > MAX_ID or name == _TRIED:
        raise Problem("plan-invalid", detail_kind="id")
    work = await _work(request, name)
    network = request.app[STORE].network
    try:
        done = await _tell(lambda: network.change(work.do, preview=False))
    except Clashes as clashes:
        raise _conflict(clashes, work.timezone) from clashes
    return await _detail(request, done, changed=True)


async def _tell(work: Callable[[], Any]) -> Operation:
    """Problem: operation-invalid, operation-there, lesson-there, not-ready."""
    try:
        done: Operation = await read(work())
    except BadOperation as error:
        raise Problem("operation-invalid", detail_kind=error.fault.value) from error
    except OtherOperation as error:
        raise Problem("operation-there") from error
    except courses.LessonTaken as error:
        raise Problem("lesson-there") from error
    return done


def _conflict(clashes: Clashes, timezone: str) -> Problem:
    """The first one; a preview names all."""
    first = clashes.found[0]
    when = span(first.starts_ms, first.ends_ms, timezone)
    return Problem("timetable-conflict", detail_kind=first.who, title=first.title, when=when)


async def undo_operation(request: web.Request) -> web.Response:
    """Makes everything what it was before, within ten minutes."""
    found = await _reached(request)
    store = request.app[STORE]
    try:
        undone = await read(
            store.network.change(
                timetable_operations.undo, found.id, store.clock.unix_ms(), request[PRINCIPAL].person
            )
        )
    except UndoRefused as error:
        raise Problem("undo-refused", detail_kind=error.refusal.value, title=error.title) from error
    except Clashes as clashes:
        place = await read(store.network.read(network_places.find, found.place))
        raise _conflict(clashes, place.timezone if place else "UTC") from clashes
    if undone.kind is OperationKind.SUBSTITUTE:
        await _teach_again(request, undone)
    return await _detail(request, undone, changed=True)


async def _teach_again(request: web.Request, undone: Operation) -> None:
    """Whose tokens count is the other way round."""
    replaced, now = request.app[TOKENS].replaced, int(wall_time())
    for step in await read(request.app[STORE].network.read(timetable_operations.steps_of, undone.id)):
        before, after = ({slot.master, *slot.tutors.values()} for slot in (step.before, step.after))
        for person in before - after:
            replaced.pop((step.lesson, person), None)
        for person in after - before:
            replaced[step.lesson, person] = now


async def operations(request: web.Request) -> web.Response:
    asked, store = query(request, OperationsQuery), request.app[STORE]
    paths = request[PRINCIPAL].paths(KEEPERS)
    found = await read(
        store.network.read(timetable_operations.listed, paths, asked.before or None, asked.limit + 1)
    )
    shown = found[: asked.limit]
    views = await read(store.network.read(operation_views, [each for _, each in shown]))
    before = shown[-1][0] if len(found) > asked.limit else 0
    return json_response(OperationList(operations=views, before=before, now_ms=store.clock.unix_ms()))


async def operation(request: web.Request) -> web.Response:
    return await _detail(request, await _reached(request))


async def _reached(request: web.Request) -> Operation:
    """Problem not-found."""
    name, found = request.match_info["operation"], None
    if is_id(name):
        found = await read(request.app[STORE].network.read(timetable_operations.find, name))
    if found is None or not request[PRINCIPAL].reaches(_may(found.kind), found.path):
        raise Problem("not-found")
    return found


def _may(kind: OperationKind) -> frozenset[Office]:
    return _MOVERS if kind is OperationKind.ONLINE else KEEPERS


async def _detail(request: web.Request, found: Operation, *, changed: bool = False) -> web.Response:
    store = request.app[STORE]
    if changed:
        # First of all, so that nobody comes in as if nothing had happened.
        store.catalogue.on_changed(await read(store.network.read(timetable_operations.lessons_of, found.id)))
        request.app[LETTERS].news()
    [view] = await read(store.network.read(operation_views, [found]))
    shown = timetable_operations.SHOWN
    steps = await read(store.network.read(timetable_operations.steps_of, found.id, shown))
    return json_response(OperationDetail(operation=view, shown=lesson_views(steps)))


async def _work(request: web.Request, name: str) -> _Work:
    """Problem: not-found, operation-invalid."""
    asked = await body(request, OperationPlan)
    if sum(each is not None for each in (asked.span, asked.change, asked.series)) != 1:
        raise Problem("operation-invalid", detail_kind=OperationFault.NOTHING.value)
    digest = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()
    try:
        reason = "" if asked.series else checked_reason(asked.reason)
        if asked.span is not None:
            return await _span(request, asked.span, name, reason, digest)
        if asked.change is not None:
            return await _change(request, asked.change, name, reason, digest)
        assert asked.series is not None
        return await _series(request, asked.series, name, digest)
    except BadOperation as error:
        raise Problem("operation-invalid", detail_kind=error.fault.value) from error


def _operation(
    request: web.Request, kind: OperationKind, place: Place, name: str, reason: str, digest: str
) -> Operation:
    return Operation(
        id=name,
        kind=kind,
        path=place.path,
        place=place.id,
        reason=reason,
        made_ms=request.app[STORE].clock.unix_ms(),
        made_by=request[PRINCIPAL].person,
        asked=digest,
    )


async def _span(request: web.Request, asked: OperationSpan, name: str, reason: str, digest: str) -> _Work:
    kind = OperationKind(asked.action)
    place = await place_reached(request, asked.place, _may(kind))
    check_span(asked.from_ms, asked.until_ms)
    made = _operation(request, kind, place, name, reason, digest)
    made = replace(made, from_ms=asked.from_ms, until_ms=asked.until_ms)
    return _Work(made, place.timezone, Asked(made))


async def _change(request: web.Request, asked: OperationChange, name: str, reason: str, digest: str) -> _Work:
    course, place = await course_kept(request, asked.course)
    master_name = await _master(request, asked.master) if asked.master else ""
    made = _operation(request, OperationKind.CHANGE, place, name, reason, digest)
    made = replace(made, course=course.id)
    change = Change(
        starts_ms=asked.starts_ms,
        ends_ms=asked.ends_ms,
        master=asked.master,
        master_name=master_name,
        title=asked.title,
        room=asked.room,
    )
    work = Asked(made, LessonId(asked.lesson), asked.following, change, place.timezone)
    return _Work(made, place.timezone, work)


async def _series(request: web.Request, asked: OperationSeries, name: str, digest: str) -> _Work:
    course, place = await course_kept(request, asked.course)
    master_name = await _master(request, asked.master) if asked.master else ""
    made = _operation(request, OperationKind.SERIES, place, name, "", digest)
    home = tuple(
        HomeClass(PersonId(each.tutor), each.size, each.name.strip() or _home_name(number))
        for number, each in enumerate(asked.home, 1)
    )
    await _check_office(request, [each.tutor for each in home], Office.TUTOR)
    lessons = []
    for number, (starts_ms, ends_ms) in enumerate(_repeated(asked).times(place.timezone), 1):
        if starts_ms <= made.made_ms:
            raise BadOperation(OperationFault.TIMES)
        plan = OfferPlan(
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            capacity=asked.capacity,
            title=asked.title,
            master=asked.master,
            master_name=master_name,
            delivery=Delivery(asked.delivery),
            home=home,
        )
        lessons.append(_lesson(LessonId(f"{name}-{number}"), course, plan))
    made = replace(made, course=course.id)
    return _Work(made, place.timezone, course=course, series=tuple(lessons))


def _repeated(asked: OperationSeries) -> Series:
    """Raises BadOperation."""
    try:
        return Series(
            first=date.fromisoformat(asked.first),
            last=date.fromisoformat(asked.last),
            at=time.fromisoformat(asked.at),
            minutes=asked.minutes,
            weekdays=tuple(asked.weekdays),
            every_weeks=asked.every_weeks,
            skipped=frozenset(map(date.fromisoformat, asked.skipped)),
        )
    except ValueError as error:
        raise BadOperation(OperationFault.SERIES) from error


def _lesson(lesson: LessonId, course: Course, plan: OfferPlan) -> tuple[Lesson, OfferPlan]:
    """Problem course-invalid."""
    try:
        plan = plan.checked()
        master = PersonId(plan.master or course.master) or None
        made = Plan(plan.title or course.title, plan.starts_ms, plan.ends_ms, master=master).checked()
    except BadCourse as error:
        raise Problem("course-invalid", detail_kind=error.fault.value) from error
    except BadPlan as error:
        raise Problem("plan-invalid", detail_kind=error.fault.value) from error
    return planned(lesson, made), plan


def _home_name(number: int) -> str:
    return catalogue.text("network.home-class", catalogue.DEFAULT, number=number)


async def course_kept(request: web.Request, name: str) -> tuple[Course, Place]:
    """One for which who asks answers, with its provider's place. Problem not-found."""
    store, found = request.app[STORE], None
    if is_id(name):
        found = await read(store.catalogue.course(CourseId(name)))
    if found is None:
        raise Problem("not-found")
    return found, await place_reached(request, found.provider, KEEPERS)


async def _master(request: web.Request, person: str) -> str:
    """What they are called. Raises BadOperation."""
    await _check_office(request, [PersonId(person)], Office.MASTER)
    names = await read(request.app[STORE].network.read(people.names, {PersonId(person)}))
    return names.get(PersonId(person), "")


async def _check_office(request: web.Request, persons: list[PersonId], office: Office) -> None:
    """Raises BadOperation, Problem course-invalid."""
    store = request.app[STORE]
    held = await read(store.network.read(network_appointments.of_people, persons, store.clock.unix_ms()))
    if all(any(given.appointment.office is office for given in each) for each in held.values()):
        return
    if office is Office.MASTER:
        raise BadOperation(OperationFault.MASTER)
    raise Problem("course-invalid", detail_kind=office.value)


_PATH: Final = "/api/v1/operations"
_ONE: Final = _PATH + "/{operation}"
_REFUSED: Final = (
    *("bad-request", "unsupported-media-type", "not-found", "not-ready"),
    *("operation-invalid", "operation-there", "lesson-there", "course-invalid", "plan-invalid"),
)

OPERATIONS: Final = (
    Endpoint(
        id="operations",
        method="GET",
        path=_PATH,
        tag="network",
        handler=operations,
        query=OperationsQuery,
        response=OperationList,
        problems=("bad-request", "not-ready"),
    ),
    Endpoint(
        id="preview_operation",
        method="POST",
        path=f"{_PATH}/{_TRIED}",
        tag="network",
        handler=preview_operation,
        request=OperationPlan,
        response=OperationPreview,
        problems=_REFUSED,
    ),
    Endpoint(
        id="operation",
        method="GET",
        path=_ONE,
        tag="network",
        handler=operation,
        response=OperationDetail,
        problems=("not-found", "not-ready"),
    ),
    Endpoint(
        id="put_operation",
        method="PUT",
        path=_ONE,
        tag="network",
        handler=put_operation,
        request=OperationPlan,
        response=OperationDetail,
        problems=(*_REFUSED, "timetable-conflict"),
    ),
    Endpoint(
        id="undo_operation",
        method="POST",
        path=_ONE + "/undo",
        tag="network",
        handler=undo_operation,
        response=OperationDetail,
        problems=("not-found", "not-ready", "undo-refused", "timetable-conflict"),
    ),
)
