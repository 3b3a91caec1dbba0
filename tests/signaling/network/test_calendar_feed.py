"""Calendars of changed and cancelled lessons, of a parent of two children, read by `icalendar` and by the
letter of RFC 5545."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from icalendar import Calendar

from signaling.network.calendar_feed import FeedEntry, calendar
from signaling.network.timetable_operations_views import OperationSlot
from signaling.network.timetable_views import TimetableChange, TimetableEntry

PAGE = "https://tongke.example/timetable"
NINE = round(datetime(2027, 3, 26, 9, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)
"""On a Friday; the clocks there are changed on the Sunday after it."""
DAY_MS, LENGTH_MS = 86_400_000, 2_700_000
ENTRY = TimetableEntry(
    lesson="l1",
    title="光的折射，与一个很长很长的标题：为了看一看每一行都不超过七十五个字节的规定是否得到遵守",
    course="light",
    role="student",
    person="child-1",
    mine=False,
    name="蒋小明",
    class_id="k1",
    class_name="1班",
    state="enrolled",
    cancelled=False,
    master_name="李老师",
    provider_name="科技馆",
    delivery="live",
    lesson_state="scheduled",
    starts_ms=NINE,
    ends_ms=NINE + LENGTH_MS,
    door_opens_ms=NINE,
    open=False,
    room="",
    online=False,
    keeps=False,
    change=None,
)
SLOT = OperationSlot(title="光", starts_ms=1, ends_ms=2, master_name="", room="", cancelled=False)


def entry(changes: int = 0, timezone: str = "Europe/Berlin", **change: Any) -> FeedEntry:
    return FeedEntry(msgspec.structs.replace(ENTRY, **change), 1_000_000, changes, timezone)


def events(*entries: FeedEntry) -> dict[str, Any]:
    read = Calendar.from_ical(calendar(entries, "parent", PAGE))
    return {str(each["UID"]): each for each in read.walk("VEVENT")}


def test_two_children_in_one_lesson_are_two_events() -> None:
    own = {"person": "parent", "mine": True, "role": "tutor"}
    found = events(entry(), entry(person="child-2", name="蒋小红"), entry(**own))
    assert set(found) == {"l1.child-1@tongke", "l1.child-2@tongke", "l1@tongke"}
    assert found["l1.child-2@tongke"]["SUMMARY"].endswith("(蒋小红)")


def test_a_lesson_of_a_series_is_changed_alone() -> None:
    """By the clock of its place, across the change of the clocks there."""
    week = [entry(lesson=f"l{n}", starts_ms=NINE + n * 7 * DAY_MS, ends_ms=NINE + n * 7 * DAY_MS + LENGTH_MS)
            for n in range(2)]  # fmt: skip
    before = events(*week)
    second = before["l1.child-1@tongke"]
    # Nine o'clock in Unix time is ten o'clock once the clocks are changed.
    assert [each["DTSTART"].dt.hour for each in before.values()] == [9, 10]
    assert second["DTSTART"].params["TZID"] == "Europe/Berlin"
    why = TimetableChange(kind="cancel", reason="暴雪", made_ms=1, before=SLOT)
    off = FeedEntry(msgspec.structs.replace(week[0].entry, cancelled=True, change=why), 2_000_000, 3, "UTC")
    after = events(off, week[1])
    first = after["l0.child-1@tongke"]
    assert (first["STATUS"], first["SEQUENCE"]) == ("CANCELLED", 3)
    assert first["DESCRIPTION"].endswith("\n暴雪")
    assert first["DTSTART"].dt == datetime.fromtimestamp(NINE / 1000, UTC)
    assert after["l1.child-1@tongke"].to_ical() == second.to_ical()
    assert not any(name in each for each in after.values() for name in ("RRULE", "RECURRENCE-ID"))


def test_by_the_letter() -> None:
    text = calendar([entry(), entry(timezone="Asia/Shanghai", lesson="l2")], "parent", PAGE)
    lines = text.split(b"\r\n")
    assert lines[-1] == b"" and b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 75
    unfolded = text.replace(b"\r\n ", b"").decode().split("\r\n")
    depth: list[str] = []
    for line in filter(None, unfolded):
        name, _, value = line.partition(":")
        if name == "BEGIN":
            depth.append(value)
        elif name == "END":
            assert depth.pop() == value
    assert depth == []
    zones = [line.partition(":")[2] for line in unfolded if line.startswith("TZID:")]
    assert zones == ["Asia/Shanghai", "Europe/Berlin"]
    # Every zone that an event names is described; and one event has each of these once.
    event = unfolded[unfolded.index("BEGIN:VEVENT") : unfolded.index("END:VEVENT")]
    for needed in ("UID", "DTSTAMP", "SEQUENCE", "STATUS", "DTSTART;TZID=Europe/Berlin"):
        assert sum(line.startswith(f"{needed}:") for line in event) == 1, needed
