"""From lossy packets to a whole item."""

import itertools
import random
from dataclasses import replace

import av
import pytest

from recorder.control import TrackMute

SECOND = 1_000_000
STARTED_US = 5_000_000
"""As in the studio."""


def test_lost_and_reordered_packets_are_repaired(studio, sender, h264, opus, read_track):
    lesson = studio(loss=0.05, jitter_us=8_000)
    camera = sender(h264, 0x1111)
    microphone = sender(opus, 0x2222, source="microphone", timestamp0=1234)
    lesson.add(camera, microphone)
    lesson.run(20 * SECOND)
    lesson.remove(camera)
    lesson.remove(microphone)
    lesson.close()
    pictures, sound = read_track(lesson, "t0"), read_track(lesson, "t1")
    assert pictures[0][1]
    assert len(pictures) >= camera.frames_sent - 20  # its first packet may be lost, which nobody can know
    assert len(sound) >= microphone.frames_sent - 2
    assert all(0 < b[0] - a[0] < 0.1 for a, b in itertools.pairwise(pictures))
    counters = lesson.feed.counters()
    assert counters["repaired"] > 10
    assert counters["lost"] == 0
    item = lesson.library.item(lesson.item)
    assert item.complete == 1.0
    assert [track.gaps for track in item.tracks] == [[], []]


def test_everything_decodes(studio, sender, h264, opus):
    lesson = studio(loss=0.03, jitter_us=5_000)
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone"))
    lesson.run(6 * SECOND)
    lesson.close()
    for track, minimum in (("t0", 80), ("t1", 250)):
        with av.open(str(lesson.root / "library" / lesson.item / f"{track}.0.mp4")) as container:
            assert len(list(container.decode(container.streams[0]))) >= minimum


def test_an_outage_is_a_gap_with_its_cause_and_the_rest_stays_in_place(
    studio, sender, h264, opus, read_track
):
    lesson = studio(loss=0.01)
    outage = [(5 * SECOND, 25 * SECOND)]
    lesson.add(
        sender(h264, 1, silent=outage), sender(opus, 2, source="microphone", silent=outage, timestamp0=77)
    )
    lesson.run(32 * SECOND)
    lesson.close()
    item = lesson.library.item(lesson.item)
    for track in item.tracks:
        [gap] = track.gaps
        assert gap.cause == "network"
        assert gap.start_s == pytest.approx(5, abs=0.15)
        assert gap.duration_s == pytest.approx(20, abs=1.2 if track.kind == "video" else 0.15)
    assert item.complete == pytest.approx(1 - 20 / 32, abs=0.03)
    for name in ("t0", "t1"):
        last = read_track(lesson, name)[-1][0]
        assert last == pytest.approx(32, abs=0.15)


def test_a_drifting_sound_card_stays_in_sync_and_splits_nothing(studio, sender, h264, opus, read_track):
    lesson = studio()
    # 0.2 %: 14 s in two hours
    lesson.add(sender(h264, 1), sender(opus, 2, source="microphone", drift=0.002))
    lesson.run(120 * SECOND)
    lesson.close()
    item = lesson.library.item(lesson.item)
    assert [track.gaps for track in item.tracks] == [[], []]
    assert len(list((lesson.root / "library" / lesson.item).glob("t1.*.mp4"))) == 1
    sound = read_track(lesson, "t1")
    assert sound[-1][0] == pytest.approx(120, abs=0.06)
    assert item.tracks[1].sync_error_ms < 20
    assert max(b[0] - a[0] for a, b in itertools.pairwise(sound)) < 0.03


def test_a_capture_that_stood_still_is_placed_by_arrival(studio, sender, opus, read_track):
    """Timestamps go on as if nothing had happened; the clock on the wall says 18 s."""
    lesson = studio()
    microphone = sender(opus, 2, source="microphone")
    lesson.add(microphone)
    lesson.run(5 * SECOND)
    microphone.begins_us += 18 * SECOND
    lesson.run(40 * SECOND)
    lesson.close()
    [track] = lesson.library.item(lesson.item).tracks
    [gap] = track.gaps
    assert gap.cause == "silent"
    assert (gap.start_s, gap.duration_s) == pytest.approx((5, 18), abs=0.15)
    assert read_track(lesson, "t0")[-1][0] == pytest.approx(40, abs=0.06)


