"""Pictures of an item come from its keyframes, wherever one looks."""

import io
import re

import av
import pytest

from recorder.live import OpenItem
from recorder.pictures import GREY, NoPictureError, Pictures, sheet_us

SECOND = 1_000_000


def pictures(lesson):
    item = OpenItem(lesson.storage, lesson.library.header(lesson.item))
    item.load()
    reads = []

    def read(name, start, length):
        reads.append(length)
        return lesson.library.media.read_range(lesson.item, name, start, length)

    return Pictures(item, read), reads


def pixels(data):
    with av.open(io.BytesIO(data), format="mjpeg") as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


@pytest.fixture
def lesson(studio, sender, h264, opus):
    made = studio()
    made.add(
        sender(h264, 1, begins_us=3 * SECOND, silent=[(14 * SECOND, 27 * SECOND)]),
        sender(opus, 2, source="microphone"),
    )
    made.run(35 * SECOND)
    return made


def test_the_card_shows_the_lesson(lesson):
    live, reads = pictures(lesson)
    assert pixels(live.poster()).shape == (270, 480, 3)
    assert len(reads) == 2  # the description, and one keyframe
    lesson.close()
    ended, _ = pictures(lesson)
    assert pixels(ended.poster()).max() > 200  # the stripe


def test_a_sheet_shows_each_tenth_second_and_grey_where_there_is_none(lesson):
    lesson.close()
    found, _ = pictures(lesson)
    sheet = pixels(found.sheet(0)).astype(int)
    assert sheet.shape == (900, 1600, 3)
    first = [sheet[:90, left : left + 160] for left in range(0, 640, 160)]
    bright = [int(each.max()) > 150 for each in first]
    assert bright == [False, True, False, True]  # not begun; shown; a hole; shown again
    assert abs(int(sheet[500:, :].mean()) - GREY) < 4
    with pytest.raises(NoPictureError):
        found.sheet(1)


def test_the_scrub_bar_finds_the_part_of_the_sheet(lesson):
    lesson.close()
    found, _ = pictures(lesson)
    cues = re.findall(r"(\S+) --> (\S+)\nsprites\.(\d+)\.jpg#xywh=(\d+),(\d+),160,90\n", found.thumbnails())
    assert [cue[0] for cue in cues] == [f"00:00:{second:02}.000" for second in (0, 10, 20, 30)]
    assert [cue[3] for cue in cues] == ["0", "160", "320", "480"]
    assert sheet_us() == 1000 * SECOND


def test_sound_alone_has_no_picture(studio, sender, opus):
    lesson = studio()
    lesson.add(sender(opus, 2, source="microphone"))
    lesson.run(3 * SECOND)
    with pytest.raises(NoPictureError):
        pictures(lesson)[0].poster()


def test_a_damaged_keyframe_is_grey_and_no_error(lesson):
    lesson.close()
    path = lesson.root / "library" / lesson.item / "t0.0.mp4"
    data = bytearray(path.read_bytes())
    data[2000:] = bytes(len(data) - 2000)
    path.write_bytes(data)
    found, _ = pictures(lesson)
    assert int(pixels(found.sheet(0)).max()) < 255
