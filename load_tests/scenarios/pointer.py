"""What it costs that the master points: a thousand watch how it moves.

A lesson that is live, its master sends, tutors and pupils are there by signaling alone. Then the master's
pointer moves a while, more often than the server passes on (`signaling.pointers.MOVES_PER_S`), as a page that
does not thin out its mouse would have it. The cost is the processor time of all the server's threads but the
packet thread, without what the same time costs when nobody points. Each move is at a place of its own, so
whoever sees it knows which one it was: the delay is from the master's word until a bot has read it, its own
lateness included."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from signaling import messages, messages_pointer

from ..crowd import Crowd
from ..figures import Figure, Report
from ..large_lesson import LargeCrowd, LargeLesson
from ..process import Usage, thread_named, usage
from ..report import machine
from ..sink import Sink
from ..statistics import Percentiles
from ..target import Target
from .phase_change import PACKET_THREAD

GRAIN = 1_000
"""Places in a row of the picture; so many moves can be told from each other in each of as many rows."""
DRAIN_S = 1.0
"""For the last move to be seen."""


@dataclass(frozen=True, slots=True)
class PointerOptions:
    lesson: LargeLesson = field(default_factory=lambda: LargeLesson(attending=1_000))
    moves_per_s: float = 25.0
    duration_s: float = 10.0
    settle_s: float = 5.0
    """After the last one came: all that follows from coming in has been said by then."""


async def pointer(options: PointerOptions, target: Target) -> Report:
    """On a server that has `seed.large(classes)`. Raises ScenarioFailed, Refused, NoSuchProcess."""
    people = options.lesson.pupils + options.lesson.classes + 1
    async with Crowd(target, Sink(people)) as crowd:
        large = LargeCrowd(crowd, options.lesson)
        await large.lead()
        return await crowd.beside(_measure(large, options))


class _Moves:
    """Where the pointer was when, and what was seen of it."""

    def __init__(self) -> None:
        self.said: dict[tuple[float, float], float] = {}
        self.delays_s: list[float] = []
        self.seen: set[tuple[float, float]] = set()

    def next(self) -> messages_pointer.PointerMove:
        at = len(self.said)
        place = (at % GRAIN / GRAIN, at // GRAIN / GRAIN)
        self.said[place] = time.monotonic()
        return messages_pointer.PointerMove(source="camera", x=place[0], y=place[1])

    def saw(self, message: messages.AnyServerMessage) -> None:
        if isinstance(message, messages_pointer.Pointer):
            place = (message.x, message.y)
            self.seen.add(place)
            self.delays_s.append(time.monotonic() - self.said[place])


async def _measure(large: LargeCrowd, options: PointerOptions) -> Report:
    place, pid = machine(), large.crowd.target.pid
    await large.tutors(send=False)
    await large.everybody()
    await asyncio.sleep(options.settle_s)
    marks = [usage(pid) if pid else None]
    await asyncio.sleep(options.duration_s)
    marks.append(usage(pid) if pid else None)
    moves = _Moves()
    large.door.listener = moves.saw
    await _point(large, moves, options)
    marks.append(usage(pid) if pid else None)
    await asyncio.sleep(DRAIN_S)
    watchers = options.lesson.pupils + options.lesson.classes
    return Report(
        scenario="pointer",
        title=f"{options.lesson.words}; the master's pointer moves {options.moves_per_s:g} times a second",
        machine=place,
        figures=tuple(_figures(moves, options, watchers, _spent_s(marks, pid))),
    )


async def _point(large: LargeCrowd, moves: _Moves, options: PointerOptions) -> None:
    start = time.monotonic()
    for number in range(round(options.duration_s * options.moves_per_s)):
        if (wait_s := start + number / options.moves_per_s - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)
        await large.say(moves.next())
    await asyncio.sleep(max(0.0, start + options.duration_s - time.monotonic()))


def _spent_s(marks: list[Usage | None], pid: int | None) -> float | None:
    """While somebody pointed, beyond what the time before cost."""
    calm, start, end = marks
    if not pid or calm is None or start is None or end is None:
        return None
    packets = thread_named(pid, PACKET_THREAD)
    spent = [
        sum(s - before.threads_s.get(tid, 0.0) for tid, s in after.threads_s.items() if tid != packets)
        for before, after in ((calm, start), (start, end))
    ]
    return spent[1] - spent[0]


def _figures(
    moves: _Moves, options: PointerOptions, watchers: int, spent_s: float | None
) -> Iterator[Figure]:
    told, duration_s = len(moves.seen), options.duration_s
    share = None if spent_s is None else 100 * spent_s / duration_s
    each = None if spent_s is None or not told else 1000 * spent_s / told
    yield Figure("pointer_share", "signaling while the master points, of one processor", share, "%")
    yield Figure("pointer_ms_per_move", "  per move that is passed on", each, "ms")
    yield Figure("moves_said_per_s", "moves per second", len(moves.said) / duration_s)
    yield Figure("moves_told_per_s", "  passed on", told / duration_s)
    sees = len(moves.delays_s) / told / watchers if told else 0.0
    yield Figure("watchers_share", "  seen by, of those who are there", 100 * sees, "%")
    delays = Percentiles.of(1000 * np.array(moves.delays_s, np.float64)) if moves.delays_s else None
    yield Figure("delay_ms", "from the master's word until it is seen", delays, "ms")
