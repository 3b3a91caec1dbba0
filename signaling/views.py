"""The classroom's values as the WebSocket's messages show them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar, cast

import msgspec

from classroom import events, floor
from classroom.model import (
    Attendee,
    ClassStatus,
    Hand,
    Invitation,
    Lesson,
    OnStage,
    Person,
    PersonId,
    SourceKind,
)
from sfu.quality import Finding
from signaling import catalogue
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
from signaling.messages_floor import (
    FloorView,
    InvitationView,
    Notice,
    SettingsView,
    StageChanged,
    StageMemberView,
    StageView,
    TimerView,
)
from signaling.views_roll import roll_view
from signaling.views_talk import chat_view, conduct_view, talk_view

T = TypeVar("T")
V = TypeVar("V")
_encoder: Final = msgspec.json.Encoder()

MAX_MADE: Final = 8192
"""Views that are kept: of several lessons of a thousand, a few MB."""


class _Made(Generic[T, V]):
    """Views of values that do not change, made once for the very object: a thousand who come in within a
    minute are shown the same tutors and classes. What stands in a message for a view is its JSON."""

    def __init__(self, make: Callable[[T], V]) -> None:
        self._make = make
        self._known: dict[int, tuple[T, V]] = {}

    def __call__(self, value: T) -> V:
        known = self._known.get(id(value))
        # The value is held, so that no other one can have its id.
        if known is not None and known[0] is value:
            return known[1]
        return self._remember(value)

    def each(self, values: Iterable[T]) -> list[V]:
        """Of all of them, without a call for each that is known."""
        known, unknown = self._known, (None, None)
        found = []
        for value in values:
            held, view = known.get(id(value), unknown)
            found.append(cast(V, view) if held is value else self._remember(value))
        return found

    def _remember(self, value: T) -> V:
        if len(self._known) >= MAX_MADE:
            self._known.clear()
        view = cast(V, msgspec.Raw(_encoder.encode(self._make(value))))
        self._known[id(value)] = value, view
        return view


def _person_view(attendee: Attendee) -> PersonView:
    return PersonView(
        id=attendee.person.id,
        name=attendee.person.name,
        role=attendee.person.role.value,
        class_id=attendee.person.class_id or "",
        online=attendee.online,
        sources=[track.source for track in attendee.tracks],
        muted=[track.source for track in attendee.tracks if track.muted],
        looks_in=attendee.looks_in or "",
    )


def _class_view(status: ClassStatus) -> ClassView:
    return ClassView(
        id=status.room.id,
        name=status.room.name,
        tutor=status.tutor or "",
        tutor_online=status.tutor_online,
        registered=status.room.tutor or "",
        room_online=status.room_online,
        online=status.online,
        at_home=status.room.at_home,
        pupils=status.room.pupils,
        state=status.room.state.value,
        state_since_ms=status.room.state_since_ms,
        called=status.room.called,
        quality=status.quality.value if status.quality else "",
    )


person_view: Final = _Made(_person_view)
class_view: Final = _Made(_class_view)


def hand_view(hand: Hand) -> HandView:
    return HandView(
        id=hand.id,
        person=hand.person,
        name=hand.name,
        class_id=hand.class_id or "",
        seat=hand.seat,
        since_ms=hand.since_ms,
    )


def floor_view(lesson: Lesson, me: Person) -> FloorView:
    room = lesson.class_room(me.class_id)
    settings, timer = lesson.settings, lesson.timer
    return FloorView(
        situation=floor.situation(lesson, room).value,
        settings=SettingsView(
            stage_limit=settings.stage_limit, duck=settings.duck, resume_by_click=settings.resume_by_click
        ),
        phase_since_ms=lesson.phase_since_ms,
        timer=TimerView(seconds=timer.seconds, ends_ms=timer.ends_ms) if timer else None,
        master=lesson.master.value,
        class_since_ms=room.state_since_ms if room else 0,
        class_left_ms=room.left_ms if room else 0,
        starts_ms=lesson.starts_ms,
        ends_ms=lesson.ends_ms,
    )


def stage_view(
    stage: Iterable[OnStage], spotlight: PersonId | None, invited: Iterable[Invitation]
) -> StageView:
    return StageView(
        members=[
            StageMemberView(
                person=member.person,
                name=member.name,
                role=member.role.value,
                class_id=member.class_id or "",
                seat=member.seat,
                since_ms=member.since_ms,
            )
            for member in stage
        ],
        spotlight=spotlight or "",
        invited=[
            InvitationView(
                person=guest.person,
                name=guest.name,
                role=guest.role.value,
                class_id=guest.class_id or "",
                until_ms=guest.until_ms,
            )
            for guest in invited
        ],
    )


def notice(event: events.Noticed, language: str) -> Notice:
    return Notice(
        kind=event.kind.value,
        text=catalogue.text(
            f"notice.{event.kind}", language, room=event.class_name, person=event.person_name
        ),
        class_id=event.class_id or "",
        person=event.person or "",
    )


def lesson_view(lesson: Lesson, me: Person) -> LessonView:
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
        floor=floor_view(lesson, me),
        stage=stage_view(lesson.stage, lesson.spotlight, ()),
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
        classes=class_view.each(snapshot.classes),
        people=person_view.each(snapshot.people),
        hands=[hand_view(hand) for hand in snapshot.hands],
        chat=[chat_view(entry) for entry in snapshot.chat],
        conduct=conduct_view(lesson.conduct),
        talk=talk_view(snapshot.talk),
        floor=floor_view(lesson, snapshot.me.person),
        stage=stage_view(lesson.stage, lesson.spotlight, snapshot.invited),
        rolls=[roll_view(seen) for seen in snapshot.rolls],
    )


def quality_changed(found: Finding) -> QualityChanged:
    return QualityChanged(level=found.level.value, reason=found.reason.value)


def may_publish_view(kinds: Iterable[SourceKind]) -> list[str]:
    """In a stable order."""
    return sorted(kind.value for kind in kinds)


def lesson_changed(event: events.LessonChanged, me: Person) -> LessonChanged:
    return LessonChanged(
        state=event.lesson.state.value,
        phase=event.lesson.phase.value,
        recording=event.lesson.recording.value,
        started_ms=event.lesson.started_ms,
        reason=event.reason,
        may_publish=may_publish_view(event.may_publish),
        floor=floor_view(event.lesson, me),
    )


def stage_changed(event: events.StageChanged) -> StageChanged:
    return StageChanged(stage=stage_view(event.stage, event.spotlight, event.invited))


def roster_changed(event: events.RosterChanged) -> RosterChanged:
    return RosterChanged(
        people=person_view.each(event.people),
        gone=list(event.gone),
        classes=class_view.each(event.classes),
        classes_gone=list(event.gone_classes),
    )


def hands_changed(event: events.HandsChanged) -> HandsChanged:
    return HandsChanged(hands=[hand_view(hand) for hand in event.hands])
