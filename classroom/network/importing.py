"""People and classes from a table (导入): which columns there are, which rows can be taken and what is wrong
with the others. Pure; what a database knows is compared by `importing_plan`.

A row is somebody in an office: who holds several (a tutor of two classes, a parent of two children) has
several rows, with one login and one name. The login tells people apart and finds them again, so the same
file taken twice changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from classroom.network.accounts import AccountFault, BadAccount, email_address, login_name
from classroom.network.appointing import MAX_SUBJECT
from classroom.network.model import Office
from classroom.network.places import MAX_GRADE, BadPlace, place_name
from classroom.rules.words import has_controls, person_name

MAX_ROWS: Final = 200_000
"""A large district; a larger one takes one file for each of its parts."""
MAX_COLUMNS: Final = 64
"""Those beyond are not looked at: an export of some school program has thirty."""
MAX_CELL: Final = 400
"""Characters: nothing that is asked for is longer."""
HEADS_WITHIN: Final = 20
"""Rows with something in them: a title stands above the heads in some tables."""
MAX_FAULTS: Final = 200
"""Told in words; of the others the number. Who reads more has another file in hand."""


class Column(StrEnum):
    SCHOOL = "school"
    GRADE = "grade"
    CLASS = "class"
    NAME = "name"
    LOGIN = "login"
    OFFICE = "office"
    SUBJECT = "subject"
    EMAIL = "email"
    CHILD = "child"
    UNTIL = "until"


NEEDED: Final = (Column.NAME, Column.LOGIN, Column.OFFICE)
_HEADS: Final[Mapping[Column, tuple[str, ...]]] = {
    Column.SCHOOL: ("学校", "单位", "学校名称", "school"),
    Column.GRADE: ("年级", "grade"),
    Column.CLASS: ("班级", "班", "class"),
    Column.NAME: ("姓名", "名字", "name"),
    Column.LOGIN: ("账号", "帐号", "学号", "工号", "学籍号", "login", "account", "id"),
    Column.OFFICE: ("职务", "身份", "角色", "office", "role"),
    Column.SUBJECT: ("学科", "任教学科", "subject"),
    Column.EMAIL: ("邮箱", "电子邮箱", "电子邮件", "email", "e-mail", "mail"),
    Column.CHILD: ("孩子账号", "孩子学号", "学生账号", "学生学号", "child"),
    Column.UNTIL: ("有效期至", "截止日期", "until", "valid until"),
}
_COLUMN_OF: Final = {head: column for column, heads in _HEADS.items() for head in heads}
_OFFICES: Final[Mapping[str, Office]] = {
    **dict.fromkeys(("学生", "student", "pupil"), Office.STUDENT),
    **dict.fromkeys(("辅导教师", "辅导老师", "教师", "老师", "班主任", "tutor", "teacher"), Office.TUTOR),
    **dict.fromkeys(("名师", "主讲", "主讲教师", "master"), Office.MASTER),
    **dict.fromkeys(("管理员", "organizer", "administrator"), Office.ORGANIZER),
    **dict.fromkeys(("资源单位负责人", "负责人", "provider"), Office.PROVIDER),
    **dict.fromkeys(("教研员", "researcher"), Office.RESEARCHER),
    **dict.fromkeys(("家长", "监护人", "parent", "guardian"), Office.PARENT),
    **dict.fromkeys(("督查", "督查员", "督学", "supervisor"), Office.SUPERVISOR),
}
_DATE: Final = re.compile(r"(2\d{3})[-/.年](\d{1,2})[-/.月](\d{1,2})日?([ T]00:00:00)?")
"""As people write it, and as a cell of a spreadsheet with a date is read."""
_NUMERALS: Final = {numeral: number for number, numeral in enumerate("一二三四五六七八九", 1)}
_GRADE: Final = re.compile(r"(初|高)?([0-9]{1,2}|[一二三四五六七八九])(年级|级)?")
_FIRST_OF: Final = {"初": 6, "高": 9, None: 0}


class RowFault(StrEnum):
    """What is wrong with a row."""

    NAME = "name"
    LOGIN = "login"
    EMAIL = "email"
    OFFICE = "office"
    SCHOOL = "school"
    CLASS = "class"
    GRADE = "grade"
    SUBJECT = "subject"
    CHILD = "child"
    """A parent is somebody's, by that child's login."""
    CHILD_UNKNOWN = "child-unknown"
    """No student of the place has this login, in the table or before."""
    UNTIL = "until"
    """A supervisor's credential has its end: a date to come, within 400 days."""
    CREDENTIAL = "credential"
    """Nobody names the supervisors of their own school: its credentials come from above."""
    ROW_TWICE = "row-twice"
    """The same as an earlier one."""
    LOGIN_TWICE = "login-twice"
    """Of somebody of another name in an earlier row."""
    LOGIN_TAKEN = "login-taken"
    """Of somebody who belongs elsewhere, or whose account is disabled."""
    SCHOOL_UNKNOWN = "school-unknown"
    """None of this name within the place, and none can be made there."""
    SCHOOL_TWICE = "school-twice"
    """Several of this name."""


