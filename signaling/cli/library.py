"""`tongke library`: what is recorded, read from the data directory; works with and without a server beside
it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from signaling import catalogue
from signaling.cli import library_office, library_proof
from signaling.cli.command import CommandError, Commands, language_of
from signaling.config import load

if TYPE_CHECKING:
    from recorder.library import ItemView, Library


def register(commands: Commands) -> None:
    parser, text = commands.add("library", run), commands.text
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, action in (("ls", ls), ("show", show), ("export", export)):
        sub = actions.add_parser(
            name, help=text(f"cli.library.{name}"), description=text(f"cli.library.{name}")
        )
        sub.set_defaults(action=action)
        sub.add_argument("--data", metavar="DIR", help=text("setting.data"))
        if name == "ls":
            sub.add_argument("--lesson", default="", metavar="ID", help=text("cli.library.lesson"))
        else:
            sub.add_argument("item", metavar="ITEM", help=text("cli.library.item"))
        if name == "export":
            sub.add_argument("--output", type=Path, metavar="FILE", help=text("cli.library.output"))
        else:
            sub.add_argument("--json", action="store_true", help=text("cli.library.json"))

    library_proof.register(actions, commands)
    library_office.register(actions, commands)


def run(options: argparse.Namespace) -> int:
    from recorder.library import Library
    from signaling.archive import open_archive

    config = load(environment=os.environ, options={"data": options.data})
    if not config.data.is_dir():
        raise CommandError("cli.library.no-data", data=config.data)
    library = Library(config.data, open_archive(config))
    return options.action(library, options, language_of()) or 0


def ls(library: Library, options: argparse.Namespace, language: str) -> None:
    items = library.items(options.lesson)
    if options.json:
        _json(items)
    elif not items:
        # For people only: a script that reads our output finds it empty.
        print(catalogue.text("cli.library.empty", language), file=sys.stderr)
    for item in items if not options.json else ():
        print("  ".join(_columns(item, language)))


def show(library: Library, options: argparse.Namespace, language: str) -> None:
    item = _item(library, options.item)
    if options.json:
        _json(item)
        return
    print("  ".join(_columns(item, language)))
    for track in item.tracks:
        size = f" {track.width}x{track.height}" if track.width else ""
        print(f"  {track.id}  {track.person}/{track.source}  {track.codec}{size}  {_clock(track.duration_s)}")
        for gap in track.gaps:
            print(
                "      "
                + catalogue.text(
                    "cli.library.gap",
                    language,
                    start=_clock(gap.start_s),
                    seconds=f"{gap.duration_s:.1f}",
                    cause=catalogue.text(f"cli.library.cause.{gap.cause}", language),
                )
            )


def export(library: Library, options: argparse.Namespace, language: str) -> None:
    from recorder.export import ExportError
    from recorder.export import export as write

    item = _item(library, options.item)
    target = options.output or Path(f"{item.id}.mp4")
    try:
        write(library, item.id, target)
    except ExportError as error:
        raise CommandError("cli.library.not-exported", item=item.id, reason=error) from error
    told = "cli.library.still-live" if item.state == "live" else "cli.library.exported"
    print(catalogue.text(told, language, item=item.id, file=target))


def _item(library: Library, item_id: str) -> ItemView:
    from recorder.library import UnknownItemError

    try:
        return library.item(item_id)
    except UnknownItemError as error:
        raise CommandError("cli.library.unknown", item=item_id) from error


def _columns(item: ItemView, language: str) -> Iterable[str]:
    state = catalogue.text(f"cli.library.state.{item.state}", language)
    complete = f"{100 * item.complete:.1f}%"
    return item.id, state, item.started_at, _clock(item.duration_s), complete, item.lesson, item.title


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value)).decode())
