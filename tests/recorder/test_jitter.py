"""Order, NACKs and giving up."""

import itertools
import random

import pytest

from recorder.jitter import FIRST_NACK_US, GIVE_UP_US, MAX_HOLE, START_US, JitterBuffer
from recorder.rtp import RtpPacket


def packet(sequence):
    return RtpPacket(1, 96, sequence & 0xFFFF, 0, False, bytes([sequence & 0xFF]))


class Receiver:
    """A buffer that has started, and what it let go."""

    def __init__(self, first=65_530):
        self.buffer, self.now_us, self.out = JitterBuffer(), 0, []
        self.put(first)
        self.wait(START_US)

    def put(self, *sequences):
        for sequence in sequences:
            self.out += self.buffer.insert(packet(sequence), self.now_us)

    def wait(self, us):
        self.now_us += us
        self.out += self.buffer.tick(self.now_us)

    @property
    def sequences(self):
        return [item.packet.sequence for item in self.out]


@pytest.fixture
def receiver():
    return Receiver()


def test_packets_in_order_pass_at_once_over_the_wrap(receiver):
    receiver.put(*range(65_531, 65_540))
    assert receiver.sequences == [s & 0xFFFF for s in range(65_530, 65_540)]
    assert [item.sequence for item in receiver.out] == list(range(65_530, 65_540))


def test_a_reordered_packet_is_put_in_its_place_without_a_nack(receiver):
    receiver.put(65_532)
    assert receiver.buffer.nacks(receiver.now_us) == []
    receiver.put(65_531)
    assert receiver.sequences == [65_530, 65_531, 65_532]
    receiver.wait(FIRST_NACK_US)
    assert receiver.buffer.nacks(receiver.now_us) == []


def test_missing_packets_are_asked_for_again_and_again_less_often(receiver):
    receiver.put(65_535, 65_536)
    asked = []
    for _ in range(200):
        receiver.wait(10_000)
        if sequences := receiver.buffer.nacks(receiver.now_us):
            assert sequences == [65_531, 65_532, 65_533, 65_534]
            asked.append(receiver.now_us)
    gaps = [b - a for a, b in itertools.pairwise(asked)]
    assert gaps == sorted(gaps) and gaps[-1] > gaps[0] and len(asked) < 12


def test_what_does_not_come_is_given_up_and_told_to_the_next(receiver):
    receiver.put(65_534)
    receiver.wait(GIVE_UP_US - 1)
    assert receiver.sequences == [65_530]
    receiver.wait(1)
    assert [(i.packet.sequence, i.lost) for i in receiver.out] == [(65_530, 0), (65_534, 3)]
    receiver.put(65_532)
    assert receiver.buffer.counters["late"] == 1


def test_holes_are_given_up_one_after_the_other(receiver):
    receiver.put(65_532)
    receiver.wait(GIVE_UP_US // 2)
    receiver.put(65_534)
    receiver.wait(GIVE_UP_US // 2)
    assert receiver.sequences == [65_530, 65_532]
    receiver.put(65_533)
    assert [(i.packet.sequence, i.lost) for i in receiver.out[1:]] == [(65_532, 1), (65_533, 0), (65_534, 0)]


def test_a_jump_over_an_outage_is_not_asked_for(receiver):
    receiver.put(65_531 + MAX_HOLE + 1)
    receiver.wait(FIRST_NACK_US)
    assert receiver.buffer.nacks(receiver.now_us) == []
    assert receiver.out[-1].lost == MAX_HOLE + 1


def test_the_first_packets_may_come_in_any_order():
    buffer = JitterBuffer()
    for sequence in (12, 10, 13):
        assert buffer.insert(packet(sequence), 0) == []
    assert buffer.insert(packet(11), 1000) == []
    assert [i.packet.sequence for i in buffer.tick(START_US)] == [10, 11, 12, 13]


def test_duplicates_are_counted(receiver):
    receiver.put(65_530, 65_533, 65_533)
    assert receiver.buffer.counters["late"] == 1
    assert receiver.buffer.counters["duplicate"] == 1


def test_flush_lets_everything_go(receiver):
    receiver.put(65_533)
    assert [(i.packet.sequence, i.lost) for i in receiver.buffer.flush()] == [(65_533, 2)]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_within_the_bound_comes_out_sorted(seed):
    rng = random.Random(seed)
    receiver = Receiver(first=60_000)
    pending = sorted(range(60_001, 68_000), key=lambda s: s + rng.uniform(0, 40))
    receiver.put(*pending)
    assert [i.sequence for i in receiver.out] == list(range(60_000, 68_000))
