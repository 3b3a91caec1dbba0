"""What is kept of everybody's seconds: the lesson's quality record.

Theory of operation. The seconds of a person are gathered in an array until there are enough for a row of
the database (`classroom.quality.Period`). Those rows fall due at different seconds for different people, so
that a full lesson writes some rows each second and never all of them at once. What is gathered would be lost
in a crash; so each second of all people of a lesson is noted in the database, as one small row, and those
notes become rows of the record at the next start (`classroom.store.quality_recovery`).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from operator import sub
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classroom.events import Fact, QualityMeasured, QualityNoted
from classroom.model import LessonId, PersonId
from classroom.quality import MAX_STREAMS, PERIOD_S, SECOND_BYTES, UNKNOWN, Packed, Period, StreamPeriod

if TYPE_CHECKING:
    from classroom.clock import Clock
    from sfu.engine.snapshot import StatsSnapshot, StreamTotals
    from sfu.quality import Rows
    from signaling.publications import LivePublication

SECOND_MS: Final = 1000
SLOT_S: Final = 5
"""Rows fall due in every fifth second: a statement of its own each second costs more than the rows in it."""
NOTED_EVERY: Final = 2
"""Looks. A commit costs 2 ms, whatever is in it; a crash costs what is not committed yet."""

Places = NDArray[np.intp]

GATHERED: Final = np.dtype(
    [
        ("count", np.uint8),
        ("started_ms", np.int64),
        ("seconds", np.uint8, (PERIOD_S, SECOND_BYTES)),
    ]
)
"""Of one person: seconds that are in no row yet."""


class Subject:
    """Of whom a record is kept, beside what GATHERED has."""

    def __init__(self, person: PersonId) -> None:
        self.person = person
        self.lesson = LessonId("")
        """On whose record the seconds are; empty: they are on none."""
        self.transports: tuple[int, ...] = ()
        """The latest on which anything was measured."""
        self.totals: dict[int, StreamTotals] = {}
        """Of the streams, when the last row was written."""


class _Roll(NamedTuple):
    """Who is on the record of one lesson."""

    rows: Places
    people: tuple[PersonId, ...]


class QualityRecord:
    """Hands rows and notes to the store. One for the server."""

    def __init__(self, observe: Callable[[Fact], None], clock: Clock) -> None:
        """observe: of the store."""
        self._observe = observe
        self._clock = clock
        self._media: ChainMap[int, LivePublication] = ChainMap({}, {})
        """By the media plane's id: of this look, and of the one before for who has just gone."""
        self._rolls: dict[LessonId, _Roll] | None = None
        self._notes: list[QualityNoted] = []
        """Not handed out yet."""
        self._looks = 0
        self._begun = 0

    def looked(self, publications: Iterable[LivePublication]) -> None:
        """A look begins."""
        now: dict[int, LivePublication] = {live.publication.id: live for live in publications}
        self._media = ChainMap(now, self._media.maps[0])
        self._looks += 1
        if self._looks % NOTED_EVERY == 0:
            for note in self._notes:
                self._observe(note)
            self._notes.clear()

    def due(self, newcomers: int) -> NDArray[np.int64]:
        """At which looks rows of each are due, modulo PERIOD_S."""
        first, self._begun = self._begun, self._begun + newcomers
        return (first + np.arange(newcomers)) * SLOT_S % PERIOD_S

    def changed(self) -> None:
        """Somebody came, went, or is on another record than before."""
        self._rolls = None

    def keep(self, subjects: Sequence[Subject], gathered: Rows, at: Places, packed: Packed) -> None:
        """One second. gathered: rows of GATHERED, one for each subject; at: places of those that were
        measured, packed: what of them, in the same order."""
        started_ms = self._clock.unix_ms() - SECOND_MS
        count = gathered["count"][at]
        begin = at[count == 0]
        gathered["started_ms"][begin] = started_ms
        gathered["seconds"][at, count] = packed
        gathered["count"][at] = count + 1
        self._note(subjects, started_ms, at, packed)

    def _note(self, subjects: Sequence[Subject], at_ms: int, at: Places, packed: Packed) -> None:
        if self._rolls is None:
            self._rolls = _call_rolls(subjects)
        everybody = np.full((len(subjects), SECOND_BYTES), UNKNOWN, np.uint8)
        everybody[at] = packed
        for lesson, roll in self._rolls.items():
            seconds = everybody[roll.rows].tobytes()
            note = QualityNoted(lesson_id=lesson, at_ms=at_ms, people=roll.people, packed=seconds)
            self._notes.append(note)

    def write(self, subject: Subject, gathered: Rows, at: int, snapshot: StatsSnapshot | None) -> None:
        """A row of what has been gathered of one, if anything. snapshot: the latest that has the lines."""
        count = int(gathered["count"][at])
        if not count:
            return
        gathered["count"][at] = 0
        streams = self._streams(subject, snapshot, count) if snapshot is not None else ()
        packed = gathered["seconds"][at, :count].tobytes()
        period = Period(subject.person, int(gathered["started_ms"][at]), packed, streams)
        self._observe(QualityMeasured(lesson_id=subject.lesson, at_ms=self._clock.unix_ms(), period=period))

    def _streams(self, subject: Subject, snapshot: StatsSnapshot, seconds: int) -> tuple[StreamPeriod, ...]:
        """What the streams did since the last row; those that carried most."""
        before, subject.totals = subject.totals, {}
        found: list[StreamPeriod] = []
        for transport in subject.transports:
            for totals in snapshot.streams(transport):
                subject.totals[totals.id] = totals
                live = self._media.get(totals.publication)
                if live is not None:
                    found.append(stream_period(live, before.get(totals.id), totals, seconds))
        return tuple(sorted(found, key=lambda stream: -stream.kbps)[:MAX_STREAMS])


