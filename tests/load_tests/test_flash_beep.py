"""The measurement is right about files whose sync error is known."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from load_tests import flash_beep
from signaling import test_source

START = 1_790_000_000_000


def write(path: Path, *, seconds: int, sound_late_ms: int = 0, rate: int = 48_000) -> None:
    """The test source, from 0.4 s before a whole second, as a small file without loss of time."""
    first = test_source.frame_at(START - 400)
    sound_from = test_source.sample_at(START - 400 - sound_late_ms)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=test_source.FRAME_RATE)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        for number in range(seconds * test_source.FRAME_RATE):
            drawn = test_source.frame(test_source.frame_time_ms(first + number))
            picture = av.VideoFrame.from_ndarray(drawn, format="yuv420p").reformat(320, 180)
            picture.pts, picture.time_base = number, Fraction(1, test_source.FRAME_RATE)
            container.mux(video.encode(picture))
        sound = test_source.samples(sound_from, seconds * test_source.SAMPLE_RATE)[None, :]
        block = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        block.sample_rate, block.pts = test_source.SAMPLE_RATE, 0
        for part in av.AudioResampler("s16", "mono", rate).resample(block):
            container.mux(audio.encode(part))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


@pytest.mark.parametrize(("late_ms", "rate"), [(0, 48_000), (70, 48_000), (-70, 44_100)])
def test_finds_every_flash_and_beep_and_their_distance(tmp_path: Path, late_ms: int, rate: int) -> None:
    path = tmp_path / "file.mkv"
    write(path, seconds=4, sound_late_ms=late_ms, rate=rate)
    marks = flash_beep.measure(path)
    assert marks.flashes == pytest.approx([0.4, 1.4, 2.4, 3.4], abs=0.002)
    assert marks.errors_ms() == pytest.approx([late_ms] * 4, abs=3)
    assert marks.video_span == pytest.approx((0, 4), abs=0.01)
    assert marks.audio_span == pytest.approx((0, 4), abs=0.01)
    assert f"{late_ms:+d}" in flash_beep.report(marks)


def test_nothing_is_found_in_silence_and_darkness() -> None:
    assert flash_beep.flash_starts(np.full(100, 40.0)) == []
    assert flash_beep.flash_starts(np.zeros(0)) == []
    assert flash_beep.beep_starts(np.full(3000, 0.001)) == []
    assert flash_beep.beep_starts(np.zeros(0)) == []


def test_a_click_is_no_beep() -> None:
    amplitude = np.zeros(3000)
    amplitude[1000:1100] = 0.5
    amplitude[2000:2010] = 0.5
    assert flash_beep.beep_starts(amplitude) == [1000]


def test_a_flash_at_the_very_start_is_not_counted() -> None:
    brightness = np.full(90, 40.0)
    brightness[:2] = brightness[29:32] = 235.0
    assert flash_beep.flash_starts(brightness) == [29]


def test_an_unreadable_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("this is no film")
    monkeypatch.setattr("sys.argv", ["flash_beep", str(path)])
    assert flash_beep.main() == 2
    assert str(path) in capsys.readouterr().err


def test_a_moment_twice_as_loud_hides_no_beep() -> None:
    amplitude = np.zeros(5000)
    for begins in range(400, 5000, 1000):
        amplitude[begins : begins + 100] = 0.5
    amplitude[2410:2430] = 1.0
    assert flash_beep.beep_starts(amplitude) == [400, 1400, 2400, 3400, 4400]