class BadTableError(Exception):
    """The table as a whole cannot be taken."""

    def __init__(self, kind: str, text: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        """`empty`, `columns`, `rows`, `encoding`, `file`."""
        self.text = text
        """Which columns are missing."""


@dataclass(frozen=True, slots=True)
class Fault:
    row: int
    """As a spreadsheet counts, from 1."""
    kind: RowFault
    value: str = ""
    """What stands there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that can be taken."""

    row: int
    name: str
    login: str
    office: Office
    school: str = ""
    """Empty: the place itself into which is imported."""
    class_name: str = ""
    grade: int = 0
    subject: str = ""
    email: str = ""
    child: str = ""
    """Of a parent: the login."""
    until: date | None = None
    """Of a supervisor: the last day, by the clock of the place."""


@dataclass(slots=True)
class Parsed:
    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    """Heads of columns that are not understood."""
    rows: int = 0
    """With something in them, beside the heads."""


_once = lru_cache(maxsize=4096)
"""Of cells that are alike row after row: a school's name stands there a thousand times."""


def parse(table: Iterable[Sequence[str]]) -> Parsed:
    """table: rows of cells, the heads first. Raises BadTableError: empty, columns, rows."""
    rows = _filled(table)
    heads = _heads(rows)
    found = _columns(heads)
    known = set(found.values())
    ignored = [head.strip()[:MAX_CELL] for at, head in enumerate(heads) if at not in known and head.strip()]
    parsed, columns = Parsed(columns=list(found), ignored=ignored), tuple(found.items())
    for number, cells in rows:
        parsed.rows += 1
        if parsed.rows > MAX_ROWS:
            raise BadTableError("rows")
        width = len(cells)
        here = {column: cells[at].strip() if at < width else "" for column, at in columns}
        made = _entry(number, here)
        if isinstance(made, Entry):
            parsed.entries.append(made)
        else:
            parsed.faults.append(made)
    _find_twice(parsed)
    return parsed


def _heads(rows: Iterator[tuple[int, Sequence[str]]]) -> Sequence[str]:
    """The first row that names what is needed: a title may stand above it. Raises BadTableError."""
    first = None
    for _, cells in islice(rows, HEADS_WITHIN):
        missing = [_HEADS[column][0] for column in NEEDED if column not in _columns(cells)]
        if not missing:
            return cells
        first = first or missing
    if first is None:
        raise BadTableError("empty")
    raise BadTableError("columns", "、".join(first))


def _columns(heads: Sequence[str]) -> dict[Column, int]:
    """Which column stands where; of two of the same the first."""
    found: dict[Column, int] = {}
    for at, head in enumerate(heads[:MAX_COLUMNS]):
        column = _COLUMN_OF.get(unicodedata.normalize("NFKC", head).strip().lower())
        if column is not None:
            found.setdefault(column, at)
    return found


def _filled(table: Iterable[Sequence[str]]) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows with something in them, numbered as a spreadsheet does."""
    for number, cells in enumerate(table, 1):
        if any(cell.strip() for cell in cells):
            yield number, cells


class _Somebody(NamedTuple):
    row: int
    name: str
    login: str
    office: Office
    email: str


def _entry(row: int, cells: Mapping[Column, str]) -> Entry | Fault:
    office = _office_of(cells[Column.OFFICE])
    if office is None:
        return Fault(row, RowFault.OFFICE, cells[Column.OFFICE][:MAX_CELL])
    name = person_name(cells[Column.NAME])
    if not name or len(cells[Column.NAME]) > MAX_CELL:
        return Fault(row, RowFault.NAME, cells[Column.NAME][:MAX_CELL])
    try:
        login = login_name(cells[Column.LOGIN])
        email = email_address(cells.get(Column.EMAIL, ""))
    except BadAccount as error:
        column = Column.EMAIL if error.fault is AccountFault.EMAIL else Column.LOGIN
        return Fault(row, RowFault(column.value), cells[column][:MAX_CELL])
    return _placed(_Somebody(row, name, login, office, email), cells)


@_once
def _office_of(text: str) -> Office | None:
    return _OFFICES.get(unicodedata.normalize("NFKC", text).lower())


@_once
def _is_place(text: str) -> bool:
    try:
        return bool(place_name(text))
    except BadPlace:
        return False


def _placed(entry: _Somebody, cells: Mapping[Column, str]) -> Entry | Fault:
    """With school, class and subject."""
    school, room = cells.get(Column.SCHOOL, ""), cells.get(Column.CLASS, "")
    grade, subject = cells.get(Column.GRADE, ""), cells.get(Column.SUBJECT, "")
    number = grade_of(grade)
    if number is None:
        return Fault(entry.row, RowFault.GRADE, grade[:MAX_CELL])
    for text, kind in ((school, RowFault.SCHOOL), (room, RowFault.CLASS)):
        if text and not _is_place(text):
            return Fault(entry.row, kind, text[:MAX_CELL])
    if entry.office is Office.STUDENT and not room:
        return Fault(entry.row, RowFault.CLASS, room)
    of_class = entry.office in (Office.STUDENT, Office.TUTOR)
    researcher = entry.office is Office.RESEARCHER
    child = until = None
    if entry.office is Office.PARENT and (child := _login(cells.get(Column.CHILD, ""))) in ("", entry.login):
        return Fault(entry.row, RowFault.CHILD, cells.get(Column.CHILD, "")[:MAX_CELL])
    if entry.office is Office.SUPERVISOR and (until := date_of(cells.get(Column.UNTIL, ""))) is None:
        return Fault(entry.row, RowFault.UNTIL, cells.get(Column.UNTIL, "")[:MAX_CELL])
    if researcher and (not subject or len(subject) > MAX_SUBJECT or has_controls(subject)):
        return Fault(entry.row, RowFault.SUBJECT, subject[:MAX_CELL])
    return Entry(
        row=entry.row,
        name=entry.name,
        login=entry.login,
        office=entry.office,
        school=school,
        class_name=room if of_class else "",
        grade=number,
        # Who teaches a subject is no researcher of it: an export names the subjects of all.
        subject=subject if researcher else "",
        email=entry.email,
        child=child or "",
        until=until,
    )


def _login(text: str) -> str:
    """Empty: nobody has such a one."""
    try:
        return login_name(text)
    except BadAccount:
        return ""


def date_of(text: str) -> date | None:
    """`2027-07-31`, `2027/7/31`, `2027年7月31日`. None: no date."""
    found = _DATE.fullmatch(unicodedata.normalize("NFKC", text))
    try:
        return date(*map(int, found.group(1, 2, 3))) if found else None
    except ValueError:
        return None


@_once
def grade_of(text: str) -> int | None:
    """`3`, `三年级`, `初二` (8), `高一` (10); 0 of nothing. None: no grade."""
    if not text:
        return 0
    found = _GRADE.fullmatch(unicodedata.normalize("NFKC", text))
    if found is None:
        return None
    number = _NUMERALS.get(found[2]) or int(found[2])
    if found[1] and number > 3:
        return None
    grade = number + _FIRST_OF[found[1]]
    return grade if 1 <= grade <= MAX_GRADE else None


def _find_twice(parsed: Parsed) -> None:
    """Takes out what stands there twice, and who has somebody else's login."""
    names: dict[str, str] = {}
    seen: set[tuple[object, ...]] = set()
    kept: list[Entry] = []
    for each in parsed.entries:
        who = (each.login, each.office, each.school, each.class_name)
        key = (*who, each.subject, each.child, each.until)
        if names.setdefault(each.login, each.name) != each.name:
            parsed.faults.append(Fault(each.row, RowFault.LOGIN_TWICE, each.login))
        elif key in seen:
            parsed.faults.append(Fault(each.row, RowFault.ROW_TWICE, each.login))
        else:
            seen.add(key)
            kept.append(each)
    parsed.entries = kept
