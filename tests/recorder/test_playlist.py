"""Playlists as players read them: by an independent parser, and by the rules of RFC 8216bis."""

import io
import re

import av
import m3u8
import pytest

from recorder.fragments import silence
from recorder.live import OpenItem
from recorder.playlist import (
    ADVANCE_PARTS,
    BeyondLiveEdgeError,
    NothingRecordedError,
    multivariant_playlist,
    with_query,
)
from recorder.segments import LEAST_PART_US, PART_TARGET_US, TARGET_S

SECOND = 1_000_000


@pytest.fixture
def lesson(studio, sender, h264, opus):
    made = studio()
    outage = [(6 * SECOND, 16 * SECOND)]
    made.add(
        sender(h264, 1, silent=outage), sender(opus, 2, source="microphone", silent=outage, timestamp0=5)
    )
    return made


def opened(lesson):
    item = OpenItem(lesson.storage, lesson.library.header(lesson.item))
    item.load()
    return item


def texts(item, *, skip=False):
    return [item.text(track, skip=skip).plain.decode() for track in item.tracks]


def parsed(text):
    found = m3u8.loads(text)
    check(text, found)
    return found


def check(text, found):
    """What the parser does not look at."""
    lines = text.splitlines()
    assert lines[0] == "#EXTM3U" and lines.count("#EXT-X-ENDLIST") <= 1
    assert found.target_duration == TARGET_S and found.media_sequence == 0
    assert all(round(s.duration) <= TARGET_S for s in found.segments if s.uri)
    if found.is_endlist:
        assert "PART" not in text and "HINT" not in text and "SERVER-CONTROL" not in text
        return
    control = found.server_control
    assert control.can_block_reload == "YES"
    assert control.part_hold_back >= 2 * found.part_inf.part_target
    assert control.hold_back >= 3 * TARGET_S and control.can_skip_until >= 6 * TARGET_S
    *complete, begun = found.segments if found.segments[-1].uri is None else (*found.segments, None)
    for segment in [*complete, *([begun] if begun else [])]:
        for position, part in enumerate(segment.parts):
            assert part.duration * 1e6 <= PART_TARGET_US
            last = segment.uri is not None and position == len(segment.parts) - 1
            assert last or part.independent == "YES" or part.duration * 1e6 >= LEAST_PART_US
    hint = found.preload_hint
    assert hint.hint_type == "PART" and not any(
        part.uri == hint.uri for s in found.segments for part in s.parts
    )
    since = 0.0
    for segment in reversed(complete):
        since += segment.duration
        assert not segment.parts or since - segment.duration <= 3 * TARGET_S


def complete(found):
    return [(s.uri, s.duration, s.gap_tag) for s in found.segments if s.uri is not None]


def test_a_live_playlist_only_grows_and_is_the_same_for_who_opens_it_later(lesson):
    lesson.run(1 * SECOND)
    item = opened(lesson)
    before = [[], []]
    for until in (2, 4, 8, 12, 19, 24, 48):
        lesson.run(until * SECOND)
        item.take(item.read())
        item.settle()
        assert texts(item) == texts(opened(lesson))
        for position, text in enumerate(texts(item)):
            now = complete(parsed(text))
            assert now[: len(before[position])] == before[position]
            assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
            before[position] = now
    assert len(before[0]) > 4
    lesson.close()
    item.take(item.read())
    item.settle()
    assert texts(item) == texts(opened(lesson))
    for position, text in enumerate(texts(item)):
        assert complete(parsed(text))[: len(before[position])] == before[position]
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in text and text.endswith("#EXT-X-ENDLIST\n")


def media(lesson, uri):
    track, part, span = re.fullmatch(r"(t\d)\.(\d)\.(\S+)\.mp4", uri).groups()
    name = f"{lesson.item}/{track}.{part}.mp4"
    if span == "init":
        return lesson.storage.read(name, 0, lesson.library.files(lesson.item).tracks[0].index.parts[0].init)
    start, end = (int(value) for value in span.split("-"))
    return lesson.storage.read(name, start, end - start)


def test_segments_are_whole_and_play(lesson):
    lesson.run(24 * SECOND)
    lesson.close()
    item = opened(lesson)
    for track, text, least in zip(item.tracks, texts(item), (180, 600), strict=True):
        found = parsed(text)
        part = track.parts[0]
        data = lesson.storage.read(f"{lesson.item}/{track.entry.track}.0.mp4", 0, part.init)
        assert found.segments[0].init_section.uri == f"{track.entry.track}.0.init.mp4"
        for uri, _, gap in complete(found):
            if "silence" in uri:
                data += silence(*(int(value) for value in re.search(r"from=(\d+)&to=(\d+)", uri).groups()))
            elif not gap:
                data += media(lesson, uri)
        with av.open(io.BytesIO(data)) as container:
            assert sum(1 for _ in container.decode(container.streams[0])) >= least


def test_picture_and_sound_cover_the_item_from_its_first_second_over_a_hole(lesson):
    lesson.run(24 * SECOND)
    lesson.close()
    pictures, sound = (parsed(text) for text in texts(opened(lesson)))
    totals = [sum(segment.duration for segment in found.segments) for found in (pictures, sound)]
    assert totals == pytest.approx([lesson.library.item(lesson.item).duration_s] * 2, abs=0.05)
    assert sum(s.duration for s in pictures.segments if s.gap_tag) == pytest.approx(10, abs=1.3)
    assert sum(s.duration for s in sound.segments if "silence" in s.uri) == pytest.approx(10, abs=0.3)
    for found in (pictures, sound):
        assert found.segments[0].program_date_time.isoformat() == "2025-10-09T08:53:20+00:00"


