"""The classroom's values as the WebSocket's messages show them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from classroom import events
from classroom.model import Attendee, ClassStatus, Hand, Lesson, SourceKind
from sfu.quality import Finding
from signaling.messages import (
    ClassView,
    HandsChanged,
    HandView,
    LessonChanged,
    LessonView,
    PersonView,
    QualityChanged,
    RosterChanged,
)
from signaling.views_talk import chat_view, conduct_view, talk_view


def person_view(attendee: Attendee) -> PersonView:
    return PersonView(
        id=attendee.person.id,
        name=attendee.person.name,
        role=attendee.person.role.value,
        class_id=attendee.person.class_id or "",
        online=attendee.online,
        sources=[track.source for track in attendee.tracks],
        muted=[track.source for track in attendee.tracks if track.muted],
    )


def class_view(status: ClassStatus) -> ClassView:
    return ClassView(
        id=status.room.id,
        name=status.room.name,
        tutor=status.tutor or "",
        tutor_online=status.tutor_online,
        online=status.online,
        quality=status.quality.value if status.quality else "",
    )


def hand_view(hand: Hand) -> HandView:
    return HandView(
        id=hand.id,
        person=hand.person,
        name=hand.name,
        class_id=hand.class_id or "",
        seat=hand.seat,
        since_ms=hand.since_ms,
    )


def lesson_view(lesson: Lesson) -> LessonView:
    """The lesson without its people: what `welcome` says to a resumed session."""
    return LessonView(
        id=lesson.id,
        title=lesson.title,
        state=lesson.state.value,
        phase=lesson.phase.value,
        recorded=lesson.recorded,
        recording=lesson.recording.value,
        started_ms=lesson.started_ms,
        conduct=conduct_view(lesson.conduct),
    )


def snapshot_view(snapshot: events.Snapshot) -> LessonView:
    lesson = snapshot.lesson
    return LessonView(
        id=lesson.id,
        title=lesson.title,
        state=lesson.state.value,
        phase=lesson.phase.value,
        recorded=lesson.recorded,
        recording=lesson.recording.value,
        started_ms=lesson.started_ms,
        classes=[class_view(status) for status in snapshot.classes],
        people=[person_view(attendee) for attendee in snapshot.people],
        hands=[hand_view(hand) for hand in snapshot.hands],
        chat=[chat_view(entry) for entry in snapshot.chat],
        conduct=conduct_view(lesson.conduct),
        talk=talk_view(snapshot.talk),
    )


def quality_changed(found: Finding) -> QualityChanged:
    return QualityChanged(level=found.level.value, reason=found.reason.value)


def may_publish_view(kinds: Iterable[SourceKind]) -> list[str]:
    """In a stable order."""
    return sorted(kind.value for kind in kinds)


def lesson_changed(event: events.LessonChanged) -> LessonChanged:
    return LessonChanged(
        state=event.lesson.state.value,
        phase=event.lesson.phase.value,
        recording=event.lesson.recording.value,
        started_ms=event.lesson.started_ms,
        may_publish=may_publish_view(event.may_publish),
    )


def roster_changed(event: events.RosterChanged) -> RosterChanged:
    return RosterChanged(
        people=[person_view(attendee) for attendee in event.people],
        gone=list(event.gone),
        classes=[class_view(status) for status in event.classes],
    )


def hands_changed(event: events.HandsChanged) -> HandsChanged:
    return HandsChanged(hands=[hand_view(hand) for hand in event.hands])
