"""How well each person was reached, second by second: the lesson's quality record. Values and pure functions.

Size. A second is 12 bytes, and a row of the database holds PERIOD_S of them for one person, column by column
and compressed, beside a few plain columns to search and sum by. A second looks much like the one before:
with every figure breathing by 10 % a row takes 560 bytes with its key, so 1,000 people for 45 minutes are
22,500 rows and 13 MB; steady ones a third of that. A shorter period would mean more rows for the same seconds
(of a minute 45,000 and 18 MB), and a row costs 0.1 ms, writing included. A longer one would tell less of
streams, which are summed up over it, and the record would be read later; seconds are not lost by it: those
that are in no row yet are noted (`events.QualityNoted`).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import compress
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from classroom.model import PersonId
from sfu.params import Quality, QualityReason

PERIOD_S: Final = 120
"""Seconds in one row."""
MAX_STREAMS: Final = 32
"""In one row: more than a wall of classes shows at a time; those that carried most."""
BODY_LEVEL: Final = 6
"""Of zlib: what a higher one saves is not worth its time."""
_BAD_SHARE: Final = 0.25

LEVELS: Final = tuple(Quality)
REASONS: Final = tuple(QualityReason)
"""What is stored is the place in these: new ones are added at the end."""
_LEVEL_AT: Final = {level: at for at, level in enumerate(LEVELS)}
_REASON_AT: Final = {reason: at for at, reason in enumerate(REASONS)}
_SECOND: Final = struct.Struct("<9BbBb")
SECOND_BYTES: Final = _SECOND.size
FIRST_BYTES: Final = 11
"""Of a second as it was before `wanted` came to it."""
_NOTHING_WANTED: Final = b"\xff"
"""`wanted` of such a second: not known."""
UNKNOWN: Final = 255
"""In the place of a level: nothing was measured in this second."""
_STEP: Final = math.log(1.05)
"""Rates and times are stored by their logarithm, in steps of 5 %: 0 to 250,000 in a byte, right to 2.5 %.
Nobody asks for more, and figures that only breathe become the same byte again and again."""
_AMOUNTS: Final = tuple(round(math.expm1(at * _STEP)) for at in range(256))
_WHOLE: Final = 255
"""Fractions are stored in 255ths."""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of one person. Fractions 0..1; amounts come back right to 2.5 %, what is more than its field
    takes as its most."""

    level: Quality
    reason: QualityReason
    up_kbps: int
    """From the person."""
    down_kbps: int
    lost_up: float
    """Before repair."""
    lost_down: float
    round_trip_ms: int
    """0: not known."""
    jitter_ms: int
    estimate_kbps: int
    """What the downlink carries; 0: not known."""
    layer: int
    """Sent of the largest picture; -1: none, or it waits."""
    frozen: int
    """Pictures that stood still, as the server saw it or the person's own page counted."""
    wanted: int = -1
    """Of the same picture as `layer`; -1: there is none, or it was not noted yet."""


_FIELDS: Final = tuple(field.name for field in fields(Second))
_VALUES: Final = attrgetter(*_FIELDS)


class StreamFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One track of the person, or one that the person got, over the period."""

    person: str
    """Who sends it."""
    source: str
    sent: bool = False
    """To the person; else by the person."""
    kbps: int = 0
    lost: float = 0.0
    """Before repair."""
    repaired: int = 0
    """Repeats: that came of it, or were sent of it."""
    asked: int = 0
    """Pieces asked for again."""
    pictures_asked: int = 0
    """Whole pictures asked for."""
    left_out: int = 0
    """Pictures left out because they would have come too late."""
    round_trip_ms: int = 0
    jitter_ms: int = 0
    layer: int = 0
    """At the end of the period; -1: nothing of it."""
    wanted: int = 0
    paused: bool = False
    frozen_s: int = 0
    """Seconds in which it stood still on its way to the person."""
    first_ms: int = -1
    """To the person: from when it was to come until the first of it left the server; -1: nothing has."""


class StreamPeriod(StreamFigures, frozen=True, kw_only=True, array_like=True):
    """The same as it is stored, without the names of its fields: new ones are added at the end."""


class Columns(NamedTuple):
    """Many seconds of many people, a column each; fields as in Second."""

    level: ArrayLike
    """Places in LEVELS."""
    reason: ArrayLike
    """Places in REASONS."""
    up_kbps: ArrayLike
    down_kbps: ArrayLike
    lost_up: ArrayLike
    lost_down: ArrayLike
    round_trip_ms: ArrayLike
    jitter_ms: ArrayLike
    estimate_kbps: ArrayLike
    layer: ArrayLike
    frozen: ArrayLike
    wanted: ArrayLike


Column = NDArray[Any]
Packed = NDArray[np.uint8]
"""Seconds as they are stored: SECOND_BYTES each, in the order of the fields."""


@dataclass(frozen=True, slots=True)
class Period:
    """Consecutive seconds of one person."""

    person: PersonId
    started_ms: int
    """Unix time in ms."""
    packed: bytes
    """At least one second."""
    streams: tuple[StreamPeriod, ...] = ()

    @classmethod
    def of(
        cls,
        person: PersonId,
        started_ms: int,
        seconds: Sequence[Second],
        streams: Sequence[StreamPeriod] = (),
    ) -> Period:
        return cls(person, started_ms, pack(columns(seconds)).tobytes(), tuple(streams))

    @property
    def seconds(self) -> tuple[Second, ...]:
        return tuple(map(_second, _SECOND.iter_unpack(self.packed)))

    def __len__(self) -> int:
        """Seconds."""
        return len(self.packed) // SECOND_BYTES


def columns(seconds: Sequence[Second]) -> Columns:
    level, reason, *rest = zip(*map(_VALUES, seconds), strict=True)
    return Columns([_LEVEL_AT[each] for each in level], [_REASON_AT[each] for each in reason], *rest)


def pack(found: Columns) -> Packed:
    """shape (seconds, SECOND_BYTES)."""
    packed = np.empty((len(np.atleast_1d(found.level)), SECOND_BYTES), np.uint8)
    for at, (name, column) in enumerate(zip(_FIELDS, found, strict=True)):
        packed[:, at] = _PACKING.get(name, _as_it_is)(np.asarray(column))
    return packed


def _amount(column: Column) -> Column:
    codes: Column = np.minimum(np.rint(np.log1p(column) / _STEP), 255)
    return codes


def _share(column: Column) -> Column:
    shares: Column = np.rint(column * _WHOLE)
    return shares


def _at_most(column: Column) -> Column:
    least: Column = np.minimum(column, 255)
    return least


def _signed(column: Column) -> Column:
    return column.astype(np.int8).view(np.uint8)


def _as_it_is(column: Column) -> Column:
    return column


_PACKING: Final[Mapping[str, Callable[[Column], Column]]] = {
    **dict.fromkeys(("up_kbps", "down_kbps", "round_trip_ms", "jitter_ms", "estimate_kbps"), _amount),
    **dict.fromkeys(("lost_up", "lost_down"), _share),
    **dict.fromkeys(("layer", "wanted"), _signed),
    "frozen": _at_most,
}


def body(period: Period) -> bytes:
    """What a row holds: the seconds byte column by byte column, then the streams."""
    by_column = b"".join(period.packed[at::SECOND_BYTES] for at in range(SECOND_BYTES))
    return zlib.compress(by_column + msgspec.json.encode(period.streams[:MAX_STREAMS]), BODY_LEVEL)


def parse_body(stored: bytes, count: int) -> tuple[tuple[Second, ...], tuple[StreamPeriod, ...]]:
    """Seconds and streams of a row with `count` seconds. ValueError when it is not one."""
    try:
        plain = _completed(zlib.decompress(stored), count)
        by_column = [plain[at * count : (at + 1) * count] for at in range(SECOND_BYTES)]
        if len(by_column[-1]) < count:
            raise ValueError("not a quality row: too short")
        rows = (bytes(row) for row in zip(*by_column, strict=True))
        seconds = tuple(_second(_SECOND.unpack(row)) for row in rows)
        streams = msgspec.json.decode(plain[SECOND_BYTES * count :], type=tuple[StreamPeriod, ...])
    except (zlib.error, IndexError, msgspec.DecodeError) as error:
        raise ValueError(f"not a quality row: {error}") from error
    return seconds, streams


def _completed(plain: bytes, count: int) -> bytes:
    """One that was written before `wanted` came to it, with that column. Streams begin with a bracket, which
    is no layer."""
    end = FIRST_BYTES * count
    if plain[end : end + 1] != b"[":
        return plain
    return plain[:end] + _NOTHING_WANTED * count + plain[end:]


def noted(packed: bytes, people: int) -> list[bytes]:
    """The seconds of so many people one after the other, also those noted before `wanted` came to them."""
    width = FIRST_BYTES if len(packed) == FIRST_BYTES * people else SECOND_BYTES
    lacking = _NOTHING_WANTED * (SECOND_BYTES - width)
    return [packed[at * width : (at + 1) * width] + lacking for at in range(people)]


def _second(values: tuple[int, ...]) -> Second:
    level, reason, up, down, lost_up, lost_down, round_trip, jitter, estimate, layer, frozen, wanted = values
    return Second(
        level=LEVELS[level],
        reason=REASONS[reason],
        up_kbps=_AMOUNTS[up],
        down_kbps=_AMOUNTS[down],
        lost_up=round(lost_up / _WHOLE, 3),
        lost_down=round(lost_down / _WHOLE, 3),
        round_trip_ms=_AMOUNTS[round_trip],
        jitter_ms=_AMOUNTS[jitter],
        estimate_kbps=_AMOUNTS[estimate],
        layer=layer,
        frozen=frozen,
        wanted=wanted,
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """A period in a few figures, to search and sum by. Means of what is known."""

    seconds: int
    fair_s: int
    poor_s: int
    frozen_s: int
    """Seconds in which a picture stood still."""
    reason: QualityReason
    """Of the worst level that there was, the one that lasted longest; of equals the first in REASONS."""
    up_kbps: int
    down_kbps: int
    lost_up: float
    lost_down: float
    round_trip_ms: int
    """0: not known."""


def summary(packed: bytes) -> Summary:
    """packed: at least one second."""
    levels, reasons, up, down, lost_up, lost_down, round_trips, _, _, _, frozen, _ = (
        packed[at::SECOND_BYTES] for at in range(SECOND_BYTES)
    )
    count = len(levels)
    worst = max(levels)
    of_worst = bytes(compress(reasons, map(worst.__eq__, levels)))
    known = count - round_trips.count(0)
    return Summary(
        seconds=count,
        fair_s=levels.count(_LEVEL_AT[Quality.FAIR]),
        poor_s=levels.count(_LEVEL_AT[Quality.POOR]),
        frozen_s=count - frozen.count(0),
        reason=REASONS[max(sorted(set(of_worst)), key=of_worst.count)],
        up_kbps=_sum(up) // count,
        down_kbps=_sum(down) // count,
        lost_up=round(sum(lost_up) / (_WHOLE * count), 4),
        lost_down=round(sum(lost_down) / (_WHOLE * count), 4),
        round_trip_ms=_sum(round_trips) // known if known else 0,
    )


def _sum(amounts: bytes) -> int:
    """The same few again and again."""
    return sum(_AMOUNTS[each] * amounts.count(each) for each in set(amounts))


def class_quality(tutor: Quality | None, pupils: Sequence[Quality]) -> Quality | None:
    """A class as the master's wall shows it; None: nobody in it was measured yet.

    The tutor's lines are the room's: they count by themselves. Of pupils at home it takes a quarter, so that
    one bad Wi-Fi does not paint the class red."""
    ranks = [] if tutor is None else [_LEVEL_AT[tutor]]
    if pupils:
        from_worst = sorted((_LEVEL_AT[pupil] for pupil in pupils), reverse=True)
        ranks.append(from_worst[math.ceil(len(pupils) * _BAD_SHARE) - 1])
    return LEVELS[max(ranks)] if ranks else None
