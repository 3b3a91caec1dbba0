"""Many join in the same moment while others watch: `join-storm` (how long until all of them have media) and
`latency` (what the others feel of it).

Order of things: the publisher starts, the watchers come one by one and a calm window is measured; then
everybody else asks at once. The storm lasts until the last of them has sound and picture. Delays are of
single packets, from the publisher's send call to the kernel's arrival at the subscriber's socket; both
windows are of the same run, the same watchers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..arrivals import Arrivals, arrivals
from ..bot import Subscriber, now_us
from ..crowd import AT_ONCE, Crowd
from ..evidence import Look, joins, percentiles_ms, publisher_report, window
from ..figures import Chart, Figure, Report, cumulative
from ..media import Camera, Microphone
from ..report import Joins, machine
from ..sink import Sink
from ..target import Target

MEDIA_TIMEOUT_S = 60.0
"""For the last of a storm: far beyond what anybody would wait for."""
PACKETS_PER_SECOND = 260
"""Of the busiest stream (1.5 Mbit/s of video), with room for repeats."""
BEHIND_KEYFRAME_US = 20_000
"""Sound that is sent so soon after a key picture's packet shares the way with the burst."""


@dataclass(frozen=True, slots=True)
class StormOptions:
    scenario: str = "join-storm"
    watching: int = 20
    joining: int = 500
    duration_s: float = 10.0
    """Of the calm window."""
    joins_per_second: float = 20.0
    """Of those who come before."""
    settle_s: float = 1.0
    lesson: str = "demo"
    camera: Camera = field(default_factory=Camera)
    microphone: Microphone = field(default_factory=Microphone)


async def storm(options: StormOptions, target: Target) -> Report:
    """Raises ScenarioFailed, Refused, NoSuchProcess; stops by itself in any case."""
    history = int((options.duration_s + 2 * options.settle_s + MEDIA_TIMEOUT_S / 2) * PACKETS_PER_SECOND)
    sink = Sink(options.watching + options.joining, history, every_packet=True, kernel_times=True)
    async with Crowd(target, sink) as crowd:
        token = target.token("encoder", 0)
        await crowd.publish(options.lesson, token, options.camera, options.microphone)
        return await crowd.beside(_measure(crowd, options))


async def _measure(crowd: Crowd, options: StormOptions) -> Report:
    place, token = machine(), crowd.target.token
    await crowd.first(options.lesson, token("student", 0))
    watchers = ((options.lesson, token("student", number)) for number in range(1, options.watching))
    await crowd.join_all(watchers, options.joins_per_second)
    await crowd.media()
    await asyncio.sleep(options.settle_s)
    seen = list(crowd.subscribers)
    calm = await crowd.look()
    await asyncio.sleep(options.duration_s)
    before = await crowd.look()
    many = range(options.watching, options.watching + options.joining)
    comers = [(options.lesson, token("student", number)) for number in many]
    asked_us = now_us()
    await crowd.join_all(comers, AT_ONCE)
    without_media = await crowd.media(timeout_s=MEDIA_TIMEOUT_S)
    after = await crowd.look()
    newcomers = crowd.subscribers[len(seen) :]
    # joins() leaves the first out, as the one who warms the server up; here all have come after that one.
    joined = joins([seen[0], *newcomers], crowd.failures, without_media, before, after)
    told = _Told(crowd, options, seen, newcomers)
    return Report(
        scenario=options.scenario,
        title=f"1 publisher ({options.camera.words}), {len(seen)} watching, {options.joining} join at once",
        machine=place,
        figures=(
            *told.join_figures(joined, asked_us),
            *told.delay_figures("calm", calm, before),
            *told.delay_figures("storm", before, after),
            Figure(
                "publisher_late_ms",
                "publisher's own lateness",
                publisher_report(crowd.publishers[0]).late_ms,
                "ms",
            ),
        ),
        charts=told.charts(calm, before, after, asked_us),
    )


