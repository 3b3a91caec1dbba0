"""Who speaks in each lesson, and of whose open microphones only the loudest few are forwarded.

The microphones of a lesson are one group of the SFU; the master's is always heard. What else people send
(a programme's sound, a shared screen's) stands in no group and is always forwarded. What the SFU says of a
group comes out here as people.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from classroom.model import MICROPHONE
from sfu.params import PublicationId
from signaling.publications import Cause, LivePublication, PublicationRegistry

Heard = Callable[[frozenset[str]], None]
"""Hears who speaks: persons. At once, and must not block."""


class SpeakerSource(Protocol):
    """The part of sfu.sfu.Sfu that is needed here."""

    on_speakers: Callable[[int, frozenset[PublicationId]], None] | None


class Speakers:
    """One for all lessons."""

    def __init__(self, sfu: SpeakerSource, registry: PublicationRegistry, *, loudest: int) -> None:
        """loudest: how many microphones of a lesson are heard at a time."""
        self._loudest: Final = loudest
        self._groups: dict[str, int] = {}
        """Lesson -> its group, while it has microphones."""
        self._lessons: dict[int, str] = {}
        self._microphones: dict[PublicationId, LivePublication] = {}
        self._listeners: dict[str, list[Heard]] = {}
        self._last_group = 0
        registry.listen(self)
        sfu.on_speakers = self._told

    def listen(self, lesson: str, listener: Heard) -> Callable[[], None]:
        """Hears who speaks in a lesson, whenever that changes. Returns the function that ends it."""
        listeners = self._listeners.setdefault(lesson, [])
        listeners.append(listener)

        def stop() -> None:
            if listener in listeners:
                listeners.remove(listener)
            if not listeners and self._listeners.get(lesson) is listeners:
                del self._listeners[lesson]

        return stop

    # --- publications.Listener ----------------------------------------------------------------------------

    def publication_added(self, live: LivePublication) -> None:
        if live.source != MICROPHONE:
            return
        self._microphones[live.publication.id] = live
        group = self._group(live.lesson)
        live.publication.group(group, always=live.leads, loudest=self._loudest)

    def publication_removed(self, live: LivePublication, cause: Cause) -> None:
        if self._microphones.pop(live.publication.id, None) is None:
            return
        if all(each.lesson != live.lesson for each in self._microphones.values()):
            del self._lessons[self._groups.pop(live.lesson)]

    # --- inside -------------------------------------------------------------------------------------------

    def _group(self, lesson: str) -> int:
        if lesson not in self._groups:
            self._last_group += 1
            self._groups[lesson] = self._last_group
            self._lessons[self._last_group] = lesson
        return self._groups[lesson]

    def _told(self, group: int, speaking: frozenset[PublicationId]) -> None:
        lesson = self._lessons.get(group)
        if lesson is None:
            return  # the last of its microphones has gone meanwhile
        people = frozenset(self._microphones[id].person for id in speaking if id in self._microphones)
        for listener in tuple(self._listeners.get(lesson, ())):
            listener(people)
