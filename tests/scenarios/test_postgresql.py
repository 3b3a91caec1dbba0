"""`tongke serve` on PostgreSQL: a lesson, a kill in the middle, and the same lesson again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import aiohttp

from load_tests.server import ServerProcess
from signaling.auth import Tokens

LIVE = "SELECT 1 FROM lessons WHERE state = 'live'"


async def test_a_lesson_goes_on_after_the_server_was_killed(
    tmp_path: Path, postgres: Any, until: Any
) -> None:
    postgres.run("CREATE DATABASE lessons TEMPLATE template0")
    arguments = ("--database", postgres.url("lessons"))
    for expected in ("open", "live"):
        async with ServerProcess(data=tmp_path / "data", arguments=arguments) as server:
            token = Tokens.open(server.data).issue(
                person="m", role="master", lesson="demo", now=time.time(), ttl_s=60
            )
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(f"{server.url}/ws", protocols=("tongke.v1",)) as socket,
            ):
                await socket.send_json({"type": "hello", "token": token})
                welcome = await socket.receive_json()
                assert welcome["lesson"]["state"] == expected
                if expected == "open":
                    await socket.send_json({"type": "lesson.start"})
                    await until(lambda: postgres.run(LIVE, "lessons"))
                    server.kill()
    assert not (tmp_path / "data" / "tongke.db").exists()
    kinds = [kind for (kind,) in postgres.run("SELECT kind FROM events ORDER BY seq", "lessons")]
    # whether the recording had begun when the server was killed is chance
    said = [kind for kind in kinds if kind not in {"recording.state", "class.tutor_absent"}]
    assert said[:4] == ["person.joined", "lesson.state", "lesson.state", "person.left"]
    assert kinds.count("person.joined") == 2
