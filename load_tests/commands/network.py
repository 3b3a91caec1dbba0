"""Scenarios of the course network: supervisors, catalogue, timetable, import, dashboard."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable
from typing import Final

from ..scenarios.catalogue import CatalogueOptions, catalogue
from ..scenarios.dashboard import DashboardOptions, dashboard
from ..scenarios.imports import ImportOptions, imports
from ..scenarios.supervision_wall import SupervisionWallOptions, supervision_wall
from ..scenarios.timetable import TimetableOptions, timetable
from ..target import Target
from .words import Found, Scenario, Scenarios, scenario, whole, with_database


def _supervision_wall(scenarios: Scenarios) -> None:
    words = "the supervisors' wall: processor and octets for pictures of so many live lessons"
    one = scenario(scenarios, "supervision-wall", words, Scenario(_run_supervision_wall, starts_servers=True))
    one.add_argument("--lessons", type=whole(1, 1_000), default=200, metavar="N")
    one.add_argument("--duration", type=whole(5, 60), default=30, metavar="SECONDS")


def _run_supervision_wall(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return supervision_wall(SupervisionWallOptions(options.lessons, float(options.duration)))


def _catalogue(scenarios: Scenarios) -> None:
    words = "searches and enrolments in a catalogue with many lessons, by HTTP"
    one = scenario(scenarios, "catalogue", words, Scenario(_run_catalogue, starts_servers=True))
    one.add_argument("--lessons", type=whole(10, 1_000_000), default=100_000, metavar="N")
    one.add_argument("--enrolments", type=whole(0, 10_000_000), default=1_000_000, metavar="N")
    one.add_argument("--rounds", type=whole(1, 1_000), default=40, metavar="N")
    one.add_argument("--storm", type=whole(1, 5_000), default=500, metavar="N")
    with_database(one)


def _run_catalogue(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return catalogue(
        CatalogueOptions(options.lessons, options.enrolments, options.database, options.rounds, options.storm)
    )


def _timetable(scenarios: Scenarios) -> None:
    words = "all lessons of a district's day cancelled in one action, and restored, by HTTP"
    one = scenario(scenarios, "timetable", words, Scenario(_run_timetable, starts_servers=True))
    one.add_argument("--schools", type=int, default=1_000, help="of the district")
    one.add_argument("--lessons", type=int, default=2_000, help="of the day")
    with_database(one)


def _run_timetable(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return timetable(TimetableOptions(options.schools, options.lessons, options.database))


def _import(scenarios: Scenarios) -> None:
    words = "people of a district from a CSV file, looked at and taken: how long, and what waits meanwhile"
    one = scenario(scenarios, "import", words, Scenario(_run_import, starts_servers=True))
    one.add_argument("--rows", type=whole(1, 200_000), default=200_000, metavar="N")
    one.add_argument("--encoding", choices=["utf-8", "gb18030", "utf-16"], default="gb18030")
    with_database(one)


def _run_import(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return imports(ImportOptions(options.rows, options.encoding, options.database))


def _dashboard(scenarios: Scenarios) -> None:
    words = "the organizers' dashboard over many schools and lessons a day, by HTTP"
    one = scenario(scenarios, "dashboard", words, Scenario(_run_dashboard, starts_servers=True))
    one.add_argument("--schools", type=whole(10, 10_000), default=1_000, metavar="N")
    one.add_argument("--lessons", type=whole(10, 5_000), default=2_000, metavar="N", help="a day")
    one.add_argument("--days", type=whole(2, 100), default=30, metavar="N")
    one.add_argument("--rounds", type=whole(1, 1_000), default=60, metavar="N")
    with_database(one)


def _run_dashboard(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return dashboard(
        DashboardOptions(options.schools, options.lessons, options.days, options.rounds, options.database)
    )


SCENARIOS: Final = (
    _supervision_wall,
    _catalogue,
    _import,
    _timetable,
    _dashboard,
)
