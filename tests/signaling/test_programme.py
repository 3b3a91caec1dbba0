"""Programmes: what is sent is what WebRTC takes, in time, in sync, and for as long as it is asked for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from statistics import median

import av
import pytest

from load_tests import flash_beep
from signaling import programme, test_source
from signaling.file_programme import FileProgramme, MediaError
from signaling.programme import TestProgramme

START = 1_790_000_000_000
WriteFile = Callable[..., Path]


@pytest.fixture
def media_file(tmp_path: Path) -> WriteFile:
    """Writes a few seconds of the test source, from 0.4 s before a whole second."""

    def write(
        name: str, video: str = "", audio: str = "", *, seconds: int = 2, rate: int = 48_000, **options: str
    ) -> Path:
        path = tmp_path / name
        first = test_source.frame_at(START - 400)
        with av.open(str(path), "w") as container:
            pictures = sounds = None
            if video:
                pictures = container.add_stream(video, rate=test_source.FRAME_RATE, options=options)
                pictures.width, pictures.height, pictures.pix_fmt = 320, 180, "yuv420p"
            if audio:
                sounds = container.add_stream(audio, rate=rate, layout="stereo")
            for number in range(seconds * test_source.FRAME_RATE if pictures else 0):
                drawn = test_source.frame(test_source.frame_time_ms(first + number))
                picture = av.VideoFrame.from_ndarray(drawn, format="yuv420p").reformat(320, 180)
                picture.pts, picture.time_base = number, Fraction(1, test_source.FRAME_RATE)
                container.mux(pictures.encode(picture))
            if sounds:
                samples = test_source.samples(test_source.sample_at(START - 400), seconds * 48_000)
                block = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
                block.sample_rate, block.pts = 48_000, 0
                size = sounds.codec_context.frame_size or 960
                resampler = av.AudioResampler(
                    sounds.codec_context.format.name, "stereo", rate, frame_size=size
                )
                for part in itertools.chain(resampler.resample(block), resampler.resample(None)):
                    container.mux(sounds.encode(part))
            for stream in filter(None, (pictures, sounds)):
                container.mux(stream.encode(None))
        return path

    return write


def play(
    source: programme.Programme, target: Path, seconds: float, *, picture_s: float = 0.0
) -> list[tuple[float, av.Packet]]:
    """The programme as a file, and its packets. picture_s: how long the machine takes for each picture."""
    played = []
    clock = [0.0]
    with av.open(str(target), "w") as output:
        source.attach(output)
        for due, packet in source.packets(START + 17, lambda: clock[0]):
            if due > seconds:
                break
            played.append((due, packet))
            clock[0] += picture_s if packet.stream.type == "video" else 0
            output.mux(packet)
    return played


def assert_in_order(played: list[tuple[float, av.Packet]]) -> None:
    dues = [due for due, _ in played]
    assert dues == sorted(dues)
    for kind in ("video", "audio"):
        times = [float(packet.dts * packet.time_base) for _, packet in played if packet.stream.type == kind]
        steps = [after - before for before, after in itertools.pairwise(times)]
        assert all(0 < step < 0.05 for step in steps)


def test_the_test_source_is_sent_when_its_clock_says_so(tmp_path: Path) -> None:
    played = play(TestProgramme(), tmp_path / "out.mkv", 3)
    assert_in_order(played)
    pictures = [due for due, packet in played if packet.stream.type == "video"]
    # Picture 1 stands 33 ms after the whole second, the programme begins 17 ms after it.
    assert pictures[0] == pytest.approx(1 / 30 - 0.017, abs=1e-6)
    marks = flash_beep.measure(tmp_path / "out.mkv")
    assert len(marks.flashes) == 3
    assert abs(median(marks.errors_ms())) < 10
    with av.open(str(tmp_path / "out.mkv")) as written:
        video, audio = written.streams.video[0].codec_context, written.streams.audio[0].codec_context
        assert (video.name, video.profile, video.has_b_frames) == ("h264", "Constrained Baseline", False)
        assert (audio.name, audio.sample_rate, audio.layout.name) == ("opus", 48_000, "stereo")


def test_the_test_source_has_a_keyframe_every_two_seconds(tmp_path: Path) -> None:
    played = play(TestProgramme(), tmp_path / "out.mkv", 4.5)
    keyframes = [due for due, packet in played if packet.stream.type == "video" and packet.is_keyframe]
    assert [after - before for before, after in itertools.pairwise(keyframes)] == pytest.approx(
        [2, 2], abs=0.001
    )


@pytest.mark.parametrize("kind", ["test", "file"])
def test_a_machine_that_is_too_slow_sends_fewer_pictures_and_all_sound(
    tmp_path: Path, media_file: WriteFile, kind: str
) -> None:
    source = TestProgramme() if kind == "test" else FileProgramme(media_file("film.mkv", "mpeg4", "mp2"))
    played = play(source, tmp_path / "out.mkv", 1.9, picture_s=0.1)
    pictures = [due for due, packet in played if packet.stream.type == "video"]
    sounds = [due for due, packet in played if packet.stream.type == "audio"]
    assert 19 <= len(pictures) <= 23
    assert len(sounds) == pytest.approx(1.9 / 0.02, abs=3)


@pytest.mark.parametrize(
    ("name", "video", "audio", "options"),
    [
        ("b-frames.mp4", "libx264", "aac", {"bf": "2", "profile": "high", "rate": 44_100}),
        ("other.webm", "libvpx", "libopus", {"deadline": "realtime", "cpu-used": "8"}),
        ("ready.mkv", "libx264", "libopus", {"profile": "baseline", "g": "30"}),
        ("old.avi", "mpeg4", "mp2", {}),
    ],
)
def test_files_of_all_kinds_are_sent_in_sync_and_repeat_without_a_gap(
    tmp_path: Path, media_file: WriteFile, name: str, video: str, audio: str, options: dict[str, object]
) -> None:
    path = media_file(name, video, audio, **options)
    played = play(FileProgramme(path, loop=True), tmp_path / "out.mkv", 5)
    assert_in_order(played)
    marks = flash_beep.measure(tmp_path / "out.mkv")
    assert len(marks.flashes) == 5
    assert max(abs(error) for error in marks.errors_ms()) < 40
    with av.open(str(tmp_path / "out.mkv")) as written:
        assert "Baseline" in written.streams.video[0].codec_context.profile
        assert written.streams.audio[0].codec_context.name == "opus"


def test_what_webrtc_takes_is_passed_on_untouched(tmp_path: Path, media_file: WriteFile) -> None:
    path = media_file("ready.mkv", "libx264", "libopus", profile="baseline")
    played = play(FileProgramme(path), tmp_path / "out.mkv", 60)
    with av.open(str(path)) as container:
        expected = [bytes(packet) for packet in container.demux() if packet.size]
    assert sorted(bytes(packet) for _, packet in played) == sorted(expected)


@pytest.mark.parametrize(("video", "audio"), [("libx264", ""), ("", "pcm_s16le")])
def test_a_file_of_one_kind_alone(tmp_path: Path, media_file: WriteFile, video: str, audio: str) -> None:
    path = media_file("one.mkv", video, audio)
    source = FileProgramme(path)
    assert source.duration_s == pytest.approx(2, abs=0.1)
    played = play(source, tmp_path / "out.mkv", 60)
    assert played[-1][0] == pytest.approx(2, abs=0.1)
    assert {packet.stream.type for _, packet in played} == {"video" if video else "audio"}


def test_files_that_cannot_be_sent(tmp_path: Path) -> None:
    def kind(path: Path) -> str:
        with pytest.raises(MediaError) as caught:
            FileProgramme(path)
        assert caught.value.path == path
        return caught.value.kind

    assert kind(tmp_path / "nothing.mp4") == "unreadable"
    assert kind(tmp_path) == "unreadable"
    text = tmp_path / "text.mp4"
    text.write_text("no film " * 1000)
    assert kind(text) == "unreadable"
    subtitles = tmp_path / "words.srt"
    subtitles.write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n")
    assert kind(subtitles) == "no-media"


def test_a_file_whose_content_is_broken_is_told_when_it_is_read(
    tmp_path: Path, media_file: WriteFile
) -> None:
    path = media_file("film.mkv", "libx264", "")
    whole = path.read_bytes()
    head = whole.index(b"\x1f\x43\xb6\x75")  # the first cluster: what comes after describes pictures
    path.write_bytes(whole[: head + 12] + bytes(len(whole) - head - 12))
    with pytest.raises(MediaError) as caught:
        play(FileProgramme(path), tmp_path / "out.mkv", 60)
    assert caught.value.kind == "unreadable"


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "large.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 2881, 1620, "yuvj420p"
        for number in range(2):
            picture = av.VideoFrame(2881, 1620, "yuvj420p")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    play(FileProgramme(path), tmp_path / "out.mkv", 60)
    with av.open(str(tmp_path / "out.mkv")) as written:
        context = written.streams.video[0].codec_context
        assert (context.width, context.height) == (1920, 1078)


def test_dues_are_merged() -> None:
    def packets(*dues: float) -> Iterator[tuple[float, object]]:
        return ((due, object()) for due in dues)

    merged = programme.merged(packets(0.0, 0.5, 1.0), packets(0.1, 0.2, 2.0))  # type: ignore[arg-type]
    assert [due for due, _ in merged] == [0.0, 0.1, 0.2, 0.5, 1.0, 2.0]
