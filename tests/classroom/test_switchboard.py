from __future__ import annotations

import logging
from typing import Any

import pytest

from classroom.events import Dismissed, HandsChanged, LeaveCause
from classroom.floor import Plan, Priority, Route
from classroom.model import PersonId, Publication, Source
from classroom.switchboard import Line, Switchboard

EVENT = Dismissed(LeaveCause.SERVER)
ROUTES = (Route(PersonId("m"), Source("camera"), Publication("p"), Priority.CAMERA),)


def test_events_wait_until_they_are_released(school: Any, new_member: Any) -> None:
    line = Line(school.master, member := new_member())
    line.deliver(EVENT)
    assert member.events == []
    line.release_events()
    line.deliver(HandsChanged(()))
    assert member.events == [EVENT, HandsChanged(())]


def test_routes_are_told_when_they_change(school: Any, new_member: Any) -> None:
    line = Line(school.master, member := new_member())
    line.route(Plan(ROUTES, ()))
    assert member.routings == []
    line.release_routes()
    line.route(Plan(tuple(ROUTES), ()))
    line.route(Plan((), ROUTES))
    line.route(Plan((), ROUTES))
    assert member.routings == [ROUTES, ()]
    assert member.standby == ROUTES


def test_who_receives_nothing_at_first_is_not_told_so(school: Any, new_member: Any) -> None:
    line = Line(school.master, member := new_member())
    line.release_routes()
    assert member.routings == []


def test_an_event_is_made_once_for_all_who_hear_the_same(school: Any, new_member: Any) -> None:
    board, made = Switchboard(), []
    members = {}
    for person in school.people:
        line = Line(person, new_member())
        line.release_events()
        board.connect(line)
        members[person.id] = line.member

    def event_for(viewer: Any) -> HandsChanged | None:
        made.append(viewer)
        return HandsChanged(()) if viewer.class_id == "home" else None

    board.broadcast(event_for)
    assert len(made) == len(set(made)) == 5
    assert {name for name, member in members.items() if member.events} == {"th", "sa", "sb"}


def test_a_member_that_fails_costs_the_others_nothing(
    school: Any, new_member: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def deliver(self, event: Any) -> None:
            raise RuntimeError("broken")

        def route(self, routes: Any) -> None:
            raise RuntimeError("broken")

        def prepare(self, standby: Any) -> None:
            raise RuntimeError("broken")

    board = Switchboard()
    for line in (Line(school.master, Broken()), Line(school.tutor_1, new_member())):
        line.release_routes()
        line.release_events()
        board.connect(line)
    with caplog.at_level(logging.ERROR):
        board.send(EVENT)
        for line in board:
            line.route(Plan(ROUTES, ()))
    good = board.get(school.tutor_1.id)
    assert good is not None and good.member.events == [EVENT] and good.member.routings == [ROUTES]
    assert caplog.text.count("member m failed") == 2


def test_to_who_is_not_connected_nothing_is_said(school: Any) -> None:
    Switchboard().deliver(school.master.id, EVENT)
