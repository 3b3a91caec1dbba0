"""The supervisors' wall: what it costs a server to show so many live lessons, and what it sends to the one
who looks.

The lessons' recordings are written by this process as the recorder writes them, half a second at a time, with
a keyframe every four seconds; the keyframes are real (H.264, 720p, a lit room with a blackboard and the noise
of a camera), so decoding costs what it costs. The page is asked for as a supervisor's browser asks: the list
and the new pictures, every five seconds. What the server spends on the recordings by itself (its library
notices them) is measured first, without anybody who looks, and taken off."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import aiohttp
import av
import numpy as np

from classroom.model import Lesson, LessonId, LessonState
from recorder import index, ledger
from recorder.boxes import find
from recorder.depacketize.frame import CodecConfig
from recorder.fragments import FragmentMuxer, Sample
from recorder.item import header_path, index_path, ledger_path, part_path
from recorder.storage import Storage
from signaling.auth import Tokens
from signaling.network.wall_pictures import WANTED_S

from ..figures import Figure, Report
from ..process import usage
from ..report import machine
from ..seed import seed
from ..server import ServerProcess
from ..statistics import Percentiles
from ..target import ScenarioFailed

WIDTH, HEIGHT = 1280, 720
FRAGMENT_S: Final = 0.5
KEYFRAME_EVERY: Final = 8
"""Fragments: the recorder asks for a keyframe every four seconds."""
TICKS: Final = 45_000
ASK_S: Final = 5.0
PATH: Final = "/api/v1/supervision/wall"


@dataclass(frozen=True, slots=True)
class SupervisionWallOptions:
    lessons: int = 200
    duration_s: float = 30.0
    settle_s: float = 12.0


def classroom_keyframes(count: int, seed_: int = 1) -> list[bytes]:
    """As H.264 with lengths of four bytes, behind its parameter sets; the first of each group of pictures."""
    chance = np.random.default_rng(seed_)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    light = 150 - 60 * np.hypot(rows / HEIGHT - 0.4, columns / WIDTH - 0.5)
    light[120:420, 200:1080] = 55  # the blackboard
    for line in range(6):
        for word in range(9):
            top, left = 150 + 42 * line, 230 + 92 * word
            light[top : top + 24, left : left + int(chance.integers(30, 80))] = 210
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 1_500_000
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline", "g": "15"}
        for number in range(15 * count):
            noisy = np.clip(light + chance.normal(0, 3, light.shape), 0, 255).astype(np.uint8)
            noisy[430:720, 500 + 4 * number : 640 + 4 * number] = 100  # the teacher walks
            frame = av.VideoFrame.from_ndarray(np.dstack([noisy] * 3), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    out.seek(0)
    with av.open(out, "r") as container:
        found = [bytes(packet) for packet in container.demux(video=0) if packet.is_keyframe and packet.size]
    avcc = out.getvalue()
    box = find(avcc, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    sets = _parameter_sets(avcc[box.body : box.end])
    return [b"".join(len(each).to_bytes(4, "big") + each for each in sets) + frame for frame in found]


def _parameter_sets(data: bytes) -> list[bytes]:
    """Of the `avcC` in a sample description (ISO/IEC 14496-15, 5.3.3.1)."""
    at = data.index(b"avcC") + 4 + 5
    found = []
    for mask in (0x1F, 0xFF):
        count = data[at] & mask
        at += 1
        for _ in range(count):
            length = int.from_bytes(data[at : at + 2], "big")
            found.append(data[at + 2 : at + 2 + length])
            at += 2 + length
    return found


@dataclass(slots=True)
class Recording:
    """One lesson's, as the recorder writes it."""

    storage: Storage
    lesson: str
    keyframes: Sequence[bytes]
    number: int
    """Fragments so far; lessons begin at different ones, so that keyframes do not come all at once."""
    muxer: FragmentMuxer = field(init=False)
    ends: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        item = self.lesson
        started_ms = int(time.time() * 1000)
        header = ledger.Header(id=item, lesson=self.lesson, title=self.lesson, started_ms=started_ms)
        self.storage.replace(header_path(item), ledger.encode(header))
        config = CodecConfig("h264", "avc1.42c01f", 90_000, width=WIDTH, height=HEIGHT)
        self.muxer = FragmentMuxer(config, self.keyframes[0])
        added = ledger.TrackAdded(track="t0", person="master", source="camera", kind="video", at_us=0)
        self._write(ledger_path(item), ledger.encode(added))
        part = index.Part(part=0, init=len(self.muxer.init), codec="avc1.42c01f", timescale=90_000)
        self._write(index_path(item, "t0"), index.encode(part))
        self._write(part_path(item, "t0", 0), self.muxer.init)

    def grow(self) -> None:
        keyframe = self.number % KEYFRAME_EVERY == 0
        data = self.keyframes[self.number // KEYFRAME_EVERY % len(self.keyframes)] if keyframe else bytes(500)
        time_ = self.number * TICKS
        made = self.muxer.fragment([Sample(data, time_, TICKS, keyframe)], self.number + 1)
        path = part_path(self.lesson, "t0", 0)
        line = index.Fragment(
            part=0,
            offset=self.ends[path],
            length=len(made),
            time=time_,
            duration=TICKS,
            keyframe=keyframe,
        )
        self._write(path, made)
        self._write(index_path(self.lesson, "t0"), index.encode(line))
        self.number += 1

    def _write(self, path: str, data: bytes) -> None:
        offset = self.ends.get(path, 0)
        self.storage.write(path, offset, data)
        self.ends[path] = offset + len(data)


@dataclass(slots=True)
class Looker:
    """A supervisor's page."""

    octets: int = 0
    pictures: int = 0
    answers_ms: list[float] = field(default_factory=list)
    came: dict[str, list[float]] = field(default_factory=dict)
    """Lesson -> when its pictures came."""
    sizes: list[float] = field(default_factory=list)
    after: str = ""
    tag: str = ""

    async def look(self, http: aiohttp.ClientSession, url: str, head: dict[str, str]) -> None:
        began = time.monotonic()
        async with http.get(f"{url}{PATH}", headers=head | {"If-None-Match": self.tag}) as response:
            self.tag = response.headers.get("ETag", "")
            self.octets += len(await response.read())
        async with http.get(f"{url}{PATH}/pictures", headers=head, params={"after": self.after}) as response:
            body = await response.read()
        self.answers_ms.append(1_000 * (time.monotonic() - began))
        self.octets += len(body)
        told = json.loads(body.partition(b"\n")[0])
        self.after = told["next"]
        self.pictures += len(told["pictures"])
        for each in told["pictures"]:
            self.sizes.append(each["bytes"])
            self.came.setdefault(each["lesson"], []).append(began)

    def forget(self) -> None:
        self.octets = self.pictures = 0
        self.answers_ms.clear()
        self.sizes.clear()


def _lessons(count: int) -> Iterator[Lesson]:
    now_ms = int(time.time() * 1000)
    for number in range(count):
        yield Lesson(
            LessonId(f"live-{number}"), f"lesson {number}", state=LessonState.LIVE, started_ms=now_ms
        )


async def supervision_wall(options: SupervisionWallOptions) -> Report:
    """Raises ServerDidNotStart, ScenarioFailed."""
    place, keyframes = machine(), classroom_keyframes(4)
    with tempfile.TemporaryDirectory(prefix="tongke-wall-") as name:
        data = Path(name)
        await seed(data, tuple(_lessons(options.lessons)))
        async with ServerProcess(data=data, arguments=()) as server:
            storage = Storage(data / "library")
            recordings = [
                Recording(storage, f"live-{number}", keyframes, number % KEYFRAME_EVERY)
                for number in range(options.lessons)
            ]
            writer = asyncio.create_task(_write(recordings))
            try:
                return await _measure(options, server, Tokens.open(data), place, keyframes)
            finally:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)


