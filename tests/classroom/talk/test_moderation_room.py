"""Moderation in a lesson's room: what is closed is sent to nobody until its owner opens it."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.commands import Mute, Publish, RaiseHand
from classroom.events import Dismissed, EntryRefused, LeaveCause, LessonChanged, TrackMuted, TrackUnpublished
from classroom.model import (
    CAMERA,
    MICROPHONE,
    SCREEN,
    Allowance,
    LessonState,
    Person,
    PersonId,
    Phase,
    Publication,
    Source,
    SourceKind,
)
from classroom.rules.reasons import Reason, Refused
from classroom.talk.commands import (
    Allow,
    LockLesson,
    MutePerson,
    ReadmitPerson,
    ReleaseSource,
    RemovePerson,
    StopSource,
)
from classroom.talk.events import Act, CalledToOrder, RemovedChanged
from classroom.talk.facts import HoldChanged, Moderated


async def refused(hall: Any, command: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        await hall.room.ask(command)
    return caught.value.reason


async def publish(hall: Any, person: Person, *sources: Source) -> None:
    for source in sources:
        await hall.room.ask(Publish(person.id, source, Publication(f"{person.id}/{source}")))


@pytest.fixture
async def class_qa(open_hall: Any, school: Any) -> Any:
    """Local Q&A: the pupils at home talk with each other."""
    hall = await open_hall(LessonState.LIVE, phase=Phase.LOCAL_QA, started_ms=1_800_000_000_000)
    await hall.join(*school.people)
    await publish(hall, school.student_a, MICROPHONE, CAMERA)
    return hall


STRICT = Allowance(unmute=False)


async def test_a_muted_voice_reaches_nobody_until_its_owner_unmutes(class_qa: Any, school: Any) -> None:
    hall = class_qa
    assert "sa/microphone" in hall[school.student_b].receives
    await hall.room.ask(MutePerson(school.tutor_home.id, school.student_a.id, MICROPHONE))
    await hall.turn()
    assert "sa/microphone" not in hall[school.student_b].receives
    assert "sa/camera" in hall[school.student_b].receives
    assert hall[school.student_a].heard(CalledToOrder) == [
        CalledToOrder(Act.MUTED, MICROPHONE, school.tutor_home.id)
    ]
    assert [fact.muted for fact in hall.observer.told(TrackMuted)] == [True]
    await hall.room.ask(Mute(school.student_a.id, MICROPHONE, False))
    assert "sa/microphone" in hall[school.student_b].receives
    assert [fact.held for fact in hall.observer.told(HoldChanged)] == [False]


async def test_sending_it_anew_or_coming_in_anew_does_not_get_round_it(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.room.ask(MutePerson(school.master.id, school.student_a.id, MICROPHONE))
    await publish(hall, school.student_a, CAMERA)
    await hall.room.ask(Publish(school.student_a.id, MICROPHONE, Publication("again")))
    assert "sa/microphone" not in hall[school.student_b].receives
    await hall.join(school.student_a)
    await hall.room.ask(Publish(school.student_a.id, MICROPHONE, Publication("anew")))
    assert "sa/microphone" not in hall[school.student_b].receives
    await hall.leave(school.student_a)
    await hall.join(school.student_a)
    await hall.room.ask(Publish(school.student_a.id, MICROPHONE, Publication("back")))
    assert "sa/microphone" not in hall[school.student_b].receives
    (attendee,) = (each for each in hall.room.people if each.id == "sa")
    assert attendee.tracks[0].muted, "and everybody sees that it is muted"


async def test_where_pupils_may_not_unmute_a_moderator_releases(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.room.ask(Allow(school.master.id, STRICT))
    await hall.room.ask(MutePerson(school.tutor_home.id, school.student_a.id, MICROPHONE))
    unmute = Mute(school.student_a.id, MICROPHONE, False)
    assert await refused(hall, unmute) is Reason.UNMUTE_NOT_ALLOWED
    await hall.room.ask(ReleaseSource(school.tutor_home.id, school.student_a.id, MICROPHONE))
    assert "sa/microphone" not in hall[school.student_b].receives, "nobody opens it for them"
    await hall.room.ask(unmute)
    assert "sa/microphone" in hall[school.student_b].receives


async def test_there_an_own_mute_needs_a_release_too(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.room.ask(Allow(school.master.id, STRICT))
    await hall.room.ask(Mute(school.student_a.id, MICROPHONE, True))
    await hall.room.ask(Publish(school.student_a.id, MICROPHONE, Publication("again")))
    assert "sa/microphone" not in hall[school.student_b].receives
    assert await refused(hall, Mute(school.student_a.id, MICROPHONE, False)) is Reason.UNMUTE_NOT_ALLOWED


async def test_a_stopped_picture_is_taken_down_and_may_be_sent_anew(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.room.ask(StopSource(school.master.id, school.student_a.id, CAMERA))
    await hall.turn()
    assert "sa/camera" not in hall[school.student_b].receives
    assert [fact.cause for fact in hall.observer.told(TrackUnpublished)] == [LeaveCause.REMOVED]
    assert SourceKind.CAMERA in hall[school.student_a].heard(LessonChanged)[-1].may_publish
    await publish(hall, school.student_a, CAMERA)
    assert "sa/camera" in hall[school.student_b].receives


async def test_where_pupils_may_not_it_stays_down_until_released(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.room.ask(Allow(school.master.id, STRICT))
    await hall.room.ask(StopSource(school.master.id, school.student_a.id, CAMERA))
    await hall.turn()
    assert SourceKind.CAMERA not in hall[school.student_a].heard(LessonChanged)[-1].may_publish
    again = Publish(school.student_a.id, CAMERA, Publication("again"))
    assert await refused(hall, again) is Reason.SOURCE_NOT_ALLOWED
    await hall.room.ask(ReleaseSource(school.master.id, school.student_a.id, CAMERA))
    await hall.turn()
    assert SourceKind.CAMERA in hall[school.student_a].heard(LessonChanged)[-1].may_publish
    await hall.room.ask(again)
    assert "sa/camera" in hall[school.student_b].receives


async def test_whom_one_may_moderate(class_qa: Any, school: Any) -> None:
    hall, pupil = class_qa, school.student_a.id
    await publish(hall, school.tutor_1, MICROPHONE)
    await publish(hall, school.master, MICROPHONE)
    for actor, person in (("t1", pupil), ("t1", "m"), ("m", "m"), ("m", "o"), ("th", "th"), ("o", "o")):
        command = MutePerson(PersonId(actor), PersonId(person), MICROPHONE)
        assert await refused(hall, command) is Reason.PERSON_NOT_YOURS, (actor, person)
    for actor, person in (("m", "t1"), ("o", "m"), ("th", pupil)):
        await hall.room.ask(MutePerson(PersonId(actor), PersonId(person), MICROPHONE))
    gone = MutePerson(school.master.id, PersonId("nobody"), MICROPHONE)
    assert await refused(hall, gone) is Reason.PERSON_UNKNOWN
    watched = MutePerson(school.master.id, school.supervisor.id, MICROPHONE)
    assert await refused(hall, watched) is Reason.PERSON_UNKNOWN, "a supervisor is nobody"
    not_sent = MutePerson(school.master.id, school.student_b.id, MICROPHONE)
    assert await refused(hall, not_sent) is Reason.SOURCE_NOT_PUBLISHED
    nonsense = MutePerson(school.master.id, pupil, Source("nonsense"))
    assert await refused(hall, nonsense) is Reason.SOURCE_UNKNOWN
    not_held = ReleaseSource(school.master.id, pupil, CAMERA)
    assert await refused(hall, not_held) is Reason.SOURCE_NOT_HELD


async def test_a_double_click_is_one_act(class_qa: Any, school: Any) -> None:
    hall = class_qa
    for _ in range(2):
        await hall.room.ask(MutePerson(school.master.id, school.student_a.id, MICROPHONE))
        await hall.room.ask(LockLesson(school.master.id, True))
    assert [fact.act for fact in hall.observer.told(Moderated)] == [Act.MUTED, Act.LOCKED]


async def test_who_is_removed_goes_and_does_not_come_back(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.room.ask(RaiseHand(school.student_a.id))
    await hall.room.ask(RemovePerson(school.tutor_home.id, school.student_a.id))
    await hall.turn()
    assert hall[school.student_a].events[-1] == Dismissed(LeaveCause.REMOVED)
    assert "sa" not in {attendee.id for attendee in hall.room.people}
    assert not hall[school.student_b].receives
    assert hall[school.master].heard(RemovedChanged)[-1].removed[0].name == "小明"
    assert not hall[school.student_b].heard(RemovedChanged)
    with pytest.raises(Refused) as caught:
        await hall.join(school.student_a)
    assert caught.value.reason is Reason.REMOVED
    assert hall.observer.told(EntryRefused)[-1].reason is Reason.REMOVED
    by_tutor = ReadmitPerson(school.tutor_home.id, school.student_a.id)
    assert await refused(hall, by_tutor) is Reason.ROLE_MAY_NOT
    await hall.room.ask(ReadmitPerson(school.master.id, school.student_a.id))
    await hall.join(school.student_a)


async def test_who_was_lost_a_moment_ago_can_be_removed(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.leave(school.student_a, LeaveCause.LOST)
    await hall.room.ask(RemovePerson(school.master.id, school.student_a.id))
    assert "sa" not in {attendee.id for attendee in hall.room.people}
    with pytest.raises(Refused):
        await hall.join(school.student_a)


async def test_a_locked_lesson_lets_those_back_who_have_been_in(open_hall: Any, school: Any) -> None:
    hall = await open_hall(LessonState.LIVE, started_ms=1_800_000_000_000)
    await hall.join(school.master, school.student_a)
    await hall.leave(school.student_a)
    await hall.room.ask(LockLesson(school.master.id, True))
    await hall.join(school.student_a, school.tutor_1, school.supervisor)
    with pytest.raises(Refused) as caught:
        await hall.join(school.student_b)
    assert caught.value.reason is Reason.LESSON_LOCKED
    await hall.room.ask(LockLesson(school.master.id, False))
    await hall.join(school.student_b)


async def test_what_pupils_may_do_is_set_for_the_lesson(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.room.ask(Allow(school.organizer.id, Allowance(hand=False)))
    assert await refused(hall, RaiseHand(school.student_a.id)) is Reason.HAND_NOT_ALLOWED
    await hall.room.ask(RaiseHand(school.tutor_home.id))
    allowed = hall.observer.told(Moderated)[-1]
    assert (allowed.act, allowed.conduct.allow.hand) == (Act.ALLOWED, False)


async def test_a_moderators_word_is_on_record(class_qa: Any, school: Any) -> None:
    hall = class_qa
    await hall.room.ask(MutePerson(school.tutor_home.id, school.student_a.id, MICROPHONE))
    (fact,) = hall.observer.told(Moderated)
    assert (fact.act, fact.actor, fact.person, fact.source) == (Act.MUTED, "th", "sa", MICROPHONE)
    screen = MutePerson(school.tutor_home.id, school.student_a.id, SCREEN)
    assert await refused(hall, screen) is Reason.SOURCE_NOT_PUBLISHED


async def test_an_encoder_that_was_muted_is_heard_again_when_it_is_released(
    live_hall: Any, school: Any
) -> None:
    """There is nobody at it who could unmute."""
    sound = Source("cam.audio")
    await live_hall.join(school.master, school.tutor_1, school.encoder)
    await publish(live_hall, school.encoder, sound)
    await live_hall.room.ask(MutePerson(school.master.id, school.encoder.id, sound))
    assert live_hall[school.tutor_1].receives == []
    await live_hall.room.ask(ReleaseSource(school.master.id, school.encoder.id, sound))
    assert live_hall[school.tutor_1].receives == ["e/cam.audio"]
    assert [fact.muted for fact in live_hall.observer.told(TrackMuted)] == [True, False]
    assert live_hall.room.lesson.conduct.holds == ()
