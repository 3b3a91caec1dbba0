"""What is written to a file: each kind placed by its arrival, from the first picture on."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from load_tests import flash_beep
from signaling import test_source
from signaling.media_file import MediaFile

START = 1_790_000_000_000
ARRIVED = 1_000.0
"""Unix time in seconds at which the first picture came, for the writer."""


def picture(number: int) -> av.VideoFrame:
    drawn = test_source.frame(test_source.frame_time_ms(test_source.frame_at(START - 400) + number))
    frame = av.VideoFrame.from_ndarray(drawn, format="yuv420p").reformat(320, 180)
    frame.pts, frame.time_base = 7_000 + number * 3_000, Fraction(1, 90_000)
    return frame


def sound(block: int) -> av.AudioFrame:
    samples = test_source.samples(test_source.sample_at(START - 400) + block * 960, 960).repeat(2)
    frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 99_000 + block * 960, Fraction(1, 48_000)
    return frame


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm"])
def test_picture_and_sound_stay_together(tmp_path: Path, name: str) -> None:
    """Their time stamps have nothing in common; a late jitter buffer does not move what follows."""
    file = MediaFile(tmp_path / name, picture=True, sound=True)
    file.sound(sound(-1), ARRIVED - 0.02)  # before the first picture: left out
    for number in range(75):
        late = 0.5 if number == 20 else 0.0
        file.picture(picture(number), ARRIVED + number / 30 + late)
    for block in range(125):
        file.sound(sound(block), ARRIVED + block / 50)
    file.close()
    marks = flash_beep.measure(tmp_path / name)
    assert marks.flashes == pytest.approx([0.4, 1.4, 2.4], abs=0.005)
    assert marks.errors_ms() == pytest.approx([0, 0, 0], abs=15)


def test_sound_alone(tmp_path: Path) -> None:
    file = MediaFile(tmp_path / "out.mp4", picture=False, sound=True)
    for block in range(100):
        file.sound(sound(block), ARRIVED + block / 50)
    file.close()
    marks = flash_beep.measure(tmp_path / "out.mp4")
    assert marks.audio_span == pytest.approx((0, 2), abs=0.05)
    assert len(marks.beeps) == 2


def test_a_picture_of_another_size_is_fitted(tmp_path: Path) -> None:
    file = MediaFile(tmp_path / "out.mkv", picture=True, sound=False)
    file.picture(picture(0), ARRIVED)
    larger = picture(1).reformat(640, 360)
    larger.pts, larger.time_base = 10_000, Fraction(1, 90_000)
    file.picture(larger, ARRIVED + 1 / 30)
    file.close()
    with av.open(str(tmp_path / "out.mkv")) as container:
        sizes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert sizes == [(320, 180), (320, 180)]


def test_nothing_arrived(tmp_path: Path) -> None:
    MediaFile(tmp_path / "out.mkv", picture=True, sound=True).close()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises((OSError, av.FFmpegError)):
        MediaFile(tmp_path / "nowhere" / "out.mkv", picture=True, sound=True)
    with pytest.raises(ValueError, match="format"):
        MediaFile(tmp_path / "out.nothing", picture=True, sound=True)
