"""When a live lesson that was left behind ends by itself. Pure.

Those who lead end a lesson. One that an encoder began has nobody with a button, and a page may be closed
without it being pressed: the lesson would stay live, be on every wall, keep its recording open and its quota
unsettled. Two limits end it: so long after the last one went, encoders counted; and so long after its planned
end, whoever is in it: a camera that somebody forgot streams for days."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EndCause(StrEnum):
    EMPTY = "empty"
    """Nobody was in, and nobody sent anything."""
    OVERRUN = "overrun"
    """It was over its planned end for too long."""


@dataclass(frozen=True, slots=True)
class EndLimits:
    """In ms; 0: none."""

    empty_ms: int
    overrun_ms: int


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A live lesson, as far as it matters here. Unix times in ms."""

    ends_ms: int
    """As planned; 0: it was not."""
    empty_since_ms: int | None
    """Since when nobody is in; None: somebody is."""


def end_cause(lesson: LeftBehind, limits: EndLimits, now_ms: int) -> EndCause | None:
    """None: it goes on."""
    since_ms = lesson.empty_since_ms
    if limits.empty_ms and since_ms is not None and now_ms - since_ms >= limits.empty_ms:
        return EndCause.EMPTY
    if limits.overrun_ms and lesson.ends_ms and now_ms - lesson.ends_ms >= limits.overrun_ms:
        return EndCause.OVERRUN
    return None
