"""The server as a process: started, killed, started again on the same data, ended."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from load_tests import server as module
from load_tests.server import LENT_PORTS, ServerProcess, free_port

PROGRAM = """#!{python}
import http.server, os, pathlib, sys
value = dict(zip(sys.argv, sys.argv[1:]))
data = pathlib.Path(value["--data"])
with (data / "starts").open("a") as file:
    file.write(f"{{os.getpid()}} {{os.environ.get('WORD', '')}}\\n")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
print("listening", flush=True)
http.server.HTTPServer((value["--host"], int(value["--port"])), Handler).serve_forever()
"""


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that takes the options of `tongke serve --demo` and answers /readyz."""
    path = tmp_path / "tongke"
    path.write_text(PROGRAM.format(python=sys.executable))
    path.chmod(0o755)
    monkeypatch.setattr(module, "TONGKE", path)


async def test_runs_is_killed_and_runs_again_on_the_same_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with ServerProcess(data=data, environment={"WORD": "hello"}) as server:
        first = server.pid
        async with aiohttp.ClientSession() as http, http.get(f"{server.url}/readyz") as response:
            assert response.status == 200
        server.kill()
        await server.restart()
        assert server.pid != first
        second = server.pid
        assert "listening" in server.tail()
    starts = (data / "starts").read_text().splitlines()
    assert starts == [f"{first} hello", f"{second} hello"]
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
    await server.stop()


async def test_a_data_directory_of_its_own_goes_with_it() -> None:
    async with ServerProcess() as server:
        data = server.data
        assert (data / "starts").exists()
    assert not data.exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_is_free_for_both_protocols(host: str) -> None:
    port = free_port(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as free:
            free.bind((host, port))


def test_a_free_port_is_none_that_the_system_lends() -> None:
    lowest, highest = map(int, LENT_PORTS.read_text().split())
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert not any(lowest <= port <= highest for port in ports)
