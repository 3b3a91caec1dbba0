"""Files as a crash leaves them."""

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder import ledger, media_lines, recovery
from recorder.storage import Storage

SECOND = 1_000_000


@pytest.fixture
def crashed(studio, sender, h264, opus):
    """An item whose writer died after 6 s."""
    lesson = studio()
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    lesson.run(6 * SECOND)
    return lesson


def decoded(lesson, name):
    with av.open(str(lesson.library.path(lesson.item, name))) as container:
        return sum(1 for _ in container.decode(container.streams[0]))


@pytest.mark.parametrize("torn", [b"\0", b"\0\0\1\0moof" + bytes(100), bytes(4096), b"\0\0\0\x08free"])
def test_a_torn_end_is_cut_off(crashed, torn):
    part = crashed.library.path(crashed.item, "t0.0.mp4")
    whole = part.read_bytes()
    part.write_bytes(whole + torn)
    recovery.mend(crashed.storage, crashed.item)
    assert part.read_bytes() == whole
    assert decoded(crashed, "t0.0.mp4") >= 75


@pytest.mark.parametrize("track", ["t0", "t1"])
def test_an_index_is_made_again_from_the_part_files(crashed, track):
    path = crashed.library.path(crashed.item, f"{track}.jsonl")
    before = crashed.library.files(crashed.item)
    path.unlink()
    recovery.mend(crashed.storage, crashed.item)
    after = crashed.library.files(crashed.item)
    for old, new in zip(before.tracks, after.tracks, strict=True):
        assert old.index.parts == new.index.parts
        assert [(f.offset, f.length, f.time, f.duration, f.keyframe) for f in old.index.fragments] == [
            (f.offset, f.length, f.time, f.duration, f.keyframe) for f in new.index.fragments
        ]


def test_a_torn_index_line_is_completed(crashed):
    path = crashed.library.path(crashed.item, "t0.jsonl")
    whole = crashed.library.files(crashed.item)
    path.write_bytes(path.read_bytes()[:-20])
    recovery.mend(crashed.storage, crashed.item)
    mended = crashed.library.files(crashed.item)
    assert len(mended.tracks[0].index.fragments) == len(whole.tracks[0].index.fragments)


def test_an_index_that_promises_more_than_there_is_is_cut(crashed):
    part = crashed.library.path(crashed.item, "t0.0.mp4")
    whole = crashed.library.files(crashed.item).tracks[0].index
    part.write_bytes(part.read_bytes()[: whole.fragments[-2].offset + 100])
    recovery.mend(crashed.storage, crashed.item)
    mended = crashed.library.files(crashed.item).tracks[0].index
    assert mended.fragments == whole.fragments[:-2]
    assert decoded(crashed, "t0.0.mp4") >= 50


def test_mending_twice_changes_nothing(crashed):
    recovery.mend(crashed.storage, crashed.item)
    before = {p.name: p.read_bytes() for p in crashed.library.path(crashed.item).iterdir()}
    recovery.mend(crashed.storage, crashed.item)
    assert {p.name: p.read_bytes() for p in crashed.library.path(crashed.item).iterdir()} == before


def test_items_left_open_are_closed_once_with_their_cause(crashed):
    assert recovery.close_left_open(Storage(crashed.root / "library"), crashed.signer) == [crashed.item]
    view = crashed.library.item(crashed.item)
    assert view.state == "ready"
    assert view.duration_s == pytest.approx(6, abs=1)
    entries = crashed.library.files(crashed.item).entries
    assert isinstance(entries[-1], ledger.Ended) and entries[-1].cause == "server"
    assert recovery.close_left_open(Storage(crashed.root / "library"), crashed.signer) == []


def test_an_item_that_cannot_be_read_is_left_alone(crashed):
    crashed.library.path(crashed.item, "t0.jsonl").unlink()
    crashed.library.path(crashed.item, "t0.jsonl").mkdir()
    assert recovery.close_left_open(Storage(crashed.root / "library"), crashed.signer) == []


@given(st.binary(max_size=200), st.integers(0, 3), st.integers(0, 1400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_whatever_is_in_it_stops_the_mending(crashed, garbage, kind, place):
    whole = crashed.library.path(crashed.item, "t0.0.mp4").read_bytes()[:3000]
    data = (garbage, whole[:place] + garbage, whole[:place] + garbage + whole[place:], whole[place:])[kind]
    lines, valid = media_lines.rebuild_index(data, 0)
    assert 0 <= valid <= len(data)
    assert all(line.part == 0 for line in lines)