async def _write(recordings: Sequence[Recording]) -> None:
    due = time.monotonic()
    while True:
        for number, each in enumerate(recordings):
            each.grow()
            if number % 20 == 19:
                await asyncio.sleep(0)
        due += FRAGMENT_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _measure(
    options: SupervisionWallOptions, server: Any, tokens: Tokens, place: Any, keyframes: Sequence[bytes]
) -> Report:
    token = tokens.issue(person="o", role="organizer", lesson="x", now=time.time(), ttl_s=3_600)
    head = {"Authorization": f"Bearer {token}"}
    await asyncio.sleep(options.settle_s)
    alone = await _spent(server.pid, options.duration_s, None)
    looker = Looker()
    async with aiohttp.ClientSession() as http:

        async def looking() -> None:
            while True:
                began = time.monotonic()
                await looker.look(http, server.url, head)
                await asyncio.sleep(max(0.0, ASK_S - (time.monotonic() - began)))

        page = asyncio.create_task(looking())
        try:
            await asyncio.sleep(options.settle_s)
            looker.forget()
            seen = await _spent(server.pid, options.duration_s, page)
        finally:
            page.cancel()
            await asyncio.gather(page, return_exceptions=True)
    await asyncio.sleep(WANTED_S + 1)
    alone = (alone + await _spent(server.pid, options.duration_s, None)) / 2
    if not looker.pictures:
        raise ScenarioFailed("no picture came: is the recording's codec built in?")
    waits = [b - a for times in looker.came.values() for a, b in pairwise(times)]
    return Report(
        scenario="supervision-wall",
        title=f"one supervisor, {options.lessons} live lessons of 720p, a look every {ASK_S:g} s",
        machine=place,
        figures=(
            Figure("lessons", "lessons with pictures", len(looker.came)),
            Figure("cores", "server: processor, of one core", seen - alone, ""),
            Figure("cores_alone", "  beside that, without anybody who looks", alone, ""),
            Figure("mbit_per_s", "to the supervisor", looker.octets * 8 / options.duration_s / 1e6, "Mbit/s"),
            Figure("pictures_per_s", "pictures", looker.pictures / options.duration_s, "/s"),
            Figure("refresh_s", "a lesson: from one picture to the next", Percentiles.of(waits), "s"),
            Figure(
                "picture_octets",
                "a picture",
                Percentiles.of(looker.sizes),
                "octets",
            ),
            Figure("answer_ms", "list and pictures: answered after", Percentiles.of(looker.answers_ms), "ms"),
            Figure("keyframe_octets", "a keyframe", sum(map(len, keyframes)) / len(keyframes), "octets"),
        ),
    )


async def _spent(pid: int, duration_s: float, beside: asyncio.Task[None] | None) -> float:
    """Share of a core over so long. Raises NoSuchProcess, and what went wrong beside."""
    before, began = usage(pid).process_s, time.monotonic()
    if beside is None:
        await asyncio.sleep(duration_s)
    else:
        await asyncio.wait((beside,), timeout=duration_s)
        if beside.done():
            await beside
    return (usage(pid).process_s - before) / (time.monotonic() - began)
