"""A district's morning: many lessons at the same time, each recorded, each with its few classrooms.

What `lecture` does not show: packets of many teachers, each for a few. Each lesson has one teacher by WHIP;
the classrooms' devices come in at a steady rate, one of each lesson after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..crowd import Crowd
from ..evidence import delays, joins, percentiles_ms, window
from ..figures import Figure, Report, window_figures
from ..media import Camera, Microphone
from ..report import Joins, Window, machine
from ..seed import district_lesson, large_class
from ..sink import Sink
from ..target import Target

STAMPS_PER_SECOND = 55
PUBLISHES_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class DistrictOptions:
    lessons: int = 30
    classrooms: int = 10
    """Of each lesson."""
    duration_s: float = 15.0
    joins_per_second: float = 20.0
    settle_s: float = 2.0
    camera: Camera = field(default_factory=Camera)


async def district(options: DistrictOptions, target: Target) -> Report:
    """On a server that has `seed.district(lessons, classrooms)`. Raises ScenarioFailed, Refused,
    NoSuchProcess."""
    history = int((options.duration_s + 2 * options.settle_s) * STAMPS_PER_SECOND)
    async with Crowd(target, Sink(options.lessons * options.classrooms, history)) as crowd:
        gate = asyncio.Semaphore(PUBLISHES_AT_ONCE)

        async def publish(number: int) -> None:
            lesson = district_lesson(number)
            async with gate:
                token = target.token("encoder", number, lesson)
                await crowd.publish(lesson, token, options.camera, Microphone())

        await asyncio.gather(*map(publish, range(options.lessons)))
        return await crowd.beside(_measure(crowd, options))


def _classroom(options: DistrictOptions, target: Target, number: int) -> tuple[str, str]:
    """Its lesson, and the token of its device."""
    lesson = district_lesson(number % options.lessons)
    return lesson, target.token("room", number, lesson, large_class(number // options.lessons))


async def _measure(crowd: Crowd, options: DistrictOptions) -> Report:
    place = machine()
    comers = (
        _classroom(options, crowd.target, number) for number in range(options.lessons * options.classrooms)
    )
    await crowd.first(*next(comers))
    await asyncio.sleep(options.settle_s)
    before = await crowd.look()
    await crowd.join_all(comers, options.joins_per_second)
    without_media = await crowd.media()
    await asyncio.sleep(options.settle_s)
    start = await crowd.look()
    await asyncio.sleep(options.duration_s)
    end = await crowd.look()
    seen = window(start, end)
    got = delays(crowd.sink, crowd.publishers, crowd.subscribers, round(start.at * 1e6))
    late = [late for publisher in crowd.publishers for late in publisher.figures.lateness_us()]
    return Report(
        scenario="district",
        title=f"{options.lessons} lessons with {options.classrooms} classrooms each ({options.camera.words})",
        machine=place,
        figures=(
            *_joined(joins(crowd.subscribers, crowd.failures, without_media, before, start)),
            *window_figures(seen, got),
            Figure("datagrams_per_burst", "datagrams per burst", seen.datagrams_per_burst),
            Figure("recorder_share", "recorder process, of one processor", _recorder(seen), "%"),
            Figure("publishers_late_ms", "bots' own lateness", percentiles_ms(late), "ms"),
        ),
    )


def _joined(joined: Joins) -> Iterator[Figure]:
    """All but the first one, who warmed the server up."""
    yield Figure("joined", "classrooms joined", joined.joined)
    yield Figure("without_media", "  without sound and picture", joined.without_media)
    yield Figure("failed", "  failed to join", joined.failed)
    yield Figure("cpu_ms_per_join", "  server CPU per join", joined.cpu_ms_per_join, "ms")
    yield Figure("memory_kb", "  memory of each (PSS)", joined.pss_kb_per_subscriber, "kB")
    yield from (Figure("failure", "  failure", reason) for reason in joined.failures)


def _recorder(seen: Window) -> float | None:
    """All children of the server, of which only the recorder at work works."""
    return None if seen.children_share is None else 100 * seen.children_share
