"""Who speaks in each lesson, and who is heard.

Theory of operation. The floor says in which circle a microphone is heard (`Route.circle`): those on stage, a
class in its own Q&A. Each circle is a group of the SFU: of its microphones the loudest few have a place each,
and a listener has a stream for each place (`sfu.media.Slot`), not for each microphone. A microphone stands in
the circle of those who are routed to it, and leaves it with the last of them; one that nobody is routed to,
and the master's, which everybody gets by a stream of its own, stand in a group without places, from which
only comes who speaks.

What else people send (a programme's sound, a shared screen's) stands in no group. What the SFU says of a
group comes out here as people.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from classroom.model import MICROPHONE
from sfu.params import PublicationId
from signaling.publications import Cause, LivePublication, PublicationRegistry

Circles = Mapping[str, str]
"""Name of a publication -> circle in which it is heard."""
NO_CIRCLE: Final = ""


class Voices(NamedTuple):
    """A lesson's at one moment."""

    speaking: frozenset[str]
    """Persons."""
    places: Mapping[str, tuple[str, ...]]
    """Circle -> the person in each place, empty for nobody."""


Heard = Callable[[Voices], None]
"""Hears who speaks and who is heard, whenever that changed. At once, and must not block."""


class SpeakerSource(Protocol):
    """The part of sfu.sfu.Sfu that is needed here."""

    on_speakers: Callable[[int, frozenset[PublicationId]], None] | None
    on_places: Callable[[int, tuple[PublicationId | None, ...]], None] | None


class _Lesson:
    """The voices of one lesson."""

    def __init__(self) -> None:
        self.listeners: list[Heard] = []
        self.microphones: dict[str, LivePublication] = {}
        """By name."""
        self.routed: dict[str, Counter[str]] = {}
        """Name -> circle -> how many listeners are routed to it there."""
        self.seated: dict[str, str] = {}
        """Name -> circle whose group it stands in."""
        self.groups: dict[str, int] = {}
        """Circle -> group."""
        self.parties: dict[str, int] = {}
        """Person -> number by which the SFU knows whose voice is not to come back."""
        self.speaking: dict[str, frozenset[str]] = {}
        self.places: dict[str, tuple[str, ...]] = {}

    @property
    def empty(self) -> bool:
        return not (self.listeners or self.microphones or self.routed)

    def voices(self) -> Voices:
        return Voices(frozenset().union(*self.speaking.values()), self.places)

    def circle_of(self, name: str) -> str:
        found = self.routed.get(name)
        return max(found, key=found.__getitem__) if found else NO_CIRCLE

    def silence(self, circle: str, person: str) -> None:
        """They have left the circle: the SFU says nothing more of it when they were the last."""
        speaking, places = self.speaking.get(circle, frozenset()), self.places.get(circle, ())
        if person in speaking or person in places:
            self.speaking[circle] = speaking - {person}
            self.places[circle] = tuple("" if each == person else each for each in places)
            self.tell()

    def tell(self) -> None:
        voices = self.voices()
        for listener in tuple(self.listeners):
            listener(voices)


