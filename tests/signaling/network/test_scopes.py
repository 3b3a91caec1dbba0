"""Every operation of the course network on what lies outside of the caller's scope: everybody of one school
on the objects of the schools beside it, in this district and in the other, and the same of districts and
providers.

`CASES` says for each operation how it is asked about a foreign school; a new operation needs its row (or a
place in `ABOUT_ONESELF` or `LISTS`). A row's request is one that is not refused for who reaches the school
(`WHO`): so that what refuses it is the scope. `things` makes what there is in each school beside its people.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId
from classroom.store import audit
from classroom.store.demo_network import PEOPLE, SCHOOLS
from classroom.store.devices import Device
from signaling.access import ACCESS
from signaling.endpoints import OPERATIONS

DAY_MS = 86_400_000


@dataclass
class Ask:
    """About a school's object: what stands in the path, the query and the body."""

    params: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)


REASON = {"reason": "a test"}

CASES: dict[str, Callable[[str], Ask]] = {
    "places": lambda school: Ask(query={"parent": school}),
    "place": lambda school: Ask({"place": school}),
    "add_place": lambda school: Ask(
        body={"kind": "school", "name": "new", "parent": school.rsplit("-", 1)[0]}
    ),
    "change_place": lambda school: Ask({"place": school}, {"name": "new"}),
    "close_place": lambda school: Ask({"place": school}, REASON),
    "school_classes": lambda school: Ask({"place": school}),
    "add_school_class": lambda school: Ask({"place": school}, {"name": "new"}),
    "school_class": lambda school: Ask({"class": f"{school}-c1"}),
    "change_school_class": lambda school: Ask({"class": f"{school}-c1"}, {"name": "new"}),
    "close_school_class": lambda school: Ask({"class": f"{school}-c1"}, REASON),
    "accounts": lambda school: Ask(query={"place": school}),
    "account": lambda school: Ask({"person": f"{school}-student"}),
    "add_account": lambda school: Ask(body={"name": "new", "place": school}),
    "change_account": lambda school: Ask({"person": f"{school}-student"}, {"name": "new"}),
    "disable_account": lambda school: Ask({"person": f"{school}-student"}, REASON),
    "enable_account": lambda school: Ask({"person": f"{school}-student"}),
    "appointments": lambda school: Ask(query={"place": school}),
    "appoint": lambda school: Ask(body={"person": f"{school}-student", "office": "master", "place": school}),
    "revoke_appointment": lambda school: Ask({"appointment": f"{school}-master-office"}, REASON),
    "preview_import": lambda school: Ask(query={"place": school}, body="name,login,office\n"),
    "apply_import": lambda school: Ask(query={"place": school}, body="name,login,office\n"),
    "invite": lambda school: Ask(body={"office": "master", "place": school}),
    "pair_class_device": lambda school: Ask({"class": f"{school}-c1"}, {"code": "000000"}),
    "class_devices": lambda school: Ask({"place": school}),
    "revoke_class_device": lambda school: Ask({"place": school, "device": f"{school}-device"}),
    "drop_lost_factor": lambda school: Ask({"person": f"{school}-student"}, REASON),
    "invite_all": lambda school: Ask({"place": school}, {"days": 7}),
    "invitations": lambda school: Ask(query={"place": school}),
    "revoke_invitation": lambda school: Ask({"invitation": f"{school}-invitation"}),
    "audience": lambda school: Ask({"place": school}),
    "class_progress": lambda school: Ask({"class": f"{school}-c1"}),
    "school_progress": lambda school: Ask({"place": school}),
    "audit": lambda school: Ask(query={"place": school}),
    "audit_csv": lambda school: Ask(query={"place": school}),
}

SCORES = {"content": 4, "teaching": 5, "order": 3, "safety": 5, "technique": 4}
STARS = {"content": 5}

CASES |= {
    "supervise": lambda school: Ask({"lesson": f"{school}-lesson"}),
    "enter_lesson": lambda school: Ask({"lesson": f"{school}-lesson"}),
    "observations": lambda school: Ask(query={"lesson": f"{school}-lesson"}),
    "deliver_review": lambda school: Ask({"lesson": f"{school}-lesson"}, {"scores": SCORES}),
    "review": lambda school: Ask({"review": f"{school}-review"}),
    "move_problem": lambda school: Ask(
        {"problem": f"{school}-problem", "move": "answer"}, {"text": "mended"}
    ),
    "show_problem": lambda school: Ask({"problem": f"{school}-problem"}),
    **{
        name: lambda school: Ask({"section": "lessons"}, query={"place": school})
        for name in ("dashboard", "dashboard_table", "dashboard_csv", "dashboard_xlsx")
    },
    "lesson_ratings": lambda school: Ask({"lesson": f"{school}-lesson"}),
    "my_rating": lambda school: Ask({"lesson": f"{school}-lesson"}),
    "rate_lesson": lambda school: Ask({"lesson": f"{school}-lesson"}, {"stars": STARS}),
    "rate_for_school": lambda school: Ask({"lesson": f"{school}-lesson", "school": school}, {"stars": STARS}),
    "school_ratings": lambda school: Ask({"place": school}),
}

