"""One recorder process and the two sockets to it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from recorder.control import (
    LINE_LIMIT_BYTES,
    Control,
    ControlError,
    FromRecorder,
    decode_from_recorder,
    encode,
)
from sfu.params import MediaParameters

logger = logging.getLogger(__name__)

SILENT_S = 10.0
"""A process that says nothing for so long hangs and is killed; it reports every second."""
EXIT_S = 0.5
"""For a process that has closed its control socket to be gone."""
MAX_UNSENT_BYTES = 4 * 1024 * 1024
"""Control messages the process does not read: it hangs and is killed."""


class LocalSubscription(Protocol):
    def close(self) -> None: ...


class LocalTransport(Protocol):
    """What `Sfu.create_local_transport` gives: plain RTP over a socketpair."""

    @property
    def peer_fd(self) -> int: ...
    def subscribe(self, publication: Any, parameters: MediaParameters, /) -> LocalSubscription: ...
    def close(self) -> None: ...


class Spawned:
    """A process that was started and has nothing to do yet: it waits for its media socket."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self._process = process
        self._control = control

    @classmethod
    async def start(cls, library: Path, lock: IO[bytes] | None) -> Spawned:
        """Raises OSError."""
        ours, theirs = socket.socketpair()
        inherited = [theirs.fileno()] + ([lock.fileno()] if lock is not None else [])
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "recorder", "--library", str(library)),
                *("--control-fd", str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=inherited,
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    async def attach(self, transport: LocalTransport) -> Link:
        """Gives it its media socket; the transport's `peer_fd` is closed here in any case: it is the
        process's alone. Raises OSError when the process is gone."""
        media_fd = transport.peer_fd
        try:
            socket.send_fds(self._control, [b"\n"], [media_fd])
            reader, writer = await asyncio.open_connection(sock=self._control, limit=LINE_LIMIT_BYTES)
        except BaseException:
            await self.end()
            raise
        finally:
            os.close(media_fd)
        return Link(self._process, transport, reader, writer)

    async def end(self) -> None:
        """It has nothing to finish."""
        self._control.close()
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()


class Link:
    """One process and the two sockets to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        transport: LocalTransport,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self.transport = transport
        self._reader = reader
        self._writer = writer

    def send(self, message: Control) -> None:
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            logger.error("x recorder reads nothing, killed")
            self._kill()
            return
        self._writer.write(encode(message))

    async def listen(self, heard: Callable[[FromRecorder], None]) -> None:
        """Returns when the process has gone, or hangs."""
        while True:
            try:
                async with asyncio.timeout(SILENT_S):
                    line = await self._reader.readline()
                if not line:
                    return
                heard(decode_from_recorder(line))
            except TimeoutError:
                logger.error("x recorder hangs, killed")
                return
            except (ConnectionError, ControlError, ValueError) as error:
                logger.error("x recorder talks nonsense, killed: %s", error)
                return

    async def end(self) -> int:
        """Makes sure that it is gone; returns its exit code."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        if self._process.returncode is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(EXIT_S):
                    await self._process.wait()
        self._kill()
        return await self._process.wait()

    def _kill(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
