"""Pointers on shared pictures: from who points to all who get the picture, and to nobody else.

Theory of operation. A lesson of 1,000 people and ten moves a second is 10,000 frames a second, so a move
takes none of the ways of other messages: not the lesson's inbox, no outbox, no writing task. It is encoded
once, as the very bytes of the WebSocket frame, and each connection that has nothing else to say writes them
at once (`Watcher.flash`). One that has keeps the latest and writes it as soon as it can; a slow receiver so
misses moves, and never gets old ones. Nothing is stored.

Who gets the picture is known by the floor's routes: a session is asked whether it has that publication
(`Watcher.sees`). So a class in its own Q&A that does not see the screen does not see the pointer either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from classroom.model import PersonId, Role, parse_source
from classroom.rules.pointing import may_point
from signaling import codec
from signaling.messages_pointer import Pointer, PointerMove
from signaling.problems import Problem
from signaling.publications import PublicationRegistry
from signaling.rate import Bucket

MOVES_PER_S: Final = 10.5
"""A page sends ten a second and glides between them: the eye sees no more, and twenty would cost twice as
much. And a little, for clocks that differ."""
MOVES_BURST: Final = 5.0
RESULTS: Final = ("told", "too_fast", "no_picture")
"""What becomes of a move: the last one, where the picture has gone in the meantime."""


class Watcher(Protocol):
    """A session, as far as pointers are concerned."""

    def sees(self, publication: str) -> bool:
        """Whether it gets the publication of that name."""

    def flash(self, frame: bytes) -> None:
        """Shows it a whole WebSocket frame, now or never."""


class Pointers:
    def __init__(self, publications: PublicationRegistry) -> None:
        self._publications = publications
        self._watchers: dict[str, set[Watcher]] = {}
        self.results: Counter[str] = Counter()
        """Moves by what became of them (RESULTS)."""

    def watch(self, lesson: str, watcher: Watcher) -> Callable[[], None]:
        """From now on; returns the function that ends it."""
        self._watchers.setdefault(lesson, set()).add(watcher)

        def stop() -> None:
            watchers = self._watchers.get(lesson, set())
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(lesson, None)

        return stop

    def hand(self, lesson: str, person: str, role: Role, now: float) -> Hand:
        """What somebody points with."""
        return Hand(self, lesson, person, role, now)

    def show(self, lesson: str, pointer: Pointer) -> str:
        """To all who get the picture; what became of it."""
        live = self._publications.get(lesson, pointer.person, pointer.source)
        if live is None:
            # It was taken down a moment ago, and the page will know in another.
            return "no_picture"
        frame = codec.text_frame(codec.encode(pointer))
        for watcher in self._watchers.get(lesson, ()):
            if watcher.sees(live.name):
                watcher.flash(frame)
        return "told"


class Hand:
    """Of one session."""

    def __init__(self, pointers: Pointers, lesson: str, person: str, role: Role, now: float) -> None:
        self._pointers = pointers
        self._lesson = lesson
        self._person = person
        self._role = role
        self._pace = Bucket(burst=MOVES_BURST, per_second=MOVES_PER_S, now=now)

    def move(self, move: PointerMove, now: float) -> None:
        """Raises Problem: source-unknown, role-may-not."""
        person = move.person or self._person
        try:
            source = parse_source(move.source)
        except ValueError as error:
            raise Problem("source-unknown") from error
        if not may_point(self._role, PersonId(self._person), PersonId(person), source):
            raise Problem("role-may-not")
        self._pointers.results[self._passed_on(person, move, now)] += 1

    def _passed_on(self, person: str, move: PointerMove, now: float) -> str:
        if not self._pace.take(now):
            return "too_fast"
        x, y = round(move.x, 4), round(move.y, 4)
        return self._pointers.show(
            self._lesson, Pointer(by=self._person, person=person, source=move.source, x=x, y=y)
        )