def test_while_one_track_is_silent_its_playlist_goes_on(lesson, sender, opus):
    lesson.add(sender(opus, 3, source="other", timestamp0=7, silent=[(3 * SECOND, 60 * SECOND)]))
    lesson.run(5 * SECOND)
    item = opened(lesson)
    for until in (10, 15, 20, 25):
        lesson.run(until * SECOND)
        item.take(item.read())
        item.settle()
    other = parsed(texts(item)[2])
    assert sum(s.duration for s in other.segments if s.uri) > 13
    assert texts(item) == texts(opened(lesson))


def test_what_a_player_waits_for(lesson):
    lesson.run(5 * SECOND)
    playlist = opened(lesson).track("t1").playlist
    at = playlist.report()
    assert at.segment == playlist.segments
    assert playlist.has(at.segment, at.part) and playlist.has(0, None) and playlist.has(0, 99)
    assert not playlist.has(at.segment, at.part + 1)
    assert not playlist.has(at.segment, None) and not playlist.has(at.segment + 1, 0)
    assert playlist.has(at.segment - 1, 99)  # beyond its last part: the first of the one behind it
    for segment, part in (
        *((at.segment + 3, None), (at.segment + 3, 0), (at.segment, at.part + 1 + ADVANCE_PARTS)),
        (at.segment + 1, ADVANCE_PARTS),
    ):
        with pytest.raises(BeyondLiveEdgeError):
            playlist.has(segment, part)


def test_an_update_leaves_out_what_the_player_has(lesson):
    lesson.run(50 * SECOND)
    item = opened(lesson)
    for full, short in zip(texts(item), texts(item, skip=True), strict=True):
        skipped = int(re.search(r"#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)\n", short)[1])
        assert skipped > 0
        whole = parsed(full)
        update = m3u8.loads(short)
        assert update.skip.skipped_segments == skipped
        assert complete(whole)[skipped:] == complete(update)
        left = sum(duration for _, duration, _ in complete(whole)[skipped:])
        assert left + 0.6 >= 6 * TARGET_S
        assert short.count("#EXT-X-PART:") == full.count("#EXT-X-PART:")


def test_each_playlist_tells_where_the_others_are(lesson):
    lesson.run(5 * SECOND)
    item = opened(lesson)
    pictures, sound = (parsed(text) for text in texts(item))
    [report] = pictures.rendition_reports
    at = item.track("t1").playlist.report()
    assert (report.uri, report.last_msn, report.last_part) == ("t1.m3u8", at.segment, at.part)
    assert sound.rendition_reports[0].uri == "t0.m3u8"


def test_the_hint_names_the_next_part(lesson):
    lesson.run(4 * SECOND)
    item = opened(lesson)
    hinted = parsed(texts(item)[1]).preload_hint.uri
    lesson.run(5 * SECOND)
    item.take(item.read())
    item.settle()
    now = parsed(texts(item)[1])
    assert hinted in [part.uri for segment in now.segments for part in segment.parts]


def test_the_first_camera_leads_and_the_rest_are_renditions(studio, sender, h264, opus):
    lesson = studio()
    lesson.add(
        sender(h264, 1, person="m", source="screen"),
        sender(h264, 2, person="m", source="camera"),
        sender(opus, 3, person="t", source="microphone"),
        sender(opus, 4, person="m", source='micro"phone'),
    )
    lesson.run(3 * SECOND)
    tracks = opened(lesson).tracks
    found = m3u8.loads(multivariant_playlist(tracks))
    [variant] = found.playlists
    assert variant.uri == "t1.m3u8"
    info = variant.stream_info
    assert (info.codecs, info.resolution, info.audio, info.video) == (
        *("avc1.42c00c,opus", (320, 180)),
        *("sound", "angles"),
    )
    assert [(m.type, m.name, m.default, m.uri) for m in found.media] == [
        ("AUDIO", "t microphone", "NO", "t2.m3u8"),
        ("AUDIO", "m microphone", "YES", "t3.m3u8"),
        ("VIDEO", "m camera", "YES", "t1.m3u8"),
        ("VIDEO", "m screen", "NO", "t0.m3u8"),
    ]
    angles = m3u8.loads(multivariant_playlist(tracks, all_angles=True))
    assert [each.uri for each in angles.playlists] == ["t1.m3u8", "t0.m3u8"]
    assert {each.type for each in angles.media} == {"AUDIO"}
    assert m3u8.loads(multivariant_playlist(tracks, "t0")).playlists[0].uri == "t0.m3u8"
    with pytest.raises(NothingRecordedError):
        multivariant_playlist(tracks, "t9")


def test_sound_alone_is_played_alone(studio, sender, opus):
    lesson = studio()
    lesson.spool.work()
    with pytest.raises(NothingRecordedError):
        multivariant_playlist(opened(lesson).tracks)
    lesson.add(sender(opus, 4, source="microphone"))
    lesson.run(3 * SECOND)
    assert multivariant_playlist(opened(lesson).tracks).splitlines()[-1] == "t0.m3u8"


def test_a_token_in_the_address_is_in_every_address(lesson):
    lesson.run(5 * SECOND)
    plain = parsed(texts(opened(lesson))[1])
    marked = m3u8.loads(with_query(texts(opened(lesson))[1], "t=a.b-c"))
    for one, other in zip(plain.segments, marked.segments, strict=True):
        if one.uri:
            assert other.uri == f"{one.uri}{'&' if '?' in one.uri else '?'}t=a.b-c"
        assert [part.uri for part in other.parts] == [f"{part.uri}?t=a.b-c" for part in one.parts]
    assert marked.preload_hint.uri == f"{plain.preload_hint.uri}?t=a.b-c"
    assert marked.segments[0].init_section.uri.endswith("init.mp4?t=a.b-c")
