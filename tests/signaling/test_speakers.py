"""Microphones of a lesson as one group, and its voices as people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sfu.params import PublicationId
from signaling.publications import PublicationRegistry
from signaling.speakers import Speakers


@dataclass
class Voice:
    id: PublicationId
    grouped: tuple[int, bool, int] | None = None

    def group(self, group: int, *, always: bool, loudest: int) -> None:
        self.grouped = (group, always, loudest)


class Plane:
    on_speakers: Callable[[int, frozenset[PublicationId]], None] | None = None

    def say(self, group: int, *ids: int) -> None:
        assert self.on_speakers is not None
        self.on_speakers(group, frozenset(map(PublicationId, ids)))


def test_lessons_are_groups_of_their_own() -> None:
    plane, registry = Plane(), PublicationRegistry()
    speakers = Speakers(plane, registry, loudest=3)
    heard: list[tuple[str, frozenset[str]]] = []
    for lesson in ("one", "two"):
        speakers.listen(lesson, lambda people, lesson=lesson: heard.append((lesson, people)))
    voices: list[Any] = [Voice(PublicationId(id)) for id in range(4)]
    lives = [
        registry.add("one", "teacher", "microphone", voices[0], leads=True),
        registry.add("one", "tutor", "microphone", voices[1]),
        registry.add("two", "teacher", "microphone", voices[2]),
        registry.add("one", "teacher", "screen_audio", voices[3]),
    ]
    assert [voice.grouped for voice in voices] == [(1, True, 3), (1, False, 3), (2, False, 3), None]
    plane.say(1, 0, 1)
    plane.say(2)
    assert heard == [("one", frozenset({"teacher", "tutor"})), ("two", frozenset())]
    for live in lives[:2]:
        registry.remove(live)
    plane.say(1, 1)
    assert len(heard) == 2
    registry.add("one", "tutor", "microphone", voices[1])
    assert voices[1].grouped == (3, False, 3)  # a number is never used twice


def test_who_no_longer_listens_hears_nothing() -> None:
    plane, registry = Plane(), PublicationRegistry()
    speakers = Speakers(plane, registry, loudest=4)
    heard: list[frozenset[str]] = []
    stop = speakers.listen("one", heard.append)
    voice: Any = Voice(PublicationId(1))
    registry.add("one", "tutor", "microphone", voice)
    plane.say(1, 1)
    stop()
    stop()
    plane.say(1)
    assert heard == [frozenset({"tutor"})]
