"""What the library says of an item."""

import pytest

from classroom.model import Lesson, LessonId, LessonState, RecordingState
from classroom.network.wall import GAP_NEWS_MS, Flag, Seen, flags
from recorder import ledger
from recorder.control import TrackMute
from recorder.item import checkpoints_path, header_path, summary_path
from recorder.library import Library, UnknownItemError
from recorder.storage import Storage
from signaling.library_keeper import facts_of

SECOND = 1_000_000
START_MS = 1_760_000_000_000


@pytest.fixture
def lesson(studio):
    return studio()


def test_a_live_item_is_listed_from_its_first_moment(lesson):
    lesson.spool.work()
    item = lesson.library.item(lesson.item)
    assert (item.state, item.lesson, item.title) == ("live", "demo", "光合作用")
    assert item.started_at == "2025-10-09T08:53:20.000Z"
    assert (item.duration_s, item.tracks, item.complete) == (0, [], 1.0)


def test_who_leaves_and_comes_back_has_one_track_without_a_gap(lesson, sender, opus):
    first = sender(opus, 1, source="microphone")
    lesson.add(first)
    lesson.run(4 * SECOND)
    lesson.remove(first, "left")
    lesson.run(9 * SECOND)
    lesson.add(sender(opus, 2, source="microphone", begins_us=9 * SECOND))
    lesson.run(13 * SECOND)
    lesson.close()
    item = lesson.library.item(lesson.item)
    [track] = item.tracks
    assert track.gaps == [] and item.complete == 1.0
    assert track.duration_s == pytest.approx(8, abs=0.3)


def test_whose_link_broke_has_a_gap_until_the_return_or_the_end(lesson, sender, opus):
    first, lost = sender(opus, 1, source="microphone"), sender(opus, 2, person="p2")
    lesson.add(first, lost)
    lesson.run(4 * SECOND)
    lesson.remove(first, "network")
    lesson.remove(lost, "network")
    lesson.run(9 * SECOND)
    lesson.add(sender(opus, 3, source="microphone", begins_us=9 * SECOND))
    lesson.run(12 * SECOND)
    lesson.close()
    item = lesson.library.item(lesson.item)
    spans = [[(round(g.start_s), round(g.duration_s), g.cause) for g in t.gaps] for t in item.tracks]
    assert spans == [[(4, 5, "network")], [(4, 8, "network")]]
    assert item.complete == pytest.approx(1 - 13 / 24, abs=0.02)


def test_what_a_live_recording_missed_is_told_to_the_wall_with_its_time(lesson, sender, opus):
    lesson.add(sender(opus, 1, silent=[(4 * SECOND, 7 * SECOND)]))
    lesson.run(9 * SECOND)
    item = lesson.library.item(lesson.item)
    facts = facts_of(item)
    assert (item.state, len(item.tracks[0].gaps)) == ("live", 1)
    assert facts.gap_ms == pytest.approx(START_MS + 7_000, abs=200)
    assert facts.bytes == item.bytes == sum(each.stat().st_size for each in media(lesson)) - headers(lesson)
    live = Lesson(LessonId("demo"), "光", state=LessonState.LIVE, recording=RecordingState.ON)
    seen = Seen(live, gap_ms=facts.gap_ms)
    assert Flag.RECORDING_GAP in flags(seen, START_MS + 9_000)
    assert Flag.RECORDING_GAP not in flags(seen, facts.gap_ms + GAP_NEWS_MS)
    assert Flag.RECORDING_GAP not in flags(Seen(live), START_MS + 9_000)


def test_what_was_not_sent_was_not_missed(lesson, sender, opus):
    microphone = sender(opus, 1, silent=[(4 * SECOND, 7 * SECOND)])
    lesson.add(microphone)
    lesson.run(4 * SECOND)
    said = {"item": lesson.item, "person": "p1", "source": "camera"}
    lesson.feed.message(TrackMute(**said, muted=True), lesson.now_us)
    lesson.run(7 * SECOND)
    lesson.feed.message(TrackMute(**said, muted=False), lesson.now_us)
    lesson.run(9 * SECOND)
    item = lesson.library.item(lesson.item)
    assert [gap.cause for gap in item.tracks[0].gaps] == ["muted"]
    assert facts_of(item).gap_ms == 0


