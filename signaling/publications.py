"""What is being sent in each lesson now: (lesson, person, source) -> the SFU's publication.

The one place where sessions, WHIP, WHEP and the recorder meet: whoever publishes adds and removes, whoever
needs it listens. The classroom hears of a publication from who published it, after it was added here:
`room.post(Publish(person, source, Publication(live.name)))`; its routes name it so, and `named` finds it
again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from classroom.events import LeaveCause
from signaling.problems import Problem

if TYPE_CHECKING:
    from sfu.transport import Publication

Cause = Literal["muted", "network", "server", "policy", "left"]
"""Why a publication went away, in the words of the recording's ledger; `left`: its owner stopped it."""

LEDGER: Final[dict[LeaveCause, Cause]] = {
    LeaveCause.LEFT: "left",
    LeaveCause.LOST: "network",
    LeaveCause.REPLACED: "network",
    LeaveCause.ENDED: "left",
    LeaveCause.SERVER: "server",
    LeaveCause.REMOVED: "policy",
    LeaveCause.MOVED: "network",
}
"""Why somebody left -> why their publications ended. Who is replaced, or moves, comes back at once: a gap,
not an end."""

MAX_PER_PERSON = 16
"""Publications of one person: camera, microphone, screen and its sound, and room for encoders with several
programmes."""


@dataclass(frozen=True, slots=True)
class LivePublication:
    lesson: str
    person: str
    source: str
    publication: Publication
    name: str
    """What the classroom calls it in its routes (`classroom.model.Publication`); never used twice."""
    leads: bool = False
    """The master's: heard whoever else speaks."""


class Listener(Protocol):
    """Called in order of registration, at once, in the event loop; must not block nor raise."""

    def publication_added(self, live: LivePublication) -> None: ...
    def publication_removed(self, live: LivePublication, cause: Cause) -> None: ...


class PublicationRegistry:
    def __init__(self) -> None:
        self._lessons: dict[str, dict[tuple[str, str], LivePublication]] = {}
        self._names: dict[str, LivePublication] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self._everywhere: list[Listener] = []

    def add(
        self, lesson: str, person: str, source: str, publication: Publication, *, leads: bool = False
    ) -> LivePublication:
        """Makes it known. Problem source-taken when the person already sends that source."""
        table = self._lessons.setdefault(lesson, {})
        if (person, source) in table:
            raise Problem("source-taken", source=source)
        if sum(owner == person for owner, _ in table) >= MAX_PER_PERSON:
            raise Problem("too-many-requests", detail_kind="publications", limit=MAX_PER_PERSON)
        live = LivePublication(lesson, person, source, publication, secrets.token_hex(8), leads)
        table[person, source] = self._names[live.name] = live
        for listener in self._heard_by(lesson):
            listener.publication_added(live)
        return live

    def remove(self, live: LivePublication, cause: Cause = "left") -> None:
        """Makes it forgotten; nothing happens when it is already. Does not close the SFU's publication."""
        table = self._lessons.get(live.lesson, {})
        if table.get((live.person, live.source)) is not live:
            return
        del table[live.person, live.source], self._names[live.name]
        if not table:
            del self._lessons[live.lesson]
        for listener in self._heard_by(live.lesson):
            listener.publication_removed(live, cause)

    def get(self, lesson: str, person: str, source: str) -> LivePublication | None:
        return self._lessons.get(lesson, {}).get((person, source))

    def named(self, name: str) -> LivePublication | None:
        """The one that the classroom calls so."""
        return self._names.get(name)

    def of_lesson(self, lesson: str) -> tuple[LivePublication, ...]:
        """In the order in which they were added."""
        return tuple(self._lessons.get(lesson, {}).values())

    def __iter__(self) -> Iterator[LivePublication]:
        """All of all lessons."""
        return iter(tuple(self._names.values()))

    def listen(self, listener: Listener, lesson: str | None = None) -> Callable[[], None]:
        """Hears of one lesson, or of all. Returns the function that ends it."""
        group = self._everywhere if lesson is None else self._listeners.setdefault(lesson, [])
        group.append(listener)

        def stop() -> None:
            if listener in group:
                group.remove(listener)
            if lesson is not None and not group and self._listeners.get(lesson) is group:
                del self._listeners[lesson]

        return stop

    def count(self) -> int:
        return len(self._names)

    def _heard_by(self, lesson: str) -> tuple[Listener, ...]:
        return (*self._everywhere, *self._listeners.get(lesson, ()))
