"""A lecture: one publisher, many who watch. The first figures of any server: processor per packet, joins,
memory.

Order of things: the publisher starts; one subscriber warms the server up (imports, caches); memory is read;
the others join at a steady rate; once everybody has media, a window of `duration_s` is measured in which
nobody comes or goes; then everybody leaves, and the same bursts are sent by nothing but the kernel and the
cipher (`bare.py`), which says what this machine takes for them at this time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from ..bare import bare
from ..crowd import Crowd
from ..evidence import delays, joins, publisher_report, window
from ..media import Camera, Microphone
from ..report import LectureReport, machine
from ..sink import Sink
from ..target import ScenarioFailed, Target

__all__ = ["LectureOptions", "ScenarioFailed", "Target", "lecture"]

STAMPS_PER_SECOND = 55
"""RTP timestamps of the busiest stream (audio, 50/s), with some room."""


@dataclass(frozen=True, slots=True)
class LectureOptions:
    subscribers: int = 200
    duration_s: float = 20.0
    joins_per_second: float = 20.0
    bare_s: float = 5.0
    """For the kernel and the cipher alone; 0: they are not asked."""
    settle_s: float = 1.0
    """Before each look: what joins leave to do is done by then."""
    lesson: str = "demo"
    camera: Camera = field(default_factory=Camera)
    microphone: Microphone = field(default_factory=Microphone)


async def lecture(options: LectureOptions, target: Target) -> LectureReport:
    """Runs it. Raises ScenarioFailed, NoSuchProcess; stops by itself in any case."""
    history = int((options.duration_s + options.settle_s) * STAMPS_PER_SECOND)
    sink = Sink(options.subscribers, history)
    async with Crowd(target, sink) as crowd:
        token = target.token("encoder", 0)
        await crowd.publish(options.lesson, token, options.camera, options.microphone)
        report = await crowd.beside(_measure(crowd, options))
    if options.bare_s == 0 or target.pid is None:
        return report
    alone = await bare(report.subscribers, options.bare_s, options.camera, options.microphone)
    return replace(report, bare=alone)


async def _measure(crowd: Crowd, options: LectureOptions) -> LectureReport:
    place, token = machine(), crowd.target.token
    first = await crowd.first(options.lesson, token("student", 0))
    await asyncio.sleep(options.settle_s)
    before = await crowd.look()
    others = ((options.lesson, token("student", number)) for number in range(1, options.subscribers))
    await crowd.join_all(others, options.joins_per_second)
    without_media = await crowd.media()
    await asyncio.sleep(options.settle_s)
    start = await crowd.look()
    await asyncio.sleep(options.duration_s)
    end = await crowd.look()
    publisher = crowd.publishers[0]
    return LectureReport(
        scenario="lecture",
        subscribers=len(crowd.subscribers),
        camera=options.camera.words,
        machine=place,
        srtp_profile=first.srtp_profile(),
        window=window(start, end),
        joins=joins(crowd.subscribers, crowd.failures, without_media, before, start),
        delays=delays(crowd.sink, crowd.publishers, crowd.subscribers, round(start.at * 1e6)),
        publisher=publisher_report(publisher),
    )
