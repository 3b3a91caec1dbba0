"""The words of `python -m load_tests`: every scenario, its options, and how they become a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from . import lessons, network, records, streams


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """`begin` is the Scenario. Exits with a message for wrong words."""
    parser = argparse.ArgumentParser(
        prog="python -m load_tests",
        description="Measures a server: one of its own, ended afterwards, or with --url a running one.",
    )
    scenarios = parser.add_subparsers(dest="scenario", required=True, metavar="SCENARIO")
    for add in (*streams.SCENARIOS, *lessons.SCENARIOS, *records.SCENARIOS, *network.SCENARIOS):
        add(scenarios)
    options = parser.parse_args(words)
    if options.url and not options.data:
        parser.error("--url needs --data DIR: the directory with the signing.key of that server")
    if options.url and options.begin.lessons(options):
        parser.error(f"{options.scenario} makes lessons of its own, so it cannot use --url")
    return options
