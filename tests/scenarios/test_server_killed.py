"""The server and its recorder are killed in the middle of a lesson: the same recording goes on afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from load_tests.process import children
from load_tests.server import TONGKE, ServerProcess
from load_tests.tokens import issuer
from recorder.library import ItemView, Library
from recorder.signing import trusted_keys
from recorder.verify import verify
from signaling.auth import Tokens

PATIENCE_S = 60
LOST_S = 2.0
"""One is allowed (tests/recorder/test_feed.py judges that by a clock of its own); a machine that has much
else to do takes the rest before a packet is read."""


@asynccontextmanager
async def sending(server: ServerProcess) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(str(TONGKE), "publish", "test", "--lesson", "demo", "--url", server.url),
        *("--data", str(server.data)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def recorded(library: Library, tracks: int = 2, behind_s: float = 0.0, state: str = "live") -> ItemView:
    """The newest item of the lesson, once so many of its tracks reach behind that moment."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            items = await asyncio.to_thread(library.items, "demo")
            if items and items[0].state == state:
                ends = [track.start_s + track.duration_s for track in items[0].tracks]
                if sum(end > behind_s for end in ends) >= tracks:
                    return items[0]
            await asyncio.sleep(0.1)


def kill(server: ServerProcess) -> None:
    """All of it at once."""
    for pid in (server.pid, *children(server.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def end_lesson(server: ServerProcess) -> None:
    headers = {"Authorization": f"Bearer {issuer(Tokens.open(server.data), 'demo')('organizer', 0)}"}
    url = f"{server.url}/api/v1/lessons/demo/end"
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers) as answer:
        assert answer.status < 300, await answer.text()


async def test_a_killed_server_goes_on_with_the_same_recording(server: ServerProcess) -> None:
    library = Library(server.data)
    async with sending(server):
        before = await recorded(library, behind_s=4)
        killed_s = time.time() - library.header(before.id).started_ms / 1000
        kill(server)
    await server.restart()
    again_s = time.time() - library.header(before.id).started_ms / 1000
    async with sending(server):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                after = await recorded(library)
                if all(any(gap.cause == "server" for gap in track.gaps) for track in after.tracks):
                    break
                await asyncio.sleep(0.1)
    await end_lesson(server)
    whole = await recorded(library, state="ready")

    assert [item.id for item in library.items("demo")] == [before.id] == [whole.id]
    for track in whole.tracks:
        [gap] = [gap for gap in track.gaps if gap.cause == "server"]
        assert killed_s - LOST_S <= gap.start_s <= killed_s + 0.1
        assert gap.start_s + gap.duration_s >= again_s
    verdict = await asyncio.to_thread(verify, library.media, whole.id, trusted_keys(server.data))
    assert verdict.sealed
    assert {finding.kind for finding in verdict.findings} == {"gap"}
    assert {finding.detail for finding in verdict.findings} == {"server"}
    assert verdict.state == "incomplete"
