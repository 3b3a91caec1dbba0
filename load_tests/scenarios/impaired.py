"""Many links, each with its own limit, delay and loss: what each viewer sees and hears.

A teacher sends a simulcast of three encodings; the viewers repair and give feedback as browsers do, each
behind an emulated link of its own (link.py, seeded). Kinds of links take turns. The window has three parts of
the same length: in the middle one the link called `falls` falls to 500 kbit/s and is as before in the last.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..crowd import JOIN_ERRORS, Crowd
from ..door import Refused
from ..evidence import publisher_report
from ..figures import Chart, Figure, Report, Series
from ..link import Conditions, Link, LinkEmulator
from ..media import Camera, Microphone
from ..receiver import Receiver, Seen, seen, video_bits_per_second
from ..report import machine
from ..sink import Sink
from ..statistics import Percentiles
from ..target import ScenarioFailed, Target
from ..viewer import Viewer

FALLEN = Conditions(bits_per_second=500e3, delay_s=0.02)
LAYERS = {
    "q": Camera(bits_per_second=150_000, key_octets=6_000),
    "h": Camera(bits_per_second=500_000, key_octets=15_000),
    "f": Camera(bits_per_second=1_500_000),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """Of links: the same up and down."""

    name: str
    conditions: Conditions
    falls: bool = False

    @property
    def words(self) -> str:
        found = self.conditions
        loss = f", {100 * found.loss:g} % lost" if found.loss else ""
        return f"{found.bits_per_second / 1e6:g} Mbit/s, {2e3 * found.delay_s:g} ms round trip{loss}"


KINDS = (
    Kind("good", Conditions(20e6, 0.01)),
    Kind("lossy", Conditions(10e6, 0.05, 0.05)),
    Kind("thin", Conditions(1e6, 0.03)),
    Kind("poor", Conditions(400e3, 0.06, 0.01)),
    Kind("falls", Conditions(10e6, 0.02), falls=True),
)


@dataclass(frozen=True, slots=True)
class ImpairedOptions:
    viewers: int = 20
    duration_s: float = 45.0
    settle_s: float = 8.0
    """For estimates to find where they belong."""
    seed: int = 1
    lesson: str = "demo"
    layers: dict[str, Camera] = field(default_factory=lambda: dict(LAYERS))


async def impaired(options: ImpairedOptions, target: Target) -> Report:
    """Raises ScenarioFailed, Refused."""
    async with Crowd(target, Sink(1)) as crowd:
        token = target.token("encoder", 0)
        best = list(options.layers.values())[-1]
        await crowd.publish(options.lesson, token, best, Microphone(), layers=options.layers)
        return await crowd.beside(_Impaired(crowd, options).run())


class _Impaired:
    def __init__(self, crowd: Crowd, options: ImpairedOptions) -> None:
        self._crowd, self._options = crowd, options
        self._viewers: list[tuple[Kind, Viewer]] = []
        self._running: list[asyncio.Task[None]] = []

    async def run(self) -> Report:
        place = machine()
        try:
            for number in range(self._options.viewers):
                await self._join(number)
            if not self._viewers:
                raise ScenarioFailed(f"nobody got in: {self._crowd.failures[0]}")
            await asyncio.sleep(self._options.settle_s)
            moments = await self._three_parts()
            return Report(
                scenario="impaired",
                title=f"{len(self._viewers)} viewers, links of {len(KINDS)} kinds, seed {self._options.seed}",
                machine=place,
                figures=tuple(self._figures(moments)),
                charts=(self._chart(moments),),
            )
        finally:
            await self._leave()

    async def _join(self, number: int) -> None:
        kind, seed = KINDS[number % len(KINDS)], 2 * number + 1000 * self._options.seed
        link = LinkEmulator(Link(kind.conditions, seed), Link(kind.conditions, seed + 1))
        viewer = Viewer(self._crowd.identity, self._crowd.target.token("student", number), link)
        try:
            await viewer.join(self._crowd.door, self._options.lesson)
        except JOIN_ERRORS as error:
            self._crowd.failures.append(f"{kind.name}: {error}")
            with contextlib.suppress(Refused):
                await viewer.leave(self._crowd.door)
            return
        self._viewers.append((kind, viewer))
        self._running.append(asyncio.create_task(viewer.run()))

    async def _three_parts(self) -> list[float]:
        """The four moments that bound them."""
        moments = [time.monotonic()]
        for fallen in (False, True, False):
            for kind, viewer in self._viewers:
                if kind.falls:
                    viewer.link.down.conditions = FALLEN if fallen else kind.conditions
            await asyncio.sleep(self._options.duration_s / 3)
            moments.append(time.monotonic())
        return moments

    async def _leave(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        for _, viewer in self._viewers:
            with contextlib.suppress(Refused):
                await viewer.leave(self._crowd.door)

    # --- figures ------------------------------------------------------------------------------------------

    def _figures(self, moments: Sequence[float]) -> Iterator[Figure]:
        for kind in KINDS:
            receivers = [
                viewer.receiver for each, viewer in self._viewers if each is kind and viewer.receiver
            ]
            if not receivers:
                continue
            yield Figure(f"{kind.name}_links", f"{kind.name} ({kind.words})", len(receivers))
            if kind.falls:
                yield from _of_part("falls_before", "  before", receivers, moments[0], moments[1])
                yield from _of_part("falls_500k", "  at 500 kbit/s", receivers, moments[1], moments[2])
                yield from _of_part("falls_after", "  after", receivers, moments[2], moments[3])
            else:
                yield from _of_part(kind.name, "", receivers, moments[0], moments[3])
            yield from _repair(kind.name, receivers)
        yield Figure("failed", "failed to join", len(self._crowd.failures))
        for reason in sorted(set(self._crowd.failures))[:3]:
            yield Figure("failure", "  failure", reason)
        late = publisher_report(self._crowd.publishers[0]).late_ms
        yield Figure("publisher_late_ms", "bots' own lateness", late, "ms")

    def _chart(self, moments: Sequence[float]) -> Chart:
        """Pictures per second of the first link of each kind."""
        curves = []
        for kind in KINDS:
            viewer = next((viewer for each, viewer in self._viewers if each is kind), None)
            if viewer is not None and viewer.receiver is not None:
                seconds = range(int(moments[-1] - moments[0]))
                rates = [
                    seen(viewer.receiver, "video", moments[0] + second, moments[0] + second + 1).count
                    for second in seconds
                ]
                curves.append(Series(kind.name, tuple(map(float, seconds)), tuple(map(float, rates))))
        return Chart("pictures seen", "s", "pictures per second", tuple(curves))


def _of_part(
    key: str, label: str, receivers: Sequence[Receiver], start: float, end: float
) -> Iterator[Figure]:
    pictures = [seen(receiver, "video", start, end) for receiver in receivers]
    sound = [seen(receiver, "audio", start, end) for receiver in receivers]
    name = f"{label or '  all the time'}:"
    rate = sum(each.count for each in pictures) / len(pictures) / (end - start)
    yield Figure(f"{key}_pictures_per_s", f"{name} pictures per second", rate)
    bits = [video_bits_per_second(receiver, start, end) / 1e3 for receiver in receivers]
    yield Figure(f"{key}_kbit_per_s", f"{name} video of each", Percentiles.of(bits), "kbit/s")
    yield Figure(f"{key}_freeze_ms", f"{name} longest freeze of each", _longest(pictures), "ms")
    yield Figure(f"{key}_sound_gap_ms", f"{name} longest gap in sound of each", _longest(sound), "ms")


def _longest(found: Sequence[Seen]) -> Percentiles:
    return Percentiles.of([each.longest_gap_s * 1e3 for each in found])


def _repair(key: str, receivers: Sequence[Receiver]) -> Iterator[Figure]:
    """Since the beginning. Sound is not asked for again, as browsers do not."""
    for kind, name in (("video", "pictures"), ("audio", "sound")):
        streams = [each for one in receivers for each in one.streams.values() if each.kind == kind]
        packets = sum(each.packets + each.missing for each in streams)
        missing, repaired = sum(each.missing for each in streams), sum(each.repaired for each in streams)
        share = 100 * missing / packets if packets else None
        yield Figure(f"{key}_{kind}_repaired", f"  {name}: packets repaired", repaired)
        yield Figure(f"{key}_{kind}_missing_percent", f"  {name}: missing after repair", share, "%")
        passed = sum(each.passed_over for each in streams)
        if passed:
            yield Figure(f"{key}_{kind}_passed_over", f"  {name}: passed over at a key picture", passed)
