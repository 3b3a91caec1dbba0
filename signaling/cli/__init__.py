"""`tongke`: serve, token, publish, watch, library, doctor."""

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

MODULES: Final = {
    "serve": "signaling.cli.serve",
    "token": "signaling.cli.token",
    "publish": "signaling.publish",
    "watch": "signaling.watch",
    "library": "signaling.cli.library",
    "doctor": "signaling.doctor.command",
}
"""Command -> the module that registers it, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    language = language_of()
    arguments = sys.argv[1:] if arguments is None else arguments
    options = build_parser(language, arguments).parse_args(arguments)
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


def build_parser(language: str, arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The command line, with help in that language: of one command where the first argument names it, because
    loading all of them takes a second; else of all."""
    parser = argparse.ArgumentParser(prog="tongke", description=catalogue.text("cli", language))
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    commands = Commands(subparsers, language)
    named = arguments[0] if arguments else ""
    for module in [MODULES[named]] if named in MODULES else MODULES.values():
        importlib.import_module(module).register(commands)
    return parser


def _refuse(sentence: str) -> int:
    print(f"tongke: {sentence}", file=sys.stderr)
    return EXIT_ERROR
