"""The organizers' dashboard over HTTP: figures, tables and files, each of the caller's own places."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import replace
from typing import Any

import openpyxl
import pytest

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId
from classroom.network.dashboard import Day
from signaling.network.dashboard import STALE, Shared
from signaling.network.dashboard_http import BOARD
from signaling.network.settlement import Settler

DAY_MS = 86_400_000
DASHBOARD = "/api/v1/dashboard"
SCORES = {"content": 4, "teaching": 5, "order": 3, "safety": 5, "technique": 4}


async def add_lesson(district: Any, school: str, title: str, state: LessonState) -> None:
    room = ClassRoom(ClassId(f"demo-{school}-c1"), "三年级1班", PersonId(f"demo-{school}-tutor"))
    now = district.now_ms
    lesson = Lesson(
        LessonId(f"{school}-lesson"),
        title,
        (room,),
        state,
        master_id=PersonId("demo-museum-master"),
        starts_ms=now,
        started_ms=now,
    )
    await district.store.save_lesson(lesson)


async def file_of(person: Any, path: str) -> tuple[Any, bytes]:
    head = {"Authorization": f"Bearer {person.secret}", "Accept-Language": "en"}
    async with person.door.http.get(person.door.url(path), headers=head) as response:
        assert response.status == 200
        return response.headers, await response.read()


async def test_what_a_day_came_to_is_kept_at_leisure(district: Any) -> None:
    before_ms = district.now_ms - 2 * DAY_MS
    for name in ("a", "b"):
        lesson = Lesson(
            LessonId(name), name, state=LessonState.ENDED, started_ms=before_ms, ended_ms=before_ms
        )
        await district.store.save_lesson(lesson)
    settler = Settler(district.store)
    assert [await settler.keep_due() for _ in range(2)] == [2, 0]
    await district.store.save_lesson(replace(lesson, id=LessonId("c")))
    assert await settler.keep_due() == 1


async def test_each_organizer_has_the_figures_of_their_places(district: Any) -> None:
    await add_lesson(district, "east-1", "光的折射", LessonState.LIVE)
    await add_lesson(district, "west-1", "=2+3", LessonState.ENDED)
    problem = {"kind": "late", "text": "ten minutes"}
    status, _ = await district["east-supervisor"].post(
        "/api/v1/supervision/lessons/east-1-lesson/reviews", {"scores": SCORES, "problems": [problem]}
    )
    assert status == 201
    status, city = await district["city-organizer"].get(DASHBOARD)
    assert status == 200
    lessons = city["lessons"]
    assert (lessons["all"], lessons["live"], lessons["over"]) == (2, 1, 1)
    assert (city["problems"]["open"], city["timezone"]) == (1, "Asia/Shanghai")
    assert [each["id"] for each in city["places"]] == ["demo-city", "demo-east", "demo-museum", "demo-west"]
    assert city["from_ms"] <= city["at_ms"] < city["until_ms"]

    _, east = await district["east-organizer"].get(DASHBOARD)
    assert (east["lessons"]["all"], east["lessons"]["live"]) == (1, 1)
    # The museum gave it: its problems are not the district's.
    assert east["problems"]["open"] == 0
    _, west = await district["city-organizer"].get(DASHBOARD, place="demo-west-1")
    assert west["lessons"]["over"] == west["lessons"]["all"] == 1
    _, before = await district["city-organizer"].get(DASHBOARD, day="2026-01-01")
    assert before["lessons"]["all"] == 0

    for name, status in (("east-supervisor", 403), ("museum-provider", 403), ("east-1-student", 403)):
        assert (await district[name].get(DASHBOARD))[0] == status
    assert (await district["east-organizer"].get(DASHBOARD, place="demo-west"))[0] == 404
    assert (await district["east-organizer"].get(f"{DASHBOARD}/nonsense"))[0] == 404
    for nonsense in ("2026-02-30", "today"):
        assert (await district["east-organizer"].get(DASHBOARD, day=nonsense))[0] == 400

    await files(district)


async def files(district: Any) -> None:
    """Of what there is by then."""
    city = district["city-organizer"]
    _, table = await city.get(f"{DASHBOARD}/lessons")
    assert [each["key"] for each in table["columns"]][:3] == ["lesson", "standing", "starts"]
    assert {(row[0], row[1]) for row in table["rows"]} == {("光的折射", "live"), ("=2+3", "over")}
    assert not table["more"]
    for section in ("joins", "quality", "storage", "quotas", "problems"):
        status, told = await city.get(f"{DASHBOARD}/{section}")
        assert (status, len(told["rows"])) == (200, section == "problems"), section
        assert all(len(row) == len(told["columns"]) for row in told["rows"])

    head, body = await file_of(city, f"{DASHBOARD}/lessons/csv")
    assert head["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    # What a spreadsheet would take for a formula is a text.
    assert {row[0] for row in rows} == {"Lesson", "光的折射", "'=2+3"}
    _, body = await file_of(city, f"{DASHBOARD}.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(body))
    assert len(book.sheetnames) == 6
    cells = {cell.value: cell.data_type for row in book.worksheets[0].iter_rows() for cell in row[:1]}
    assert cells["=2+3"] == "s"
    _, body = await file_of(district["east-organizer"], f"{DASHBOARD}/lessons/csv")
    assert "=2+3" not in body.decode()


async def test_a_thousand_who_look_at_once_cost_one_look(district: Any) -> None:
    board, looks = district.door.app[BOARD], []

    async def look(from_ms: int, until_ms: int) -> Day:
        looks.append(from_ms)
        await asyncio.sleep(0)
        return Day(from_ms, until_ms)

    board._look_at = look
    await asyncio.gather(*(board.day(1, 2) for _ in range(1_000)))
    await board.day(1, 2)
    assert looks == [1]
    for other in range(20):
        await board.day(other * 10, 5)
    assert len(board._days) < 20


async def test_what_failed_is_looked_up_anew_and_hits_who_waits_alone() -> None:
    answers = iter((RuntimeError("away"), "found"))

    async def look() -> str:
        await asyncio.sleep(0)
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    shared = Shared(look, 10.0, lambda: 0.0)
    gone = asyncio.ensure_future(shared.get())
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(RuntimeError):
        await shared.get()
    assert (await shared.get(), await shared.get()) == ("found", "found")


async def test_who_keeps_the_page_open_does_not_wait_for_a_look() -> None:
    now, found, may_end = 0.0, 0, asyncio.Event()

    async def look() -> int:
        nonlocal found
        await may_end.wait()
        found += 1
        return found

    shared = Shared(look, 10.0, lambda: now)
    may_end.set()
    assert await shared.get() == 1
    may_end.clear()
    now = 15.0
    assert [await shared.get(), await shared.get()] == [1, 1]
    may_end.set()
    await shared.close()
    assert await shared.get() == 2
    now = 15.0 + STALE * 10.0
    # After a while in which nobody looked, what was found then is not shown.
    assert await shared.get() == 3
