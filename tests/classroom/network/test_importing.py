"""Tables of people: columns, rows, and what an import would do with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.model import ClassId, PersonId
from classroom.network.accounts import Account
from classroom.network.importing import (
    BadTableError,
    Column,
    Entry,
    Fault,
    RowFault,
    grade_of,
    parse,
)
from classroom.network.importing_plan import ImportPlan, Known, plan
from classroom.network.model import (
    Appointment,
    Office,
    Path,
    Place,
    PlaceId,
    PlaceKind,
    SchoolClass,
)

HEADS = ("学校", "年级", "班级", "姓名", "账号", "职务", "学科", "邮箱", "孩子账号", "有效期至")
DISTRICT = Place(PlaceId("d"), PlaceKind.DISTRICT, "东区", Path("/c/d/"), PlaceId("c"))
SCHOOL = Place(PlaceId("s"), PlaceKind.SCHOOL, "一小", Path("/c/d/s/"), PlaceId("d"))
ROOM = SchoolClass(ClassId("k"), SCHOOL.id, SCHOOL.path, "1班", 3)


def kinds(*rows: Sequence[str], heads: Sequence[str] = HEADS) -> list[tuple[int, RowFault]]:
    return [(fault.row, fault.kind) for fault in parse([heads, *rows]).faults]


def row(**cells: str) -> list[str]:
    values = {"班级": "1班", "姓名": "王小明", "账号": "wxm", "职务": "学生"} | cells
    return [values.get(head, "") for head in HEADS]


def counting() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda kind: f"{kind}{next(numbers)}"


def made_of(entries: list[Entry], known: Known) -> ImportPlan:
    return plan(entries, known, 5, counting())


# --- columns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "heads", [["姓名", "学号", "身份"], [" Name ", "LOGIN", "role"], ["ｎａｍｅ", "account", "office", ""]]
)
def test_columns_by_the_names_that_schools_use(heads: list[str]) -> None:
    parsed = parse([[], ["", " "], heads, ["王老师", "wang", "辅导教师"]])
    assert parsed.entries == [Entry(4, "王老师", "wang", Office.TUTOR)]


def test_a_title_may_stand_above_the_columns() -> None:
    parsed = parse([["东区教师名单"], [], ["姓名", "工号", "职务"], ["王", "w", "教师"]])
    assert [each.row for each in parsed.entries] == [4]


def test_columns_that_are_missing_are_named() -> None:
    with pytest.raises(BadTableError) as caught:
        parse([["姓名", "电话"]])
    assert (caught.value.kind, caught.value.text) == ("columns", "账号、职务")


def test_columns_that_are_not_understood_are_told_and_passed_over() -> None:
    parsed = parse([["姓名", "账号", "职务", "电话", ""], ["王", "w", "教师", "123", "x"]])
    assert parsed.ignored == ["电话"] and parsed.columns == [Column.NAME, Column.LOGIN, Column.OFFICE]
    assert len(parsed.entries) == 1


def test_nothing_at_all() -> None:
    for table in ([], [[]], [["", " "]]):
        with pytest.raises(BadTableError, match="empty"):
            parse(table)
    assert parse([HEADS]).rows == 0


# --- rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({"姓名": ""}, RowFault.NAME),
        ({"姓名": "\u200b"}, RowFault.NAME),
        ({"账号": ""}, RowFault.LOGIN),
        ({"账号": "王 小明"}, RowFault.LOGIN),
        ({"账号": "x" * 401}, RowFault.LOGIN),
        ({"邮箱": "nobody"}, RowFault.EMAIL),
        ({"职务": ""}, RowFault.OFFICE),
        ({"职务": "校长"}, RowFault.OFFICE),
        ({"职务": "督查"}, RowFault.UNTIL),
        ({"职务": "督查", "有效期至": "2027-02-30"}, RowFault.UNTIL),
        ({"职务": "督查", "有效期至": "9999-12-31"}, RowFault.UNTIL),
        ({"职务": "家长"}, RowFault.CHILD),
        ({"职务": "家长", "孩子账号": "WXM"}, RowFault.CHILD),
        ({"学校": "x" * 81}, RowFault.SCHOOL),
        ({"班级": ""}, RowFault.CLASS),
        ({"班级": "x" * 81}, RowFault.CLASS),
        ({"年级": "13"}, RowFault.GRADE),
        ({"职务": "教研员"}, RowFault.SUBJECT),
    ],
)
def test_rows_that_cannot_be_taken(cells: dict[str, str], kind: RowFault) -> None:
    assert kinds(row(**cells)) == [(2, kind)]


@pytest.mark.parametrize("text", ["2027-07-31", "2027/7/31", "2027年7月31日", "2027-07-31 00:00:00"])
def test_the_last_day_of_a_credential(text: str) -> None:
    (entry,) = parse([HEADS, row(职务="督查", 有效期至=text)]).entries
    assert entry.until == date(2027, 7, 31)


def test_rows_are_counted_as_a_spreadsheet_does() -> None:
    assert kinds(row(), ["", ""], row(账号="")) == [(4, RowFault.LOGIN)]


def test_what_stands_there_twice() -> None:
    tutor = {"职务": "辅导教师", "姓名": "李华", "账号": "lihua"}
    found = kinds(
        row(),
        row(),
        row(账号="WXM", 班级="2班"),
        row(账号="ｗｘｍ", 姓名="王大明"),
        row(**tutor),
        row(**tutor, 班级="2班"),
    )
    assert found == [(3, RowFault.ROW_TWICE), (5, RowFault.LOGIN_TWICE)]


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("", 0),
        ("3", 3),
        ("三年级", 3),
        ("初二", 8),
        ("高一", 10),
        ("１２", 12),
        ("0", None),
        ("初四", None),
        ("大班", None),
    ],
)
def test_grades(text: str, grade: int | None) -> None:
    assert grade_of(text) == grade


@given(st.lists(st.lists(st.text(max_size=8), max_size=9), max_size=12))
def test_every_row_is_taken_or_told(rows: list[list[str]]) -> None:
    parsed = parse([HEADS, *rows])
    assert parsed.rows == sum(any(cell.strip() for cell in cells) for cells in rows)
    assert len(parsed.entries) + len(parsed.faults) == parsed.rows


# --- what it would do ---------------------------------------------------------------------------------------


def test_a_district_from_nothing() -> None:
    entries = [
        Entry(2, "王小明", "wxm", Office.STUDENT, "新小学", "1班", 3),
        Entry(3, "张小红", "zxh", Office.STUDENT, "新小学", "1班", 3),
        Entry(4, "李华", "lihua", Office.TUTOR, "新小学", "1班", 3),
        Entry(5, "郑", "zheng", Office.RESEARCHER, subject="科学"),
    ]
    made = made_of(entries, Known(DISTRICT, (DISTRICT,)))
    assert made.faults == []
    (school,) = made.schools
    assert (school.name, school.parent, school.path) == ("新小学", "d", f"/c/d/{school.id}/")
    (room,) = made.classes
    assert (room.name, room.grade, room.pupils, room.path) == ("1班", 3, 2, school.path)
    assert room.tutor == made.accounts[2].person
    assert [each.path for each in made.accounts] == [school.path] * 3 + ["/c/d/"]
    assert [each.class_id for each in made.appointments] == [room.id] * 3 + [""]


def test_what_is_known_is_left_alone() -> None:
    known = Known(
        DISTRICT,
        (DISTRICT, SCHOOL),
        (ROOM,),
        {"wxm": Account(PersonId("p"), "王小明", SCHOOL.path, "wxm")},
        {PersonId("p"): (Appointment("o", PersonId("p"), Office.STUDENT, SCHOOL.path, class_id="k"),)},
    )
    made = made_of([Entry(2, "王小明", "wxm", Office.STUDENT, "一小", "1班")], known)
    assert made == ImportPlan(unchanged=1)
    # The next school year.
    made = made_of([Entry(2, "王明", "wxm", Office.STUDENT, "一小", "2班", 4)], known)
    assert [each.name for each in made.renamed] == ["王明"]
    assert [each.id for each in made.revoked] == ["o"]
    assert [each.name for each in made.classes] == ["2班"] and len(made.appointments) == 1


def test_parents_are_of_a_student_and_supervisors_until_a_day() -> None:
    """A child may stand below its parents, and may be known; a teacher is nobody's child."""
    known = Known(
        DISTRICT,
        (DISTRICT, SCHOOL),
        (ROOM,),
        {
            "old": Account(PersonId("old"), "旧", SCHOOL.path),
            "far": Account(PersonId("far"), "远", Path("/c/d2/")),
        },
        {
            PersonId(each): (Appointment("o", PersonId(each), Office.STUDENT, SCHOOL.path),)
            for each in ("old", "far")
        },
    )
    day = date(1970, 12, 31)
    entries = [
        *(
            Entry(2 + at, "父", "fu", Office.PARENT, "一小", child=child)
            for at, child in enumerate(("new", "old"))
        ),
        Entry(4, "新", "new", Office.STUDENT, "一小", "1班"),
        Entry(5, "督", "du", Office.SUPERVISOR, until=day),
        *(
            Entry(6 + at, "母", "mu", Office.PARENT, "一小", child=child)
            for at, child in enumerate(("du", "far", "no"))
        ),
    ]
    made = made_of(entries, known)
    assert [(fault.row, fault.kind) for fault in made.faults] == [
        (at, RowFault.CHILD_UNKNOWN) for at in (6, 7, 8)
    ]
    child = next(each.person for each in made.accounts if each.login == "new")
    about = [each.about for each in made.appointments if each.office is Office.PARENT]
    assert about == [child, "old"]
    (credential,) = (each for each in made.appointments if each.office is Office.SUPERVISOR)
    assert credential.until_ms == (365 * 24 - 8) * 3_600_000