def _call_rolls(subjects: Sequence[Subject]) -> dict[LessonId, _Roll]:
    rows: dict[LessonId, list[int]] = {}
    for at, subject in enumerate(subjects):
        if subject.lesson:
            rows.setdefault(subject.lesson, []).append(at)
    return {
        lesson: _Roll(np.array(places, np.intp), tuple(subjects[at].person for at in places))
        for lesson, places in rows.items()
    }


def stream_period(
    live: LivePublication, before: StreamTotals | None, after: StreamTotals, seconds: int
) -> StreamPeriod:
    """What one stream did between two moments."""
    # One that began anew counts from zero.
    then = before if before is not None and before.packets <= after.packets else None
    was = _NOTHING if then is None else _counts(then)
    packets, octets, expected, repaired, nacks, plis, shed, stalls = map(sub, _counts(after), was)
    lost = after.lost
    if not after.outgoing:
        lost = max(expected - max(packets - repaired, 0), 0) / expected if expected else 0.0
    return StreamPeriod(
        person=live.person,
        source=live.source,
        sent=after.outgoing,
        kbps=8 * octets // (1000 * max(seconds, 1)),
        lost=round(lost, 4),
        repaired=repaired,
        asked=nacks,
        pictures_asked=plis,
        left_out=shed,
        round_trip_ms=int(1000 * after.round_trip_s),
        jitter_ms=int(1000 * after.jitter_s),
        layer=after.layer,
        wanted=after.wanted,
        paused=after.paused,
        frozen_s=stalls,  # a look a second
        first_ms=round(1000 * after.first_s) if after.first_s >= 0 else -1,
    )


_NOTHING: Final = (0,) * 8


def _counts(totals: StreamTotals) -> tuple[int, ...]:
    return (
        totals.packets,
        totals.bytes,
        totals.expected,
        totals.repaired,
        totals.nacks,
        totals.plis,
        totals.shed,
        totals.stalls,
    )
