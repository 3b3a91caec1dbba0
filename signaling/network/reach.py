"""Places, classes and accounts, as far as the caller reaches them: what they do not reach is not there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from aiohttp import web

from classroom.model import ClassId, PersonId
from classroom.network.accounts import Account
from classroom.network.model import Office, Place, PlaceId, SchoolClass, is_place_id
from classroom.store import accounts, network_classes, network_places
from signaling.keys import STORE
from signaling.network.principals import PRINCIPAL
from signaling.problems import Problem
from signaling.rest import read

MAX_ID: Final = 64


async def place_reached(request: web.Request, place: str, offices: Collection[Office]) -> Place:
    """Problem: not-found, not-ready."""
    found = None
    if is_place_id(place):
        found = await read(request.app[STORE].network.read(network_places.find, PlaceId(place)))
    if found is None or not request[PRINCIPAL].reaches(offices, found.path):
        raise Problem("not-found")
    return found


async def class_reached(request: web.Request, class_id: str, offices: Collection[Office]) -> SchoolClass:
    """Problem: not-found, not-ready."""
    found = None
    if is_id(class_id):
        found = await read(request.app[STORE].network.read(network_classes.find, ClassId(class_id)))
    if found is None or not request[PRINCIPAL].reaches(offices, found.path):
        raise Problem("not-found")
    return found


async def account_reached(request: web.Request, person: str, offices: Collection[Office]) -> Account:
    """Problem: not-found, not-ready."""
    found = None
    if is_id(person):
        found = await read(request.app[STORE].network.read(accounts.find, PersonId(person)))
    if found is None or not request[PRINCIPAL].reaches(offices, found.path):
        raise Problem("not-found")
    return found


def is_id(text: str) -> bool:
    """Something by which a database may be asked: PostgreSQL takes no NUL."""
    return 0 < len(text) <= MAX_ID and text.isprintable()
