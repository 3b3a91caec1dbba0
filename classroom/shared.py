"""What everybody in a lesson shares and a restart must find again, as one JSON text: phase, timer, stage,
settings, order, and of each class where it is. (State, times, people, hands, chat and quizzes have columns
and tables.)

A field that a text does not have keeps its default, one that is not known any more is passed over: a database
of yesterday's server opens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, get_type_hints

import msgspec

from classroom.model import ClassRoom, Lesson

LESSON_FIELDS: Final = (
    *("phase_since_ms", "timer", "stage", "spotlight", "invited", "settings", "conduct", "calls", "looks"),
    *("standby", "record_classes", "on_air"),
)
CLASS_FIELDS: Final = ("at_home", "stand_in", "state", "state_since_ms", "left_ms", "called")

_LESSON_TYPES: Final = get_type_hints(Lesson)
_CLASS_TYPES: Final = get_type_hints(ClassRoom)


def shared(lesson: Lesson) -> tuple[Any, ...]:
    """Equal as long as there is nothing new to keep."""
    return (*(getattr(lesson, name) for name in LESSON_FIELDS), lesson.classes)


def pack(lesson: Lesson) -> str:
    body: dict[str, Any] = {name: getattr(lesson, name) for name in LESSON_FIELDS}
    body["classes"] = {
        room.id: {name: getattr(room, name) for name in CLASS_FIELDS} for room in lesson.classes
    }
    return msgspec.json.encode(body).decode()


def unpack(lesson: Lesson, text: str) -> Lesson:
    """The lesson with what was kept of it. Raises msgspec.MsgspecError for a text that `pack` did not
    write."""
    body = msgspec.json.decode(text, type=dict[str, Any])
    kept = msgspec.convert(body.pop("classes", {}), dict[str, dict[str, Any]])
    classes = tuple(
        replace(room, **_values(kept.get(room.id, {}), CLASS_FIELDS, _CLASS_TYPES)) for room in lesson.classes
    )
    return replace(lesson, classes=classes, **_values(body, LESSON_FIELDS, _LESSON_TYPES))


def _values(body: dict[str, Any], fields: tuple[str, ...], types: dict[str, Any]) -> dict[str, Any]:
    return {name: msgspec.convert(body[name], types[name]) for name in fields if name in body}
