"""Cost per packet against the number of subscribers: the lecture, once for each number, on a fresh server
each time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from signaling.auth import Tokens

from ..figures import Chart, Figure, Report, Series
from ..report import LectureReport, machine
from ..server import ServerProcess
from ..target import Target
from ..tokens import issuer
from .lecture import LectureOptions, lecture


async def scaling(options: LectureOptions, numbers: Sequence[int], arguments: Sequence[str] = ()) -> Report:
    """Raises ServerDidNotStart, ScenarioFailed, Refused, NoSuchProcess."""
    place, found = machine(), {}
    for number in numbers:
        found[number] = await _one(dataclasses.replace(options, subscribers=number), arguments)
    return Report(
        scenario="scaling",
        title=f"1 publisher ({options.camera.words}), {', '.join(map(str, numbers))} subscribers",
        machine=place,
        figures=tuple(figure for number, report in found.items() for figure in _figures(number, report)),
        charts=(_chart(found),),
    )


async def _one(options: LectureOptions, arguments: Sequence[str]) -> LectureReport:
    with TemporaryDirectory(prefix="tongke-") as directory:
        data = Path(directory)
        async with ServerProcess(data=data, arguments=arguments) as server:
            token = issuer(Tokens.open(data), options.lesson)
            return await lecture(options, Target(server.url, server.pid, token))


def _figures(number: int, report: LectureReport) -> Iterator[Figure]:
    window, joins = report.window, report.joins
    key, name = f"n{number}", f"{number} subscribers"
    yield Figure(f"{key}_cpu_us", f"{name}: CPU per packet", window.process_us_per_packet, "µs")
    yield Figure(f"{key}_thread_us", "  packet thread alone", window.packet_thread_us_per_packet, "µs")
    if report.bare:
        yield Figure(f"{key}_bare_us", "  kernel and AES-GCM alone", report.bare.us_per_packet, "µs")
    yield Figure(f"{key}_packets_per_s", "  packets per second", round(window.packets_per_s))
    share = None if window.process_share is None else 100 * window.process_share
    yield Figure(f"{key}_share", "  of one processor", share, "%")
    yield Figure(f"{key}_call", "  datagrams per send call", window.datagrams_per_call)
    yield Figure(f"{key}_join_ms", "  CPU per join", joins.cpu_ms_per_join, "ms")
    yield Figure(f"{key}_memory_kb", "  memory per subscriber (PSS)", joins.pss_kb_per_subscriber, "kB")
    yield Figure(f"{key}_video_ms", "  delay of whole pictures", report.delays.video_ms, "ms")
    own = f"{window.dropped_by_sink} of them in the bots' own sockets"
    yield Figure(f"{key}_lost", "  lost", f"{window.lost} of {window.packets_sent}, {own}")
    yield Figure(f"{key}_load", "  load average before", report.machine.load)


def _chart(found: dict[int, LectureReport]) -> Chart:
    known = [(number, report.window) for number, report in found.items()]
    numbers = tuple(float(number) for number, _ in known)
    process = tuple(window.process_us_per_packet or 0.0 for _, window in known)
    thread = tuple(window.packet_thread_us_per_packet or 0.0 for _, window in known)
    series = (Series("server process", numbers, process), Series("packet thread", numbers, thread))
    return Chart("CPU per RTP packet sent", "subscribers", "µs", series)
