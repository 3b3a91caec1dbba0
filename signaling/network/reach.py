"""Places, classes and accounts, as far as the caller reaches them: what they do not reach is not there."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Final, TypeVar

from aiohttp import web

from classroom.model import ClassId, PersonId
from classroom.network.accounts import Account
from classroom.network.model import Office, Place, PlaceId, SchoolClass, is_place_id
from classroom.store import accounts, network_classes, network_places
from signaling.keys import STORE
from signaling.network.principals import PRINCIPAL
from signaling.problems import Problem
from signaling.rest import read

log = logging.getLogger(__name__)

Found = TypeVar("Found", Place, SchoolClass, Account)

MAX_ID: Final = 64
SEEN: Final = ("bad-request", "not-found", "not-ready")
"""Problems of operations that look at what is reached; and of those that change it."""
CHANGED: Final = (*SEEN, "unsupported-media-type", "too-large", "foreign-page")


async def place_reached(request: web.Request, place: str, offices: Collection[Office]) -> Place:
    """Problem: not-found, not-ready."""
    found = None
    if is_place_id(place):
        found = await read(request.app[STORE].network.read(network_places.find, PlaceId(place)))
    return _reached(request, found, offices)


async def class_reached(request: web.Request, class_id: str, offices: Collection[Office]) -> SchoolClass:
    """Problem: not-found, not-ready."""
    found = None
    if is_id(class_id):
        found = await read(request.app[STORE].network.read(network_classes.find, ClassId(class_id)))
    return _reached(request, found, offices)


async def account_reached(request: web.Request, person: str, offices: Collection[Office]) -> Account:
    """Problem: not-found, not-ready."""
    found = None
    if is_id(person):
        found = await read(request.app[STORE].network.read(accounts.find, PersonId(person)))
    return _reached(request, found, offices)


def _reached(request: web.Request, found: Found | None, offices: Collection[Office]) -> Found:
    """Who asks for what is not theirs hears that it is not there; the log says who it was."""
    if found is None:
        raise Problem("not-found")
    if not request[PRINCIPAL].reaches(offices, found.path):
        who, method = request[PRINCIPAL].person, request.method
        log.info("x %s does not reach %s: %s %s", who, found.path, method, request.rel_url.raw_path)
        raise Problem("not-found")
    return found


def is_id(text: str) -> bool:
    """Something by which a database may be asked: PostgreSQL takes no NUL."""
    return 0 < len(text) <= MAX_ID and text.isprintable()
