"""Scenarios of large lessons: phases, the roster, the pointer, coming back."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

from signaling.auth import Tokens

from .. import seed
from ..large_lesson import LargeLesson
from ..scenarios.phase_change import PhaseOptions, phase_change
from ..scenarios.pointer import PointerOptions, pointer
from ..scenarios.reconnect import ReconnectOptions, reconnect
from ..scenarios.roster import RosterOptions, roster
from ..server import ServerProcess
from ..target import Target
from ..tokens import issuer
from ..websocket import WebSocketDoor
from .words import (
    MAX_SUBSCRIBERS,
    Found,
    Scenario,
    Scenarios,
    scenario,
    whole,
    with_duration,
)


def _phase_change(scenarios: Scenarios) -> None:
    words = "a lesson of many classes goes through its phases: what a change costs, and what pupils notice"
    begin = Scenario(_run_phase_change, lambda options: seed.large(options.classes))
    one = scenario(scenarios, "phase-change", words, begin)
    _with_large_lesson(one)
    one.add_argument("--rounds", type=int, default=1, help="how often all changes are made (1)")


def _run_phase_change(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    return phase_change(PhaseOptions(lesson=_large_lesson(options), rounds=options.rounds), target)


def _roster(scenarios: Scenarios) -> None:
    words = "many join a lesson within half a minute: what letting them in and telling the others costs"
    begin = Scenario(_run_roster, lambda options: seed.large(options.classes))
    one = scenario(scenarios, "roster", words, begin)
    _with_large_lesson(one)
    with_duration(one, 30)
    one.set_defaults(attending=MAX_SUBSCRIBERS)


def _run_roster(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    return roster(RosterOptions(lesson=_large_lesson(options), duration_s=options.duration), target)


def _pointer(scenarios: Scenarios) -> None:
    words = "the master points at a picture before many: what it costs to show them where"
    begin = Scenario(_run_pointer, lambda options: seed.large(options.classes))
    one = scenario(scenarios, "pointer", words, begin)
    _with_large_lesson(one)
    with_duration(one, 10)
    one.add_argument("--moves", type=whole(1, 100), default=25, metavar="PER_SECOND")
    one.set_defaults(attending=MAX_SUBSCRIBERS)


def _run_pointer(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = PointerOptions(_large_lesson(options), options.moves, options.duration)
    return pointer(wanted, target)


def _reconnect(scenarios: Scenarios) -> None:
    words = "everybody of a large lesson comes back after its server was restarted"
    one = scenario(scenarios, "reconnect-storm", words, Scenario(_run_reconnect, starts_servers=True))
    _with_large_lesson(one)
    one.add_argument("--crash", action="store_true", help="the server is killed, and says no good-bye")
    one.set_defaults(attending=500)


async def _run_reconnect(options: argparse.Namespace, _target: Target) -> Found:
    wanted = ReconnectOptions(lesson=_large_lesson(options), crash=options.crash)
    with tempfile.TemporaryDirectory(prefix="tongke-") as directory:
        data = Path(directory)
        await seed.seed(data, seed.large(options.classes))
        async with ServerProcess(data=data, arguments=options.serve.split()) as server:
            token = issuer(Tokens.open(data), options.lesson)
            target = Target(server.url, server.pid, token, WebSocketDoor, data=data)
            return await reconnect(wanted, target, server)


def _with_large_lesson(one: argparse.ArgumentParser) -> None:
    one.add_argument("--classes", type=whole(1, 200), default=40, metavar="N")
    one.add_argument("--pupils", type=whole(1, MAX_SUBSCRIBERS), default=1_000, metavar="N")
    attending = "so many of the pupils by signaling alone, without media"
    one.add_argument("--attending", type=whole(0, MAX_SUBSCRIBERS), default=0, metavar="N", help=attending)
    one.set_defaults(way="websocket")


def _large_lesson(options: argparse.Namespace) -> LargeLesson:
    attending = min(options.attending, options.pupils)
    return LargeLesson(classes=options.classes, pupils=options.pupils, attending=attending)


SCENARIOS: Final = (
    _phase_change,
    _roster,
    _pointer,
    _reconnect,
)