SPAN = {"action": "online", "from_ms": 0, "until_ms": DAY_MS}

CASES |= {
    "course_timetable": lambda school: Ask({"course": f"{school}-course"}),
    "operation": lambda school: Ask({"operation": f"{school}-operation"}),
    "preview_operation": lambda school: Ask(body={"reason": "haze", "span": SPAN | {"place": school}}),
    "put_operation": lambda school: Ask(
        {"operation": "new"}, {"reason": "haze", "span": SPAN | {"place": school}}
    ),
    "undo_operation": lambda school: Ask({"operation": f"{school}-operation"}),
    "substitute_candidates": lambda school: Ask(query={"lesson": f"{school}-operation-1"}),
    "declare_substitute": lambda school: Ask(
        body={"lesson": f"{school}-operation-1", "person": "demo-museum-master", "reason": "ill"}
    ),
    "decide_substitute": lambda school: Ask({"substitute": f"{school}-substitute", "move": "approve"}),
}

WHO = {
    "enter_lesson": "west-2-student",
    "deliver_review": "city-supervisor",
    "supervise": "city-supervisor",
    "move_problem": "west-2-provider",
    "my_rating": "west-2-student",
    "rate_lesson": "west-2-student",
    "rate_for_school": "west-2-organizer",
}
"""Who may do it in `demo-west-2`, where that is not the city's organizer."""

LISTS = {
    *(
        "operations",
        "substitutes",
        "wall",
        "wall_pictures",
        "reviews",
        "unreviewed",
        "problems",
        "negative_list",
        "received_ratings",
    )
}
"""Of all that the caller reaches, and nothing is named."""

ABOUT_ONESELF = {
    "import_template",
    "my_timetable",
    "my_progress",
    "my_notices",
    "my_notice_settings",
    "put_my_notice_settings",
    "read_my_notices",
    "my_calendar",
    "make_calendar",
    "drop_calendar",
    "whoami",
    "change_password",
    "set_up_factor",
    "confirm_factor",
    "drop_factor",
    "renew_recovery_codes",
    "prove",
    "sign_ins",
    "end_sign_in",
}
"""Name nothing but what is the caller's own."""

ELSEWHERE = {
    *("courses", "course", "put_course", "course_lessons", "put_course_lesson"),
    *("put_capacity", "course_ratings"),
    *("pairs", "put_pair", "delete_pair", "catalogue", "catalogue_lesson", "parallel_lessons"),
    *("enrol_class", "withdraw_class", "enrol_person", "withdraw_person", "enrolments"),
    *("terms", "put_term", "quotas", "put_quota"),
}
"""Who sees and enrols is wider than a scope (visibility): test_courses_http, test_enrolments_http."""

OF_THE_NETWORK = {each.id: each for each in OPERATIONS if isinstance(ACCESS[each.id], frozenset)}


def test_every_operation_has_its_row() -> None:
    assert set(CASES) | ABOUT_ONESELF | LISTS | ELSEWHERE == set(OF_THE_NETWORK)


def foreign(caller: str) -> list[str]:
    """Schools that somebody of this place does not reach."""
    place = next(one.place for one in PEOPLE if one.person == caller)
    if place in SCHOOLS or place == "demo-museum":
        return [school for school in SCHOOLS if school != place]
    return [school for school in SCHOOLS if not school.startswith(place)]


CALLERS = [
    one.person.removeprefix("demo-")
    for one in PEOPLE
    if one.place in ("demo-east-1", "demo-east", "demo-museum")
]


