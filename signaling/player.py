"""A WHEP player on aiortc: the only file of the clients that knows aiortc.

It offers to receive one picture and one sound, and hands every decoded frame, with the time at which it
came, to a sink. The server never uses aiortc's peer connection; a client that shows or measures needs just
that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import urljoin

import aiohttp
import av
import msgspec
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from signaling.messages import IceServer
from signaling.problems import ProblemDocument

REQUEST_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
CONNECT_TIMEOUT_S: Final = 15.0
"""ICE and DTLS; as the server's own limit for a handshake."""
MAX_ANSWER: Final = 200_000


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The server said no. str() is its sentence; `retry_after_s` is set when it invites to come again."""

    def __init__(self, sentence: str, retry_after_s: float | None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class ConnectionFailed(Exception):  # noqa: N818 - said in the user's words by who shows it
    """The server answered, but no media path came about, or it was lost."""


class Sink(Protocol):
    """Takes what arrives. `at`: Unix time in seconds at which the frame was decoded."""

    def picture(self, frame: av.VideoFrame, at: float) -> None: ...
    def sound(self, frame: av.AudioFrame, at: float) -> None: ...


class WhepPlayer:
    """`await player.connect(...)`, `await player.ended()`, and in any case `await player.close()`."""

    def __init__(
        self, sink: Sink, *, language: str = "en", ice_servers: Sequence[IceServer] = (), relay: bool = False
    ) -> None:
        """relay: by a TURN server of `ice_servers` or not at all."""
        self._sink = sink
        self._language = language
        self._http = aiohttp.ClientSession(timeout=REQUEST_TIMEOUT)
        servers = [RTCIceServer(list(each.urls), each.username, each.credential) for each in ice_servers]
        policy = RTCIceTransportPolicy.RELAY if relay else RTCIceTransportPolicy.ALL
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=servers, iceTransportPolicy=policy))
        self._peer.on("track", self._receive)
        self._peer.on("connectionstatechange", self._state_changed)
        self._tasks: list[asyncio.Task[None]] = []
        self._connected = asyncio.Event()
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self._resource = ""
        self._token = ""
        self.answer = ""
        """The server's SDP."""

    async def connect(self, endpoint: str, token: str) -> None:
        """Raises Refused, ConnectionFailed, aiohttp.ClientError."""
        self._token = token
        for kind in ("audio", "video"):
            self._peer.addTransceiver(kind, direction="recvonly")
        await self._peer.setLocalDescription(await self._peer.createOffer())
        headers = self._headers() | {"Content-Type": "application/sdp"}
        offer = self._peer.localDescription.sdp
        async with self._http.post(endpoint, data=offer, headers=headers) as response:
            body = await response.content.read(MAX_ANSWER)
            if response.status != 201:
                raise _refused(response, body)
            self._resource = urljoin(endpoint, response.headers.get("Location", ""))
            self.answer = body.decode()
        await self._peer.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        waiting = [asyncio.create_task(event.wait()) for event in (self._connected, self._ended)]
        await asyncio.wait(waiting, timeout=CONNECT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if not self._connected.is_set():
            raise ConnectionFailed

    async def ended(self) -> None:
        """Waits until the server, or the network, has ended it. Raises what the sink raised."""
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """DELETE, then everything is given back. Idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._resource:
            resource, self._resource = self._resource, ""
            try:
                async with self._http.delete(resource, headers=self._headers()):
                    pass
            except (aiohttp.ClientError, TimeoutError):
                pass  # the session ends by itself when nobody answers its checks
        await self._peer.close()
        await self._http.close()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "Accept-Language": self._language}

    def _receive(self, track: MediaStreamTrack) -> None:
        task = asyncio.create_task(self._pump(track))
        task.add_done_callback(self._pumped)
        self._tasks.append(task)

    def _pumped(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._ended.set()

    async def _pump(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, av.VideoFrame):
                self._sink.picture(frame, time.time())
            elif isinstance(frame, av.AudioFrame):
                self._sink.sound(frame, time.time())

    def _state_changed(self) -> None:
        if self._peer.connectionState == "connected":
            self._connected.set()
        elif self._peer.connectionState in {"failed", "closed"}:
            self._ended.set()


def _refused(response: aiohttp.ClientResponse, body: bytes) -> Refused:
    try:
        problem = msgspec.json.decode(body, type=ProblemDocument)
        sentence = f"{problem.title}. {problem.detail}"
    except msgspec.DecodeError:
        sentence = f"{response.status} {response.reason}"
    wait = response.headers.get("Retry-After", "")
    return Refused(sentence, float(wait) if wait.isdecimal() else None)
