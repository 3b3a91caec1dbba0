"""A timetable as iCalendar (RFC 5545), written with `icalendar`. Pure.

Times are those of the clock where a lesson is given, with what a calendar must know of that zone: so it says
nine o'clock there wherever it is read. A lesson keeps its UID whatever happens to it, and its SEQUENCE rises
with each change (3.8.7.4), so a change is a change and not a second lesson; a cancelled one is told as
CANCELLED, because many calendars keep what merely disappears. Lessons of a series are events of their own,
without a rule of recurrence: what happens to one is nothing to the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone

from signaling.network.timetable_views import TimetableEntry

TYPE: Final = "text/calendar"
REFRESH: Final = timedelta(hours=1)
"""RFC 7986, 5.7: what is planned changes seldom, and cancellations are told by notices."""


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A lesson of the timetable, with what calendars need beside."""

    entry: TimetableEntry
    changed_ms: int
    """Unix time in ms."""
    changes: int
    """How often something was done with it, or undone."""
    timezone: str
    """Where it is given."""


def calendar(entries: Sequence[FeedEntry], owner: str, page: str) -> bytes:
    """owner: whose timetable it is; page: where lessons are entered."""
    made = Calendar()
    made.add("prodid", "-//Tongke//Timetable//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for zone in _zones(entries):
        made.add_component(zone)
    for each in entries:
        made.add_component(_event(each, owner, page))
    text: bytes = made.to_ical()
    return text


def _zones(entries: Iterable[FeedEntry]) -> list[Timezone]:
    times: dict[str, list[int]] = {}
    for each in entries:
        times.setdefault(each.timezone, []).extend((each.entry.starts_ms, each.entry.ends_ms))
    times.pop("UTC", None)
    return [
        _zone(name, _time(min(known)).year - 1, _time(max(known)).year + 1)
        for name, known in sorted(times.items())
    ]


@lru_cache(maxsize=64)
def _zone(name: str, first: int, last: int) -> Timezone:
    """What the clocks there do from the first of these years through the last."""
    zone = Timezone.from_tzid(name, first_date=date(first, 1, 1), last_date=date(last + 1, 1, 1))
    # It says that it holds for these years: not to whom a calendar is shown.
    zone.pop("comment", None)
    return zone


def _event(feed: FeedEntry, owner: str, page: str) -> Event:
    entry, event = feed.entry, Event()
    # A child's lesson beside the own one of the same id, or another child's, is another event.
    whose = "" if entry.person == owner else f".{entry.person}"
    event.add("uid", f"{entry.lesson}{whose}@tongke")
    event.add("sequence", feed.changes)
    event.add("dtstamp", _time(feed.changed_ms))
    event.add("last-modified", _time(feed.changed_ms))
    event.add("dtstart", _time(entry.starts_ms, feed.timezone))
    event.add("dtend", _time(entry.ends_ms, feed.timezone))
    event.add("summary", entry.title if entry.person == owner else f"{entry.title} ({entry.name})")
    who = " · ".join(filter(None, (entry.master_name, entry.provider_name, entry.class_name)))
    reason = entry.change.reason if entry.change else ""
    event.add("description", "\n".join(filter(None, (who, reason))))
    if entry.room:
        event.add("location", entry.room)
    event.add("url", page)
    tentative = "TENTATIVE" if entry.state == "waiting" else "CONFIRMED"
    event.add("status", "CANCELLED" if entry.cancelled else tentative)
    return event


def _time(unix_ms: int, timezone: str = "UTC") -> datetime:
    at = datetime.fromtimestamp(unix_ms // 1000, UTC)
    return at if timezone == "UTC" else at.astimezone(ZoneInfo(timezone))
