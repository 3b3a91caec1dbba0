"""GET /healthz and GET /readyz. Liveness is not readiness: a server whose database is away for a while must
not be restarted under the lessons that go on in it; it only should not be sent anybody new."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from aiohttp import web

from classroom.store.store import StoreHealth
from signaling.keys import READINESS


class ReadyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What GET /readyz answers, with 200 or 503."""

    ready: bool
    database: str
    """`ok`, or why the last write failed."""
    shutting_down: bool


class Readiness:
    def __init__(self, database: Callable[[], StoreHealth]) -> None:
        self._database = database
        self.shutting_down = False

    def report(self) -> ReadyReport:
        health = self._database()
        return ReadyReport(
            ready=health.ok and not self.shutting_down,
            database="ok" if health.ok else health.error,
            shutting_down=self.shutting_down,
        )


async def healthz(_request: web.Request) -> web.Response:
    """The process answers: nothing else is asked."""
    return web.json_response({"alive": True}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """Whether somebody new can be let in."""
    report = request.app[READINESS].report()
    return web.Response(
        status=200 if report.ready else 503,
        body=msgspec.json.encode(report),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
