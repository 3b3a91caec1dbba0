from __future__ import annotations

from typing import Any

import pytest

from classroom.hands import MAX_HANDS_PER_PERSON, HandQueue
from classroom.model import Hand, HandId, Person
from classroom.rules.reasons import Reason, Refused


def hand(person: Person, seat: str = "") -> Hand:
    return Hand(HandId(f"{person.id}-{seat}"), person.id, person.name, person.class_id, seat, 0)


def queue_of(*hands: Hand) -> HandQueue:
    queue = HandQueue()
    for one in hands:
        queue.add(one)
    return queue


def test_hands_are_in_the_order_they_went_up(school: Any) -> None:
    hands = [hand(school.tutor_1, "2"), hand(school.student_a), hand(school.tutor_1, "1")]
    queue = queue_of(*hands)
    assert list(queue) == hands
    queue.remove(hands[1])
    assert list(queue) == [hands[0], hands[2]]


def test_one_hand_per_person_and_seat_is_found(school: Any) -> None:
    queue = queue_of(hand(school.tutor_1, "2"))
    assert queue.raised(school.tutor_1.id, "2") is not None
    assert queue.raised(school.tutor_1.id, "") is None
    assert queue.raised(school.tutor_2.id, "2") is None


def test_a_person_has_a_limited_number_of_hands(school: Any) -> None:
    queue = queue_of(*(hand(school.tutor_1, str(seat)) for seat in range(MAX_HANDS_PER_PERSON)))
    with pytest.raises(Refused) as caught:
        queue.add(hand(school.tutor_1, "one more"))
    assert caught.value.reason is Reason.TOO_MANY_HANDS
    queue.add(hand(school.tutor_2, "1"))


@pytest.mark.parametrize(
    ("actor", "owner", "allowed"),
    [
        ("master", "student_a", True),
        ("master", "tutor_1", True),
        ("tutor_home", "student_a", True),
        ("tutor_1", "student_a", False),
        ("tutor_1", "tutor_1", True),
        ("student_a", "student_a", True),
        ("student_a", "student_b", False),
        ("student_a", "tutor_home", False),
    ],
)
def test_who_may_lower_whose_hand(school: Any, actor: str, owner: str, allowed: bool) -> None:
    raised = hand(getattr(school, owner))
    queue = queue_of(raised)
    if allowed:
        assert queue.to_lower(getattr(school, actor), raised.id) == [raised]
        return
    with pytest.raises(Refused) as caught:
        queue.to_lower(getattr(school, actor), raised.id)
    assert caught.value.reason is Reason.HAND_NOT_YOURS


def test_without_a_name_all_own_hands_are_meant(school: Any) -> None:
    own = [hand(school.tutor_1, "1"), hand(school.tutor_1, "2")]
    queue = queue_of(own[0], hand(school.student_1), own[1])
    assert queue.to_lower(school.tutor_1, None) == own
    assert queue.to_lower(school.student_a, None) == []


def test_a_hand_that_is_down_already_stays_down(school: Any) -> None:
    assert queue_of().to_lower(school.master, HandId("gone")) == []
