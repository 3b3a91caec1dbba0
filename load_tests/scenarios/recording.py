"""Many lessons recorded at the same time: what the recorder process costs, and whether anything is missing.

Each lesson has one teacher by WHIP, picture and sound, and nobody watches. After a while in which the
recorder's first checkpoints are behind it, a window is measured; then the ledger of every item is asked for
gaps, and for what it proves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from recorder.library import ItemView, Library
from recorder.signing import trusted_keys
from recorder.verify import verify

from ..crowd import Crowd
from ..evidence import Look, percentiles_ms
from ..figures import Figure, Report
from ..media import Camera, Microphone
from ..report import machine
from ..seed import recorded_lesson
from ..sink import Sink
from ..target import ScenarioFailed, Target

PUBLISHES_AT_ONCE = 5
BEGIN_TIMEOUT_S = 30.0
FAULTS = {"network", "server"}
"""Causes of gaps that nobody meant to make."""


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    lessons: int = 50
    duration_s: float = 20.0
    settle_s: float = 8.0
    """By then the supervisor has started its spare process, which costs half a second of a processor once."""
    camera: Camera = field(default_factory=Camera)


async def recording(options: RecordingOptions, target: Target) -> Report:
    """On a server of this machine that has `seed.recorded(lessons)`. Raises ScenarioFailed, Refused,
    NoSuchProcess."""
    if target.data is None:
        raise ScenarioFailed("the ledgers of the server are not at hand: name its directory with --data")
    library = Library(target.data)
    async with Crowd(target, Sink(1, 1)) as crowd:
        gate = asyncio.Semaphore(PUBLISHES_AT_ONCE)

        async def publish(number: int) -> None:
            lesson = recorded_lesson(number)
            async with gate:
                token = target.token("encoder", number, lesson)
                await crowd.publish(lesson, token, options.camera, Microphone())

        await asyncio.gather(*map(publish, range(options.lessons)))
        return await crowd.beside(_measure(crowd, library, options))


async def _measure(crowd: Crowd, library: Library, options: RecordingOptions) -> Report:
    place = machine()
    await _all_begun(library, options.lessons)
    await asyncio.sleep(options.settle_s)
    start = await crowd.look()
    await asyncio.sleep(options.duration_s)
    end = await crowd.look()
    items = await asyncio.to_thread(library.items)
    late = [late for publisher in crowd.publishers for late in publisher.figures.lateness_us()]
    share = _share(start, end)
    return Report(
        scenario="recording",
        title=f"{options.lessons} lessons recorded ({options.camera.words})",
        machine=place,
        figures=(
            Figure("lessons", "lessons recorded", len(items)),
            Figure("recorder_share", "recorder process, of one processor", share, "%"),
            Figure(
                "lesson_share", "  a lesson's part of it", share / options.lessons if share else None, "%"
            ),
            *_written(start, end),
            Figure("waiting_octets", "accepted and not on the disk at the end", _waiting(end), "octets"),
            *await _wholeness(items, library),
            Figure("publishers_late_ms", "bots' own lateness", percentiles_ms(late), "ms"),
        ),
    )


async def _all_begun(library: Library, lessons: int) -> None:
    """Waits until every lesson's item has sound and picture. Raises ScenarioFailed."""
    try:
        async with asyncio.timeout(BEGIN_TIMEOUT_S):
            while len(await asyncio.to_thread(_begun, library)) < lessons:  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.5)
    except TimeoutError:
        found = len(await asyncio.to_thread(_begun, library))
        raise ScenarioFailed(f"only {found} of {lessons} lessons are being recorded") from None


def _begun(library: Library) -> list[ItemView]:
    return [item for item in library.items() if len(item.tracks) == 2]


def _share(start: Look, end: Look) -> float | None:
    """Of one processor, %: all children of the server, of which only the recorder at work works."""
    if start.usage is None or end.usage is None:
        return None
    return 100 * (end.usage.children_s - start.usage.children_s) / (end.at - start.at)


def _written(start: Look, end: Look) -> Sequence[Figure]:
    duration_s = end.at - start.at
    counts = {
        name: end.recorder.get(name, 0.0) - start.recorder.get(name, 0.0)
        for name in ("packets", "spool_writes", "spool_syncs", "spool_bytes")
    }
    megabits = counts["spool_bytes"] * 8 / duration_s / 1e6
    return (
        Figure("packets_per_s", "packets recorded per second", round(counts["packets"] / duration_s)),
        Figure("megabits_per_s", "  written", megabits, "Mbit/s"),
        Figure("writes_per_s", "  writes per second", round(counts["spool_writes"] / duration_s)),
        Figure("syncs_per_s", "  syncs per second", round(counts["spool_syncs"] / duration_s)),
    )


def _waiting(look: Look) -> int:
    return round(look.metrics.get("tongke_recorder_waiting_bytes", 0.0))


async def _wholeness(items: Sequence[ItemView], library: Library) -> Sequence[Figure]:
    """The lessons go on: their ends are missing, and nothing else must be."""
    gaps = [gap for item in items for track in item.tracks for gap in track.gaps if gap.cause in FAULTS]
    errors = [track.sync_error_ms for item in items for track in item.tracks]
    keys = trusted_keys(library.storage.root.parent)
    verdicts = [await asyncio.to_thread(verify, library.media, item.id, keys) for item in items]
    proven = sum(all(f.kind in ("no_end", "gap") for f in verdict.findings) for verdict in verdicts)
    return (
        Figure("gaps", "gaps (network, server)", len(gaps)),
        Figure("missing_s", "  seconds missing", sum(gap.duration_s for gap in gaps), "s"),
        Figure("sync_error_ms", "greatest sync error", max(errors, default=0.0), "ms"),
        Figure("proven", "ledgers that prove every byte so far", f"{proven} of {len(items)}"),
    )
