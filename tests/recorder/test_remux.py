"""The file that is never written: any range of it is what the whole has there, and players seek in it."""

import random

import av
import pytest

from recorder.export import layout
from recorder.live import OpenItem
from recorder.playlist import NothingRecordedError

SECOND = 1_000_000


def opened(lesson):
    item = OpenItem(lesson.storage, lesson.library.header(lesson.item))
    item.load()
    return item


@pytest.fixture
def lesson(studio, sender, h264, h264_large, opus):
    """A camera that changes its size, a screen that comes late, a microphone with a hole."""
    made = studio()
    camera = sender(h264, 1, source="camera", person="m")
    made.add(camera, sender(opus, 2, source="microphone", person="m", silent=[(8 * SECOND, 13 * SECOND)]))
    made.run(6 * SECOND)
    camera.encoded = h264_large
    camera.request_keyframe()
    made.add(sender(h264, 3, source="screen", person="m", begins_us=10 * SECOND))
    made.run(20 * SECOND)
    return made


def whole(file):
    data = b"".join(file.read(0, file.size))
    assert len(data) == file.size
    return data


def test_any_range_is_what_the_whole_has_there(lesson):
    lesson.close()
    file = layout(lesson.library, opened(lesson))
    data = whole(file)
    chance = random.Random(7)
    for _ in range(200):
        start = chance.randrange(len(data))
        length = chance.choice([1, 7, 100, 5000, 400_000])
        assert b"".join(file.read(start, length)) == data[start : start + length]
    again = layout(lesson.library, opened(lesson))
    assert (again.etag, whole(again)) == (file.etag, data)


def test_players_find_every_track_at_every_second(lesson, tmp_path):
    lesson.close()
    (tmp_path / "whole.mp4").write_bytes(whole(layout(lesson.library, opened(lesson))))
    with av.open(str(tmp_path / "whole.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(20, abs=0.3)
        assert [stream.type for stream in container.streams] == ["video", "audio", "video"]
        for second in (17, 3, 11, 0, 6, 19, 9):
            for stream in container.streams:
                container.seek(second * SECOND)
                packets = [p for p in container.demux(stream) if p.size]
                first = float(packets[0].pts * packets[0].time_base)
                stands = stream.index == 2 and second < 10  # its first picture, until it begins
                assert packets[0].is_keyframe and first <= second + 0.1
                assert first > second - 6.5 or stands
    for kind, least in (("video", 290), ("audio", 980)):
        with av.open(str(tmp_path / "whole.mp4")) as container:
            frames = list(container.decode(getattr(container.streams, kind)[0]))
            assert len(frames) >= least
            if kind == "video":
                assert {(f.width, f.height) for f in frames} == {(320, 180), (640, 360)}


def test_of_a_lesson_that_goes_on_the_same_moment_is_the_same_file(lesson):
    then = layout(lesson.library, opened(lesson), until_us=9 * SECOND)
    before = whole(then)
    lesson.run(25 * SECOND)
    assert whole(layout(lesson.library, opened(lesson), until_us=9 * SECOND)) == before
    lesson.close()
    now = layout(lesson.library, opened(lesson), until_us=9 * SECOND)
    assert (now.etag, whole(now)) == (then.etag, before)
    with pytest.raises(NothingRecordedError):
        layout(lesson.library, opened(lesson), until_us=1)
