"""What a change of phase costs a large lesson, and what its people notice of it.

Order of things: the master, the tutors and the pupils come; then the master goes through the phases, all of
them `rounds` times. Each change is looked at for `span_s` from the master's word on. Its cost is the server's
processor time in this span without what the same span costs when nothing changes: for the thread that runs
Python the mean of the span before and of those after, for the packet thread the mean of `calm_spans` after,
because it is the new phase that it sends in. What it sends anyway is several times what a change costs, and
differs from span to span: so the same change is made in several rounds, and its median told.

What people notice stands in the media itself: when the first packet of each new stream came to each pupil,
whether anything still came of a stream that is over, and the longest gap in sound where there is sound before
and after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from signaling.messages import StreamView

from ..bot import now_us
from ..crowd import Crowd
from ..evidence import percentiles_ms, publisher_report
from ..figures import Figure, Report
from ..large_lesson import MASTER, LargeCrowd, LargeLesson, Pupil
from ..process import Usage, thread_named, usage
from ..report import machine
from ..sink import Sink
from ..statistics import Percentiles
from ..target import ScenarioFailed, Target

PHASES = (
    "local_qa",
    "lecture",
    "interaction",
    "break",
    "lecture",
    "local_qa",
    "break",
    "local_qa",
    "lecture",
)
PACKET_THREAD = "packets"
STAMPS_PER_SECOND = 55
STREAMS = 24
"""SSRCs of one pupil at most: every new m-line is a new one."""
MEDIA_TIMEOUT_S = 30.0
SOUND_BEFORE_US = 200_000
"""Where the sound before a change is looked for."""
STILL_US = 100_000
"""A stream that goes on for so long after the change was not stopped by it but is still on its way."""


@dataclass(frozen=True, slots=True)
class PhaseOptions:
    lesson: LargeLesson = field(default_factory=LargeLesson)
    phases: tuple[str, ...] = PHASES
    span_s: float = 2.0
    settle_s: float = 1.5
    calm_spans: int = 2
    rounds: int = 1
    calm_s: float = 8.0
    """Between the last join and the first look: links are believed by then, and rows are written."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one change, in ms of processor beyond the steady state's."""

    signaling_ms: float
    """All threads but the packet thread."""
    packets_ms: float

    @property
    def total_ms(self) -> float:
        return self.signaling_ms + self.packets_ms


@dataclass(frozen=True, slots=True)
class Change:
    before: str
    after: str
    said_us: int
    cost: Cost | None
    """None: a server on another machine."""
    routes_ms: NDArray[np.float64]
    """Per pupil: from the master's word until the last of what is new has begun."""
    without: int
    """Pupils who did not get all that is new within the span."""
    gaps_ms: NDArray[np.float64]
    """Per pupil: the longest time without sound, where there is sound before and after."""
    left_over_ms: NDArray[np.float64]
    """Per stream that is over: for how long it still came."""

    @property
    def words(self) -> str:
        return f"{self.before} -> {self.after}"


async def phase_change(options: PhaseOptions, target: Target) -> Report:
    """On a server that has `seed.large(classes)`. Raises ScenarioFailed, Refused, NoSuchProcess."""
    history = int((options.span_s + options.settle_s + 1) * STAMPS_PER_SECOND)
    people = options.lesson.pupils + options.lesson.classes + 1
    sink = Sink(people, history, streams=max(STREAMS, 3 * options.lesson.classes), kernel_times=True)
    async with Crowd(target, sink) as crowd:
        large = LargeCrowd(crowd, options.lesson)
        await large.lead()
        return await crowd.beside(_measure(large, options))


async def _measure(large: LargeCrowd, options: PhaseOptions) -> Report:
    place = machine()
    await large.tutors()
    await large.everybody()
    if await large.crowd.media(timeout_s=MEDIA_TIMEOUT_S):
        raise ScenarioFailed("not everybody has sound and a picture")
    await asyncio.sleep(options.calm_s)
    watch = _Watch(large, options)
    changes = [await watch.change(phase) for phase in options.phases * options.rounds]
    return Report(
        scenario="phase-change",
        title=f"{options.lesson.words}; master {options.lesson.master.words}",
        machine=place,
        figures=tuple(_figures(large, changes)),
    )


