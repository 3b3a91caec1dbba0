"""HLS playlists (RFC 8216) of an item, made from its indexes alone. Pure.

A segment is a run of fragments, one byte range of a part file; it begins at a keyframe where there is one.
Segments follow from the fragments before them only, so a playlist of a live item grows and never changes
what it said. Sound is a rendition of its own beside the picture. Holes are segments without media: silence
in sound, EXT-X-GAP in pictures, so that both playlists cover the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from recorder.index import Fragment, Part, TrackIndex
from recorder.library import ItemFiles, TrackFiles

SEGMENT_US = 2_000_000
"""A segment is complete at the first keyframe (sound: fragment) behind so much media."""
TARGET_S = 6
"""EXT-X-TARGETDURATION, which must not change while the playlist grows: a picture segment is cut there
without a keyframe. Recorders ask for one every 4 s."""
HOLE_US = 20_000
"""Smaller holes are rounding."""
DEFAULT_BANDWIDTH = 3_000_000
"""bit/s, claimed until there is something to measure."""


class NothingRecordedError(LookupError):
    """The item has no media, or none yet."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Media of one part, or a hole (`length` 0). Times in microseconds of the item's clock."""

    part: int
    offset: int
    length: int
    start_us: int
    end_us: int

    @property
    def duration_s(self) -> float:
        return (self.end_us - self.start_us) / 1e6


def segments(index: TrackIndex, kind: str, *, ended: bool) -> list[Segment]:
    """The complete segments; of an ended item all there is."""
    found: list[Segment] = []
    run: list[Fragment] = []
    for fragment in index.fragments:
        if run and _begins_segment(index, run, fragment, kind):
            found.append(_segment(index, run))
            run = []
        if not run and found:
            found += _holes(found[-1].end_us, index.start_us(fragment), fragment.part)
        run.append(fragment)
    if run and ended:
        found.append(_segment(index, run))
    return found


def _begins_segment(index: TrackIndex, run: list[Fragment], fragment: Fragment, kind: str) -> bool:
    start_us, end_us = index.start_us(run[0]), index.end_us(run[-1])
    if fragment.part != run[0].part or index.start_us(fragment) - end_us > HOLE_US:
        return True
    if index.end_us(fragment) - start_us > TARGET_S * 1_000_000:
        return True
    return end_us - start_us >= SEGMENT_US and (fragment.keyframe or kind == "audio")


def _segment(index: TrackIndex, run: list[Fragment]) -> Segment:
    first, last = run[0], run[-1]
    length = last.offset + last.length - first.offset
    return Segment(first.part, first.offset, length, index.start_us(first), index.end_us(last))


def _holes(start_us: int, end_us: int, part: int) -> Iterator[Segment]:
    while end_us - start_us > HOLE_US:
        until = min(end_us, start_us + TARGET_S * 1_000_000)
        yield Segment(part, 0, 0, start_us, until)
        start_us = until


def media_playlist(item: ItemFiles, track: TrackFiles) -> str:
    """Of one track. Addresses are relative to the item's directory."""
    name, ended = track.entry.track, item.ended is not None
    lines = ["#EXTM3U", "#EXT-X-VERSION:8", f"#EXT-X-TARGETDURATION:{TARGET_S}"]
    lines += [f"#EXT-X-PLAYLIST-TYPE:{'VOD' if ended else 'EVENT'}", "#EXT-X-MEDIA-SEQUENCE:0"]
    part: Part | None = None
    before: Segment | None = None
    for segment in segments(track.index, track.entry.kind, ended=ended):
        if part is None or segment.part != part.part:
            part = track.index.parts[segment.part]
            lines.append(f'#EXT-X-MAP:URI="{name}.{part.part}.mp4",BYTERANGE="{part.init}@0"')
        if before is None or bool(before.length) != bool(segment.length):
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(item.header.started_ms, segment.start_us)}")
        lines += _segment_lines(name, track.entry.kind, segment)
        before = segment
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _segment_lines(track: str, kind: str, segment: Segment) -> list[str]:
    duration = f"#EXTINF:{segment.duration_s:.6f},"
    if segment.length:
        where = f"#EXT-X-BYTERANGE:{segment.length}@{segment.offset}"
        return [duration, where, f"{track}.{segment.part}.mp4"]
    span = f"from={segment.start_us}&to={segment.end_us}"
    if kind == "audio":
        return [duration, f"{track}.silence.mp4?{span}"]
    return ["#EXT-X-GAP", duration, f"{track}.gap.mp4?{span}"]


