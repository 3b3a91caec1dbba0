"""Where a stream begins: with the size that it has a moment later."""

import itertools

import pytest

from recorder.live import OpenItem

SECOND = 1_000_000


def track_of(made):
    item = OpenItem(made.library.storage, made.library.header(made.item))
    item.load()
    item.conclude()
    return item.tracks[0]


def grown(studio, camera, sizes, end_us=6 * SECOND):
    """The track of a camera that has other sizes from these times on."""
    made = studio()
    made.add(camera)
    for at_us, encoded in sizes:
        made.run(at_us)
        camera.encoded, camera.content = encoded, 0
    made.run(end_us)
    made.close()
    return track_of(made)


def test_three_sizes_within_a_moment_are_one_part(studio, sender, h264, h264_large):
    """As a browser's simulcast is forwarded: the small one at once, the next sizes as they come."""
    camera = sender(h264, 1)
    track = grown(studio, camera, [(250_000, h264_large)])
    alone = grown(studio, sender(h264_large, 1), [])
    assert len(track.parts) == 1 and track.parts[0].width == 640
    pictures = [segment for segment in track.table if segment.length]
    assert pictures[0].start_us == pytest.approx(next(s for s in alone.table if s.length).start_us, abs=1000)
    assert min(segment.end_us - segment.start_us for segment in pictures) > 400_000
    assert all(one.end_us == other.start_us for one, other in itertools.pairwise(pictures))


def test_a_size_that_comes_later_is_a_part_of_its_own(studio, sender, h264, h264_large):
    track = grown(studio, sender(h264, 1), [(2 * SECOND, h264_large)])
    assert [part.width for part in track.parts.values()] == [320, 640]


def test_who_begins_large_stays_as_they_are(studio, sender, h264, h264_large):
    track = grown(studio, sender(h264_large, 1), [(250_000, h264)])
    assert [part.width for part in track.parts.values()] == [640, 320]
