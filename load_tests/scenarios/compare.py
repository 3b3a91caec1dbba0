"""Another server beside ours: the same load, the same measuring code, one run.

Both run in a network namespace of this process (namespace.py), one after the other, so that neither takes the
processors from the other: the lecture with the same publisher, subscribers and joins. Ours records meanwhile,
as it always does; the recorder is a process of its own and not in the figures, nor is anything of the bots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from signaling.auth import Tokens

from ..figures import Chart, Figure, Report, Series, window_figures
from ..peers.janus import JanusDoor, JanusProcess
from ..report import LectureReport, machine
from ..server import ServerProcess
from ..statistics import Percentiles
from ..target import Target
from ..tokens import issuer
from .lecture import LectureOptions, lecture

OURS = "tongke"


async def compare(options: LectureOptions, peer: str, host: str, arguments: Sequence[str] = ()) -> Report:
    """In a namespace (`enter`) with this address. Raises ServerDidNotStart, ScenarioFailed, NoSuchProcess."""
    place = machine()
    found = {OURS: await _ours(options, host, arguments), peer: await _janus(options, host)}
    return Report(
        scenario="compare",
        title=f"{OURS} and {peer}: 1 publisher ({options.camera.words}), {options.subscribers} subscribers",
        machine=place,
        figures=tuple(_figures(found, peer)),
        charts=(_chart(found),),
    )


async def _ours(options: LectureOptions, host: str, arguments: Sequence[str]) -> LectureReport:
    async with AsyncExitStack() as stack:
        data = Path(stack.enter_context(TemporaryDirectory(prefix="tongke-")))
        server = await stack.enter_async_context(ServerProcess(data=data, host=host, arguments=arguments))
        return await lecture(
            options, Target(server.url, server.pid, issuer(Tokens.open(data), options.lesson))
        )


async def _janus(options: LectureOptions, host: str) -> LectureReport:
    async with JanusProcess(host) as janus:
        target = Target(janus.url, janus.pid, _no_token, JanusDoor, publishing=None)
        return await lecture(replace(options, bare_s=0.0), target)


def _no_token(role: str, number: int, lesson: str = "", class_id: str = "") -> str:
    return ""


def _figures(found: dict[str, LectureReport], peer: str) -> Iterator[Figure]:
    for name, report in found.items():
        joins = report.joins
        yield Figure(name, name, f"{report.subscribers} subscribers, {report.srtp_profile}")
        for figure in window_figures(report.window, report.delays):
            if figure.key == "packet_thread_us" and name != OURS:
                continue  # it has many
            yield replace(figure, key=f"{name}_{figure.key}", label=f"  {figure.label}")
        in_all = f"{joins.joined}, {joins.failed} failed, {joins.without_media} without media"
        yield Figure(f"{name}_joined", "  joined", in_all)
        if name == OURS:  # where each subscriber has a thread, joins cannot be told from forwarding
            yield Figure(f"{name}_join_ms", "  CPU per join, media excluded", joins.cpu_ms_per_join, "ms")
        yield Figure(f"{name}_both_kinds_ms", "  POST to audio and video", joins.both_kinds_ms, "ms")
        yield Figure(f"{name}_memory_kb", "  memory per subscriber (PSS)", joins.pss_kb_per_subscriber, "kB")
        yield Figure(f"{name}_load", "  load average before", report.machine.load)
        for reason in joins.failures:
            yield Figure(f"{name}_failure", "  failure", reason)
    ours, theirs = (found[name].window.process_us_per_packet for name in (OURS, peer))
    yield Figure("times_bare", f"{OURS} / kernel and AES-GCM alone", found[OURS].times_bare)
    factor = theirs / ours if ours and theirs else None
    yield Figure("factor", f"{peer} / {OURS}: CPU per packet", factor)


def _chart(found: dict[str, LectureReport]) -> Chart:
    def steps(name: str, values: Percentiles) -> Series:
        return Series(name, (values.p50, values.p95, values.p99, values.most), (0.5, 0.95, 0.99, 1.0))

    series = [steps(f"{name}, pictures", report.delays.video_ms) for name, report in found.items()]
    series += [steps(f"{name}, sound", report.delays.audio_ms) for name, report in found.items()]
    return Chart("delays", "ms", "share of frames", tuple(series))
