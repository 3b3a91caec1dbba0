"""From what a scenario saw to what it reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pylibsrtp
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from .bot import Publisher, Subscriber
from .media import stamped_timestamp
from .process import Memory, Usage
from .report import Delays, Joins, PublisherReport, Window
from .sink import Sink, StreamFigures
from .statistics import Percentiles, delays_us, received

FAILURES_SHOWN = 5
DATAGRAMS = "tongke_datagrams_out_total"
SEND_CALLS = "tongke_send_calls_total"
BURSTS = "tongke_send_bursts_total"


@dataclass(frozen=True, slots=True)
class Look:
    """All counters at one moment."""

    at: float
    """CLOCK_MONOTONIC, seconds."""
    streams: list[StreamFigures]
    dropped_by_sink: int
    usage: Usage | None
    memory: Memory | None
    metrics: dict[str, float]
    """By name; labels summed."""
    recorder: dict[str, float] = field(default_factory=dict)
    """What the recorder counts, by the label `name` of `tongke_recorder_total`."""


def parse_recorder(text: str) -> dict[str, float]:
    """The recorder's counters in Prometheus' text format."""
    return {
        sample.labels["name"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "tongke_recorder_total"
    }


def parse_metrics(text: str) -> dict[str, float]:
    """Prometheus' text format as name -> value, labels summed."""
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values[sample.name] = values.get(sample.name, 0.0) + sample.value
    return values


def window(start: Look, end: Look) -> Window:
    duration_s = end.at - start.at
    got = received(start.streams, end.streams)
    process_s = children_s = thread_s = None
    if start.usage and end.usage:
        process_s = end.usage.process_s - start.usage.process_s
        children_s = end.usage.children_s - start.usage.children_s
        thread_s = packet_thread_s(start.usage, end.usage)
    return Window(
        duration_s=duration_s,
        packets_sent=got.expected,
        packets_per_s=got.expected / duration_s,
        megabits_per_s=got.octets * 8 / duration_s / 1e6,
        lost=got.lost,
        loss=got.loss,
        dropped_by_sink=end.dropped_by_sink - start.dropped_by_sink,
        process_us_per_packet=_per(process_s, got.expected, 1e6),
        packet_thread_us_per_packet=_per(thread_s, got.expected, 1e6),
        process_share=_per(process_s, duration_s),
        children_share=_per(children_s, duration_s),
        datagrams_per_call=_ratio(start.metrics, end.metrics, DATAGRAMS, SEND_CALLS),
        datagrams_per_burst=_ratio(start.metrics, end.metrics, DATAGRAMS, BURSTS),
    )


def joins(
    subscribers: Sequence[Subscriber], failures: Sequence[str], without_media: int, start: Look, end: Look
) -> Joins:
    """Of those who joined between two looks (all but the first one, who warmed the server up)."""
    joined = [bot for bot in subscribers[1:] if bot.joined]
    first, both = _first_packets(joined, end.streams)
    answers = [bot.joined.answered_us - bot.joined.asked_us for bot in joined if bot.joined]
    asked = sorted(bot.joined.asked_us for bot in joined if bot.joined)
    cpu_s = None
    if start.usage and end.usage:
        process_s = end.usage.process_s - start.usage.process_s
        cpu_s = process_s - packet_thread_s(start.usage, end.usage)
    rss = pss = None
    if start.memory and end.memory:
        rss = end.memory.rss_octets - start.memory.rss_octets
        pss = end.memory.pss_octets - start.memory.pss_octets
    return Joins(
        joined=len(joined),
        failed=len(failures),
        failures=tuple(sorted(set(failures))[:FAILURES_SHOWN]),
        without_media=without_media,
        per_s=(len(asked) - 1) * 1e6 / (asked[-1] - asked[0]) if len(asked) > 1 else 0.0,
        first_packet_ms=percentiles_ms(first),
        both_kinds_ms=percentiles_ms(both),
        answer_ms=percentiles_ms(answers),
        cpu_ms_per_join=_per(cpu_s, len(joined), 1e3),
        rss_kb_per_subscriber=_per(rss, len(joined), 1e-3),
        pss_kb_per_subscriber=_per(pss, len(joined), 1e-3),
    )