def media(lesson):
    return (lesson.root / "library" / lesson.item).glob("*.mp4")


def headers(lesson):
    """Initialisation segments, which are no media."""
    return sum(first_fragment(each.read_bytes()) for each in media(lesson))


def first_fragment(data):
    return data.index(b"moof") - 4


def test_whose_link_broke_long_before_it_was_noticed_has_a_gap_of_the_network(lesson, sender, opus):
    microphone = sender(opus, 1, source="microphone", silent=[(4 * SECOND, 60 * SECOND)])
    lesson.add(microphone)
    lesson.run(34 * SECOND)
    lesson.remove(microphone, "server")
    lesson.close("server")
    [track] = lesson.library.item(lesson.item).tracks
    [gap] = track.gaps
    assert gap.cause == "network"
    assert (gap.start_s, gap.duration_s) == pytest.approx((4, 30), abs=0.3)


def test_what_its_owner_muted_is_shown_and_does_not_count(lesson, sender, opus):
    microphone = sender(opus, 1, source="microphone", silent=[(4 * SECOND, 9 * SECOND)])
    lesson.add(microphone)
    mute = {"item": lesson.item, "person": "p1", "source": "microphone"}
    lesson.run(4 * SECOND)
    lesson.feed.message(TrackMute(**mute, muted=True), lesson.now_us)
    lesson.run(12 * SECOND)
    lesson.close()
    item = lesson.library.item(lesson.item)
    assert [gap.cause for gap in item.tracks[0].gaps] == ["muted"]
    assert item.complete == 1.0
    assert lesson.feed.counters()["gap_muted"] == 1


def test_items_are_listed_newest_first_and_by_lesson(tmp_path):
    storage = Storage(tmp_path / "library")
    for number, name in enumerate(("demo-1", "maths-1", "demo-2")):
        header = ledger.Header(id=name, lesson=name[:-2], title="", started_ms=1000 * number)
        storage.replace(header_path(name), ledger.encode(header))
    library = Library(tmp_path)
    assert [item.id for item in library.items()] == ["demo-2", "maths-1", "demo-1"]
    assert [item.id for item in library.items("demo")] == ["demo-2", "demo-1"]


def test_a_retransmission_stream_repairs_as_well(studio, sender, h264, read_track):
    lesson = studio(loss=0.05, rtx=True)
    lesson.add(sender(h264, 1))
    lesson.run(10 * SECOND)
    lesson.close()
    assert lesson.feed.counters()["repaired"] > 3
    assert lesson.feed.counters()["lost"] == 0
    assert lesson.library.item(lesson.item).complete == 1.0


@pytest.mark.parametrize("name", ["", "..", "../demo", "demo/1", "none", "x" * 200, ".lock"])
def test_what_is_no_item_is_unknown(tmp_path, name):
    with pytest.raises(UnknownItemError):
        Library(tmp_path).item(name)


def test_an_item_is_ready_when_its_seal_is_on_the_disk(lesson, sender, opus):
    lesson.add(sender(opus, 1))
    lesson.run(4 * SECOND)
    lesson.close()
    checkpoints = checkpoints_path(lesson.item)
    whole = lesson.storage.read(checkpoints)
    # As it is a moment earlier: the ledger has its end, the seal is still to be written.
    lesson.storage.remove(summary_path(lesson.item))
    lesson.storage.replace(checkpoints, whole[: whole.rindex(b"\n", 0, -1) + 1])
    library = Library(lesson.root)
    assert library.files(lesson.item).ended is not None
    assert library.item(lesson.item).state == "live"
    lesson.storage.replace(checkpoints, whole)
    assert library.item(lesson.item).state == "ready"
