"""HLS playlists of an item (RFC 8216bis), made from its segments alone. Pure.

Every address is relative to the item's directory and names bytes that never change, so caches may keep them:

    t0.m3u8                 the media playlist of track t0
    t0.2.init.mp4           the initialisation segment of its part file 2
    t0.2.4711-9000.mp4      a segment: bytes 4711 to 8999 of that file
    t0.2.4711.mp4           a partial segment: the fragment that begins at byte 4711; the next one
                            can be named, and waited for, before it is there (EXT-X-PRELOAD-HINT)
    t0.silence.mp4?...      sound where there was none
    t0.gap.mp4?...          never asked for: a picture that is not there (EXT-X-GAP)

Sound is a rendition of its own beside the picture, another angle too. A live playlist is an EVENT playlist
from the item's first second; when the item has ended it is VOD, with the same segments under the same
numbers. What is far enough behind the live edge can be skipped in updates (EXT-X-SKIP).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from recorder.index import Part
from recorder.ledger import TrackAdded
from recorder.segments import PART_TARGET_US, TARGET_S, Piece, Segment, SegmentTable

PART_TARGET_S = PART_TARGET_US / 1e6
PART_HOLD_BACK_S = 3 * PART_TARGET_S
"""How far behind the live edge players stay; three partial segments, as 4.4.3.8 asks. With half a second that
a fragment takes to be recorded, and its way, a viewer is 2 to 3 s behind."""
HOLD_BACK_S = 3 * TARGET_S
"""The same for players that know segments only."""
SKIP_UNTIL_S = 6 * TARGET_S
"""The least that 4.4.3.8 allows."""
PARTS_KEPT_S = 3 * TARGET_S
"""Behind the live edge, partial segments are no longer listed (4.4.4.9)."""
ADVANCE_SEGMENTS = 2
ADVANCE_PARTS = math.ceil(3 / PART_TARGET_S)
"""How far beyond the live edge a player may ask (6.2.5.2)."""
OUT_OF_STEP_US = 2_000
"""A segment that does not begin where the one before ends says when it does."""
DEFAULT_BANDWIDTH = 3_000_000
"""bit/s, claimed until there is something to measure."""


class NothingRecordedError(LookupError):
    """The item has no media, or none yet."""


class BeyondLiveEdgeError(ValueError):
    """A playlist is asked for that the next few seconds cannot bring."""


def segment_name(track: str, segment: Segment) -> str:
    return f"{track}.{segment.part}.{segment.offset}-{segment.end}.mp4"


def piece_name(track: str, part: int, offset: int) -> str:
    return f"{track}.{part}.{offset}.mp4"


def init_name(track: str, part: int) -> str:
    return f"{track}.{part}.init.mp4"


@dataclass(frozen=True, slots=True)
class Report:
    """How far another rendition is (EXT-X-RENDITION-REPORT)."""

    track: str
    segment: int
    part: int


@dataclass(frozen=True, slots=True)
class _Recent:
    """A segment that updates cannot skip yet."""

    head: str
    """What stands before its partial segments."""
    pieces: tuple[Piece, ...]
    """Its partial segments, where they are to be told."""
    tail: str
    end_us: int


class MediaPlaylist:
    """The playlist of one track as text that grows: `add` each complete segment, `begun` what follows."""

    def __init__(self, track: str, kind: str, started_ms: int) -> None:
        self._track, self._kind, self._started_ms = track, kind, started_ms
        self._old: list[str] = []
        self._recent: deque[_Recent] = deque()
        self._open: Sequence[Piece] = ()
        self._open_head = ""
        self._last: Segment | None = None
        self._ended = False
        self.version = 0
        """Changes with the text."""

    @property
    def segments(self) -> int:
        """How many are complete."""
        return len(self._old) + len(self._recent)

    def add(self, segment: Segment, pieces: Sequence[Piece]) -> None:
        """pieces: its partial segments, where they are to be told."""
        head = self._head(segment)
        self._recent.append(_Recent(head, tuple(pieces), self._segment(segment), segment.end_us))
        self._last = segment
        self._open, self._open_head = (), ""
        boundary_us = segment.end_us - SKIP_UNTIL_S * 1_000_000
        while self._recent[0].end_us < boundary_us:
            oldest = self._recent.popleft()
            self._old.append(oldest.head + oldest.tail)
        self.version += 1

    def fill(self, segments: SegmentTable, pieces: Mapping[int, Sequence[Piece]]) -> None:
        """As `add` of one after another, of hours at once; pieces: by number of segment."""
        boundary_us = segments[-1].end_us - SKIP_UNTIL_S * 1_000_000 if len(segments) else 0
        for number, segment in enumerate(segments):
            if segment.end_us < boundary_us:
                self._old.append(self._head(segment) + self._segment(segment))
                self._last = segment
            else:
                self.add(segment, pieces.get(number, ()))

    def begun(self, pieces: Sequence[Piece]) -> None:
        """The partial segments of the segment that is not complete."""
        if len(pieces) == len(self._open):
            return
        if pieces and not self._open:
            first = pieces[0]
            self._open_head = self._head(Segment(first.part, first.offset, 1, first.start_us, first.end_us))
        self._open = tuple(pieces)
        self.version += 1

    def end(self) -> None:
        self._ended = True
        self.version += 1

    def has(self, segment: int, part: int | None) -> bool:
        """Whether the playlist has what a player waits for (6.2.5.2). Raises BeyondLiveEdgeError."""
        complete = self.segments
        if self._ended or segment < complete - 1:
            return True
        if segment == complete - 1:
            last = self._recent[-1]
            if part is None or part < len(last.pieces) or not last.pieces:
                return True
            segment, part = complete, 0  # beyond its last part: the first of the next
        if segment > complete + ADVANCE_SEGMENTS - (not self._open):
            raise BeyondLiveEdgeError(segment)
        if part is None:
            return False
        ahead = part - (len(self._open) if segment == complete else 0)
        if ahead >= ADVANCE_PARTS:
            raise BeyondLiveEdgeError(segment, part)
        return segment == complete and part < len(self._open)

    def report(self) -> Report:
        if self._open:
            return Report(self._track, self.segments, len(self._open) - 1)
        pieces = len(self._recent[-1].pieces) if self._recent else 0
        return Report(self._track, self.segments - 1, max(0, pieces - 1))

    def text(self, reports: Iterable[Report] = (), *, skip: bool = False) -> str:
        """skip: without what a player that follows has already (a Playlist Delta Update, 6.2.5.1)."""
        lines = [self._header()]
        if skip and self._old and not self._ended:
            lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={len(self._old)}\n")
        else:
            lines += self._old
        edge_us = self._open[-1].end_us if self._open else self._last.end_us if self._last else 0
        for recent in self._recent:
            told = not self._ended and recent.end_us > edge_us - PARTS_KEPT_S * 1_000_000
            parts = [self._piece(piece) for piece in recent.pieces] if told else []
            lines += (recent.head, *parts, recent.tail)
        if self._ended:
            return "".join([*lines, "#EXT-X-ENDLIST\n"])
        lines.append(self._open_head)
        lines += [self._piece(piece) for piece in self._open]
        lines.append(self._hint())
        lines += [
            f'#EXT-X-RENDITION-REPORT:URI="{r.track}.m3u8",LAST-MSN={r.segment},LAST-PART={r.part}\n'
            for r in reports
        ]
        return "".join(lines)

    def _header(self) -> str:
        lines = ["#EXTM3U", "#EXT-X-VERSION:9", f"#EXT-X-TARGETDURATION:{TARGET_S}"]
        if not self._ended:
            lines.append(
                f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={PART_HOLD_BACK_S:.2f},"
                f"HOLD-BACK={HOLD_BACK_S:.1f},CAN-SKIP-UNTIL={SKIP_UNTIL_S:.1f}"
            )
            lines.append(f"#EXT-X-PART-INF:PART-TARGET={PART_TARGET_S:.2f}")
        lines += [f"#EXT-X-PLAYLIST-TYPE:{'VOD' if self._ended else 'EVENT'}", "#EXT-X-MEDIA-SEQUENCE:0"]
        return "\n".join(lines) + "\n"

    def _head(self, segment: Segment) -> str:
        """What is new with this segment: the part file, the time, whether there is media."""
        before, lines = self._last, ""
        if before is None or before.part != segment.part:
            lines += f'#EXT-X-MAP:URI="{init_name(self._track, segment.part)}"\n'
        step_us = segment.start_us - before.end_us if before else 0
        if before is None or bool(before.length) != bool(segment.length) or abs(step_us) > OUT_OF_STEP_US:
            lines += f"#EXT-X-PROGRAM-DATE-TIME:{_date(self._started_ms, segment.start_us)}\n"
        return lines

    def _segment(self, segment: Segment) -> str:
        duration = f"#EXTINF:{segment.duration_s:.6f},\n"
        if segment.length:
            return f"{duration}{segment_name(self._track, segment)}\n"
        span = f"from={segment.start_us}&to={segment.end_us}"
        if self._kind == "audio":
            return f"{duration}{self._track}.silence.mp4?{span}\n"
        return f"#EXT-X-GAP\n{duration}{self._track}.gap.mp4?{span}\n"

    def _piece(self, piece: Piece) -> str:
        name = piece_name(self._track, piece.part, piece.offset)
        independent = ",INDEPENDENT=YES" if piece.independent else ""
        return f'#EXT-X-PART:DURATION={piece.duration_us / 1e6:.6f},URI="{name}"{independent}\n'

    def _hint(self) -> str:
        """The fragment that will follow, unless another part file begins."""
        last = self._open[-1] if self._open else self._last
        if last is None:
            return ""
        return f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{piece_name(self._track, last.part, last.end)}"\n'


class Track(Protocol):
    """What a multivariant playlist has to know of a track."""

    @property
    def entry(self) -> TrackAdded: ...
    @property
    def latest(self) -> Part | None: ...
    @property
    def peak_rate(self) -> float: ...


class HasEntry(Protocol):
    @property
    def entry(self) -> TrackAdded: ...


T = TypeVar("T", bound=HasEntry)


@dataclass(frozen=True, slots=True)
class Subtitles:
    """A WebVTT file with what is said."""

    language: str
    """BCP 47."""
    name: str


def multivariant_playlist(
    tracks: Sequence[Track],
    picture: str = "",
    *,
    all_angles: bool = False,
    subtitles: Sequence[Subtitles] = (),
) -> str:
    """One picture (a track id; by default the main one) with all sound of the item as one group, and the
    other pictures as renditions of it.

    all_angles: every picture as a variant with its source as NAME, the main one first, for our own player,
    whose library knows no renditions of pictures and lets us choose variants by name. Any other would switch
    between them by bandwidth. Raises NothingRecordedError when there is nothing, or no such picture.
    """
    main = main_tracks(tracks, picture)
    lines = ["#EXTM3U", "#EXT-X-VERSION:9"]
    lines += [_subtitles(each) for each in subtitles]
    if main[0].entry.kind == "audio":
        return "\n".join([*lines, *_variant(main[0], [], "", bool(subtitles))]) + "\n"
    sounds = [track for track in tracks if track.entry.kind == "audio"]
    others = [track for track in tracks if track.entry.kind == "video" and track is not main[0]]
    lines += [_sound(track, default=track in main) for track in sounds]
    group = "" if all_angles or not others else "angles"
    if group:
        lines += [_angle(track, default=track is main[0]) for track in [main[0], *others]]
    for angle in [main[0], *(others if all_angles else [])]:
        lines += _variant(angle, sounds, group, bool(subtitles))
    return "\n".join(lines) + "\n"


def main_tracks(tracks: Sequence[T], picture: str = "") -> list[T]:
    """The picture first, then the sound that belongs to it: what was mixed of all, else of the same person,
    else the first. Of an item without pictures the first sound. Raises NothingRecordedError."""
    pictures = [track for track in tracks if track.entry.kind == "video"]
    sounds = [track for track in tracks if track.entry.kind == "audio"]
    if picture:
        pictures = [track for track in pictures if track.entry.track == picture]
    elif cameras := [track for track in pictures if not track.entry.source.startswith("screen")]:
        pictures = cameras
    if not pictures and (picture or not sounds):
        raise NothingRecordedError(picture)
    if not pictures:
        return sounds[:1]
    own = [track for track in sounds if track.entry.person == pictures[0].entry.person]
    return [pictures[0], *(own or sounds)[:1]]


def _sound(track: Track, *, default: bool) -> str:
    chosen = "YES" if default else "NO"
    name = _quoted(f"{track.entry.person} {track.entry.source}")
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME={name},DEFAULT={chosen},AUTOSELECT={chosen},'
        f'CHANNELS="2",URI="{track.entry.track}.m3u8"'
    )


def _angle(track: Track, *, default: bool) -> str:
    chosen = "YES" if default else "NO"
    name = _quoted(f"{track.entry.person} {track.entry.source}")
    return (
        f'#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="angles",NAME={name},DEFAULT={chosen},AUTOSELECT={chosen},'
        f'URI="{track.entry.track}.m3u8"'
    )


def _subtitles(each: Subtitles) -> str:
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME={_quoted(each.name)},DEFAULT=NO,AUTOSELECT=YES,'
        f'LANGUAGE={_quoted(each.language)},URI="captions.{each.language}.m3u8"'
    )


def _variant(track: Track, sounds: Sequence[Track], angles: str, subtitles: bool) -> list[str]:
    part = track.latest
    assert part is not None, "a track without parts has no media"
    codecs = dict.fromkeys([part.codec, *(sound.latest.codec for sound in sounds if sound.latest)])
    attributes = [f"BANDWIDTH={_bandwidth(track) + sum(_bandwidth(sound) for sound in sounds[:1])}"]
    attributes.append(f'CODECS="{",".join(codecs)}"')
    if part.width:
        attributes.append(f"RESOLUTION={part.width}x{part.height}")
    if sounds:
        attributes.append('AUDIO="sound"')
    if angles:
        attributes.append(f'VIDEO="{angles}"')
    if subtitles:
        attributes.append('SUBTITLES="captions"')
    attributes.append(f"NAME={_quoted(track.entry.source)}")
    return [f"#EXT-X-STREAM-INF:{','.join(attributes)}", f"{track.entry.track}.m3u8"]


def with_query(text: str, query: str) -> str:
    """The playlist with the query (`t=...`) behind every address in it, for players that pass nothing on."""

    def mark(address: str) -> str:
        return f"{address}{'&' if '?' in address else '?'}{query}"

    named = re.sub(r'URI="([^"]+)"', lambda found: f'URI="{mark(found[1])}"', text)
    return re.sub(r"^(?!#)(.+)$", lambda found: mark(found[1]), named, flags=re.MULTILINE)


def _quoted(text: str) -> str:
    """A quoted-string of RFC 8216, 4.2, which has no way to escape."""
    return '"' + "".join(c for c in text if c.isprintable() and c != '"') + '"'


def _bandwidth(track: Track) -> int:
    """Peak of the segments, bit/s."""
    return round(track.peak_rate) or DEFAULT_BANDWIDTH


def _date(started_ms: int, at_us: int) -> str:
    moment = datetime.fromtimestamp((started_ms + at_us / 1000) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