class _Told:
    """Figures of what the sink holds, once all is over."""

    def __init__(
        self, crowd: Crowd, options: StormOptions, seen: list[Subscriber], newcomers: list[Subscriber]
    ) -> None:
        self._crowd, self._options, self._newcomers = crowd, options, newcomers
        publisher = crowd.publishers[0]
        self._video = arrivals(crowd.sink, publisher, seen, "video")
        self._audio = arrivals(crowd.sink, publisher, seen, "audio")
        self._watchers = {bot.socket_number for bot in seen}

    def join_figures(self, joined: Joins, asked_us: int) -> Iterator[Figure]:
        media_s = self._media_s(asked_us)
        last = float(media_s[-1]) if len(media_s) == self._options.joining else None
        failed = f"{joined.failed} failed, {joined.without_media} without media"
        yield Figure("all_have_media_s", "all who joined at once have media after", last, "s")
        yield Figure("joined", "joined", f"{joined.joined}, {failed}")
        yield Figure("first_packet_ms", "  POST to first packet", joined.first_packet_ms, "ms")
        yield Figure("both_kinds_ms", "  POST to audio and video", joined.both_kinds_ms, "ms")
        yield Figure("cpu_ms_per_join", "  server CPU per join", joined.cpu_ms_per_join, "ms")
        for reason in joined.failures:
            yield Figure("failure", "  failure", reason)

    def delay_figures(self, name: str, start: Look, end: Look) -> Iterator[Figure]:
        """Of those who watched before, in one window."""
        span = (start.at * 1e6, end.at * 1e6)
        video, audio = self._video.within(*span), self._audio.within(*span)
        behind = audio.shortly_after(self._video.keyframes_us, BEHIND_KEYFRAME_US)
        yield Figure(f"{name}_video_ms", f"{name}: video packets", percentiles_ms(video.delay_us), "ms")
        yield Figure(f"{name}_audio_ms", f"{name}: audio packets", percentiles_ms(audio.delay_us), "ms")
        words = f"{name}: audio within {BEHIND_KEYFRAME_US // 1000} ms of a key picture"
        yield Figure(f"{name}_audio_behind_keyframe_ms", words, percentiles_ms(behind.delay_us), "ms")
        lost = self._window_of_watchers(start, end)
        yield Figure(f"{name}_lost", f"{name}: lost", lost)

    def _window_of_watchers(self, start: Look, end: Look) -> str:
        seen = window(self._of_watchers(start), self._of_watchers(end))
        return f"{seen.lost} of {seen.packets_sent}, {seen.dropped_by_sink} of them in the bots' own sockets"

    def _of_watchers(self, look: Look) -> Look:
        streams = [stream for stream in look.streams if stream.socket in self._watchers]
        return Look(look.at, streams, look.dropped_by_sink, None, None, look.metrics)

    def charts(self, calm: Look, before: Look, after: Look, asked_us: int) -> tuple[Chart, ...]:
        media_s = self._media_s(asked_us)
        times = [look.at * 1e6 for look in (calm, before, after)]

        def curves(found: Arrivals) -> tuple[Arrivals, Arrivals]:
            return found.within(times[0], times[1]), found.within(times[1], times[2])

        (calm_video, storm_video), (calm_audio, storm_audio) = curves(self._video), curves(self._audio)
        delays = (
            cumulative("video, calm", calm_video.ms),
            cumulative("video, storm", storm_video.ms),
            cumulative("audio, calm", calm_audio.ms),
            cumulative("audio, storm", storm_audio.ms),
        )
        return (
            Chart(
                "those who joined at once",
                "s since they asked",
                "share with media",
                (cumulative("joined", media_s),),
            ),
            Chart("those who watched", "delay of a packet, ms", "share of packets", delays),
        )

    def _media_s(self, asked_us: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Seconds from the beginning of the storm until each newcomer had sound and picture, ascending."""
        first: dict[int, list[int]] = {}
        for stream in self._crowd.sink.streams():
            first.setdefault(stream.socket, []).append(stream.first_us)
        times = (sorted(first.get(bot.socket_number or 0, ())) for bot in self._newcomers)
        return np.sort(np.array([(two[1] - asked_us) / 1e6 for two in times if len(two) > 1], np.float64))
