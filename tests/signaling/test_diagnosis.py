"""/api/v1/diagnosis: what it gives, to whom, and how much of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sfu.dtls import generate_certificate
from signaling import diagnosis, keys
from signaling.app import Server, running
from signaling.config import Config
from signaling.doctor.media_probe import MediaProbe
from signaling.sdp import Direction
from signaling.sdp_parser import parse

DATA = Path(__file__).parent.parent / "data"
PATH = "/api/v1/diagnosis"


@dataclass
class Caller:
    server: Server
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str = "", person: str = "a", **options: Any) -> tuple[int, Any]:
        """Status, and the body if it is JSON."""
        tokens = self.server.app[keys.TOKENS]
        token = tokens.issue(person=person, role="student", lesson="x", now=time.time(), ttl_s=60)
        url = f"http://127.0.0.1:{self.server.port}{PATH}{path}"
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.request(method, url, headers=headers, **options) as response:
            is_json = response.content_type.endswith("json")
            return response.status, await response.json(
                content_type=None
            ) if is_json else await response.read()

    async def connect(self, sdp: str | None = None, person: str = "a") -> tuple[int, Any]:
        offer = MediaProbe(generate_certificate()).offer if sdp is None else sdp
        return await self.ask("POST", person=person, json={"sdp": offer})


@pytest_asyncio.fixture
async def caller(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Caller]:
    shutil.copyfile(migrated_file, tmp_path / "tongke.db")
    config = Config(
        port=0, media_port=0, data=tmp_path, turn_urls=("turn:turn.example.org",), turn_secret="s"
    )
    async with running(config) as server, aiohttp.ClientSession() as http:
        yield Caller(server, http)


async def test_the_plan_names_all_ways(caller: Caller) -> None:
    status, plan = await caller.ask("GET")
    assert status == 200
    port = caller.server.media_port
    assert plan["media"] == [
        {"protocol": "udp", "host": "127.0.0.1", "port": port},
        {"protocol": "tcp", "host": "127.0.0.1", "port": port},
    ]
    assert plan["ice_servers"][0]["urls"] == ["turn:turn.example.org"]
    assert abs(plan["server_ms"] - 1000 * time.time()) < 5000


async def test_strangers_get_nothing(caller: Caller) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/bytes?count=1"), ("POST", "/bytes")):
        url = f"http://127.0.0.1:{caller.server.port}{PATH}{path}"
        async with caller.http.request(method, url) as response:
            assert response.status == 401


async def test_a_test_connection_and_its_end(caller: Caller) -> None:
    status, answer = await caller.connect()
    assert status == 201
    assert [section.direction for section in parse(answer["sdp"]).sections] == [
        Direction.RECVONLY,
        Direction.SENDONLY,
    ]
    session = f"/sessions/{answer['id']}"
    status, report = await caller.ask("GET", session)
    assert (status, report["state"], report["packets_received"]) == (200, "connecting", 0)
    assert (await caller.ask("GET", session, person="b"))[0] == 404
    assert (await caller.ask("DELETE", session, person="b"))[0] == 404
    assert (await caller.ask("DELETE", session))[0] == 204
    assert (await caller.ask("GET", session))[0] == 404


async def test_a_browsers_offer_to_receive_is_answered(caller: Caller) -> None:
    status, answer = await caller.connect((DATA / "chromium_watch.sdp").read_text())
    assert status == 201
    section = parse(answer["sdp"]).sections[0]
    assert section.direction is Direction.INACTIVE
    assert section.ice and section.dtls and section.candidates


async def test_one_person_has_one(caller: Caller) -> None:
    _, first = await caller.connect()
    await caller.connect()
    assert (await caller.ask("GET", f"/sessions/{first['id']}"))[0] == 404
    assert len(caller.server.app[keys.DIAGNOSES]) == 1


async def test_they_end_by_themselves(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "SESSION_S", 0.0)
    await caller.connect()
    await caller.ask("GET")
    assert len(caller.server.app[keys.DIAGNOSES]) == 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"sdp": "hello"}, "not-sdp"),
        ({"sdp": 1}, "bad-request"),
        ({}, "bad-request"),
        ({"sdp": ""}, "not-sdp"),
    ],
)
async def test_bad_offers(caller: Caller, body: Any, kind: str) -> None:
    status, problem = await caller.ask("POST", json=body)
    assert status == 400
    assert problem["type"].endswith(f"/{kind}")
    assert len(caller.server.app[keys.DIAGNOSES]) == 0


async def test_an_offer_without_a_codec_of_ours(caller: Caller) -> None:
    offer = MediaProbe(generate_certificate()).offer.replace("VP8", "XYZ")
    status, _ = await caller.connect(offer)
    assert status == 422
    assert len(caller.server.app[keys.DIAGNOSES]) == 0


async def test_not_too_often_and_not_too_many(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "PER_MINUTE", 2)
    assert [(await caller.connect())[0] for _ in range(3)] == [201, 201, 429]
    monkeypatch.setattr(diagnosis, "MAX_SESSIONS", 1)
    assert (await caller.connect(person="b"))[0] == 429


async def test_bytes_both_ways(caller: Caller) -> None:
    status, body = await caller.ask("GET", "/bytes?count=100000")
    assert (status, len(body)) == (200, 100_000)
    assert await caller.ask("POST", "/bytes", data=bytes(70_000)) == (200, {"received": 70_000})


@pytest.mark.parametrize(
    ("count", "status"), [("", 400), ("-1", 400), ("x", 400), (str(diagnosis.MAX_BYTES + 1), 413)]
)
async def test_bad_counts(caller: Caller, count: str, status: int) -> None:
    assert (await caller.ask("GET", f"/bytes?count={count}"))[0] == status


async def test_bytes_are_limited(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "BYTES_PER_MINUTE", 1000)
    assert [(await caller.ask("GET", "/bytes?count=600"))[0] for _ in range(2)] == [200, 429]
    assert (await caller.ask("GET", "/bytes?count=600", person="b"))[0] == 200
    monkeypatch.setattr(diagnosis, "MAX_TRANSFERS", 0)
    assert (await caller.ask("GET", "/bytes?count=1", person="c"))[0] == 429
