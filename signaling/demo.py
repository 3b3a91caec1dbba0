"""`--demo`: a lesson that everybody can try, with a link for each role; and a small course network, whose
people have one password, another one at each start.

The token stands in the fragment of a link: browsers send fragments to nobody, so it is in no log and no
Referer.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from classroom.model import Person
from classroom.store import demo
from classroom.store.demo_network import set_demo_passwords
from classroom.store.store import Store
from signaling.auth import Tokens
from signaling.network.passwords import HASHER

TTL_S: Final = 24 * 3600
"""A demo is for a day."""
PASSWORD_BYTES: Final = 9


@dataclass(frozen=True, slots=True)
class DemoLink:
    key: str
    """Of the catalogue: `demo.KEY` says whose it is."""
    url: str


@dataclass(frozen=True, slots=True)
class _Guest:
    key: str
    person: Person
    page: str = "/join"


_GUESTS: Final = (
    _Guest("master", demo.MASTER),
    _Guest("tutor_1", demo.TUTOR_1),
    _Guest("room_1", demo.ROOM_1),
    _Guest("tutor_2", demo.TUTOR_2),
    _Guest("student_home", demo.STUDENT_HOME),
    _Guest("supervisor", demo.SUPERVISOR),
    _Guest("organizer", demo.ORGANIZER),
    _Guest("library", demo.SUPERVISOR, page="/library"),
)


async def demo_password(store: Store) -> str:
    """Everybody's in the demo network. Raises StoreUnavailable."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    await set_demo_passwords(store, HASHER.hash(password))
    return password


def demo_links(tokens: Tokens, base_url: str, now: float) -> Iterator[DemoLink]:
    """One link for each role, in the order in which one would try them."""
    for guest in _GUESTS:
        token = tokens.issue(
            person=guest.person.id,
            role=guest.person.role.value,
            lesson=demo.DEMO_LESSON,
            class_id=guest.person.class_id or "",
            name=guest.person.name,
            now=now,
            ttl_s=TTL_S,
        )
        yield DemoLink(guest.key, f"{base_url}{guest.page}#token={token}")
