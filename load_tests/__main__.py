"""`python -m load_tests SCENARIO`: measures a server, prints a table."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from classroom.store.store import StoreUnavailable
from signaling.auth import Tokens
from signaling.open_files import raise_limit
from signaling.serving import COLLECT_AFTER

from .commands import arguments
from .commands.words import DOORS, Found, Scenario
from .door import Door, Refused
from .figures import Report, drawn, lecture_charts
from .namespace import NoNamespace, enter
from .plot import CannotPlot, write_png
from .process import NoSuchProcess
from .report import table, write_json
from .seed import seed
from .server import ServerDidNotStart, ServerProcess
from .target import ScenarioFailed, Target
from .tokens import issuer

FAILURES = (
    *(ServerDidNotStart, ScenarioFailed, Refused, NoSuchProcess, StoreUnavailable),
    *(CannotPlot, NoNamespace, OSError),
)
"""What can be said in a line."""


async def measure(options: argparse.Namespace) -> Found:
    """Raises ServerDidNotStart, ScenarioFailed, Refused, NoSuchProcess, StoreUnavailable, OSError."""
    scenario: Scenario = options.begin
    async with AsyncExitStack() as stack:
        if scenario.starts_servers:
            return await scenario.run(options, _no_target())
        url, pid, data = options.url, options.pid, options.data
        if not url:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tongke-")))
            if lessons := scenario.lessons(options):
                await seed(data, lessons)
            server = await stack.enter_async_context(
                ServerProcess(data=data, arguments=options.serve.split())
            )
            url, pid = server.url, server.pid
        token = issuer(Tokens.open(data), options.lesson)
        return await scenario.run(options, Target(url, pid, token, door_of(options), data=data))


def door_of(options: argparse.Namespace) -> type[Door]:
    found: type[Door] = DOORS[getattr(options, "way", "whep")]
    return found


def _no_target() -> Target:
    return Target("", None, lambda role, number, lesson="", class_id="": "")


def show(report: Found, options: argparse.Namespace) -> None:
    """Raises OSError or CannotPlot."""
    text = report.table() if isinstance(report, Report) else table(report)
    print(text)
    if options.json and isinstance(report, Report):
        report.write_json(options.json)
    elif options.json and not isinstance(report, Report):
        write_json(report, options.json)
    if options.plot:
        charts = drawn(report) if isinstance(report, Report) else lecture_charts(report)
        title = "\n".join(text.splitlines()[:2])
        write_png(title, charts, options.plot)


def main(words: Sequence[str] | None = None) -> int:
    """0: measured; 1: could not; the reason is on standard error."""
    options = arguments(sys.argv[1:] if words is None else words)
    raise_limit()
    try:
        if options.begin.own_network:
            options.host = enter()
        show(asyncio.run(measure(options)), options)
    except (
        *(
            ServerDidNotStart,
            ScenarioFailed,
            Refused,
            NoSuchProcess,
            StoreUnavailable,
            CannotPlot,
            NoNamespace,
        ),
        OSError,
    ) as error:
        print(f"load_tests: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def program() -> int:
    # Looking for garbage among a thousand bots takes half a second, in which none of them sends.
    gc.set_threshold(*COLLECT_AFTER)
    # Who is told to end takes the server along.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return main()


if __name__ == "__main__":
    sys.exit(program())
