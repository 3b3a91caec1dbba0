"""`--demo`: a lesson that everybody can try, with a link for each role.

The token stands in the fragment of a link: browsers send fragments to nobody, so it is in no log and no
Referer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from classroom.model import Person
from classroom.store import demo
from signaling.auth import Tokens

TTL_S: Final = 24 * 3600
"""A demo is for a day."""


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
