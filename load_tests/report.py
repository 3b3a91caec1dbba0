"""What a scenario found: as a table for people, as JSON for machines."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .bare import Bare
from .statistics import Percentiles


@dataclass(frozen=True, slots=True)
class Machine:
    """On what it was measured; figures of two machines do not compare."""

    processor: str
    processors: int
    kernel: str
    python: str
    load: float
    """Load average of the last minute, before the scenario began: who else was at work."""


@dataclass(frozen=True, slots=True)
class Window:
    """The measuring window, in which nobody came or went. Processor figures are None for a server
    elsewhere."""

    duration_s: float
    packets_sent: int
    """RTP packets the server sent to subscribers, by their sequence numbers."""
    packets_per_s: float
    megabits_per_s: float
    """Of UDP payload received."""
    lost: int
    loss: float
    dropped_by_sink: int
    """Of the lost ones: came, but the bot's own socket was full."""
    process_us_per_packet: float | None
    """utime + stime of the whole server process per packet sent."""
    packet_thread_us_per_packet: float | None
    """The same for its busiest thread beside the main one."""
    process_share: float | None
    """Of one processor."""
    children_share: float | None
    """The recorder's share of one processor, not in the figures above."""
    datagrams_per_call: float | None
    """Per sendmmsg, from /metrics."""
    datagrams_per_burst: float | None
    """Per UDP_SEGMENT burst to one address, from /metrics."""


@dataclass(frozen=True, slots=True)
class Joins:
    """How subscribers got in, and what that cost the server."""

    joined: int
    failed: int
    failures: tuple[str, ...]
    """A few of the reasons."""
    without_media: int
    per_s: float
    first_packet_ms: Percentiles
    """From POST to the first media packet."""
    both_kinds_ms: Percentiles
    """From POST until audio and video have both come."""
    answer_ms: Percentiles
    """From POST to the answer."""
    cpu_ms_per_join: float | None
    """Server process without its packet thread, while they joined, per join."""
    rss_kb_per_subscriber: float | None
    pss_kb_per_subscriber: float | None


@dataclass(frozen=True, slots=True)
class Delays:
    """From the publisher's first packet of a frame to the subscriber's last, in the window; ms.

    Both ends are on this machine's clock. It holds the bots' own waiting for a processor and the sink's
    pauses of 2 ms, so it is an upper bound.
    """

    audio_ms: Percentiles
    video_ms: Percentiles
    decrypted: int
    """Streams whose first packet was decrypted, and held what the publisher had put there."""
    streams: int


@dataclass(frozen=True, slots=True)
class PublisherReport:
    packets: int
    late_ms: Percentiles
    """How late the bot itself was with its frames."""
    keyframe_requests: int
    retransmitted: int


@dataclass(frozen=True, slots=True)
class LectureReport:
    scenario: str
    subscribers: int
    camera: str
    machine: Machine
    srtp_profile: str
    window: Window
    joins: Joins
    delays: Delays
    publisher: PublisherReport
    bare: Bare | None = None
    """None: not measured."""

    @property
    def times_bare(self) -> float | None:
        """How many times as much as the kernel and the cipher alone the server takes for a packet."""
        own = self.window.process_us_per_packet
        return own / self.bare.us_per_packet if own and self.bare else None


def machine() -> Machine:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return Machine(
        processor, os.cpu_count() or 0, platform.release(), platform.python_version(), os.getloadavg()[0]
    )


def write_json(report: LectureReport, path: Path) -> None:
    """Raises OSError."""
    path.write_text(json.dumps(plain(report), indent=2) + "\n")


def plain(value: Any) -> Any:
    """As JSON has it; numbers rounded to what is meaningful."""
    if isinstance(value, float):
        return round(value, 6)
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def where(place: Machine) -> str:
    """The machine in one line."""
    software = f"Linux {place.kernel}, Python {place.python}"
    return f"{place.processors} x {place.processor}, {software}, load average before {place.load:.2f}"


def table(report: LectureReport) -> str:
    """One line per figure."""
    rows = [row for section in (_window, _joins, _delays) for row in section(report)]
    width = max(len(name) for name, _ in rows)
    title = f"{report.scenario}: 1 publisher ({report.camera}), {report.subscribers} subscribers"
    place = report.machine
    return "\n".join([title, where(place), "", *(f"{name:<{width}}  {value}" for name, value in rows)])


Rows = Iterator[tuple[str, str]]


def _window(report: LectureReport) -> Rows:
    window = report.window
    yield "server CPU per RTP packet sent", _unit(window.process_us_per_packet, "µs")
    yield "  packet thread alone", _unit(window.packet_thread_us_per_packet, "µs")
    if report.bare:
        yield (
            "  kernel and AES-GCM alone",
            f"{report.bare.us_per_packet:.2f} µs, the server {_unit(report.times_bare, 'times that')}",
        )
    yield "server process", _percent(window.process_share)
    yield "recorder process (not counted above)", _percent(window.children_share)
    yield "packets sent", f"{window.packets_per_s:,.0f}/s ({window.megabits_per_s:.1f} Mbit/s)"
    calls, bursts = window.datagrams_per_call, window.datagrams_per_burst
    yield "datagrams per send call", f"{_unit(calls, '')}, per burst {_unit(bursts, '')}"
    lost = f"{window.lost} of {window.packets_sent} ({100 * window.loss:.3f} %)"
    yield "lost", f"{lost}, {window.dropped_by_sink} of them in the bots' own sockets"
    yield "SRTP profile", report.srtp_profile
    yield "window", f"{window.duration_s:.1f} s"


def _joins(report: LectureReport) -> Rows:
    joins = report.joins
    yield "joined", f"{joins.joined}, failed {joins.failed}, without media {joins.without_media}"
    yield "join: POST to answer", _percentiles(joins.answer_ms)
    yield "join: POST to first packet", _percentiles(joins.first_packet_ms)
    yield "join: POST to audio and video", _percentiles(joins.both_kinds_ms)
    yield "joins", f"{joins.per_s:.1f}/s"
    yield "server CPU per join", _unit(joins.cpu_ms_per_join, "ms")
    rss, pss = joins.rss_kb_per_subscriber, joins.pss_kb_per_subscriber
    yield "memory per subscriber", f"{_unit(rss, 'kB')} (RSS), {_unit(pss, 'kB')} (PSS)"
    for reason in joins.failures:
        yield "  failure", reason


def _delays(report: LectureReport) -> Rows:
    delays, publisher = report.delays, report.publisher
    yield "delay of whole audio frames", _percentiles(delays.audio_ms)
    yield "delay of whole video frames", _percentiles(delays.video_ms)
    yield "streams decrypted and right", f"{delays.decrypted} of {delays.streams}"
    yield "publisher's own lateness", _percentiles(publisher.late_ms)
    asked = f"{publisher.keyframe_requests} keyframe requests, {publisher.retransmitted} retransmitted"
    yield "publisher", f"{publisher.packets} packets, {asked}"


def _unit(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.2f} {unit}".rstrip()


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} % of one processor"


def _percentiles(values: Percentiles) -> str:
    if not values.count:
        return "none"
    return f"p50 {values.p50:.1f}, p95 {values.p95:.1f}, p99 {values.p99:.1f}, most {values.most:.1f} ms"
