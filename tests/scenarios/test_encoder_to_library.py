"""A file goes in by WHIP (FFmpeg), is watched by WHEP (aiortc), and is whole and in sync in the library."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from statistics import median

import aiohttp
import av

from load_tests import flash_beep
from load_tests.server import TONGKE, ServerProcess
from recorder.timeline import FAST_SLEW
from signaling import test_source
from signaling.auth import Tokens

SECONDS = 12
PATIENCE_S = 60
"""For programs that run in real time on a machine that may have much else to do."""
BEGINNING_S = 3
"""What a busy sender was late with when it began is made up for by then, at FAST_SLEW."""
START_MS = 1_790_000_000_000


def write_film(path: Path) -> None:
    """The test source as people's files are: B-frames, AAC, and nothing that WebRTC would take as it is."""
    first = test_source.frame_at(START_MS - 400)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=test_source.FRAME_RATE, options={"bf": "2"})
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        audio = container.add_stream("aac", rate=44_100, layout="mono")
        for number in range(SECONDS * test_source.FRAME_RATE):
            drawn = test_source.frame(test_source.frame_time_ms(first + number))
            picture = av.VideoFrame.from_ndarray(drawn, format="yuv420p").reformat(640, 360)
            picture.pts, picture.time_base = number, Fraction(1, test_source.FRAME_RATE)
            container.mux(video.encode(picture))
        samples = test_source.samples(test_source.sample_at(START_MS - 400), SECONDS * 48_000)
        block = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        block.sample_rate, block.pts = 48_000, 0
        for part in av.AudioResampler("fltp", "mono", 44_100, frame_size=1024).resample(block):
            container.mux(audio.encode(part))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


@asynccontextmanager
async def tongke(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(str(TONGKE), *arguments),
        env={"LANG": "en_US.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def run(*arguments: str) -> str:
    """What the command said; it must succeed."""
    async with asyncio.timeout(PATIENCE_S), tongke(*arguments) as process:
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def end_lesson(server: ServerProcess) -> None:
    """As the master's page does."""
    token = Tokens.open(server.data).issue(
        person="demo-master", role="master", lesson="demo", now=time.time(), ttl_s=60
    )
    where, protocols = f"{server.url}/ws", ["tongke.v1"]
    async with aiohttp.ClientSession() as http, http.ws_connect(where, protocols=protocols) as socket:
        await socket.send_json({"type": "hello", "token": token})
        assert (await socket.receive_json())["type"] == "welcome"
        await socket.send_json({"type": "lesson.end"})
        async for message in socket:
            if message.json()["type"] == "bye":
                return


async def recorded(server: ServerProcess) -> str:
    """The id of the one item, once its recording is closed."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            listed = await run("library", "ls", "--data", str(server.data))
            if "live" not in listed.split()[1:2]:
                return listed.split()[0]


async def test_a_file_by_whip_is_watched_by_whep_and_whole_in_the_library(
    server: ServerProcess, tmp_path: Path
) -> None:
    film, seen, kept = tmp_path / "film.mp4", tmp_path / "seen.mkv", tmp_path / "kept.mp4"
    await asyncio.to_thread(write_film, film)
    place = ("--lesson", "demo", "--url", server.url, "--data", str(server.data))
    watching = run("watch", *place, "--duration", str(PATIENCE_S - 10), "--output", str(seen))
    said, watched = await asyncio.gather(run("publish", str(film), *place), watching)
    assert f"Sent {SECONDS - 0.1:.0f}" in said
    assert "opus, H264" in watched
    assert re.search(r"640x360, \d+\.\d pictures/s", watched)

    await end_lesson(server)
    item = await recorded(server)
    await run("library", "export", item, "--data", str(server.data), "--output", str(kept))

    live = await asyncio.to_thread(flash_beep.measure, seen)
    assert len(live.flashes) >= 3
    marks = await asyncio.to_thread(flash_beep.measure, kept)
    length = max(marks.video_span[1], marks.audio_span[1]) - min(marks.video_span[0], marks.audio_span[0])
    assert abs(length - SECONDS) < 0.5
    assert len(marks.flashes) >= SECONDS - 1
    errors = marks.errors_ms()
    assert len(errors) >= SECONDS - 1
    # A mark is made each second.
    after = errors[BEGINNING_S:]
    assert max(abs(error) for error in after) <= 80
    assert max(abs(error) for error in errors) <= 80 + 1000 * FAST_SLEW * BEGINNING_S
    assert abs(median(after[:3]) - median(after[-3:])) < 40
    with av.open(str(kept)) as container:
        packet = next(packet for packet in container.demux(video=0))
        assert packet.is_keyframe
