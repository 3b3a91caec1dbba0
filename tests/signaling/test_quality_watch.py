"""The look once a second: who is told what, what is on record, and that supervisors leave no trace."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from classroom.commands import ReportQuality
from classroom.events import Fact, QualityMeasured, QualityNoted
from classroom.model import Lesson, LessonId, LessonState, PersonId, Role
from classroom.quality import PERIOD_S, SECOND_BYTES, UNKNOWN, Period, columns, pack
from sfu.allocator import StreamState
from sfu.engine.snapshot import SAMPLE, StreamTotals
from sfu.params import Quality, QualityReason
from sfu.quality import BETTER_AFTER_S, Finding, Samples
from signaling.publications import PublicationRegistry
from signaling.quality_record import SLOT_S
from signaling.quality_watch import QualityWatch

GOOD = {"received": 10, "sent": 100, "sent_bps": 1_500_000.0, "round_trip_s": 0.03, "layer": 2, "wanted": 2}
LOSSY = GOOD | {"lost_down": 0.2}


class PaperSnapshot:
    """Says what the plane tells it to."""

    def __init__(self, now: float, samples: dict[int, dict[str, Any]], totals: dict[int, Any]) -> None:
        self.now = now
        self._samples = samples
        self._totals = totals

    def since(self, before: PaperSnapshot) -> Samples:
        rows = np.zeros(len(self._samples), SAMPLE)
        for at, (id, values) in enumerate(sorted(self._samples.items())):
            for name, value in {"transport": id, **values}.items():
                rows[name][at] = value
        return rows

    def streams(self, transport: int) -> list[StreamTotals]:
        return [self._totals[transport]] if transport in self._totals else []


class PaperPlane:
    """Its clock is that of the watch."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.samples: dict[int, dict[str, Any]] = {}
        self.totals: dict[int, StreamTotals] = {}
        self.timers: list[tuple[float, Any]] = []
        self.on_stir: Any = None

    def snapshot(self) -> Any:
        return PaperSnapshot(self.time, dict(self.samples), dict(self.totals))

    def now(self) -> float:
        return self.time

    def unix_ms(self) -> int:
        return round(self.time * 1000)

    def call_at(self, when: float, callback: Any) -> Any:
        timer = (when, callback)
        self.timers.append(timer)
        return SimpleNamespace(cancel=lambda: self.timers.remove(timer))


class PaperRoom:
    def __init__(self, state: LessonState) -> None:
        self.lesson = Lesson(LessonId("demo"), "Optics", state=state)
        self.posted: list[Any] = []

    def post(self, command: Any) -> bool:
        self.posted.append(command)
        return True


@dataclass
class PaperParticipant:
    id: str
    room: Any
    role: Role = Role.STUDENT
    uplink: Any = None
    downlink: Any = None
    sends: bool = False
    frozen: float = 0.0
    frozen_ever_ms: int = 0
    told: list[Finding] = field(default_factory=list)
    asked: int = 0

    @property
    def person_id(self) -> PersonId:
        return PersonId(f"person-{self.id}")

    def lines(self, now: float) -> tuple[Any, Any, bool, float, int]:
        self.asked += 1
        return self.uplink, self.downlink, self.sends, self.frozen, self.frozen_ever_ms

    def quality(self, found: Finding) -> None:
        self.told.append(found)


def transport(id: int, state: StreamState = StreamState.OK) -> Any:
    return SimpleNamespace(id=id, downlink=SimpleNamespace(state=state))


class House:
    def __init__(self, state: LessonState = LessonState.LIVE) -> None:
        self.plane = PaperPlane()
        self.room = PaperRoom(state)
        self.people: list[PaperParticipant] = []
        self.facts: list[Fact] = []
        self.registry = PublicationRegistry()
        self.watch = QualityWatch(
            self.plane, self.registry, lambda: self.people, self.facts.append, clock=self.plane
        )

    def viewer(self, id: int, **options: Any) -> PaperParticipant:
        state = options.pop("state", StreamState.OK)
        person = PaperParticipant(str(id), self.room, downlink=transport(id, state), **options)
        self.people.append(person)
        self.plane.samples[id] = GOOD
        return person

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.plane.time += 1.0
            self.watch.look()

    def next_look(self) -> None:
        """By its timer."""
        ((when, callback),) = self.plane.timers
        self.plane.timers.clear()
        self.plane.time = when
        callback()

    def periods_of(self, person: PaperParticipant) -> list[Period]:
        """All of it, when everybody goes."""
        self.watch.close()
        return [period for period in self.periods if period.person == person.person_id]

    @property
    def notes(self) -> list[QualityNoted]:
        return [fact for fact in self.facts if isinstance(fact, QualityNoted)]

    @property
    def periods(self) -> list[Period]:
        return [fact.period for fact in self.facts if isinstance(fact, QualityMeasured)]


