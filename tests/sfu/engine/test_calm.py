"""While many are connected and nobody sends, their checks are answered together."""

from __future__ import annotations

import itertools

from sfu.engine.calm import Calm

SECOND_US = 1_000_000


class Server:
    """A thread that looks every 10 ms, and what comes."""

    def __init__(self) -> None:
        self.calm = Calm()
        self.now_us = 5 * SECOND_US
        self.routine = self.others = 0

    def rests(self, seconds: float, per_second: int, others_per_second: int = 0) -> list[int]:
        found = []
        due = itertools.accumulate(
            itertools.repeat((per_second / 100, others_per_second / 100), round(seconds * 100)), _add
        )
        routine, others = self.routine, self.others
        for came, disturbing in due:
            self.now_us += 10_000
            self.routine, self.others = routine + int(came), others + int(disturbing)
            found.append(self.calm.rest_us(self.routine, self.others, self.now_us))
        return found


def _add(sums: tuple[float, float], more: tuple[float, float]) -> tuple[float, float]:
    return sums[0] + more[0], sums[1] + more[1]


def test_few_are_answered_each_at_once() -> None:
    assert set(Server().rests(10, per_second=15)) == {0}


def test_many_are_answered_together() -> None:
    rests = Server().rests(10, per_second=40)
    assert set(rests[210:]) == {100_000}


def test_the_more_there_are_the_less_a_rest_takes() -> None:
    assert set(Server().rests(10, per_second=500)[210:]) == {10_000}


def test_whoever_sends_ends_the_calm_at_once_and_for_a_second() -> None:
    server = Server()
    assert server.rests(10, per_second=40)[-1] == 100_000
    server.others += 1
    rests = server.rests(2, per_second=40)
    assert set(rests[:99]) == {0}
    assert set(rests[101:]) == {100_000}


def test_nothing_rests_while_a_microphone_sends_comfort_noise() -> None:
    assert set(Server().rests(10, per_second=100, others_per_second=3)) == {0}


def test_who_has_left_brings_nothing_together() -> None:
    server = Server()
    assert server.rests(10, per_second=40)[-1] == 100_000
    server.now_us += 60 * SECOND_US
    assert set(server.rests(3, per_second=1)) == {0}
