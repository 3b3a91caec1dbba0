from __future__ import annotations

from dataclasses import replace

import pytest

from classroom.model import Allowance, ClassId, Conduct, Lesson, LessonId, Person, PersonId, Role, SourceKind
from classroom.rules.reasons import Reason, Refused
from classroom.talk import conduct as rules
from classroom.talk.conduct import MAX_HOLDS, MAX_REMOVED

PUPIL = Person(PersonId("s"), "小明", Role.STUDENT, ClassId("c1"))
TUTOR = Person(PersonId("t"), "王老师", Role.TUTOR, ClassId("c1"))
MIC, CAMERA = SourceKind.MICROPHONE, SourceKind.CAMERA
STRICT = Conduct(allow=Allowance(unmute=False))


def test_a_hold_ends_when_its_owner_opens() -> None:
    closed = rules.close(Conduct(), PUPIL.id, MIC, stop=False)
    assert rules.held(closed) == {(PUPIL.id, MIC)}
    assert rules.held(rules.open_again(closed, PUPIL, MIC)) == frozenset()


def test_where_pupils_do_not_open_a_moderator_releases_first() -> None:
    closed = rules.close(STRICT, PUPIL.id, MIC, stop=False)
    with pytest.raises(Refused) as refusal:
        rules.open_again(closed, PUPIL, MIC)
    assert refusal.value.reason is Reason.UNMUTE_NOT_ALLOWED
    released = rules.release(closed, PUPIL, MIC)
    assert rules.held(released) == {(PUPIL.id, MIC)}, "a moderator opens nobody's microphone"
    assert rules.held(rules.open_again(released, PUPIL, MIC)) == frozenset()


def test_an_encoder_is_opened_by_who_releases_it() -> None:
    encoder, sound = Person(PersonId("encoder:hall"), "hall", Role.ENCODER), SourceKind.ENCODER_AUDIO
    muted = rules.close(Conduct(), encoder.id, sound, stop=False)
    assert rules.held(rules.release(muted, encoder, sound)) == frozenset()


def test_closing_again_takes_a_release_back() -> None:
    released = rules.release(rules.close(STRICT, PUPIL.id, MIC, stop=False), PUPIL, MIC)
    again = rules.close(released, PUPIL.id, MIC, stop=False)
    assert not rules.may_open(again, PUPIL, MIC)


def test_teachers_always_open() -> None:
    closed = rules.close(STRICT, TUTOR.id, MIC, stop=False)
    assert rules.may_open(closed, TUTOR, MIC)
    assert not rules.held(rules.open_again(closed, TUTOR, MIC))


def test_only_what_may_not_be_opened_may_not_be_sent() -> None:
    lesson = Lesson(LessonId("L"), "")
    stopped = rules.close(STRICT, PUPIL.id, CAMERA, stop=True)
    assert rules.stopped(replace(lesson, conduct=stopped), PUPIL) == {CAMERA}
    released = rules.release(stopped, PUPIL, CAMERA)
    assert not rules.stopped(replace(lesson, conduct=released), PUPIL)
    assert not rules.stopped(replace(lesson, conduct=replace(stopped, allow=Allowance())), PUPIL)
    muted = rules.close(STRICT, PUPIL.id, CAMERA, stop=False)
    assert not rules.stopped(replace(lesson, conduct=muted), PUPIL)


def test_opening_what_is_not_held_changes_nothing() -> None:
    assert rules.open_again(STRICT, PUPIL, MIC) is STRICT
    with pytest.raises(Refused):
        rules.release(STRICT, PUPIL, MIC)


def test_holds_and_removals_have_limits() -> None:
    full = Conduct()
    holds = tuple(replace(_hold(), person=PersonId(str(number))) for number in range(MAX_HOLDS))
    full = replace(full, holds=holds)
    with pytest.raises(Refused) as refusal:
        rules.close(full, PUPIL.id, MIC, stop=False)
    assert refusal.value.reason is Reason.TOO_MANY_HOLDS
    rules.close(full, PersonId("7"), MIC, stop=True)
    gone = Conduct()
    for number in range(MAX_REMOVED):
        gone = rules.remove(gone, replace(PUPIL, id=PersonId(str(number))))
    with pytest.raises(Refused) as refusal:
        rules.remove(gone, PUPIL)
    assert refusal.value.reason is Reason.TOO_MANY_REMOVED
    assert rules.remove(gone, replace(PUPIL, id=PersonId("7"))) is gone


def _hold() -> rules.Hold:
    return rules.close(Conduct(), PUPIL.id, MIC, stop=False).holds[0]


def test_who_was_removed_stays_out_until_readmitted() -> None:
    removed = rules.remove(Conduct(), PUPIL)
    assert rules.shut_out(removed, PUPIL, known=True) is Reason.REMOVED
    assert rules.shut_out(rules.readmit(removed, PUPIL.id), PUPIL, known=True) is None
    assert rules.readmit(Conduct(), PUPIL.id) == Conduct()


def test_the_lock_is_for_pupils_who_have_not_been_in() -> None:
    locked = Conduct(locked=True)
    assert rules.shut_out(locked, PUPIL, known=False) is Reason.LESSON_LOCKED
    assert rules.shut_out(locked, PUPIL, known=True) is None
    for role in set(Role) - {Role.STUDENT}:
        assert rules.shut_out(locked, replace(PUPIL, role=role), known=False) is None


def test_chats_are_closed_one_by_one() -> None:
    closed = rules.close_chat(rules.close_chat(Conduct(), None, True), ClassId("c1"), True)
    assert rules.close_chat(closed, None, True).closed_chats == (ClassId("c1"), None)
    assert rules.close_chat(closed, None, False).closed_chats == (ClassId("c1"),)
