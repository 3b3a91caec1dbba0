"""`python -m load_tests.fuzz parsers | engine | framing | guided`; ends with 1 when something was found."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from . import corpus
from .framing import fuzz_framing
from .guided import fuzz_guided
from .mutator import Mutator
from .parsers import TARGETS, TEXT
from .room import Room


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load_tests.fuzz", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    parsers = kinds.add_parser("parsers", help="each parser by itself, with mutations of its examples")
    parsers.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help="default: all")
    parsers.add_argument("--runs", type=int, default=100_000, metavar="N", help="for each target")
    parsers.add_argument("--corpus", type=Path, default=corpus.FOLDER, metavar="DIR")
    engine = kinds.add_parser("engine", help="the engine with people in it, and others who mean it no good")
    engine.add_argument("--datagrams", type=int, default=10_000_000, metavar="N")
    framing = kinds.add_parser(
        "framing", help="hostile TCP connections beside an honest one, on real sockets"
    )
    framing.add_argument("--runs", type=int, default=100_000, metavar="N")
    guided = kinds.add_parser("guided", help="one parser, led by what it covers (needs atheris)")
    guided.add_argument("target", choices=TARGETS, metavar="TARGET")
    guided.add_argument("--seconds", type=int, default=60, metavar="N")
    guided.add_argument("--corpus", type=Path, default=corpus.FOLDER, metavar="DIR")
    guided.add_argument("--kept", type=Path, default=Path("build/fuzz"), metavar="DIR")
    for each in (parsers, engine, framing):
        each.add_argument("--seed", type=int, default=1)
    return parser.parse_args(words)


def fuzz_parser(target: str, runs: int, seed: int, folder: Path = corpus.FOLDER) -> int:
    """How many inputs were tried: the examples, and `runs` mutations. What breaks it is kept, and raised."""
    mutator, check = Mutator(seed), TARGETS[target]
    found = corpus.examples(target, folder)
    texts = [data.decode("utf-8", "replace") for data in found]
    for number in range(len(found) + runs):
        if number < len(found):
            data = found[number]
        elif target in TEXT:
            data = mutator.text(texts).encode("utf-8", "surrogatepass")
        else:
            data = mutator.bytes(found)
        try:
            check(data)
        except BaseException:
            print(f"{target}: kept as {corpus.keep(target, data, folder)}", file=sys.stderr)
            raise
    return len(found) + runs


def run_parsers(options: argparse.Namespace) -> int:
    failed = 0
    for target in options.targets or TARGETS:
        began = time.perf_counter()
        try:
            tried = fuzz_parser(target, options.runs, options.seed, options.corpus)
        except Exception:
            traceback.print_exc()
            failed += 1
            continue
        print(f"{target:24} {tried:>10,} inputs {time.perf_counter() - began:8.1f} s", flush=True)
    return 1 if failed else 0


def run_engine(options: argparse.Namespace) -> int:
    room = Room(options.seed)
    report = room.run(options.datagrams, progress=lambda line: print(line, flush=True))
    print(json.dumps(report, indent=2))
    return 1 if report["glitches"] or report["left_behind"] else 0


def main(words: Sequence[str]) -> int:
    options = arguments(words)
    if options.kind == "guided":
        return fuzz_guided(options.target, options.seconds, options.corpus, options.kept / options.target)
    if options.kind == "framing":
        print(json.dumps(fuzz_framing(options.runs, options.seed), indent=2))
        return 0
    return run_parsers(options) if options.kind == "parsers" else run_engine(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