class Speakers:
    """One for all lessons."""

    def __init__(self, sfu: SpeakerSource, registry: PublicationRegistry, *, loudest: int) -> None:
        """loudest: how many microphones of a circle are heard at a time."""
        self.loudest: Final = loudest
        self._lessons: dict[str, _Lesson] = {}
        self._circles: dict[int, tuple[str, str]] = {}
        """Group -> lesson and circle."""
        self._names: dict[PublicationId, str] = {}
        self._numbers = itertools.count(1)
        """Of groups and parties: none is used twice."""
        registry.listen(self)
        sfu.on_speakers = self._spoke
        sfu.on_places = self._moved

    def listen(self, lesson: str, listener: Heard) -> Callable[[], None]:
        """Hears of a lesson. Returns the function that ends it."""
        self._lesson(lesson).listeners.append(listener)

        def stop() -> None:
            if (found := self._lessons.get(lesson)) is not None and listener in found.listeners:
                found.listeners.remove(listener)
                self._forget_if_empty(lesson)

        return stop

    def voices(self, lesson: str) -> Voices:
        """As they are now."""
        found = self._lessons.get(lesson)
        return found.voices() if found else Voices(frozenset(), {})

    def follow(self, lesson: str, before: Circles, after: Circles) -> None:
        """What one listener is routed to has changed."""
        found = self._lesson(lesson)
        gone, come = before.items() - after.items(), after.items() - before.items()
        for name, circle in come:
            found.routed.setdefault(name, Counter())[circle] += 1
        for name, circle in gone:
            _less(found.routed, name, circle)
        for name in {name for name, _ in gone | come}:
            self._seat(lesson, found, name)
        self._forget_if_empty(lesson)

    def group(self, lesson: str, circle: str) -> int:
        """Of the SFU, for a circle that somebody is routed to."""
        found = self._lesson(lesson)
        if circle not in found.groups:
            found.groups[circle] = next(self._numbers)
            self._circles[found.groups[circle]] = (lesson, circle)
        return found.groups[circle]

    def party(self, lesson: str, person: str) -> int:
        """Whose own voice a listener does not get back."""
        found = self._lesson(lesson)
        if person not in found.parties:
            found.parties[person] = next(self._numbers)
        return found.parties[person]

    # --- publications.Listener ----------------------------------------------------------------------------

    def publication_added(self, live: LivePublication) -> None:
        if live.source != MICROPHONE:
            return
        found = self._lesson(live.lesson)
        found.microphones[live.name] = live
        self._names[live.publication.id] = live.name
        self._seat(live.lesson, found, live.name)

    def publication_removed(self, live: LivePublication, cause: Cause) -> None:
        found = self._lessons.get(live.lesson)
        if found is None or found.microphones.pop(live.name, None) is None:
            return
        del self._names[live.publication.id]
        found.silence(found.seated.pop(live.name), live.person)
        self._forget_if_empty(live.lesson)

    # --- inside -------------------------------------------------------------------------------------------

    def _lesson(self, lesson: str) -> _Lesson:
        return self._lessons.setdefault(lesson, _Lesson())

    def _forget_if_empty(self, lesson: str) -> None:
        if (found := self._lessons.get(lesson)) is not None and found.empty:
            for group in found.groups.values():
                del self._circles[group]
            del self._lessons[lesson]

    def _seat(self, lesson: str, found: _Lesson, name: str) -> None:
        """Puts a microphone into the group where it is heard."""
        live, circle = found.microphones.get(name), found.circle_of(name)
        if live is None or found.seated.get(name) == circle:
            return
        if (before := found.seated.get(name)) is not None:
            found.silence(before, live.person)
        found.seated[name] = circle
        live.publication.group(
            self.group(lesson, circle),
            party=self.party(lesson, live.person),
            always=circle == NO_CIRCLE,
            loudest=self.loudest,
        )

    def _spoke(self, group: int, speaking: frozenset[PublicationId]) -> None:
        if (place := self._circles.get(group)) is None:
            return  # the lesson has gone meanwhile
        lesson, circle = place
        found = self._lessons[lesson]
        found.speaking[circle] = frozenset(person for id in speaking if (person := self._person(found, id)))
        found.tell()

    def _moved(self, group: int, places: tuple[PublicationId | None, ...]) -> None:
        if (place := self._circles.get(group)) is None:
            return
        lesson, circle = place
        found = self._lessons[lesson]
        found.places[circle] = tuple(self._person(found, id) for id in places)
        found.tell()

    def _person(self, found: _Lesson, id: PublicationId | None) -> str:
        """Empty for nobody, and for one that has gone meanwhile."""
        live = found.microphones.get(self._names.get(id, "")) if id is not None else None
        return live.person if live is not None else ""


def _less(routed: dict[str, Counter[str]], name: str, circle: str) -> None:
    routed[name][circle] -= 1
    if routed[name][circle] == 0:
        del routed[name][circle]
    if not routed[name]:
        del routed[name]
