"""`python -m load_tests SCENARIO`: measures a server, prints a table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

from signaling.auth import Tokens
from signaling.messages import Role

from .media import FRAGMENTATION, Camera
from .process import NoSuchProcess
from .report import LectureReport, table, write_json
from .scenarios.lecture import LectureOptions, lecture
from .server import ServerDidNotStart, ServerProcess
from .target import ScenarioFailed, Target

TOKEN_TTL_S = 4 * 3600
MAX_SUBSCRIBERS = 5_000
"""File descriptors and ports of one machine; more bots need more machines."""
MAX_DURATION_S = 3_600


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m load_tests",
        description="Measures a server: one of its own, ended afterwards, or with --url a running one.",
    )
    scenarios = parser.add_subparsers(dest="scenario", required=True, metavar="SCENARIO")
    one = scenarios.add_parser("lecture", help="one publisher (720p30 H.264 and Opus), N subscribers by WHEP")
    one.add_argument("--subscribers", type=_whole(1, MAX_SUBSCRIBERS), default=200, metavar="N")
    one.add_argument("--duration", type=_whole(1, MAX_DURATION_S), default=20, metavar="SECONDS")
    one.add_argument("--joins-per-second", type=_whole(1, 1_000), default=20, metavar="N")
    one.add_argument("--bit-rate", type=_whole(400_000, 20_000_000), default=1_500_000, metavar="BITS")
    sizes = "packet sizes of a frame: as browsers make them (even), or as FFmpeg and GStreamer do (full)"
    one.add_argument("--fragments", choices=sorted(FRAGMENTATION), default="even", help=sizes)
    one.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    one.add_argument("--lesson", default="demo", metavar="ID")
    one.add_argument("--url", help="a server that runs already; needs --data")
    one.add_argument("--pid", type=int, help="its process id, if on this machine: for CPU and memory")
    one.add_argument("--data", type=Path, metavar="DIR", help="its data directory, with the signing key")
    one.add_argument("--serve", default="", metavar="OPTIONS", help="more options for `tongke serve`")
    options = parser.parse_args(words)
    if options.url and not options.data:
        parser.error("--url needs --data DIR: the directory with the signing.key of that server")
    return options


def _whole(least: int, most: int) -> Callable[[str], int]:
    def whole_number(word: str) -> int:
        if not word.isdecimal() or not least <= int(word) <= most:
            raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from {least} to {most}")
        return int(word)

    return whole_number


async def measure(options: argparse.Namespace) -> LectureReport:
    """Raises ServerDidNotStart, ScenarioFailed, NoSuchProcess, OSError."""
    async with AsyncExitStack() as stack:
        url, pid, data = options.url, options.pid, options.data
        if not url:
            server = ServerProcess(arguments=options.serve.split())
            await stack.enter_async_context(server)
            url, pid, data = server.url, server.pid, server.data
        tokens = Tokens.open(data)

        def token(role: str, number: int, lesson: str = "", class_id: str = "") -> str:
            return tokens.issue(
                person=f"bot-{role}-{number}",
                role=cast(Role, role),
                lesson=lesson or options.lesson,
                class_id=class_id,
                now=time.time(),
                ttl_s=TOKEN_TTL_S,
                name=f"bot {number}",
            )

        camera = Camera(bits_per_second=options.bit_rate, split=options.fragments)
        wanted = LectureOptions(
            subscribers=options.subscribers,
            duration_s=options.duration,
            joins_per_second=options.joins_per_second,
            lesson=options.lesson,
            camera=camera,
        )
        return await lecture(wanted, Target(url, pid, token))


def main(words: Sequence[str] | None = None) -> int:
    """0: measured; 1: could not; the reason is on standard error."""
    options = arguments(sys.argv[1:] if words is None else words)
    try:
        report = asyncio.run(measure(options))
        print(table(report))
        if options.json:
            write_json(report, options.json)
    except (ServerDidNotStart, ScenarioFailed, NoSuchProcess, OSError) as error:
        print(f"load_tests: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