class _Watch:
    """One change after the other."""

    def __init__(self, large: LargeCrowd, options: PhaseOptions) -> None:
        self._large, self._options = large, options
        self._pid = large.crowd.target.pid
        self._packets = thread_named(self._pid, PACKET_THREAD) if self._pid else None
        self._phase = "lecture"

    async def change(self, phase: str) -> Change:
        span_s = self._options.span_s
        marks = [self._usage()]
        await asyncio.sleep(span_s)
        marks.append(self._usage())
        said_us = now_us()
        await self._large.phase(phase)
        await asyncio.sleep(span_s)
        marks.append(self._usage())
        seen = self._seen(phase, said_us)
        await asyncio.sleep(self._options.settle_s)
        marks.append(self._usage())
        for _ in range(self._options.calm_spans):
            await asyncio.sleep(span_s)
            marks.append(self._usage())
        before, self._phase = self._phase, phase
        return Change(before, phase, said_us, self._cost([m for m in marks if m is not None]), *seen)

    def _usage(self) -> Usage | None:
        return usage(self._pid) if self._pid else None

    def _cost(self, marks: list[Usage]) -> Cost | None:
        """marks: around the span before, the change's own, the time to settle, and each span after."""
        if not marks:
            return None
        spent = [self._spent(start, end) for start, end in pairwise(marks)]
        before, change, after = spent[0], spent[1], np.mean(spent[3:], axis=0)
        signaling = change[0] - (before[0] + after[0]) / 2
        return Cost(1000 * signaling, 1000 * float(change[1] - after[1]))

    def _spent(self, start: Usage, end: Usage) -> tuple[float, float]:
        """Seconds of the packet thread's and of all others'."""
        by_thread = {tid: s - start.threads_s.get(tid, 0.0) for tid, s in end.threads_s.items()}
        packets = by_thread.pop(self._packets, 0.0) if self._packets is not None else 0.0
        return sum(by_thread.values()), packets

    def _seen(
        self, phase: str, said_us: int
    ) -> tuple[NDArray[np.float64], int, NDArray[np.float64], NDArray[np.float64]]:
        streams: dict[int, list[int]] = {}
        for stream in self._large.crowd.sink.streams():
            streams.setdefault(stream.socket, []).append(stream.ssrc)
        views = [self._view(pupil, streams, phase, said_us) for pupil in self._large.pupils]
        waits = [view.wait_ms for view in views if view.wait_ms is not None]
        return (
            np.array(waits, np.float64),
            sum(view.wait_ms is None for view in views),
            np.array([view.gap_ms for view in views if view.gap_ms is not None], np.float64),
            np.array([left for view in views for left in view.left_over_ms], np.float64),
        )

    def _view(self, pupil: Pupil, streams: dict[int, list[int]], phase: str, said_us: int) -> _View:
        sink, number = self._large.crowd.sink, pupil.bot.socket_number
        assert number is not None
        carried = self._large.door.streams(pupil.token)
        arrivals: dict[tuple[str, str], list[NDArray[np.int64]]] = {}
        for ssrc in streams.get(number, ()):
            if ssrc in carried:
                arrivals.setdefault(_track(carried[ssrc]), []).append(sink.arrivals(number, ssrc)[1])
        came = {track: np.sort(np.concatenate(times)) for track, times in arrivals.items()}
        return _View.of(came, _gets(self._phase, pupil), _gets(phase, pupil), said_us)


Track = tuple[str, str]
"""Person and kind."""


@dataclass(frozen=True, slots=True)
class _View:
    """What one pupil noticed of a change."""

    wait_ms: float | None
    gap_ms: float | None
    left_over_ms: tuple[float, ...]

    @classmethod
    def of(
        cls,
        came: dict[Track, NDArray[np.int64]],
        before: frozenset[Track],
        after: frozenset[Track],
        said_us: int,
    ) -> _View:
        """came: arrivals in microseconds, ascending."""
        none = np.empty(0, np.int64)
        waits: list[float | None] = []
        for track in after - before:
            since = came.get(track, none)
            begun = since[since >= said_us]
            waits.append((begun[0] - said_us) / 1e3 if len(begun) else None)
        left = [came.get(track, none) for track in before - after]
        known = [wait for wait in waits if wait is not None]
        return cls(
            wait_ms=max(known, default=0.0) if len(known) == len(waits) else None,
            gap_ms=_gap_ms(came, said_us) if _sounds(before) and _sounds(after) else None,
            left_over_ms=tuple(max(0.0, (times[-1] - said_us) / 1e3) for times in left if len(times)),
        )


