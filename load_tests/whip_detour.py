"""A WHIP endpoint whose media takes a detour over an emulated link: for encoders that are programs of others.

It passes HTTP on to the server, and writes the near end of a link (link.py) into the answer's candidates.
Media by TCP is left out, for it would go round the link.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import TracebackType

import aiohttp
from aiohttp import web

from .link import Conditions, Link, LinkEmulator

_CANDIDATE = re.compile(r"a=candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) ")
HEADERS_PASSED = {"authorization", "content-type", "if-match"}


class WhipDetour:
    """`async with WhipDetour(server_url, conditions) as detour`: encoders go to `detour.url`."""

    def __init__(self, server: str, conditions: Conditions, seed: int = 1) -> None:
        self._server = server
        self._conditions = conditions
        self._seed = seed
        self._links: list[LinkEmulator] = []
        self._lost_in_cuts = 0
        self._http: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self.url = ""

    def cut(self, *, off: bool) -> None:
        """Takes the way to the server away, or gives it back."""
        self._lost_in_cuts += -self._dropped if off else self._dropped
        loss = 1.0 if off else self._conditions.loss
        for link in self._links:
            for way in (link.up, link.down):
                way.conditions = replace(self._conditions, loss=loss)

    @property
    def lost(self) -> int:
        """Datagrams on their way to the server, by chance; those sent while the way was cut are left out."""
        return self._dropped - self._lost_in_cuts

    @property
    def _dropped(self) -> int:
        return sum(link.up.lost for link in self._links)

    async def __aenter__(self) -> WhipDetour:
        self._http = aiohttp.ClientSession()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http is not None and self._runner is not None
        await self._runner.cleanup()
        await self._http.close()
        for link in self._links:
            link.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        assert self._http is not None
        headers = {name: value for name, value in request.headers.items() if name.lower() in HEADERS_PASSED}
        url = self._server + request.path_qs
        body = await request.read()
        async with self._http.request(request.method, url, data=body, headers=headers) as answer:
            text = await answer.text()
            if answer.status == 201:
                text = await self._detour(text)
            kept = {name: answer.headers[name] for name in ("Location", "ETag") if name in answer.headers}
            return web.Response(
                status=answer.status, text=text, headers=kept, content_type=answer.content_type
            )

    async def _detour(self, sdp: str) -> str:
        lines = []
        near: tuple[str, int] | None = None
        for line in sdp.splitlines():
            found = _CANDIDATE.match(line)
            if found is None:
                lines.append(line)
            elif found[1].lower() == "udp":
                near = near or await self._open((found[2], int(found[3])))
                lines.append(line.replace(f" {found[2]} {found[3]} ", f" {near[0]} {near[1]} ", 1))
        return "\r\n".join(lines) + "\r\n"

    async def _open(self, server: tuple[str, int]) -> tuple[str, int]:
        up = Link(self._conditions, self._seed + 2 * len(self._links))
        down = Link(self._conditions, up.seed + 1)
        self._links.append(LinkEmulator(down, up))
        return await self._links[-1].through(server)
