"""DTLS of the bots, against itself without a network."""

from __future__ import annotations

import asyncio

import pytest

from load_tests.dtls import HandshakeFailed, Identity, datagrams


class Wire:
    """Two queues crossed; loses the datagrams whose numbers are given."""

    def __init__(
        self, outgoing: asyncio.Queue[bytes], incoming: asyncio.Queue[bytes], lost: set[int]
    ) -> None:
        self._outgoing, self._incoming, self._lost, self._count = outgoing, incoming, lost, 0

    def send(self, datagram: bytes) -> None:
        self._count += 1
        if self._count not in self._lost:
            self._outgoing.put_nowait(datagram)

    async def receive(self, timeout_s: float) -> bytes:
        async with asyncio.timeout(timeout_s):
            return await self._incoming.get()


def wires(lost: set[int] | None = None) -> tuple[Wire, Wire]:
    there: asyncio.Queue[bytes] = asyncio.Queue()
    back: asyncio.Queue[bytes] = asyncio.Queue()
    return Wire(there, back, lost or set()), Wire(back, there, set())


@pytest.fixture(scope="module")
def identities() -> tuple[Identity, Identity]:
    return Identity(), Identity()


@pytest.mark.parametrize("lost", [set(), {1}], ids=["clean", "first flight lost"])
async def test_both_sides_get_each_others_keys(identities: tuple[Identity, Identity], lost: set[int]) -> None:
    ours, theirs = identities
    left, right = wires(lost)
    client, server = await asyncio.gather(
        ours.handshake(left, client=True, algorithm="sha-256", fingerprint=theirs.fingerprint),
        theirs.handshake(right, client=False, algorithm="sha-256", fingerprint=ours.fingerprint),
    )
    packet = b"\x80\x6f" + bytes(10) + b"sound"
    assert client.profile == server.profile == "SRTP_AEAD_AES_128_GCM"
    assert server.inbound.unprotect(client.outbound.protect(packet)) == packet
    assert client.inbound.unprotect(server.outbound.protect(packet)) == packet


async def test_another_certificate_is_refused(identities: tuple[Identity, Identity]) -> None:
    ours, theirs = identities
    left, right = wires()
    client, _ = await asyncio.gather(
        ours.handshake(left, client=True, algorithm="sha-256", fingerprint=ours.fingerprint),
        theirs.handshake(right, client=False, algorithm="sha-256", fingerprint=ours.fingerprint),
        return_exceptions=True,
    )
    assert isinstance(client, HandshakeFailed)
    assert "certificate" in str(client)


def test_flights_are_cut_at_records() -> None:
    records = [bytes(11) + size.to_bytes(2, "big") + bytes(size) for size in (600, 500, 700, 1500, 3)]
    flight = b"".join(records)
    cut = list(datagrams(flight))
    assert b"".join(cut) == flight
    assert [len(datagram) for datagram in cut] == [600 + 13 + 500 + 13, 700 + 13, 1500 + 13, 3 + 13]
    assert list(datagrams(b"")) == []
