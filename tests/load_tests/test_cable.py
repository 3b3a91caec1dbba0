"""A cable that is cut: datagrams vanish, connections break; mended, both go on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from load_tests.cable import HOST, Cable, MediaLine
from load_tests.link import Conditions, Link

PATIENCE_S = 30


class Media(asyncio.DatagramProtocol):
    """A media port that answers in capitals."""

    def __init__(self) -> None:
        self.addresses: set[tuple[str, int]] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.addresses.add(addr)
        self.transport.sendto(data.upper(), addr)


class Http:
    """A port that answers lines in capitals."""

    def __init__(self) -> None:
        self.served: list[asyncio.Task[None]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.served.append(task)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
        await closed(writer)


async def is_over(reader: asyncio.StreamReader) -> bool:
    """Broken, or ended without a word."""
    try:
        return await reader.readline() == b""
    except ConnectionError:
        return True


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest_asyncio.fixture
async def media() -> AsyncIterator[Media]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Media, local_addr=(HOST, 0))
    yield protocol
    transport.close()


@pytest_asyncio.fixture
async def cable(media: Media) -> AsyncIterator[Cable]:
    http = Http()
    async with await asyncio.start_server(http.answer, HOST, 0) as server:
        media_port = media.transport.get_extra_info("sockname")[1]
        async with Cable(server.sockets[0].getsockname()[1], media_port) as cable:
            yield cable
        await asyncio.gather(*http.served)


@pytest_asyncio.fixture
async def browser(cable: Cable) -> AsyncIterator[socket.socket]:
    """A socket of one, towards the server's media port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.setblocking(False)
        found.connect((HOST, cable.media.port))
        yield found


async def ask(browser: socket.socket, question: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_S):
        await loop.sock_sendall(browser, question)
        return await loop.sock_recv(browser, 100)


async def test_each_socket_has_a_way_of_its_own(cable: Cable, media: Media, browser: socket.socket) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        other.connect((HOST, cable.media.port))
        assert [await ask(browser, b"one"), await ask(other, b"two")] == [b"ONE", b"TWO"]
        assert await ask(browser, b"three") == b"THREE"
    assert len(media.addresses) == 2


async def test_what_is_sent_into_a_cut_cable_never_comes(
    cable: Cable, browser: socket.socket, until: Callable[..., Awaitable[None]]
) -> None:
    assert await ask(browser, b"before") == b"BEFORE"
    cable.cut()
    browser.send(b"lost")
    await until(lambda: cable.media.lost == 1)
    cable.mend()
    assert await ask(browser, b"after") == b"AFTER"


async def test_media_is_lost_and_delayed_as_its_links_say(
    media: Media, until: Callable[..., Awaitable[None]]
) -> None:
    down, up = Link(Conditions(loss=1.0)), Link(Conditions(delay_s=0.001))
    line = MediaLine(media.transport.get_extra_info("sockname")[1], down, up)
    line.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as browser:
        browser.setblocking(False)
        browser.connect((HOST, line.port))
        browser.send(b"lost on its way back")
        await until(lambda: down.lost == 1)
        down.conditions = Conditions(delay_s=0.001)
        assert await ask(browser, b"late") == b"LATE"
    line.close()


async def test_connections_break_and_none_is_made_while_it_is_cut(cable: Cable) -> None:
    reader, writer = await asyncio.open_connection(HOST, cable.line.port)
    writer.write(b"one\n")
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readline() == b"ONE\n"
        cable.cut()
        assert await is_over(reader)
        reader, other = await asyncio.open_connection(HOST, cable.line.port)
        assert await is_over(reader)
        cable.mend()
        reader, third = await asyncio.open_connection(HOST, cable.line.port)
        third.write(b"two\n")
        assert await reader.readline() == b"TWO\n"
    for each in (writer, other, third):
        await closed(each)


async def test_a_page_is_led_to_the_line() -> None:
    line = MediaLine(7000)
    line.open()
    assert f" 7000 /gim, '$1 {line.port} ')" in line.script
    line.close()
