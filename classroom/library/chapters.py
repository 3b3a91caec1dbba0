"""Chapters of an item: what happened in the lesson, on the item's clock. Pure.

The lesson's clock begins when it went live, the item's when its recording began: a moment later, or much
later after a restart of the server in which no item went on. Events carry the lesson's clock, which no
change of the machine's time moves, so an event's place is the lesson's beginning plus its clock, less the
item's beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from classroom.model import Lesson, Phase

KINDS: Final = (
    *("lesson.state", "lesson.phase", "stage.entered", "quiz.opened", "class.taken", "class.online"),
    *("master.lost", "master.back", "master.resumed"),
)
"""Of the lesson's events, those that make chapters."""
MAX_CHAPTERS: Final = 2_000
"""More than a scrub bar can show; a day of lively lesson has some hundreds."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the lesson's stream."""

    kind: str
    elapsed_ms: int
    """The lesson's clock."""
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chapter:
    at_ms: int
    """Item clock."""
    kind: str
    """Of the catalogue's `chapter.KIND`, which says it in words."""
    values: Mapping[str, str]
    """What fills the words: class, seat, question."""


@dataclass(frozen=True, slots=True)
class ItemClock:
    """Where an item's clock stands against its lesson's."""

    began_ms: int
    """Unix time at which the lesson went live."""
    started_ms: int
    """Unix time at which the item's clock shows 0."""
    duration_ms: int

    def of(self, elapsed_ms: int) -> int | None:
        """Item clock at a time of the lesson's; None: behind the item's end."""
        at_ms = max(0, self.began_ms + elapsed_ms - self.started_ms)
        return at_ms if at_ms <= self.duration_ms else None


def chapters(
    lesson: Lesson, clock: ItemClock, events: Iterable[Happened], questions: Mapping[str, str]
) -> tuple[Chapter, ...]:
    """By time. questions: quiz id -> question."""
    found = []
    for event in events:
        at_ms, make = clock.of(event.elapsed_ms), _MAKE.get(event.kind)
        told = make(lesson, event.body, questions) if make is not None else None
        if at_ms is not None and told is not None:
            found.append(Chapter(at_ms, *told))
    # Two of one kind at one moment are one: a phase that was set twice.
    once = dict.fromkeys((one.at_ms, one.kind, *one.values.items()) for one in found)
    kept = {(one.at_ms, one.kind, *one.values.items()): one for one in found}
    return tuple(sorted((kept[key] for key in once), key=lambda one: one.at_ms))[:MAX_CHAPTERS]


_Told = tuple[str, Mapping[str, str]] | None
_Make = Callable[[Lesson, Mapping[str, Any], Mapping[str, str]], _Told]


def _state(_lesson: Lesson, body: Mapping[str, Any], _questions: Mapping[str, str]) -> _Told:
    return ("begin", {}) if body.get("state") == "live" else None


def _phase(_lesson: Lesson, body: Mapping[str, Any], _questions: Mapping[str, str]) -> _Told:
    phase = body.get("phase", "")
    return (f"phase.{phase}", {}) if phase in set(Phase) else None


def _stage(lesson: Lesson, body: Mapping[str, Any], _questions: Mapping[str, str]) -> _Told:
    """Pupils are named by class and seat: an item may be shown to more people than were in the lesson."""
    place = " ".join(part for part in (_class(lesson, body), str(body.get("seat") or "")) if part)
    return ("stage", {"who": place}) if place else None


def _quiz(_lesson: Lesson, body: Mapping[str, Any], questions: Mapping[str, str]) -> _Told:
    return "quiz", {"question": questions.get(str(body.get("id")), "")}


def _taken(lesson: Lesson, body: Mapping[str, Any], _questions: Mapping[str, str]) -> _Told:
    return "taken", {"who": _class(lesson, body)}


def _online(lesson: Lesson, body: Mapping[str, Any], _questions: Mapping[str, str]) -> _Told:
    return "online", {"who": _class(lesson, body)}


def _class(lesson: Lesson, body: Mapping[str, Any]) -> str:
    room = lesson.class_room(body.get("class_id"))
    return room.name if room is not None else ""


_MAKE: Final[Mapping[str, _Make]] = {
    "lesson.state": _state,
    "lesson.phase": _phase,
    "stage.entered": _stage,
    "quiz.opened": _quiz,
    "class.taken": _taken,
    "class.online": _online,
    "master.lost": lambda _l, _b, _q: ("master_lost", {}),
    "master.back": lambda _l, body, _q: ("master_back", {}) if body.get("resumed") else None,
    "master.resumed": lambda _l, _b, _q: ("master_back", {}),
}
