"""`tongke library verify` and `rebuild`: what a recorded item proves, and mending what it lost."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

import msgspec

from signaling import catalogue
from signaling.cli.command import CommandError, Commands

if TYPE_CHECKING:
    from recorder.finding import Finding
    from recorder.library import Library

EXIT_CODES: Final = {"complete": 0, "deleted": 0, "incomplete": 3, "changed": 4}
"""Of `verify`, by its verdict; 2 is for what the caller must put right."""
SHOWN: Final = 200
"""Findings shown to people; a file that was rewritten has thousands, and `--json` has them all."""


def register(actions: Any, commands: Commands) -> None:
    text = commands.text
    for name, action in (("verify", verify), ("rebuild", rebuild)):
        sub = actions.add_parser(
            name, help=text(f"cli.library.{name}"), description=text(f"cli.library.{name}")
        )
        sub.set_defaults(action=action)
        sub.add_argument("--data", metavar="DIR", help=text("setting.data"))
        sub.add_argument("item", metavar="ITEM", help=text("cli.library.item"))
        if name == "verify":
            sub.add_argument("--json", action="store_true", help=text("cli.library.json"))
            sub.add_argument("--quick", action="store_true", help=text("cli.library.verify.quick"))
            sub.add_argument(
                "--key", action="append", default=[], metavar="KEY", help=text("cli.library.verify.key")
            )


def verify(library: Library, options: argparse.Namespace, language: str) -> int:
    """The exit code tells the verdict."""
    from recorder.library import UnknownItemError
    from recorder.signing import trusted_keys
    from recorder.verify import verify as look

    try:
        keys = [*trusted_keys(library.storage.root.parent), *options.key]
        verdict = look(library.media, options.item, keys, media=not options.quick)
    except UnknownItemError as error:
        raise CommandError("cli.library.unknown", item=options.item) from error
    except OSError as error:
        raise CommandError("cli.library.unreadable", item=options.item, reason=error) from error
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(verdict)).decode())
        return EXIT_CODES[verdict.state]
    print(catalogue.text(f"cli.library.verdict.{verdict.state}", language, item=verdict.item))
    for finding in verdict.findings[:SHOWN]:
        print("  " + _words(finding, language))
    if len(verdict.findings) > SHOWN:
        print("  " + catalogue.text("cli.library.more", language, number=len(verdict.findings) - SHOWN))
    return EXIT_CODES[verdict.state]


def rebuild(library: Library, options: argparse.Namespace, language: str) -> int:
    from recorder.library import UnknownItemError
    from recorder.rebuild import StillRecordedError
    from recorder.rebuild import rebuild as make

    try:
        made = make(library.storage, library.media, options.item)
    except UnknownItemError as error:
        raise CommandError("cli.library.unknown", item=options.item) from error
    except StillRecordedError as error:
        raise CommandError("cli.library.still-recorded", item=options.item) from error
    except OSError as error:
        raise CommandError("cli.library.unreadable", item=options.item, reason=error) from error
    told = "cli.library.rebuilt" if made else "cli.library.nothing-lost"
    print(catalogue.text(told, language, item=options.item, files=", ".join(made)))
    return 0


def _words(finding: Finding, language: str) -> str:
    words = [catalogue.text(f"cli.library.finding.{finding.kind}", language, detail=finding.detail)]
    if finding.kind == "gap":
        words = [catalogue.text(f"cli.library.cause.{finding.detail}", language)]
    if finding.line is not None:
        words.append(catalogue.text("cli.library.place.line", language, number=finding.line))
    if finding.fragment is not None:
        words.append(catalogue.text("cli.library.place.fragment", language, number=finding.fragment))
    if finding.at_s is not None:
        words.append(catalogue.text("cli.library.place.time", language, time=_clock(finding.at_s)))
    if finding.duration_s is not None:
        seconds = f"{finding.duration_s:.1f}"
        words.append(catalogue.text("cli.library.place.duration", language, seconds=seconds))
    return f"{finding.file}: " + ", ".join(words)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}"
