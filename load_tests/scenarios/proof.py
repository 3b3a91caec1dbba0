"""A lesson with everything that goes wrong, and what its recording says of it afterwards.

A publisher sends flash and beep once a second by WHIP over a link that loses packets both ways. At a
quarter of the time the recorder is killed; in the middle nothing gets through for a while; at three
quarters the picture gets another size. Then the lesson ends, and its item is verified, exported and
measured: the sync between flash and beep in every second, the gaps in the ledger beside those that were
made, and whether Chromium plays the film.

There are two publishers: FFmpeg's WHIP muxer (`tongke publish`, whose place another encoder takes for the
other size), and a page in Chromium (flash_page.py). Neither repairs sound by NACK; so sound that was lost
twice in a row stays lost, and that is told for itself.

Beside it stands what a listener without repair would have had: each datagram that the link dropped is a
hole in sound or picture.
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
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from statistics import median

import aiohttp
import av
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Error as PlaywrightError

from recorder.export import export
from recorder.library import GapView, ItemView, Library
from recorder.signing import trusted_keys
from recorder.verify import Verdict, verify
from signaling import test_source

from ..figures import Figure, Report
from ..flash_beep import Marks, measure
from ..flash_page import FlashPage, flash_page, played_s
from ..link import Conditions
from ..process import children
from ..report import machine
from ..seed import proven_lesson
from ..target import ScenarioFailed, Target
from ..thin_link import CHROMIUM, FLAGS
from ..whip_detour import WhipDetour

TONGKE = Path(sys.executable).with_name("tongke")
BEGIN_TIMEOUT_S = 60.0
END_TIMEOUT_S = 60.0
REFUSED_S = 0.5
"""An encoder that was refused says so and has ended by then."""
PUBLISHERS = ("ffmpeg", "chromium")
LARGE, SMALL = (1280, 720), (640, 360)
FILM_S = 10
"""Of the second encoder, which plays it again and again; whole seconds, so flash and beep stay in step."""
SOUND_LOST_S = 0.1
"""Five packets in a row: more than chance takes."""
EXTRA_S = 1.5
"""By how much a gap may be longer than what made it: until the next keyframe, which is asked for."""


@dataclass(frozen=True, slots=True)
class ProofOptions:
    duration_s: float = 600.0
    outage_s: float = 20.0
    loss: float = 0.03
    delay_s: float = 0.02
    publishers: tuple[str, ...] = PUBLISHERS
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
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tongke-") as directory:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
            for publisher in options.publishers:
                run = _Run(options, publisher, target, library, Path(directory), browser)
                figures += [
                    replace(each, key=f"{publisher}_{each.key}", label=f"{publisher}: {each.label}")
                    for each in await run.figures()
                ]
            await browser.close()
    return Report(
        scenario="proof",
        title=f"{options.duration_s:.0f} s by WHIP, {100 * options.loss:.0f} % lost on the way",
        machine=place,
        figures=tuple(figures),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One lesson by one publisher."""

    options: ProofOptions
    publisher: str
    target: Target
    library: Library
    directory: Path
    browser: Browser
    _page: list[FlashPage] = field(default_factory=list)

    @property
    def lesson(self) -> str:
        return proven_lesson(self.publisher)

    async def figures(self) -> list[Figure]:
        conditions = Conditions(delay_s=self.options.delay_s, loss=self.options.loss)
        async with WhipDetour(self.target.url, conditions, self.options.seed) as detour:
            made = await self._give(detour)
            lost = detour.lost
        item = await _ended(self.lesson, self.target, self.library)
        assert self.target.data is not None
        keys = trusted_keys(self.target.data)
        verdict = await asyncio.to_thread(verify, self.library.media, item.id, keys)
        film = self.directory / f"{self.publisher}.mp4"
        await asyncio.to_thread(export, self.library, item.id, film)
        marks = await asyncio.to_thread(measure, film)
        try:
            played = await played_s(self.browser, film)
        except PlaywrightError as error:
            played = None
            print(f"Chromium does not play it: {error}", file=sys.stderr)
        return [
            *_figures(item, verdict, marks, made, lost),
            Figure("played_s", "Chromium plays", played, "s"),
        ]

    async def _give(self, detour: WhipDetour) -> list[Made]:
        async with AsyncExitStack() as sending:
            await self._send(detour, sending, LARGE)
            item = await _begun(self.lesson, self.library)
            made = await self._break(detour, item)
            await self._send(detour, sending, SMALL)
            await asyncio.sleep(self.options.duration_s / 4)
        return made

    async def _break(self, detour: WhipDetour, item: str) -> list[Made]:
        """Three quarters of the time."""
        quarter_s, outage_s = self.options.duration_s / 4, self.options.outage_s
        await asyncio.sleep(quarter_s)
        made = [Made("server", _clock_s(self.library, item), 0.0)]
        assert self.target.pid is not None
        os.kill(_recorder(self.target.pid), signal.SIGKILL)
        await asyncio.sleep(quarter_s)
        made.append(Made("network", _clock_s(self.library, item), outage_s))
        detour.cut(off=True)
        await asyncio.sleep(outage_s)
        detour.cut(off=False)
        await asyncio.sleep(max(0.0, quarter_s - outage_s))
        return made

    async def _send(self, detour: WhipDetour, sending: AsyncExitStack, size: tuple[int, int]) -> None:
        """Begins to send, or goes on in another size."""
        if self.publisher == "chromium":
            if size == SMALL:
                await self._page[0].resize(*size)
                return
            token = self.target.token("master", 0, self.lesson)
            page = flash_page(self.browser, detour.url, self.lesson, token, size)
            self._page.append(await sending.enter_async_context(page))
            return
        await sending.aclose()
        source = "test"
        if size == SMALL:
            source = str(self.directory / "film.mp4")
            await asyncio.to_thread(write_film, Path(source))
        await sending.enter_async_context(_encoder(source, self.lesson, self.target, detour))


