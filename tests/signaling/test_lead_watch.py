"""Whose media still come: every way in which a master's line can fall silent, and come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from classroom.commands import ReportLead
from classroom.model import LessonState, MasterState, Role
from signaling.lead_watch import LOOK_S, REST_S, SILENT_S, LeadWatch


class Clock:
    """Implements classroom.clock.Clock; moves when told."""

    def __init__(self) -> None:
        self.time = 100.0
        self.last_due = 0.0
        self.due: list[Callable[[], None]] = []

    def now(self) -> float:
        return self.time

    def unix_ms(self) -> int:
        return 0

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        self.last_due = when
        self.due.append(callback)
        return SimpleNamespace(cancel=lambda: self.due.remove(callback))


@dataclass
class Room:
    state: LessonState = LessonState.LIVE
    master: MasterState = MasterState.HERE
    told: list[ReportLead] = field(default_factory=list)

    @property
    def lesson(self) -> Any:
        return SimpleNamespace(state=self.state, master=self.master)

    def misses(self, _person: str) -> bool:
        return self.master is MasterState.LOST

    def post(self, command: ReportLead) -> bool:
        self.told.append(command)
        return True


@dataclass
class Leader:
    room: Any
    id: str = "s1"
    role: Role = Role.MASTER
    uplink: Any = None
    sends: bool = True
    connected: bool = True
    person_id: str = "m"

    def lines(self, _now: float) -> tuple[Any, None, bool, float]:
        return self.uplink, None, self.sends, 0.0


class Bench:
    """One leader on transport 7, and a media plane that counts what comes on it."""

    def __init__(self) -> None:
        self.clock, self.room = Clock(), Room()
        self.leader = Leader(self.room, uplink=SimpleNamespace(id=7))
        self.packets = {7: 10, 8: 0}
        self.asked = 0
        self.leaders: list[Any] = [self.leader]
        self.watch = LeadWatch(self, lambda: self.leaders, self.clock)

    def packets_received(self, transport: Any) -> int:
        self.asked += 1
        return self.packets[transport.id]

    def run(self, seconds: float, *, flowing: bool = True) -> list[bool]:
        """What the room was told meanwhile."""
        before = len(self.room.told)
        for _ in range(round(seconds / LOOK_S)):
            self.clock.time += LOOK_S
            if flowing:
                self.packets = {transport: count + 10 for transport, count in self.packets.items()}
            self.watch.look()
        return [report.flowing for report in self.room.told[before:]]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_as_long_as_media_come_nothing_is_said(bench: Bench) -> None:
    assert bench.run(60) == []
    bench.leader.connected = False
    assert bench.run(60) == [], "a WebSocket that broke costs nothing while media flow on"


def test_silence_is_told_once_with_its_length_and_its_end_too(bench: Bench) -> None:
    bench.run(5)
    assert bench.run(5, flowing=False) == [False]
    silent = bench.room.told[-1]
    assert silent.person == "m"
    assert SILENT_S <= silent.silent_s <= SILENT_S + LOOK_S
    assert bench.run(5) == [True]


def test_a_short_gap_is_none(bench: Bench) -> None:
    bench.run(1)
    assert bench.run(0.4, flowing=False) == []
    assert bench.run(1) == []


def test_who_has_muted_everything_is_there_while_connected(bench: Bench) -> None:
    bench.run(1)
    bench.leader.sends = False
    assert bench.run(60, flowing=False) == []
    bench.leader.connected = False
    assert bench.run(1, flowing=False) == [False]
    bench.leader.connected = True
    assert bench.run(1, flowing=False) == [True]


def test_a_connection_that_is_only_being_made_is_not_silence(bench: Bench) -> None:
    bench.packets[7] = 0
    assert bench.run(10, flowing=False) == []
    assert bench.run(1) == []
    assert bench.run(1, flowing=False) == [False]


def test_a_connection_that_failed_and_went_is_silence_until_the_next_brings_media(bench: Bench) -> None:
    bench.run(1)
    bench.leader.connected = False
    assert bench.run(1, flowing=False) == [False]
    bench.leader.uplink = None
    assert bench.run(60, flowing=False) == [], "nothing new"
    bench.leader.uplink = SimpleNamespace(id=8)
    assert bench.run(1) == [True]


def test_a_websocket_alone_does_not_bring_back_what_is_missed(bench: Bench) -> None:
    """The page is back, resumed, and sends nothing yet, or on a connection that does not stand yet."""
    bench.run(1)
    bench.leader.connected = False
    assert bench.run(1, flowing=False) == [False]
    bench.leader.connected, bench.leader.uplink, bench.leader.sends = True, None, False
    assert bench.run(5, flowing=False) == []
    bench.leader.uplink, bench.leader.sends, bench.packets[8] = SimpleNamespace(id=8), True, 0
    assert bench.run(5, flowing=False) == [], "a connection that is being made"
    assert bench.run(1) == [True]


def test_a_master_who_comes_back_and_mutes_everything_is_back(bench: Bench) -> None:
    bench.run(1)
    assert bench.run(1, flowing=False) == [False]
    bench.leader.sends = False
    assert bench.run(1, flowing=False) == [True]


def test_of_a_new_line_the_first_media_are_told_to_who_waits_for_them(bench: Bench) -> None:
    bench.room.master = MasterState.LOST
    bench.packets[7] = 0
    assert bench.run(3, flowing=False) == []
    assert bench.run(3) == [True], "once"


def test_the_media_plane_is_asked_of_who_sends_in_a_live_lesson_only(bench: Bench) -> None:
    bench.leader.sends = False
    bench.run(2)
    bench.leader.sends, bench.leader.uplink = True, None
    bench.run(2)
    bench.leaders.append(Leader(bench.room, "s2", Role.STUDENT, SimpleNamespace(id=8)))
    bench.run(2)
    assert bench.asked == 0


def test_while_nobody_leads_it_looks_once_a_second(bench: Bench) -> None:
    bench.leaders.clear()
    bench.watch.start()
    for leaders, pause_s in (([], REST_S), ([bench.leader], LOOK_S), ([], REST_S)):
        bench.leaders[:] = leaders
        bench.clock.due.pop()()
        assert bench.clock.last_due == bench.clock.time + pause_s
    bench.watch.close()


def test_before_the_lesson_is_live_nobody_is_missed_and_pupils_never_are(bench: Bench) -> None:
    bench.room.state = LessonState.OPEN
    bench.leaders.append(Leader(bench.room, "s2", Role.STUDENT, SimpleNamespace(id=8)))
    assert bench.run(10, flowing=False) == []
    bench.leader.room = None
    bench.room.state = LessonState.LIVE
    assert bench.run(10, flowing=False) == []


def test_an_encoder_leads_too(bench: Bench) -> None:
    bench.leader.role = Role.ENCODER
    bench.run(1)
    assert bench.run(1, flowing=False) == [False]


def test_it_looks_by_its_own_timer_and_a_mistake_costs_one_look(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.watch.start()
    bench.leaders.append(None)
    bench.clock.due.pop()()
    assert "mistake of ours" in caplog.text
    bench.leaders.pop()
    bench.clock.due.pop()()
    bench.watch.close()
    assert bench.clock.due == []
    bench.watch.close()
