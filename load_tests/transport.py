"""A bot's connection to the media port: one connected UDP socket, ICE as the controlling side (RFC 8445),
DTLS."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable

from aioice import stun

from .dtls import Identity, SrtpKeys
from .sdp import DISCARD_PORT, Answer, LocalParameters

CHECK_TIMEOUTS_S = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Waits after each connectivity check, doubled as in RFC 8489, 6.2.1."""
CONSENT_INTERVAL_S = 5.0
"""RFC 7675, 5.1."""
RECEIVE_BUFFER_OCTETS = 1 << 20
"""A key picture for a bot that does not get the processor at once."""
ROLE_CONFLICT = 487
"""RFC 8445, 7.3.1.1."""
BINDING_REQUEST = b"\x00\x01"
"""RFC 8489, 5."""
PEER_REFLEXIVE_PRIORITY = 110 << 24 | 65535 << 8 | 255
SO_MEMINFO, MEMINFO_DROPS = 55, 8
"""asm-generic/socket.h and linux/sock_diag.h: packets dropped because the socket was full."""


Address = tuple[str, int]
Through = Callable[[Address], Awaitable[Address]]


class ConnectivityFailed(Exception):  # noqa: N818
    """The media port did not answer a connectivity check."""


class BotTransport:
    """`local` goes into the offer; `connect` does ICE and DTLS; then `socket` and `keys` are the owner's."""

    def __init__(
        self, identity: Identity, *, transport_cc: bool = False, through: Through | None = None
    ) -> None:
        """transport_cc: its owner sends transport-wide feedback. through: the near end of a way to the
        server's address, instead of the address itself."""
        self._identity = identity
        self._through = through
        self._bound: socket.socket | None = self._bind()
        port = self._bound.getsockname()[1] if self._bound else DISCARD_PORT
        ufrag, pwd = secrets.token_hex(4), secrets.token_hex(12)
        self.local = LocalParameters(ufrag, pwd, identity.fingerprint, transport_cc, port)
        self._tie_breaker = secrets.randbits(64)
        self._controlling = True
        self._answer: Answer | None = None
        self.socket: socket.socket | None = None
        self.keys: SrtpKeys | None = None

    async def connect(self, answer: Answer) -> None:
        """Raises ConnectivityFailed or HandshakeFailed; the caller closes in any case."""
        self._answer = answer
        self.socket = await self._open(answer)
        await self._check()
        self.keys = await self._identity.handshake(
            self,
            client=answer.setup != "active",
            algorithm=answer.fingerprint_algorithm,
            fingerprint=answer.fingerprint,
        )

    async def _open(self, answer: Answer) -> socket.socket:
        address = await self._through(answer.address) if self._through else answer.address
        opened, self._bound = self._bound, None
        assert opened is not None
        if _family(address[0]) is socket.AF_INET6:
            opened.close()
            opened = _udp(socket.AF_INET6)
        opened.connect(address)
        return opened

    @staticmethod
    def _bind() -> socket.socket | None:
        """Before the offer, as some servers want to know the port."""
        bound = _udp(socket.AF_INET)
        bound.bind(("", 0))
        return bound

    def consent_check(self) -> None:
        """Sends one check and does not wait: the answers are only counted by whoever reads the socket."""
        self.send(bytes(self._request()))

    def drops(self) -> int:
        """Datagrams that came while the socket's buffer was full: the bot's own loss, not the server's."""
        if self.socket is None:
            return 0
        words = self.socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (MEMINFO_DROPS + 1))
        return int.from_bytes(words[4 * MEMINFO_DROPS : 4 * MEMINFO_DROPS + 4], "little")

    def close(self) -> None:
        for each in (self.socket, self._bound):
            if each is not None:
                each.close()
        self.socket = self._bound = None

    # --- the channel of the handshake -------------------------------------------------------------

    def send(self, datagram: bytes) -> None:
        assert self.socket is not None
        self.socket.send(datagram)

    async def receive(self, timeout_s: float) -> bytes:
        """The next DTLS datagram; late STUN answers and early media are passed over."""
        async with asyncio.timeout(timeout_s):
            while True:
                datagram = await self.receive_any()
                if datagram and 20 <= datagram[0] <= 63:
                    return datagram

    async def receive_any(self) -> bytes:
        """The next datagram of any kind, for who has no sink; checks of a server that is no ICE-lite one are
        answered on the way."""
        while True:
            datagram = await self._receive_one()
            if not self._answered(datagram):
                return datagram

    async def _receive_one(self) -> bytes:
        assert self.socket is not None
        return await asyncio.get_running_loop().sock_recv(self.socket, 2048)

    def _answered(self, datagram: bytes) -> bool:
        """Whether this was a connectivity check (RFC 8445, 7.3), which has been answered then."""
        if datagram[:2] != BINDING_REQUEST or self.socket is None:
            return False
        try:
            request = stun.parse_message(datagram)
        except (ValueError, LookupError, struct.error):  # aioice lets the last two through
            return False
        response = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
            attributes={"XOR-MAPPED-ADDRESS": self.socket.getpeername()[:2]},
        )
        response.add_message_integrity(self.local.pwd.encode())
        self.send(bytes(response))
        return True

    # --- connectivity -----------------------------------------------------------------------------

    def _request(self) -> stun.Message:
        assert self._answer is not None
        message = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self._answer.ufrag}:{self.local.ufrag}",
                "PRIORITY": PEER_REFLEXIVE_PRIORITY,
                **self._role(),
            },
        )
        message.add_message_integrity(self._answer.pwd.encode())
        return message

    def _role(self) -> dict[str, int | None]:
        """RFC 8445, 7.1.2; the server is the controlling one where it insists (7.2.5.1)."""
        if self._controlling:
            return {"ICE-CONTROLLING": self._tie_breaker, "USE-CANDIDATE": None}
        return {"ICE-CONTROLLED": self._tie_breaker}

    async def _check(self) -> None:
        for wait_s in CHECK_TIMEOUTS_S:
            request = self._request()
            try:
                self.send(bytes(request))
                async with asyncio.timeout(wait_s):
                    if await self._response(request):
                        return
                    self._controlling = False
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                break
        assert self._answer is not None
        host, port = self._answer.address
        raise ConnectivityFailed(f"the media port {host} udp {port} answered no connectivity check")

    async def _response(self, request: stun.Message) -> bool:
        """Waits for the authenticated success response to this request; False: the roles collide."""
        assert self._answer is not None
        while True:
            datagram = await self.receive_any()
            if not datagram or datagram[0] > 3:
                continue
            try:
                message = stun.parse_message(datagram)
            except (ValueError, LookupError, struct.error):  # aioice lets the last two through
                continue
            if message.transaction_id == request.transaction_id and message.message_class in _FINAL:
                if not message.check_message_integrity(self._answer.pwd.encode()):
                    continue
                if message.attributes.get("ERROR-CODE", (0, ""))[0] == ROLE_CONFLICT:
                    return False
                if message.message_class == stun.Class.ERROR:
                    raise ConnectivityFailed(f"the media port refused the check: {message}")
                return True