def multivariant_playlist(item: ItemFiles, picture: str = "", *, all_angles: bool = False) -> str:
    """One picture (a track id; by default the main one) with all sound of the item as one group.

    all_angles: every picture as a variant with its source as NAME, the main one first; for our own player,
    which chooses by name. Any other would switch between them by bandwidth. Raises NothingRecordedError when
    there is nothing, or no such picture.
    """
    main = main_tracks(item, picture)
    lines = ["#EXTM3U", "#EXT-X-VERSION:8"]
    if main[0].entry.kind == "audio":
        return "\n".join([*lines, *_variant(main[0], [])]) + "\n"
    sounds = [track for track in item.tracks if track.entry.kind == "audio"]
    lines += [_rendition(track, default=track in main) for track in sounds]
    angles = main[:1]
    if all_angles:
        angles += [track for track in item.tracks if track.entry.kind == "video" and track not in main]
    for angle in angles:
        lines += _variant(angle, sounds)
    return "\n".join(lines) + "\n"


def _rendition(track: TrackFiles, *, default: bool) -> str:
    chosen = "YES" if default else "NO"
    name = _quoted(f"{track.entry.person} {track.entry.source}")
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME={name},DEFAULT={chosen},AUTOSELECT={chosen},'
        f'CHANNELS="2",URI="{track.entry.track}.m3u8"'
    )


def main_tracks(item: ItemFiles, picture: str = "") -> list[TrackFiles]:
    """The picture first, then the sound that belongs to it: of the same person, else the first. Of an
    item without pictures the first sound. Raises NothingRecordedError."""
    pictures = [track for track in item.tracks if track.entry.kind == "video"]
    sounds = [track for track in item.tracks if track.entry.kind == "audio"]
    if picture:
        pictures = [track for track in pictures if track.entry.track == picture]
    elif cameras := [track for track in pictures if not track.entry.source.startswith("screen")]:
        pictures = cameras
    if not pictures and (picture or not sounds):
        raise NothingRecordedError(item.header.id)
    if not pictures:
        return sounds[:1]
    own = [track for track in sounds if track.entry.person == pictures[0].entry.person]
    return [pictures[0], *(own or sounds)[:1]]


def _variant(track: TrackFiles, sounds: list[TrackFiles]) -> list[str]:
    part = track.index.latest
    assert part is not None, "a track without parts has no media"
    codecs = dict.fromkeys([part.codec, *(s.index.latest.codec for s in sounds if s.index.latest)])
    attributes = [f"BANDWIDTH={_bandwidth(track) + sum(_bandwidth(s) for s in sounds[:1])}"]
    attributes.append(f'CODECS="{",".join(codecs)}"')
    if part.width:
        attributes.append(f"RESOLUTION={part.width}x{part.height}")
    if sounds:
        attributes.append('AUDIO="sound"')
    attributes.append(f"NAME={_quoted(track.entry.source)}")
    return [f"#EXT-X-STREAM-INF:{','.join(attributes)}", f"{track.entry.track}.m3u8"]


def _quoted(text: str) -> str:
    """A quoted-string of RFC 8216, 4.2, which has no way to escape."""
    return '"' + "".join(c for c in text if c.isprintable() and c != '"') + '"'


def _bandwidth(track: TrackFiles) -> int:
    """Peak of the segments, bit/s."""
    rates = [
        8 * segment.length / segment.duration_s
        for segment in segments(track.index, track.entry.kind, ended=False)
        if segment.length and segment.duration_s > 0.5
    ]
    return round(max(rates, default=DEFAULT_BANDWIDTH))


def _date(started_ms: int, at_us: int) -> str:
    moment = datetime.fromtimestamp((started_ms + at_us / 1000) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
