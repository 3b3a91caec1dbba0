"""A timetable as iCalendar (RFC 5545), written with `icalendar`. Pure.

Times are UTC: each calendar shows them by its own clock, also across a change of daylight saving. A lesson
keeps its UID whatever happens to it, so a change is a change and not a second lesson; a cancelled one is told
as CANCELLED, because many calendars keep what merely disappears."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from signaling.network.timetable_views import TimetableEntry

if TYPE_CHECKING:
    from icalendar import Event

TYPE: Final = "text/calendar"
REFRESH: Final = timedelta(hours=1)
"""RFC 7986, 5.7: what is planned changes seldom, and cancellations are told by notices."""


def calendar(entries: Iterable[tuple[TimetableEntry, int]], owner: str, page: str) -> bytes:
    """entries: with when they last changed, Unix time in ms; owner: whose timetable it is; page: where
    lessons are entered."""
    # Loaded by whoever asks for a calendar: no server needs it to start.
    from icalendar import Calendar, Event

    made = Calendar()
    made.add("prodid", "-//Tongke//Timetable//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for entry, changed_ms in entries:
        made.add_component(_described(Event(), entry, changed_ms, owner, page))
    text: bytes = made.to_ical()
    return text


def _described(event: Event, entry: TimetableEntry, changed_ms: int, owner: str, page: str) -> Event:
    # A child's lesson beside the own one of the same id is another event.
    whose = "" if entry.person == owner else f".{entry.person}"
    event.add("uid", f"{entry.lesson}{whose}@tongke")
    event.add("dtstamp", _time(changed_ms))
    event.add("last-modified", _time(changed_ms))
    event.add("dtstart", _time(entry.starts_ms))
    event.add("dtend", _time(entry.ends_ms))
    event.add("summary", entry.title if entry.person == owner else f"{entry.title} ({entry.name})")
    who = (entry.master_name, entry.provider_name, entry.class_name)
    event.add("description", " · ".join(each for each in who if each))
    if entry.room:
        event.add("location", entry.room)
    event.add("url", page)
    tentative = "TENTATIVE" if entry.state == "waiting" else "CONFIRMED"
    event.add("status", "CANCELLED" if entry.cancelled else tentative)
    return event


def _time(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms // 1000, UTC)
