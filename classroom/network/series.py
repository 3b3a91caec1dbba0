"""Lessons that repeat: weekly or every so many weeks, on some weekdays, between two days. Pure.

A lesson of a series is at the same time by the clock of its place, also when the clocks there are changed in
between; so times are counted by the clock and become Unix times one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from classroom.network.timetable_operations import MAX_FOLLOWING, BadOperation, OperationFault

MAX_DAYS: Final = 400
"""From the first day to the last: a school year."""
MAX_SKIPPED: Final = 100
"""Days of holidays."""
MAX_MINUTES: Final = 24 * 60
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Series:
    first: date
    """On or after which it begins."""
    last: date
    """On or before which it ends."""
    at: time
    """By the clock of the place, without a zone."""
    minutes: int
    """How long each lesson is."""
    weekdays: tuple[int, ...]
    """1: Monday, to 7: Sunday (ISO 8601)."""
    every_weeks: int = 1
    """1: each week, 2: every other, counted from the week of the first day."""
    skipped: frozenset[date] = frozenset()
    """Holidays."""

    def times(self, timezone: str) -> list[tuple[int, int]]:
        """When each lesson begins and ends, Unix times in ms, in order. Raises BadOperation."""
        self._check()
        zone = ZoneInfo(timezone)
        found = []
        for number in range((self.last - self.first).days + 1):
            day = self.first + timedelta(days=number)
            if self._has(day) and day not in self.skipped:
                # A time that the clocks leave out in spring is as much later; of one that they show twice in
                # autumn it is the first.
                begins = datetime.combine(day, self.at, zone).astimezone(UTC)
                starts_ms = round((begins - _EPOCH) / timedelta(milliseconds=1))
                found.append((starts_ms, starts_ms + self.minutes * 60_000))
        if not found:
            raise BadOperation(OperationFault.NOTHING)
        if len(found) > MAX_FOLLOWING:
            raise BadOperation(OperationFault.TOO_MANY)
        return found

    def _has(self, day: date) -> bool:
        monday = self.first - timedelta(days=self.first.weekday())
        week = (day - monday).days // 7
        return day.isoweekday() in self.weekdays and week % self.every_weeks == 0

    def _check(self) -> None:
        fits = 0 <= (self.last - self.first).days <= MAX_DAYS and len(self.skipped) <= MAX_SKIPPED
        weekdays = bool(self.weekdays) and all(1 <= day <= 7 for day in self.weekdays)
        if not fits or not weekdays or not 1 <= self.every_weeks <= 52:
            raise BadOperation(OperationFault.SERIES)
        if not 1 <= self.minutes <= MAX_MINUTES or self.at.tzinfo is not None:
            raise BadOperation(OperationFault.TIMES)
