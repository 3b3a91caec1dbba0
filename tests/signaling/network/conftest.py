"""The whole door with a small course network behind it: `district`, and everybody in it signed in.

    tutor = district["east-1-tutor"]
    status, told = await tutor.get("/api/v1/whoami")

The network is that of `classroom.store.demo_network`; names here are its ids without `demo-`.
"""

from __future__ import annotations

import importlib.util
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest_asyncio

from classroom.model import PersonId
from classroom.network.model import ROOT
from classroom.store import sign_ins
from classroom.store.demo_network import PEOPLE, seed_demo_network
from classroom.store.sign_ins import SignIn
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
door = whole_door.door
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
        secret = SIGN_IN_PREFIX + secrets.token_urlsafe(32)
        now_ms = self.now_ms
        made = SignIn(
            secret_hash=secret_hash(secret),
            person=PersonId(person),
            way="password",
            made_ms=now_ms,
            seen_ms=now_ms,
            ends_ms=now_ms + HOUR_MS,
            idle_ms=HOUR_MS,
        )
        await self.store.network.change(sign_ins.begin, made, ROOT)
        return Person(self.door, person, secret)


@pytest_asyncio.fixture
async def district(door: Any) -> AsyncIterator[District]:
    await seed_demo_network(door.parts.store)
    made = District(door, {})
    for one in PEOPLE:
        made.secrets[one.person] = (await made.sign_in(one.person)).secret
    yield made
