"""Every fact is written somewhere, and what is written can be read back as JSON."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from classroom import events
from classroom.events import Fact, LeaveCause
from classroom.floor import Priority, Route
from classroom.model import (
    ChatEntry,
    ChatId,
    ClassId,
    ClassState,
    ClassStatus,
    Hand,
    HandId,
    LessonId,
    LessonSettings,
    LessonState,
    OnStage,
    PersonId,
    Phase,
    Publication,
    RecordingState,
    Role,
    Source,
)
from classroom.quality import Period, Second
from classroom.roll import Pupil
from classroom.rules.reasons import Reason
from classroom.store.kinds import BESIDE, KINDS, names
from classroom.store.ledger import Ledger
from classroom.store.rows import entry
from classroom.store.statements import ADD_EVENT, ORDER
from sfu.params import Quality, QualityReason

AT: dict[str, Any] = {"lesson_id": LessonId("L"), "at_ms": 5}
ROUTE = Route(PersonId("m"), Source("camera"), Publication("p"), Priority.CAMERA)
SECOND = Second(Quality.FAIR, QualityReason.DELAY, 40, 1500, 0.0, 0.25, 300, 10, 2000, 1, 0)
APART = {
    *(events.SharedChanged, events.EntryRefused, events.ObservationStarted, events.ObservationEnded),
    events.QualityMeasured,
    events.QualityNoted,
}


@pytest.fixture
def facts(school: Any) -> list[Fact]:
    track: dict[str, Any] = {"person": school.master, "source": "camera", "publication": "p", **AT}
    said = ChatEntry(ChatId("c"), PersonId("sa"), "", Role.STUDENT, "x", 5)
    return [
        events.StateChanged(state=LessonState.LIVE, lesson=school.lesson(), actor=PersonId("m"), **AT),
        events.LessonRevised(lesson=school.lesson(), actor=PersonId("o"), reason="", **AT),
        events.PhaseChanged(phase=Phase.BREAK, actor=None, **AT),
        events.PersonJoined(person=school.master, **AT),
        events.PersonLeft(person=school.master, cause=LeaveCause.LEFT, **AT),
        events.TimerEnded(phase=Phase.BREAK, **AT),
        events.PlanPassed(overrun=True, **AT),
        events.SettingsChanged(settings=LessonSettings(), actor=PersonId("m"), **AT),
        events.SharedChanged(lesson=school.lesson(), **AT),
        events.ClassStateChanged(class_id=ClassId("c1"), state=ClassState.LOCAL_QA, actor=None, **AT),
        events.LookedIn(class_id=ClassId("c1"), actor=PersonId("m"), **AT),
        events.StageInvited(guest=PersonId("sa"), class_id=None, actor=PersonId("m"), **AT),
        events.StageDeclined(guest=PersonId("sa"), actor=None, **AT),
        events.StageEntered(
            member=OnStage(PersonId("r1"), "", Role.ROOM, ClassId("c1"), "12"), actor=PersonId("m"), **AT
        ),
        events.StageLeft(guest=PersonId("sa"), class_id=None, actor=None, **AT),
        events.SpotlightChanged(guest=None, actor=PersonId("m"), **AT),
        events.MasterLost(**AT),
        events.MasterBack(resumed=True, **AT),
        events.LessonResumed(actor=PersonId("m"), **AT),
        events.ClassTaken(class_id=ClassId("c1"), tutor=PersonId("t9"), instead_of=PersonId("t1"), **AT),
        events.RollMarked(
            class_id=ClassId("c1"), mark=None, seats=("1",), people=(), actor=PersonId("t1"), **AT
        ),
        events.RegisterSet(class_id=ClassId("c1"), pupils=(Pupil("1", "A"),), actor=PersonId("t1"), **AT),
        events.ClassMovedOnline(class_id=ClassId("c1"), actor=PersonId("t1"), **AT),
        events.EntryRefused(person=school.master, reason=Reason.LESSON_FULL, **AT),
        events.TutorChanged(status=ClassStatus(school.class_1, PersonId("t9"), True, 0), **AT),
        events.TutorAbsent(class_id=school.class_1.id, absent=True, **AT),
        events.TrackPublished(**track),
        events.TrackUnpublished(cause=LeaveCause.LOST, **track),
        events.TrackMuted(muted=True, **track),
        events.HandRaised(hand=Hand(HandId("h"), PersonId("sa"), "", None, "", 0), **AT),
        events.HandLowered(hand=HandId("h"), actor=None, **AT),
        events.ChatWritten(entry=said, **AT),
        events.RecordingChanged(state=RecordingState.ON, **AT),
        events.ClipMoved(clip="k", item="i", state="reviewed", title="光", subject="物理", actor=None, **AT),
        events.ItemDeleted(item="i", reason="期限已到", actor=None, **AT),
        events.RecorderRouted(routes=(ROUTE,), **AT),
        events.ObservationStarted(person=school.supervisor, **AT),
        events.ObservationEnded(person=school.supervisor, cause=LeaveCause.LEFT, **AT),
        events.QualityMeasured(period=Period.of(PersonId("sa"), 5, (SECOND,)), **AT),
        events.QualityNoted(people=(PersonId("sa"),), packed=bytes(11), **AT),
    ]


def test_all_facts_are_known(facts: list[Fact]) -> None:
    known = {name for name, kind in vars(events).items() if isinstance(kind, type) and issubclass(kind, Fact)}
    assert {type(fact).__name__ for fact in facts} == known - {"Fact"}


def test_every_fact_is_written_and_those_of_supervision_apart(facts: list[Fact]) -> None:
    ledger = Ledger()
    numbers = []
    for fact in facts:
        writes = entry(fact, ledger).writes
        assert writes, fact
        assert all(any(write.statement is known for known in ORDER) for write in writes)
        rows = [write.row for write in writes if write.statement is ADD_EVENT]
        assert len(rows) == (type(fact) not in APART)
        numbers += [row["seq"] for row in rows]
        for row in rows:
            assert isinstance(msgspec.json.decode(row["body"]), dict)
    assert numbers == list(range(1, len(numbers) + 1))
    assert not ledger.has_open


def test_the_body_says_what_has_no_column(facts: list[Fact]) -> None:
    ledger = Ledger()
    bodies = {
        write.row["kind"]: (write.row["person_id"], msgspec.json.decode(write.row["body"]))
        for fact in facts
        for write in entry(fact, ledger).writes
        if write.statement is ADD_EVENT
    }
    assert bodies["track.unpublished"] == ("m", {"source": "camera", "publication": "p", "cause": "lost"})
    assert bodies["track.muted"] == ("m", {"source": "camera", "publication": "p", "muted": True})
    assert bodies["class.tutor"] == (None, {"class_id": "c1", "tutor": "t9"})
    assert bodies["chat.written"] == ("sa", {"id": "c"})
    assert bodies["lesson.phase"] == (None, {"phase": "break", "seconds": 0})
    assert bodies["roll.marked"] == (
        "t1",
        {"class_id": "c1", "mark": None, "seats": ["1"], "people": []},
    )
    assert bodies["roll.registered"] == ("t1", {"class_id": "c1", "pupils": 1}), "without names"
    assert bodies["stage.entered"] == ("r1", {"class_id": "c1", "seat": "12", "by": "m"})
    assert bodies["stage.left"] == ("sa", {"class_id": None, "by": None})
    assert bodies["class.taken"] == ("t9", {"class_id": "c1", "tutor": "t9", "instead_of": "t1"})


def test_kinds_have_names_of_their_own_that_fit_their_column() -> None:
    assert len(names()) == len(KINDS) + len(BESIDE)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) and len(name) <= 32 for name in names())


def test_events_carry_the_clock_of_the_lesson() -> None:
    raised = events.PhaseChanged(phase=Phase.BREAK, actor=None, elapsed_ms=7, **AT)
    (row,) = (write.row for write in entry(raised, Ledger()).writes if write.statement is ADD_EVENT)
    assert (row["at_ms"], row["elapsed_ms"]) == (5, 7)


def test_leaving_without_having_come_closes_nothing(school: Any) -> None:
    """After the joining was lost to an overrun queue."""
    ledger = Ledger()
    left = events.PersonLeft(person=school.master, cause=LeaveCause.LEFT, **AT)
    assert [write.statement for write in entry(left, ledger).writes] == [ADD_EVENT]
    ended = events.ObservationEnded(person=school.supervisor, cause=LeaveCause.LEFT, **AT)
    assert entry(ended, ledger).writes == ()
