"""Numbers close up over what is left out, and late packets find theirs."""

from __future__ import annotations

import random

from sfu.engine.munger import SequenceMap


def test_numbers_close_up() -> None:
    numbers = SequenceMap(100, 7)
    assert [numbers.send(100), numbers.send(101)] == [7, 8]
    assert numbers.drop(102, 1)
    assert numbers.drop(103, 1)
    assert numbers.send(104) == 9
    assert numbers.drop(105, 3)
    assert [numbers.send(106), numbers.send(107)] == [10, 11]


def test_a_late_packet_finds_its_number() -> None:
    numbers = SequenceMap(100, 7)
    numbers.send(100)
    assert numbers.drop(102, 1)  # 101 is on its way
    assert numbers.send(103) == 9
    assert numbers.drop(104, 3)
    assert numbers.send(105) == 10
    assert numbers.send(101) == 8
    assert numbers.send(102) is None


def test_what_is_missing_inside_a_frame_that_is_left_out_is_left_out() -> None:
    numbers = SequenceMap(100, 7)
    numbers.send(100)
    assert numbers.drop(101, 1)
    assert numbers.drop(104, 1)
    assert numbers.send(105) == 8
    assert numbers.send(103) is None


def test_what_turns_out_needless_too_late_leaves_its_number_free() -> None:
    numbers = SequenceMap(100, 7)
    numbers.send(100)
    assert numbers.send(102) == 9
    assert not numbers.drop(101, 1)
    assert numbers.send(101) == 8


def test_out_of_order_by_chance() -> None:
    """Whatever the order within a window: numbers are unique, in the order of the packets, and no dropped one
    shifts what was before it."""
    chance = random.Random(7)
    numbers = SequenceMap(0, 1000)
    packets = [(sequence, sequence // 3) for sequence in range(3000)]
    late = sorted(packets, key=lambda each: each[0] + chance.choice([0, 0, 0, 0, 4]))
    out = {}
    free = set()
    for sequence, frame in late:
        if frame % 2 and sequence > 3:
            if not numbers.drop(sequence, frame):
                free.add(sequence)
        else:
            number = numbers.send(sequence)
            assert number is not None
            out[sequence] = number
    assert len(set(out.values())) == len(out)
    assert [out[sequence] for sequence in sorted(out)] == sorted(out.values())
    holes = out[max(out)] - 1000 + 1 - len(out)
    assert 0 <= holes <= len(free)


def test_too_old_to_tell() -> None:
    numbers = SequenceMap(0, 0)
    for sequence in range(0, 400, 2):
        numbers.send(sequence)
        numbers.drop(sequence + 1, sequence)
    assert numbers.send(5) is None
    assert numbers.send(400) == 200
