"""What a server holds: before and after many came and went it must be the same."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .door import Door
from .evidence import parse_metrics
from .process import NoSuchProcess, memory

GAUGES = (
    "tongke_transports",
    "tongke_publications",
    "tongke_subscribers",
    "tongke_sessions",
    "tongke_queue_depth",
)


@dataclass(frozen=True, slots=True)
class Census:
    gauges: dict[str, float]
    """Of /metrics: connections, tracks, people, things that wait."""
    descriptors: int | None
    """Open files and sockets of the process; None for a server on another machine."""
    threads: int | None
    rss_octets: int | None

    @classmethod
    async def take(cls, door: Door, pid: int | None) -> Census:
        """Raises Refused, NoSuchProcess."""
        metrics = parse_metrics(await door.metrics())
        gauges = {name.removeprefix("tongke_"): metrics.get(name, 0.0) for name in GAUGES}
        if pid is None:
            return cls(gauges, None, None, None)
        return cls(gauges, _entries(pid, "fd"), _entries(pid, "task"), memory(pid).rss_octets)

    def differs(self, other: Census) -> list[str]:
        """In words, what is not as it was; memory is for a figure of its own, as allocators keep what they
        have."""
        found = [
            f"{name} {before:g} -> {other.gauges[name]:g}"
            for name, before in self.gauges.items()
            if other.gauges[name] != before
        ]
        for name, before, after in (
            ("open files", self.descriptors, other.descriptors),
            ("threads", self.threads, other.threads),
        ):
            if before != after:
                found.append(f"{name} {before} -> {after}")
        return found


def _entries(pid: int, what: str) -> int:
    try:
        return len(os.listdir(Path("/proc") / str(pid) / what))  # noqa: PTH208 - names alone, thousands of them
    except OSError as error:
        raise NoSuchProcess(f"process {pid} cannot be watched: {error}") from error
