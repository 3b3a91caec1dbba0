"""What a lesson's room knows, and the effects that all its commands share. Synchronous: time comes from the
clock it is given, and only the room's task calls it.

A command changes the state first and tells afterwards: handlers set what changed, `settle` then tells the
members and observers in one fixed order (lesson, stage, hands, notices, looks, routes, recorder, what is to
be kept, roster). So each command is seen whole or not at all, and what a member hears depends on the order of
commands alone, never on how they were batched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol

from classroom import floor
from classroom.chat import ChatLog
from classroom.clock import Clock, SteadyClock, Timer
from classroom.events import (
    Event,
    Fact,
    HandLowered,
    HandsChanged,
    LessonChanged,
    LookChanged,
    Noticed,
    NoticeKind,
    RecorderRouted,
    RecordingChanged,
    SharedChanged,
    StageChanged,
    StateChanged,
    TutorAbsent,
    TutorChanged,
)
from classroom.hands import HandQueue
from classroom.lead import Lead
from classroom.limits import ACTIONS, CHAT, LESSON_CHAT, TokenBucket
from classroom.model import (
    Attendee,
    ChatEntry,
    ClassesRecorded,
    ClassId,
    ClassRoom,
    Hand,
    Invitation,
    Lesson,
    LessonState,
    Look,
    Person,
    PersonId,
    Publication,
    RecordingState,
    Role,
)
from classroom.roster import Roster
from classroom.rules.transitions import Move, after
from classroom.rules.visibility import Audience, sees_class_work
from classroom.shared import shared
from classroom.switchboard import Switchboard
from classroom.talk.state import Restored, Talk

log = logging.getLogger(__name__)

ROSTER_INTERVAL_S = 0.2
"""Between two roster events: a school coming in is a handful of events instead of hundreds, and a person
still finds it immediate."""
ELSEWHERE_INTERVAL_S = 2.0
"""Between two roster events about other classes to who sees only their numbers: while a school of forty
classes comes in, they would be most of what is said, and they are on no page that a pupil looks at."""
PEOPLE_AT_THIS_PACE = 60
"""Of more, both intervals are longer in proportion: what is said then grows with the people, not with their
square: three seconds with a thousand."""


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
        self.clock = clock = SteadyClock(clock)
        self.later = later
        self.roster = Roster(lesson.classes)
        self.supervisors: dict[PersonId, Attendee] = {}
        self.hands = HandQueue()
        self.chat = ChatLog(chat)
        self.talk = Talk(restored)
        self.rolls = dict(restored.rolls)
        self.lines = Switchboard()
        self.lead = Lead()
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
        self._tutors = self.roster.tutoring()
        self._tutor_names: dict[PersonId, str] = {}
        """Of all who have been in: who takes a class over is out for the moment in which it is told."""
        self._without_tutor: set[ClassId] = set()
        """Of those whose lesson is live: no tutor of theirs is there."""
        self.awaited: set[PersonId] = set()
        """Who was in when the server went, and has not come back yet: is not missed before their place is
        given up."""
        self._recorded: tuple[floor.Route, ...] = ()
        self._kept, self._kept_of = shared(lesson), lesson
        self._alarms: dict[str, Timer] = {}
        self._notices: list[Noticed] = []
        self._lesson_changed = False
        self._cancelled_because = ""
        self._stage_changed = False
        self._hands_changed: set[ClassId | None] = set()
        """Classes whose hands went up or down."""
        self._floor_changed = False
        self._classes_rerouted: set[ClassId] = set()
        """Where somebody sends something else, of whom nobody outside gets anything."""
        self._rerouted: list[PersonId] = []
        self._plans: floor.Plans | None = None
        """The latest: who comes in changes nothing of what there is to receive."""
        self._roster_told_at = clock.now() - ROSTER_INTERVAL_S
        self._elsewhere_told_at = clock.now() - ELSEWHERE_INTERVAL_S
        self._roster_timer: Timer | None = None
        self._roster_due_at = 0.0

    # --- what is known
    # ----------------------------------------------------------------------------------------

    def present(self, person: PersonId) -> Attendee | None:
        """Who is in under this id, supervisors too."""
        return self.supervisors.get(person) or self.roster.get(person)

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

    def reroute(self, **fields: Any) -> None:
        """Changes who receives what, by values of which the members hear otherwise."""
        self.lesson_quietly(**fields)
        self._floor_changed = True

    def tell_lesson(self, person: PersonId) -> None:
        """To one member: what they may send has changed."""
        line = self.lines.get(person)
        if line is not None:
            line.deliver(LessonChanged(self.lesson, floor.may_publish(self.lesson, line.person)))

    def change_floor(self, **fields: Any) -> None:
        """Of the lesson, what decides who receives what."""
        self.change_lesson(**fields)
        self._floor_changed = True

    def change_stage(self, **fields: Any) -> None:
        """Stage, spotlight, invitations."""
        self.change_floor(**fields)
        self._stage_changed = True

    def change_class(self, room: ClassRoom) -> None:
        self.change_floor(classes=tuple(room if room.id == r.id else r for r in self.lesson.classes))
        self.roster.change_class(room)

    def replan(self, gone: Collection[ClassId]) -> None:
        """The lesson's classes are others than before; nobody is in those that are gone."""
        for class_id in gone:
            self.cancel_alarm(f"catch up {class_id}")
        self._tutors = {each: known for each, known in self._tutors.items() if each not in gone}
        self._without_tutor -= set(gone)
        self.roster.replan(self.lesson.classes)

    def notify(
        self, kind: NoticeKind, class_id: ClassId | None = None, person: PersonId | None = None
    ) -> None:
        """Says something to everybody; of a class, to it and to those who see all classes."""
        room = self.lesson.class_room(class_id) if class_id else None
        names = (room.name if room else "", self._tutor_names.get(person, "") if person else "")
        self._notices.append(Noticed(kind, class_id, person, *names))

    def alarm(self, name: str, after_s: float | None, callback: Callable[[], None]) -> None:
        """Calls back in the room's task after that time, instead of what this alarm was set to before; None:
        not at all."""
        self.cancel_alarm(name)
        if after_s is not None:
            self._alarms[name] = self.later(self.clock.now() + after_s, callback)

    def cancel_alarm(self, name: str) -> None:
        timer = self._alarms.pop(name, None)
        if timer is not None:
            timer.cancel()

    def look(self, attendee: Attendee, class_id: ClassId | None) -> None:
        """Somebody looks into a class, or no longer does."""
        looking = replace(attendee, looks_in=class_id)
        if attendee.id in self.supervisors:
            self.supervisors[attendee.id] = looking
        else:
            self.put(looking)
            self.remember_look(attendee.id, class_id)
        self._rerouted.append(attendee.id)
        self.lines.deliver(attendee.id, LookChanged(class_id))

    def remember_look(self, person: PersonId, class_id: ClassId | None) -> None:
        """For who is lost and comes back, be it the server that was lost. None: nothing to come back to."""
        others = tuple(look for look in self.lesson.looks if look.person != person)
        looks = others if class_id is None else (*others, Look(person, class_id))
        if looks != self.lesson.looks:
            self.lesson_quietly(looks=looks)

    def move(self, move: Move, actor: PersonId | None, reason: str = "") -> None:
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
        if move is Move.RESTORE:
            fields["ended_ms"] = 0
        self._cancelled_because = reason if state is LessonState.CANCELLED else ""
        self.change_lesson(**fields)
        self._floor_changed = True
        self.observe(StateChanged, state=state, lesson=self.lesson, actor=actor, reason=reason)
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
            class_id = floor.confined_to(self.lesson, attendee.person)
            if class_id is None:
                self._floor_changed = True
            else:
                self._classes_rerouted.add(class_id)

    def arrived(self, person: Person) -> None:
        """Their line is connected; they are to get their routes."""
        self._rerouted.append(person.id)
        if person.role is Role.TUTOR:
            self._tutor_names[person.id] = person.name

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
        self.lead.watch(self)
        self._note_tutors()
        if self._lesson_changed:
            self._tell_lesson()
        if self._stage_changed:
            self.lines.broadcast(self._stage_event)
        if self._hands_changed:
            self.lines.broadcast(self._hands_event)
        self._tell_notices()
        if self._floor_changed:
            self._end_looks()
        self._route_members()
        self._keep()
        self._tell_roster_in_time()
        self._lesson_changed = self._stage_changed = self._floor_changed = False
        self._hands_changed.clear()
        self._classes_rerouted.clear()
        self._rerouted.clear()

    def hands_seen_by(self, viewer: Audience) -> tuple[Hand, ...]:
        return tuple(hand for hand in self.hands if sees_class_work(viewer, hand.class_id))

    def invited_seen_by(self, viewer: Audience) -> tuple[Invitation, ...]:
        return tuple(i for i in self.lesson.invited if sees_class_work(viewer, i.class_id))

    def _tell_lesson(self) -> None:
        """One event for all of a class and role, but for those who may send what the others may not."""
        lesson, special = self.lesson, {member.person for member in self.lesson.stage}
        special |= {hold.person for hold in lesson.conduct.holds}
        made: dict[tuple[Role, ClassId | None], LessonChanged] = {}
        for line in self.lines:
            person = line.person
            key = (person.role, person.class_id)
            event = None if person.id in special else made.get(key)
            if event is None:
                event = LessonChanged(lesson, floor.may_publish(lesson, person), self._cancelled_because)
                if person.id not in special:
                    made[key] = event
            line.deliver(event)

    def _stage_event(self, viewer: Audience) -> StageChanged:
        return StageChanged(self.lesson.stage, self.lesson.spotlight, self.invited_seen_by(viewer))

    def _tell_notices(self) -> None:
        notices, self._notices = self._notices, []
        for notice in notices:
            for line in self.lines:
                if notice.class_id is None or sees_class_work(line.audience, notice.class_id):
                    line.deliver(notice)

    def _end_looks(self) -> None:
        """Into classes that are with the others again."""
        for line in self.lines:
            attendee = self.present(line.person.id)
            if attendee is None or attendee.looks_in is None:
                continue
            if not self.can_be_looked_into(attendee.looks_in):
                self.look(attendee, None)
        for look in self.lesson.looks:
            if not self.can_be_looked_into(look.class_id):
                self.remember_look(look.person, None)

    def can_be_looked_into(self, class_id: ClassId) -> bool:
        there = self.lesson.class_room(class_id) is not None
        return there and self.lesson.state is LessonState.LIVE and floor.is_apart(self.lesson, class_id)

    def _keep(self) -> None:
        """What a restart must find again."""
        if self.lesson is self._kept_of:
            return
        self._kept_of = self.lesson
        kept = shared(self.lesson)
        if kept != self._kept:
            self._kept = kept
            self.observe(SharedChanged, lesson=self.lesson)

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
        self._tutors = self.roster.tutoring()
        self.supervisors.clear()
        self.paces.clear()

    def cancel_timers(self) -> None:
        self.talk.cancel_timers()
        for timer in (*self.places.values(), *self._alarms.values()):
            timer.cancel()
        self.places.clear()
        self._alarms.clear()
        self.lead.cancel()
        if self._roster_timer is not None:
            self._roster_timer.cancel()
            self._roster_timer = None

    def _route_members(self) -> None:
        """Those whose routes may have changed."""
        if self._floor_changed:
            everybody = (*self.roster.everybody(), *self.supervisors.values())
            self._route(self.roster.senders(), everybody)
            self.route_recorder()
            return
        if self._classes_rerouted:
            self._route_classes(self._classes_rerouted)
            # Of what stays in a class, nothing is recorded unless the lesson says so.
            if self.lesson.record_classes is not ClassesRecorded.NOTHING:
                self.route_recorder()
        if self._rerouted:
            attendees = (self.present(person) for person in self._rerouted)
            self._route(self.roster.senders(), tuple(a for a in attendees if a is not None))

    def _route_classes(self, classes: set[ClassId]) -> None:
        """Those who sit there or look in there; with those senders alone who can reach them."""
        senders = (a for a in self.roster.senders() if floor.concerns(self.lesson, a.person, classes))
        lookers = (*self.roster.leaders(), *self.supervisors.values())
        receivers = [
            *(attendee for class_id in classes for attendee in self.roster.members(class_id)),
            *(attendee for attendee in lookers if attendee.looks_in in classes),
        ]
        self._route(tuple(senders), receivers)

    def _route(self, senders: Iterable[Attendee], receivers: Iterable[Attendee]) -> None:
        plans, senders = self._plans, tuple(senders)
        if plans is None or plans.lesson is not self.lesson or plans.senders != senders:
            plans = self._plans = floor.Plans(self.lesson, senders)
        for person_id, plan in plans.of(receivers).items():
            line = self.lines.get(person_id)
            if line is not None:
                line.route(plan)

    def _note_tutors(self) -> None:
        tutors, live = self.roster.tutoring(), self.lesson.state is LessonState.LIVE
        absent = {each for each, (tutor, there) in tutors.items() if not there and tutor not in self.awaited}
        without = absent if live else set()
        if tutors == self._tutors and without == self._without_tutor:
            return
        for status in self.roster.statuses():
            before = self._tutors.get(status.room.id)
            if before is not None and before.person != status.tutor:
                self.observe(TutorChanged, status=status)
                self.notify(NoticeKind.TUTOR_CHANGED, status.room.id, status.tutor)
        for class_id in tutors:
            if (class_id in without) is not (class_id in self._without_tutor):
                self._flag_tutor(class_id, class_id in without)
        self._tutors, self._without_tutor = tutors, without

    def _flag_tutor(self, class_id: ClassId, absent: bool) -> None:
        if self.lesson.state is not LessonState.LIVE:
            return  # the lesson is over, and with it the absence
        self.observe(TutorAbsent, class_id=class_id, absent=absent)
        before = self._tutors.get(class_id)
        if absent and before is not None and before.online:
            # Who is not there yet when the lesson begins is seen on the wall, without a word for each.
            self.notify(NoticeKind.CLASS_WITHOUT_TUTOR, class_id)

    def _tell_roster_in_time(self) -> None:
        """At once when the last time is long enough ago, else when it will be."""
        if self.roster.has_news():
            due = self._roster_told_at + ROSTER_INTERVAL_S * self._roster_pace
        elif self.roster.has_changes():
            due = self._elsewhere_told_at + ELSEWHERE_INTERVAL_S * self._roster_pace
        else:
            return
        if due <= self.clock.now():
            self._tell_roster()
        elif self._roster_timer is None or due < self._roster_due_at:
            if self._roster_timer is not None:
                self._roster_timer.cancel()
            self._roster_due_at = due
            self._roster_timer = self.later(due, self._roster_due)

    @property
    def _roster_pace(self) -> float:
        return max(1.0, len(self.roster) / PEOPLE_AT_THIS_PACE)

    def _roster_due(self) -> None:
        self._roster_timer = None
        self._tell_roster_in_time()

    def _tell_roster(self) -> None:
        now = self.clock.now()
        elsewhere_due = self._elsewhere_told_at + ELSEWHERE_INTERVAL_S * self._roster_pace
        elsewhere = self.roster.replanned or now >= elsewhere_due
        self.lines.broadcast(lambda viewer: self.roster.changes(viewer, elsewhere=elsewhere))
        self.roster.told(elsewhere=elsewhere)
        self._roster_told_at = now
        if elsewhere:
            self._elsewhere_told_at = now


def _publications(attendee: Attendee | None) -> tuple[Publication, ...]:
    return () if attendee is None else tuple(track.publication for track in attendee.tracks)
