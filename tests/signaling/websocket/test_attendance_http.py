"""Attendance over HTTP: JSON, CSV and XLSX."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from openpyxl import load_workbook

from classroom.events import LeaveCause, PersonJoined, PersonLeft, RegisterSet, RollMarked
from classroom.model import ClassId, Lesson, LessonId, LessonState, Person, PersonId, Role
from classroom.roll import Mark, Pupil
from classroom.store.demo import CLASS_1
from signaling import catalogue
from signaling.attendance_table import Table, csv_file, xlsx_file

PATH = "/api/v1/lessons/demo/attendance"
BEGAN = 1_800_000_000_000
MINUTE = 60_000
NASTY = '=HYPERLINK("http://x","y")'


async def get(door: Any, path: str, language: str = "en", role: str = "organizer") -> tuple[Any, bytes]:
    headers = {"Authorization": f"Bearer {door.token(role)}", "Accept-Language": language}
    async with door.http.get(door.url(path), headers=headers) as response:
        return response, await response.read()


@pytest.fixture
async def lesson(door: Any) -> Lesson:
    """45 minutes; a tutor from beginning to end, a student who came late, one who was cut off."""
    store = door.parts.store
    demo = await store.lesson(LessonId("demo"))
    ended = Lesson(
        **{name: getattr(demo, name) for name in ("id", "title", "classes")},
        state=LessonState.ENDED,
        started_ms=BEGAN,
        ended_ms=BEGAN + 45 * MINUTE,
    )
    await store.save_lesson(ended)
    assert await store.begin_room(ended.id) is not None

    def came(minute: int, person: Person) -> None:
        store.observe(PersonJoined(lesson_id=ended.id, at_ms=BEGAN + minute * MINUTE, person=person))

    def went(minute: int, person: Person, cause: LeaveCause) -> None:
        store.observe(
            PersonLeft(lesson_id=ended.id, at_ms=BEGAN + minute * MINUTE, person=person, cause=cause)
        )

    tutor = Person(PersonId("demo-tutor-1"), "王老师", Role.TUTOR, CLASS_1)
    late = Person(PersonId("s1"), NASTY, Role.STUDENT, CLASS_1)
    cut = Person(PersonId("s2"), "小红 👩‍🎓", Role.STUDENT, ClassId("class-home"))
    came(-3, tutor)
    came(0, cut)
    came(10, late)
    went(20, cut, LeaveCause.LOST)
    came(22, cut)
    went(30, cut, LeaveCause.LEFT)
    called: dict[str, Any] = {"lesson_id": ended.id, "at_ms": BEGAN, "class_id": ClassId(CLASS_1)}
    tutor = PersonId("demo-tutor-1")
    store.observe(RegisterSet(pupils=(Pupil("1", NASTY), Pupil("2")), actor=tutor, **called))
    for mark, seats, people in ((Mark.PRESENT, ("1",), ("s1",)), (Mark.ABSENT, ("2",), ())):
        marked = {"seats": seats, "people": tuple(PersonId(person) for person in people)}
        store.observe(RollMarked(mark=mark, actor=tutor, **marked, **called))
    return ended


async def test_as_json(door: Any, lesson: Lesson) -> None:
    response, _ = await get(door, PATH)
    body = await response.json()
    assert (body["began_ms"], body["ended_ms"]) == (BEGAN, BEGAN + 45 * MINUTE)
    people = {one["person"]: one for one in body["people"]}
    assert people["s1"]["late"] and people["s1"]["present_ms"] == 35 * MINUTE
    assert people["s2"]["left_early"] and people["s2"]["name"] == "小红 👩‍🎓"
    (stay,) = people["s2"]["stays"]
    assert stay["gaps"] == [{"from_ms": BEGAN + 20 * MINUTE, "to_ms": BEGAN + 22 * MINUTE}]
    assert not people["demo-tutor-2"]["present"]
    first = body["classes"][0]
    assert (first["class_id"], first["students"], first["late"]) == (CLASS_1, 1, 1)
    assert first["tutored_ms"] == 45 * MINUTE
    assert first["called"] == {"present": 2, "late": 0, "absent": 1, "total": 3}
    assert people["s1"]["called"] == "present"
    assert people["s2"]["called"] is None
    assert body["seats"] == [
        {"class_id": CLASS_1, "seat": "1", "name": NASTY, "mark": "present", "at_ms": BEGAN},
        {"class_id": CLASS_1, "seat": "2", "name": "", "mark": "absent", "at_ms": BEGAN},
    ]


async def test_as_csv_that_excel_reads_and_does_not_obey(door: Any, lesson: Lesson) -> None:
    response, body = await get(door, f"{PATH}.csv?zone=Asia/Shanghai", "zh-CN")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''demo.attendance.csv"
    assert body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert rows[0] == [
        "班级",
        "姓名",
        "编号",
        "身份",
        "考勤",
        "进入时间",
        "离开时间",
        "在课分钟",
        "中断次数",
        "点名",
        "签到",
    ]
    by_id = {row[2]: row for row in rows[1:]}
    assert by_id["s1"] == [
        *("1班", f"'{NASTY}", "s1", "学生", "迟到", "2027-01-15 16:10:00", "2027-01-15 16:45:00"),
        *("35.0", "0", "出勤", ""),
    ]
    assert by_id["s2"][4:] == ["早退", "2027-01-15 16:00:00", "2027-01-15 16:30:00", "28.0", "1", "", ""]
    assert by_id["demo-tutor-2"][4:] == ["缺勤", "", "", "0.0", "0", "", ""]
    assert by_id["2"] == ["1班", "", "2", "教室学生", "缺勤", "2027-01-15 16:00:00", "", "", "", "缺勤", ""]
    assert by_id["1"][1] == f"'{NASTY}"


async def test_as_csv_by_class(door: Any, lesson: Lesson) -> None:
    _, body = await get(door, f"{PATH}.csv?by=class")
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert rows[0][:3] == ["Class", "Students", "Present"]
    assert rows[1] == ["1班", "1", "1", "1", "0", "45.0", "45.0", "2", "0", "1"]


async def test_as_xlsx_that_another_program_reads(door: Any, lesson: Lesson) -> None:
    response, body = await get(door, f"{PATH}.xlsx?zone=UTC")
    assert response.content_type.endswith("spreadsheetml.sheet")
    book = load_workbook(io.BytesIO(body))
    assert book.sheetnames == ["People", "Classes"]
    by_id = {row[2].value: row for row in book["People"].iter_rows(min_row=2)}
    name = by_id["s1"][1]
    assert (name.value, name.data_type) == (NASTY, "s")
    assert (by_id["s1"][5].value, by_id["s1"][7].value) == ("2027-01-15 08:10:00", 35)


@pytest.mark.parametrize(
    "odd", ["csv?zone=Mars/Base", "csv?zone=../x", "csv?zone=%01", "csv?by=day", "xlsx?zone=%2Fetc"]
)
async def test_odd_questions(door: Any, odd: str) -> None:
    response, _ = await get(door, f"{PATH}.{odd}")
    assert response.status == (400 if "by=" in odd else 422)


async def test_of_a_lesson_that_has_not_begun(door: Any) -> None:
    response, _ = await get(door, PATH)
    body = await response.json()
    assert (body["began_ms"], body["ended_ms"]) == (None, None)
    _, file = await get(door, f"{PATH}.csv")
    assert "absent" not in file.decode()


async def test_of_a_lesson_that_goes_on(door: Any) -> None:
    master = await door.join("master")
    await master.say("lesson.start")
    await master.expect("lesson")
    response, _ = await get(door, PATH, role="master")
    body = await response.json()
    assert body["ended_ms"] is None
    assert [one["person"] for one in body["people"] if one["stays"]] == ["master-1"]
    assert body["people"][0]["stays"][0]["to_ms"] is None


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "\u3000=1", "\u00a0-1"]
)
def test_nothing_is_a_formula(cell: str) -> None:
    ((told,),) = csv.reader(io.StringIO(csv_file(Table("t", ((cell,),))).decode("utf-8-sig"), newline=""))
    assert told == f"'{cell}"


def test_text_that_no_encoding_carries_spoils_no_file() -> None:
    table = Table("t", (("head",), ("a\ud800b\x00\x0bc",)))
    assert "b" in csv_file(table).decode("utf-8-sig")
    assert load_workbook(io.BytesIO(xlsx_file([table])))["t"]["A2"].value == "abc"


def test_every_role_has_a_word() -> None:
    for role in Role:
        assert f"attendance.role.{role}" in catalogue.messages("zh-CN")