@pytest.mark.parametrize(
    ("place", "above", "may"), [(SCHOOL, False, False), (SCHOOL, True, True), (DISTRICT, False, True)]
)
def test_nobody_names_the_supervisors_of_their_own_school(place: Place, above: bool, may: bool) -> None:
    known = Known(place, (place,), from_above=above)
    made = made_of([Entry(2, "督", "du", Office.SUPERVISOR, until=date(1970, 5, 1))], known)
    assert [fault.kind for fault in made.faults] == ([] if may else [RowFault.CREDENTIAL])


@pytest.mark.parametrize(
    ("place", "entry", "kind"),
    [
        (SCHOOL, Entry(2, "x", "x", Office.STUDENT, "二小", "1班"), RowFault.SCHOOL_UNKNOWN),
        (SCHOOL, Entry(2, "x", "x", Office.RESEARCHER, subject="科学"), RowFault.OFFICE),
        (DISTRICT, Entry(2, "x", "x", Office.TUTOR), RowFault.OFFICE),
        (DISTRICT, Entry(2, "x", "elsewhere", Office.ORGANIZER), RowFault.LOGIN_TAKEN),
        (DISTRICT, Entry(2, "x", "gone", Office.ORGANIZER), RowFault.LOGIN_TAKEN),
        (DISTRICT, Entry(2, "x", "x", Office.TUTOR, "同名"), RowFault.SCHOOL_TWICE),
    ],
)
def test_what_does_not_fit_the_place(place: Place, entry: Entry, kind: RowFault) -> None:
    twins = tuple(
        Place(PlaceId(name), PlaceKind.SCHOOL, "同名", Path(f"/c/d/{name}/"), DISTRICT.id) for name in "ab"
    )
    accounts = {
        "elsewhere": Account(PersonId("e"), "x", Path("/c/d2/"), "elsewhere"),
        "gone": Account(PersonId("g"), "x", Path("/c/d/s/"), "gone", disabled_ms=1),
    }
    made = made_of([entry], Known(place, (place, *twins), accounts=accounts))
    assert [(fault.row, fault.kind) for fault in made.faults] == [(2, kind)]
    assert isinstance(made.faults[0], Fault)