@pytest_asyncio.fixture
async def things(district: Any) -> dict[str, str]:
    """A lesson of each school's master for its first class, over and reviewed; ids by what CASES calls
    them."""
    made: dict[str, str] = {}
    for school in SCHOOLS:
        room = ClassRoom(ClassId(f"{school}-c1"), "三年级1班", PersonId(f"{school}-tutor"), school)
        lesson = Lesson(
            LessonId(f"{school}-lesson"),
            "光的折射",
            (room,),
            LessonState.ENDED,
            master_id=PersonId(f"{school}-master"),
            started_ms=district.now_ms - 60_000,
            ended_ms=district.now_ms - 1,
        )
        await district.store.save_lesson(lesson)
        supervisor = district[f"{school.split('-')[1]}-supervisor"]
        problem = {"kind": "other", "text": "too dark"}
        status, review = await supervisor.post(
            f"/api/v1/supervision/lessons/{lesson.id}/reviews", {"scores": SCORES, "problems": [problem]}
        )
        assert status == 201, review
        status, invitation = await district[f"{school.removeprefix('demo-')}-organizer"].post(
            "/api/v1/invitations", {"office": "master", "place": school}
        )
        assert status == 201, invitation
        await district.store.add_device(room_device(school))
        made[f"{school}-invitation"] = invitation["id"]
        provider = district[f"{school.removeprefix('demo-')}-provider"]
        operation = await series(provider, school)
        made[f"{school}-operation"] = operation
        made[f"{school}-substitute"] = await substitute(provider, f"{operation}-2")
        made[f"{school}-review"] = review["id"]
        made[f"{school}-problem"] = review["problems"][0]["id"]
    return made


def room_device(school: str) -> Device:
    who, of = PersonId(f"{school}-device"), ClassId(f"{school}-c1")
    return Device(who, "三年级1班", "", of, "0", 1, PersonId(f"{school}-tutor"), LessonId(""))


async def series(provider: Any, school: str) -> str:
    """A course of the school, with two lessons planned in a year."""
    course = {"provider": school, "title": "光"}
    assert (await provider.put(f"/api/v1/courses/{school}-course", course))[0] == 201
    day = (datetime.now(UTC) + timedelta(days=300)).date()
    days = {"first": f"{day}", "last": f"{day + timedelta(days=7)}", "weekdays": [day.isoweekday()]}
    planned = {"course": f"{school}-course", "at": "09:00", "minutes": 45, "capacity": 80} | days
    status, told = await provider.put(f"/api/v1/operations/{school}-operation", {"series": planned})
    assert status == 200, told
    return f"{school}-operation"


async def substitute(provider: Any, lesson: str) -> str:
    wish = {"lesson": lesson, "person": "demo-museum-master", "reason": "ill"}
    status, told = await provider.post("/api/v1/substitutes", wish)
    assert status == 201, told
    return str(told["id"])


async def told(person: Any, name: str, ask: Ask, things: dict[str, str]) -> tuple[int, Any]:
    operation = OF_THE_NETWORK[name]
    path = operation.path.format(**{key: things.get(value, value) for key, value in ask.params.items()})
    body = ask.body if operation.method in ("POST", "PUT", "PATCH") else None
    data = {"data": body.encode()} if isinstance(body, str) else {}
    return await person.ask(operation.method, path, None if data else body, params=ask.query, **data)


async def test_nothing_of_another_school_is_reached(district: Any, things: dict[str, str]) -> None:
    """And nothing tells that it is there: what is not reached is answered as what does not exist."""
    before = await district.store.network.read(audit.listed, ["/"], limit=1)
    for caller in CALLERS:
        await reaches_nothing(district[caller], things)
        assert await district.store.network.read(audit.listed, ["/"], limit=1) == before, caller


async def reaches_nothing(person: Any, things: dict[str, str]) -> None:
    for school in foreign(person.id):
        for name, ask in CASES.items():
            status, answer = await told(person, name, ask(school), things)
            refused = status in (403, 404) and answer["type"] in (
                "/problems/not-found",
                "/problems/role-not-allowed",
            )
            empty = status == 200 and not any(answer.values())
            assert refused or empty, (person.id, name, school, status, answer)
            nowhere = await told(person, name, ask("demo-nowhere-1"), things)
            assert (status, answer) == nowhere, (person.id, name, school)


async def test_lists_show_nothing_of_another_school(district: Any, things: dict[str, str]) -> None:
    """Asked for all that the caller reaches."""
    for caller in CALLERS:
        await sees_nothing(district[caller])


async def sees_nothing(person: Any) -> None:
    for name, operation in OF_THE_NETWORK.items():
        if operation.method != "GET" or "{" in operation.path:
            continue
        status, answer = await person.get(operation.path)
        if status == 200:
            text = json.dumps(answer, ensure_ascii=False)
            assert not [school for school in foreign(person.id) if school in text], (person.id, name, answer)


async def test_who_reaches_it_is_not_refused(district: Any, things: dict[str, str]) -> None:
    """The rows are what they are said to be."""
    school = "demo-west-2"
    # What closes and disables comes last.
    for name, ask in sorted(CASES.items(), key=lambda each: (each[0].startswith("close_"), each[0])):
        person = district[WHO.get(name, "city-organizer")]
        status, answer = await told(person, name, ask(school), things)
        refused = status >= 400 and answer["type"] in ("/problems/not-found", "/problems/role-not-allowed")
        assert status not in (400, 500) and not refused, (name, status, answer)
