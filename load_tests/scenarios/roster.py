"""A school comes in: what it costs to let many join in half a minute, and to tell the others of them.

A lesson that is live, its master sends and its tutors are there; then the pupils come at a steady rate, by
signaling alone unless the command says otherwise: what ICE, DTLS and media of theirs cost is `lecture`'s
figure. The cost is the processor time of all the server's threads but the packet thread from the first join
until `settle_s` after the last, without what the same time costs when nobody comes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from ..crowd import Crowd
from ..figures import Figure, Report
from ..large_lesson import LargeCrowd, LargeLesson
from ..process import Usage, thread_named, usage
from ..report import machine
from ..sink import Sink
from ..target import Target
from .phase_change import PACKET_THREAD


@dataclass(frozen=True, slots=True)
class RosterOptions:
    lesson: LargeLesson = field(default_factory=lambda: LargeLesson(attending=1_000))
    duration_s: float = 30.0
    """In which all of them come."""
    settle_s: float = 2.0


async def roster(options: RosterOptions, target: Target) -> Report:
    """On a server that has `seed.large(classes)`. Raises ScenarioFailed, Refused, NoSuchProcess."""
    people = options.lesson.pupils + options.lesson.classes + 1
    async with Crowd(target, Sink(people)) as crowd:
        large = LargeCrowd(crowd, options.lesson)
        await large.lead()
        return await crowd.beside(_measure(large, options))


async def _measure(large: LargeCrowd, options: RosterOptions) -> Report:
    place, pid = machine(), large.crowd.target.pid
    await large.tutors(send=False)
    await asyncio.sleep(options.settle_s)
    calm = [usage(pid) if pid else None]
    calm_s = max(1.0, options.duration_s / 4)
    await asyncio.sleep(calm_s)
    calm.append(usage(pid) if pid else None)
    started = time.monotonic()
    before = usage(pid) if pid else None
    late_s = await _come(large, options)
    await asyncio.sleep(options.settle_s)
    after = usage(pid) if pid else None
    took_s = time.monotonic() - started
    spent_s = None
    if pid and before and after and calm[0] and calm[1]:
        packets = thread_named(pid, PACKET_THREAD)
        steady = _signaling_s(calm[0], calm[1], packets) / calm_s
        spent_s = _signaling_s(before, after, packets) - steady * took_s
    pupils = options.lesson.pupils
    return Report(
        scenario="roster",
        title=f"{options.lesson.words}, who come within {options.duration_s:g} s",
        machine=place,
        figures=(
            Figure(
                "signaling_share",
                "signaling, of one processor",
                _times(spent_s, 100 / options.duration_s),
                "%",
            ),
            Figure("signaling_ms_per_join", "  per join", _times(spent_s, 1000 / pupils), "ms"),
            Figure("joined", "joined", len(large.crowd.subscribers) + options.lesson.attending),
            Figure("last_late_s", "  the last came late by", late_s, "s"),
            Figure("messages", "messages to a pupil, in the mean", large.door.messages / (pupils + 1)),
        ),
    )


async def _come(large: LargeCrowd, options: RosterOptions) -> float:
    """One after the other; how late the last one was in the end, in seconds."""
    start, interval_s = time.monotonic(), options.duration_s / options.lesson.pupils
    async with asyncio.TaskGroup() as group:
        for number, coming in enumerate(large.pupils_coming()):
            if (wait_s := start + number * interval_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            group.create_task(coming())
    return max(0.0, time.monotonic() - start - options.duration_s)


def _signaling_s(start: Usage, end: Usage, packets: int | None) -> float:
    spent = {tid: s - start.threads_s.get(tid, 0.0) for tid, s in end.threads_s.items() if tid != packets}
    return sum(spent.values())


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
