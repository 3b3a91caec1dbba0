"""A person's timetable (我的课表): what of the catalogue is theirs, and when they are let in. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classroom.model import ClassId, LessonId, LessonState, Role
from classroom.network.catalogue import Delivery, OfferState
from classroom.network.enrolment import EnrolmentState
from classroom.network.model import Path

MINUTE_MS: Final = 60_000
PUPILS_EARLY_MS: Final = 30 * MINUTE_MS
"""The door opens to pupils: time to find the page and to check the camera."""
TEACHERS_EARLY_MS: Final = 12 * 60 * MINUTE_MS
"""To teachers: the evening before is for trying things out."""
OVERRUN_MS: Final = 4 * 60 * MINUTE_MS
"""Who was cut off comes back in, however late it has become."""


class EntryRefusal(StrEnum):
    """Why somebody is not let in, as the kinds of problems are called."""

    CANCELLED = "offer-cancelled"
    WAITING = "still-waiting"
    """They are on the waiting list."""
    CLOSED = "door-closed"
    """Too early, or long over."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A lesson that somebody has, and as what."""

    lesson: LessonId
    role: Role
    """Master, tutor or student."""
    person: str
    """Whose it is: their own, or of a parent the child's."""
    class_id: ClassId
    """In which class they are in the lesson; empty: in none, or not yet."""
    state: EnrolmentState
    title: str
    course: str
    master_name: str
    provider_name: str
    delivery: Delivery
    offer_state: OfferState
    lesson_state: LessonState
    starts_ms: int
    ends_ms: int
    changed_ms: int
    path: Path
    """Of the provider's place."""
    room: str = ""
    """Where it is given, in words."""
    online: bool = False
    """The class takes part from home, though it is no class at home."""

    @property
    def door_opens_ms(self) -> int:
        early = PUPILS_EARLY_MS if self.role is Role.STUDENT else TEACHERS_EARLY_MS
        return self.starts_ms - early

    @property
    def cancelled(self) -> bool:
        return self.offer_state is OfferState.CANCELLED or self.lesson_state is LessonState.CANCELLED

    def refusal(self, now_ms: int) -> EntryRefusal | None:
        """Why they are not let in now; None: they are."""
        if self.cancelled:
            return EntryRefusal.CANCELLED
        if self.state is EnrolmentState.WAITING:
            return EntryRefusal.WAITING
        over = self.lesson_state is LessonState.ENDED or now_ms > self.ends_ms + OVERRUN_MS
        if over or (now_ms < self.door_opens_ms and self.lesson_state is not LessonState.LIVE):
            return EntryRefusal.CLOSED
        return None


_FIRST: Final = (Role.MASTER, Role.TUTOR, Role.STUDENT)


def once_each(entries: list[Entry]) -> tuple[Entry, ...]:
    """By when they begin; of a lesson that somebody has in two ways, the one with more to do."""
    best: dict[tuple[str, str], Entry] = {}
    for entry in sorted(entries, key=lambda each: _FIRST.index(each.role)):
        best.setdefault((entry.person, entry.lesson), entry)
    return tuple(sorted(best.values(), key=lambda each: (each.starts_ms, each.lesson, each.person)))
