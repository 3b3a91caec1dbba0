"""One way to the media port, tried as a browser would: ICE check, DTLS, then packets that come back.

The measurement is short and bounded: MEASURE_S at RATE_KBPS. What comes back says what both directions carry
together; how much of it the server received says which of them is the narrow one.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from typing import Final, NamedTuple

from aioice import stun

from sfu.dtls import Certificate, DtlsSession, SrtpKeys
from sfu.params import (
    Codec,
    DtlsParameters,
    DtlsSetup,
    Encoding,
    IceParameters,
    PayloadFormat,
)
from signaling.doctor.ways import DatagramWay, WayFailed
from signaling.sdp import Direction, MediaSection, SessionDescription
from signaling.sdp_parser import parse

CHECK_TIMEOUTS_S: Final = (0.25, 0.5, 1.0, 2.0)
"""RFC 8489, 6.2.1: doubled each time."""
ECHO_TIMEOUTS_S: Final = (0.25, 0.5, 1.0, 2.0)
"""For the first packet that comes back."""
ROUND_TRIPS: Final = 5
HANDSHAKE_TIMEOUT_S: Final = 8.0
MEASURE_S: Final = 2.0
RATE_KBPS: Final = 3000
"""More than a lesson takes from anybody; enough to tell good from poor."""
PACKET_BYTES: Final = 1150
LAST_ECHO_S: Final = 1.0
"""For what is on its way when the sending ends."""
SSRC: Final = 0x70726F62
FORMAT: Final = PayloadFormat(Codec("VP8", 90_000), 96)
PRIORITY: Final = (110 << 24) | (65535 << 8) | 255


class Server(NamedTuple):
    """What the answer says."""

    ice: IceParameters
    dtls: DtlsParameters


class Echo(NamedTuple):
    """What came of the packets."""

    sent: int
    returned: int
    seconds: float


class MediaProbe:
    """A client of one test connection. `offer` goes to the server, `answered` takes what comes back."""

    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate
        self._ice = IceParameters(secrets.token_hex(4), secrets.token_hex(12))
        self._server: Server | None = None
        self._way: DatagramWay | None = None
        self._responses: dict[bytes, asyncio.Future[stun.Message]] = {}
        self._dtls: DtlsSession | None = None
        self._keys: SrtpKeys | None = None
        self._sent = 0
        self._returned = 0
        self._arrived = asyncio.Event()

    @property
    def offer(self) -> str:
        """One m-line that sends, one that gets it back."""
        dtls = DtlsParameters(self._certificate.fingerprints, DtlsSetup.ACTPASS)

        def section(mid: str, direction: Direction, encodings: tuple[Encoding, ...] = ()) -> MediaSection:
            return MediaSection(
                media="video",
                mid=mid,
                direction=direction,
                formats=(FORMAT,),
                encodings=encodings,
                ice=self._ice,
                dtls=dtls,
            )

        sections = (section("0", Direction.SENDONLY, (Encoding(SSRC),)), section("1", Direction.RECVONLY))
        return str(SessionDescription("1", 1, bundle=("0", "1"), sections=sections))

    def answered(self, text: str) -> None:
        """Raises SdpError."""
        section = parse(text).sections[0]
        assert section.ice is not None and section.dtls is not None  # ours writes them always
        self._server = Server(section.ice, section.dtls)

    async def connect(self, way: DatagramWay) -> float:
        """ICE over this way; returns the round trip in ms. Raises WayFailed."""
        self._way = way
        way.on_datagram = self._received
        await self._check(CHECK_TIMEOUTS_S)
        return min([await self._check(CHECK_TIMEOUTS_S) for _ in range(ROUND_TRIPS)])

    async def secure(self) -> None:
        """DTLS. Raises WayFailed."""
        assert self._server is not None and self._way is not None
        done: asyncio.Future[SrtpKeys] = asyncio.get_running_loop().create_future()

        def ended(reason: str) -> None:
            if not done.done():
                done.set_exception(WayFailed("dtls", reason))

        self._dtls = DtlsSession(
            self._certificate, name="doctor", send=self._way.send, on_keys=done.set_result, on_end=ended
        )
        self._dtls.start(DtlsParameters(self._server.dtls.fingerprints, DtlsSetup.PASSIVE))
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                self._keys = await done
        except TimeoutError as error:
            raise WayFailed("dtls", "timeout") from error

    async def measure(self, duration_s: float | None = None) -> Echo:
        """Sends for so long (MEASURE_S) and counts what comes back. May be called again."""
        assert self._keys is not None and self._way is not None
        duration_s = MEASURE_S if duration_s is None else duration_s
        count = round(RATE_KBPS * 125 * duration_s / PACKET_BYTES)
        await self._first_echo()
        begin = time.monotonic()
        self._returned = 0
        for number in range(count):
            if (ahead := number * duration_s / count - (time.monotonic() - begin)) > 0.005:
                await asyncio.sleep(ahead)
            self._send()
        seconds = time.monotonic() - begin
        await self._all_back(count, LAST_ECHO_S)
        return Echo(count, self._returned, seconds)

    async def close(self) -> None:
        if self._dtls is not None:
            self._dtls.close()
        if self._way is not None:
            await self._way.close()

    # --- inside -------------------------------------------------------------------------------------------

    def _send(self) -> None:
        assert self._keys is not None and self._way is not None
        self._way.send(self._keys.outbound.protect(_packet(self._sent)))
        self._sent += 1

    async def _first_echo(self) -> None:
        """The server has the keys a moment after us: what comes there before is dropped, and the line would
        be blamed for it."""
        for timeout_s in ECHO_TIMEOUTS_S:
            self._returned = 0
            self._send()
            await self._all_back(1, timeout_s)
            if self._returned:
                return

    async def _all_back(self, count: int, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while self._returned < count:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            pass

    async def _check(self, timeouts_s: tuple[float, ...]) -> float:
        """One connectivity check, repeated; the round trip of the answered one in ms."""
        assert self._server is not None and self._way is not None
        for timeout_s in timeouts_s:
            request = self._request(self._server.ice)
            response = self._responses[request.transaction_id] = asyncio.get_running_loop().create_future()
            sent_at = time.monotonic()
            self._way.send(bytes(request))
            try:
                async with asyncio.timeout(timeout_s):
                    await response
                return 1000 * (time.monotonic() - sent_at)
            except TimeoutError:
                continue
            finally:
                del self._responses[request.transaction_id]
        raise WayFailed("silent")

    def _request(self, remote: IceParameters) -> stun.Message:
        attributes = {
            "USERNAME": f"{remote.ufrag}:{self._ice.ufrag}",
            "PRIORITY": PRIORITY,
            "ICE-CONTROLLING": 1,
            "USE-CANDIDATE": None,
        }
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=attributes)
        request.add_message_integrity(remote.pwd.encode())
        return request

    def _received(self, datagram: bytes) -> None:
        """RFC 7983."""
        first = datagram[0] if datagram else 0
        if first < 4:
            self._stun_received(datagram)
        elif 20 <= first <= 63 and self._dtls is not None:
            self._dtls.receive(datagram)
        elif 128 <= first <= 191 and len(datagram) > 12 and not 192 <= datagram[1] <= 223:
            self._returned += 1
            self._arrived.set()

    def _stun_received(self, datagram: bytes) -> None:
        try:
            message = stun.parse_message(datagram)
        except (ValueError, LookupError, struct.error):  # aioice lets the last two through
            return
        waiting = self._responses.get(message.transaction_id)
        if waiting is not None and not waiting.done() and message.message_class is stun.Class.RESPONSE:
            waiting.set_result(message)


def _packet(number: int) -> bytes:
    """RTP with a VP8 keyframe (RFC 7741) of one packet: the server may send any of them on at once."""
    head = struct.pack(
        "!BBHLL", 0x80, 0x80 | FORMAT.payload_type, number & 0xFFFF, (number * 300) & 0xFFFFFFFF, SSRC
    )
    return head + b"\x10\x00" + bytes(PACKET_BYTES - len(head) - 2)
