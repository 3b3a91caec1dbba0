"""What a lesson's room knows, and the effects that all its commands share. Synchronous: time comes from the
clock it is given, and only the room's task calls it.

A command changes the state first and tells afterwards: handlers set what changed, `settle` then tells the
members and observers in one fixed order (lesson, hands, routes, recorder, tutors, roster). So each command is
seen whole or not at all, and what a member hears depends on the order of commands alone, never on how they
were batched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol

from classroom import floor
from classroom.chat import ChatLog
from classroom.clock import Clock, Timer
from classroom.events import (
    Event,
    Fact,
    HandLowered,
    HandsChanged,
    LessonChanged,
    RecorderRouted,
    RecordingChanged,
    StateChanged,
    TutorChanged,
)
from classroom.hands import HandQueue
from classroom.limits import ACTIONS, CHAT, LESSON_CHAT, TokenBucket
from classroom.model import (
    Attendee,
    ChatEntry,
    ClassId,
    Hand,
    Lesson,
    LessonState,
    Person,
    PersonId,
    Publication,
    RecordingState,
)
from classroom.roster import Roster
from classroom.rules.transitions import Move, after
from classroom.rules.visibility import Audience, sees_class_work
from classroom.switchboard import Switchboard
from classroom.talk.state import Restored, Talk

log = logging.getLogger(__name__)

ROSTER_INTERVAL_S = 0.2
"""Between two roster events: a school coming in is a handful of events instead of hundreds, and a person
still finds it immediate."""


class Observer(Protocol):
    """Hears every fact of a lesson, in order; must not block or raise."""

    def observe(self, fact: Fact) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls back in the room's task when the clock reaches a time."""


class Pace:
    """How fast one person has been."""

    def __init__(self, now: float) -> None:
        self.chat = TokenBucket(CHAT, now)
        self.actions = TokenBucket(ACTIONS, now)


