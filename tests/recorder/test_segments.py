"""Fragments become segments and partial segments by rules that no later fragment changes."""

import pytest

from recorder.segments import LEAST_PART_US, PART_TARGET_US, TARGET_S, Piece, Segmenter

SECOND = 1_000_000


def pieces(*durations_us, start_us=0, part=0, keyframes=(0,)):
    """Fragments one behind another, each as many bytes long as it lasts milliseconds."""
    offset, found = 700, []
    for number, duration_us in enumerate(durations_us):
        length = duration_us // 1000
        independent = number in keyframes
        found.append(Piece(part, offset, length, start_us, start_us + duration_us, independent))
        offset, start_us = offset + length, start_us + duration_us
    return found


def cut(found, kind="video"):
    segmenter = Segmenter(kind)
    told = []
    for piece in found:
        segmenter.push(piece)
        told += segmenter.closed
    return segmenter, told


def test_a_picture_segment_ends_at_the_first_keyframe_behind_two_seconds():
    segmenter, told = cut(pieces(*[500_000] * 13, keyframes=(0, 2, 6, 12)))
    assert [segment.duration_s for segment in segmenter.table] == [3.0, 3.0]
    assert [len(parts) for parts in told] == [6, 6] and len(segmenter.open) == 1


def test_sound_is_cut_anywhere_and_a_picture_without_keyframes_at_the_target():
    sound, _ = cut(pieces(*[500_000] * 9), "audio")
    assert [segment.duration_s for segment in sound.table] == [2.0, 2.0]
    picture, _ = cut(pieces(*[500_000] * 14))
    assert [segment.duration_s for segment in picture.table] == [float(TARGET_S)]


def test_a_short_fragment_ends_its_segment_and_a_long_one_is_a_segment_without_parts():
    segmenter, told = cut(pieces(500_000, 300_000, 500_000, 900_000, 500_000))
    assert [segment.duration_s for segment in segmenter.table] == [0.8, 0.5, 0.9]
    assert [len(parts) for parts in told] == [2, 1, 0]


@pytest.mark.parametrize("lengths", [[500, 533, 480, 40, 566, 600, 500, 499, 1500, 500] * 3])
def test_partial_segments_keep_their_lengths(lengths):
    """RFC 8216bis, 4.4.4.9."""
    segmenter, told = cut(pieces(*[1000 * each for each in lengths], keyframes=(0, 7, 13)))
    for parts in [*told, tuple(segmenter.open)]:
        for position, piece in enumerate(parts):
            assert piece.duration_us <= PART_TARGET_US
            last = position == len(parts) - 1
            assert last or piece.independent or piece.duration_us >= LEAST_PART_US


def test_every_track_begins_with_the_item_and_ends_with_it():
    found = pieces(*[500_000] * 4, start_us=14 * SECOND)
    found += pieces(*[500_000] * 4, start_us=23 * SECOND, part=1)
    segmenter, _ = cut(found, "audio")
    segmenter.finish(31 * SECOND)
    spans = [(s.start_us // SECOND, s.end_us // SECOND, bool(s.length)) for s in segmenter.table]
    assert spans == [
        *((0, 6, False), (6, 12, False), (12, 14, False), (14, 16, True)),
        *((16, 22, False), (22, 23, False), (23, 25, True), (25, 31, False)),
    ]


def test_a_silent_track_follows_the_others_and_says_nothing_that_must_be_taken_back():
    found = pieces(*[500_000] * 3)
    segmenter, _ = cut(found)
    for edge in range(2, 30):
        segmenter.extend(edge * SECOND)
        assert segmenter.end_us <= max(1_500_000, (edge - 4) * SECOND)
    before = list(segmenter.table)
    assert [s.duration_s for s in before] == [1.5, 6.0, 6.0, 6.0]
    again = pieces(500_000, start_us=28 * SECOND)[0]._replace(offset=found[-1].end)
    segmenter.push(again)
    fresh, _ = cut([*found, again])
    assert list(segmenter.table) == list(fresh.table) and list(fresh.table)[: len(before)] == before


def test_the_segment_that_holds_a_fragment_is_found():
    first = pieces(*[500_000] * 9)
    second = pieces(*[500_000] * 5, start_us=12 * SECOND, part=1)
    segmenter, _ = cut([*first, *second], "audio")
    segmenter.finish(30 * SECOND)
    for piece in [*first, *second]:
        segment = segmenter.table.holding(piece.part, piece.offset)
        assert segment.offset <= piece.offset < piece.end <= segment.end
    assert segmenter.table.holding(0, 10**9) is None
    assert segmenter.table.holding(0, 10) is None
    assert segmenter.table.holding(7, 700) is None
    assert len(segmenter.table) == len(list(segmenter.table))
