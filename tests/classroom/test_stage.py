"""Who comes on stage, by whose consent, for how long, and how often each class was."""

from __future__ import annotations

from typing import Any

import pytest

from classroom import events
from classroom.commands import (
    AcceptStage,
    ChangeSettings,
    DeclineStage,
    Invite,
    LeaveStage,
    LowerAllHands,
    PersonCommand,
    Publish,
    RaiseHand,
    SetClassState,
    SetPhase,
    Spotlight,
)
from classroom.events import LeaveCause, NoticeKind
from classroom.limits import PLACE_KEPT_S
from classroom.model import CAMERA, ClassState, HandId, PersonId, Phase, Publication
from classroom.rules.reasons import Reason, Refused


@pytest.fixture
async def full(live_hall: Any, school: Any) -> Any:
    await live_hall.join(*school.people)
    return live_hall


async def refused(hall: Any, command: PersonCommand) -> Reason:
    with pytest.raises(Refused) as refusal:
        await hall.room.ask(command)
    return refusal.value.reason


def up(hall: Any) -> list[str]:
    return [member.person for member in hall.room.lesson.stage]


def asked(hall: Any) -> list[str]:
    return [guest.person for guest in hall.room.lesson.invited]


def called(hall: Any, class_id: str) -> int:
    return next(room.called for room in hall.room.lesson.classes if room.id == class_id)


def notices(member: Any) -> list[NoticeKind]:
    return [notice.kind for notice in member.heard(events.Noticed)]


async def hand_of(hall: Any, person: Any, seat: str = "") -> HandId:
    await hall.room.ask(RaiseHand(person.id, seat))
    return hall[person].heard(events.HandsChanged)[-1].hands[-1].id


async def test_a_pupil_is_asked_and_the_camera_opens_only_then(full: Any, school: Any) -> None:
    ask, pupil = full.room.ask, school.student_a
    camera = Publish(pupil.id, CAMERA, Publication("p"))
    await ask(Invite(school.master.id, hand=await hand_of(full, pupil)))
    assert (asked(full), up(full)) == (["sa"], [])
    assert await refused(full, camera) is Reason.SOURCE_NOT_ALLOWED
    await ask(AcceptStage(pupil.id))
    assert (asked(full), up(full)) == ([], ["sa"])
    await ask(camera)
    assert full[school.tutor_1].receives == ["sa/camera"]
    assert full[pupil].heard(events.HandsChanged)[-1].hands == (), "the hand is answered"
    assert called(full, "home") == 1
    await ask(AcceptStage(pupil.id))
    assert called(full, "home") == 1, "a second click"
    await ask(LeaveStage(pupil.id))
    assert (up(full), full[school.tutor_1].receives) == ([], [])


async def test_who_is_asked_is_known_to_the_class_and_to_who_leads(full: Any, school: Any) -> None:
    await full.room.ask(Invite(school.master.id, school.student_a.id))

    def seen(person: Any) -> list[str]:
        return [guest.person for guest in full[person].heard(events.StageChanged)[-1].invited]

    for person in (school.master, school.organizer, school.tutor_home, school.student_b, school.supervisor):
        assert seen(person) == ["sa"]
    for person in (school.tutor_1, school.student_1):
        assert seen(person) == []


async def test_a_room_that_raised_a_hand_comes_up_at_once_by_its_device(full: Any, school: Any) -> None:
    await full.join(school.room_1)
    await full.room.ask(Invite(school.master.id, hand=await hand_of(full, school.tutor_1, "12")))
    (member,) = full.room.lesson.stage
    assert (member.person, member.seat, member.class_id) == ("r1", "12", "c1")
    (fact,) = full.observer.told(events.StageEntered)
    assert (fact.member, fact.actor) == (member, "m")
    await full.room.ask(LeaveStage(school.tutor_1.id))
    assert up(full) == [], "the tutor speaks for the room"


async def test_a_room_without_a_device_comes_up_by_its_tutor(full: Any, school: Any) -> None:
    await full.room.ask(Invite(school.master.id, hand=await hand_of(full, school.tutor_2)))
    assert up(full) == ["t2"]


