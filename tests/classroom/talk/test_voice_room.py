"""The private line in a lesson's room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.commands import EndLesson, Publish
from classroom.events import LeaveCause
from classroom.model import CAMERA, MICROPHONE, Person, PersonId, Publication
from classroom.rules.reasons import Reason, Refused
from classroom.talk.commands import AcceptVoice, CallVoice, EndVoice
from classroom.talk.events import VoiceChanged
from classroom.talk.facts import VoiceStep, VoiceUsed
from classroom.talk.private_voice import RING_S


async def refused(hall: Any, command: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        await hall.room.ask(command)
    return caught.value.reason


@pytest.fixture
async def full(live_hall: Any, school: Any) -> Any:
    await live_hall.join(*school.people)
    for person in (school.master, school.tutor_1, school.tutor_2):
        for source in (MICROPHONE, CAMERA):
            await live_hall.room.ask(Publish(person.id, source, Publication(f"{person.id}/{source}")))
    return live_hall


def lines(hall: Any, person: Person) -> list[list[tuple[str, bool]]]:
    """What the person was told: of each time, the other's tutor and whether it is open."""
    told = hall[person].heard(VoiceChanged)
    return [[(str(call.tutor), call.accepted) for call in event.calls] for event in told]


def steps(hall: Any) -> list[VoiceStep]:
    return [fact.step for fact in hall.observer.told(VoiceUsed)]


async def test_a_tutor_calls_and_the_master_accepts(full: Any, school: Any) -> None:
    assert "m/microphone" in full[school.student_a].receives
    await full.room.ask(CallVoice(school.tutor_1.id))
    assert "m/microphone" in full[school.student_a].receives, "it only rings"
    await full.room.ask(AcceptVoice(school.master.id))
    await full.turn()
    assert lines(full, school.tutor_1) == lines(full, school.master) == [[("t1", False)], [("t1", True)]]
    assert "m/microphone" not in full[school.student_a].receives
    assert "m/camera" in full[school.student_a].receives
    assert "m/microphone" in full[school.tutor_1].receives
    assert "t1/microphone" in full[school.master].receives
    await full.room.ask(EndVoice(school.tutor_1.id))
    await full.turn()
    assert "m/microphone" in full[school.student_a].receives
    assert "t1/microphone" not in full[school.master].receives
    assert lines(full, school.master)[-1] == []
    assert steps(full) == [VoiceStep.RANG, VoiceStep.ACCEPTED, VoiceStep.ENDED]
    told = {str(name) for name, member in full.members.items() if member.heard(VoiceChanged)}
    assert told == {"m", "t1"}, "nobody else knows of it"


async def test_the_master_calls_a_tutor_by_name(full: Any, school: Any) -> None:
    await full.room.ask(CallVoice(school.master.id, school.tutor_2.id))
    assert await refused(full, AcceptVoice(school.tutor_1.id)) is Reason.NO_CALL
    assert await refused(full, AcceptVoice(school.master.id)) is Reason.NO_CALL
    await full.room.ask(AcceptVoice(school.tutor_2.id))
    assert "m/microphone" in full[school.tutor_2].receives


async def test_who_cannot_be_called(full: Any, school: Any) -> None:
    assert await refused(full, CallVoice(school.master.id)) is Reason.PERSON_UNKNOWN
    assert await refused(full, CallVoice(school.master.id, PersonId("x"))) is Reason.PERSON_UNKNOWN
    assert await refused(full, CallVoice(school.master.id, PersonId("sa"))) is Reason.PERSON_NOT_YOURS
    assert await refused(full, CallVoice(school.tutor_1.id, PersonId("t2"))) is Reason.PERSON_NOT_YOURS
    await full.leave(school.master, LeaveCause.LOST)
    assert await refused(full, CallVoice(school.tutor_1.id)) is Reason.MASTER_ABSENT
    assert await refused(full, CallVoice(school.tutor_1.id, PersonId("m"))) is Reason.MASTER_ABSENT


async def test_several_ring_and_the_master_takes_one_after_the_other(full: Any, school: Any) -> None:
    await full.room.ask(CallVoice(school.tutor_1.id))
    await full.room.ask(CallVoice(school.tutor_2.id))
    await full.room.ask(AcceptVoice(school.master.id, school.tutor_2.id))
    assert await refused(full, AcceptVoice(school.master.id)) is Reason.VOICE_BUSY
    await full.room.ask(EndVoice(school.master.id))
    await full.turn()
    assert lines(full, school.master)[-1] == [("t1", False)], "the other one rings on"
    await full.room.ask(AcceptVoice(school.master.id))
    assert "t1/microphone" in full[school.master].receives


async def test_ringing_ends_by_itself_and_talking_does_not(full: Any, school: Any) -> None:
    await full.room.ask(CallVoice(school.tutor_1.id))
    await full.room.ask(CallVoice(school.tutor_2.id))
    await full.room.ask(AcceptVoice(school.master.id, school.tutor_2.id))
    await full.clock.advance(RING_S + 1)
    assert [call.tutor for call in full.room.lesson.calls] == ["t2"]
    assert lines(full, school.tutor_1)[-1] == []


@pytest.mark.parametrize("who", ["master", "tutor_1"])
@pytest.mark.parametrize("cause", [LeaveCause.LEFT, LeaveCause.LOST])
async def test_it_ends_with_either_of_the_two(full: Any, school: Any, who: str, cause: LeaveCause) -> None:
    await full.room.ask(CallVoice(school.tutor_1.id))
    await full.room.ask(AcceptVoice(school.master.id))
    await full.leave(getattr(school, who), cause)
    assert full.room.lesson.calls == ()
    other = school.tutor_1 if who == "master" else school.master
    assert lines(full, other)[-1] == []


async def test_it_ends_with_the_lesson(full: Any, school: Any) -> None:
    await full.room.ask(CallVoice(school.tutor_1.id))
    await full.room.ask(EndLesson(school.master.id))
    assert steps(full) == [VoiceStep.RANG, VoiceStep.ENDED]


async def test_declining_and_double_clicks(full: Any, school: Any) -> None:
    for _ in range(2):
        await full.room.ask(CallVoice(school.tutor_1.id))
    for _ in range(2):
        await full.room.ask(EndVoice(school.master.id, school.tutor_1.id))
    assert steps(full) == [VoiceStep.RANG, VoiceStep.ENDED]
    assert full.observer.told(VoiceUsed)[-1].actor == "m"


async def test_a_newcomer_sees_the_own_lines(full: Any, school: Any) -> None:
    await full.room.ask(CallVoice(school.tutor_1.id))
    member = await full.join(school.tutor_2)
    assert member.snapshot.talk.calls == ()


async def test_nobody_accepts_for_who_is_not_there(full: Any, school: Any) -> None:
    """After the server was gone both are expected back, one after the other."""
    await full.room.ask(CallVoice(school.tutor_1.id))
    full.room._core.put(replace(full.room._core.roster.get(school.tutor_1.id), online=False))
    assert await refused(full, AcceptVoice(school.master.id)) is Reason.PERSON_UNKNOWN
