"""A lesson with everything that goes wrong, and what its recording says of it afterwards.

FFmpeg sends the test source (flash and beep once a second) by WHIP over a link that loses packets. At a
quarter of the time the recorder is killed; in the middle nothing of the encoder gets through for a while; at
three quarters it is replaced by another with a picture of another size. Then the lesson ends, and its item is
verified, exported and measured: the sync between flash and beep in every second, and the gaps in the ledger
beside those that were made.

Beside it stands what a listener without repair would have lost: each datagram that the link dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import aiohttp
import av

from recorder.export import export
from recorder.library import GapView, ItemView, Library
from recorder.signing import trusted_keys
from recorder.verify import Verdict, verify
from signaling import test_source

from ..figures import Figure, Report
from ..flash_beep import Marks, measure
from ..link import Conditions
from ..process import children
from ..report import machine
from ..target import ScenarioFailed, Target
from ..whip_detour import WhipDetour

TONGKE = Path(sys.executable).with_name("tongke")
BEGIN_TIMEOUT_S = 60.0
END_TIMEOUT_S = 60.0
REFUSED_S = 0.5
"""An encoder that was refused says so and has ended by then."""
SMALL = (640, 360)
FILM_S = 10
"""Of the second encoder, which plays it again and again; whole seconds, so flash and beep stay in step."""
EXTRA_S = 1.5
"""By how much a gap may be longer than what made it: until the next keyframe, which is asked for."""


@dataclass(frozen=True, slots=True)
class ProofOptions:
    duration_s: float = 600.0
    outage_s: float = 20.0
    loss: float = 0.03
    delay_s: float = 0.02
    lesson: str = "demo"
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Made:
    """A gap that was made."""

    cause: str
    at_s: float
    """Item clock."""
    duration_s: float


async def proof(options: ProofOptions, target: Target) -> Report:
    """On a server of this machine. Raises ScenarioFailed."""
    if target.data is None or target.pid is None:
        raise ScenarioFailed("the recording has to be at hand: let this command start the server")
    place = machine()
    library = Library(target.data)
    conditions = Conditions(delay_s=options.delay_s, loss=options.loss)
    with tempfile.TemporaryDirectory(prefix="tongke-") as directory:
        film = Path(directory) / "film.mp4"
        await asyncio.to_thread(write_film, film)
        async with WhipDetour(target.url, conditions, options.seed) as detour:
            made = await _lesson(options, target, library, detour, film)
            lost = detour.lost
        item = await _ended(options, target, library)
        keys = trusted_keys(target.data)
        verdict = await asyncio.to_thread(verify, library.media, item.id, keys)
        whole = Path(directory) / "lesson.mp4"
        await asyncio.to_thread(export, library, item.id, whole)
        marks = await asyncio.to_thread(measure, whole)
    return Report(
        scenario="proof",
        title=f"{options.duration_s:.0f} s by WHIP, {100 * options.loss:.0f} % lost on the way",
        machine=place,
        figures=tuple(_figures(item, verdict, marks, made, lost)),
    )


async def _lesson(
    options: ProofOptions, target: Target, library: Library, detour: WhipDetour, film: Path
) -> list[Made]:
    quarter_s = options.duration_s / 4
    made: list[Made] = []
    async with _encoder("test", options, target, detour):
        item = await _begun(options, library)
        await asyncio.sleep(quarter_s)
        made.append(Made("server", _clock_s(library, item), 0.0))
        assert target.pid is not None
        os.kill(_recorder(target.pid), signal.SIGKILL)
        await asyncio.sleep(quarter_s)
        made.append(Made("network", _clock_s(library, item), options.outage_s))
        detour.cut(off=True)
        await asyncio.sleep(options.outage_s)
        detour.cut(off=False)
        await asyncio.sleep(max(0.0, quarter_s - options.outage_s))
    async with _encoder(str(film), options, target, detour):
        await asyncio.sleep(quarter_s)
    return made


@asynccontextmanager
async def _encoder(
    source: str, options: ProofOptions, target: Target, detour: WhipDetour
) -> AsyncIterator[None]:
    """`tongke publish`, a program of its own, sending; it says good-bye at the end."""
    more = () if source == "test" else ("--loop",)
    process = await asyncio.create_subprocess_exec(
        *(str(TONGKE), "publish", source, "--lesson", options.lesson, "--url", detour.url, *more),
        *("--data", str(target.data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), BEGIN_TIMEOUT_S)  # that it sends, or why not
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), REFUSED_S)
            raise ScenarioFailed(f"the encoder could not send: {said.decode().strip()}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _recorder(server: int) -> int:
    """The one at work: started before its spare."""
    found = [pid for pid in children(server) if b"recorder" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    if not found:
        raise ScenarioFailed("there is no recorder to be killed")
    return found[0]


async def _begun(options: ProofOptions, library: Library) -> str:
    async with asyncio.timeout(BEGIN_TIMEOUT_S):
        while True:
            for item in await asyncio.to_thread(library.items, options.lesson):
                if len(item.tracks) == 2:
                    return item.id
            await asyncio.sleep(0.2)


def _clock_s(library: Library, item: str) -> float:
    return time.time() - library.header(item).started_ms / 1000


async def _ended(options: ProofOptions, target: Target, library: Library) -> ItemView:
    """Ends the lesson as an organizer's platform does, and waits for the seal."""
    headers = {"Authorization": f"Bearer {target.token('organizer', 0)}"}
    url = f"{target.url}/api/v1/lessons/{options.lesson}/end"
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers) as answer:
        if answer.status >= 300:
            raise ScenarioFailed(f"the lesson could not be ended: {await answer.text()}")
    async with asyncio.timeout(END_TIMEOUT_S):
        while True:
            items = await asyncio.to_thread(library.items, options.lesson)
            if items and items[0].state == "ready":
                return items[0]
            await asyncio.sleep(0.2)


