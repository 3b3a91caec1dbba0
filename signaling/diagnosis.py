"""/api/v1/diagnosis: what `tongke doctor` and the pages' network check measure against.

Three things, for everybody with a token, none of them near a lesson:

- what there is to try (`GET`): the media port's ways, TURN credentials, the server's clock;
- a test connection to the media port (`POST`, an offer in, an answer out): ICE and DTLS as in a lesson; what
  is sent on its sendonly m-line comes back on its recvonly one, so that both directions can be measured;
- bytes over HTTP (`/bytes`): a download of chosen size, an upload that is counted and thrown away.

All of it is bounded: test connections end by themselves, each person has one; how much somebody may ask for
in a minute is limited, and so is how much goes on at once on the whole server.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from sfu import negotiate
from sfu.negotiate import NegotiationError
from sfu.params import MediaParameters, TransportState
from sfu.sfu import Sfu
from sfu.transport import Publication, Transport, TransportClosed
from signaling import jsep, turn
from signaling.access import CLAIMS
from signaling.auth import Claims
from signaling.jsep import OfferedTrack
from signaling.keys import CONFIG, DIAGNOSES, SFU
from signaling.message import Sdp
from signaling.messages import IceServer
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.rate import Bucket
from signaling.requests import JSON
from signaling.sdp import MediaSection, SdpError, SessionDescription

log = logging.getLogger(__name__)

SESSION_S: Final = 30.0
"""Life of a test connection: twice what a browser takes behind a firewall that drops everything."""
MAX_SESSIONS: Final = 32
"""Test connections at once: a computer room at the beginning of a lesson; each may echo 5 Mbit/s."""
MAX_BYTES: Final = 4 * 1024 * 1024
"""Of one transfer: a second at 32 Mbit/s; faster lines need no measuring."""
MAX_TRANSFERS: Final = 8
"""At once: measuring must not become what is measured."""
PER_MINUTE: Final = 20
"""Test connections of one person: a check of the pages makes three."""
BYTES_PER_MINUTE: Final = 8 * MAX_BYTES
MAX_PEOPLE: Final = 2000
"""Of whom is remembered how much they asked for lately; the one longest unheard of is forgotten."""
RETRY_AFTER_S: Final = 10
CHUNK: Final = os.urandom(65536)
"""Random, and longer than a compressor looks back: no proxy can make it smaller."""


class MediaWay(msgspec.Struct, frozen=True, kw_only=True):
    """One way to the media port."""

    protocol: str
    """`udp` or `tcp`."""
    host: str
    port: int


class DiagnosisPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to try."""

    server_ms: int
    """Unix time in ms of the server's clock."""
    media: list[MediaWay]
    ice_servers: list[IceServer]
    max_bytes: int
    """Of one HTTP transfer."""


class DiagnosisOffer(msgspec.Struct, frozen=True, kw_only=True):
    sdp: Sdp
    """With at least one m-line; what is sent on a sendonly one comes back on a recvonly one of the same
    kind."""


class DiagnosisAnswer(msgspec.Struct, frozen=True, kw_only=True):
    id: Annotated[str, Meta(max_length=64)]
    sdp: str
    ends_s: float
    """After so many seconds the server closes it."""


class DiagnosisReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the server has seen of a test connection."""

    state: str
    failure: str
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int


class BytesReceived(msgspec.Struct, frozen=True, kw_only=True):
    received: int


@dataclass(slots=True)
class _Person:
    """What one person asked for lately."""

    sessions: Bucket
    bytes: Bucket


@dataclass(slots=True)
class _Session:
    id: str
    owner: str
    transport: Transport
    expiry: asyncio.TimerHandle


class Diagnoses:
    """The test connections and transfers of one server."""

    def __init__(self, sfu: Sfu) -> None:
        self._sfu = sfu
        self._sessions: dict[str, _Session] = {}
        self._people: OrderedDict[str, _Person] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()
        self._transfers = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, claims: Claims, text: str) -> DiagnosisAnswer:
        """A test connection. Problem too-many-requests, and those of session descriptions."""
        self._take(claims.person, sessions=1)
        for session in tuple(self._sessions.values()):
            if session.owner == claims.person:
                self._end(session)
        if len(self._sessions) >= MAX_SESSIONS:
            raise _too_many()
        session_id = secrets.token_urlsafe(12)
        transport = self._sfu.create_transport(on_state=lambda state: self._changed(session_id, state))
        expiry = asyncio.get_running_loop().call_later(SESSION_S, self._expire, session_id)
        session = self._sessions[session_id] = _Session(session_id, claims.person, transport, expiry)
        try:
            answer = self._answer(transport, text)
        except BaseException as error:
            self._end(session)
            if isinstance(error, SdpError | NegotiationError | TransportClosed):
                raise Problem.of_media(error) from error
            if isinstance(error, ValueError):
                raise Problem("bad-sdp", reason=str(error)) from error
            raise
        log.info("- diagnosis %s of %s", session_id[:6], claims.person)
        return DiagnosisAnswer(id=session_id, sdp=answer, ends_s=SESSION_S)

    def report(self, claims: Claims, session_id: str) -> DiagnosisReport:
        """Problem not-found."""
        transport = self._find(claims, session_id).transport
        figures = self._sfu.stats(transport)["transport"]
        names = ("packets_received", "bytes_received", "packets_sent", "bytes_sent")
        counts = {name: int(figures.get(name, 0)) for name in names}
        return DiagnosisReport(state=transport.state.value, failure=transport.failure, **counts)

    def close(self, claims: Claims, session_id: str) -> None:
        """Problem not-found."""
        self._end(self._find(claims, session_id))

    @contextmanager
    def transfer(self, claims: Claims, size: int) -> Iterator[None]:
        """While so many bytes go over HTTP. Problem too-large, too-many-requests."""
        if size > MAX_BYTES:
            raise Problem("too-large", limit=MAX_BYTES)
        if self._transfers >= MAX_TRANSFERS:
            raise _too_many()
        self._take(claims.person, size=size)
        self._transfers += 1
        try:
            yield
        finally:
            self._transfers -= 1

    async def shut_down(self, _app: web.Application) -> None:
        for session in tuple(self._sessions.values()):
            self._end(session)
        await asyncio.gather(*self._closing)

    # --- inside -------------------------------------------------------------------------------------------

    def _answer(self, transport: Transport, text: str) -> str:
        offer = jsep.read_offer(text)
        chosen, tracks = self._echo(transport, offer)
        answer = jsep.answer_echo(offer, transport.local, chosen, tracks)
        transport.connect(jsep.remote_parameters(offer))
        return answer

    def _echo(
        self, transport: Transport, offer: SessionDescription
    ) -> tuple[dict[str, MediaParameters], dict[str, OfferedTrack]]:
        """Publishes the first m-line that sends, and subscribes the first that receives to it."""
        sending = _first(offer, sends=True)
        if sending is None:
            return {}, {}
        chosen = negotiate.answer_publication(sending.parameters())
        publication = transport.publish(chosen)
        receiving = _first(offer, sends=False, kind=sending.media)
        if receiving is None:
            return {chosen.mid: chosen}, {}
        return {chosen.mid: chosen}, {receiving.mid: self._send_back(transport, publication, receiving)}

    def _send_back(
        self, transport: Transport, publication: Publication, section: MediaSection
    ) -> OfferedTrack:
        answered = negotiate.answer_subscription(
            publication.parameters,
            section.parameters(),
            ssrc=self._sfu.allocate_ssrc(),
            rtx_ssrc=self._sfu.allocate_ssrc(),
        )
        transport.subscribe(publication, answered)
        return OfferedTrack(answered, stream="diagnosis", track="echo")

    def _find(self, claims: Claims, session_id: str) -> _Session:
        session = self._sessions.get(session_id)
        if session is None or session.owner != claims.person:
            raise Problem("not-found")
        return session

    def _take(self, person: str, *, sessions: int = 0, size: int = 0) -> None:
        now = asyncio.get_running_loop().time()
        known = self._people.pop(person, None) or _Person(
            Bucket(burst=PER_MINUTE, per_second=PER_MINUTE / 60, now=now),
            Bucket(burst=BYTES_PER_MINUTE, per_second=BYTES_PER_MINUTE / 60, now=now),
        )
        self._people[person] = known
        if len(self._people) > MAX_PEOPLE:
            self._people.popitem(last=False)
        if not known.sessions.take(now, sessions) or not known.bytes.take(now, size):
            raise _too_many()

    def _changed(self, session_id: str, state: TransportState) -> None:
        session = self._sessions.get(session_id)
        if session is not None and state is TransportState.CLOSED:
            self._end(session)

    def _expire(self, session_id: str) -> None:
        if (session := self._sessions.get(session_id)) is not None:
            self._end(session)

    def _end(self, session: _Session) -> None:
        self._sessions.pop(session.id, None)
        session.expiry.cancel()
        task = asyncio.get_running_loop().create_task(session.transport.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _first(offer: SessionDescription, *, sends: bool, kind: str = "") -> MediaSection | None:
    for section in offer.sections:
        if section.kind is None or section.rejected or (kind and section.media != kind):
            continue
        if section.direction.sends is sends and section.direction.receives is not sends:
            return section
    return None


def _too_many() -> Problem:
    return Problem(
        "too-many-requests", headers={"Retry-After": str(RETRY_AFTER_S)}, retry_after=RETRY_AFTER_S
    )


# --- HTTP -----------------------------------------------------------------------------------------------


async def plan(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    ways = [
        MediaWay(protocol=each.protocol, host=each.host, port=each.port)
        for each in request.app[SFU].candidates
    ]
    servers = turn.ice_servers(request.app[CONFIG], f"check-{claims.person}")
    server_ms = time.time_ns() // 1_000_000
    return _json(DiagnosisPlan(server_ms=server_ms, media=ways, ice_servers=servers, max_bytes=MAX_BYTES))


async def connect(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    if request.content_type != JSON:
        raise Problem("unsupported-media-type", expected=JSON)
    try:
        offer = msgspec.json.decode(await request.read(), type=DiagnosisOffer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("bad-request", reason=str(error)) from error
    return _json(request.app[DIAGNOSES].open(claims, offer.sdp), status=201)


async def report(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    return _json(request.app[DIAGNOSES].report(claims, request.match_info["session"]))


async def disconnect(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    request.app[DIAGNOSES].close(claims, request.match_info["session"])
    return web.Response(status=204)


async def download(request: web.Request) -> web.StreamResponse:
    claims = request[CLAIMS]
    text = request.query.get("count", "")
    if not text.isdecimal() or len(text) > 12:
        raise Problem("bad-request", reason="count")
    left = int(text)
    with request.app[DIAGNOSES].transfer(claims, left):
        response = web.StreamResponse(headers={"Cache-Control": "no-store", "Content-Encoding": "identity"})
        response.content_type = "application/octet-stream"
        response.content_length = left
        await response.prepare(request)
        while left > 0 and request.method == "GET":
            await response.write(CHUNK[:left])
            left -= len(CHUNK)
        return response


async def upload(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    if request.content_length is None:
        raise Problem("bad-request", reason="Content-Length")
    received = 0
    with request.app[DIAGNOSES].transfer(claims, request.content_length):
        async for chunk in request.content.iter_any():
            received += len(chunk)
    return _json(BytesReceived(received=received))


def _json(body: msgspec.Struct, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=JSON, headers=headers)


def add_diagnoses(app: web.Application) -> None:
    """Before the routes of OPERATIONS are asked for anything."""
    diagnoses = app[DIAGNOSES] = Diagnoses(app[SFU])
    app.on_shutdown.append(diagnoses.shut_down)


_PATH: Final = "/api/v1/diagnosis"
_SESSION: Final = _PATH + "/sessions/{session}"

OPERATIONS: Final = (
    Operation(
        id="diagnosis", method="GET", path=_PATH, tag="diagnosis", handler=plan, response=DiagnosisPlan
    ),
    Operation(
        id="diagnosis_connect",
        method="POST",
        path=_PATH,
        tag="diagnosis",
        handler=connect,
        request=DiagnosisOffer,
        response=DiagnosisAnswer,
        status=201,
        problems=("bad-request", "unsupported-media-type", "too-many-requests", "not-sdp", "bad-sdp"),
    ),
    Operation(
        id="diagnosis_report",
        method="GET",
        path=_SESSION,
        tag="diagnosis",
        handler=report,
        response=DiagnosisReport,
        problems=("not-found",),
    ),
    Operation(
        id="diagnosis_disconnect",
        method="DELETE",
        path=_SESSION,
        tag="diagnosis",
        handler=disconnect,
        status=204,
        problems=("not-found",),
    ),
    Operation(
        id="diagnosis_download",
        method="GET",
        path=_PATH + "/bytes",
        tag="diagnosis",
        handler=download,
        query=("count",),
        response="application/octet-stream",
        problems=("bad-request", "too-large", "too-many-requests"),
    ),
    Operation(
        id="diagnosis_upload",
        method="POST",
        path=_PATH + "/bytes",
        tag="diagnosis",
        handler=upload,
        request="application/octet-stream",
        response=BytesReceived,
        problems=("bad-request", "too-large", "too-many-requests"),
    ),
)
