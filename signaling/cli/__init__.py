"""`tongke`: serve, token, publish, watch, library."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from signaling import catalogue
from signaling.cli.command import EXIT_ERROR, CommandError, Commands, language_of
from signaling.config import ConfigError
from signaling.problems import Problem

MODULES: Final = (
    "signaling.cli.serve",
    "signaling.cli.token",
    "signaling.publish",
    "signaling.watch",
    "signaling.cli.library",
)
"""Each registers its command, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    language = language_of()
    options = build_parser(language).parse_args(arguments)
    try:
        code: int = options.run(options)
    except (CommandError, ConfigError) as error:
        return _refuse(error.sentence(language))
    except Problem as problem:
        return _refuse(f"{problem.title(language)}. {problem.detail(language)}")
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read our output (`| head`) has enough; Python would complain again while flushing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def build_parser(language: str) -> argparse.ArgumentParser:
    """The whole command line, with help in that language."""
    parser = argparse.ArgumentParser(prog="tongke", description=catalogue.text("cli", language))
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    commands = Commands(subparsers, language)
    for name in MODULES:
        importlib.import_module(name).register(commands)
    return parser


def _refuse(sentence: str) -> int:
    print(f"tongke: {sentence}", file=sys.stderr)
    return EXIT_ERROR
