"""`tongke doctor` against a real server on the loopback interface."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import pytest_asyncio

from sfu.dtls import SrtpKeys, generate_certificate
from signaling import diagnosis, keys
from signaling.app import Server, running
from signaling.cli.command import CommandError
from signaling.config import Config
from signaling.doctor import command, media_probe
from signaling.doctor.findings import Finding, Report, Way, best
from signaling.doctor.media_probe import Echo, MediaProbe
from signaling.doctor.ways import DatagramWay

MEASURE_S = 0.1
SAFETY_S = 30.0


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is waited for however long the machine takes."""
    monkeypatch.setattr(media_probe, "MEASURE_S", MEASURE_S)
    monkeypatch.setattr(media_probe, "CHECK_TIMEOUTS_S", (SAFETY_S,))
    monkeypatch.setattr(media_probe, "HANDSHAKE_TIMEOUT_S", SAFETY_S)


@pytest.fixture
def hear_nothing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`hear_nothing(UdpWay, ...)`: nothing comes back on these ways, and that is found soon."""

    def hear_nothing(*ways: type) -> None:
        check = MediaProbe._check

        async def soon(probe: MediaProbe, timeouts_s: tuple[float, ...]) -> float:
            return await check(probe, (0.1, 0.2) if isinstance(probe._way, ways) else timeouts_s)

        monkeypatch.setattr(MediaProbe, "_check", soon)
        for way in ways:
            monkeypatch.setattr(way, "send", lambda *_: None)

    return hear_nothing


@pytest_asyncio.fixture
async def server(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Server]:
    shutil.copyfile(migrated_file, tmp_path / "tongke.db")
    async with running(Config(port=0, media_port=0, data=tmp_path)) as server:
        yield server


def token_of(server: Server, person: str = "someone") -> str:
    tokens = server.app[keys.TOKENS]
    return tokens.issue(person=person, role="student", lesson="x", name="", now=time.time(), ttl_s=60)


async def examined(server: Server) -> Report:
    told: list[Finding] = []
    report = await command.examine(f"http://127.0.0.1:{server.port}", token_of(server), "en", told.append)
    assert told == report.findings
    return report


async def test_an_open_network(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    took_s: dict[type, float] = {}
    measure = MediaProbe.measure

    async def timed(probe: MediaProbe, duration_s: float | None = None) -> Echo:
        echo = await measure(probe, duration_s)
        took_s[type(probe._way)] = echo.seconds
        return echo

    monkeypatch.setattr(MediaProbe, "measure", timed)
    report = await examined(server)
    assert [(finding.way, finding.works) for finding in report.findings] == [
        (Way.HTTP, True),
        (Way.WEBSOCKET, True),
        (Way.UDP, True),
        (Way.TCP, True),
    ]
    assert all(finding.round_trip_ms is not None for finding in report.findings)
    for way, kind in ((Way.UDP, command.UdpWay), (Way.TCP, command.TcpWay)):
        found = best(report.findings, way)
        assert found is not None and (found.loss or 0) < 0.2
        # In the time that a machine takes over it on which much else goes on.
        assert min(found.up_kbps or 0, found.down_kbps or 0) > 1000 * MEASURE_S / took_s[kind]
    assert report.media_works
    assert report.clock_offset_ms is not None and abs(report.clock_offset_ms) < 2000
    assert (report.media_port, report.media_hosts) == (server.media_port, ["127.0.0.1"])


async def test_what_the_server_drops_before_it_has_the_keys_is_no_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(media_probe, "ECHO_TIMEOUTS_S", (0.001,) * 4)
    probe = MediaProbe(generate_certificate())
    sent: list[bytes] = []

    def echo_from_the_third_on(datagram: bytes) -> None:
        sent.append(datagram)
        if len(sent) > 2:
            probe._received(datagram)

    probe._way = cast(DatagramWay, SimpleNamespace(send=echo_from_the_third_on))
    probe._keys = cast(SrtpKeys, SimpleNamespace(outbound=SimpleNamespace(protect=bytes)))
    echo = await probe.measure(MEASURE_S)
    assert (echo.returned, len(sent)) == (echo.sent, echo.sent + 3)


async def test_nothing_of_it_stays(server: Server) -> None:
    sfu = server.app[keys.SFU]
    before = sfu.census()
    await examined(server)
    async with asyncio.timeout(30):
        while sfu.census() != before:  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.01)
    assert len(server.app[keys.DIAGNOSES]) == 0


async def test_a_network_without_udp(server: Server, hear_nothing: Callable[..., None]) -> None:
    hear_nothing(command.UdpWay)
    report = await examined(server)
    assert (report.media_works, report.quality, report.advice) == (True, "fair", ["open-udp"])
    udp = best(report.findings, Way.UDP)
    assert udp is not None and udp.reason == "silent"
    text = "\n".join(command.conclude(report, "en"))
    assert f"UDP port {server.media_port}" in text


async def test_a_network_without_either(server: Server, hear_nothing: Callable[..., None]) -> None:
    hear_nothing(command.UdpWay, command.TcpWay)
    report = await examined(server)
    assert (report.media_works, report.quality, report.advice) == (False, "none", ["open-media"])


async def test_no_server(free_port: Callable[[], int]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    report = await command.examine(url, "token", "en", lambda _: None)
    assert (report.media_works, report.advice) == (False, ["http"])
    assert "cannot be reached" in command.describe(report.findings[0], "en")


async def test_a_token_of_nobody(server: Server) -> None:
    with pytest.raises(CommandError, match="Token not valid"):
        await command.examine(f"http://127.0.0.1:{server.port}", "bad", "en", lambda _: None)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_command(
    tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str], free_port: Callable[[], int]
) -> None:
    """The link that somebody was given is enough; 0 when media can flow, 1 when not."""

    async def run(link: str, *, as_json: bool) -> int:
        options = argparse.Namespace(url=link, token="", data=None, json=as_json, language=language)
        return await asyncio.to_thread(command.doctor, options)

    async def both() -> tuple[int, int]:
        # A port that is nobody else's when the server has ended.
        async with running(Config(port=free_port(), media_port=0, data=tmp_path)) as server:
            link = f"http://127.0.0.1:{server.port}/join?lang=en#token={token_of(server)}"
            works = await run(link, as_json=True)
        return works, await run(link, as_json=False)

    assert asyncio.run(both()) == (0, 1)
    output = capsys.readouterr().out
    report, _ = json.JSONDecoder().raw_decode(output)
    assert report["media_works"] is True
    assert {finding["way"] for finding in report["findings"]} == {"http", "websocket", "udp", "tcp"}
    assert {"en": "cannot be reached", "zh-CN": "无法连接"}[language] in output


def test_what_is_no_server_is_refused() -> None:
    options = argparse.Namespace(url="ftp://x", token="", data=None, json=False, language="en")
    with pytest.raises(CommandError, match="ftp://x"):
        command.doctor(options)


def test_a_stranger_needs_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = argparse.Namespace(url="http://x", token="", data=None, json=False, language="en")
    with pytest.raises(CommandError, match="token"):
        command.doctor(options)


async def test_something_else_answers_at_the_media_port(
    server: Server, hear_nothing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall that takes the connection and says nothing useful."""
    hear_nothing(command.TcpWay)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        plan = diagnosis.MediaWay(protocol="tcp", host="127.0.0.1", port=port)
        monkeypatch.setattr(
            command, "_media_ways", lambda _: [(Way.TCP, "x", lambda: command.TcpWay(plan.host, port))]
        )
        report = await examined(server)
    assert [finding.reason for finding in report.findings if not finding.works] == ["silent"]
