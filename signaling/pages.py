"""The pages: what web/ builds into signaling/pages, one document for all addresses a person opens.

Files below assets/ have a hash of their content in their name and never change; everything else is asked for
again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

from signaling.problems import Problem

ROOT: Final = Path(__file__).with_name("pages")
ADDRESSES: Final = (
    *("/", "/join", "/lesson/{lesson}", "/library", "/library/{item}", "/organizer", "/device"),
    *("/sign-in", "/invite", "/me", "/catalogue", "/timetable", "/operations"),
    *("/supervision", "/check-in", "/import", "/places", "/dashboard", "/reviews"),
    "/second-factor",
    "/supervision/{lesson}",
    "/supervision/problems/{problem}",
    *("/courses", "/courses/{course}", "/courses/{course}/timetable", "/progress"),
)
"""What the pages' own router knows."""
FOREVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
HASHED: Final = "assets"


class Pages:
    """Serves the files of one directory."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root.resolve()

    def add_routes(self, app: web.Application) -> None:
        for address in ADDRESSES:
            app.router.add_get(address, self.index)
        # Last: everything that nobody else answers is a file, or nothing.
        app.router.add_get("/{file:.+}", self.file)

    async def index(self, _request: web.Request) -> web.StreamResponse:
        """The one document."""
        path = self._root / "index.html"
        if not path.is_file():
            raise Problem("pages-missing")
        return web.FileResponse(path, headers={"Cache-Control": ASK_AGAIN})

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file beside it."""
        try:
            path = (self._root / request.match_info["file"]).resolve()
            found = path.is_relative_to(self._root) and path.is_file()
        except (OSError, ValueError):
            # A name that no file can have: too long, or with a NUL.
            found = False
        if not found:
            raise Problem("not-found")
        hashed = path.parent == self._root / HASHED
        return web.FileResponse(path, headers={"Cache-Control": FOREVER if hashed else ASK_AGAIN})
