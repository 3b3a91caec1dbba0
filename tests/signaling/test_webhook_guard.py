"""Where webhooks may go: at every address that is about to be connected to."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from signaling.webhook_guard import AddressRefused, Guard
from signaling.webhooks import Answer, connector, sender

LOOPBACK = ("127.0.0.0/8", "::1")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
        # IPv4 inside IPv6: mapped, 6to4, NAT64, Teredo
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::a00:1"),
        *("64:ff9b::7f00:1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        *("localhost", "example.org", "", "1.2.3", "127.1"),
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not Guard().admits(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14"])
def test_public_addresses_are_told(address: str) -> None:
    assert Guard().admits(address)
    assert not Guard(deny=["0.0.0.0/0", "::/0"]).admits(address)


def test_what_is_allowed_and_what_is_denied_all_the_same() -> None:
    guard = Guard(allow=["10.1.0.0/16", "127.0.0.1", "fc00::/7"], deny=["10.1.2.0/24", "8.8.8.8"])
    for address, admitted in {
        "10.1.0.1": True,
        "::ffff:10.1.0.1": True,
        "64:ff9b::a01:1": True,
        "10.1.2.3": False,
        "::ffff:10.1.2.3": False,
        "10.2.0.1": False,
        "127.0.0.1": True,
        "127.0.0.2": False,
        "fd00::1": True,
        "8.8.4.4": True,
        "8.8.8.8": False,
    }.items():
        assert guard.admits(address) is admitted, address


@pytest.mark.parametrize("text", ["10.0.0.1/8", "school", "", "10.0.0.0/33"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError):
        Guard(allow=[text])


@pytest.mark.parametrize(
    ("url", "possible"),
    [
        ("https://school.example/e", True),
        ("https://93.184.215.14:8443/", True),
        ("http://127.0.0.1/", False),
        ("http://127.1/", False),
        ("http://0x7f000001/", False),
        ("http://2130706433/", False),
        ("http://localhost:8080/", False),
        ("http://LOCALHOST./", False),
        ("http://[::1]/", False),
        ("http://[fe80::1%25eth0]/", False),
        ("http://[2606:2800:21f:cb07::1]/", True),
    ],
)
def test_urls_that_have_no_chance_are_known_when_they_are_set_up(url: str, possible: bool) -> None:
    assert Guard().may_be(url) is possible
    assert Guard(allow=(*LOOPBACK, "fe80::/10")).may_be(url)


def test_no_socket_is_made_for_what_is_refused() -> None:
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 80))
    with pytest.raises(AddressRefused):
        Guard().socket(address)
    with Guard(allow=["10.0.0.0/8"]).socket(address) as made:
        assert made.family is socket.AF_INET


# --- on the way ---------------------------------------------------------------------------------------------


class Names(AbstractResolver):
    """A resolver that says what it is told; another time perhaps something else."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = self.addresses[min(self.asked, len(self.addresses)) - 1]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        pass


@pytest_asyncio.fixture
async def knocked() -> AsyncIterator[tuple[TestServer, list[str]]]:
    """A service on this machine, and who knocked at it."""
    heard: list[str] = []

    async def take(request: web.Request) -> web.Response:
        heard.append(request.path)
        if request.path == "/moved":
            raise web.HTTPTemporaryRedirect("http://127.0.0.1:1/inside")
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/{any:.*}", take)
    server = TestServer(app)
    await server.start_server()
    yield server, heard
    await server.close()


Post = Callable[..., Awaitable[Answer]]


@pytest_asyncio.fixture
async def post() -> AsyncIterator[Post]:
    """Sends to a URL through a guard, as the server does."""

    async def send(url: Any, guard: Guard, names: Names | None = None) -> Answer:
        door = connector(guard)
        if names is not None:
            door._resolver = names
        async with aiohttp.ClientSession(connector=door) as http:
            return await sender(http)(str(url), b"{}", {})

    yield send


async def test_nobody_on_this_machine_hears_of_it(post: Post, knocked: Any) -> None:
    server, heard = knocked
    answer = await post(server.make_url("/e"), Guard())
    assert (answer.status, heard) == (0, [])
    assert "webhook_allow" in answer.error
    assert (await post(server.make_url("/e"), Guard(allow=LOOPBACK))).taken
    assert heard == ["/e"]


async def test_a_name_is_judged_by_what_it_resolves_to(post: Post, knocked: Any) -> None:
    server, heard = knocked
    url = f"http://school.example:{server.port}/e"
    assert not (await post(url, Guard(), Names("127.0.0.1"))).taken
    assert heard == []
    assert (await post(url, Guard(allow=LOOPBACK), Names("127.0.0.1"))).taken


async def test_a_name_that_is_resolved_otherwise_the_next_time_gains_nothing(
    post: Post, knocked: Any
) -> None:
    """What was looked at is what is connected to: the second answer is looked at as well."""
    server, heard = knocked
    names = Names("127.0.0.1", "127.0.0.2")
    guard = Guard(allow=["127.0.0.1/32"])
    url = f"http://school.example:{server.port}/e"
    assert (await post(url, guard, names)).taken
    assert not (await post(url, guard, names)).taken
    assert (names.asked, heard) == (2, ["/e"])


async def test_redirects_lead_nowhere(post: Post, knocked: Any) -> None:
    server, heard = knocked
    answer = await post(server.make_url("/moved"), Guard(allow=LOOPBACK))
    assert (answer.status, heard) == (307, ["/moved"])
