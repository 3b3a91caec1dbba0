"""GET /ws: the WebSocket, subprotocol `tongke.v1`. One task reads it, and writes to it as long as the client
keeps up; another one writes where it does not, and at the end. What is said is session.py's.

Frames are not compressed: the limit of a frame then is the limit of memory, and a connection holds no zlib
windows (some 300 kB each, more than everything else it holds).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from signaling import catalogue, codec
from signaling.keys import LANGUAGE, METRICS, SESSIONS
from signaling.messages import Bye, Error, Hello
from signaling.problems import Problem
from signaling.rate import Bucket
from signaling.session import Session

log = logging.getLogger(__name__)

SUBPROTOCOL: Final = "tongke.v1"
HELLO_TIMEOUT_S: Final = 5.0
MAX_STRANGERS: Final = 1_000
"""Sockets that are not let in yet: a whole school that comes back at once, and far fewer than there are file
descriptors."""
BUSY_SPREAD_MS: Final = 4_000
"""Within what time those are to come back who found the server busy or not ready."""
MISSED_HEARTBEATS: Final = 3
FLUSH_TIMEOUT_S: Final = 5.0
"""For the last messages of a connection that is being closed."""
CLOSE_TIMEOUT_S: Final = 2.0
"""For the client's half of the closing handshake."""
MAX_TURN: Final = 65_536
"""Bytes written in one turn of the loop; of more, the rest waits until the client has taken these."""
RETRY_S: Final = 0.1
"""Between two looks whether a slow client has taken what it was sent: as often as pointers move."""
MESSAGES_BURST: Final = 60.0
MESSAGES_PER_S: Final = 20.0
"""A page makes a handful when it joins (candidates, answers) and then one or two a second."""
CHARACTERS_PER_PERMIT: Final = 8192
"""Long messages cost more: an offer of a browser (some 8,000 characters) as much as two short ones, the
longest possible one half of what may be said at once."""
STRIKES_BURST: Final = 10.0
STRIKES_PER_S: Final = 0.1
"""Messages that could not be understood, or came too fast. More of them is no slip, and the connection
ends."""

_CLOSE_CODES: Final = {
    "ended": WSCloseCode.OK,
    "shutdown": WSCloseCode.GOING_AWAY,
    "slow": WSCloseCode.TRY_AGAIN_LATER,
    "moved": WSCloseCode.SERVICE_RESTART,
}


async def websocket(request: web.Request) -> web.StreamResponse:
    """One connection from upgrade to close."""
    if SUBPROTOCOL not in _offered(request):
        raise Problem("bad-request", reason=f"ask for the WebSocket subprotocol {SUBPROTOCOL}")
    sessions = request.app[SESSIONS]
    if sessions.strangers >= MAX_STRANGERS:
        raise Problem("busy")
    socket = web.WebSocketResponse(
        protocols=(SUBPROTOCOL,),
        max_msg_size=codec.MAX_FRAME,
        compress=False,
        timeout=CLOSE_TIMEOUT_S,
    )
    await socket.prepare(request)
    connection = WebSocketConnection(socket, request)
    try:
        await connection.serve()
    except Exception:
        # Not for the middleware: this is no HTTP exchange any more that could be answered.
        log.exception("x fault of ours in a WebSocket")
    return socket


def _offered(request: web.Request) -> set[str]:
    header = request.headers.get("Sec-WebSocket-Protocol", "")
    return {name.strip() for name in header.split(",")}


