"""A supervisor's wall: so many lessons at the same time, and one person who watches all of them.

Each lesson has a teacher by WHIP; the supervisor's page opens each of them (a token belongs to one lesson) by
the WebSocket, one after the other, and has sound and picture of all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ..bot import now_us
from ..crowd import AT_ONCE, Crowd
from ..evidence import delays, joins, percentiles_ms, window
from ..figures import Chart, Figure, Report, cumulative, window_figures
from ..media import Camera, Microphone
from ..report import machine
from ..seed import wall_lesson
from ..sink import Sink
from ..target import Target

STAMPS_PER_SECOND = 55
MEDIA_TIMEOUT_S = 30.0
PUBLISHES_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class WallOptions:
    lessons: int = 50
    duration_s: float = 15.0
    settle_s: float = 2.0
    camera: Camera = field(
        default_factory=lambda: Camera(bits_per_second=400_000, frames_per_second=15, key_octets=12_000)
    )
    """Each teacher's: what one machine's bots can send fifty times."""


async def wall(options: WallOptions, target: Target) -> Report:
    """On a server that has `seed.wall(lessons)`. Raises ScenarioFailed, Refused, NoSuchProcess."""
    history = int((options.duration_s + 2 * options.settle_s) * STAMPS_PER_SECOND)
    async with Crowd(target, Sink(options.lessons, history)) as crowd:
        gate = asyncio.Semaphore(PUBLISHES_AT_ONCE)

        async def publish(number: int) -> None:
            lesson = wall_lesson(number)
            async with gate:
                token = target.token("encoder", number, lesson)
                await crowd.publish(lesson, token, options.camera, Microphone())

        await asyncio.gather(*map(publish, range(options.lessons)))
        return await crowd.beside(_measure(crowd, options))


async def _measure(crowd: Crowd, options: WallOptions) -> Report:
    place, token = machine(), crowd.target.token
    await asyncio.sleep(options.settle_s)
    before = await crowd.look()
    asked_us = now_us()
    views = [
        (wall_lesson(number), token("supervisor", 0, wall_lesson(number)))
        for number in range(options.lessons)
    ]
    await crowd.join_all(views, AT_ONCE)
    without_media = await crowd.media(timeout_s=MEDIA_TIMEOUT_S)
    streams = crowd.sink.streams()
    media_s = [(stream.first_us - asked_us) / 1e6 for stream in streams]
    await asyncio.sleep(options.settle_s)
    start = await crowd.look()
    await asyncio.sleep(options.duration_s)
    end = await crowd.look()
    seen = window(start, end)
    got = delays(crowd.sink, crowd.publishers, crowd.subscribers, round(start.at * 1e6))
    joined = joins(crowd.subscribers, crowd.failures, without_media, before, start)
    late = [late for publisher in crowd.publishers for late in publisher.figures.lateness_us()]
    filling = cumulative("streams", media_s)
    return Report(
        scenario="wall",
        title=f"one supervisor, {options.lessons} lessons ({options.camera.words})",
        machine=place,
        figures=(
            Figure("lessons", "lessons watched", len(crowd.subscribers)),
            Figure("without_media", "  without sound and picture", without_media),
            Figure("failed", "  failed to open", len(crowd.failures)),
            Figure("all_have_media_s", "all opened at once: media after", max(media_s, default=None), "s"),
            Figure("first_packet_ms", "  a lesson: opened to first packet", joined.first_packet_ms, "ms"),
            Figure("both_kinds_ms", "  a lesson: opened to sound and picture", joined.both_kinds_ms, "ms"),
            *window_figures(seen, got),
            Figure("publishers_late_ms", "bots' own lateness", percentiles_ms(late), "ms"),
            *(Figure("failure", "  failure", reason) for reason in joined.failures),
        ),
        charts=(Chart("the wall fills", "s since opened", "share of streams", (filling,)),),
    )
