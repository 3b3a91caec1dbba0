"""A master whose media stop: the classes go on by themselves, and come back with the media. Real processes,
real media; the publisher is frozen by a signal, as a laptop is whose lid was closed."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from load_tests.server import TONGKE, ServerProcess
from signaling.auth import Tokens

LATE_PACKETS = 100
"""A second or two of sound and pictures: more than a look at the line apart."""
PATIENCE_S = 60
"""For programs that run in real time on a machine that may have much else to do."""


@asynccontextmanager
async def published(server: ServerProcess) -> AsyncIterator[int]:
    """The test source, sent as the master; its process group."""
    place = ("--lesson", "demo", "--url", server.url, "--data", str(server.data))
    process = await asyncio.create_subprocess_exec(
        *(str(TONGKE), "publish", "test", *place),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str, found: Any) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message: dict[str, Any] = await socket.receive_json()
            if message["type"] == kind and found(message):
                return message


async def situation(socket: aiohttp.ClientWebSocketResponse, word: str) -> dict[str, Any]:
    return await until(socket, "lesson", lambda m: m["floor"]["situation"] == word)


async def media_come(server: ServerProcess, http: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with http.get(f"{server.url}/metrics") as answer:
                found = re.search(r"^tongke_rtp_in_total (\S+)", await answer.text(), re.MULTILINE)
            if found and float(found[1]) > LATE_PACKETS:
                return


async def test_the_class_has_its_tutor_while_the_masters_media_are_gone(server: ServerProcess) -> None:
    token = Tokens.open(server.data).issue(
        person="demo-tutor-1", role="tutor", lesson="demo", class_id="class-1", now=time.time(), ttl_s=600
    )
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"{server.url}/ws", protocols=["tongke.v1"])
        await socket.send_json({"type": "hello", "token": token})
        async with published(server) as publisher:
            await until(socket, "subscribe.offer", lambda m: m["streams"])
            await media_come(server, http)
            os.killpg(publisher, signal.SIGSTOP)
            await situation(socket, "take_over")
            notice = await until(socket, "notice", lambda m: m["kind"] == "master_lost")
            assert "本班老师" in notice["text"]
            os.killpg(publisher, signal.SIGCONT)
            await situation(socket, "lecture")
        await socket.close()
