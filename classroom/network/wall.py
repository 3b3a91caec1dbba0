"""The supervisors' wall: what is said under the picture of a lesson. Pure.

A flag is what somebody who cannot watch two hundred lessons at once is to look at first. It comes from what
the lesson's room and its recording's ledger know, and costs no look at any media."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classroom.model import (
    Attendee,
    ClassStatus,
    Lesson,
    LessonState,
    MasterState,
    RecordingState,
    Role,
    SourceKind,
    source_kind,
)
from sfu.params import Kind

LATE_MS: Final = 5 * 60_000
"""As with pupils (`classroom.attendance`): shorter is a slow projector, not a late lesson."""
SETTLING_MS: Final = 15_000
"""After a lesson went live: cameras open and tutors come in."""
GAP_NEWS_MS: Final = 5 * 60_000
"""So long what was missed is worth a look, which may still find what was wrong; later the item's own
completeness tells it."""
MISSED_MS: Final = 3 * 3_600_000
"""A lesson that has not begun so long after its time does not begin any more, and is no news."""


class Flag(StrEnum):
    """In the order of what weighs most."""

    NOT_BEGUN = "not_begun"
    """Its time came more than five minutes ago."""
    MASTER_ABSENT = "master_absent"
    OTHER_TEACHER = "other_teacher"
    """Who leads, or who is with a class, is not who was registered."""
    NO_PICTURE = "no_picture"
    """Of those who lead; in a break none is missed."""
    NO_SOUND = "no_sound"
    TUTOR_ABSENT = "tutor_absent"
    RECORDING_GAP = "recording_gap"
    """It is not being recorded now, and should be; or the recording has missed something lately."""
    NOT_RECORDED = "not_recorded"
    """An organizer has said that it is not to be."""
    LATE_START = "late_start"


_LEADS: Final = frozenset({Role.MASTER, Role.ENCODER})


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a lesson now."""

    lesson: Lesson
    people: tuple[Attendee, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    gap_ms: int = 0
    """Until when the recording has missed something, Unix time in ms; 0: it has not."""

    @property
    def pupils(self) -> int:
        """Joined by themselves, and connected."""
        return sum(each.role is Role.STUDENT and each.online for each in self.people)


def flags(seen: Seen, now_ms: int) -> tuple[Flag, ...]:
    """Of a lesson that is live, or that should be."""
    return tuple(sorted(set(_flags(seen, now_ms)), key=_ORDER.index))


_ORDER: Final = tuple(Flag)


def _flags(seen: Seen, now_ms: int) -> Iterator[Flag]:
    lesson = seen.lesson
    if lesson.state is not LessonState.LIVE:
        if lesson.starts_ms and now_ms > lesson.starts_ms + LATE_MS:
            yield Flag.NOT_BEGUN
        return
    if lesson.starts_ms and lesson.started_ms > lesson.starts_ms + LATE_MS:
        yield Flag.LATE_START
    if not lesson.recorded:
        yield Flag.NOT_RECORDED
    if now_ms < lesson.started_ms + SETTLING_MS:
        return
    missed = seen.gap_ms > now_ms - GAP_NEWS_MS
    if lesson.recorded and (missed or lesson.recording is not RecordingState.ON):
        yield Flag.RECORDING_GAP
    yield from _who(seen)
    # Of whom nobody is there nothing can come: one word is enough.
    if lesson.phase != "break" and any(each.online for each in _leading(seen.people)):
        yield from _what_they_send(seen.people)


def _who(seen: Seen) -> Iterator[Flag]:
    lesson = seen.lesson
    leaders = [each for each in seen.people if each.role is Role.MASTER and each.online]
    if lesson.master is MasterState.LOST or not any(each.online for each in _leading(seen.people)):
        yield Flag.MASTER_ABSENT
    if lesson.master_id and any(each.id != lesson.master_id for each in leaders):
        yield Flag.OTHER_TEACHER
    for status in seen.classes:
        if not status.tutor_online:
            yield Flag.TUTOR_ABSENT
        elif status.room.tutor and status.tutor != status.room.tutor:
            yield Flag.OTHER_TEACHER


def _what_they_send(people: Iterable[Attendee]) -> Iterator[Flag]:
    sent = {
        source_kind(track.source)
        for each in _leading(people)
        for track in each.tracks
        if each.online and not track.muted
    }
    if not any(kind.media is Kind.VIDEO for kind in sent):
        yield Flag.NO_PICTURE
    if not sent & _VOICES:
        yield Flag.NO_SOUND


_VOICES: Final = frozenset({SourceKind.MICROPHONE, SourceKind.ENCODER_AUDIO})


def _leading(people: Iterable[Attendee]) -> Iterator[Attendee]:
    return (each for each in people if each.role in _LEADS)