@pytest.fixture
def house() -> House:
    return House()


def levels(person: PaperParticipant) -> list[str]:
    return [f"{found.level} {found.reason}".strip() for found in person.told]


def test_everybody_is_told_what_changed_and_the_room_for_the_wall(house: House) -> None:
    student = house.viewer(1)
    house.pass_seconds(10)
    assert levels(student) == ["good"]
    house.plane.samples[1] = LOSSY
    house.pass_seconds(10)
    assert levels(student) == ["good", "poor loss_down"]
    house.plane.samples[1] = GOOD
    house.pass_seconds(2 * round(BETTER_AFTER_S) + 10)
    assert student.told[-1].level is Quality.GOOD
    assert [command.quality for command in house.room.posted] == [found.level for found in student.told]
    assert all(isinstance(command, ReportQuality) for command in house.room.posted)
    assert house.watch.shown("demo") == {"person-1": Finding(Quality.GOOD)}
    assert house.watch.shown("other") == {}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"state": StreamState.REDUCED}, "fair bandwidth"),
        ({"state": StreamState.PAUSED}, "poor bandwidth"),
        ({"frozen": 1.0}, "fair frozen"),
    ],
)
def test_what_the_allocator_and_the_page_know(house: House, options: dict[str, Any], told: str) -> None:
    student = house.viewer(1, **options)
    house.pass_seconds(5)
    assert levels(student) == [told]


def test_the_worse_of_both_lines_counts(house: House) -> None:
    tutor = house.viewer(1, uplink=transport(2), sends=True, role=Role.TUTOR)
    house.plane.samples[2] = {"received": 100, "lost_up": 0.05}
    house.pass_seconds(8)
    assert levels(tutor)[-1] == "fair loss_up"
    house.plane.samples[2] = {"received": 0}
    house.pass_seconds(8)
    assert levels(tutor)[-1] == "poor interrupted"


def test_a_supervisor_is_told_and_leaves_no_trace(house: House) -> None:
    supervisor = house.viewer(1, role=Role.SUPERVISOR)
    house.pass_seconds(2 * PERIOD_S)
    house.watch.close()
    assert levels(supervisor) == ["good"]
    assert (house.room.posted, house.facts, house.watch.shown("demo")) == ([], [], {})


def test_who_has_no_line_yet_is_not_judged(house: House) -> None:
    house.people.append(PaperParticipant("9", house.room))
    house.pass_seconds(5)
    assert house.watch.counts() == {"good": 0, "fair": 0, "poor": 0, "unknown": 1}
    house.watch.close()
    assert house.facts == []


def test_every_second_is_on_record(house: House) -> None:
    house.viewer(1)
    looks = 3 * PERIOD_S + 7
    # The first look has nothing to compare with.
    house.pass_seconds(1 + looks)
    house.people.clear()
    house.pass_seconds(1)
    periods = house.periods
    assert sum(len(period.seconds) for period in periods) == looks
    assert max(len(period.seconds) for period in periods) == PERIOD_S
    ends = [period.started_ms + 1000 * len(period.seconds) for period in periods]
    assert ends[:-1] == [period.started_ms for period in periods[1:]]
    second = periods[0].seconds[0]
    assert (second.down_kbps, second.round_trip_ms, second.layer) == (1507, 29, 2)  # to 2.5 %
    assert second.reason is QualityReason.NONE
    assert (second.wanted, second.frozen) == (2, 0)


def test_a_layer_below_the_wanted_one_is_on_record(house: House) -> None:
    viewer = house.viewer(1)
    house.plane.samples[1] = GOOD | {"layer": 0}
    house.pass_seconds(3)
    (period,) = house.periods_of(viewer)
    assert {(second.layer, second.wanted) for second in period.seconds} == {(0, 2)}