_FINAL = (stun.Class.RESPONSE, stun.Class.ERROR)


class TcpBotTransport(BotTransport):
    """The same over TCP, framed as in RFC 4571. Media comes by `receive_any`: the sink reads no streams."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity)
        self._received = bytearray()

    @staticmethod
    def _bind() -> socket.socket | None:
        return None

    async def _open(self, answer: Answer) -> socket.socket:
        if answer.tcp_address is None:
            raise ConnectivityFailed("the server has no TCP candidate")
        opened = socket.socket(_family(answer.tcp_address[0]), socket.SOCK_STREAM)
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.get_running_loop().sock_connect(opened, answer.tcp_address)
        except OSError as error:
            opened.close()
            raise ConnectivityFailed(f"the media port took no TCP connection: {error}") from error
        return opened

    def send(self, datagram: bytes) -> None:
        super().send(len(datagram).to_bytes(2, "big") + datagram)

    async def _receive_one(self) -> bytes:
        assert self.socket is not None
        while True:
            length = int.from_bytes(self._received[:2], "big")
            if 2 <= 2 + length <= len(self._received):
                frame = bytes(self._received[2 : 2 + length])
                del self._received[: 2 + length]
                return frame
            more = await asyncio.get_running_loop().sock_recv(self.socket, 65_536)
            if not more:
                raise ConnectivityFailed("the server closed the TCP connection")
            self._received += more


def _udp(family: socket.AddressFamily) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
    opened.setblocking(False)
    return opened


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
