"""The dashboard's sections as tables: for the page, and for CSV and XLSX. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from classroom.network.dashboard import (
    BROKEN,
    Day,
    FailedJoins,
    LessonOfDay,
    QuotaUse,
    SchoolQuality,
    Section,
    Stored,
    worst_first,
)
from classroom.network.model import Path
from classroom.store.supervision_reviews import Problem
from signaling import catalogue
from signaling.attendance_table import MS_PER_MINUTE, Cell, Table, Wording

Kind = Literal["text", "number", "time", "share", "bytes"]
"""How a cell is to be read: `time`, Unix ms; `share`, 0..1."""
Value = str | int | float | None
BYTES_PER_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """All that somebody's dashboard is made of."""

    day: Day
    stored: tuple[Stored, ...]
    quotas: tuple[QuotaUse, ...]
    problems: tuple[Problem, ...]
    now_ms: int
    names: Mapping[Path, str]
    """Of all places in it."""

    @property
    def titles(self) -> dict[str, str]:
        return {each.id: each.title for each in self.day.lessons}

    @property
    def schools(self) -> tuple[SchoolQuality, ...]:
        return worst_first(self.day.quality)


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    kind: Kind
    value: Callable[[Any], Value]


def text(key: str, language: str) -> str:
    return catalogue.text(f"dashboard.{key}", language)


def rows(section: Section, found: Found) -> Sequence[Any]:
    """What a row is made of, each."""
    match section:
        case Section.LESSONS:
            return found.day.lessons
        case Section.JOINS:
            return found.day.joins
        case Section.QUALITY:
            return found.schools
        case Section.STORAGE:
            return found.stored
        case Section.QUOTAS:
            return found.quotas
        case Section.PROBLEMS:
            return found.problems


def columns(section: Section, found: Found, language: str) -> tuple[Column, ...]:
    """With values in these words, numbers as they are."""
    return _COLUMNS[section](found, language)


def table(section: Section, found: Found, wording: Wording) -> Table:
    """For people: times by their clock, shares in per cent, bytes in megabytes."""
    shown = columns(section, found, wording.language)
    head = tuple(text(f"column.{each.key}", wording.language) for each in shown)
    body = (
        tuple(_cell(column, column.value(row), wording) for column in shown) for row in rows(section, found)
    )
    return Table(text(f"section.{section}", wording.language), (head, *body))


def _cell(column: Column, value: Value, wording: Wording) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    match column.kind:
        case "time":
            return wording.time(int(value)) if value else ""
        case "share":
            return round(100 * value, 1)
        case "bytes":
            return round(value / BYTES_PER_MB, 1)
        case _:
            return value


def _lessons(found: Found, language: str) -> tuple[Column, ...]:
    def standing(one: LessonOfDay) -> str:
        return text(f"standing.{one.standing(found.now_ms)}", language)

    def taken_by(one: LessonOfDay) -> str:
        names = (found.names.get(path, "") for path in one.places.takes)
        return text("separator", language).join(filter(None, names))

    return (
        Column("lesson", "text", lambda one: one.title),
        Column("standing", "text", standing),
        Column("starts", "time", lambda one: one.starts_ms or None),
        Column("started", "time", lambda one: one.started_ms or None),
        Column("ended", "time", lambda one: one.ended_ms or None),
        Column("provider", "text", lambda one: found.names.get(one.places.gives or Path(""), "")),
        Column("schools", "text", taken_by),
        Column("classes", "number", lambda one: one.classes),
        Column("people", "number", lambda one: one.people),
        Column("refused", "number", lambda one: one.refused),
        Column("broken", "number", lambda one: one.broken),
    )


def _joins(found: Found, language: str) -> tuple[Column, ...]:
    titles = found.titles

    def reason(one: FailedJoins) -> str:
        if one.reason == BROKEN:
            return text("broken", language)
        return catalogue.text(f"problem.{one.reason.replace('_', '-')}.title", language)

    return (
        Column("lesson", "text", lambda one: titles.get(one.lesson, one.lesson)),
        Column("reason", "text", reason),
        Column("times", "number", lambda one: one.times),
        Column("people", "number", lambda one: one.people),
        Column("latest", "time", lambda one: one.latest_ms),
    )


def _quality(found: Found, _language: str) -> tuple[Column, ...]:
    return (
        Column("school", "text", lambda one: found.names.get(one.school, "")),
        Column("lessons", "number", lambda one: one.lessons),
        Column("minutes", "number", lambda one: round(one.seconds * 1000 / MS_PER_MINUTE)),
        Column("good", "share", lambda one: round(one.good, 4)),
        Column("poor", "share", lambda one: round(one.poor, 4)),
        Column("frozen", "number", lambda one: one.frozen_s),
    )


def _storage(found: Found, language: str) -> tuple[Column, ...]:
    return (
        Column("place", "text", lambda one: found.names.get(one.path) or text("nobody", language)),
        Column("items", "number", lambda one: one.items),
        Column("live", "number", lambda one: one.live),
        Column("bytes", "bytes", lambda one: one.bytes),
    )


def _quotas(_found: Found, _language: str) -> tuple[Column, ...]:
    return (
        Column("provider", "text", lambda one: one.provider),
        Column("term", "text", lambda one: one.term),
        Column("allowed", "number", lambda one: one.allowed),
        Column("booked", "number", lambda one: one.booked),
        Column("used", "share", lambda one: round(one.used, 4)),
    )


def _problems(_found: Found, language: str) -> tuple[Column, ...]:
    return (
        Column("provider", "text", lambda one: one.provider),
        Column("lesson", "text", lambda one: one.title),
        Column("kind", "text", lambda one: text(f"kind.{one.kind}", language)),
        Column("text", "text", lambda one: one.text),
        Column("state", "text", lambda one: text(f"state.{one.state}", language)),
        Column("opened", "time", lambda one: one.opened_ms),
        Column("answer", "text", lambda one: one.answer),
    )


_COLUMNS: Final[dict[Section, Callable[[Found, str], tuple[Column, ...]]]] = {
    Section.LESSONS: _lessons,
    Section.JOINS: _joins,
    Section.QUALITY: _quality,
    Section.STORAGE: _storage,
    Section.QUOTAS: _quotas,
    Section.PROBLEMS: _problems,
}