@pytest.mark.parametrize(
    ("stalled", "told_ms", "on_record"),
    [
        # The page alone saw it: as many seconds as it told of.
        ([0, 0, 0, 0, 0, 0], 2500, [0, 0, 1, 1, 1, 0]),
        ([0, 0, 0, 0, 0, 0], 300, [0, 0, 1, 0, 0, 0]),
        # Both did: once.
        ([1, 1, 0, 0, 0, 0], 2400, [1, 1, 0, 0, 0, 0]),
        ([1, 0, 0, 0, 0, 0], 4000, [1, 0, 1, 1, 1, 0]),
        # The server alone.
        ([0, 2, 1, 0, 0, 0], 0, [0, 2, 1, 0, 0, 0]),
    ],
)
def test_pictures_that_stood_still_are_on_record_once(
    house: House, stalled: list[int], told_ms: int, on_record: list[int]
) -> None:
    """The page tells in the third second."""
    viewer = house.viewer(1)
    house.pass_seconds(1)
    for number, each in enumerate(stalled):
        house.plane.samples[1] = GOOD | {"stalled": each}
        if number == 2:
            viewer.frozen_ever_ms = told_ms
            house.plane.on_stir(1)
        house.pass_seconds(1)
    (period,) = house.periods_of(viewer)
    assert [second.frozen for second in period.seconds] == on_record


def test_who_did_not_stir_is_not_asked_again(house: House) -> None:
    quiet, stirring = house.viewer(1), house.viewer(2)
    house.pass_seconds(5)
    assert (quiet.asked, stirring.asked) == (1, 1)
    stirring.downlink.downlink.state = StreamState.REDUCED
    house.plane.on_stir(2)
    house.pass_seconds(5)
    assert (quiet.asked, stirring.asked) == (1, 2)
    assert (levels(quiet), levels(stirring)) == (["good"], ["good", "fair bandwidth"])


def test_whose_pictures_stood_still_is_asked_until_that_is_too_long_ago(house: House) -> None:
    viewer = house.viewer(1, frozen=1.0)
    house.pass_seconds(5)
    viewer.frozen = 0.0
    house.pass_seconds(1)
    assert viewer.asked == 6
    house.pass_seconds(round(BETTER_AFTER_S) + 1)
    assert (viewer.asked, levels(viewer)) == (6, ["fair frozen", "good"])


def test_a_connection_that_nobody_knew_may_be_anybodys(house: House) -> None:
    tutor = house.viewer(1)
    house.pass_seconds(3)
    tutor.uplink, tutor.sends = transport(2), True
    house.plane.on_stir(2)
    house.plane.samples[2] = {"received": 0}
    house.pass_seconds(8)
    assert levels(tutor)[-1] == "poor interrupted"


def test_a_lesson_that_goes_live_is_on_record_from_then_on() -> None:
    house = House(LessonState.OPEN)
    house.viewer(1)
    house.pass_seconds(5)
    house.room.lesson = replace(house.room.lesson, state=LessonState.LIVE)
    house.pass_seconds(3)
    house.watch.close()
    (period,) = house.periods
    assert len(period.seconds) == 3


def test_who_moves_up_in_the_rows_is_still_found(house: House) -> None:
    leaving, staying = house.viewer(1), house.viewer(2)
    house.pass_seconds(3)
    house.people.remove(leaving)
    house.pass_seconds(1)
    staying.downlink.downlink.state = StreamState.PAUSED
    house.plane.on_stir(2)
    house.pass_seconds(3)
    assert levels(staying)[-1] == "poor bandwidth"


