"""What the words of `python -m load_tests` have in common."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from classroom.model import Lesson

from ..figures import Report
from ..media import FRAGMENTATION, Camera
from ..report import LectureReport
from ..target import Target
from ..websocket import WebSocketDoor
from ..whip import WhipClient

MAX_SUBSCRIBERS = 5_000
"""File descriptors and ports of one machine; more bots need more machines."""
MAX_DURATION_S = 3_600
DOORS = {"whep": WhipClient, "websocket": WebSocketDoor}

Found = Report | LectureReport
Run = Callable[[argparse.Namespace, Target], Awaitable[Found]]
Scenarios: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a word of the command line stands for; kept in the parser's `begin`."""

    run: Run
    lessons: Callable[[argparse.Namespace], Sequence[Lesson]] = lambda _options: ()
    """What must be in the server's database before it starts: needs a server of its own."""
    starts_servers: bool = False
    """It starts what it measures; there is no target."""
    own_network: bool = False
    """It runs in a network namespace, whose address is then in the option `host`."""


def scenario(scenarios: Scenarios, name: str, words: str, begin: Scenario) -> argparse.ArgumentParser:
    """With the options that all have."""
    one = scenarios.add_parser(name, help=words, description=words)
    one.set_defaults(begin=begin)
    one.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    one.add_argument("--plot", type=Path, metavar="FILE", help="draw them there, as PNG")
    one.add_argument("--lesson", default="demo", metavar="ID")
    one.add_argument("--url", help="a server that runs already; needs --data")
    one.add_argument("--pid", type=int, help="its process id, if on this machine: for CPU and memory")
    one.add_argument("--data", type=Path, metavar="DIR", help="its data directory, with the signing key")
    one.add_argument("--serve", default="", metavar="OPTIONS", help="more options for `tongke serve`")
    return one


def with_camera(one: argparse.ArgumentParser) -> None:
    one.add_argument("--bit-rate", type=whole(400_000, 20_000_000), default=1_500_000, metavar="BITS")
    sizes = "packet sizes of a frame: as browsers make them (even), or as FFmpeg and GStreamer do (full)"
    one.add_argument("--fragments", choices=sorted(FRAGMENTATION), default="even", help=sizes)
    one.add_argument(
        "--way",
        choices=sorted(DOORS),
        default="whep",
        help="how subscribers come in (websocket: as pages do)",
    )


def with_crowd(one: argparse.ArgumentParser, subscribers: int, duration_s: int) -> None:
    one.add_argument("--subscribers", type=whole(1, MAX_SUBSCRIBERS), default=subscribers, metavar="N")
    with_duration(one, duration_s)
    with_joins(one, 20)


def with_duration(one: argparse.ArgumentParser, seconds: int) -> None:
    one.add_argument("--duration", type=whole(1, MAX_DURATION_S), default=seconds, metavar="SECONDS")


def with_joins(one: argparse.ArgumentParser, per_second: int) -> None:
    one.add_argument("--joins-per-second", type=whole(1, 1_000), default=per_second, metavar="N")


def with_database(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--database", default="", metavar="URL", help="an empty PostgreSQL database; else SQLite"
    )


def camera(options: argparse.Namespace) -> Camera:
    return Camera(bits_per_second=options.bit_rate, split=options.fragments)


def whole(least: int, most: int) -> Callable[[str], int]:
    def whole_number(word: str) -> int:
        if not word.isdecimal() or not least <= int(word) <= most:
            raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from {least} to {most}")
        return int(word)

    return whole_number