@asynccontextmanager
async def _encoder(source: str, lesson: str, target: Target, detour: WhipDetour) -> AsyncIterator[None]:
    """`tongke publish`, a program of its own, sending; it says good-bye at the end."""
    more = () if source == "test" else ("--loop",)
    process = await asyncio.create_subprocess_exec(
        *(str(TONGKE), "publish", source, "--lesson", lesson, "--url", detour.url, *more),
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


async def _begun(lesson: str, library: Library) -> str:
    async with asyncio.timeout(BEGIN_TIMEOUT_S):
        while True:
            for item in await asyncio.to_thread(library.items, lesson):
                if len(item.tracks) == 2:
                    return item.id
            await asyncio.sleep(0.2)


def _clock_s(library: Library, item: str) -> float:
    return time.time() - library.header(item).started_ms / 1000


async def _ended(lesson: str, target: Target, library: Library) -> ItemView:
    """Ends the lesson as an organizer's platform does, and waits for the seal."""
    headers = {"Authorization": f"Bearer {target.token('organizer', 0, lesson)}"}
    url = f"{target.url}/api/v1/lessons/{lesson}/end"
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers) as answer:
        if answer.status >= 300:
            raise ScenarioFailed(f"the lesson could not be ended: {await answer.text()}")
    async with asyncio.timeout(END_TIMEOUT_S):
        while True:
            items = await asyncio.to_thread(library.items, lesson)
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


def lost_sound(item: ItemView) -> list[GapView]:
    """Packets of sound that were lost in a row: nobody sends them again."""
    sound = (gap for track in item.tracks if track.kind == "audio" for gap in track.gaps)
    return [gap for gap in sound if gap.cause == "network" and gap.duration_s <= SOUND_LOST_S]


def _explains(made: Made, gap: GapView) -> bool:
    """A killed recorder costs up to two seconds, and what it had not written."""
    allowed_s = made.duration_s + (EXTRA_S if made.duration_s else 3 + EXTRA_S)
    near = made.at_s - 2 <= gap.start_s <= made.at_s + made.duration_s + 2
    return gap.cause == made.cause and near and gap.duration_s <= allowed_s


def _figures(
    item: ItemView, verdict: Verdict, marks: Marks, made: Sequence[Made], lost: int
) -> Iterator[Figure]:
    errors = marks.errors_ms()
    chance = lost_sound(item)
    gaps = [gap for track in item.tracks for gap in track.gaps if gap not in chance]
    proven = all(finding.kind == "gap" for finding in verdict.findings) and verdict.sealed
    yield Figure("duration_s", "item", item.duration_s, "s")
    yield Figure("lost_datagrams", "holes without repair (datagrams lost)", lost)
    yield Figure("seconds_measured", "seconds with flash and beep", len(errors))
    yield Figure("sync_most_ms", "sync error, most", max(map(abs, errors), default=None), "ms")
    yield Figure("sync_median_ms", "  median", median(errors) if errors else None, "ms")
    told = max((track.sync_error_ms for track in item.tracks), default=0.0)
    yield Figure("sync_told_ms", "  as the ledger tells it", told, "ms")
    for track in item.tracks:
        told_of = (g for g in track.gaps if g not in chance)
        words = "; ".join(f"{g.cause} at {g.start_s:.1f} for {g.duration_s:.2f} s" for g in told_of)
        yield Figure(f"gaps_{track.id}", f"gaps of {track.source}", words or "none")
    seconds = sum(gap.duration_s for gap in chance)
    yield Figure("sound_lost", "packets of sound lost in a row, times", len(chance))
    yield Figure("sound_lost_s", "  together", seconds, "s")
    yield Figure("unexplained", "gaps that nobody made", len(unexplained(gaps, made)))
    missed = [each for each in made if not any(_explains(each, gap) for gap in gaps)]
    yield Figure("missed", "made gaps that the ledger does not name", len(missed))
    yield Figure("complete", "covered, of what was expected", item.complete)
    yield Figure("proven", "ledger sealed, every byte proven", "yes" if proven else "NO")
