"""The pictures of a track at any time, wherever its segments begin."""

import dataclasses
from functools import partial

import numpy as np
import pytest

from recorder.live import OpenItem
from recorder.moving import Pictures

SECOND = 1_000_000
STEP = 100_000


@pytest.fixture
def slow(studio, sender, h264):
    """A picture every 0.7 s: each is a segment by itself, and few begin with a keyframe."""
    made = studio()
    made.add(sender(dataclasses.replace(h264, ticks=63_000), 1))
    made.run(12 * SECOND)
    made.close()
    return opened(made)


def opened(made):
    """(track, its reader)"""
    item = OpenItem(made.library.storage, made.library.header(made.item))
    item.load()
    item.conclude()
    return item.tracks[0], partial(made.library.media.read_range, made.item)


def seen(track, read, start_us, end_us):
    """Time -> what is seen; None: nothing."""
    pictures = Pictures(track, read, start_us)
    found = {us: pictures.at(us) for us in range(start_us, end_us, STEP)}
    return {us: frame and round(float(frame.to_ndarray()[:180].mean()), 3) for us, frame in found.items()}


def test_segments_without_keyframes_are_seen(slow):
    track, _ = slow
    assert sum(not segment.independent for segment in track.table if segment.length) >= 8
    found = seen(*slow, SECOND, 11 * SECOND)
    assert None not in found.values()
    assert len(set(found.values())) >= 12


@pytest.mark.parametrize("start_us", [3_300_000, 5_500_000, 8_000_000])
def test_who_begins_later_sees_the_same(slow, start_us):
    later = seen(*slow, start_us, 11 * SECOND)
    whole = seen(*slow, 0, 11 * SECOND)
    assert later == {us: whole[us] for us in later}


def test_nothing_is_seen_before_the_first_picture_and_in_a_hole(studio, sender, h264):
    made = studio()
    made.add(sender(h264, 1, begins_us=2 * SECOND, silent=[(4 * SECOND, 8 * SECOND)]))
    made.run(11 * SECOND)
    made.close()
    found = seen(*opened(made), 0, 10 * SECOND)
    assert {found[us] for us in (0, SECOND, 19 * STEP)} == {None}
    assert found[6 * SECOND] is None
    assert None not in (found[3 * SECOND], found[9 * SECOND])


def test_a_part_of_another_size_is_another_picture(studio, sender, h264, h264_large):
    made = studio()
    first = sender(h264, 1)
    made.add(first)
    made.run(4 * SECOND)
    first.encoded = h264_large
    first.content = 0
    made.run(9 * SECOND)
    made.close()
    pictures = Pictures(*opened(made), 0)
    assert [pictures.at(us).width for us in (3 * SECOND, 8 * SECOND)] == [320, 640]


def test_a_damaged_segment_costs_what_hangs_on_it(studio, sender, h264):
    made = studio()
    made.add(sender(h264, 1))
    made.run(9 * SECOND)
    made.close()
    track, read = opened(made)
    bad = next(segment for segment in track.table if segment.start_us >= 4 * SECOND)

    def damaged(name, start, length):
        data = read(name, start, length)
        return bytes(len(data)) if start == bad.offset else data

    found = seen(track, damaged, 0, 8 * SECOND)
    whole = seen(track, read, 0, 8 * SECOND)
    sound = [us for us in whole if us < bad.start_us or us >= bad.end_us + STEP]
    assert np.mean([found[us] == whole[us] for us in sound]) == 1