@pytest.mark.parametrize("reports", [True, False])
def test_sound_and_picture_of_one_sender_are_placed_together(studio, sender, h264, opus, read_track, reports):
    lesson = studio(jitter_us=30_000)
    lesson.add(
        sender(h264, 1, delay_us=60_000, reports=reports),
        sender(opus, 2, source="microphone", delay_us=20_000, reports=reports),
    )
    lesson.run(20 * SECOND)
    lesson.close()
    ends = [read_track(lesson, name)[-1][0] for name in ("t0", "t1")]
    starts = [read_track(lesson, name)[0][0] for name in ("t0", "t1")]
    within = 0.07 if reports else 0.11
    assert abs(ends[0] - ends[1]) < within
    assert abs(starts[0] - starts[1]) < 0.11


@pytest.mark.parametrize("apart_us", [230_000, 610_000, 1_300_000])
def test_a_kill_costs_less_than_a_second_whatever_is_missing_at_the_moment(studio, sender, opus, apart_us):
    """Now and then two packets that nobody has any more."""
    lesson = studio(jitter_us=5_000)
    never = [(start, start + 40_000) for start in range(3 * SECOND, 9 * SECOND, apart_us)]
    lesson.add(sender(opus, 2, source="microphone", silent=never))
    lesson.run(3 * SECOND)
    unwritten_s = 0.0
    for now_us in range(3 * SECOND, 9 * SECOND, 50_000):
        lesson.run(now_us)
        [track] = lesson.library.item(lesson.item).tracks
        written_s = track.start_s + track.duration_s + sum(gap.duration_s for gap in track.gaps)
        unwritten_s = max(unwritten_s, now_us / SECOND - written_s)
    assert unwritten_s < 0.95
    assert lesson.feed.counters()["lost"] >= 8


@pytest.mark.parametrize(("muted", "cause"), [(True, "muted"), (False, "silent")])
def test_who_sends_nothing_is_told_as_muted_only_where_they_said_so(studio, sender, opus, muted, cause):
    lesson = studio()
    microphone = sender(opus, 2, source="microphone")
    lesson.add(microphone)
    lesson.run(3 * SECOND)
    said = {"item": lesson.item, "person": "p1", "source": "microphone"}
    if muted:
        lesson.feed.message(TrackMute(**said, muted=True), lesson.now_us)
    microphone.begins_us += 6 * SECOND
    lesson.run(8 * SECOND)
    lesson.feed.message(TrackMute(**said, muted=False), lesson.now_us)  # before the first packet comes
    lesson.run(14 * SECOND)
    lesson.close()
    item = lesson.library.item(lesson.item)
    assert [gap.cause for gap in item.tracks[0].gaps] == [cause]
    assert item.complete == 1.0


def test_silence_that_is_not_sent_is_no_gap(studio, sender, opus):
    """Opus with DTX sends a packet every 400 ms (RFC 6716, 2.1.9)."""
    lesson = studio()
    microphone = sender(opus, 2, source="microphone")
    lesson.add(microphone)
    lesson.run(3 * SECOND)
    for second in range(10):
        microphone.timestamp0 += 19 * 960
        microphone.begins_us += 380_000
        lesson.run(3 * SECOND + (second + 1) * 400_000)
    lesson.run(10 * SECOND)
    lesson.close()
    item = lesson.library.item(lesson.item)
    assert item.tracks[0].gaps == []
    assert item.complete == 1.0


def test_two_hours_by_clocks_that_drift_end_in_sync(studio, sender, opus):
    """A sound card 200 ppm off and one that is right, packets of 120 ms, through the whole feed; the disk has
    its turn every ten seconds only."""
    lesson = studio()
    packets = replace(opus, frames=(b"\x19" + bytes(20),), ticks=5760)  # SILK, twice 60 ms (RFC 6716, 3.1)
    senders = (
        sender(packets, 2, source="microphone", drift=200e-6),
        sender(packets, 3, source="screen-audio", delay_us=60_000, timestamp0=77),
    )
    lesson.add(*senders)
    chance = random.Random(1)
    for step in range(7200 * SECOND // 120_000):
        lesson.now_us += 120_000
        for each in senders:
            while STARTED_US + (at_us := each.next_us() + each.delay_us) <= lesson.now_us - 10_000:
                for datagram in each.frame():
                    lesson.feed.datagram(datagram, int(STARTED_US + at_us + chance.random() * 8_000))
        lesson.feed.tick(lesson.now_us)
        if step % 80 == 0:
            lesson.spool.work()
            lesson.feed.drain()
    lesson.close()
    tracks = lesson.library.item(lesson.item).tracks
    ends = [track.start_s + track.duration_s for track in tracks]
    late = [end - each.next_us() / SECOND for end, each in zip(ends, senders, strict=True)]
    assert abs(late[0] - late[1]) <= 0.04
    assert [track.gaps for track in tracks] == [[], []]
    assert max(track.sync_error_ms for track in tracks) <= 40
