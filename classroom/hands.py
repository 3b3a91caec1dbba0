"""The queue of raised hands (举手): one per person and seat, in the order they went up."""

from __future__ import annotations

from collections.abc import Iterator

from classroom.model import Hand, HandId, Person, PersonId, Role
from classroom.rules.reasons import Reason, Refused

MAX_HANDS_PER_PERSON = 60
"""A tutor raises them for seats: the largest class there is (the norm is 45 to 50 pupils), and some."""


class HandQueue:
    def __init__(self) -> None:
        self._hands: dict[HandId, Hand] = {}

    def __iter__(self) -> Iterator[Hand]:
        return iter(self._hands.values())

    def raised(self, person: PersonId, seat: str) -> Hand | None:
        return next((hand for hand in self.of(person) if hand.seat == seat), None)

    def get(self, hand: HandId) -> Hand | None:
        return self._hands.get(hand)

    def of(self, person: PersonId) -> list[Hand]:
        return [hand for hand in self._hands.values() if hand.person == person]

    def add(self, hand: Hand) -> None:
        """Raises Refused when the person has too many; `raised` must have said None."""
        if len(self.of(hand.person)) >= MAX_HANDS_PER_PERSON:
            raise Refused(Reason.TOO_MANY_HANDS)
        self._hands[hand.id] = hand

    def to_lower(self, actor: Person, hand_id: HandId | None) -> list[Hand]:
        """The hands that a request means: all of the actor's own (perhaps none), or the one named (none, when
        it is down already). Raises Refused."""
        if hand_id is None:
            return self.of(actor.id)
        hand = self._hands.get(hand_id)
        if hand is None:
            return []
        if not _may_lower(actor, hand):
            raise Refused(Reason.HAND_NOT_YOURS)
        return [hand]

    def remove(self, hand: Hand) -> None:
        del self._hands[hand.id]


def _may_lower(actor: Person, hand: Hand) -> bool:
    if actor.role is Role.MASTER or hand.person == actor.id:
        return True
    return actor.role is Role.TUTOR and hand.class_id == actor.class_id
