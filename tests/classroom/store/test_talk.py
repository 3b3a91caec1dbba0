"""Talk is kept: chats, announcements and quizzes are there again after a restart, and on record."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from classroom.commands import Mute, Publish, Say, StartLesson
from classroom.directory import MemoryDirectory
from classroom.events import Fact
from classroom.model import (
    CAMERA,
    MICROPHONE,
    Allowance,
    Announcement,
    ChatId,
    ChatScope,
    Conduct,
    LessonId,
    LessonState,
    Person,
    PersonId,
    Phase,
    Publication,
    QuizId,
    Role,
    VoiceCall,
)
from classroom.rules.reasons import Reason, Refused
from classroom.store import talk_rows
from classroom.store.kinds import KINDS
from classroom.store.ledger import Ledger
from classroom.store.rows import entry
from classroom.store.statements import ADD_EVENT, ORDER
from classroom.store.store import Store
from classroom.talk import facts
from classroom.talk.commands import (
    Allow,
    Announce,
    AnswerQuiz,
    CloseChat,
    CloseQuiz,
    DeleteChat,
    EnterTally,
    LockLesson,
    MutePerson,
    OpenQuiz,
    RemovePerson,
    ShowQuiz,
)
from classroom.talk.events import Act, QuizChanged
from classroom.talk.facts import VoiceStep
from classroom.talk.quiz import Answer, Quiz, QuizKind, Tally, question, result

L = LessonId("L")
AT: dict[str, Any] = {"lesson_id": L, "at_ms": 5}
ASKED = Quiz(QuizId("q"), question(QuizKind.SINGLE, "?", ("a", "b"), (1,)), 5)


def all_facts() -> list[Fact]:
    conduct, m = Conduct(), PersonId("m")
    made = Announcement(ChatId("a"), m, "", Role.MASTER, "hear", 5)
    call = VoiceCall(PersonId("t1"), None, m, m, 5)
    return [
        facts.ChatDeleted(chat=ChatId("c"), actor=m, **AT),
        facts.AnnouncementMade(announcement=made, **AT),
        facts.Moderated(act=Act.MUTED, actor=m, person=PersonId("sa"), source=CAMERA, conduct=conduct, **AT),
        facts.HoldChanged(person=PersonId("sa"), source=CAMERA, held=False, conduct=conduct, **AT),
        facts.VoiceUsed(step=VoiceStep.RANG, call=call, actor=m, **AT),
        facts.QuizOpened(quiz=ASKED, actor=m, **AT),
        facts.QuizAnswered(quiz=ASKED.id, person=PersonId("sa"), answer=Answer(None, (1,)), **AT),
        facts.QuizTallied(quiz=ASKED.id, class_id="c1", tally=Tally((1, 2), 3), actor=m, **AT),
        facts.QuizClosed(quiz=ASKED, actor=None, **AT),
        facts.QuizShown(quiz=ASKED.id, shown=True, actor=m, **AT),
    ]


def test_every_fact_of_talk_is_an_event_with_a_name_that_fits() -> None:
    known = {kind for kind in vars(facts).values() if isinstance(kind, type) and issubclass(kind, Fact)}
    assert {type(fact) for fact in all_facts()} == known - {Fact}
    ledger = Ledger()
    for fact in all_facts():
        writes = entry(fact, ledger).writes
        assert all(any(write.statement is known for known in ORDER) for write in writes)
        (row,) = (write.row for write in writes if write.statement is ADD_EVENT)
        assert isinstance(msgspec.json.decode(row["body"]), dict)
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", row["kind"])
        assert KINDS[type(fact)].name == row["kind"]


def test_who_did_what_to_whom_is_in_the_event() -> None:
    moderated = next(fact for fact in all_facts() if isinstance(fact, facts.Moderated))
    assert KINDS[facts.Moderated].person(moderated) == "m"
    assert talk_rows.moderation_body(moderated) == {"act": "muted", "person": "sa", "source": "camera"}


async def restart(store: Store, school: Any, clock: Any, new_member: Any, *people: Person) -> list[Any]:
    """A new room of the lesson, and its members."""
    directory = MemoryDirectory(store, clock=clock)
    room = await directory.open_room(L)
    members = []
    for person in people:
        members.append(new_member())
        members[-1].snapshot = await room.join(person, members[-1])
    await directory.close()
    return members


async def test_talk_is_there_again(store: Store, school: Any, fake_clock: Any, new_member: Any) -> None:
    await store.save_lesson(school.lesson())
    directory = MemoryDirectory(store, clock=fake_clock)
    room = await directory.open_room(L)
    tutor = new_member()
    await room.join(school.master, new_member())
    await room.join(school.tutor_1, tutor)
    await room.join(school.student_a, new_member())
    await room.ask(StartLesson(school.master.id))
    for scope in ChatScope:
        await room.ask(Say(school.tutor_1.id, scope.value, scope=scope))
    await room.ask(Say(school.student_a.id, "rude", "same"))
    said = room._core.chat.entries()[-1]
    await room.ask(DeleteChat(school.master.id, said.id))
    await room.ask(Announce(school.master.id, "old"))
    await room.ask(Announce(school.master.id, "new"))
    await room.ask(Announce(school.tutor_1.id, "gone"))
    await room.ask(Announce(school.tutor_1.id, ""))
    await room.ask(OpenQuiz(school.master.id, QuizKind.MULTIPLE, "哪些？", ("甲", "乙", ""), (0, 2), 600))
    quiz = tutor.heard(QuizChanged)[-1].seen.quiz
    for choices in ((0,), (1,), (0, 2)):
        await room.ask(AnswerQuiz(school.student_a.id, quiz.id, choices))
    for counts in ((9, 9, 9), (1, 2, 3)):
        await room.ask(EnterTally(school.tutor_1.id, quiz.id, counts, 0))
    await room.ask(ShowQuiz(school.master.id, quiz.id, True))
    before = room._core.talk.quizzes[quiz.id]
    await directory.close()

    members = await restart(store, school, fake_clock, new_member, school.tutor_1, school.master)
    for member in members:
        assert [entry.text for entry in member.snapshot.chat] == ["lesson", "class", "private"]
        assert [each.text for each in member.snapshot.talk.announcements] == ["new"]
    assert await store.quizzes(L) == (before,)
    assert result(before).counts == (2, 2, 4)
    (seen,) = members[1].snapshot.talk.quizzes
    assert (seen.quiz.closes_ms, seen.quiz.closed_ms, seen.result) == (quiz.closes_ms, 0, result(before))


async def test_a_quiz_whose_time_passed_while_the_server_was_away_is_closed(
    store: Store, school: Any, fake_clock: Any, new_member: Any
) -> None:
    await store.save_lesson(school.lesson())
    directory = MemoryDirectory(store, clock=fake_clock)
    room = await directory.open_room(L)
    await room.join(school.master, new_member())
    await room.ask(StartLesson(school.master.id))
    await room.ask(OpenQuiz(school.master.id, QuizKind.TRUE_FALSE, seconds=30))
    await directory.close()
    fake_clock.fire(60)
    directory = MemoryDirectory(store, clock=fake_clock)
    room = await directory.open_room(L)
    await room.join(school.master, new_member())
    await fake_clock.advance(0)
    await room.ask(OpenQuiz(school.master.id, QuizKind.TRUE_FALSE))
    await room.ask(CloseQuiz(school.master.id))
    await directory.close()
    await store.flush()
    first, second = await store.quizzes(L)
    assert first.closed_ms == first.closes_ms
    assert second.closed_ms


async def test_who_has_been_in_is_known_after_a_restart(
    store: Store, school: Any, fake_clock: Any, new_member: Any
) -> None:
    await store.save_lesson(school.lesson())
    directory = MemoryDirectory(store, clock=fake_clock)
    room = await directory.open_room(L)
    for person in (school.student_a, school.tutor_1):
        await room.join(person, new_member())
    await directory.close()
    record = await store.begin_room(L)
    assert record is not None
    assert record.talk.known == {"sa"}


async def test_order_is_kept_through_a_restart(
    store: Store, school: Any, fake_clock: Any, new_member: Any
) -> None:
    await store.save_lesson(school.lesson(LessonState.LIVE, phase=Phase.LOCAL_QA, started_ms=1))
    directory = MemoryDirectory(store, clock=fake_clock)
    room = await directory.open_room(L)
    for person in (school.master, school.student_a, school.student_b):
        await room.join(person, new_member())
    await room.ask(Publish(school.student_a.id, MICROPHONE, Publication("p")))
    await room.ask(MutePerson(school.master.id, school.student_a.id, MICROPHONE))
    await room.ask(Allow(school.master.id, Allowance(unmute=False, screen=True)))
    await room.ask(RemovePerson(school.master.id, school.student_b.id))
    await room.ask(CloseChat(school.master.id, True))
    await room.ask(CloseChat(school.master.id, True, school.class_home.id))
    await room.ask(LockLesson(school.master.id, True))
    before = room.lesson.conduct
    await directory.close()

    directory = MemoryDirectory(store, clock=fake_clock)
    room = await directory.open_room(L)
    assert room.lesson.conduct == before
    with pytest.raises(Refused) as caught:
        await room.join(school.student_b, new_member())
    assert caught.value.reason is Reason.REMOVED
    with pytest.raises(Refused) as caught:
        await room.join(school.student_1, new_member())
    assert caught.value.reason is Reason.LESSON_LOCKED
    pupil, tutor = new_member(), new_member()
    await room.join(school.student_a, pupil)
    await room.join(school.tutor_home, tutor)
    await room.ask(Publish(school.student_a.id, MICROPHONE, Publication("again")))
    assert tutor.receives == []
    with pytest.raises(Refused):
        await room.ask(Mute(school.student_a.id, MICROPHONE, False))
    await directory.close()
