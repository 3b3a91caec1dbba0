"""A server in miniature for the bots: WHIP and WHEP, DTLS by aiortc, every packet forwarded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from aioice import stun
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)

PWD = "a-password-of-24-letters"


class Dtls(RTCDtlsTransport):
    """Hands clear packets to its session instead of to receivers."""

    def __init__(self, session: Session, certificate: RTCCertificate) -> None:
        super().__init__(session, [certificate])
        self._session = session

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        await self._session.server.forward(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._session.rtcp.append(data)


@dataclass
class Session(asyncio.DatagramProtocol):
    """One bot: its UDP socket (aiortc takes this object for its ICE transport) and its DTLS."""

    server: MiniatureServer
    publishes: bool
    ufrag: str
    role: str = "controlled"
    checks: int = 0
    rtcp: list[bytes] = field(default_factory=list)
    closed: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.udp: Any = transport
        self.peer: Any = None
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.dtls = Dtls(self, self.server.certificate)
        self.dtls._set_role("server")

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.peer = address
        if data[0] > 3:
            self.inbox.put_nowait(data)
            return
        request = stun.parse_message(data)
        assert request.attributes["USERNAME"].startswith(f"{self.ufrag}:")
        assert request.check_message_integrity(PWD.encode())
        assert "USE-CANDIDATE" in request.attributes
        self.checks += 1
        answer = stun.Message(
            request.message_method,
            stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
            attributes={"XOR-MAPPED-ADDRESS": address},
        )
        answer.add_message_integrity(PWD.encode())
        self.udp.sendto(bytes(answer), address)

    async def _recv(self) -> bytes:
        return await self.inbox.get()

    async def _send(self, data: bytes) -> None:
        self.udp.sendto(data, self.peer)

    async def close(self) -> None:
        self.closed = True
        await self.dtls.stop()
        self.udp.close()


class MiniatureServer:
    """Shifts SSRC, sequence numbers and timestamps for its subscribers, as a real one does."""

    SEQUENCE_SHIFT, TIMESTAMP_SHIFT, SSRC_SHIFT = 65_000, 0xFFFFFF00, 7

    def __init__(self) -> None:
        self.certificate = RTCCertificate.generateCertificate()
        self.sessions: list[Session] = []
        self.received: list[bytes] = []
        self.handshakes: list[asyncio.Task[None]] = []
        self.not_yet = 0
        """So many joins are asked to come back in a second."""

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/whip/demo", self._join)
        application.router.add_post("/whep/demo", self._join)
        application.router.add_delete("/session/{number}", self._leave)
        application.router.add_get("/metrics", self._metrics)
        return application

    async def forward(self, packet: bytes) -> None:
        self.received.append(packet)
        sequence, timestamp, ssrc = (int.from_bytes(packet[a:b], "big") for a, b in ((2, 4), (4, 8), (8, 12)))
        shifted = (
            packet[:2]
            + (sequence + self.SEQUENCE_SHIFT & 0xFFFF).to_bytes(2, "big")
            + (timestamp + self.TIMESTAMP_SHIFT & 0xFFFFFFFF).to_bytes(4, "big")
            + (ssrc + self.SSRC_SHIFT).to_bytes(4, "big")
            + packet[12:]
        )
        for session in self.sessions:
            if not session.publishes and not session.closed and session.dtls.state == "connected":
                await session.dtls._send_rtp(shifted)

    async def _join(self, request: web.Request) -> web.Response:
        if self.not_yet:
            self.not_yet -= 1
            return web.Response(status=409, headers={"Retry-After": "1"})
        offer = await request.text()
        number = len(self.sessions)
        session = Session(self, request.path.startswith("/whip"), f"ufrag{number}")
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: session, ("127.0.0.1", 0))
        self.sessions.append(session)
        found = re.search(r"a=fingerprint:sha-256 (\S+)", offer)
        assert found
        parameters = RTCDtlsParameters([RTCDtlsFingerprint("sha-256", found[1])])
        self.handshakes.append(loop.create_task(session.dtls.start(parameters)))
        location = {"Location": f"/session/{number}"}
        return web.Response(
            status=201, text=self._answer(session), content_type="application/sdp", headers=location
        )

    def _answer(self, session: Session) -> str:
        port = session.udp.get_extra_info("sockname")[1]
        fingerprint = next(f.value for f in self.certificate.getFingerprints() if f.algorithm == "sha-256")
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=ice-lite"]
        for mid, kind, number, codec in ((0, "audio", 111, "opus/48000/2"), (1, "video", 102, "H264/90000")):
            lines += [
                f"m={kind} {port} UDP/TLS/RTP/SAVPF {number}",
                *("c=IN IP4 127.0.0.1", f"a=mid:{mid}", "a=rtcp-mux", f"a=rtpmap:{number} {codec}"),
                *(f"a=ice-ufrag:{session.ufrag}", f"a=ice-pwd:{PWD}", "a=setup:passive"),
                f"a=fingerprint:sha-256 {fingerprint}",
                f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host",
                *("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",),
                "a=recvonly" if session.publishes else "a=sendonly",
            ]
        return "\r\n".join(lines) + "\r\n"

    async def _leave(self, request: web.Request) -> web.Response:
        await self.sessions[int(request.match_info["number"])].close()
        return web.Response()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(text=f"# TYPE tongke_x counter\ntongke_x_total {len(self.received)}\n")

    async def close(self) -> None:
        await asyncio.gather(*self.handshakes)
        for session in self.sessions:
            if not session.closed:
                await session.close()


@dataclass(frozen=True)
class RunningServer:
    url: str
    server: MiniatureServer


@pytest_asyncio.fixture
async def miniature() -> AsyncIterator[RunningServer]:
    server = MiniatureServer()
    async with TestServer(server.application()) as http:
        yield RunningServer(str(http.make_url("/")), server)
        await server.close()
