"""Chapters: what happened in the lesson, put on the item's clock and told without anybody's name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.library.chapters import KINDS, MAX_CHAPTERS, Chapter, Happened, ItemClock, chapters
from classroom.model import ClassId, ClassRoom, Lesson, LessonId

LESSON = Lesson(LessonId("L"), "光", classes=(ClassRoom(ClassId("c1"), "三（1）班"),))
CLOCK = ItemClock(began_ms=1_000_000, started_ms=1_002_000, duration_ms=60_000)
"""Recording began two seconds into the lesson."""
EVENTS = st.lists(
    st.builds(
        Happened,
        kind=st.sampled_from([*KINDS, "chat.said"]),
        elapsed_ms=st.integers(0, 120_000),
        body=st.fixed_dictionaries(
            {},
            optional={
                "state": st.sampled_from(["live", "ended"]),
                "phase": st.sampled_from(["lecture", "break", "nonsense"]),
                "class_id": st.sampled_from(["c1", "gone"]),
                "seat": st.sampled_from(["", "12"]),
                "id": st.sampled_from(["q1", "q2"]),
                "resumed": st.booleans(),
            },
        ),
    ),
    max_size=30,
)


def told(kind: str, elapsed_ms: int = 10_000, **body: Any) -> tuple[Chapter, ...]:
    return chapters(LESSON, CLOCK, [Happened(kind, elapsed_ms, body)], {"q1": "折射角更大吗"})


@pytest.mark.parametrize(
    ("kind", "body", "expected", "values"),
    [
        ("lesson.state", {"state": "live"}, "begin", {}),
        ("lesson.phase", {"phase": "break"}, "phase.break", {}),
        ("stage.entered", {"class_id": "c1", "seat": "12"}, "stage", {"who": "三（1）班 12"}),
        ("stage.entered", {"class_id": "c1"}, "stage", {"who": "三（1）班"}),
        ("quiz.opened", {"id": "q1"}, "quiz", {"question": "折射角更大吗"}),
        ("quiz.opened", {"id": "q9"}, "quiz", {"question": ""}),
        ("class.taken", {"class_id": "c1"}, "taken", {"who": "三（1）班"}),
        ("class.online", {"class_id": "c1"}, "online", {"who": "三（1）班"}),
        ("master.lost", {}, "master_lost", {}),
        ("master.back", {"resumed": True}, "master_back", {}),
        ("master.resumed", {}, "master_back", {}),
    ],
)
def test_what_makes_a_chapter(kind: str, body: dict[str, Any], expected: str, values: dict[str, str]) -> None:
    assert told(kind, **body) == (Chapter(8_000, expected, values),)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("lesson.state", {"state": "ended"}),
        ("lesson.phase", {"phase": "nonsense"}),
        ("stage.entered", {"class_id": "gone"}),
        ("master.back", {"resumed": False}),
        ("chat.said", {"text": "x"}),
    ],
)
def test_what_makes_none(kind: str, body: dict[str, Any]) -> None:
    assert told(kind, **body) == ()


def test_what_happened_before_the_recording_stands_at_its_beginning() -> None:
    assert told("master.lost", 0)[0].at_ms == 0


def test_what_happened_behind_its_end_is_no_chapter() -> None:
    assert told("master.lost", 62_000)[0].at_ms == CLOCK.duration_ms
    assert told("master.lost", 62_001) == ()


def test_there_are_at_most_so_many() -> None:
    clock = ItemClock(0, 0, 10 * MAX_CHAPTERS)
    events = [Happened("master.lost", n, {}) for n in range(MAX_CHAPTERS + 5)]
    assert len(chapters(LESSON, clock, events, {})) == MAX_CHAPTERS


@given(EVENTS)
def test_chapters_are_by_time_inside_the_item_and_each_is_told_once(events: list[Happened]) -> None:
    found = chapters(LESSON, CLOCK, events, {"q1": "?"})
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)
    assert all(0 <= one.at_ms <= CLOCK.duration_ms for one in found)
    assert all(one.kind != "stage" or one.values["who"] for one in found)
    told = [(one.at_ms, one.kind, tuple(one.values.items())) for one in found]
    assert len(told) == len(set(told))
