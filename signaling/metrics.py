"""GET /metrics: what an operator watches (Prometheus text format, prefix `tongke_`).

Low cardinality only: no label names a lesson or a person. What the parts count themselves is read when
Prometheus asks (`PartsCollector`); what happens at the door is counted here (`DoorMetrics`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from recorder.control import GapCause
from signaling.keys import METRICS
from signaling.pointers import RESULTS

PREFIX: Final = "tongke_"
DROP: Final = "drop_"
DROPPED: Final = "_dropped"
GAP: Final = "gap_"
JOIN_BUCKETS_S: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)

HELP: Final[Mapping[str, str]] = {
    "packet_thread_cpu_seconds_total": "CPU time of the packet thread.",
    "drops_total": "Packets and datagrams thrown away, by reason.",
    "joins_total": "Entries by way (websocket, whip, whep) and result (ok, resumed, or the kind of refusal).",
    "join_seconds": "From the first message to the answer.",
    "media_start_seconds": "From the first message to a receiving connection that stands.",
    "pointer_moves_total": "Moves of pointers, by what became of them (told, too_fast, no_picture).",
    "transports": "Peer connections and local transports.",
    "publications": "Tracks that are being received.",
    "subscribers": "Tracks on their way to somebody.",
    "sessions": "Participants over the WebSocket, those whose connection is lost for a moment included.",
    "participants": "Participants by what they are told of their lines: good, fair, poor, unknown.",
    "recordings": "Lessons that are being recorded.",
    "recording_gaps_total": "Gaps in recordings, by cause.",
    "recorder_total": "What the recorder and its supervisor count, by name.",
    "recorder_waiting_bytes": "Recorded, but not on the disk yet.",
    "archive_waiting_bytes": "Finished recordings that have not moved to the archive yet.",
    "archive_away": "1: the archive takes nothing at the moment.",
    "archive_total": "Finished files, by what became of them (moved, copied, failed, differed); bytes moved.",
    "library_visits_total": "Visits to items of the library: view, download; lost: not on record.",
    "queue_depth": (
        "Things waiting in a queue: outbox (messages to clients), database (facts to be written), "
        "media_events (STUN, DTLS and news from the packet thread)."
    ),
    "database_facts_total": "Facts for the database, by what became of them.",
    "webhooks_total": "What webhooks were told, by result (taken, failed, suspended).",
    "letters_total": (
        "Letters by e-mail, by what became of them (sent, refused, later, unwanted, given_up, unconfigured)."
    ),
    "engine_total": "What else the media plane counts, by name.",
    "segmentation_offload": "1: bursts leave by UDP_SEGMENT; 0: the kernel does not have it.",
    "rtp_in_total": "RTP packets that arrived and were accepted.",
    "rtp_out_total": "RTP packets sent to subscribers, retransmissions not counted.",
    "rtx_out_total": "Retransmissions sent to subscribers.",
    "rtcp_in_total": "RTCP packets that arrived.",
    "rtcp_out_total": "RTCP packets sent.",
    "datagrams_in_total": "Datagrams that arrived at the media port.",
    "datagrams_out_total": "Datagrams sent from the media port.",
    "bytes_in_total": "Bytes that arrived at the media port.",
    "bytes_out_total": "Bytes sent from the media port.",
    "stun_in_total": "STUN messages that arrived.",
    "dtls_in_total": "DTLS datagrams that arrived.",
    "send_calls_total": "System calls that sent datagrams (datagrams_out_total / this: packets per call).",
    "send_bursts_total": "Slots of these calls: one burst to one address each.",
    "nack_out_total": "Packets asked for again from publishers.",
    "nack_in_total": "Packets that subscribers asked for again.",
    "nack_served_total": "Packets sent again because a subscriber asked.",
    "repaired_total": "Packets that came after having been asked for again.",
    "keyframe_asked_total": "Keyframe requests sent to publishers.",
    "keyframe_wanted_total": "Keyframe requests that came from subscribers.",
    "keyframes_in_total": "Keyframes that arrived.",
}
"""Name without prefix -> help. docs/OPERATIONS.md lists them, and a test compares."""

ENGINE_COUNTERS: Final = tuple(
    name.removesuffix("_total")
    for name in HELP
    if name.endswith(("_in_total", "_out_total", "_calls_total", "_bursts_total", "_served_total"))
    or name.startswith(("repaired", "keyframe"))
)
"""Counters of the media plane that are shown under their own name; others of it go to `engine_total`."""


class DoorMetrics:
    """What is counted where people come in."""

    def __init__(self) -> None:
        # When a counter began is known to nobody's benefit, and doubles the answer.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._joins = Counter("tongke_joins", HELP["joins_total"], ("way", "result"), registry=self.registry)
        self._join_seconds = Histogram(
            "tongke_join_seconds",
            HELP["join_seconds"],
            ("way",),
            buckets=JOIN_BUCKETS_S,
            registry=self.registry,
        )
        self._webhooks = Counter(
            "tongke_webhooks", HELP["webhooks_total"], ("result",), registry=self.registry
        )
        self._letters = Counter("tongke_letters", HELP["letters_total"], ("result",), registry=self.registry)
        self._media_seconds = Histogram(
            "tongke_media_start_seconds",
            HELP["media_start_seconds"],
            ("way",),
            buckets=JOIN_BUCKETS_S,
            registry=self.registry,
        )

    def told_by_mail(self, result: str) -> None:
        """A letter: sent, refused, later, unwanted, given_up, unconfigured."""
        self._letters.labels(result).inc()

    def told_webhook(self, result: str) -> None:
        """A POST to a webhook: taken, failed, suspended."""
        self._webhooks.labels(result).inc()

    def joined(self, way: str, result: str, elapsed_s: float | None = None) -> None:
        """Somebody came in, or was refused. way: `websocket`, `whip`, `whep`; result: `ok`, `resumed`, or the
        kind of the problem; elapsed_s only for those who came in."""
        self._joins.labels(way, result).inc()
        if elapsed_s is not None:
            self._join_seconds.labels(way).observe(elapsed_s)

    def media_started(self, way: str, elapsed_s: float) -> None:
        self._media_seconds.labels(way).observe(elapsed_s)


@dataclass(frozen=True, slots=True)
class Readings:
    """What the parts of the house show at one moment."""

    media: Mapping[str, int]
    """Counters of the media plane; `segmentation_off` is a state, not a count."""
    census: Mapping[str, int]
    cpu_seconds: float
    sessions: int
    pointer_moves: Mapping[str, int]
    """By what became of them."""
    quality: Mapping[str, int]
    """Participants by what they are told of their lines."""
    queues: Mapping[str, int]
    database: Mapping[str, int]
    recordings: int
    recorder: Mapping[str, int]
    """Counters of the recorder; `gap_CAUSE` are gaps."""
    recorder_waiting_bytes: int
    archive: Mapping[str, int]
    """What became of finished files; empty without an archive."""
    archive_waiting_bytes: int
    archive_away: bool
    visits: Mapping[str, int]
    """To the library."""


class PartsCollector(Collector):
    """Reads the parts when asked."""

    def __init__(self, read: Callable[[], Readings]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the parts."""
        return ()

    def collect(self) -> Iterable[Metric]:
        readings = self._read()
        yield from _media(readings.media)
        yield _counter("packet_thread_cpu_seconds_total", readings.cpu_seconds)
        yield _gauge("transports", readings.census.get("transports", 0))
        yield _gauge("publications", readings.census.get("publications", 0))
        yield _gauge("subscribers", readings.census.get("subscriptions", 0))
        yield _gauge("sessions", readings.sessions)
        moves = dict.fromkeys(RESULTS, 0) | dict(readings.pointer_moves)
        yield _labelled(CounterMetricFamily, "pointer_moves_total", "result", moves)
        yield _labelled(GaugeMetricFamily, "participants", "quality", readings.quality)
        yield _gauge("recordings", readings.recordings)
        yield _gauge("recorder_waiting_bytes", readings.recorder_waiting_bytes)
        yield _gauge("archive_waiting_bytes", readings.archive_waiting_bytes)
        yield _gauge("archive_away", int(readings.archive_away))
        yield _labelled(CounterMetricFamily, "archive_total", "name", readings.archive)
        yield _labelled(CounterMetricFamily, "library_visits_total", "kind", readings.visits)
        yield _labelled(GaugeMetricFamily, "queue_depth", "queue", readings.queues)
        yield _labelled(CounterMetricFamily, "database_facts_total", "result", readings.database)
        gaps, others = _split(readings.recorder, GAP)
        gaps = dict.fromkeys(get_args(GapCause), 0) | gaps
        yield _labelled(CounterMetricFamily, "recording_gaps_total", "cause", gaps)
        yield _labelled(CounterMetricFamily, "recorder_total", "name", others)


