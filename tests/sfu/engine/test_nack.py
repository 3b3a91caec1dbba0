"""What is missing, and when it is asked for. Times in microseconds; the round trip is 40 ms unless said."""

from __future__ import annotations

import random
from itertools import chain, pairwise

import pytest

from sfu.engine.nack import NackList

RTT_US = 40_000
REPEAT_US = 50_000  # a round trip and a quarter
MS = 1000


def with_gap(*sequences: int) -> NackList:
    """Everything at time 0."""
    nack = NackList()
    for sequence in sequences:
        nack.received(sequence, 0)
    return nack


def test_in_order_is_never_due() -> None:
    nack = with_gap(*range(100, 200))
    assert nack.deadline(RTT_US) == -1
    assert nack.due(10**9, RTT_US) == []


def test_gap_below_the_newest_packet_waits_ten_milliseconds() -> None:
    nack = with_gap(10, 12)
    assert nack.missing == [11]
    assert nack.due(9_999, RTT_US) == []
    assert nack.deadline(RTT_US) == 10 * MS
    assert nack.due(10 * MS, RTT_US) == [11]


def test_gap_overtaken_by_two_packets_is_asked_for_at_once() -> None:
    nack = with_gap(10, 13, 14)
    assert nack.due(0, RTT_US) == [11, 12]


def test_packet_that_was_only_late_is_never_asked_for() -> None:
    nack = with_gap(10, 12)
    assert nack.received(11, 5 * MS) == 1
    assert nack.missing == []
    assert nack.deadline(RTT_US) == -1


def test_duplicates_and_old_packets_change_nothing() -> None:
    nack = with_gap(10, 12)
    assert nack.received(12, 0) == 0
    assert nack.received(9, 0) == 0
    assert nack.received(11, 0) == 1
    assert nack.received(11, 0) == 0
    assert nack.missing == []


def test_repeats_grow_and_end() -> None:
    nack = with_gap(10, 12, 13)
    now_us, asked = 0, []
    while (deadline := nack.deadline(RTT_US)) >= 0:
        now_us = deadline
        assert nack.due(now_us - 1, RTT_US) == []
        if nack.due(now_us, RTT_US):
            asked.append(now_us)
    assert len(asked) == 10
    steps = [later - earlier for earlier, later in pairwise(asked)]
    assert steps == [REPEAT_US + i * REPEAT_US // 4 for i in range(9)]
    assert nack.given_up == 1
    assert nack.missing == []


@pytest.mark.parametrize(
    ("rtt_us", "repeat_us"),
    [
        (1000, 20_000),
        (16_000, 20_000),
        (100_000, 125_000),
        (60_000_000, 1_250_000),
        (0, 125_000),
        (-1, 125_000),
    ],
)
def test_spacing_of_repeats(rtt_us: int, repeat_us: int) -> None:
    nack = with_gap(10, 12, 13)
    assert nack.due(0, rtt_us) == [11]
    assert nack.deadline(rtt_us) == repeat_us


def test_time_from_asking_to_getting_serves_where_no_round_trip_is_known() -> None:
    nack = with_gap(10, 12, 13)
    assert nack.due(0, 0) == [11]
    nack.received(11, 60 * MS)
    assert nack.measured_us == 60 * MS
    nack.received(15, 60 * MS)
    nack.received(16, 60 * MS)
    assert nack.due(60 * MS, 0) == [14]
    assert nack.deadline(0) == 60 * MS + 75 * MS


def test_answer_to_a_repeated_question_is_not_measured() -> None:
    nack = with_gap(10, 12, 13)
    nack.due(0, RTT_US)
    assert nack.due(REPEAT_US, RTT_US) == [11]
    nack.received(11, REPEAT_US + MS)
    assert nack.measured_us == 0


def test_batches_of_sixty_four() -> None:
    nack = with_gap(10, 211, 212)
    batches = [nack.due(0, RTT_US) for _ in range(4)]
    assert [len(batch) for batch in batches] == [64, 64, 64, 8]
    assert list(chain(*batches)) == list(range(11, 211))
    assert nack.due(0, RTT_US) == []


def test_sequence_numbers_go_round() -> None:
    nack = with_gap(65534, 65537, 65538)
    assert nack.due(0, RTT_US) == [65535, 0]


def test_overflow_empties_the_list() -> None:
    nack = with_gap(10)
    assert nack.received(200, 0) == 0
    assert nack.received(400, 0) == -1
    assert nack.missing == []
    assert nack.given_up == 189 + 199
    assert nack.received(401, 0) == 0
    assert nack.received(403, 0) == 0
    assert nack.missing == [402]


@pytest.mark.parametrize(("jump", "result"), [(256, 0), (257, -1), (30_000, -1)])
def test_jump_longer_than_the_list(jump: int, result: int) -> None:
    nack = with_gap(10)
    assert nack.received(11 + jump, 0) == result
    assert len(nack.missing) == (jump if result == 0 else 0)


def test_forgets_what_lies_before_a_keyframe() -> None:
    nack = with_gap(10, 14, 18)
    nack.forget_before(15)
    assert nack.missing == [15, 16, 17]
    assert nack.given_up == 3
    nack.forget_before(0)
    assert nack.missing == [15, 16, 17]


def test_nothing_is_forgotten_or_asked_for_twice_at_once_under_seeded_loss() -> None:
    """A stream of 5,000 packets, 10 % lost, neighbours swapped, answers after 30 ms, some lost again."""
    rng = random.Random(7)
    nack = NackList()
    answers: dict[int, list[int]] = {}
    come: set[int] = set()
    order = list(range(65_000, 70_000))
    for i in range(0, len(order) - 1, 10):
        order[i], order[i + 1] = order[i + 1], order[i]
    for now_ms in range(len(order) + 500):
        arriving = [order[now_ms]] if now_ms < len(order) and (now_ms < 2 or rng.random() > 0.1) else []
        for sequence in arriving + answers.pop(now_ms, []):
            assert nack.received(sequence, now_ms * MS) >= 0
            come.add(sequence)
        for low in nack.due(now_ms * MS, 30 * MS):
            sequence = 65_536 + low if low < 30_000 else low
            assert sequence not in come
            if rng.random() > 0.1:
                answers.setdefault(now_ms + 30, []).append(sequence)
    assert set(range(65_001, 69_990)) <= come
    assert nack.given_up == 0
