"""`tongke library search|reindex|hold|release|delete|retention|sweep|clips|log`: what organizers do, on the
server's machine. Works beside a running server, which sees what was done within half a minute, and tells of
deletions as if they had been its own; without one it does so when it starts."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from signaling import catalogue
from signaling.cli.command import CommandError, Commands
from signaling.config import Config, load

if TYPE_CHECKING:
    from classroom.store.library import LibraryStore
    from classroom.store.library_items import ItemRecord
    from recorder.library import Library

MAX_REASON: Final = 500
LISTED: Final = 100


def register(actions: Any, commands: Commands) -> None:
    """Adds the actions to those of `tongke library`."""
    text = commands.text
    for name, work in ACTIONS.items():
        words = text(f"cli.library.{name}")
        sub = actions.add_parser(name, help=words, description=words)
        sub.set_defaults(action=_run, work=work)
        sub.add_argument("--data", metavar="DIR", help=text("setting.data"))
        if name in ("hold", "release", "delete", "log"):
            sub.add_argument("item", metavar="ITEM", help=text("cli.library.item"))
        if name in ("hold", "delete"):
            sub.add_argument("--reason", required=True, metavar="TEXT", help=text("cli.library.reason"))
        if name == "search":
            sub.add_argument("words", metavar="WORDS", help=text("cli.library.words"))
        if name == "retention":
            sub.add_argument("provider", nargs="?", metavar="PROVIDER", help=text("cli.library.provider"))
            kinds = ("lesson", "clip", "draft")
            sub.add_argument("kind", nargs="?", choices=kinds, help=text("cli.library.kind"))
            sub.add_argument("days", nargs="?", type=int, metavar="DAYS", help=text("cli.library.days"))
        if name == "clips":
            states = ("drafted", "reviewed", "published", "returned")
            sub.add_argument("--state", default="", choices=states, help=text("cli.library.clip-state"))


class _Office:
    """What an action works with."""

    def __init__(self, store: LibraryStore, library: Library, config: Config, language: str) -> None:
        self.store = store
        self.library = library
        self.config = config
        self.language = language
        self.who = f"cli:{getpass.getuser()}"[:64]
        self.now_ms = time.time_ns() // 1_000_000

    def say(self, key: str, **values: Any) -> None:
        print(catalogue.text(f"cli.library.{key}", self.language, **values))

    async def item(self, name: str) -> ItemRecord:
        found = await self.store.find(name)
        if found is None:
            await self.reindex()
            found = await self.store.find(name)
        if found is None:
            raise CommandError("cli.library.unknown", item=name)
        return found

    async def reindex(self) -> int:
        from signaling.library_keeper import reindex

        return await reindex(self.library, self.store, self.now_ms)

    async def log(self, action: str, item: str, **detail: Any) -> None:
        from classroom.store.library_notes import Deed

        await self.store.log(Deed(self.now_ms, item, "", self.who, "organizer", action, detail))


def _run(library: Library, options: argparse.Namespace, language: str) -> None:
    from classroom.store.library_door import open_library
    from classroom.store.outbox import StoreUnavailable

    config = load(environment=os.environ, options={"data": options.data})

    async def work() -> None:
        async with open_library(config.database_url) as store:
            await options.work(_Office(store, library, config, language), options)

    try:
        asyncio.run(work())
    except StoreUnavailable as error:
        raise CommandError("cli.library.no-database", reason=error) from error


async def _search(office: _Office, options: argparse.Namespace) -> None:
    from classroom.library.rules import Viewer
    from classroom.library.shelf import Choice
    from classroom.model import Role

    viewer = Viewer(office.who, Role.ORGANIZER, "")
    found = await office.store.search(Choice(viewer, limit=LISTED), options.words)
    for item in found.items:
        print("  ".join((item.id, _date(item.started_ms), item.subject, item.master, item.title)))
    office.say("found", count=found.total)


async def _reindex(office: _Office, _options: argparse.Namespace) -> None:
    office.say("reindexed", count=await office.reindex())


async def _hold(office: _Office, options: argparse.Namespace) -> None:
    item, reason = await office.item(options.item), _reason(options.reason)
    await office.store.hold(item.id, at_ms=office.now_ms, by=office.who, reason=reason)
    await office.log("hold", item.id, reason=reason)
    office.say("held", item=item.id)


async def _release(office: _Office, options: argparse.Namespace) -> None:
    item = await office.item(options.item)
    await office.store.hold(item.id, at_ms=None, by=office.who)
    await office.log("release", item.id)
    office.say("released", item=item.id)


async def _delete(office: _Office, options: argparse.Namespace) -> None:
    from signaling.library_deletion import delete_item

    item, reason = await office.item(options.item), _reason(options.reason)
    if item.hold_ms is not None:
        raise CommandError("cli.library.is-held", item=item.id, reason=item.hold_reason)
    if item.state == "live":
        raise CommandError("cli.library.is-live", item=item.id)
    who = (office.now_ms, office.who, "organizer", reason)
    await delete_item(office.store, office.library, office.config.data, item, *who)
    office.say("was-deleted", item=item.id)


async def _retention(office: _Office, options: argparse.Namespace) -> None:
    from classroom.library.retention import MAX_DAYS, Kept
    from classroom.store.library_retention import Policy

    if options.provider is not None:
        if options.kind is None or options.days is None or not 0 <= options.days <= MAX_DAYS:
            raise CommandError("cli.library.retention-needs", most=MAX_DAYS)
        kind = Kept(options.kind)
        await office.store.put_policy(
            Policy(options.provider[:64], kind, options.days, office.who, office.now_ms)
        )
        said = {"provider": options.provider, "kind": options.kind, "days": options.days}
        await office.log("retention", "", **said)
    for one in await office.store.policies():
        office.say("kept", provider=one.provider, kind=one.kind.value, days=one.days)


async def _sweep(office: _Office, _options: argparse.Namespace) -> None:
    from signaling.library_deletion import sweep

    gone = await sweep(office.store, office.library, office.config.data, office.now_ms)
    office.say("swept", count=len(gone.items) + len(gone.clips))


async def _clips(office: _Office, options: argparse.Namespace) -> None:
    for clip in await office.store.all_clips():
        if options.state in ("", clip.state):
            row = (clip.id, clip.state.value, clip.cut, clip.subject, clip.author, clip.title)
            print("  ".join(row))


async def _log(office: _Office, options: argparse.Namespace) -> None:
    for deed in await office.store.deeds(options.item):
        detail = " ".join(f"{name}={value}" for name, value in deed.detail.items())
        print("  ".join((_date(deed.at_ms), deed.person, deed.role, deed.action, deed.clip, detail)))


def _reason(text: str) -> str:
    from classroom.rules.words import has_controls

    text = text.strip()
    if not text or len(text) > MAX_REASON or has_controls(text):
        raise CommandError("cli.library.bad-reason", limit=MAX_REASON)
    return text


def _date(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


ACTIONS: Final[dict[str, Callable[[_Office, argparse.Namespace], Awaitable[None]]]] = {
    "search": _search,
    "reindex": _reindex,
    "hold": _hold,
    "release": _release,
    "delete": _delete,
    "retention": _retention,
    "sweep": _sweep,
    "clips": _clips,
    "log": _log,
}
