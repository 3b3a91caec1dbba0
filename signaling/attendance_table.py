"""Attendance as a table for people: CSV and XLSX. Pure.

A spreadsheet takes a cell that begins with `=` and the like for a formula, whatever the file meant. Names
come from outside, so in CSV such a cell gets an apostrophe in front (OWASP, "CSV Injection"); in XLSX a text
is marked as text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Final

from classroom.attendance import Attendance, ClassAttendance, Report
from classroom.model import ClassId, Lesson, PersonId
from classroom.network.check_in import Way
from classroom.roll import Marked
from signaling import catalogue

BOM: Final = "\ufeff"
"""Without it Excel reads UTF-8 as something else."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What begins a formula; full width ones count where Chinese or Japanese is typed."""
MS_PER_MINUTE: Final = 60_000

Cell = str | int | float
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """With a title for its sheet; the first row is its head."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """How values are said: in which language, at which clock."""

    language: str
    zone: tzinfo | None
    """None: the server's own."""

    def text(self, key: str) -> str:
        return catalogue.text(f"attendance.{key}", self.language)

    def time(self, at_ms: int | None) -> str:
        if at_ms is None:
            return ""
        return datetime.fromtimestamp(at_ms / 1000, self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def mark(self, marked: Marked | None) -> str:
        return self.text(marked.mark.value) if marked else ""

    def way(self, way: Way | None) -> str:
        return self.text(f"check_in.{way}") if way else ""

    def status(self, one: Attendance, has_begun: bool, caught_up: bool) -> str:
        if not has_begun:
            return ""
        if not one.present:
            return self.text("caught_up" if caught_up else "absent")
        flags = [name for name, holds in (("late", one.late), ("left_early", one.left_early)) if holds]
        return self.text("list_separator").join(self.text(name) for name in flags or ["present"])


def people_table(
    lesson: Lesson,
    report: Report,
    names: Mapping[PersonId, str],
    wording: Wording,
    caught_up: Collection[PersonId] = (),
    checked_in: Mapping[PersonId, Way] = MappingProxyType({}),
) -> Table:
    """A row for each person, then for each pupil of a room who was marked in the roll call."""
    classes = _class_names(lesson)
    has_begun = report.began_ms is not None
    columns: tuple[tuple[str, Callable[[Attendance], Cell]], ...] = (
        ("class", lambda one: classes.get(one.class_id, one.class_id or "") if one.class_id else ""),
        ("name", lambda one: names.get(one.person, "")),
        ("person", lambda one: one.person),
        ("role", lambda one: wording.text(f"role.{one.role}")),
        ("status", lambda one: wording.status(one, has_begun, one.person in caught_up)),
        ("first", lambda one: wording.time(one.first_ms)),
        ("last", lambda one: wording.time(one.last_ms)),
        ("minutes", lambda one: _minutes(one.present_ms)),
        ("gaps", lambda one: one.gaps),
        ("called", lambda one: wording.mark(report.called(one))),
        ("check_in", lambda one: wording.way(checked_in.get(one.person))),
    )
    head = tuple(wording.text(f"column.{key}") for key, _ in columns)
    rows = (tuple(value(one) for _, value in columns) for one in report.people)
    seats = (
        (
            classes.get(one.class_id, one.class_id),
            one.name,
            one.seat,
            wording.text("seat"),
            wording.mark(one.marked),
            wording.time(one.marked.at_ms),
            "",
            "",
            "",
            wording.mark(one.marked),
            "",
        )
        for one in report.seats()
    )
    return Table(wording.text("people"), (head, *rows, *seats))


def class_table(lesson: Lesson, report: Report, wording: Wording) -> Table:
    """A row for each class."""
    names = _class_names(lesson)
    columns: tuple[tuple[str, Callable[[ClassAttendance], Cell]], ...] = (
        ("class", lambda one: names[one.class_id]),
        ("students", lambda one: one.students),
        ("present", lambda one: one.present),
        ("late", lambda one: one.late),
        ("left_early", lambda one: one.left_early),
        ("covered", lambda one: _minutes(one.covered_ms)),
        ("tutored", lambda one: _minutes(one.tutored_ms)),
        ("called_present", lambda one: one.called.present),
        ("called_late", lambda one: one.called.late),
        ("called_absent", lambda one: one.called.absent),
    )
    head = tuple(wording.text(f"column.{key}") for key, _ in columns)
    rows = (tuple(value(one) for _, value in columns) for one in report.classes)
    return Table(wording.text("classes"), (head, *rows))


def csv_file(table: Table) -> bytes:
    """RFC 4180, UTF-8 with a byte order mark."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([harmless(cell) for cell in row] for row in table.rows)
    return (BOM + text.getvalue()).encode("utf-8", "replace")


def xlsx_file(tables: Sequence[Table]) -> bytes:
    """Office Open XML, a sheet for each table."""
    # Loaded by whoever makes a workbook: no server needs it to start.
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True})
        for table in tables:
            sheet = book.add_worksheet(table.title)
            sheet.freeze_panes(1, 0)
            for y, row in enumerate(table.rows):
                for x, cell in enumerate(row):
                    style = bold if y == 0 else None
                    if isinstance(cell, str):
                        sheet.write_string(y, x, _encodable(cell), style)
                    else:
                        sheet.write_number(y, x, cell, style)
            sheet.autofit()
    return file.getvalue()


def _class_names(lesson: Lesson) -> dict[ClassId, str]:
    return {room.id: room.name for room in lesson.classes}


def _minutes(ms: int) -> float:
    return round(ms / MS_PER_MINUTE, 1)


def harmless(cell: Cell) -> Cell:
    if isinstance(cell, str) and (cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA)):
        return f"'{cell}"
    return cell


def _encodable(text: str) -> str:
    """Without what XML cannot carry."""
    return "".join(_xml_characters(text))


def _xml_characters(text: str) -> Iterator[str]:
    """XML 1.0, 2.2."""
    for character in text:
        code = ord(character)
        if code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000:
            yield character