def test_rows_of_many_fall_due_a_part_at_a_time(house: House) -> None:
    for id in range(1, 2 * PERIOD_S + 1):
        house.viewer(id)
    house.pass_seconds(1 + PERIOD_S)
    before = len(house.periods)
    written = []
    for _ in range(PERIOD_S):
        house.pass_seconds(1)
        written.append(len(house.periods) - before)
        before = len(house.periods)
    share = 2 * SLOT_S
    assert sorted(written) == [0] * (PERIOD_S - PERIOD_S // SLOT_S) + [share] * (PERIOD_S // SLOT_S)


def test_every_second_of_everybody_is_noted_soon(house: House) -> None:
    first = house.viewer(1)
    house.viewer(2, role=Role.SUPERVISOR)
    silent = house.viewer(3)
    house.pass_seconds(4)
    assert [(note.lesson_id, note.at_ms) for note in house.notes] == [("demo", 1001_000), ("demo", 1002_000)]
    assert {note.people for note in house.notes} == {(first.person_id, silent.person_id)}
    del house.plane.samples[3]
    house.pass_seconds(2)
    (*_, note) = house.notes
    assert (len(note.packed), note.packed[SECOND_BYTES]) == (2 * SECOND_BYTES, UNKNOWN)
    assert note.packed[:SECOND_BYTES] == pack(columns(house.periods_of(first)[0].seconds[:1])).tobytes()


@pytest.mark.parametrize("state", [LessonState.OPEN, LessonState.ENDED])
def test_only_a_live_lesson_is_on_record(state: LessonState) -> None:
    house = House(state)
    student = house.viewer(1)
    house.pass_seconds(2 * PERIOD_S)
    assert levels(student) == ["good"]
    assert house.facts == []


def totals(packets: int, size: int, **values: Any) -> StreamTotals:
    """Of subscription 5 to publication 7."""
    rest = {
        "repaired": 0,
        "nacks": 0,
        "plis": 0,
        "keyframes": 0,
        "shed": 0,
        "stalls": 0,
        "first_s": 0.12,
        "lost": 0.0,
    } | values
    known = {"outgoing": True, "video": True, "paused": False, "layer": 1, "wanted": 2, "expected": 0}
    return StreamTotals(
        **{"id": 5, "publication": 7, "packets": packets, "bytes": size, "jitter_s": 0.004} | known,
        **{"round_trip_s": 0.05} | rest,
    )


def test_streams_of_a_period_are_told_by_person_and_source(house: House) -> None:
    media: Any = SimpleNamespace(id=7)
    house.registry.add("demo", "master", "camera", media)
    house.viewer(1)
    house.plane.totals[1] = totals(100, 100_000)
    while not house.periods:
        house.pass_seconds(1)
    house.plane.totals[1] = totals(400, 100_000 + PERIOD_S * 125_000, repaired=9, shed=2, stalls=3, lost=0.25)
    house.pass_seconds(PERIOD_S)
    _, period = house.periods
    (stream,) = period.streams
    assert (stream.person, stream.source, stream.sent) == ("master", "camera", True)
    assert (stream.kbps, stream.repaired, stream.left_out, stream.lost) == (1000, 9, 2, 0.25)
    assert (stream.frozen_s, stream.first_ms) == (3, 120)
    assert (stream.layer, stream.wanted, stream.round_trip_ms, stream.jitter_ms) == (1, 2, 50, 4)


@pytest.mark.parametrize("lingers", [False, True])
def test_who_went_has_the_streams_of_the_last_look_on_record(house: House, lingers: bool) -> None:
    media: Any = SimpleNamespace(id=7)
    camera = house.registry.add("demo", "master", "camera", media)
    student = house.viewer(1)
    house.plane.totals[1] = totals(100, 100_000)
    house.pass_seconds(3)
    house.registry.remove(camera)
    house.plane.totals.clear()
    house.plane.samples.clear()
    if lingers:
        house.pass_seconds(3)
    student.downlink = None
    house.people.clear()
    house.pass_seconds(1)
    (period,) = house.periods
    assert [stream.source for stream in period.streams] == ["camera"]
    assert len(period.seconds) == 2


def test_a_mistake_of_ours_costs_one_look(house: House, caplog: pytest.LogCaptureFixture) -> None:
    student = house.viewer(1)
    house.watch.start()
    for _ in range(6):
        if house.plane.timers[0][0] == 1002.0:
            house.plane.samples[1] = {"nonsense": 1}
            house.next_look()
            house.plane.samples[1] = GOOD
        else:
            house.next_look()
    assert "a mistake of ours" in caplog.text
    assert levels(student) == ["good"]
    house.watch.close()
    assert house.plane.timers == []


def test_who_stirred_during_a_mistake_is_asked_at_the_next_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, stirring = house.viewer(1), house.viewer(2)
    house.watch.start()
    for _ in range(5):
        house.next_look()
    stirring.downlink.downlink.state = StreamState.REDUCED
    house.plane.on_stir(1)
    house.plane.on_stir(2)
    with monkeypatch.context() as patched:
        patched.setattr(odd, "lines", None)
        house.next_look()
    for _ in range(5):
        house.next_look()
    assert levels(stirring)[-1] == "fair bandwidth"
    house.watch.close()
