"""The write side of one item: its ledger, its tracks, their part files and indexes. Nothing here waits
for the disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from recorder import chain, index, ledger
from recorder.chain import Chain, Checkpoint, Head, Signer
from recorder.control import EndCause, GapCause, ItemOpen, RemovalCause
from recorder.cutter import Cut, Hole
from recorder.fragments import FragmentMuxer
from recorder.index import TrackIndex
from recorder.media_lines import fragment_line, part_line
from recorder.spool import Close, Replace, Spool, Sync, Write

GAP_US = 100_000
"""Between the end of one stream of a track and the beginning of the next: less is a change of streams,
not a gap."""
PART_US = 600_000_000
"""A part is finished at the first keyframe behind so much media, and can move to the archive: 110 MB of a
720p camera."""
HEADER, LEDGER, CHECKPOINTS = "item.json", "ledger.jsonl", "checkpoints.jsonl"
TOMBSTONE = "tombstone.json"


def header_path(item: str) -> str:
    return f"{item}/{HEADER}"


def ledger_path(item: str) -> str:
    return f"{item}/{LEDGER}"


def checkpoints_path(item: str) -> str:
    return f"{item}/{CHECKPOINTS}"


def tombstone_path(item: str) -> str:
    return f"{item}/{TOMBSTONE}"


def summary_path(item: str) -> str:
    return f"{item}/summary.json"


def index_path(item: str, track: str) -> str:
    return f"{item}/{index_name(track)}"


def index_name(track: str) -> str:
    return f"{track}.jsonl"


def part_path(item: str, track: str, part: int) -> str:
    return f"{item}/{track}.{part}.mp4"


class GrowingFile:
    """A file that only grows, written through the spool."""

    def __init__(self, spool: Spool, path: str, size: int = 0) -> None:
        self._spool = spool
        self.path = path
        self.size = size

    def append(self, data: bytes) -> int:
        """Returns the offset of the data."""
        offset = self.size
        self._spool.put(Write(self.path, offset, data))
        self.size += len(data)
        return offset

    def close(self) -> None:
        self._spool.put(Close(self.path))


class ChainedFile:
    """A file of lines that only grows, each linked to the one before."""

    def __init__(self, spool: Spool, path: str, end: Chain) -> None:
        self._file = GrowingFile(spool, path, end.size)
        self._chain = end
        self.name = path.rpartition("/")[2]

    @property
    def head(self) -> Head:
        return self._chain.head

    def append(self, body: bytes) -> None:
        """body: a JSON object."""
        self._file.append(self._chain.link(body))

    def sign(self, checkpoint: Checkpoint, signer: Signer) -> None:
        self._file.append(self._chain.sign(checkpoint, signer))

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class KnownTrack:
    """What earlier processes recorded of a track."""

    index: TrackIndex
    end: Chain
    """Of its index."""
    next_part: int


class TrackWriter:
    """One person's one source, over all streams that carry it."""

    def __init__(self, item: ItemWriter, track: str, known: KnownTrack) -> None:
        self.id = track
        self._owner = item
        self._item = item.id
        self._spool = spool = item.spool
        self.index = ChainedFile(spool, index_path(item.id, track), known.end)
        self._part = known.next_part - 1
        self._part_start_us = 0
        self._file: GrowingFile | None = None
        self._muxer: FragmentMuxer | None = None
        self._number = 0
        self.end_us: int | None = known.index.span_us[1] if known.index.fragments else None
        """Item clock behind the last sample recorded."""
        self.missing: GapCause | None = "server" if known.index.fragments else None
        """Why there is nothing since then, as far as known; None where nothing is expected."""
        self._refused = False

    def append(self, cut: Cut) -> bool:
        """False: it could not be kept, and nothing will be until a keyframe."""
        rate = cut.config.clock_rate
        start_us = cut.time * 1_000_000 // rate
        keyframe = cut.samples[0].keyframe
        long = keyframe and start_us - self._part_start_us >= PART_US
        if self._muxer is None or self._refused or long or cut.config != self._muxer.config:
            if not keyframe:
                return False
            if not self._begin_part(cut, start_us):
                return self._refuse()
        assert self._muxer is not None and self._file is not None
        data = self._muxer.fragment(cut.samples, self._number + 1)
        if not self._spool.has_room(len(data)):
            return self._refuse()
        self._refused = False
        self._number += 1
        self._note_gap(cut)
        self.end_us = cut.end * 1_000_000 // rate
        offset = self._file.append(data)
        self.index.append(index.body(fragment_line(data, self._part, offset)))
        return True

    def went_silent(self, until_us: int, cause: GapCause) -> None:
        """Nothing came any more long before the stream was ended, at `until_us`, for whatever reason."""
        if self.end_us is not None and until_us - self.end_us >= GAP_US:
            self._owner.note_gap(self, Hole(self.end_us, until_us - self.end_us, cause))
            self.end_us = until_us

    def close(self) -> None:
        self._close_part()
        self.index.close()

    def _begin_part(self, cut: Cut, start_us: int) -> bool:
        same = self._muxer is not None and cut.config == self._muxer.config
        if same and start_us - self._part_start_us < PART_US:
            return True  # only after a refusal: the part can go on
        muxer = FragmentMuxer(cut.config, cut.samples[0].data)
        if not self._spool.has_room(len(muxer.init)):
            return False
        self._close_part()
        self._part += 1
        self._part_start_us = start_us
        self._number = 0
        self._muxer = muxer
        self._file = GrowingFile(self._spool, part_path(self._item, self.id, self._part))
        self._file.append(muxer.init)
        self.index.append(index.body(part_line(muxer.init, self._part)))
        return True

    def _close_part(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._muxer = None

    def _refuse(self) -> bool:
        self._refused = True
        self.missing = "server"
        return False

    def _note_gap(self, cut: Cut) -> None:
        start_us = cut.time * 1_000_000 // cut.config.clock_rate
        hole = cut.hole
        if self.missing is not None and self.end_us is not None and start_us - self.end_us >= GAP_US:
            hole = Hole(self.end_us, start_us - self.end_us, self.missing)
        self.missing = None
        if hole is not None:
            self._owner.note_gap(self, hole)


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What earlier processes recorded of an item, after its files were mended."""

    header: bytes = b""
    """Of `item.json`; empty: there is no such item yet."""
    entries: Sequence[ledger.Entry] = ()
    ledger: Chain | None = None
    checkpoints: Chain | None = None
    tracks: dict[str, KnownTrack] = field(default_factory=dict)

    @property
    def end_us(self) -> int:
        """Item clock behind the last sample of any track."""
        return max((track.index.span_us[1] for track in self.tracks.values()), default=0)


class ItemWriter:
    def __init__(
        self,
        opened: ItemOpen,
        known: KnownItem,
        spool: Spool,
        counters: Counter[str],
        now_us: int,
        signer: Signer,
    ) -> None:
        """counters: `gap_CAUSE` for every gap."""
        self.id = opened.item
        self.started_us = opened.started_us
        self.spool = spool
        self._counters = counters
        self._signer = signer
        self._header = known.header or self._write_header(opened)
        self._log = self._chained(ledger_path(self.id), known.ledger)
        self._checkpoints = self._chained(checkpoints_path(self.id), known.checkpoints)
        self._tracks: dict[tuple[str, str], TrackWriter] = {}
        self._signed: dict[str, Head] = {}
        """File name -> its head in the last checkpoint of this process."""
        for entry in known.entries:
            if isinstance(entry, ledger.TrackAdded):
                self._tracks[entry.person, entry.source] = self._writer(
                    entry.track, known.tracks.get(entry.track)
                )
        self._note(ledger.Resumed(at_us=now_us))

    def track(self, person: str, source: str, kind: Literal["audio", "video"], now_us: int) -> TrackWriter:
        """The track of that source, new or known; a stream of it begins."""
        track = self._tracks.get((person, source))
        if track is None:
            identity = f"t{len(self._tracks)}"
            track = self._writer(identity, None)
            self._tracks[person, source] = track
            self._note(
                ledger.TrackAdded(track=identity, person=person, source=source, kind=kind, at_us=now_us)
            )
        self._note(ledger.Began(track=track.id, at_us=now_us))
        return track

    def stopped(self, track: TrackWriter, cause: RemovalCause, error_us: int, now_us: int) -> None:
        track.missing = None if cause == "left" else cause
        self._note(ledger.Stopped(track=track.id, at_us=now_us, cause=cause, error_us=error_us))

    def muted(self, person: str, source: str, muted: bool, now_us: int) -> None:
        track = self._tracks.get((person, source))
        if track is not None:
            self._note(ledger.Muted(track=track.id, at_us=now_us, muted=muted))

    def note_gap(self, track: TrackWriter, hole: Hole) -> None:
        self._counters[f"gap_{hole.cause}"] += 1
        self._note(
            ledger.Gap(track=track.id, at_us=hole.at_us, duration_us=hole.duration_us, cause=hole.cause)
        )

    def checkpoint(self, now_us: int) -> None:
        """Signs what has come since the last one, if anything has."""
        heads = self._heads()
        grown = {name: head for name, head in heads.items() if head != self._signed.get(name)}
        if grown:
            self._sign(grown, now_us, sealed=False)

    def close(self, now_us: int, cause: EndCause, done: Callable[[], None]) -> None:
        """Finishes the files. `done` is called, in the spool's thread, when all is on the disk."""
        for track in self._tracks.values():
            track.close()
        self._note(ledger.Ended(at_us=now_us, cause=cause))
        self._log.close()
        self._sign(self._heads(), now_us, sealed=True)
        self.spool.put(Close(checkpoints_path(self.id), done))

    def _sign(self, heads: dict[str, Head], now_us: int, *, sealed: bool) -> None:
        """It is written when all that it speaks of is on the disk."""
        self._signed |= heads
        self.spool.put(Sync(self.id))
        checkpoint = Checkpoint(item=self.id, at_us=now_us, files=heads, sealed=sealed)
        self._checkpoints.sign(checkpoint, self._signer)

    def _heads(self) -> dict[str, Head]:
        files = [self._log, *(track.index for track in self._tracks.values())]
        return {file.name: file.head for file in files}

    def _writer(self, track: str, known: KnownTrack | None) -> TrackWriter:
        if known is None:
            first = chain.genesis(self._header, index_name(track))
            known = KnownTrack(TrackIndex(), Chain(first), 0)
        return TrackWriter(self, track, known)

    def _chained(self, path: str, end: Chain | None) -> ChainedFile:
        name = path.rpartition("/")[2]
        return ChainedFile(self.spool, path, end or Chain(chain.genesis(self._header, name)))

    def _write_header(self, opened: ItemOpen) -> bytes:
        header = ledger.Header(
            id=opened.item,
            lesson=opened.lesson,
            title=opened.title,
            started_ms=opened.started_ms,
            version=ledger.VERSION,
            key=self._signer.public,
        )
        data = ledger.encode(header)
        self.spool.put(Replace(header_path(self.id), data))
        return data

    def _note(self, entry: ledger.Entry) -> None:
        self._log.append(ledger.body(entry))
