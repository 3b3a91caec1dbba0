"""A tablet moves from Wi-Fi to 4G: media goes on over another socket, UDP or TCP, without renegotiation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from sfu.dtls import generate_certificate
from signaling import keys
from signaling.app import Server, running
from signaling.auth import Claims
from signaling.config import Config
from signaling.doctor import media_probe
from signaling.doctor.media_probe import MediaProbe
from signaling.doctor.ways import DatagramWay, TcpWay, UdpWay

PATIENCE_S = 30.0
WAYS: dict[str, Callable[[str, int], DatagramWay]] = {"udp": UdpWay, "tcp": TcpWay}


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(Config(port=0, media_port=0, data=tmp_path)) as server:
        yield server


@pytest.mark.parametrize(("first", "second"), [("udp", "udp"), ("udp", "tcp"), ("tcp", "udp")])
async def test_media_follows_a_device_to_another_network(
    server: Server, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    monkeypatch.setattr(media_probe, "MEASURE_S", 0.2)
    sfu, diagnoses = server.app[keys.SFU], server.app[keys.DIAGNOSES]
    claims = Claims(person="p", role="student", lesson="x", exp=int(time.time()) + 60)
    probe = MediaProbe(generate_certificate())
    answer = diagnoses.open(claims, probe.offer)
    probe.answered(answer.sdp)
    wifi = WAYS[first]("127.0.0.1", server.media_port)
    mobile = WAYS[second]("127.0.0.1", server.media_port)
    try:
        await wifi.open()
        await probe.connect(wifi)
        await probe.secure()
        before = await probe.measure()
        assert before.returned > 0
        flowing = asyncio.create_task(probe.measure())
        await mobile.open()
        await probe.connect(mobile)
        await wifi.close()
        await flowing
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await probe.connect(mobile)
                echo = await probe.measure()
                if echo.returned == echo.sent:
                    break
        assert diagnoses.report(claims, answer.id).state == "connected"
        assert sfu.counters()["transports_connected"] == 1
        assert sfu.counters()["ice_nominations"] == 2
    finally:
        await probe.close()
        await mobile.close()