class WebSocketConnection:
    """One socket: hello, then messages to the session and from its outbox, until either side closes."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._language = request[LANGUAGE]
        self._woken = asyncio.Event()
        self._latest = b""
        """A frame that was not written yet, and is worth nothing once there is a newer one."""
        self._retry: asyncio.TimerHandle | None = None
        self._session: Session | None = None
        self._writer: asyncio.Task[None] | None = None
        """Once it was needed."""
        self._turn: asyncio.Handle | None = None
        self._finishing = False
        self._superseded = False
        self._bye: Bye | None = None
        now = asyncio.get_running_loop().time()
        self._allowance = Bucket(burst=MESSAGES_BURST, per_second=MESSAGES_PER_S, now=now)
        self._strikes = Bucket(burst=STRIKES_BURST, per_second=STRIKES_PER_S, now=now)

    # --- for the session ------------------------------------------------------------------------------------

    def wake(self) -> None:
        """What there is to say is written at the end of this turn of the loop, all of it at once."""
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._say)

    def _say(self) -> None:
        """Without the writer, as long as the client keeps up: a word to a thousand wakes no thousand
        tasks."""
        self._turn = None
        if self._finishing or not self._said():
            self._wake_writer()

    def _said(self) -> bool:
        """Whether there is nothing left to write."""
        transport, session = self._request.transport, self._session
        if transport is None or transport.is_closing() or session is None:
            return True
        if transport.get_write_buffer_size():
            return False
        frames, size = [], 0
        while size < MAX_TURN and (frame := session.outbox.take()) is not None:
            frames.append(codec.text_frame(frame))
            size += len(frame)
        transport.write(b"".join(frames))
        return not session.outbox.waiting

    def finish(self, bye: Bye | None) -> None:
        self._finishing = True
        self._bye = bye
        self._wake_writer()

    def supersede(self) -> None:
        # From here on the outbox is the newer connection's: what this one took of it, that one would miss.
        self._superseded = True
        self.finish(Bye(reason="replaced"))

    def flash(self, frame: bytes, behind: int) -> None:
        """Writes a whole frame, unless something is before it: `behind` messages, or what the client has not
        taken yet. Then the latest one is written once nothing is."""
        # Each call of aiohttp's writer and of ours hands the transport whole frames: they never mix.
        if behind or not self._flashed(frame):
            self._latest = frame
            if self._retry is None:
                self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._flash_again)

    def _flashed(self, frame: bytes) -> bool:
        """True: written, or there is nobody any more to write it to."""
        transport = self._request.transport
        if transport is None or transport.is_closing() or self._finishing:
            return True
        if transport.get_write_buffer_size():
            return False
        transport.write(frame)
        return True

    def _flash_again(self) -> None:
        self._retry = None
        if not self._flashed(self._latest):
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._flash_again)

    # --- the two tasks --------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Reads until the end; the writer, if there is one, is its child."""
        session = await self._enter_or_turn_away()
        if session is None:
            return
        try:
            await self._read(session)
        finally:
            session.detach(self)
            for handle in (self._retry, self._turn):
                if handle is not None:
                    handle.cancel()
            await self._end_writer()

    def _wake_writer(self) -> None:
        self._woken.set()
        if self._writer is None and self._session is not None:
            self._writer = asyncio.create_task(self._write(self._session), name=f"write {self._session.id}")

    async def _end_writer(self) -> None:
        if self._writer is None:
            return
        if not self._finishing:
            self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer

    async def _enter_or_turn_away(self) -> Session | None:
        sessions = self._request.app[SESSIONS]
        sessions.strangers += 1
        try:
            return await self._enter()
        except Problem as problem:
            await self._turn_away(problem)
        except Exception:
            log.exception("x fault of ours while somebody came in")
            await self._turn_away(Problem("internal"))
        finally:
            sessions.strangers -= 1
        return None

    async def _enter(self) -> Session | None:
        """Reads hello and lets the person in. Raises Problem; None when the socket closed meanwhile."""
        began = asyncio.get_running_loop().time()
        metrics = self._request.app[METRICS]
        try:
            hello = await self._hello()
            if hello is None:
                return None
            session, resumed = await self._request.app[SESSIONS].enter(hello)
        except Problem as problem:
            metrics.joined("websocket", problem.kind)
            raise
        metrics.joined("websocket", "resumed" if resumed else "ok", asyncio.get_running_loop().time() - began)
        self._session = session
        session.attach(self, resumed=resumed)
        return session

    async def _hello(self) -> Hello | None:
        try:
            frame = await self._socket.receive(timeout=HELLO_TIMEOUT_S)
        except TimeoutError:
            raise Problem("hello-first", seconds=f"{HELLO_TIMEOUT_S:g}") from None
        if frame.type in _CLOSED:
            return None
        message = codec.decode(_text(frame))
        if not isinstance(message, Hello):
            raise Problem("hello-first", seconds=f"{HELLO_TIMEOUT_S:g}")
        self._language = catalogue.match(message.language) or self._language
        return message

    async def _read(self, session: Session) -> None:
        patience_s = MISSED_HEARTBEATS * self._request.app[SESSIONS].heartbeat_s
        while not session.ended:
            try:
                frame = await self._socket.receive(timeout=patience_s)
            except TimeoutError:
                log.info("x %s missed %d heartbeats", session, MISSED_HEARTBEATS)
                return
            if frame.type in _CLOSED or self._finishing:
                return
            self._take(session, frame)

    def _take(self, session: Session, frame: WSMessage) -> None:
        now = asyncio.get_running_loop().time()
        session.heard += 1
        try:
            text = _text(frame)
            if not self._allowance.take(now, 1 + len(text) / CHARACTERS_PER_PERMIT):
                raise Problem("too-many-requests", retry_after=1)
            message = codec.decode(text)
        except Problem as problem:
            session.refuse(problem, codec.request_of(frame.data) if isinstance(frame.data, str) else "")
            if not self._strikes.take(now):
                session.end(Bye(reason="protocol"))
            return
        session.handle(message)

    async def _write(self, session: Session) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            while not self._finishing:
                await self._flush(session)
                await self._woken.wait()
                self._woken.clear()
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                if self._bye is not None:
                    await self._flush(session)
                    await self._socket.send_frame(codec.encode(self._bye), WSMsgType.TEXT)
        await self._close(self._bye)

    async def _flush(self, session: Session) -> None:
        while not self._superseded and not (self._finishing and self._bye is None):
            if (frame := session.outbox.take()) is None:
                return
            await self._socket.send_frame(frame, WSMsgType.TEXT)

    async def _turn_away(self, problem: Problem) -> None:
        document = problem.document(self._language)
        error = Error(kind=problem.kind, title=document.title, detail=document.detail, request="hello")
        bye = _bye_for(problem)
        with contextlib.suppress(ConnectionError):
            await self._socket.send_frame(codec.encode(error), WSMsgType.TEXT)
            await self._socket.send_frame(codec.encode(bye), WSMsgType.TEXT)
        await self._close(bye)

    async def _close(self, bye: Bye | None) -> None:
        code = _CLOSE_CODES.get(bye.reason, WSCloseCode.POLICY_VIOLATION) if bye else WSCloseCode.OK
        await self._socket.close(code=code, message=bye.reason.encode() if bye else b"")


_CLOSED: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


def _text(frame: WSMessage) -> str:
    if frame.type is not WSMsgType.TEXT:
        raise Problem("malformed", reason="messages are text frames")
    text: str = frame.data
    return text


def _bye_for(problem: Problem) -> Bye:
    """What a person who was not let in hears after the error."""
    if problem.kind == "token-expired":
        return Bye(reason="expired")
    if problem.kind == "superseded":
        return Bye(reason="replaced")
    if problem.kind in {"lesson-ended", "lesson-cancelled"}:
        return Bye(reason="ended")
    if problem.status == 503:
        return Bye(reason="shutdown", retry=True, retry_after_ms=BUSY_SPREAD_MS)
    return Bye(reason="refused")
