"""The test source is a pure function of time: checked without encoding anything."""

import itertools

import numpy as np
import pytest

from signaling import test_source as source

SECOND = 1_790_000_000_000
"""Some whole second, Unix time in ms."""


def luma(time_ms: int) -> np.ndarray:
    return source.frame(time_ms)[: source.HEIGHT]


def test_picture_and_sample_numbers_meet_at_whole_seconds() -> None:
    number = source.frame_at(SECOND)
    assert source.frame_time_ms(number) == SECOND
    assert number % source.FRAME_RATE == 0
    assert source.sample_at(SECOND) % source.SAMPLE_RATE == 0
    assert source.frame_at(SECOND + 1) == number + 1


def test_flash_takes_the_first_three_pictures_of_a_second() -> None:
    first = source.frame_at(SECOND)
    flashes = [source.is_flash(source.frame_time_ms(first + n)) for n in range(source.FRAME_RATE)]
    assert flashes == [True] * 3 + [False] * 27
    assert luma(SECOND).min() == luma(SECOND).max() == source.WHITE
    assert luma(SECOND + 500).mean() < 100


def test_beep_starts_with_the_second_and_lasts_a_tenth() -> None:
    sound = source.samples(source.sample_at(SECOND) - 480, 48_000).astype(float)
    assert not sound[:480].any()
    beep = sound[480 : 480 + 4800]
    assert not sound[480 + 4800 :].any()
    spectrum = np.abs(np.fft.rfft(beep))
    assert spectrum.argmax() * source.SAMPLE_RATE / len(beep) == source.BEEP_HZ
    assert abs(beep).max() == pytest.approx(0.5 * 32767, abs=2)


def test_sound_is_the_same_however_it_is_cut() -> None:
    whole = source.samples(1_000_000, 3000)
    parts = [source.samples(1_000_000 + start, 1000) for start in (0, 1000, 2000)]
    assert (np.concatenate(parts) == whole).all()


@pytest.mark.parametrize("offset", [100, 333, 966, 2**31 + 852, 2**32 + 204])
def test_strip_gives_the_time_back(offset: int) -> None:
    assert source.read_time(luma(SECOND + offset), SECOND + offset + 2500) == SECOND + offset
    assert source.read_time(luma(SECOND + offset), SECOND + offset - 2500) == SECOND + offset


def test_strip_survives_scaling_and_noise() -> None:
    picture = luma(SECOND + 433)
    noisy = np.clip(picture + np.random.default_rng(1).normal(0, 20, picture.shape), 0, 255).astype(np.uint8)
    for step in (2, 4):
        assert source.read_time(noisy[::step, ::step], SECOND) == SECOND + 433


def test_no_time_is_read_where_there_is_none() -> None:
    assert source.read_time(luma(SECOND), SECOND) is None
    assert source.read_time(np.full((720, 1280), 16, np.uint8), SECOND) is None
    broken = luma(SECOND + 433).copy()
    broken[-source.STRIP_HEIGHT :, : source.CELL_WIDTH] = 251 - broken[-1, 0]
    assert source.read_time(broken, SECOND) is None


def test_clock_is_drawn_and_moves() -> None:
    assert source.clock_text(SECOND + 7) == "14:13:20.007"
    clock = slice(source.CLOCK_TOP, source.CLOCK_TOP + source.DIGIT_HEIGHT)
    assert (luma(SECOND + 100)[clock] != luma(SECOND + 133)[clock]).any()
    assert luma(SECOND + 100)[clock].max() == source.WHITE


def test_every_digit_looks_different() -> None:
    looks = {luma(hour * 3_600_000 + 500)[source.CLOCK_TOP :].tobytes() for hour in range(24)}
    assert len(looks) == 24


def test_picture_moves_all_the_time() -> None:
    times = [SECOND + ms for ms in range(100, 1000, 33)]
    for before, after in itertools.pairwise(times):
        assert (luma(before) != luma(after)).sum() > 1000
