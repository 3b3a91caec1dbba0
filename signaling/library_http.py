"""HTTP for the library: what is recorded, its playlists, its bytes, and one file to download.

Authorisation is the caller's: `allow` is asked for every playlist and every byte, never once per page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from recorder.library import Library

Allow = Callable[[web.Request, str], Awaitable[None]]
"""(request, lesson id; "" for all lessons): returns, or raises the problem that the caller gets."""


def add_library_routes(app: web.Application, library: Library, allow: Allow) -> None:
    """GET /api/v1/library[?lesson=], /api/v1/library/{item}, /media/{item}/... on `app`."""
    raise NotImplementedError
