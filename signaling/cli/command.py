"""How a command of `tongke` is made: a sub-parser, a function, and one kind of error."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from signaling import catalogue

EXIT_ERROR: Final = 2
"""What argparse uses for a wrong command line, and we for everything that the caller must put right."""

Run = Callable[[argparse.Namespace], int]


class CommandError(Exception):
    """Ends the command with one sentence on standard error and exit code 2.

    `key`: of the catalogue, its sentence says what is wrong and what to do; `values` fill the placeholders.
    """

    def __init__(self, key: str, /, **values: Any) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values

    def sentence(self, language: str) -> str:
        return catalogue.text(self.key, language, **self.values)

    def __str__(self) -> str:
        return self.sentence(catalogue.ENGLISH)


class Commands:
    """The sub-parsers of `tongke`. Every command's module has `register(commands: Commands) -> None`.

    Texts come from the catalogue: `cli.NAME` for the command, and `commands.text(key)` for its arguments'
    help.
    """

    def __init__(self, subparsers: Any, language: str) -> None:
        self._subparsers = subparsers
        self.language = language

    def add(self, name: str, run: Run) -> argparse.ArgumentParser:
        """A sub-parser; `run(options)` returns the exit code, or raises CommandError or Problem."""
        text = self.text(f"cli.{name}")
        parser: argparse.ArgumentParser = self._subparsers.add_parser(name, help=text, description=text)
        parser.set_defaults(run=run)
        return parser

    def text(self, key: str, /, **values: Any) -> str:
        return catalogue.text(key, self.language, **values)


def language_of(environment: Mapping[str, str] = os.environ) -> str:
    """The catalogue for this terminal, by POSIX's order of locale variables; English when they say
    nothing."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(variable, ""):
            return catalogue.match(value) or catalogue.ENGLISH
    return catalogue.ENGLISH
