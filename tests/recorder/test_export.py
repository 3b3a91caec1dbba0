"""One file of an item, opened as any player would."""

import itertools

import av
import pytest

from recorder.export import ExportError, NothingToExportError, export
from recorder.library import UnknownItemError

SECOND = 1_000_000


def packets(path, kind):
    """[(seconds, keyframe)] of the first stream of that kind."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(float(p.pts * p.time_base), p.is_keyframe) for p in container.demux(stream) if p.size]


def frames(path, kind):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(getattr(container.streams, kind)[0]))


@pytest.fixture
def recorded(studio, sender, h264, opus):
    """A lesson of 12 s whose picture comes late and whose sound has a hole."""
    lesson = studio(loss=0.02, jitter_us=4_000)
    camera = sender(h264, 1, begins_us=1_500_000)
    microphone = sender(opus, 2, source="microphone", begins_us=1_000_000, silent=[(5 * SECOND, 8 * SECOND)])
    lesson.add(camera, microphone)
    lesson.run(12 * SECOND)
    return lesson


def test_the_file_has_the_lessons_length_and_begins_with_a_keyframe(recorded, tmp_path):
    recorded.close()
    export(recorded.library, recorded.item, tmp_path / "lesson.mp4")
    with av.open(str(tmp_path / "lesson.mp4")) as container:
        assert container.duration / 1e6 == pytest.approx(12, abs=0.2)
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    pictures = packets(tmp_path / "lesson.mp4", "video")
    assert pictures[0][1]
    assert frames(tmp_path / "lesson.mp4", "video") >= 150


def test_sound_and_picture_keep_their_distance(recorded, tmp_path):
    recorded.close()
    export(recorded.library, recorded.item, tmp_path / "lesson.mp4")
    pictures, sound = (packets(tmp_path / "lesson.mp4", kind) for kind in ("video", "audio"))
    assert sound[0][0] == 0  # silence: the file begins with the item
    assert pictures[0][0] == 0  # the first picture stands until it really begins
    assert pictures[1][0] == pytest.approx(1.5, abs=0.08)
    assert pictures[-1][0] == pytest.approx(sound[-1][0], abs=0.1)


def test_a_hole_in_the_sound_is_silence(recorded, tmp_path):
    recorded.close()
    export(recorded.library, recorded.item, tmp_path / "lesson.mp4")
    sound = packets(tmp_path / "lesson.mp4", "audio")
    assert max(b[0] - a[0] for a, b in itertools.pairwise(sound)) < 0.045


def test_a_change_of_picture_size_goes_into_one_stream_that_decodes(
    studio, sender, h264, h264_large, tmp_path
):
    lesson = studio()
    camera = sender(h264, 1)
    lesson.add(camera)
    lesson.run(4 * SECOND)
    camera.encoded = h264_large
    camera.request_keyframe()
    lesson.run(8 * SECOND)
    lesson.close()
    [track] = lesson.library.item(lesson.item).tracks
    assert (track.width, track.height) == (640, 360)
    assert track.gaps == []
    export(lesson.library, lesson.item, tmp_path / "lesson.mp4")
    assert frames(tmp_path / "lesson.mp4", "video") >= 110


def test_vp8_is_exported_into_mp4_too(studio, sender, vp8, opus, tmp_path):
    lesson = studio()
    lesson.add(sender(vp8, 1), sender(opus, 2, source="microphone"))
    lesson.run(5 * SECOND)
    lesson.close()
    assert lesson.library.item(lesson.item).tracks[0].codec == "vp08.00.10.08"
    export(lesson.library, lesson.item, tmp_path / "lesson.mp4")
    with av.open(str(tmp_path / "lesson.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "vp8"
    assert frames(tmp_path / "lesson.mp4", "video") >= 70
    assert frames(tmp_path / "lesson.mp4", "audio") >= 240


def test_every_track_is_in_the_file_and_the_first_camera_leads(studio, sender, h264, opus, tmp_path):
    lesson = studio()
    lesson.add(
        sender(h264, 1, source="screen", person="m"),
        sender(h264, 2, source="camera", person="m"),
        sender(opus, 3, source="microphone", person="t"),
        sender(opus, 4, source="microphone", person="m"),
    )
    lesson.run(3 * SECOND)
    lesson.close()
    export(lesson.library, lesson.item, tmp_path / "lesson.mp4")
    with av.open(str(tmp_path / "lesson.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio", "video", "audio"]


def test_a_lesson_that_goes_on_is_exported_as_far_as_it_got(recorded, tmp_path):
    export(recorded.library, recorded.item, tmp_path / "now.mp4")
    recorded.close()
    export(recorded.library, recorded.item, tmp_path / "whole.mp4")
    durations = []
    for name in ("now.mp4", "whole.mp4"):
        with av.open(str(tmp_path / name)) as container:
            durations.append(container.duration / av.time_base)
            assert next(container.demux(video=0)).is_keyframe
    assert 0 < durations[0] <= durations[1] < durations[0] + 2


def test_what_cannot_be_exported_says_why(recorded, studio, tmp_path):
    target = tmp_path / "lesson.mp4"
    with pytest.raises(UnknownItemError):
        export(recorded.library, "nothing", target)
    recorded.close()
    with pytest.raises(ExportError):
        export(recorded.library, recorded.item, tmp_path / "no" / "such" / "folder.mp4")
    empty = studio(item="empty-1")
    empty.close()
    with pytest.raises(NothingToExportError):
        export(empty.library, "empty-1", target)
    assert not list(tmp_path.glob("*.part")) and not target.exists()
