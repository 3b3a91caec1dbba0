"""What is being sent in each lesson: found by person and source, by name, and heard of."""

from __future__ import annotations

from typing import Any

import pytest

from signaling.problems import Problem
from signaling.publications import MAX_PER_PERSON, Cause, LivePublication, PublicationRegistry

MEDIA: Any = object()


class Ear:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def publication_added(self, live: LivePublication) -> None:
        self.heard.append(f"+{live.source}")

    def publication_removed(self, live: LivePublication, cause: Cause) -> None:
        self.heard.append(f"-{live.source} {cause}")


def test_found_until_removed() -> None:
    registry = PublicationRegistry()
    live = registry.add("demo", "p", "camera", MEDIA)
    assert registry.get("demo", "p", "camera") is live
    assert registry.named(live.name) is live
    assert registry.of_lesson("demo") == (live,)
    registry.remove(live)
    registry.remove(live)
    assert (registry.get("demo", "p", "camera"), registry.named(live.name), registry.count()) == (
        None,
        None,
        0,
    )


def test_one_sender_per_name() -> None:
    registry = PublicationRegistry()
    first = registry.add("demo", "p", "camera", MEDIA)
    with pytest.raises(Problem, match="source-taken") as caught:
        registry.add("demo", "p", "camera", MEDIA)
    assert caught.value.status == 409
    registry.add("demo", "q", "camera", MEDIA)
    registry.add("other", "p", "camera", MEDIA)
    registry.remove(first)
    again = registry.add("demo", "p", "camera", MEDIA)
    assert again.name != first.name
    registry.remove(first)
    assert registry.get("demo", "p", "camera") is again


def test_one_person_sends_so_much_and_no_more() -> None:
    registry = PublicationRegistry()
    for number in range(MAX_PER_PERSON):
        registry.add("demo", "p", f"{number}", MEDIA)
    with pytest.raises(Problem, match="too-many-requests"):
        registry.add("demo", "p", "one more", MEDIA)
    registry.add("demo", "q", "camera", MEDIA)


def test_listeners_of_one_lesson_and_of_all() -> None:
    registry = PublicationRegistry()
    one, everything = Ear(), Ear()
    stop = registry.listen(one, "demo")
    registry.listen(everything)
    live = registry.add("demo", "p", "camera", MEDIA)
    registry.add("other", "p", "screen", MEDIA)
    registry.remove(live, "network")
    stop()
    stop()
    registry.add("demo", "p", "camera", MEDIA)
    assert one.heard == ["+camera", "-camera network"]
    assert everything.heard == ["+camera", "+screen", "-camera network", "+camera"]
