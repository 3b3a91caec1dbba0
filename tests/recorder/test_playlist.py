"""Playlists as a player reads them."""

import io
import re

import av
import pytest

from recorder.fragments import silence
from recorder.playlist import TARGET_S, NothingRecordedError, media_playlist, multivariant_playlist

SECOND = 1_000_000


def parse(text):
    """[(duration, byte range or None, uri, gap)] of a media playlist, and its tags."""
    segments, tags = [], []
    duration, where, gap = 0.0, None, False
    for line in text.splitlines():
        if match := re.match(r"#EXTINF:([\d.]+),", line):
            duration = float(match[1])
        elif match := re.match(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", line):
            where = (int(match[1]), int(match[2]))
        elif line == "#EXT-X-GAP":
            gap = True
        elif line.startswith("#"):
            tags.append(line)
        else:
            segments.append((duration, where, line, gap))
            where, gap = None, False
    return segments, tags


@pytest.fixture
def lesson(studio, sender, h264, opus):
    made = studio()
    outage = [(6 * SECOND, 16 * SECOND)]
    made.add(
        sender(h264, 1, silent=outage), sender(opus, 2, source="microphone", silent=outage, timestamp0=5)
    )
    return made


def playlists(lesson):
    files = lesson.library.files(lesson.item)
    return [parse(media_playlist(files, track)) for track in files.tracks]


def test_a_live_playlist_only_grows(lesson):
    before = [[], []]
    for until in (4, 8, 19, 24):
        lesson.run(until * SECOND)
        for position, (segments, tags) in enumerate(playlists(lesson)):
            assert segments[: len(before[position])] == before[position]
            assert "#EXT-X-PLAYLIST-TYPE:EVENT" in tags and "#EXT-X-ENDLIST" not in tags
            before[position] = segments
    assert len(before[0]) > 4
    lesson.close()
    for position, (segments, tags) in enumerate(playlists(lesson)):
        assert segments[: len(before[position])] == before[position]
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in tags and tags[-1] == "#EXT-X-ENDLIST"


def test_segments_are_whole_and_play(lesson):
    lesson.run(24 * SECOND)
    lesson.close()
    for (segments, tags), decoded in zip(playlists(lesson), (180, 600), strict=True):
        data = b""
        init = next(tag for tag in tags if tag.startswith("#EXT-X-MAP"))
        name, length = re.search(r'URI="([^"]+)",BYTERANGE="(\d+)@0"', init).groups()
        data += lesson.storage.read(f"{lesson.item}/{name}", 0, int(length))
        for duration, where, uri, gap in segments:
            assert duration <= TARGET_S
            if where is not None:
                data += lesson.storage.read(f"{lesson.item}/{uri}", where[1], where[0])
            elif not gap:
                start, end = (int(value) for value in re.search(r"from=(\d+)&to=(\d+)", uri).groups())
                data += silence(start, end)
        with av.open(io.BytesIO(data)) as container:
            assert sum(1 for _ in container.decode(container.streams[0])) >= decoded


def test_picture_and_sound_cover_the_same_time_over_a_hole(lesson):
    lesson.run(24 * SECOND)
    lesson.close()
    totals = [sum(segment[0] for segment in segments) for segments, _ in playlists(lesson)]
    assert totals[0] == pytest.approx(totals[1], abs=0.1)
    (pictures, _), (sound, _) = playlists(lesson)
    assert sum(s[0] for s in pictures if s[3]) == pytest.approx(10, abs=1.2)
    assert sum(s[0] for s in sound if "silence" in s[2]) == pytest.approx(10, abs=0.2)


def test_the_first_camera_leads_and_all_sound_is_one_group(studio, sender, h264, opus):
    lesson = studio()
    lesson.add(
        sender(h264, 1, person="m", source="screen"),
        sender(h264, 2, person="m", source="camera"),
        sender(opus, 3, person="t", source="microphone"),
        sender(opus, 4, person="m", source='micro"phone'),
    )
    lesson.run(3 * SECOND)
    files = lesson.library.files(lesson.item)
    lines = multivariant_playlist(files).splitlines()
    assert lines[-1] == "t1.m3u8"
    assert 'CODECS="avc1.42c00c,opus",RESOLUTION=320x180,AUDIO="sound"' in lines[-2]
    sounds = [line for line in lines if line.startswith("#EXT-X-MEDIA")]
    assert [re.search(r'NAME="([^"]*)",DEFAULT=(\w+)', line).groups() for line in sounds] == [
        ("t microphone", "NO"),
        ("m microphone", "YES"),
    ]
    angles = multivariant_playlist(files, all_angles=True)
    assert re.findall(r'NAME="(\w+)"\n(t\d)\.m3u8', angles) == [("camera", "t1"), ("screen", "t0")]
    assert multivariant_playlist(files, "t0").splitlines()[-1] == "t0.m3u8"
    with pytest.raises(NothingRecordedError):
        multivariant_playlist(files, "t9")


def test_sound_alone_is_played_alone(studio, sender, opus):
    lesson = studio()
    with pytest.raises(NothingRecordedError):
        multivariant_playlist(lesson.library.files(lesson.item)) if lesson.spool.work() else None
    lesson.add(sender(opus, 4, source="microphone"))
    lesson.run(3 * SECOND)
    assert multivariant_playlist(lesson.library.files(lesson.item)).splitlines()[-1] == "t0.m3u8"
