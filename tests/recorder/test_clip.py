"""A clip of a recorded item, opened as any player would: where it begins, that it decodes, and what it says
of itself."""

from __future__ import annotations

import itertools

import av
import pytest

from load_tests.long_item import write_long_item
from recorder.clip import ClipError, NothingThereError, cut
from recorder.library import Library, UnknownItemError

SECOND = 1_000_000


@pytest.fixture
def recorded(studio, sender, h264, opus):
    lesson = studio()
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    lesson.run(14 * SECOND)
    lesson.close()
    return lesson


def look(path):
    """({kind: [seconds of its packets]}, decoded pictures, their seconds)."""
    with av.open(str(path)) as container:
        found = {s.type: [] for s in container.streams}
        for packet in container.demux():
            if packet.size:
                found[packet.stream.type].append(float(packet.pts * packet.time_base))
    with av.open(str(path)) as container:
        pictures = [float(frame.time) for frame in container.decode(video=0)]
    return found, pictures


def test_a_plain_cut_begins_at_the_keyframe_before_and_says_so(recorded, tmp_path):
    made = cut(recorded.library, recorded.item, 5 * SECOND, 9 * SECOND, tmp_path / "clip", exact=False)
    assert made.how == "keyframe" and made.start_us < 5 * SECOND and made.file.suffix == ".mp4"
    packets, pictures = look(made.file)
    assert pictures[0] == pytest.approx(0, abs=0.05)
    assert len(pictures) == len(packets["video"])
    assert packets["video"][-1] == pytest.approx((9 * SECOND - made.start_us) / SECOND, abs=0.1)
    assert packets["audio"][-1] == pytest.approx(packets["video"][-1], abs=0.1)


def test_sound_begins_with_the_picture_however_far_the_keyframe_is_before(tmp_path):
    write_long_item(tmp_path, "long", "demo", 16)
    library = Library(tmp_path)
    made = cut(library, "long", 11_500_000, 15 * SECOND, tmp_path / "clip", exact=False)
    assert made.start_us == 8 * SECOND
    packets, _ = look(made.file)
    assert packets["audio"][0] == packets["video"][0] == 0


def test_an_exact_cut_begins_where_it_was_wished(recorded, tmp_path):
    made = cut(recorded.library, recorded.item, 5_300_000, 9 * SECOND, tmp_path / "clip", exact=True)
    assert (made.how, made.start_us) == ("exact", 5_300_000)
    packets, pictures = look(made.file)
    assert pictures[0] == pytest.approx(0, abs=0.05)
    assert len(pictures) == len(packets["video"])
    assert pictures[-1] == pytest.approx(3.7, abs=0.1)
    assert packets["audio"][0] == pytest.approx(0, abs=0.03)
    steps = [b - a for a, b in itertools.pairwise(pictures)]
    assert max(steps) < 0.2


def test_what_is_copied_is_the_recording_itself(recorded, tmp_path):
    """Behind the edge both cuts hold the same bytes: nothing was encoded anew."""

    def last(path):
        with av.open(str(path)) as container:
            return [bytes(p) for p in container.demux(video=0) if p.size][-5:]

    plain = cut(recorded.library, recorded.item, 5_300_000, 9 * SECOND, tmp_path / "a", exact=False)
    exact = cut(recorded.library, recorded.item, 5_300_000, 9 * SECOND, tmp_path / "b", exact=True)
    assert last(plain.file) == last(exact.file)


def test_of_vp8_it_is_webm_and_begins_at_a_keyframe(studio, sender, vp8, opus, tmp_path):
    lesson = studio()
    lesson.add(sender(vp8, 1), sender(opus, 2, source="microphone"))
    lesson.run(10 * SECOND)
    lesson.close()
    made = cut(lesson.library, lesson.item, 4_300_000, 8 * SECOND, tmp_path / "clip", exact=True)
    assert made.file.suffix == ".webm" and made.how == "keyframe"
    assert look(made.file)[1]


def test_while_the_lesson_goes_on(studio, sender, h264, opus, tmp_path):
    lesson = studio()
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    lesson.run(9 * SECOND)
    made = cut(lesson.library, lesson.item, 2 * SECOND, 6 * SECOND, tmp_path / "clip", exact=True)
    assert look(made.file)[1]
    lesson.close()


@pytest.mark.parametrize("span", [(5, 5), (6, 5), (-1, 5), (0, 301)])
def test_a_clip_that_cannot_be(recorded, tmp_path, span):
    with pytest.raises(ClipError):
        cut(recorded.library, recorded.item, span[0] * SECOND, span[1] * SECOND, tmp_path / "c", exact=True)
    assert not list(tmp_path.glob("c*"))


def test_nothing_there(recorded, tmp_path):
    with pytest.raises(NothingThereError):
        cut(recorded.library, recorded.item, 100 * SECOND, 105 * SECOND, tmp_path / "c", exact=True)
    with pytest.raises(UnknownItemError):
        cut(recorded.library, "none", 0, SECOND, tmp_path / "c", exact=True)
