"""The whole door with a small course network behind it: `district`, and everybody in it signed in.

    tutor = district["east-1-tutor"]
    status, told = await tutor.get("/api/v1/whoami")

The network is that of `classroom.store.demo_network`; names here are its ids without `demo-`.
"""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from classroom.clock import SystemClock
from classroom.model import PersonId
from classroom.network.model import ROOT
from classroom.store import sign_ins
from classroom.store.demo import seed_demo
from classroom.store.demo_network import PEOPLE, seed_demo_network
from classroom.store.engine import sqlite_url
from classroom.store.sign_ins import SignIn
from classroom.store.store import Store
from signaling.config import Config
from signaling.network.principals import SIGN_IN_PREFIX, secret_hash

HOUR_MS = 3_600_000


def _whole_door() -> ModuleType:
    """The application over a media plane of paper, of the WebSocket's tests."""
    file = Path(__file__).parents[1] / "websocket" / "conftest.py"
    described = importlib.util.spec_from_file_location("whole_door", file)
    assert described is not None and described.loader is not None
    module = importlib.util.module_from_spec(described)
    import sys

    sys.modules["whole_door"] = module
    described.loader.exec_module(module)
    return module


whole_door = _whole_door()
config = whole_door.config
open_door = whole_door.open_door
other_door = whole_door.other_door


@dataclass
class Person:
    """Somebody who is signed in; with a secret of "" somebody who is not."""

    door: Any
    id: str
    secret: str

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> tuple[int, Any]:
        """Status and JSON of the answer; None: it has no body. body: JSON, unless `data=` is given."""
        sent = {"Accept-Language": "en"} | (headers or {})
        if self.secret:
            sent["Authorization"] = f"Bearer {self.secret}"
        if body is not None:
            options["json"] = body
        async with self.door.http.request(
            method, self.door.url(path), headers=sent, allow_redirects=False, **options
        ) as response:
            is_json = response.content_type.endswith("json")
            return response.status, await response.json(content_type=None) if is_json else None

    async def get(self, path: str, **query: Any) -> tuple[int, Any]:
        return await self.ask("GET", path, params=query)

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        return await self.ask("POST", path, {} if body is None else body)

    async def put(self, path: str, body: Any) -> tuple[int, Any]:
        return await self.ask("PUT", path, body)

    async def patch(self, path: str, body: Any) -> tuple[int, Any]:
        return await self.ask("PATCH", path, body)

    async def delete(self, path: str) -> tuple[int, Any]:
        return await self.ask("DELETE", path)


@dataclass
class District:
    """The demo network behind a door."""

    door: Any
    secrets: dict[str, str]

    def __getitem__(self, name: str) -> Person:
        """`east-1-tutor`: who holds that office there, signed in."""
        return Person(self.door, f"demo-{name}", self.secrets[f"demo-{name}"])

    @property
    def nobody(self) -> Person:
        return Person(self.door, "", "")

    @property
    def root(self) -> Person:
        """An organizer of everything: with a token, as the command line makes it."""
        return Person(self.door, "organizer-1", self.door.token("organizer"))

    @property
    def everybody(self) -> list[Person]:
        """Of every office and place."""
        return [Person(self.door, person, secret) for person, secret in self.secrets.items()]

    @property
    def store(self) -> Any:
        return self.door.parts.store

    @property
    def now_ms(self) -> int:
        return self.store.clock.unix_ms()

    async def sign_in(self, person: str) -> Person:
        """Anew, past the password."""
        return Person(self.door, person, await _sign_in(self.store, person))


async def _sign_in(store: Store, person: str) -> str:
    """The secret that the person has from now on."""
    secret, now_ms = SIGN_IN_PREFIX + secrets.token_urlsafe(32), store.clock.unix_ms()
    made = SignIn(
        secret_hash=secret_hash(secret),
        person=PersonId(person),
        way="password",
        made_ms=now_ms,
        seen_ms=now_ms,
        ends_ms=now_ms + HOUR_MS,
        idle_ms=HOUR_MS,
        proved_ms=now_ms,
    )
    await store.network.change(sign_ins.begin, made, ROOT)
    return secret


@dataclass(frozen=True)
class Seeded:
    """A database with the demo network in it, and the secrets of everybody there, who is signed in."""

    file: Path
    secrets: dict[str, str]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def seeded(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """Made once: a copy of it takes a hundredth of the time."""
    file = tmp_path_factory.mktemp("seeded") / "tongke.db"
    shutil.copyfile(migrated_file, file)
    store = await Store.open(sqlite_url(file))
    await seed_demo(store)
    await seed_demo_network(store)
    signed_in: dict[str, str] = {one.person: await _sign_in(store, one.person) for one in PEOPLE}
    await store.close()
    return Seeded(file, signed_in)


@pytest_asyncio.fixture
async def door(seeded: Seeded, config: Config) -> AsyncIterator[Any]:
    """With the network behind it; everybody has signed in just now."""
    config.data.mkdir(parents=True)
    file = config.data / seeded.file.name
    shutil.copyfile(seeded.file, file)
    now_ms = SystemClock().unix_ms()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "UPDATE sign_ins SET made_ms = ?, seen_ms = ?, proved_ms = ?, ends_ms = ?",
            (now_ms, now_ms, now_ms, now_ms + HOUR_MS),
        )
    async with whole_door.opened(seeded.file, config) as door:
        yield door


@pytest.fixture
def district(seeded: Seeded, door: Any) -> District:
    return District(door, dict(seeded.secrets))
