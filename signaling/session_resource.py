"""The HTTP side that WHIP and WHEP share: OPTIONS, GET, PATCH and DELETE, bodies, CORS, Link headers.

Browsers of other origins may use it (CORS with `*`): who may do what hangs on the bearer token alone, never
on a cookie.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiohttp import web

from classroom.directory import UnknownLesson
from classroom.events import LeaveCause
from classroom.model import LessonId
from classroom.rules.reasons import Refused
from classroom.store.store import StoreUnavailable
from sfu.negotiate import NegotiationError
from sfu.transport import TransportClosed
from signaling import sdpfrag, turn
from signaling.access import admit
from signaling.http_session import HttpSession, HttpSessions
from signaling.keys import CONFIG, DIRECTORY, METRICS, STORE
from signaling.problems import Problem
from signaling.refusals import entry_problem
from signaling.sdp import SdpError

if TYPE_CHECKING:
    from classroom.lesson import LessonRoom

SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"

RETRY_AFTER_S: Final = 2
"""What we tell a client to wait: as long as a master takes to come back after a reload."""

CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "OPTIONS, GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, Accept-Language",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch",
    "Access-Control-Max-Age": "86400",
}

BEGAN: Final[web.RequestKey[float]] = web.RequestKey("began", float)
"""When the POST came, on the event loop's clock."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SessionResource:
    """The routes under one prefix (`/whip`, `/whep`): an endpoint per lesson and a resource per session."""

    def __init__(self, prefix: str, sessions: HttpSessions, post: Handler) -> None:
        self.prefix = prefix
        self._way = prefix.strip("/")
        self._sessions = sessions
        self._post = post

    def add_routes(self, app: web.Application) -> None:
        endpoint, session = self.prefix + "/{lesson}", self.prefix + "/{lesson}/{session}"
        app.router.add_post(endpoint, self._count)
        app.router.add_patch(session, self._patch)
        app.router.add_delete(session, self._delete)
        # RFC 9725, 4.1: neither has a representation, so GET succeeds with no content.
        app.router.add_get(endpoint, _no_content)
        app.router.add_get(session, self._get)
        for path in (endpoint, session):
            app.router.add_route("OPTIONS", path, _options)
        app.on_response_prepare.append(self._allow_other_origins)
        app.on_shutdown.append(self._shut_down)

    def created(self, request: web.Request, session: HttpSession, answer: str) -> web.Response:
        """201: the session's URL (a path, so that it is right behind any proxy), its ETag, and the answer."""
        metrics, clock, began = request.app[METRICS], asyncio.get_running_loop().time, request[BEGAN]
        session.on_connected = lambda: metrics.media_started(self._way, clock() - began)
        location = f"{self.prefix}/{quote(request.match_info['lesson'], safe='')}/{session.id}"
        headers = {"Location": location, "ETag": session.etag, "Accept-Patch": FRAGMENT}
        response = web.Response(status=201, text=answer, content_type=SDP, headers=headers)
        for link in turn.link_headers(turn.ice_servers(request.app[CONFIG], session.id[:6])):
            response.headers.add("Link", link)
        return response

    async def _count(self, request: web.Request) -> web.StreamResponse:
        """POST, with its outcome in the metrics."""
        metrics, clock = request.app[METRICS], asyncio.get_running_loop().time
        began = request[BEGAN] = clock()
        try:
            response = await self._post(request)
        except Problem as problem:
            metrics.joined(self._way, problem.kind)
            raise
        metrics.joined(self._way, "ok", clock() - began)
        return response

    async def _get(self, request: web.Request) -> web.Response:
        self._find(request, "session")
        return web.Response(status=204)

    async def _patch(self, request: web.Request) -> web.Response:
        session = self._find(request, "patch")
        text = await read_text(request, FRAGMENT, sdpfrag.MAX_LENGTH)
        try:
            fragment = sdpfrag.parse(text)
        except sdpfrag.FragmentError as error:
            raise Problem("bad-fragment", reason=str(error)) from error
        answer = session.patch(fragment, request.headers.get("If-Match", ""))
        if answer is None:
            return web.Response(status=204)
        return web.Response(text=answer, content_type=FRAGMENT, headers={"ETag": session.etag})

    async def _delete(self, request: web.Request) -> web.Response:
        await self._find(request, "delete").close(LeaveCause.LEFT)
        return web.Response(status=200)

    def _find(self, request: web.Request, what: str) -> HttpSession:
        """The caller's session. Problem of `admit`, not-found (somebody else's as well)."""
        claims = admit(request, f"{self._way}_{what}")
        session = self._sessions.get(request.match_info["session"])
        if session is None or claims.person != session.owner:
            raise Problem("not-found")
        return session

    async def _allow_other_origins(self, request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith(self.prefix + "/"):
            response.headers.update(CORS)

    async def _shut_down(self, _app: web.Application) -> None:
        await self._sessions.close()


async def _options(_request: web.Request) -> web.Response:
    return web.Response(status=200, headers={"Accept-Post": SDP, "Accept-Patch": FRAGMENT})


async def _no_content(_request: web.Request) -> web.Response:
    return web.Response(status=204)


async def read_text(request: web.Request, media_type: str, limit: int) -> str:
    """The body. Problem unsupported-media-type, too-large, bad-request (not UTF-8)."""
    if request.content_type != media_type:
        raise Problem("unsupported-media-type", expected=media_type)
    body = b""
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise Problem("too-large", limit=limit)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Problem("bad-request", reason="UTF-8") from error


@asynccontextmanager
async def refusals_as_problems(request: web.Request) -> AsyncIterator[None]:
    """What the neighbours refuse, in the caller's words."""
    try:
        yield
    except (SdpError, NegotiationError, TransportClosed) as error:
        raise Problem.of_media(error) from error
    except Refused as error:
        raise await entry_problem(error, _lesson(request), request.app[STORE]) from error
    except UnknownLesson as error:
        raise Problem("unknown-lesson", lesson=_lesson(request)) from error
    except StoreUnavailable as error:
        raise Problem("not-ready", headers={"Retry-After": str(RETRY_AFTER_S)}, reason=str(error)) from error


async def open_room(request: web.Request) -> LessonRoom:
    """The room of the lesson in the path. Raises UnknownLesson, StoreUnavailable."""
    return await request.app[DIRECTORY].open_room(_lesson(request))


def _lesson(request: web.Request) -> LessonId:
    return LessonId(request.match_info["lesson"])
