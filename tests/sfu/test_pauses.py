"""Pauses of many streams, told together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sfu.params import SubscriptionId
from sfu.pauses import AT_ONCE, Pauses


class Told:
    def __init__(self) -> None:
        self.calls: list[dict[int, bool]] = []
        self.due: list[Callable[[], None]] = []

    def set_all_paused(self, subscriptions: dict[int, bool]) -> None:
        self.calls.append(dict(subscriptions))


@pytest.fixture
def told() -> Told:
    return Told()


def pauses(told: Any, *, deferred: bool = True) -> Pauses:
    return Pauses(told, told.due.append if deferred else None)


def test_what_is_asked_for_in_one_turn_is_one_call(told: Told) -> None:
    waiting = pauses(told)
    for number in range(3):
        waiting.set(SubscriptionId(number), True)
    waiting.set(SubscriptionId(1), False)
    waiting.forget(SubscriptionId(2))
    assert (told.calls, len(told.due)) == ([], 1)
    told.due.pop()()
    assert told.calls == [{0: True, 1: False}]
    waiting.tell()
    assert len(told.calls) == 1


def test_who_comes_first_does_not_wait_for_the_last(told: Told) -> None:
    waiting = pauses(told)
    for number in range(AT_ONCE + 1):
        waiting.set(SubscriptionId(number), True)
    assert [len(call) for call in told.calls] == [AT_ONCE]
    told.due[-1]()
    assert [len(call) for call in told.calls] == [AT_ONCE, 1]


def test_without_a_loop_each_is_told_at_once(told: Told) -> None:
    pauses(told, deferred=False).set(SubscriptionId(4), True)
    assert told.calls == [{4: True}]
