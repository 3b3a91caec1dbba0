"""Scenarios of the media plane: what it costs, and what reaches whom."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable
from typing import Final

from .. import seed
from ..scenarios.compare import compare
from ..scenarios.discussion import MAX_MEMBERS, DiscussionOptions, discussion
from ..scenarios.district import DistrictOptions, district
from ..scenarios.idle import IdleOptions, idle
from ..scenarios.impaired import ImpairedOptions, impaired
from ..scenarios.lecture import LectureOptions, lecture
from ..scenarios.scaling import scaling
from ..scenarios.soak import SoakOptions, soak
from ..scenarios.storm import StormOptions, storm
from ..scenarios.wall import WallOptions, wall
from ..target import Target
from .words import (
    MAX_DURATION_S,
    MAX_SUBSCRIBERS,
    Found,
    Scenario,
    Scenarios,
    camera,
    scenario,
    whole,
    with_camera,
    with_crowd,
    with_duration,
    with_joins,
)


def _lecture(scenarios: Scenarios) -> None:
    words = "one publisher (720p30 H.264 and Opus), N subscribers"
    one = scenario(scenarios, "lecture", words, Scenario(_run_lecture))
    with_crowd(one, subscribers=200, duration_s=20)
    with_camera(one)


def _run_lecture(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    return lecture(_lecture_options(options), target)


def _lecture_options(options: argparse.Namespace) -> LectureOptions:
    return LectureOptions(
        subscribers=options.subscribers,
        duration_s=options.duration,
        joins_per_second=options.joins_per_second,
        lesson=options.lesson,
        camera=camera(options),
    )


def _join_storm(scenarios: Scenarios) -> None:
    words = "many join at once while a few watch: when all of them have media"
    _storm(scenarios, "join-storm", words, watching=20, joining=500)


def _latency(scenarios: Scenarios) -> None:
    words = "delay added to packets, calm and while more join at once"
    _storm(scenarios, "latency", words, watching=200, joining=50)


def _storm(scenarios: Scenarios, name: str, words: str, watching: int, joining: int) -> None:
    one = scenario(scenarios, name, words, Scenario(_run_storm))
    with_crowd(one, subscribers=watching, duration_s=10)
    one.add_argument(
        "--joining", type=whole(1, MAX_SUBSCRIBERS), default=joining, metavar="N", help="at once"
    )
    with_camera(one)


def _run_storm(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = StormOptions(
        scenario=options.scenario,
        watching=options.subscribers,
        joining=options.joining,
        duration_s=options.duration,
        joins_per_second=options.joins_per_second,
        lesson=options.lesson,
        camera=camera(options),
    )
    return storm(wanted, target)


def _discussion(scenarios: Scenarios) -> None:
    words = "everybody sends sound and a small picture, everybody gets everybody"
    begin = Scenario(_run_discussion, lambda _options: seed.discussion())
    one = scenario(scenarios, "discussion", words, begin)
    one.add_argument("--members", type=whole(2, MAX_MEMBERS), default=24, metavar="N")
    one.add_argument(
        "--speakers", type=whole(0, 1_000), default=0, metavar="N", help="more people, who only speak"
    )
    with_duration(one, 15)
    one.set_defaults(way="websocket")


def _run_discussion(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = DiscussionOptions(
        members=options.members, speakers=options.speakers, duration_s=options.duration
    )
    return discussion(wanted, target)


def _wall(scenarios: Scenarios) -> None:
    words = "a supervisor who watches many lessons at the same time"
    begin = Scenario(_run_wall, lambda options: seed.wall(options.lessons))
    one = scenario(scenarios, "wall", words, begin)
    one.add_argument("--lessons", type=whole(1, 200), default=50, metavar="N")
    with_duration(one, 15)
    one.set_defaults(way="websocket")


def _run_wall(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    return wall(WallOptions(lessons=options.lessons, duration_s=options.duration), target)


def _district(scenarios: Scenarios) -> None:
    words = "many lessons at the same time, each recorded, each with a few classrooms"
    begin = Scenario(_run_district, lambda options: seed.district(options.lessons, options.classrooms))
    one = scenario(scenarios, "district", words, begin)
    one.add_argument("--lessons", type=whole(1, 200), default=30, metavar="N")
    one.add_argument("--classrooms", type=whole(1, 200), default=10, metavar="N", help="of each lesson")
    with_duration(one, 15)
    with_joins(one, 20)
    with_camera(one)


def _run_district(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = DistrictOptions(
        lessons=options.lessons,
        classrooms=options.classrooms,
        duration_s=options.duration,
        joins_per_second=options.joins_per_second,
        camera=camera(options),
    )
    return district(wanted, target)


def _impaired(scenarios: Scenarios) -> None:
    words = "each of many viewers behind a link with its own limit, delay and loss"
    one = scenario(scenarios, "impaired", words, Scenario(_run_impaired))
    one.add_argument("--viewers", type=whole(1, 100), default=20, metavar="N")
    one.add_argument("--duration", type=whole(3, MAX_DURATION_S), default=45, metavar="SECONDS")
    one.add_argument("--seed", type=whole(0, 1 << 31), default=1, metavar="N")


def _run_impaired(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = ImpairedOptions(
        viewers=options.viewers, duration_s=options.duration, seed=options.seed, lesson=options.lesson
    )
    return impaired(wanted, target)


def _soak(scenarios: Scenarios) -> None:
    words = "join and leave by UDP, TCP, WebSocket and WHIP, and what is left of it"
    one = scenario(scenarios, "soak", words, Scenario(_run_soak))
    one.add_argument("--cycles", type=whole(1, 100_000), default=400, metavar="N")
    one.add_argument("--duration", type=whole(1, 24 * 3_600), default=120, metavar="SECONDS", help="at most")
    one.add_argument("--at-once", type=whole(1, 100), default=8, metavar="N")
    gone = "each N-th goes without a word, and the server finds out by its time-outs (see --serve)"
    one.add_argument("--vanish-every", type=whole(0, 1_000), default=0, metavar="N", help=gone)


def _run_soak(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = SoakOptions(
        cycles=options.cycles,
        duration_s=options.duration,
        at_once=options.at_once,
        vanish_every=options.vanish_every,
        lesson=options.lesson,
    )
    return soak(wanted, target)


def _idle(scenarios: Scenarios) -> None:
    words = "what a subscribed but silent participant costs"
    one = scenario(scenarios, "idle", words, Scenario(_run_idle))
    with_crowd(one, subscribers=200, duration_s=20)
    with_camera(one)


def _run_idle(options: argparse.Namespace, target: Target) -> Awaitable[Found]:
    wanted = IdleOptions(
        subscribers=options.subscribers,
        duration_s=options.duration,
        joins_per_second=options.joins_per_second,
        lesson=options.lesson,
        camera=camera(options),
    )
    return idle(wanted, target)


def _scaling(scenarios: Scenarios) -> None:
    words = "the lecture with one number of subscribers after the other: cost per packet"
    one = scenario(scenarios, "scaling", words, Scenario(_run_scaling, starts_servers=True))
    one.add_argument("--numbers", type=_numbers, default=[10, 50, 100, 200, 400], metavar="N,N,...")
    with_duration(one, 15)
    with_joins(one, 40)
    with_camera(one)


def _numbers(word: str) -> list[int]:
    number = whole(1, MAX_SUBSCRIBERS)
    return [number(part) for part in word.split(",")]


def _run_scaling(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    options.subscribers = max(options.numbers)
    return scaling(_lecture_options(options), options.numbers, options.serve.split())


def _compare(scenarios: Scenarios) -> None:
    words = "another server beside ours: the same load, one after the other, in a network of their own (root)"
    begin = Scenario(_run_compare, starts_servers=True, own_network=True)
    one = scenario(scenarios, "compare", words, begin)
    one.add_argument("--peer", choices=["janus"], required=True, help="Debian's package of that name")
    with_crowd(one, subscribers=200, duration_s=20)
    with_camera(one)


def _run_compare(options: argparse.Namespace, _target: Target) -> Awaitable[Found]:
    return compare(_lecture_options(options), options.peer, options.host, options.serve.split())


SCENARIOS: Final = (
    _lecture,
    _join_storm,
    _latency,
    _discussion,
    _wall,
    _district,
    _impaired,
    _soak,
    _idle,
    _scaling,
    _compare,
)