def _sounds(tracks: frozenset[Track]) -> bool:
    return any(kind == "audio" for _, kind in tracks)


def _gap_ms(came: dict[Track, NDArray[np.int64]], said_us: int) -> float:
    """The longest time without a packet of sound, from shortly before the change on; 0: no sound at all."""
    sounds = [times for (_, kind), times in came.items() if kind == "audio"]
    heard = np.sort(np.concatenate(sounds)) if sounds else np.empty(0, np.int64)
    around = heard[heard >= said_us - SOUND_BEFORE_US]
    return float(np.diff(around).max()) / 1e3 if len(around) > 1 else 0.0


def _track(view: StreamView) -> Track:
    return view.person, view.kind


def _gets(phase: str, pupil: Pupil) -> frozenset[Track]:
    """What the floor gives a pupil at home whose tutor sends."""
    tutor = f"bot-tutor-{pupil.class_number}"
    if phase == "break":
        return frozenset()
    if phase == "local_qa":
        return frozenset({(MASTER, "video"), (tutor, "audio"), (tutor, "video")})
    return frozenset({(MASTER, "audio"), (MASTER, "video")})


def _figures(large: LargeCrowd, changes: list[Change]) -> Iterator[Figure]:
    costs = [change.cost for change in changes if change.cost is not None]
    for name, label, values in (
        ("total", "server CPU of a change, in all", [cost.total_ms for cost in costs]),
        ("signaling", "  signaling and rules", [cost.signaling_ms for cost in costs]),
        ("packets", "  packet thread (key pictures)", [cost.packets_ms for cost in costs]),
    ):
        yield Figure(f"{name}_ms", label, _spread(values))
    routes = np.concatenate([change.routes_ms for change in changes])
    gaps = np.concatenate([change.gaps_ms for change in changes])
    left = np.concatenate([change.left_over_ms for change in changes])
    yield Figure("routes_ms", "everything new has begun after", Percentiles.of(routes), "ms")
    yield Figure("routes_missing", "  pupils without it", sum(change.without for change in changes))
    yield Figure("gap_ms", "longest gap in sound around a change", Percentiles.of(gaps), "ms")
    yield Figure("left_over_ms", "what is over still comes for", Percentiles.of(left), "ms")
    for words in dict.fromkeys(change.words for change in changes):
        alike = [change for change in changes if change.words == words]
        yield Figure(f"change_{words.replace(' -> ', '_')}", words, _words(alike))
    late = percentiles_ms([late for each in large.crowd.publishers for late in each.figures.lateness_us()])
    yield Figure("publishers_late_ms", "bots' own lateness", late, "ms")
    master = publisher_report(large.crowd.publishers[0])
    yield Figure("master_late_ms", "  the master's", master.late_ms, "ms")
    yield Figure("fresh_offers", "connections given up", large.door.fresh_offers)


def _spread(values: list[float]) -> str | None:
    if not values:
        return None
    return f"least {min(values):.0f}, median {float(np.median(values)):.0f}, most {max(values):.0f} ms"


def _words(alike: list[Change]) -> str:
    costs = [change.cost for change in alike if change.cost is not None]
    words = "unknown"
    if costs:
        total, signaling, packets = (
            float(np.median(values))
            for values in zip(*((c.total_ms, c.signaling_ms, c.packets_ms) for c in costs), strict=True)
        )
        words = f"{total:.0f} ms: signaling {signaling:.0f}, packets {packets:.0f}"
    if len(alike) > 1:
        words += f" (medians of {len(alike)})"
    for label, each in (("routes", [c.routes_ms for c in alike]), ("gap", [c.gaps_ms for c in alike])):
        values = np.concatenate(each)
        if len(values):
            words += f", {label} p50 {np.median(values):.0f}, most {values.max():.0f} ms"
    without = sum(change.without for change in alike)
    return words + (f", {without} without" if without else "")