def write_film(path: Path) -> None:
    """The test source in another size, from a whole second on."""
    first_s = 1_700_000_000
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=test_source.FRAME_RATE)
        video.width, video.height, video.pix_fmt = *SMALL, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        first = test_source.frame_at(first_s * 1000)
        for number in range(FILM_S * test_source.FRAME_RATE):
            drawn = test_source.frame(test_source.frame_time_ms(first + number))
            picture = av.VideoFrame.from_ndarray(drawn, format="yuv420p").reformat(*SMALL)
            picture.pts, picture.time_base = number, Fraction(1, test_source.FRAME_RATE)
            container.mux(video.encode(picture))
        samples = test_source.samples(test_source.sample_at(first_s * 1000), FILM_S * 48_000)
        block = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        block.sample_rate, block.pts = 48_000, 0
        for part in av.AudioResampler("fltp", "mono", 48_000, frame_size=1024).resample(block):
            container.mux(audio.encode(part))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def unexplained(gaps: Sequence[GapView], made: Sequence[Made]) -> list[GapView]:
    """Gaps that none of those made explains: another cause, another time, or longer by more than a keyframe
    takes to come."""
    return [gap for gap in gaps if not any(_explains(each, gap) for each in made)]


def _explains(made: Made, gap: GapView) -> bool:
    """A killed recorder costs up to two seconds, and what it had not written."""
    allowed_s = made.duration_s + (EXTRA_S if made.duration_s else 3 + EXTRA_S)
    near = made.at_s - 2 <= gap.start_s <= made.at_s + made.duration_s + 2
    return gap.cause == made.cause and near and gap.duration_s <= allowed_s


def _figures(
    item: ItemView, verdict: Verdict, marks: Marks, made: Sequence[Made], lost: int
) -> Iterator[Figure]:
    errors = marks.errors_ms()
    gaps = [gap for track in item.tracks for gap in track.gaps]
    proven = all(finding.kind == "gap" for finding in verdict.findings) and verdict.sealed
    yield Figure("duration_s", "item", item.duration_s, "s")
    yield Figure("lost_datagrams", "datagrams lost on the way", lost)
    yield Figure("seconds_measured", "seconds with flash and beep", len(errors))
    yield Figure("sync_most_ms", "sync error, most", max(map(abs, errors), default=None), "ms")
    yield Figure("sync_median_ms", "  median", median(errors) if errors else None, "ms")
    told = max((track.sync_error_ms for track in item.tracks), default=0.0)
    yield Figure("sync_told_ms", "  as the ledger tells it", told, "ms")
    for track in item.tracks:
        words = "; ".join(f"{g.cause} at {g.start_s:.1f} for {g.duration_s:.2f} s" for g in track.gaps)
        yield Figure(f"gaps_{track.id}", f"gaps of {track.source}", words or "none")
    yield Figure("unexplained", "gaps that nobody made", len(unexplained(gaps, made)))
    missed = [each for each in made if not any(_explains(each, gap) for gap in gaps)]
    yield Figure("missed", "made gaps that the ledger does not name", len(missed))
    yield Figure("complete", "covered, of what was expected", item.complete)
    yield Figure("proven", "ledger sealed, every byte proven", "yes" if proven else "NO")