async def test_a_room_that_raised_none_is_asked_through_its_tutor(full: Any, school: Any) -> None:
    await full.join(school.room_1)
    ask = full.room.ask
    await ask(Invite(school.master.id, school.room_1.id))
    assert (asked(full), up(full)) == (["r1"], [])
    await ask(DeclineStage(school.tutor_1.id))
    assert asked(full) == []
    assert notices(full[school.master]) == [NoticeKind.STAGE_DECLINED]
    assert notices(full[school.tutor_2]) == []
    await ask(Invite(school.master.id, school.room_1.id))
    await ask(AcceptStage(school.tutor_1.id))
    assert up(full) == ["r1"]


async def test_where_no_tutor_is_the_master_decides(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.master, school.room_1)
    await live_hall.room.ask(Invite(school.master.id, school.room_1.id))
    assert up(live_hall) == ["r1"]


async def test_a_tutor_refuses_for_a_pupil_of_the_class_and_for_no_other(full: Any, school: Any) -> None:
    ask = full.room.ask
    await ask(Invite(school.master.id, school.student_a.id))
    other = DeclineStage(school.tutor_1.id, school.student_a.id)
    assert await refused(full, other) is Reason.NOT_YOUR_CLASS
    pupil = DeclineStage(school.student_b.id, school.student_a.id)
    assert await refused(full, pupil) is Reason.NOT_YOUR_CLASS
    await ask(DeclineStage(school.tutor_home.id, school.student_a.id))
    assert await refused(full, AcceptStage(school.student_a.id)) is Reason.NOT_INVITED
    await ask(Invite(school.master.id, school.student_a.id))
    await ask(DeclineStage(school.master.id, school.student_a.id))
    facts = [(fact.guest, fact.actor) for fact in full.observer.told(events.StageDeclined)]
    assert facts == [("sa", "th"), ("sa", "m")]


async def test_who_declines_lowers_the_hand_by_which_they_asked(full: Any, school: Any) -> None:
    """Not so when the master takes it back, or nobody answers: then nobody has answered the hand."""
    ask, pupil, master = full.room.ask, school.student_a.id, school.master.id
    await hand_of(full, school.student_a)
    await ask(Invite(master, pupil))
    await ask(DeclineStage(master, pupil))
    assert [hand.person for hand in full.room.hands] == [pupil]
    await ask(Invite(master, pupil))
    await full.clock.advance(60)
    assert (asked(full), [hand.person for hand in full.room.hands]) == ([], [pupil])
    await ask(Invite(master, pupil))
    await ask(DeclineStage(pupil))
    assert full.room.hands == ()
    await hand_of(full, school.student_a)
    await ask(Invite(master, pupil))
    await ask(DeclineStage(school.tutor_home.id, pupil))
    assert full.room.hands == ()
    assert [fact.actor for fact in full.observer.told(events.HandLowered)] == [pupil, "th"]


async def test_an_invitation_is_forgotten_after_a_minute(full: Any, school: Any) -> None:
    ask = full.room.ask
    await ask(Invite(school.master.id, school.student_a.id))
    await full.clock.advance(30)
    await ask(Invite(school.master.id, school.student_b.id))
    await full.clock.advance(30)
    assert asked(full) == ["sb"]
    assert notices(full[school.master]) == [NoticeKind.STAGE_EXPIRED]
    await full.clock.advance(30)
    assert asked(full) == []


async def test_the_stage_takes_so_many_and_invitations_keep_their_place(full: Any, school: Any) -> None:
    ask, master = full.room.ask, school.master.id
    await ask(ChangeSettings(master, stage_limit=2))
    await ask(Invite(master, school.student_a.id))
    await ask(Invite(master, school.student_b.id))
    assert await refused(full, Invite(master, school.student_1.id)) is Reason.STAGE_FULL
    await ask(ChangeSettings(master, stage_limit=1))
    await ask(AcceptStage(school.student_a.id))
    assert await refused(full, AcceptStage(school.student_b.id)) is Reason.STAGE_FULL


