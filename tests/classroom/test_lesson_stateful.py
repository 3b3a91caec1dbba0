"""Random lessons: whatever people do, in whatever order, what must hold holds.

Each member is played by a mirror that does what a page does: it starts from its snapshot and applies the
events. After every step and a pause, the mirror must show what a newcomer in its place would see.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from classroom import events, floor
from classroom.commands import (
    AcceptStage,
    CancelLesson,
    ChangeSettings,
    DeclineStage,
    EndLesson,
    Invite,
    LeaveStage,
    LookIn,
    LowerHand,
    MarkRoll,
    MoveOnline,
    Mute,
    PersonCommand,
    Publish,
    RaiseHand,
    ReportLead,
    Resume,
    Say,
    SetClassState,
    SetPhase,
    SetRegister,
    Spotlight,
    StartLesson,
    TakeClass,
    Unpublish,
)
from classroom.core import LessonCore
from classroom.events import LeaveCause
from classroom.handlers import handle
from classroom.membership import join, leave, snapshot, talk_seen_by
from classroom.model import (
    MICROPHONE,
    Allowance,
    ChatScope,
    ClassId,
    ClassState,
    Conduct,
    Lesson,
    LessonState,
    PersonId,
    Phase,
    Publication,
    Role,
    Source,
    source_kind,
)
from classroom.roll import Mark, Pupil
from classroom.roll_handlers import rolls_seen_by
from classroom.rules.reasons import Refused
from classroom.rules.visibility import audience
from classroom.shared import pack, shared, unpack
from classroom.talk import commands as talk
from classroom.talk import events as talk_events
from classroom.talk.quiz import QuizKind

PEOPLE = st.integers(0, 10)
SOURCES = st.sampled_from(["camera", "microphone", "screen", "cam.video", "nonsense"]).map(Source)
CLASSES = st.sampled_from([None, "c1", "c2", "home", "none"])
SEATS = st.sampled_from(["1", "2", "3", "12"])
OVER = (LessonState.ENDED, LessonState.CANCELLED)


class Mirror:
    """A page."""

    def __init__(self) -> None:
        self.dismissed: LeaveCause | None = None
        self.routes: tuple[floor.Route, ...] = ()
        self.standby: tuple[floor.Route, ...] = ()
        self.looks_in: ClassId | None = None

    def begin(self, snapshot: events.Snapshot) -> None:
        self.lesson, self.may_publish = snapshot.lesson, snapshot.may_publish
        self.looks_in = snapshot.me.looks_in
        self.people = {attendee.id: attendee for attendee in snapshot.people}
        self.classes = {status.room.id: status for status in snapshot.classes}
        self.hands = snapshot.hands
        self.chat = list(snapshot.chat)
        self.conduct = snapshot.lesson.conduct
        self.talk = snapshot.talk
        self.quizzes = {seen.quiz.id: seen for seen in snapshot.talk.quizzes}
        self.board = {each.class_id: each for each in snapshot.talk.announcements}
        self.calls, self.removed = snapshot.talk.calls, snapshot.talk.removed
        self.rolls = {seen.class_id: seen for seen in snapshot.rolls}

    def route(self, routes: tuple[floor.Route, ...]) -> None:
        assert routes != self.routes, "told what it knew"
        self.routes = routes

    def prepare(self, standby: tuple[floor.Route, ...]) -> None:
        assert standby != self.standby, "told what it knew"
        self.standby = standby

    def deliver(self, event: events.Event) -> None:
        assert self.dismissed is None, "told something after the last word"
        match event:
            case events.LessonChanged(lesson, may_publish):
                self.lesson, self.may_publish = lesson, may_publish
            case events.RosterChanged(people, gone, classes, gone_classes):
                for class_id in gone_classes:
                    self.classes.pop(class_id, None)
                for person in gone:
                    self.people.pop(person, None)
                self.people.update({attendee.id: attendee for attendee in people})
                self.classes.update({status.room.id: status for status in classes})
            case events.HandsChanged(hands):
                self.hands = hands
            case events.StageChanged(stage, spotlight, _):
                # Said after the lesson's own change, and never anything else.
                assert (stage, spotlight) == (self.lesson.stage, self.lesson.spotlight)
            case events.LookChanged(class_id):
                self.looks_in = class_id
            case events.ChatSaid(entry):
                if entry not in self.chat:
                    self.chat.append(entry)
            case talk_events.ChatRemoved(chat):
                self.chat = [entry for entry in self.chat if entry.id != chat]
            case talk_events.ConductChanged(conduct):
                self.conduct = conduct
            case talk_events.RemovedChanged(removed):
                self.removed = removed
            case talk_events.VoiceChanged(calls):
                self.calls = calls
            case talk_events.Announced(announcement):
                self.board.pop(announcement.class_id, None)
                if announcement.text:
                    self.board[announcement.class_id] = announcement
            case talk_events.QuizChanged(seen):
                self.quizzes[seen.quiz.id] = seen
            case talk_events.QuizCounted(quiz, result):
                self.quizzes[quiz] = replace(self.quizzes[quiz], result=result)
            case events.RollChanged(seen):
                self.rolls[seen.class_id] = roll_after(self.rolls.get(seen.class_id), seen)
            case events.Dismissed(cause):
                self.dismissed = cause


def roll_after(before: events.RollSeen | None, told: events.RollSeen) -> events.RollSeen:
    """As a page puts together what it is told of a roll call."""
    if before is None:
        return told
    seats = {**before.seats, **told.seats}
    people = {**before.people, **told.people}
    return replace(
        told,
        register=before.register if told.register is None else told.register,
        seats={seat: mark for seat, mark in seats.items() if mark is not None},
        people={person: mark for person, mark in people.items() if mark is not None},
    )


def everybodys(conduct: Conduct) -> Conduct:
    """What of it is told to all."""
    return replace(conduct, holds=(), removed=())


def public(lesson: Lesson) -> Lesson:
    """Without what members hear otherwise: order, private lines, who looks in, who leads and sends."""
    return replace(lesson, conduct=Conduct(), calls=(), looks=(), on_air=())


class LessonMachine(RuleBasedStateMachine):
    def __init__(self, school: Any, new_clock: Any, new_observer: Any) -> None:
        super().__init__()
        self.people = school.with_room
        self.clock, self.observer = new_clock(), new_observer()
        self.blank = school.lesson()
        self.core = LessonCore(school.lesson(), self.clock, self.later, [self.observer])
        self.inside: dict[str, Mirror] = {}
        self.published = 0

    def later(self, when: float, callback: Any) -> Any:
        """As the room does: a timer's work is a job of its own."""
        return self.clock.call_at(when, lambda: (callback(), self.core.settle()))

    def ask(self, command: PersonCommand) -> None:
        before = self.state()
        try:
            handle(self.core, command)
        except Refused:
            assert self.state() == before
        self.core.settle()
        self.inside = {name: mirror for name, mirror in self.inside.items() if mirror.dismissed is None}

    def state(self) -> tuple[Any, ...]:
        """What no refused command may change."""
        core = self.core
        return core.lesson, tuple(core.roster.everybody()), tuple(core.hands), dict(core.rolls)

    def actor(self, number: int) -> PersonId:
        """Mostly somebody who is in: what others ask is always refused."""
        inside = sorted(self.inside)
        return PersonId(inside[number % len(inside)] if inside else "t1")

    @initialize(numbers=st.sets(PEOPLE, min_size=3), live=st.sampled_from([True, True, False]))
    def begin(self, numbers: set[int], live: bool) -> None:
        for number in sorted(numbers):
            self.come(number)
        if live:
            self.start()

    @rule(number=PEOPLE)
    def come(self, number: int) -> None:
        person, mirror = self.people[number], Mirror()
        old = self.inside.get(person.id)
        try:
            line = join(self.core, person, mirror)
        except Refused:
            self.core.settle()
            conduct = self.core.lesson.conduct
            ordered = conduct.locked or conduct.removed
            assert self.core.lesson.state in OVER or person.role is Role.ENCODER or ordered
            return
        mirror.begin(snapshot(self.core, line))
        self.core.settle()
        line.release_routes()
        line.release_events()
        assert old is None or old.dismissed is LeaveCause.REPLACED
        self.inside[person.id] = mirror

    @rule(number=PEOPLE, cause=st.sampled_from([LeaveCause.LEFT, LeaveCause.LOST]))
    def go(self, number: int, cause: LeaveCause) -> None:
        self.leave(self.actor(number), cause)

    @precondition(lambda self: any(hand.person in self.inside for hand in self.core.hands))
    @rule(cause=st.sampled_from([LeaveCause.LEFT, LeaveCause.LOST]))
    def go_with_a_hand_up(self, cause: LeaveCause) -> None:
        self.leave(next(hand.person for hand in self.core.hands if hand.person in self.inside), cause)

    def leave(self, person: PersonId, cause: LeaveCause) -> None:
        leave(self.core, person, self.inside.pop(person, Mirror()), cause)
        self.core.settle()

    @rule(number=PEOPLE, source=SOURCES)
    def publish(self, number: int, source: Source) -> None:
        self.published += 1
        self.ask(Publish(self.actor(number), source, Publication(f"p{self.published}")))

    @rule(number=PEOPLE, which=st.integers(0, 3))
    def publish_what_is_allowed(self, number: int, which: int) -> None:
        actor = self.actor(number)
        mirror = self.inside.get(actor)
        if mirror is not None and mirror.may_publish:
            kind = sorted(mirror.may_publish)[which % len(mirror.may_publish)]
            self.published += 1
            source = Source(kind.value.replace("encoder.", "cam."))
            self.ask(Publish(actor, source, Publication(f"p{self.published}")))

    @rule(number=PEOPLE, back=st.integers(0, 4))
    def unpublish(self, number: int, back: int) -> None:
        self.ask(Unpublish(self.actor(number), Publication(f"p{self.published - back}")))

    @rule(number=PEOPLE, source=SOURCES, muted=st.booleans())
    def mute(self, number: int, source: Source, muted: bool) -> None:
        self.ask(Mute(self.actor(number), source, muted))

    @rule(number=PEOPLE, seat=st.sampled_from(["", "", "1", "2", "bad\n"]))
    def raise_hand(self, number: int, seat: str) -> None:
        self.ask(RaiseHand(self.actor(number), seat))

    @rule(number=PEOPLE, which=st.none() | st.integers(0, 3))
    def lower_hand(self, number: int, which: int | None) -> None:
        hands = list(self.core.hands)
        hand = None if which is None or which >= len(hands) else hands[which].id
        self.ask(LowerHand(self.actor(number), hand))

    @rule(number=PEOPLE, text=st.sampled_from(["hello", "", "\x00"]), again=st.booleans())
    def say(self, number: int, text: str, again: bool) -> None:
        self.ask(Say(self.actor(number), text, "same" if again else ""))

    @rule(number=PEOPLE, scope=st.sampled_from(ChatScope), to=st.sampled_from(["", "t1", "c1", "home"]))
    def say_to_some(self, number: int, scope: ChatScope, to: str) -> None:
        self.ask(Say(self.actor(number), "hello", "", scope, to))

    @rule(number=PEOPLE, back=st.integers(1, 3))
    def delete_chat(self, number: int, back: int) -> None:
        entries = self.core.chat.entries()
        if len(entries) >= back:
            self.ask(talk.DeleteChat(self.actor(number), entries[-back].id))

    @rule(number=PEOPLE, closed=st.booleans(), room=st.sampled_from([None, "c1", "home"]))
    def close_chat(self, number: int, closed: bool, room: ClassId | None) -> None:
        self.ask(talk.CloseChat(self.actor(number), closed, room))

    @rule(number=PEOPLE, text=st.sampled_from(["hear", ""]))
    def announce(self, number: int, text: str) -> None:
        self.ask(talk.Announce(self.actor(number), text))

    @rule(number=PEOPLE, to=PEOPLE, kind=st.sampled_from([talk.CallVoice, talk.AcceptVoice, talk.EndVoice]))
    def private_voice(self, number: int, to: int, kind: Any) -> None:
        self.ask(kind(self.actor(number), self.people[to].id if to % 2 else None))

    @rule(
        number=PEOPLE,
        whom=PEOPLE,
        source=SOURCES,
        kind=st.sampled_from([talk.MutePerson, talk.StopSource, talk.ReleaseSource]),
    )
    def moderate(self, number: int, whom: int, source: Source, kind: Any) -> None:
        self.ask(kind(self.actor(number), self.people[whom].id, source))

    @rule(number=PEOPLE, whom=PEOPLE, kind=st.sampled_from([talk.RemovePerson, talk.ReadmitPerson]))
    def remove(self, number: int, whom: int, kind: Any) -> None:
        self.ask(kind(self.actor(number), self.people[whom].id))

    @rule(number=PEOPLE, on=st.booleans())
    def lock(self, number: int, on: bool) -> None:
        self.ask(talk.LockLesson(self.actor(number), on))

    @rule(number=PEOPLE, chat=st.booleans(), unmute=st.booleans(), screen=st.booleans())
    def allow(self, number: int, chat: bool, unmute: bool, screen: bool) -> None:
        self.ask(talk.Allow(self.actor(number), Allowance(chat, chat, unmute, screen)))

    @rule(seconds=st.sampled_from([0, 5, 60]))
    def open_quiz(self, seconds: int) -> None:
        kind = QuizKind.SINGLE
        self.ask(talk.OpenQuiz(self.people[0].id, kind, "?", ("a", "b"), (1,), seconds))

    @precondition(lambda self: self.core.talk.quizzes)
    @rule(number=PEOPLE, choice=st.integers(0, 2), shown=st.booleans())
    def use_quiz(self, number: int, choice: int, shown: bool) -> None:
        quiz, actor = list(self.core.talk.quizzes)[-1], self.actor(number)
        self.ask(talk.AnswerQuiz(actor, quiz, (choice,)))
        self.ask(talk.EnterTally(actor, quiz, (choice, 2)))
        self.ask(talk.ShowQuiz(actor, quiz, shown))
        if choice == 2:
            self.ask(talk.CloseQuiz(actor, quiz))

    @rule(number=PEOPLE, phase=st.sampled_from(Phase), seconds=st.sampled_from([0, 0, 1, 60, -1]))
    def set_phase(self, number: int, phase: Phase, seconds: int) -> None:
        self.ask(SetPhase(self.actor(number), phase, seconds))

    @rule(phase=st.sampled_from(Phase))
    def master_sets_phase(self, phase: Phase) -> None:
        self.ask(SetPhase(self.people[0].id, phase))

    @rule(number=PEOPLE, class_id=CLASSES, state=st.sampled_from(ClassState))
    def set_class_state(self, number: int, class_id: ClassId | None, state: ClassState) -> None:
        self.ask(SetClassState(self.actor(number), class_id, state))

    @rule(number=PEOPLE, class_id=CLASSES)
    def look_in(self, number: int, class_id: ClassId | None) -> None:
        self.ask(LookIn(self.actor(number), class_id))

    @rule(number=PEOPLE, guest=st.none() | PEOPLE, which=st.integers(0, 3))
    def invite(self, number: int, guest: int | None, which: int) -> None:
        hands = list(self.core.hands)
        hand = hands[which].id if which < len(hands) else None
        person = None if guest is None else self.people[guest].id
        self.ask(Invite(self.actor(number), person, hand if person is None else None))
        self.ask(Invite(self.people[0].id, person, hand if person is None else None))

    @rule(number=PEOPLE, answer=st.sampled_from([AcceptStage, DeclineStage, LeaveStage]))
    def answer(self, number: int, answer: Any) -> None:
        guests = [*self.core.lesson.invited, *self.core.lesson.stage]
        self.ask(answer(guests[number % len(guests)].person if guests else self.actor(number)))

    @rule(number=PEOPLE, guest=PEOPLE, command=st.sampled_from([DeclineStage, LeaveStage, Spotlight]))
    def about_somebody(self, number: int, guest: int, command: Any) -> None:
        self.ask(command(self.actor(number), self.people[guest].id))

    @rule(number=PEOPLE, class_id=CLASSES, command=st.sampled_from([TakeClass, MoveOnline]))
    def about_a_class(self, number: int, class_id: ClassId | None, command: Any) -> None:
        self.ask(command(self.actor(number), class_id))

    @rule(
        number=PEOPLE,
        mark=st.none() | st.sampled_from(Mark),
        seats=st.sets(SEATS, max_size=2),
        people=st.sets(st.sampled_from(["sa", "sb", "s1", "m", "nobody"]), max_size=2),
        rest=st.booleans(),
    )
    def mark_roll(self, number: int, mark: Mark | None, seats: Any, people: Any, rest: bool) -> None:
        command = MarkRoll(self.actor(number), mark, tuple(sorted(seats)), tuple(sorted(people)), rest)
        self.ask(command)
        self.ask(command)

    @rule(number=PEOPLE, class_id=CLASSES, seats=st.lists(SEATS, max_size=3))
    def set_register(self, number: int, class_id: ClassId | None, seats: list[str]) -> None:
        """Also such as cannot be: a seat twice."""
        self.ask(SetRegister(self.actor(number), class_id, tuple(Pupil(seat, f"P{seat}") for seat in seats)))

    @rule(number=PEOPLE, click=st.none() | st.booleans(), limit=st.sampled_from([None, 0, 1, 2, 99]))
    def settings(self, number: int, click: bool | None, limit: int | None) -> None:
        self.ask(ChangeSettings(self.actor(number), limit, None, click))

    @rule(number=PEOPLE)
    def resume(self, number: int) -> None:
        self.ask(Resume(self.actor(number)))

    @rule(number=PEOPLE, flowing=st.booleans())
    def lead(self, number: int, flowing: bool) -> None:
        self.core.lead.report(self.core, ReportLead(self.people[number].id, flowing, 0.5))
        self.core.settle()

    @rule()
    def start(self) -> None:
        self.ask(StartLesson(self.people[0].id))

    @precondition(lambda self: len(self.observer.facts) > 30)
    @rule(number=PEOPLE, command=st.sampled_from([EndLesson, CancelLesson]))
    def end(self, number: int, command: Any) -> None:
        self.ask(command(self.actor(number)))

    @rule(seconds=st.sampled_from([0.05, 0.2, 0.2, 5.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clock.fire(seconds)

    @invariant()
    def everybody_receives_what_the_floor_says(self) -> None:
        core = self.core
        people = [*core.roster.everybody(), *core.supervisors.values()]
        expected = floor.plans(core.lesson, people, people)
        told = {name: floor.Plan(mirror.routes, mirror.standby) for name, mirror in self.inside.items()}
        assert told == expected

    @invariant()
    def everybody_is_told_the_same_as_a_newcomer(self) -> None:
        core = self.core
        settled = not core.roster.has_changes()
        for name, mirror in self.inside.items():
            attendee = core.present(name)
            assert attendee is not None
            viewer = audience(attendee.person)
            assert public(mirror.lesson) == public(core.lesson)
            assert mirror.may_publish == floor.may_publish(core.lesson, attendee.person)
            assert mirror.hands == core.hands_seen_by(viewer)
            assert tuple(mirror.chat) == core.chat.seen_by(attendee.person)
            if settled:
                assert mirror.people == {seen.id: seen for seen in core.roster.seen_by(viewer)}
                assert tuple(mirror.classes.values()) == core.roster.statuses()

    @invariant()
    def everybody_is_told_of_talk_what_a_newcomer_is(self) -> None:
        core = self.core
        for name, mirror in self.inside.items():
            attendee = core.present(name)
            assert attendee is not None
            expected = talk_seen_by(core, attendee.person)
            assert everybodys(mirror.conduct) == everybodys(core.lesson.conduct)
            assert mirror.board == {each.class_id: each for each in expected.announcements}
            assert (mirror.calls, mirror.removed) == (expected.calls, expected.removed)
            if attendee.role is not Role.ENCODER and not core.talk.uncounted:
                for seen in expected.quizzes:
                    assert mirror.quizzes[seen.quiz.id] == seen

    @invariant()
    def who_may_know_of_a_roll_call_is_told_what_a_newcomer_is(self) -> None:
        core = self.core
        for name, mirror in self.inside.items():
            attendee = core.present(name)
            assert attendee is not None
            seen = {each.class_id: each for each in rolls_seen_by(core, attendee.person)}
            assert mirror.rolls == seen

    @invariant()
    def a_roll_call_is_of_seats_that_there_are(self) -> None:
        for roll in self.core.rolls.values():
            if roll.register:
                assert roll.seats.keys() <= {pupil.seat for pupil in roll.register}

    @invariant()
    def what_is_held_is_sent_to_nobody(self) -> None:
        held = {(hold.person, hold.kind) for hold in self.core.lesson.conduct.holds}
        for mirror in self.inside.values():
            assert not {(route.person, source_kind(route.source)) for route in mirror.routes} & held

    @invariant()
    def who_talks_privately_is_heard_by_the_other_alone(self) -> None:
        for call in self.core.lesson.calls:
            pair = {call.tutor, call.master}
            assert pair <= self.inside.keys()
            for name, mirror in self.inside.items():
                if call.accepted and name not in pair:
                    assert not {r.person for r in mirror.routes if r.source == MICROPHONE} & pair

    @invariant()
    def who_was_removed_is_not_in(self) -> None:
        assert not {each.person for each in self.core.lesson.conduct.removed} & self.inside.keys()

    @invariant()
    def nobody_knows_of_supervisors(self) -> None:
        core = self.core
        assert all(attendee.role is not Role.SUPERVISOR for attendee in core.roster.everybody())
        for mirror in self.inside.values():
            assert "v" not in mirror.people
            assert all(route.person != "v" for route in mirror.routes)

    @invariant()
    def the_stage_holds_who_has_a_place_and_no_more_than_it_takes(self) -> None:
        lesson = self.core.lesson
        guests = [*(m.person for m in lesson.stage), *(i.person for i in lesson.invited)]
        assert len(set(guests)) == len(guests)
        assert all(self.core.roster.get(guest) is not None for guest in guests)
        assert lesson.spotlight is None or lesson.staged(lesson.spotlight) is not None
        if guests:
            assert lesson.phase in (Phase.LECTURE, Phase.INTERACTION)
        for guest in (*lesson.stage, *lesson.invited):
            room = lesson.class_room(guest.class_id)
            assert room is not None and room.state is ClassState.TOGETHER

    @invariant()
    def who_looks_in_looks_into_a_class_that_is_by_itself(self) -> None:
        for name, mirror in self.inside.items():
            attendee = self.core.present(name)
            assert attendee is not None
            assert mirror.looks_in == attendee.looks_in
            if attendee.looks_in is not None:
                assert floor.is_apart(self.core.lesson, attendee.looks_in)

    @invariant()
    def a_restart_finds_what_everybody_shares(self) -> None:
        core = self.core
        blank = replace(self.blank, classes=tuple(replace(room) for room in self.blank.classes))
        kept = [fact.lesson for fact in self.observer.facts if isinstance(fact, events.SharedChanged)]
        found = unpack(blank, pack(kept[-1]) if kept else "{}")
        assert shared(found) == shared(core.lesson)

    @invariant()
    def hands_belong_to_who_has_a_place_and_are_one_per_seat(self) -> None:
        hands = list(self.core.hands)
        assert len({(hand.person, hand.seat) for hand in hands}) == len(hands)
        assert all(self.core.roster.get(hand.person) is not None for hand in hands)

    @invariant()
    def what_the_observers_heard_adds_up(self) -> None:
        present: set[str] = set()
        tracks: set[str] = set()
        for fact in self.observer.facts:
            match fact:
                case events.PersonJoined(person=person):
                    assert person.id not in present
                    present.add(person.id)
                case events.PersonLeft(person=person):
                    present.remove(person.id)
                case events.TrackPublished(publication=publication, person=person):
                    assert person.id in present
                    tracks.add(publication)
                case events.TrackUnpublished(publication=publication, person=person):
                    assert person.id in present, "tracks go before their owner"
                    tracks.remove(publication)
        known = list(self.core.roster.everybody())
        assert present == {attendee.id for attendee in known if attendee.online}
        assert tracks == {track.publication for attendee in known for track in attendee.tracks}

    @invariant()
    def after_the_end_nobody_is_left(self) -> None:
        if self.core.lesson.state in OVER:
            assert not self.inside
            assert not len(self.core.roster)
            assert not list(self.core.hands)
            assert not self.clock.pending


def test_random_lessons(school: Any, fake_clock: Any, fake_observer: Any) -> None:
    run_state_machine_as_test(
        partial(LessonMachine, school, type(fake_clock), type(fake_observer)),
        settings=settings(derandomize=True, deadline=None, max_examples=120, stateful_step_count=50),
    )