def delays(
    sink: Sink, publishers: Sequence[Publisher], subscribers: Sequence[Subscriber], since_us: int
) -> Delays:
    """Delays of the frames that arrived since then.

    A server writes timestamps of its own, shifted by a constant per stream. The first packet of each stream
    is decrypted: the publisher had written its own timestamp into it, and the difference is that constant.
    From then on the clear headers of all other packets tell which frame they belong to. Each publisher
    begins at a timestamp of its own choice out of 2^32, so a timestamp tells the publisher, too.
    """
    by_socket = {bot.socket_number: bot for bot in subscribers}
    found: dict[str, list[NDArray[np.int64]]] = {"audio": [], "video": []}
    sent_us = {kind: _send_times(publishers, kind) for kind in found}
    decrypted = streams = 0
    for stream in sink.streams():
        bot = by_socket.get(stream.socket)
        kind = bot.payload_types().get(stream.payload_type) if bot else None
        if bot is None or kind is None:
            continue
        streams += 1
        offset = timestamp_offset(bot, sink.sample(stream.socket, stream.ssrc))
        if offset is None:
            continue
        decrypted += 1
        rtp, arrival_us = sink.arrivals(stream.socket, stream.ssrc)
        fresh = arrival_us >= since_us
        found[kind].append(delays_us(rtp[fresh], arrival_us[fresh], offset, sent_us[kind]))
    audio, video = (percentiles_ms(_joined(found[kind])) for kind in ("audio", "video"))
    return Delays(audio, video, decrypted, streams)


def _send_times(publishers: Sequence[Publisher], kind: str) -> dict[int, int]:
    return {stamp: at for publisher in publishers for stamp, at in publisher.sent[kind].so_far()}


def publisher_report(publisher: Publisher) -> PublisherReport:
    figures = publisher.figures
    late = percentiles_ms(np.array(figures.lateness_us(), np.int64))
    return PublisherReport(figures.packets, late, figures.keyframe_requests, figures.retransmitted)


def threads_s(start: Usage, end: Usage) -> dict[int, float]:
    """Processor time by thread id, of those that there are at the end."""
    return {tid: s - start.threads_s.get(tid, 0.0) for tid, s in end.threads_s.items()}


def packet_thread_s(start: Usage, end: Usage) -> float:
    """Processor time of the busiest thread beside the main one (which runs Python)."""
    spent = threads_s(start, end)
    spent.pop(end.main_thread, None)
    return max(spent.values(), default=0.0)


def _first_packets(
    joined: Sequence[Subscriber], streams: Sequence[StreamFigures]
) -> tuple[list[int], list[int]]:
    """Microseconds from POST to the first packet of any stream, and until the second stream's first."""
    arrivals: dict[int, list[int]] = {}
    for stream in streams:
        arrivals.setdefault(stream.socket, []).append(stream.first_us)
    first, both = [], []
    for bot in joined:
        times = sorted(arrivals.get(bot.socket_number if bot.socket_number is not None else -1, ()))
        if bot.joined and times:
            first.append(times[0] - bot.joined.asked_us)
        if bot.joined and len(times) > 1:
            both.append(times[1] - bot.joined.asked_us)
    return first, both


def timestamp_offset(bot: Subscriber, packet: bytes) -> int | None:
    """The server's RTP timestamp minus the publisher's; None when the packet does not hold what was sent."""
    try:
        stamp = stamped_timestamp(bot.decrypt(packet))
    except pylibsrtp.Error:
        return None
    return None if stamp is None else int.from_bytes(packet[4:8], "big") - stamp & 0xFFFFFFFF


def _joined(arrays: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)


def percentiles_ms(values_us: Sequence[int] | NDArray[np.int64]) -> Percentiles:
    """Of microseconds, in milliseconds."""
    return Percentiles.of(np.asarray(values_us, np.int64) / 1e3)


def _per(amount: float | None, count: float, factor: float = 1.0) -> float | None:
    return None if amount is None or not count else amount * factor / count


def _ratio(start: dict[str, float], end: dict[str, float], above: str, below: str) -> float | None:
    if not end.get(below, 0.0) > start.get(below, 0.0):
        return None
    return (end.get(above, 0.0) - start.get(above, 0.0)) / (end[below] - start.get(below, 0.0))
