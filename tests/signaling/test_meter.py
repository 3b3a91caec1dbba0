"""The figures of `tongke watch` are right about a stream whose latency and sync are known."""

from __future__ import annotations

import numpy as np
import pytest

from signaling import test_source
from signaling.meter import Meter

START = 1_790_000_000_000


def watch(meter: Meter, *, seconds: int, latency_ms: int, sound_late_ms: int) -> None:
    """Pictures come latency_ms after they were drawn, sound sound_late_ms later still."""
    first = test_source.frame_at(START + 500)
    for number in range(first, first + seconds * test_source.FRAME_RATE):
        time_ms = test_source.frame_time_ms(number)
        luma = test_source.frame(time_ms)[: test_source.HEIGHT]
        meter.picture(luma[::2, ::2], (time_ms + latency_ms) / 1000)
    sample = test_source.sample_at(START + 500)
    for block in range(seconds * 50):
        samples = test_source.samples(sample + block * 960, 960).astype(np.float32) / 32768
        at_ms = START + 500 + block * 20 + latency_ms + sound_late_ms
        meter.sound(samples, 48_000, at_ms / 1000)


@pytest.mark.parametrize(("latency_ms", "sound_late_ms"), [(50, 0), (180, 70), (20, -40)])
def test_latency_and_sync_of_the_test_source(latency_ms: int, sound_late_ms: int) -> None:
    meter = Meter()
    meter.figures(START / 1000)
    watch(meter, seconds=3, latency_ms=latency_ms, sound_late_ms=sound_late_ms)
    figures = meter.figures(START / 1000 + 3)
    assert (figures.width, figures.height) == (640, 360)
    assert figures.pictures_per_s == pytest.approx(30)
    assert figures.sound_s == pytest.approx(3)
    assert figures.latency_ms == pytest.approx(latency_ms, abs=1)
    assert figures.sync_ms == pytest.approx(sound_late_ms, abs=2)
    later = meter.figures(START / 1000 + 30)
    assert (later.pictures_per_s, later.latency_ms, later.sync_ms) == (0, None, None)


def test_other_pictures_have_no_latency_and_no_sync() -> None:
    meter = Meter()
    noise = np.random.default_rng(1)
    for number in range(60):
        meter.picture(noise.integers(0, 255, (90, 160), np.uint8), START / 1000 + number / 30)
    meter.sound(np.zeros(48_000, np.float32), 48_000, START / 1000)
    figures = meter.figures(START / 1000 + 2)
    assert (figures.latency_ms, figures.sync_ms) == (None, None)


def test_a_recording_of_the_test_source_has_no_latency() -> None:
    meter = Meter()
    meter.picture(test_source.frame(START + 500)[: test_source.HEIGHT], START / 1000 + 3600)
    assert meter.figures(START / 1000).latency_ms is None
