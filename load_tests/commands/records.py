"""Scenarios of what is recorded: the recorder, the library, and viewers by plain HTTP."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable
from typing import Final

from .. import seed
from ..media import Camera
from ..scenarios.audience import AudienceOptions, audience
from ..scenarios.library import LibraryOptions, library
from ..scenarios.long_lesson import LongOptions, long_lesson
from ..scenarios.proof import PUBLISHERS, ProofOptions, proof
from ..scenarios.recording import RecordingOptions, recording
from ..scenarios.replay import ReplayOptions, replay
from ..target import Target
from .words import MAX_DURATION_S, Found, Scenario, Scenarios, scenario, whole, with_database, with_duration


def _recording(scenarios: Scenarios) -> None:
    words = "many lessons recorded at the same time: what it costs, and whether anything is missing"
    begin = Scenario(_run_recording, lambda options: seed.recorded(options.lessons))
    one = scenario(scenarios, "recording", words, begin)
    one.add_argument("--lessons", type=whole(1, 200), default=50, metavar="N")
    with_duration(one, 20)
    one.add_argument("--bit-rate", type=whole(100_000, 20_000_000), default=1_500_000, metavar="BITS")


def _run_recording(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = RecordingOptions(
        lessons=options.lessons,
        duration_s=options.duration,
        camera=Camera(bits_per_second=options.bit_rate),
    )
    return recording(wanted, target)


def _proof(scenarios: Scenarios) -> None:
    words = "a lesson with loss, an outage, a killed recorder and a change of size: what its recording says"
    begin = Scenario(_run_proof, lambda options: seed.proven(_publishers(options)))
    one = scenario(scenarios, "proof", words, begin)
    one.add_argument("--publisher", choices=[*PUBLISHERS, "both"], default="both", help="who sends")
    one.add_argument("--duration", type=whole(20, MAX_DURATION_S), default=600, metavar="SECONDS")
    one.add_argument("--outage", type=whole(1, 600), default=20, metavar="SECONDS")
    one.add_argument("--loss", type=whole(0, 20), default=3, metavar="PERCENT")
    one.add_argument("--seed", type=whole(0, 1 << 31), default=1, metavar="N")


def _publishers(options: argparse.Namespace) -> tuple[str, ...]:
    return PUBLISHERS if options.publisher == "both" else (options.publisher,)


def _run_proof(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = ProofOptions(
        duration_s=options.duration,
        outage_s=options.outage,
        loss=options.loss / 100,
        publishers=_publishers(options),
        seed=options.seed,
    )
    return proof(wanted, target)


def _library(scenarios: Scenarios) -> None:
    words = "lists and searches of a library with many items, by HTTP"
    one = scenario(scenarios, "library", words, Scenario(_run_library, starts_servers=True))
    one.add_argument("--items", type=whole(1, 1_000_000), default=100_000, metavar="N")
    one.add_argument("--rounds", type=whole(1, 1_000), default=20, metavar="N")
    with_database(one)


def _run_library(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return library(LibraryOptions(options.items, options.database, options.rounds))


def _replay(scenarios: Scenarios) -> None:
    words = "how soon a recorded lesson of many hours plays, in Chromium and over HTTP"
    one = scenario(scenarios, "replay", words, Scenario(_run_replay, starts_servers=True))
    one.add_argument("--hours", type=whole(1, 24), default=8, metavar="N")


def _run_replay(options: argparse.Namespace, _: Target) -> Awaitable[Found]:
    return replay(ReplayOptions(hours=options.hours))


def _long_lesson(scenarios: Scenarios) -> None:
    words = "memory and playlists of a live lesson of many hours, on a clock of its own"
    one = scenario(scenarios, "long-lesson", words, Scenario(_run_long_lesson, starts_servers=True))
    one.add_argument("--hours", type=whole(1, 24), default=8, metavar="N")


def _run_long_lesson(options: argparse.Namespace, _: Target) -> Awaitable[Found]:
    return long_lesson(LongOptions(hours=options.hours))


def _audience(scenarios: Scenarios) -> None:
    words = "viewers of one live lesson by plain HTTP: what they cost the server, with and without nginx"
    one = scenario(scenarios, "audience", words, Scenario(_run_audience, starts_servers=True))
    one.add_argument("--viewers", type=whole(1, 5_000), default=1_000, metavar="N")
    with_duration(one, 20)
    one.add_argument("--nginx", action="store_true", help="the real nginx in front, as docs/nginx says")


def _run_audience(options: argparse.Namespace, _: Target) -> Awaitable[Found]:
    return audience(
        AudienceOptions(viewers=options.viewers, duration_s=options.duration, nginx=options.nginx)
    )


SCENARIOS: Final = (
    _recording,
    _proof,
    _library,
    _replay,
    _long_lesson,
    _audience,
)
