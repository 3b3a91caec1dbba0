"""The WebSocket (`tongke.v1`) as a door: what pages do, without a page.

One connection per token, opened with the bot's first description and closed when it leaves; a bot that both
sends and receives has one, too. The server offers what the bot gets: later offers (somebody came, somebody
went) are answered as they come, with the same ICE and DTLS, so media of new m-lines arrives on the socket
that the bot has already. An offer for a new connection (`fresh`) is counted and left alone: a bot's
connection is its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

import aiohttp
import msgspec

from signaling import messages

from .door import Refused, Resource
from .sdp import BadAnswer, LocalParameters, answer_to, local_parameters, offered_ssrcs, parse_answer

ANSWER_TIMEOUT_S = 30.0
SUBPROTOCOL = "tongke.v1"
MAX_FRAME_OCTETS = 4 << 20
"""A roster of a thousand people and an offer of 64 tracks fit in many times over."""
SOURCES = {"0": "microphone", "1": "camera"}
"""Mid in a bot's offer -> source."""

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[messages.AnyServerMessage] = msgspec.json.Decoder(messages.AnyServerMessage)


class WebSocketDoor:
    """A Door; `sources`: what the m-lines of a publishing bot are declared as."""

    def __init__(self, url: str, sources: dict[str, str] | None = None) -> None:
        self._url = url.rstrip("/")
        self._sources = sources or SOURCES
        self._http: aiohttp.ClientSession | None = None
        self._members: dict[str, Member] = {}
        self.fresh_offers = 0
        """Offers for a new connection, since the beginning: connections that the server gave up."""
        self.messages = 0
        """That came, of all bots together."""
        self.listener: Callable[[messages.AnyServerMessage], None] = lambda _: None
        """Hears each of them."""
        self.good_bye = asyncio.Event()
        """The server has said that it ends."""
        self.retry_after_ms = 0
        """Within what time it wants everybody back."""

    async def __aenter__(self) -> WebSocketDoor:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=False))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for token in tuple(self._members):
            await self._close(token)
        if self._http is not None:
            await self._http.close()

    async def publish(self, lesson: str, token: str, offer: str) -> Resource:
        """`lesson` is the token's."""
        member = await self._member(token)
        declared = [
            messages.TrackDeclaration(mid=mid, source=source)
            for mid, source in self._sources.items()
            if f"a=mid:{mid}\r\n" in offer
        ]
        await member.say(messages.PublishOffer(sdp=offer, tracks=declared))
        return Resource("publish", parse_answer(await member.published()))

    async def subscribe(self, lesson: str, token: str, offer: str) -> Resource:
        """Waits until the server offers something."""
        member = await self._member(token)
        return await member.subscribe(local_parameters(offer))

    async def leave(self, resource: Resource, token: str) -> None:
        """Out of the lesson, with all that the bot sends and gets."""
        await self._close(token)

    async def lose(self, token: str) -> None:
        """The bot's connection breaks: the server does not know whether it comes back."""
        member = self._members.pop(token, None)
        if member is not None:
            await member.leave(says_so=False)

    async def say(self, token: str, message: messages.ClientMessage) -> None:
        """Raises Refused; KeyError for who is not in."""
        await self._members[token].say(message)

    def streams(self, token: str) -> dict[int, messages.StreamView]:
        """SSRC -> what the server said it carries, of all that was ever offered to this bot."""
        return self._members[token].streams

    async def attend(self, token: str) -> None:
        """In, by signaling alone: every m-line that the server offers is turned down. Raises Refused."""
        await self._member(token, turns_down=True)

    async def metrics(self) -> str:
        assert self._http is not None
        try:
            async with self._http.get(f"{self._url}/metrics") as response:
                return await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refused(f"GET /metrics: {error or type(error).__name__}") from error

    async def _member(self, token: str, *, turns_down: bool = False) -> Member:
        if token in self._members and not self._members[token].broken:
            return self._members[token]
        await self.lose(token)
        assert self._http is not None
        try:
            socket = await self._http.ws_connect(
                f"{self._url}/ws", protocols=(SUBPROTOCOL,), max_msg_size=MAX_FRAME_OCTETS, compress=0
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refused(f"GET /ws: {error or type(error).__name__}") from error
        member = self._members[token] = Member(socket, self, turns_down=turns_down)
        try:
            await member.enter(token)
        except BaseException:
            await self._close(token)
            raise
        return member

    async def _close(self, token: str) -> None:
        member = self._members.pop(token, None)
        if member is not None:
            await member.leave()


class Member:
    """One participant's connection."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, door: WebSocketDoor, *, turns_down: bool
    ) -> None:
        self._socket, self._door = socket, door
        loop = asyncio.get_running_loop()
        self._welcome: asyncio.Future[messages.Welcome] = loop.create_future()
        self._published: asyncio.Future[str] = loop.create_future()
        self._offered: asyncio.Future[messages.SubscribeOffer] = loop.create_future()
        self._local: LocalParameters | None = None
        self._resource: Resource | None = None
        self._seq = 0
        # Known from the beginning: an offer may come with the welcome.
        self._turns_down = turns_down
        self.broken = False
        self.streams: dict[int, messages.StreamView] = {}
        self._reading = asyncio.create_task(self._read())
        self._beating: asyncio.Task[None] | None = None

    async def say(self, message: messages.ClientMessage) -> None:
        """Raises Refused."""
        try:
            await self._socket.send_str(_encoder.encode(message).decode())
        except ConnectionError as error:
            raise Refused(f"the WebSocket broke: {error}") from error

    async def enter(self, token: str) -> None:
        """Hello and welcome. Raises Refused."""
        await self.say(messages.Hello(token=token, language="en", codecs=["H264"]))
        welcome = await _wait(self._welcome, "welcome")
        self._beating = asyncio.create_task(self._beat(welcome.heartbeat_s))

    async def published(self) -> str:
        """The server's answer to the offer. Raises Refused."""
        answer = await _wait(self._published, "publish.answer")
        self._published = asyncio.get_running_loop().create_future()
        return answer

    async def subscribe(self, local: LocalParameters) -> Resource:
        """Answers the server's first offer; raises Refused or BadAnswer."""
        first = await _wait(self._offered, "subscribe.offer")
        self._local = local
        self._resource = Resource("subscribe", parse_answer(first.sdp))
        await self._answer(first)
        return self._resource

    async def leave(self, *, says_so: bool = True) -> None:
        with contextlib.suppress(Refused):
            if says_so:
                await self.say(messages.Leave())
        for task in (self._beating, self._reading):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._socket.close()
        for future in (self._welcome, self._published, self._offered):
            future.cancel()

    # --- what the server says -----------------------------------------------------------------------------

    async def _read(self) -> None:
        reason = "the WebSocket was closed"
        async for frame in self._socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                break
            try:
                reason = await self._take(_decoder.decode(frame.data)) or reason
            except (msgspec.MsgspecError, BadAnswer) as error:
                reason = f"a message cannot be understood: {error}"
                break
        self._give_up(reason)

    async def _take(self, message: messages.AnyServerMessage) -> str:
        """The reason of a refusal, else nothing."""
        self._seq = message.seq or self._seq
        self._door.messages += 1
        self._door.listener(message)
        match message:
            case messages.Welcome():
                _resolve(self._welcome, message)
            case messages.PublishAnswer():
                _resolve(self._published, message.sdp)
            case messages.SubscribeOffer():
                await self._offer(message)
            case messages.Error():
                reason = f"{message.kind}: {message.title} {message.detail}".strip()
                if message.request == "publish.offer" and not self._published.done():
                    self._published.set_exception(Refused(reason))
                return reason
            case messages.Bye():
                if message.reason == "shutdown":
                    self._door.retry_after_ms = message.retry_after_ms
                    self._door.good_bye.set()
                return f"bye: {message.reason}"
        return ""

    async def _offer(self, message: messages.SubscribeOffer) -> None:
        by_mid = {stream.mid: stream for stream in message.streams}
        self.streams |= {ssrc: by_mid[mid] for ssrc, mid in offered_ssrcs(message.sdp) if mid in by_mid}
        if self._turns_down:
            await self.say(
                messages.SubscribeAnswer(version=message.version, sdp=answer_to(message.sdp, None))
            )
        elif self._resource is None:
            # A newer one takes the place of an unanswered one.
            if self._offered.done():
                self._offered = asyncio.get_running_loop().create_future()
            self._offered.set_result(message)
        elif message.fresh:
            self._door.fresh_offers += 1
        else:
            self._resource.answer = parse_answer(message.sdp)
            await self._answer(message)

    async def _answer(self, offer: messages.SubscribeOffer) -> None:
        assert self._local is not None
        await self.say(messages.SubscribeAnswer(version=offer.version, sdp=answer_to(offer.sdp, self._local)))

    def _give_up(self, reason: str) -> None:
        self.broken = True
        for future in (self._welcome, self._published, self._offered):
            if not future.done():
                future.set_exception(Refused(reason))
                future.exception()  # nobody may be waiting for it

    async def _beat(self, interval_s: float) -> None:
        with contextlib.suppress(Refused):
            while True:
                await asyncio.sleep(interval_s)
                await self.say(messages.Ping(seq=self._seq))


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


async def _wait(future: asyncio.Future[T], what: str) -> T:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await asyncio.shield(future)
    except TimeoutError:
        raise Refused(f"no {what} within {ANSWER_TIMEOUT_S:.0f} s") from None