@pytest.mark.parametrize("who", ["m", "o", "e", "v", "nobody"])
async def test_only_classes_come_on_stage(full: Any, school: Any, who: str) -> None:
    assert await refused(full, Invite(school.master.id, PersonId(who))) is Reason.CANNOT_BE_STAGED


async def test_what_names_nobody_brings_nobody_up(full: Any, school: Any) -> None:
    assert await refused(full, Invite(school.master.id)) is Reason.CANNOT_BE_STAGED
    assert await refused(full, Invite(school.master.id, hand=HandId("x"))) is Reason.HAND_UNKNOWN


async def test_the_master_and_the_tutor_take_off_others_do_not(full: Any, school: Any) -> None:
    ask = full.room.ask
    for taker in (school.master, school.tutor_home):
        await ask(Invite(school.master.id, school.student_a.id))
        await ask(AcceptStage(school.student_a.id))
        for other in (school.student_b, school.tutor_1):
            command = LeaveStage(other.id, school.student_a.id)
            assert await refused(full, command) is Reason.NOT_YOUR_CLASS
        await ask(LeaveStage(taker.id, school.student_a.id))
        assert up(full) == []
    assert called(full, "home") == 2


async def test_the_spotlight_is_for_who_is_up_and_goes_with_them(full: Any, school: Any) -> None:
    ask, master = full.room.ask, school.master.id
    assert await refused(full, Spotlight(master, school.tutor_2.id)) is Reason.NOT_ON_STAGE
    await ask(Invite(master, hand=await hand_of(full, school.tutor_2)))
    await ask(Spotlight(master, school.tutor_2.id))
    assert full[school.student_a].heard(events.StageChanged)[-1].spotlight == "t2"
    await ask(LeaveStage(master, school.tutor_2.id))
    assert full.room.lesson.spotlight is None


@pytest.mark.parametrize("phase", [Phase.LOCAL_QA, Phase.BREAK])
async def test_the_stage_empties_when_the_classes_part(full: Any, school: Any, phase: Phase) -> None:
    ask, master = full.room.ask, school.master.id
    await ask(Invite(master, hand=await hand_of(full, school.tutor_2)))
    await ask(Invite(master, school.student_a.id))
    await ask(SetPhase(master, phase))
    assert (up(full), asked(full)) == ([], [])
    assert [fact.actor for fact in full.observer.told(events.StageLeft)] == [None]


async def test_a_class_that_leaves_takes_its_own_off_the_stage(full: Any, school: Any) -> None:
    ask, master = full.room.ask, school.master.id
    for tutor in (school.tutor_1, school.tutor_2):
        await ask(Invite(master, hand=await hand_of(full, tutor)))
    await ask(SetClassState(school.tutor_1.id, None, ClassState.LOCAL_QA))
    assert up(full) == ["t2"]
    assert await refused(full, Invite(master, school.tutor_1.id)) is Reason.CLASS_APART


async def test_who_is_lost_keeps_the_place_on_stage_for_a_minute(full: Any, school: Any) -> None:
    await full.room.ask(Invite(school.master.id, hand=await hand_of(full, school.tutor_2)))
    await full.leave(school.tutor_2, LeaveCause.LOST)
    await full.clock.advance(PLACE_KEPT_S - 1)
    assert up(full) == ["t2"]
    await full.join(school.tutor_2)
    await full.clock.advance(PLACE_KEPT_S)
    assert up(full) == ["t2"]
    await full.leave(school.tutor_2)
    assert up(full) == []


async def test_all_hands_go_down(full: Any, school: Any) -> None:
    for person in (school.student_a, school.tutor_1):
        await hand_of(full, person)
    await full.room.ask(LowerAllHands(school.master.id))
    assert full[school.master].heard(events.HandsChanged)[-1].hands == ()
    assert [fact.actor for fact in full.observer.told(events.HandLowered)] == ["m", "m"]
