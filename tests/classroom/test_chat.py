from __future__ import annotations

from classroom.chat import KEPT, REMEMBERED_PER_PERSON, ChatLog
from classroom.model import ChatEntry, ChatId, PersonId, Role

A, B = PersonId("a"), PersonId("b")


def entry(number: int, person: PersonId = A, client_id: str = "") -> ChatEntry:
    return ChatEntry(ChatId(str(number)), person, "", Role.STUDENT, "x", number, client_id)


def test_the_latest_are_kept_oldest_first() -> None:
    log = ChatLog()
    for number in range(KEPT + 5):
        log.add(entry(number))
    assert [one.at_ms for one in log.entries()] == list(range(5, KEPT + 5))


def test_a_message_sent_again_is_known_by_its_client_id() -> None:
    log = ChatLog()
    log.add(entry(1, A, "x"))
    assert log.taken(A, "x") == entry(1, A, "x")
    assert log.taken(A, "y") is None
    assert log.taken(B, "x") is None


def test_messages_without_a_client_id_are_never_the_same() -> None:
    log = ChatLog()
    log.add(entry(1, A, ""))
    assert log.taken(A, "") is None


def test_an_old_message_is_known_however_much_others_wrote_since() -> None:
    log = ChatLog()
    log.add(entry(0, A, "mine"))
    for number in range(1, KEPT * 2):
        log.add(entry(number, B, str(number)))
    assert log.taken(A, "mine") is not None
    assert log.taken(B, str(KEPT * 2 - 1 - REMEMBERED_PER_PERSON)) is None


def test_what_was_said_before_a_restart_is_known() -> None:
    log = ChatLog([entry(1, A, "x"), entry(2)])
    assert [one.at_ms for one in log.entries()] == [1, 2]
    assert log.taken(A, "x") is not None


def test_who_is_gone_for_good_is_forgotten_but_not_what_they_said() -> None:
    log = ChatLog([entry(1, A, "x")])
    log.forget(A)
    log.forget(B)
    assert log.taken(A, "x") is None
    assert len(log.entries()) == 1
