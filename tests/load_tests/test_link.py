"""Emulated links: limit, delay, loss and queue, by the clock that is given."""

from __future__ import annotations

import asyncio
import socket

import pytest

from load_tests.link import Conditions, Link, LinkEmulator


def test_a_limit_spreads_a_burst_and_delay_comes_on_top() -> None:
    link = Link(Conditions(bits_per_second=80_000, delay_s=0.1, queue_s=1.0))
    assert [link.send(0.0, 1000) for _ in range(3)] == pytest.approx([0.2, 0.3, 0.4])
    assert link.send(5.0, 1000) == pytest.approx(5.2)  # idle since


def test_what_waits_too_long_is_dropped() -> None:
    link = Link(Conditions(bits_per_second=80_000, queue_s=0.15))
    assert [link.send(0.0, 1000) is None for _ in range(4)] == [False, False, True, True]
    assert (link.overflowed, link.lost) == (2, 0)


def test_loss_is_the_same_for_the_same_seed() -> None:
    def lost(seed: int) -> list[bool]:
        link = Link(Conditions(loss=0.2), seed)
        return [link.send(float(number), 100) is None for number in range(500)]

    assert lost(1) == lost(1) != lost(2)
    assert 60 < sum(lost(1)) < 140


async def test_datagrams_pass_both_ways() -> None:
    loop = asyncio.get_running_loop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bot,
    ):
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        bot.setblocking(False)
        emulator = LinkEmulator(Link(Conditions()), Link(Conditions()))
        bot.connect(await emulator.through(server.getsockname()))
        try:
            async with asyncio.timeout(30):
                bot.send(b"question")
                question, address = await loop.sock_recvfrom(server, 100)
                await loop.sock_sendto(server, b"answer", address)
                assert (question, await loop.sock_recv(bot, 100)) == (b"question", b"answer")
        finally:
            emulator.close()
            emulator.close()
