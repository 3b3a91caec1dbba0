"""What stands in the way of an enrolment, told in words: who is busy, with what, when."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from classroom.network.catalogue import Offer
from signaling.problems import Problem


def conflict_problem(who: str, other: Offer | None, timezone: str = "Asia/Shanghai") -> Problem:
    """who: class, tutor, person or master. other: the lesson that they have; None: it has gone since."""
    title = other.title if other else ""
    when = span(other.starts_ms, other.ends_ms, timezone) if other else ""
    return Problem("timetable-conflict", detail_kind=who, title=title, when=when)


def span(starts_ms: int, ends_ms: int, timezone: str) -> str:
    """`2026-11-23 09:00–09:45`, by the clocks of that zone."""
    zone = ZoneInfo(timezone)
    starts = datetime.fromtimestamp(starts_ms / 1000, UTC).astimezone(zone)
    ends = datetime.fromtimestamp(ends_ms / 1000, UTC).astimezone(zone)
    until = f"{ends:%H:%M}" if starts.date() == ends.date() else f"{ends:%Y-%m-%d %H:%M}"
    return f"{starts:%Y-%m-%d %H:%M}–{until}"