class LessonCore:
    def __init__(
        self,
        lesson: Lesson,
        clock: Clock,
        later: Later,
        observers: Iterable[Observer] = (),
        chat: Iterable[ChatEntry] = (),
        restored: Restored = Restored(),  # noqa: B008 - a value
    ) -> None:
        self.lesson = lesson
        self.clock = clock
        self.later = later
        self.roster = Roster(lesson.classes)
        self.supervisors: dict[PersonId, Person] = {}
        self.hands = HandQueue()
        self.chat = ChatLog(chat)
        self.talk = Talk(restored)
        self.lines = Switchboard()
        self.places: dict[PersonId, Timer] = {}
        """Of those who were lost: when their place is given up."""
        self.paces: dict[PersonId, Pace] = {}
        self.lesson_pace = TokenBucket(LESSON_CHAT, clock.now())
        self.observers = tuple(observers)
        self.closed = False
        # Unix time goes on through a restart, the monotonic clock does not jump: so the one only to begin
        # with.
        self._started_at = clock.now() - max(0, clock.unix_ms() - lesson.started_ms) / 1000
        self._id_prefix = f"{clock.unix_ms():x}"
        self._last_id = 0
        self._tutors = self.roster.tutors()
        self._recorded: tuple[floor.Route, ...] = ()
        self._lesson_changed = False
        self._hands_changed: set[ClassId | None] = set()
        """Classes whose hands went up or down."""
        self._floor_changed = False
        self._arrived: list[Person] = []
        self._roster_told_at = clock.now() - ROSTER_INTERVAL_S
        self._roster_timer: Timer | None = None

    # --- what is known
    # ----------------------------------------------------------------------------------------

    def present(self, person: PersonId) -> Attendee | None:
        """Who is in under this id, supervisors too."""
        supervisor = self.supervisors.get(person)
        return self.roster.get(person) if supervisor is None else Attendee(supervisor)

    def elapsed_ms(self) -> int:
        """The lesson clock: ms since the lesson went live, 0 before."""
        if not self.lesson.started_ms:
            return 0
        return max(0, round((self.clock.now() - self._started_at) * 1000))

    def new_id(self) -> str:
        """Never given twice in a lesson, nor after a restart."""
        self._last_id += 1
        return f"{self._id_prefix}-{self._last_id}"

    def pace(self, person: PersonId) -> Pace:
        if person not in self.paces:
            self.paces[person] = Pace(self.clock.now())
        return self.paces[person]

    # --- changes
    # ----------------------------------------------------------------------------------------------

    def observe(self, fact: type[Fact], **fields: Any) -> None:
        """Tells the observers, now."""
        happened = fact(
            lesson_id=self.lesson.id, at_ms=self.clock.unix_ms(), elapsed_ms=self.elapsed_ms(), **fields
        )
        for observer in self.observers:
            try:
                observer.observe(happened)
            except Exception:
                # A fault of the observer's: the lesson goes on without what it would have noted.
                log.exception("x lesson %s: an observer failed", self.lesson.id)

    def change_lesson(self, **fields: Any) -> None:
        self.lesson = replace(self.lesson, **fields)
        self._lesson_changed = True

    def lesson_quietly(self, **fields: Any) -> None:
        """Changes values of which the members hear otherwise, or not at all."""
        self.lesson = replace(self.lesson, **fields)

    def change_floor(self, **fields: Any) -> None:
        """Changes who receives what, by values of which the members hear otherwise."""
        self.lesson_quietly(**fields)
        self._floor_changed = True

    def tell_lesson(self, person: PersonId) -> None:
        """To one member: what they may send has changed."""
        line = self.lines.get(person)
        if line is not None:
            line.deliver(LessonChanged(self.lesson, floor.may_publish(self.lesson, line.person)))

    def move(self, move: Move, actor: PersonId | None) -> None:
        """To another state of the lesson."""
        state = after(self.lesson.state, move)
        fields: dict[str, Any] = {"state": state}
        if state is LessonState.LIVE:
            self._started_at = self.clock.now()
            fields["started_ms"] = self.clock.unix_ms()
        if state in (LessonState.ENDED, LessonState.CANCELLED):
            fields["ended_ms"] = self.clock.unix_ms()
            # Whoever hears of the end must not be left with a recording that goes on.
            self.change_recording(RecordingState.OFF)
        self.change_lesson(**fields)
        self._floor_changed = True
        self.observe(StateChanged, state=state, lesson=self.lesson, actor=actor)
        log.info("- lesson %s %s", self.lesson.id, state)

    def change_recording(self, state: RecordingState) -> None:
        """Nothing of a lesson that is over is recorded: a report from before its end means nothing."""
        if (
            self.lesson.state not in (LessonState.ENDED, LessonState.CANCELLED)
            and state is not self.lesson.recording
        ):
            self.change_lesson(recording=state)
            self.observe(RecordingChanged, state=state)

    def put(self, attendee: Attendee) -> None:
        """Changes what somebody sends or whether they are online."""
        before = self.roster.get(attendee.id)
        self.roster.put(attendee)
        if _publications(before) != _publications(attendee):
            self._floor_changed = True

    def arrived(self, person: Person) -> None:
        """Their line is connected; they are to get their routes."""
        self._arrived.append(person)

    def raise_hand(self, hand: Hand) -> None:
        self.hands.add(hand)
        self._hands_changed.add(hand.class_id)

    def lower_hand(self, hand: Hand, actor: PersonId | None) -> None:
        self.hands.remove(hand)
        self._hands_changed.add(hand.class_id)
        self.observe(HandLowered, hand=hand.id, actor=actor)

    # --- telling
    # ----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Tells everybody what the last command changed."""
        if self._lesson_changed:
            for line in self.lines:
                line.deliver(LessonChanged(self.lesson, floor.may_publish(self.lesson, line.person)))
        if self._hands_changed:
            self.lines.broadcast(self._hands_event)
        self._route_members()
        self._note_tutors()
        self._tell_roster_in_time()
        self._lesson_changed = self._floor_changed = False
        self._hands_changed.clear()
        self._arrived.clear()

    def hands_seen_by(self, viewer: Audience) -> tuple[Hand, ...]:
        return tuple(hand for hand in self.hands if sees_class_work(viewer, hand.class_id))

    def _hands_event(self, viewer: Audience) -> HandsChanged | None:
        seen = any(sees_class_work(viewer, class_id) for class_id in self._hands_changed)
        return HandsChanged(self.hands_seen_by(viewer)) if seen else None

    def route_recorder(self) -> None:
        """Tells the observers what is recorded, when it changed."""
        recorded = floor.recorder_routes(self.lesson, self.roster.senders())
        if recorded != self._recorded:
            self._recorded = recorded
            self.observe(RecorderRouted, routes=recorded)

    def dismiss(self, person: PersonId, event: Event) -> None:
        """Says the last word to a member."""
        line = self.lines.get(person)
        if line is not None:
            line.deliver(event)
            self.lines.disconnect(person)

    def forget_everybody(self) -> None:
        """All places are given up at once, and nobody is told of it: everybody goes."""
        self.cancel_timers()
        self.roster = Roster(self.lesson.classes)
        self._tutors = self.roster.tutors()
        self.supervisors.clear()
        self.paces.clear()

    def cancel_timers(self) -> None:
        self.talk.cancel_timers()
        for timer in self.places.values():
            timer.cancel()
        self.places.clear()
        if self._roster_timer is not None:
            self._roster_timer.cancel()
            self._roster_timer = None

    def _route_members(self) -> None:
        if self._floor_changed:
            people = [*self.roster.everybody(), *(Attendee(person) for person in self.supervisors.values())]
            for person_id, routes in floor.routes(self.lesson, people).items():
                line = self.lines.get(person_id)
                if line is not None:
                    line.route(routes)
            self.route_recorder()
            return
        senders = self.roster.senders()
        for person in self._arrived:
            line = self.lines.get(person.id)
            if line is not None:
                line.route(floor.routes_of(self.lesson, senders, person))

    def _note_tutors(self) -> None:
        tutors = self.roster.tutors()
        if tutors == self._tutors:
            return
        for status in self.roster.statuses():
            if self._tutors[status.room.id] != status.tutor:
                self.observe(TutorChanged, status=status)
        self._tutors = tutors

    def _tell_roster_in_time(self) -> None:
        """At once when the last time is long enough ago, else when it will be."""
        if self._roster_timer is not None or not self.roster.has_changes():
            return
        due = self._roster_told_at + ROSTER_INTERVAL_S
        if due <= self.clock.now():
            self._tell_roster()
        else:
            self._roster_timer = self.later(due, self._roster_due)

    def _roster_due(self) -> None:
        self._roster_timer = None
        self._tell_roster()

    def _tell_roster(self) -> None:
        self.lines.broadcast(self.roster.changes)
        self.roster.told()
        self._roster_told_at = self.clock.now()


def _publications(attendee: Attendee | None) -> tuple[Publication, ...]:
    return () if attendee is None else tuple(track.publication for track in attendee.tracks)
