"""Microphones of a lesson as groups, one for each circle, and its voices as people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sfu.params import PublicationId
from signaling.publications import LivePublication, PublicationRegistry
from signaling.speakers import Speakers, Voices


@dataclass
class Voice:
    id: PublicationId
    grouped: tuple[int, bool, int] | None = None
    party: int = 0

    def group(self, group: int, *, party: int, always: bool, loudest: int) -> None:
        self.grouped, self.party = (group, always, loudest), party


class Plane:
    on_speakers: Callable[[int, frozenset[PublicationId]], None] | None = None
    on_places: Callable[[int, tuple[PublicationId | None, ...]], None] | None = None

    def say(self, group: int, *ids: int) -> None:
        assert self.on_speakers is not None
        self.on_speakers(group, frozenset(map(PublicationId, ids)))

    def place(self, group: int, *ids: int | None) -> None:
        assert self.on_places is not None
        self.on_places(group, tuple(None if id is None else PublicationId(id) for id in ids))


class School:
    """Lessons with microphones."""

    def __init__(self) -> None:
        self.plane, self.registry = Plane(), PublicationRegistry()
        self.speakers = Speakers(self.plane, self.registry, loudest=3)
        self.voices: dict[str, Any] = {}
        self.heard: list[Voices] = []

    def microphone(self, person: str, lesson: str = "one", source: str = "microphone") -> LivePublication:
        voice: Any = Voice(PublicationId(len(self.voices)))
        live = self.registry.add(lesson, person, source, voice)
        self.voices[live.name] = voice
        return live

    def grouped(self, live: LivePublication) -> tuple[int, bool, int] | None:
        found: tuple[int, bool, int] | None = self.voices[live.name].grouped
        return found


@pytest.fixture
def school() -> School:
    return School()


def test_a_microphone_without_listeners_takes_no_place(school: School) -> None:
    first, second = school.microphone("a"), school.microphone("b")
    elsewhere, screen = school.microphone("a", "two"), school.microphone("a", source="screen_audio")
    assert school.grouped(first) == school.grouped(second)
    one, other = school.grouped(first), school.grouped(elsewhere)
    assert one and other and one[0] != other[0] and (one[1:], other[1:]) == ((True, 3), (True, 3))
    assert school.grouped(screen) is None


def test_it_stands_in_the_circle_of_its_listeners_as_long_as_there_are_any(school: School) -> None:
    live = school.microphone("a")
    apart = school.grouped(live)
    listens = {live.name: "stage"}
    school.speakers.follow("one", {}, listens)
    school.speakers.follow("one", {}, listens)
    assert school.grouped(live) == (school.speakers.group("one", "stage"), False, 3)
    school.speakers.follow("one", listens, {})
    assert school.grouped(live) == (school.speakers.group("one", "stage"), False, 3)
    school.speakers.follow("one", listens, {live.name: "class 1"})
    assert school.grouped(live) == (school.speakers.group("one", "class 1"), False, 3)
    school.speakers.follow("one", {live.name: "class 1"}, {})
    assert school.grouped(live) == apart


def test_routes_may_come_before_and_go_after_the_microphone(school: School) -> None:
    live = school.microphone("a")
    school.registry.remove(live)
    school.speakers.follow("one", {}, {live.name: "stage"})
    school.speakers.follow("one", {live.name: "stage"}, {})
    again = school.microphone("a")
    found = school.grouped(again)
    assert found and found[1]


def test_voices_are_told_as_people(school: School) -> None:
    stop = school.speakers.listen("one", school.heard.append)
    a, b = school.microphone("a"), school.microphone("b")
    school.speakers.follow("one", {}, {b.name: "stage"})
    (apart, _, _), (stage, _, _) = school.grouped(a) or (0, 0, 0), school.grouped(b) or (0, 0, 0)
    school.plane.say(apart, 0)
    school.plane.say(stage, 1, 77)
    school.plane.place(stage, None, 1, 77)
    school.plane.say(99, 1)
    school.plane.place(99, 1)
    assert [voices.speaking for voices in school.heard] == [{"a"}, {"a", "b"}, {"a", "b"}]
    assert school.heard[-1].places == {"stage": ("", "b", "")}
    assert school.speakers.voices("one") == school.heard[-1]
    assert school.voices[a.name].party != school.voices[b.name].party == school.speakers.party("one", "b")
    stop()
    stop()
    school.plane.say(apart)
    assert len(school.heard) == 3


def test_who_goes_is_heard_no_longer_whatever_the_media_plane_says(school: School) -> None:
    school.speakers.listen("one", school.heard.append)
    a, b = school.microphone("a"), school.microphone("b")
    school.speakers.follow("one", {}, {a.name: "stage", b.name: "stage"})
    (stage, _, _) = school.grouped(a) or (0, 0, 0)
    school.plane.say(stage, 0, 1)
    school.plane.place(stage, 0, 1, None)
    school.registry.remove(a)
    assert school.heard[-1] == Voices(frozenset({"b"}), {"stage": ("", "b", "")})
    school.speakers.follow("one", {b.name: "stage"}, {})
    assert school.heard[-1] == Voices(frozenset(), {"stage": ("", "", "")})


def test_a_lesson_that_is_over_leaves_nothing_and_numbers_are_never_used_twice(school: School) -> None:
    live = school.microphone("a")
    before = school.grouped(live)
    school.registry.remove(live)
    assert school.speakers.voices("one") == Voices(frozenset(), {})
    again = school.grouped(school.microphone("a"))
    assert before and again and before[0] != again[0]
    school.plane.say(before[0], 0)
