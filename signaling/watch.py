"""`tongke watch`: watches a lesson by WHEP and tells what it sees, or writes it to a file."""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiohttp
import av
import numpy as np
from numpy.typing import NDArray

from sfu.params import Kind
from signaling import catalogue
from signaling.cli.command import CommandError, Commands
from signaling.cli.target import Target, add_arguments, target_of
from signaling.media_file import MediaFile
from signaling.meter import Figures, Meter
from signaling.player import ConnectionFailed, Refused, WhepPlayer
from signaling.publish import duration_of, tell
from signaling.sdp_parser import parse

REPORT_S: Final = 2.0
EXIT_FAILED: Final = 1


def register(commands: Commands) -> None:
    parser, text = commands.add("watch", watch), commands.text
    add_arguments(parser, commands)
    parser.add_argument("--source", default="", metavar="NAME", help=text("cli.watch.source"))
    parser.add_argument("--output", type=Path, metavar="FILE", help=text("cli.watch.output"))
    parser.add_argument("--duration", metavar="TIME", help=text("cli.watch.duration"))


def watch(options: argparse.Namespace) -> int:
    """Watches until --duration is over, the lesson's picture ends, or Ctrl-C. Exit code 1: nothing was
    seen."""
    person = f"watch-{uuid.uuid4().hex[:12]}"
    # A supervisor disturbs nobody: what is watched from the command line appears in no roster.
    target = target_of(options, role="supervisor", person=person, name="tongke watch")
    return asyncio.run(Watching(options, target).run())


class Watching:
    """One run of the command; a Sink."""

    def __init__(self, options: argparse.Namespace, target: Target) -> None:
        self._endpoint = target.endpoint("whep", source=options.source)
        self._token = target.token
        self._language: str = options.language
        self._output: Path | None = options.output
        self._limit_s = None if options.duration is None else duration_of(options.duration)
        self._meter = Meter()
        self._file: MediaFile | None = None

    async def run(self) -> int:
        work = asyncio.create_task(self._watch())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        try:
            with suppress(asyncio.CancelledError, TimeoutError):
                await work
        except ConnectionFailed as error:
            raise CommandError("cli.watch.no-media", url=self._endpoint) from error
        except aiohttp.ClientError as error:
            raise CommandError("cli.client.no-server", url=self._endpoint, reason=error) from error
        except (av.FFmpegError, OSError, ValueError) as error:
            if self._output is None:
                raise
            reason = getattr(error, "strerror", None) or error
            raise CommandError("cli.watch.bad-output", path=self._output, reason=reason) from error
        finally:
            self._finish_file()
        return 0 if self._meter.pictures or self._meter.sound_s else EXIT_FAILED

    async def _watch(self) -> None:
        """The limit holds for the wait until there is something, and again for watching it."""
        async with asyncio.timeout(self._limit_s):
            player = await self._connect()
        try:
            self._begin(player.answer)
            async with asyncio.timeout(self._limit_s):
                await self._report_until_end(player)
        finally:
            await player.close()

    async def _connect(self) -> WhepPlayer:
        """A connected player; comes again for as long as the server says that there is nothing yet."""
        told = False
        while True:
            player = WhepPlayer(self, language=self._language)
            try:
                await player.connect(self._endpoint, self._token)
            except Refused as error:
                await player.close()
                if error.retry_after_s is None:
                    raise CommandError("cli.client.refused", url=self._endpoint, reason=error) from error
                if not told:
                    tell("cli.watch.waiting", self._language, reason=error)
                told = True
                await asyncio.sleep(error.retry_after_s)
            except BaseException:
                await player.close()
                raise
            else:
                return player

    def _begin(self, answer: str) -> None:
        sections = [section for section in parse(answer).sections if section.direction.sends]
        codecs = ", ".join(section.formats[0].codec.name for section in sections if section.formats)
        tell("cli.watch.watching", self._language, url=self._endpoint, codecs=codecs)
        if self._output:
            kinds = {section.kind for section in sections}
            self._file = MediaFile(self._output, picture=Kind.VIDEO in kinds, sound=Kind.AUDIO in kinds)

    def _finish_file(self) -> None:
        if self._file is not None:
            with suppress(av.FFmpegError, OSError):  # a full disk has been told of already
                self._file.close()

    async def _report_until_end(self, player: WhepPlayer) -> None:
        end = asyncio.create_task(player.ended())
        self._meter.figures(time.time())
        try:
            while not end.done():
                await asyncio.wait({end}, timeout=REPORT_S)
                print(line(self._meter.figures(time.time()), self._language), flush=True)
            await end
        finally:
            end.cancel()
        tell("cli.watch.ended", self._language)

    # --- Sink ---------------------------------------------------------------------------------------------

    def picture(self, frame: av.VideoFrame, at: float) -> None:
        self._meter.picture(luma_of(frame), at)
        if self._file:
            self._file.picture(frame, at)

    def sound(self, frame: av.AudioFrame, at: float) -> None:
        self._meter.sound(mono_of(frame), frame.sample_rate, at)
        if self._file:
            self._file.sound(frame, at)


def luma_of(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """The Y plane, shape (height, width)."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return np.asarray(rows[:, : frame.width])


def mono_of(frame: av.AudioFrame) -> NDArray[np.float32]:
    """The first channel, full scale 1. What aiortc decodes is 16 bit, interleaved."""
    samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
    return np.asarray(samples[:, 0] / np.float32(32768), np.float32)


def line(figures: Figures, language: str) -> str:
    """One report."""
    parts = [
        catalogue.text(
            "cli.watch.figures",
            language,
            width=figures.width,
            height=figures.height,
            rate=f"{figures.pictures_per_s:.1f}",
            sound=f"{figures.sound_s:.1f}",
        )
    ]
    if figures.latency_ms is not None:
        parts.append(catalogue.text("cli.watch.latency", language, latency=f"{figures.latency_ms:.0f}"))
    if figures.sync_ms is not None:
        parts.append(catalogue.text("cli.watch.sync", language, sync=f"{figures.sync_ms:+.0f}"))
    return ", ".join(parts)
