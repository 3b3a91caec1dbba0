"""Chat and announcements in a lesson's room: who writes, who reads, who deletes."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.commands import Say
from classroom.events import ChatSaid
from classroom.model import Allowance, ChatId, ChatScope, ClassId, Person, PersonId
from classroom.rules.reasons import Reason, Refused
from classroom.talk.commands import Allow, Announce, CloseChat, DeleteChat
from classroom.talk.events import Act, Announced, ChatRemoved, ConductChanged
from classroom.talk.facts import AnnouncementMade, ChatDeleted, Moderated

CLASS, PRIVATE = ChatScope.CLASS, ChatScope.PRIVATE


async def refused(hall: Any, command: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        await hall.room.ask(command)
    return caught.value.reason


def read(hall: Any, school: Any) -> set[str]:
    """Who has read anything."""
    return {str(name) for name, member in hall.members.items() if member.heard(ChatSaid)}


@pytest.fixture
async def full(live_hall: Any, school: Any) -> Any:
    await live_hall.join(*school.people)
    return live_hall


async def test_a_classs_chat_is_read_by_the_class_and_by_who_sees_all(full: Any, school: Any) -> None:
    await full.room.ask(Say(school.student_a.id, "hi", scope=CLASS))
    await full.turn()
    assert read(full, school) == {"sa", "sb", "th", "m", "o", "v"}
    (said,) = full[school.tutor_home].heard(ChatSaid)
    assert (said.entry.scope, said.entry.class_id) == (CLASS, school.class_home.id)


async def test_who_leads_names_the_class(full: Any, school: Any) -> None:
    await full.room.ask(Say(school.master.id, "hi", scope=CLASS, to="c1"))
    await full.turn()
    assert read(full, school) == {"t1", "s1", "m", "o", "v"}
    assert await refused(full, Say(school.master.id, "hi", scope=CLASS)) is Reason.CLASS_REQUIRED
    assert await refused(full, Say(school.master.id, "hi", scope=CLASS, to="x")) is Reason.UNKNOWN_CLASS


async def test_a_private_line_is_for_the_two_alone(full: Any, school: Any) -> None:
    await full.room.ask(Say(school.tutor_1.id, "seat 12 is ill", scope=PRIVATE))
    await full.room.ask(Say(school.master.id, "thank you", scope=PRIVATE, to="t1"))
    await full.turn()
    assert read(full, school) == {"t1", "m"}
    for member in (full[school.tutor_1], full[school.master]):
        assert [said.entry.tutor for said in member.heard(ChatSaid)] == ["t1", "t1"]
    assert await refused(full, Say(school.student_a.id, "x", scope=PRIVATE)) is Reason.ROLE_MAY_NOT
    assert await refused(full, Say(school.organizer.id, "x", scope=PRIVATE, to="t1")) is Reason.ROLE_MAY_NOT
    assert await refused(full, Say(school.master.id, "x", scope=PRIVATE, to="sa")) is Reason.PERSON_UNKNOWN


async def test_a_tutor_who_is_still_to_come_reads_it_then(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.master)
    await live_hall.room.ask(Say(school.master.id, "call me", scope=PRIVATE, to="t2"))
    tutor = await live_hall.join(school.tutor_2)
    assert [entry.text for entry in tutor.snapshot.chat] == ["call me"]
    other = await live_hall.join(school.tutor_1)
    assert other.snapshot.chat == ()


async def test_newcomers_read_what_is_theirs(full: Any, school: Any) -> None:
    await full.room.ask(Say(school.master.id, "all"))
    await full.room.ask(Say(school.tutor_1.id, "class", scope=CLASS))
    await full.room.ask(Say(school.tutor_1.id, "private", scope=PRIVATE))
    for person, texts in (
        (school.student_1, ["all", "class"]),
        (school.student_a, ["all"]),
        (school.supervisor, ["all", "class"]),
        (school.tutor_1, ["all", "class", "private"]),
        (school.master, ["all", "class", "private"]),
    ):
        member = await full.join(person)
        assert [entry.text for entry in member.snapshot.chat] == texts


async def test_a_lively_class_does_not_push_out_what_was_said_to_all(full: Any, school: Any) -> None:
    await full.room.ask(Say(school.master.id, "all"))
    for number in range(250):
        full.clock.fire(2)
        await full.room.ask(Say(school.tutor_1.id, str(number), scope=CLASS))
    member = await full.join(school.student_1)
    texts = [entry.text for entry in member.snapshot.chat]
    assert texts == ["all", *map(str, range(50, 250))]


async def test_closing_the_lessons_chat_leaves_leaders_and_classes_theirs(full: Any, school: Any) -> None:
    await full.room.ask(CloseChat(school.master.id, True))
    assert await refused(full, Say(school.student_a.id, "x")) is Reason.CHAT_CLOSED
    assert await refused(full, Say(school.tutor_1.id, "x")) is Reason.CHAT_CLOSED
    await full.room.ask(Say(school.organizer.id, "x"))
    await full.room.ask(Say(school.student_a.id, "x", scope=CLASS))
    await full.room.ask(Say(school.tutor_1.id, "x", scope=PRIVATE))
    await full.room.ask(CloseChat(school.master.id, False))
    await full.room.ask(Say(school.student_a.id, "x"))
    assert [fact.act for fact in full.observer.told(Moderated)] == [Act.CHAT_CLOSED, Act.CHAT_OPENED]


async def test_a_tutor_closes_the_own_classs_chat(full: Any, school: Any) -> None:
    await full.room.ask(CloseChat(school.tutor_home.id, True))
    await full.turn()
    assert await refused(full, Say(school.student_a.id, "x", scope=CLASS)) is Reason.CHAT_CLOSED
    await full.room.ask(Say(school.tutor_home.id, "x", scope=CLASS))
    await full.room.ask(Say(school.student_a.id, "x"))
    close = CloseChat(school.tutor_home.id, True, school.class_1.id)
    assert await refused(full, close) is Reason.CHAT_NOT_YOURS
    unknown = CloseChat(school.master.id, True, ClassId("x"))
    assert await refused(full, unknown) is Reason.UNKNOWN_CLASS
    (told,) = full[school.student_1].heard(ConductChanged)
    assert told.conduct.closed_chats == (school.class_home.id,)


async def test_pupils_write_only_where_the_lesson_lets_them(full: Any, school: Any) -> None:
    await full.room.ask(Allow(school.master.id, Allowance(chat=False)))
    for scope in (ChatScope.LESSON, CLASS):
        assert await refused(full, Say(school.student_a.id, "x", scope=scope)) is Reason.CHAT_NOT_ALLOWED
    await full.room.ask(Say(school.tutor_1.id, "x"))


async def said(hall: Any, school: Any, person: Person, scope: ChatScope = ChatScope.LESSON) -> ChatId:
    await hall.room.ask(Say(person.id, "x", scope=scope, to="t1" if person.id == "m" else ""))
    await hall.turn()
    chat_id: ChatId = hall[person].heard(ChatSaid)[-1].entry.id
    return chat_id


async def test_what_is_deleted_is_gone_for_all_who_saw_it(full: Any, school: Any) -> None:
    chat = await said(full, school, school.student_a, CLASS)
    await full.room.ask(DeleteChat(school.tutor_home.id, chat))
    await full.turn()
    told = {str(name) for name, member in full.members.items() if member.heard(ChatRemoved)}
    assert told == {"sa", "sb", "th", "m", "o", "v"}
    assert (await full.join(school.student_b)).snapshot.chat == ()
    assert [(fact.chat, fact.actor) for fact in full.observer.told(ChatDeleted)] == [(chat, "th")]
    await full.room.ask(DeleteChat(school.tutor_home.id, chat))
    assert len(full.observer.told(ChatDeleted)) == 1


async def test_what_is_deleted_does_not_come_back_by_being_sent_again(full: Any, school: Any) -> None:
    await full.room.ask(Say(school.student_a.id, "x", "same"))
    await full.turn()
    chat = full[school.student_a].heard(ChatSaid)[-1].entry.id
    await full.room.ask(DeleteChat(school.master.id, chat))
    await full.room.ask(Say(school.student_a.id, "x", "same"))
    assert (await full.join(school.student_b)).snapshot.chat == ()


async def test_a_tutor_deletes_what_the_own_pupils_say_and_nothing_else(full: Any, school: Any) -> None:
    await full.room.ask(DeleteChat(school.tutor_home.id, await said(full, school, school.student_a)))
    await full.room.ask(DeleteChat(school.tutor_home.id, await said(full, school, school.tutor_home)))
    for person in (school.student_1, school.master, school.tutor_1):
        chat = await said(full, school, person)
        assert await refused(full, DeleteChat(school.tutor_home.id, chat)) is Reason.CHAT_NOT_YOURS
    hidden = await said(full, school, school.student_1, CLASS)
    assert await refused(full, DeleteChat(school.tutor_home.id, hidden)) is Reason.CHAT_UNKNOWN
    private = await said(full, school, school.master, PRIVATE)
    assert await refused(full, DeleteChat(school.organizer.id, private)) is Reason.CHAT_UNKNOWN
    assert await refused(full, DeleteChat(school.master.id, private)) is Reason.CHAT_NOT_YOURS


async def test_an_announcement_stays_for_newcomers_until_it_is_replaced(full: Any, school: Any) -> None:
    await full.room.ask(Announce(school.master.id, "first"))
    await full.room.ask(Announce(school.master.id, "second"))
    await full.room.ask(Announce(school.tutor_home.id, "at home"))
    await full.turn()
    assert [each.announcement.text for each in full[school.student_1].heard(Announced)] == ["first", "second"]
    member = await full.join(school.student_a)
    assert [each.text for each in member.snapshot.talk.announcements] == ["second", "at home"]
    await full.room.ask(Announce(school.master.id, ""))
    await full.room.ask(Announce(school.master.id, " "))
    member = await full.join(school.student_a)
    assert [each.text for each in member.snapshot.talk.announcements] == ["at home"]
    assert len(full.observer.told(AnnouncementMade)) == 4


async def test_chat_and_announcements_share_a_pace(full: Any, school: Any) -> None:
    for text in "abcde":
        await full.room.ask(Announce(school.master.id, text))
    assert await refused(full, Say(school.master.id, "x")) is Reason.TOO_FAST
    assert await refused(full, Announce(school.tutor_1.id, "x" * 2001)) is Reason.CHAT_TOO_LONG
    assert await refused(full, Announce(PersonId("sa"), "x")) is Reason.ROLE_MAY_NOT
