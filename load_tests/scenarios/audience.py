"""Many viewers of one live lesson by plain HTTP: what they cost the server, alone and with nginx in front.

Each viewer follows picture and sound as an ordinary HLS player does: the playlist every few seconds, and
every new segment. A server's own publisher sends the test source. nginx runs with the configuration of
docs/nginx.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import re
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from signaling.auth import Tokens

from ..figures import Figure, Report
from ..process import usage
from ..report import machine
from ..server import TONGKE, ServerProcess, free_port
from ..target import ScenarioFailed

NGINX = "/usr/sbin/nginx"
CONFIGURATION = Path(__file__).parents[2] / "docs" / "nginx" / "tongke.conf"
RELOAD_S = 3.0
"""Half of the target duration, as RFC 8216, 6.3.4, asks."""
JOIN_S = 10.0
"""In which all come."""
PATIENCE_S = 30.0
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AudienceOptions:
    viewers: int = 1000
    duration_s: float = 20.0
    nginx: bool = False


async def audience(options: AudienceOptions) -> Report:
    """Raises ServerDidNotStart, ScenarioFailed, NoSuchProcess, OSError."""
    with tempfile.TemporaryDirectory(prefix="tongke-") as folder:
        async with ServerProcess(data=Path(folder) / "data") as server, _publishing(server):
            tokens = Tokens.open(server.data)
            token = tokens.issue(person="o", role="organizer", lesson="demo", now=time.time(), ttl_s=3600)
            item = await _item(server)
            async with _front(server.port, Path(folder), options.nginx) as port:
                return await _measure(options, server, port, item, token)


async def _measure(
    options: AudienceOptions, server: ServerProcess, port: int, item: str, token: str
) -> Report:
    counts: Counter[str] = Counter()
    end = time.monotonic() + JOIN_S + options.duration_s
    viewers = [
        asyncio.create_task(_Viewer(port, item, token, counts).watch(number * JOIN_S / options.viewers, end))
        for number in range(options.viewers)
    ]
    await asyncio.sleep(JOIN_S)
    before, asked, began = usage(server.pid), counts["requests"], time.monotonic()
    await asyncio.sleep(options.duration_s)
    after, took = usage(server.pid), time.monotonic() - began
    requests = counts["requests"] - asked
    await asyncio.gather(*viewers, return_exceptions=True)
    spent = sum(after.threads_s.values()) - sum(before.threads_s.values())
    way = "nginx in front" if options.nginx else "the server alone"
    return Report(
        scenario="audience",
        title=f"{options.viewers} viewers by HTTP, {way}",
        machine=machine(),
        figures=(
            Figure("server_cpu_percent", "server, CPU of one core", 100 * spent / took, "%"),
            Figure("requests_per_s", "requests of the viewers", requests / took, "/s"),
            Figure("bytes_per_s", "bytes of all", counts["bytes"] / (JOIN_S + took) / 1e6, "MB/s"),
            Figure("segments", "segments got", counts["segments"]),
            Figure("failed", "requests that failed", counts["failed"]),
        ),
    )


class _Viewer:
    """One connection, one request at a time."""

    def __init__(self, port: int, item: str, token: str, counts: Counter[str]) -> None:
        self._port, self._item, self._counts = port, item, counts
        self._head = (
            f"Host: school.example\r\nAuthorization: Bearer {token}\r\nAccept-Encoding: identity\r\n\r\n"
        )
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def watch(self, delay_s: float, end: float) -> None:
        await asyncio.sleep(delay_s)
        known = {"t0": "", "t1": ""}
        while time.monotonic() < end:
            begun = time.monotonic()
            for track in known:
                try:
                    await self._follow(track, known)
                except (OSError, asyncio.IncompleteReadError, TimeoutError):
                    self._counts["failed"] += 1
                    self._drop()
            await asyncio.sleep(max(0.0, begun + RELOAD_S - time.monotonic()))
        self._drop()

    async def _follow(self, track: str, known: dict[str, str]) -> None:
        text = (await self._get(f"{track}.m3u8")).decode()
        segments = [line for line in text.splitlines() if line and not line.startswith("#")]
        fresh = segments[-1:]
        if known[track] in segments:
            fresh = segments[segments.index(known[track]) + 1 :]
        for name in fresh:
            if "gap" not in name:
                await self._get(name)
                self._counts["segments"] += 1
            known[track] = name

    async def _get(self, name: str) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            if self._writer is None or self._reader is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._writer.write(f"GET /media/{self._item}/{name} HTTP/1.1\r\n{self._head}".encode())
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if length is None or head[9:12] != b"200":
                raise ConnectionError(head[:20])
            body = await self._reader.readexactly(int(length[1]))
        self._counts["requests"] += 1
        self._counts["bytes"] += len(body)
        return body

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


@asynccontextmanager
async def _publishing(server: ServerProcess) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(
            str(TONGKE),
            "publish",
            "test",
            "--lesson",
            "demo",
            "--url",
            server.url,
            "--data",
            str(server.data),
        ),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _item(server: ServerProcess) -> str:
    """Once there is a segment of picture and of sound."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for found in (server.data / "library").glob("*/t1.jsonl"):
                if found.stat().st_size > 1_000:
                    return found.parent.name
            await asyncio.sleep(0.2)


@asynccontextmanager
async def _front(server_port: int, folder: Path, nginx: bool) -> AsyncIterator[int]:
    if not nginx:
        yield server_port
        return
    port = free_port()
    (folder / "cache").mkdir()
    path = folder / "nginx.conf"
    path.write_text(configuration(CONFIGURATION.read_text(), folder, server_port, port))
    try:
        process = await asyncio.create_subprocess_exec(NGINX, "-p", str(folder), "-c", str(path))
    except OSError as error:
        raise ScenarioFailed(f"{NGINX} cannot be run: install nginx-light") from error
    try:
        await asyncio.sleep(1)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def configuration(text: str, folder: Path, server_port: int, port: int) -> str:
    """The file of docs/nginx as it is, between these two ports of this machine and without TLS."""
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{server_port}")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    text = re.sub(r"\n\s*ssl_certificate.*", "", text).replace("/var/cache/nginx", str(folder / "cache"))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    return (
        f"user {getpass.getuser()};\ndaemon off;\nworker_processes 1;\npid {folder / 'nginx.pid'};\n"
        f"error_log {folder / 'error.log'};\nevents {{ worker_connections 8192; }}\n"
        f"http {{\naccess_log off;\n{paths}{text}\n}}\n"
    )
