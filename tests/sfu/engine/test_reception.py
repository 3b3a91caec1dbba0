"""Receiver-report statistics against the arithmetic of RFC 3550, appendix A."""

from __future__ import annotations

import random

import pytest

from sfu.engine.reception import Reception

SECOND_US = 1_000_000


def received(*sequences: int) -> Reception:
    """20 ms of a 48 kHz clock apart by sequence number, arriving without jitter."""
    reception = Reception(7, 48_000)
    for sequence in sequences:
        reception.packet(sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, 100, SECOND_US + sequence * 20_000)
    return reception


def test_nothing_received() -> None:
    block = Reception(7, 90_000).report(SECOND_US)
    assert block == {
        "ssrc": 7,
        "fraction_lost": 0,
        "cumulative_lost": 0,
        "highest_sequence": 0,
        "jitter": 0,
        "last_sr": 0,
        "delay_since_last_sr": 0,
    }


def test_fraction_is_of_the_interval_and_the_sum_of_all() -> None:
    reception = received(*(s for s in range(100) if s % 4 != 1))
    block = reception.report(0)
    assert (block["fraction_lost"], block["cumulative_lost"]) == (64, 25)
    for sequence in range(100, 200):
        reception.packet(sequence, 0, 100, 0)
    block = reception.report(0)
    assert (block["fraction_lost"], block["cumulative_lost"]) == (0, 25)
    assert reception.lost == 25


def test_highest_sequence_counts_cycles() -> None:
    assert received(65_534).report(0)["highest_sequence"] == 65_534
    assert received(65_534, 65_535, 65_536, 65_537).report(0)["highest_sequence"] == 65_537


def test_unwrapped_numbers_are_positive_and_ascending() -> None:
    reception = Reception(7, 90_000)
    numbers = [reception.packet(s & 0xFFFF, 0, 1, 0) for s in (0, -1, 1, 20_000, 50_000, 80_000)]
    assert [number - numbers[0] for number in numbers] == [0, -1, 1, 20_000, 50_000, 80_000]
    assert min(numbers) > 0


def test_packet_overtaken_by_the_first_one_counts() -> None:
    reception = received(1, 2)
    reception.packet(0, 0, 100, 0)
    assert (reception.packets, reception.lost) == (3, 0)


def test_duplicates_do_not_count() -> None:
    reception = received(1, 2, 3, 3, 2, 1)
    assert (reception.packets, reception.duplicates, reception.bytes) == (3, 3, 300)
    assert reception.report(0)["cumulative_lost"] == 0


@pytest.mark.parametrize("jump", [1, 63, 64, 65, 1023, 1024, 1025, 20_000])
def test_duplicates_are_told_after_a_jump(jump: int) -> None:
    reception = received(10, 10 + jump)
    reception.packet((10 + jump) & 0xFFFF, 0, 1, 0)
    assert reception.duplicates == 1
    for sequence in range(max(11, 10 + jump - 1023), 10 + jump):
        reception.packet(sequence & 0xFFFF, 0, 1, 0)
    assert reception.duplicates == 1
    assert reception.lost == max(0, jump - 1024)


def test_too_old_to_tell_is_a_duplicate() -> None:
    reception = received(0, 2000)
    reception.packet(900, 0, 1, 0)
    assert (reception.packets, reception.duplicates) == (2, 1)


def test_repaired_packets_are_lost_for_the_sender_but_not_for_the_picture() -> None:
    reception = received(1, 2, 4, 5)
    reception.packet(3, 12345, 100, 10**9, repaired=True)
    assert reception.lost == 0
    block = reception.report(0)
    assert block["cumulative_lost"] == 1
    assert block["fraction_lost"] == 256 // 5
    assert block["jitter"] == 0


def test_jitter_as_in_appendix_a8() -> None:
    rng = random.Random(3)
    reception, jitter, last = Reception(7, 90_000), 0.0, None
    for i in range(500):
        arrival_us = SECOND_US + i * 33_333 + rng.randint(0, 20_000)
        timestamp = 2**32 - 900_000 + i * 3000
        reception.packet(i, timestamp & 0xFFFFFFFF, 100, arrival_us)
        transit = arrival_us * 90_000 // 1_000_000 - timestamp
        if last is not None:
            jitter += (abs(transit - last) - jitter) / 16
        last = transit
    assert reception.report(0)["jitter"] == int(jitter)


def test_no_overflow_after_years_of_uptime() -> None:
    reception = Reception(7, 90_000)
    begin_us = 10 * 365 * 86_400 * SECOND_US
    for i in range(10):
        reception.packet(i, i * 3000, 100, begin_us + i * 33_334)
    assert reception.report(0)["jitter"] <= 1


def test_last_sender_report_and_its_age() -> None:
    reception = received(1)
    reception.sender_report(0x11112222_33334444, 0, 5 * SECOND_US)
    block = reception.report(5 * SECOND_US + SECOND_US // 2)
    assert (block["last_sr"], block["delay_since_last_sr"]) == (0x22223333, 32768)


def test_cumulative_loss_is_cut_to_24_bits() -> None:
    reception = Reception(7, 90_000)
    sequence = 0
    for _ in range(300):
        reception.packet(sequence & 0xFFFF, 0, 1, 0)
        sequence += 32_767
    assert reception.report(0)["cumulative_lost"] == 0x7FFFFF
