"""A real server process of its own, on free ports and a temporary data directory."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import aiohttp

READY_TIMEOUT_S = 30.0
"""Set-up of the database on a slow disk takes seconds; more than this is a fault."""
STOP_TIMEOUT_S = 10.0
"""A server that has not ended by then is killed."""
OUTPUT_LINES_SHOWN = 20
TONGKE = Path(sys.executable).with_name("tongke")
LENT_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Who asks for no certain port, and each connection on its near side, gets one of these."""
USUAL_LENT_PORTS = "32768 60999"
LOWEST_PORT = 10_000
"""Below are those that programs listen on by themselves."""


class ServerDidNotStart(Exception):  # noqa: N818 - it is a finding, said in the user's words
    """The process ended, or was not ready in time; the text holds its last lines of output."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port number that UDP and TCP both have free on this address now, and that nobody takes by chance
    before it is used, or while its server starts again."""
    for port in itertools.islice(_ports, 100):  # one that is taken is rare; a hundred mean that none is free
        with socket.socket(_family(host), socket.SOCK_STREAM) as tcp, contextlib.suppress(OSError):
            tcp.bind((host, port))
            found: int = tcp.getsockname()[1]
            with socket.socket(_family(host), socket.SOCK_DGRAM) as udp:
                udp.bind((host, found))
                return found
    raise OSError(f"no port is free on {host} for UDP and TCP both")


def _ports_apart() -> Iterator[int]:
    """Those that the system does not lend, one after the other, from anywhere on: so none comes twice here,
    and two processes hardly meet. 0, the system's choice, where it lends them all."""
    try:
        text = LENT_PORTS.read_text()
    except OSError:
        text = USUAL_LENT_PORTS
    lowest, highest = map(int, text.split())
    apart = [port for port in range(LOWEST_PORT, 65_536) if not lowest <= port <= highest] or [0]
    begin = secrets.randbelow(len(apart))
    return itertools.cycle(apart[begin:] + apart[:begin])


_ports = _ports_apart()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class ServerProcess:
    """`tongke serve --demo` as a process: `async with ServerProcess() as server`.

    Its output goes to a file in `data`.
    """

    database: ClassVar[Path | None] = None
    """What a data directory without a database begins with; None: the server makes one."""

    def __init__(
        self,
        *,
        data: Path | None = None,
        arguments: Sequence[str] = (),
        host: str = "127.0.0.1",
        environment: dict[str, str] | None = None,
    ) -> None:
        self.host = host
        self.port = free_port(host)
        self.media_port = free_port(host)
        self._temporary = tempfile.TemporaryDirectory(prefix="tongke-") if data is None else None
        self.data = Path(self._temporary.name) if self._temporary else data or Path()
        self._arguments = arguments
        self._environment = environment or {}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process.pid

    async def __aenter__(self) -> ServerProcess:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts it and waits until `/readyz` answers 200. Raises ServerDidNotStart."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._begin()
        command = [
            *(str(TONGKE), "serve", "--demo", "--no-demo-courses", "--data", str(self.data)),
            *("--host", self.host, "--port", str(self.port)),
            *("--media-ip", self.host, "--media-port", str(self.media_port)),
            *self._arguments,
        ]
        with self.log.open("ab") as output:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, **self._environment},
                    start_new_session=True,
                )
            except OSError as error:
                raise ServerDidNotStart(f"{command[0]} cannot be run: {error.strerror}") from error
        await self._ready()

    def _begin(self) -> None:
        """With the database that there is for it, unless it has one, here or elsewhere."""
        if self.database is None or "--database" in self._arguments:
            return
        file = self.data / self.database.name
        if not file.exists():
            shutil.copyfile(self.database, file)

    async def _ready(self) -> None:
        assert self._process is not None
        try:
            async with asyncio.timeout(READY_TIMEOUT_S), aiohttp.ClientSession() as http:
                while not await _answers(http, f"{self.url}/readyz"):
                    if self._process.returncode is not None:
                        code = self._process.returncode
                        raise ServerDidNotStart(f"the server ended with {code}:\n{self.tail()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise ServerDidNotStart(
                f"the server was not ready within {READY_TIMEOUT_S:.0f} s:\n{self.tail()}"
            ) from None

    def tail(self) -> str:
        """The last lines of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-OUTPUT_LINES_SHOWN:])

    def kill(self) -> None:
        """SIGKILL to the server alone, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL for it and its children when it takes too long. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            await _end(process)
        if self._temporary is not None:
            self._temporary.cleanup()

    async def restart(self) -> None:
        """Ends it (or notes that it was killed) and starts it again on the same ports and data."""
        process, self._process = self._process, None
        if process is not None:
            await _end(process)
        await self.start()


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url, timeout=aiohttp.ClientTimeout(total=2)) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