def _media(counters: Mapping[str, int]) -> Iterable[Metric]:
    drops, counters = _drops(counters)
    yield _labelled(CounterMetricFamily, "drops_total", "reason", drops)
    yield _gauge("segmentation_offload", 0 if counters.get("segmentation_off") else 1)
    for name, value in counters.items():
        if name in ENGINE_COUNTERS:
            yield _counter(f"{name}_total", value)
    known = {*ENGINE_COUNTERS, "segmentation_off"}
    others = {name: n for name, n in counters.items() if name not in known}
    yield _labelled(CounterMetricFamily, "engine_total", "name", others)


def _drops(counters: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Drops by reason, and the other counters. The engine counts `drop_REASON`, the Python around it
    `PROTOCOL_dropped_REASON`."""
    drops, others = _split(counters, DROP)
    late = [name for name in others if DROPPED in name]
    return drops | {name.replace(DROPPED, ""): others.pop(name) for name in late}, others


def _split(counters: Mapping[str, int], prefix: str) -> tuple[dict[str, int], dict[str, int]]:
    """Those with the prefix, without it; and the others."""
    matching = {name.removeprefix(prefix): n for name, n in counters.items() if name.startswith(prefix)}
    return matching, {name: n for name, n in counters.items() if not name.startswith(prefix)}


def _counter(name: str, value: float) -> Metric:
    return CounterMetricFamily(PREFIX + name.removesuffix("_total"), HELP[name], value=value)


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, HELP[name], value=value)


def _labelled(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    label: str,
    values: Mapping[str, float],
) -> Metric:
    family = kind(PREFIX + name.removesuffix("_total"), HELP[name], labels=[label])
    for value, number in sorted(values.items()):
        family.add_metric([value], number)
    return family


async def metrics(request: web.Request) -> web.Response:
    """In the format that the client asks for (text, or OpenMetrics)."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    body: bytes = encode(request.app[METRICS].registry)
    return web.Response(body=body, headers={"Content-Type": content_type})
