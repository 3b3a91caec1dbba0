"""One transport from its first check to its end, with the real engine and a peer in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from sfu.params import (
    Codec,
    DtlsParameters,
    DtlsSetup,
    Encoding,
    IceParameters,
    Kind,
    MediaParameters,
    PayloadFormat,
    RemoteParameters,
    TransportState,
)
from sfu.transport import Transport, TransportClosed

OPUS = MediaParameters(
    Kind.AUDIO, "0", (PayloadFormat(Codec("opus", 48_000, 2), 111),), encodings=(Encoding(ssrc=1234),)
)
CONNECTED, FAILED, CLOSED = TransportState.CONNECTED, TransportState.FAILED, TransportState.CLOSED

PeerOf = Callable[..., Any]


@pytest.fixture
def transport(plane: Any, watch: Any) -> Transport:
    return plane.sfu.create_transport(on_state=watch)


def counted(plane: Any, name: str) -> int:
    return plane.sfu.counters()[name]


# --- coming up ---------------------------------------------------------------------------------


async def test_a_peer_comes_all_the_way(
    transport: Transport, peer_of: PeerOf, plane: Any, watch: Any
) -> None:
    keys = await peer_of(transport).join()
    await watch.reached(CONNECTED)
    assert watch.states == [TransportState.CONNECTING, CONNECTED]
    assert keys.profile == transport.srtp_profile == "SRTP_AEAD_AES_128_GCM"
    assert counted(plane, "transports_connected") == 1
    assert counted(plane, "ice_checks") == 1


async def test_as_dtls_client_it_begins_once_it_knows_where(
    transport: Transport, peer_of: PeerOf, watch: Any
) -> None:
    peer = peer_of(transport)
    peer.start_dtls(DtlsSetup.ACTIVE)  # the peer is the server
    transport.connect(peer.remote(DtlsSetup.PASSIVE))
    await asyncio.sleep(0)
    assert not peer.keys.done()
    peer.check(nominate=False)
    await watch.reached(CONNECTED)
    async with asyncio.timeout(30):
        await peer.keys


async def test_what_overtakes_the_answer_is_not_lost(
    transport: Transport, peer_of: PeerOf, watch: Any
) -> None:
    peer = peer_of(transport)
    peer.check()
    assert len(peer.stun) == 1
    peer.start_dtls()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert transport.state is TransportState.NEW
    transport.connect(peer.remote())
    await watch.reached(CONNECTED)


async def test_media_passes_between_two_transports(
    plane: Any, peer_of: PeerOf, rtp: Callable[..., bytes]
) -> None:
    sender, receiver = plane.sfu.create_transport(), plane.sfu.create_transport()
    publisher, subscriber = peer_of(sender), peer_of(receiver, port=5001)
    sending, receiving = await publisher.join(), await subscriber.join()
    publication = sender.publish(OPUS)
    receiver.subscribe(publication, MediaParameters(Kind.AUDIO, "5", OPUS.formats, encodings=(Encoding(77),)))
    publisher.send(sending.outbound.protect(rtp(1234, 1)))
    (packet,) = [each for each in subscriber.inbound if each[1] & 0x7F == 111]
    plain = receiving.inbound.unprotect(packet)
    assert int.from_bytes(plain[8:12], "big") == 77
    assert plain.endswith(b"opus")
    plane.sfu.drain()
    assert publication.started


async def test_connect_twice_is_one_connection(transport: Transport, peer_of: PeerOf, watch: Any) -> None:
    peer = peer_of(transport)
    await peer.join()
    transport.connect(peer.remote())
    await asyncio.sleep(0)
    assert watch.states == [TransportState.CONNECTING, CONNECTED]


async def test_another_peer_needs_another_transport(
    transport: Transport, peer_of: PeerOf, plane: Any
) -> None:
    peer = peer_of(transport)
    transport.connect(peer.remote())
    with pytest.raises(ValueError, match="identity"):
        transport.connect(peer_of(transport, port=5005).remote())
    with pytest.raises(ValueError, match="role"):
        transport.connect(peer.remote(DtlsSetup.PASSIVE))
    with pytest.raises(ValueError, match="no fingerprint"):
        plane.sfu.create_transport().connect(RemoteParameters(DtlsParameters((), DtlsSetup.ACTIVE)))


async def test_a_new_ufrag_is_an_ice_restart(transport: Transport, peer_of: PeerOf, watch: Any) -> None:
    peer = peer_of(transport)
    dtls = peer.remote().dtls
    transport.connect(RemoteParameters(dtls, IceParameters("one1", "x" * 22)))
    before = transport.local.ice
    transport.connect(RemoteParameters(dtls, IceParameters("one1", "x" * 22)))
    assert transport.local.ice == before
    transport.connect(RemoteParameters(dtls, IceParameters("two2", "x" * 22)))
    assert transport.local.ice != before
    peer.check()
    peer.start_dtls()
    await watch.reached(CONNECTED)


async def test_the_answer_to_our_own_restart_is_not_another_one(
    transport: Transport, peer_of: PeerOf
) -> None:
    dtls = peer_of(transport).remote().dtls
    transport.connect(RemoteParameters(dtls, IceParameters("one1", "x" * 22)))
    before = transport.local.ice
    transport.restart_ice()
    offered = transport.local.ice
    assert offered != before
    transport.connect(RemoteParameters(dtls, IceParameters("two2", "x" * 22)))
    assert transport.local.ice == offered
    transport.connect(RemoteParameters(dtls, IceParameters("six6", "x" * 22)))
    assert transport.local.ice != offered


async def test_media_follows_the_peer_to_a_new_address(
    transport: Transport, peer_of: PeerOf, plane: Any, address_of: Callable[..., bytes]
) -> None:
    peer = peer_of(transport)
    await peer.join()
    plane.clock.advance(5)
    peer.address = address_of("2001:db8::5", 999)
    plane.receivers[peer.address] = peer.received
    peer.check()
    assert plane.engine.transport_stats(transport.id)["address"] == peer.address
    assert counted(plane, "ice_nominations") == 2


async def test_checks_that_say_nothing_new_never_reach_python(
    transport: Transport, peer_of: PeerOf, plane: Any
) -> None:
    peer = peer_of(transport)
    peer.check(nominate=False)
    peer.check(nominate=False)
    peer.check()
    for _ in range(3):
        peer.check()
    assert (counted(plane, "ice_checks"), counted(plane, "stun_answered")) == (2, 4)
    assert len(peer.stun) == 6
    assert {each.attributes["XOR-MAPPED-ADDRESS"] for each in peer.stun} == {("192.0.2.1", 5000)}
    peer.check(priority=101)
    peer.check(priority=101)
    transport.restart_ice()
    peer.check(priority=101)
    assert (counted(plane, "ice_checks"), counted(plane, "stun_answered")) == (4, 5)


async def test_nominations_answered_without_python_hold_the_address(
    transport: Transport, peer_of: PeerOf, plane: Any, address_of: Callable[..., bytes]
) -> None:
    peer = peer_of(transport)
    here, there = peer.address, address_of("192.0.2.1", 5001)
    peer.check(priority=9)
    plane.clock.advance(60)
    peer.check(priority=9)
    peer.address = there
    peer.check(priority=1)
    assert plane.engine.transport_stats(transport.id)["address"] == here
    plane.clock.advance(1)
    peer.check(priority=1)
    assert plane.engine.transport_stats(transport.id)["address"] == there


# --- what is refused ---------------------------------------------------------------------------


async def test_who_does_not_know_the_password_gets_no_answer(
    transport: Transport, peer_of: PeerOf, plane: Any, stun_check: Callable[..., bytes]
) -> None:
    peer = peer_of(transport)
    peer.send(stun_check(f"{transport.local.ice.ufrag}:x", "wrong"))
    assert peer.stun == []
    assert counted(plane, "stun_dropped_unauthenticated") == 1


async def test_a_role_conflict_is_counted(transport: Transport, peer_of: PeerOf, plane: Any) -> None:
    peer = peer_of(transport)
    peer.check(role="ICE-CONTROLLED")
    assert [each.error_code for each in peer.stun] == [487]
    assert counted(plane, "ice_role_conflicts") == 1


async def test_a_dtls_flood_is_dropped_and_counted(transport: Transport, peer_of: PeerOf, plane: Any) -> None:
    peer = peer_of(transport)
    peer.check()
    for _ in range(50):
        peer.send(bytes([22, 254, 255]) + bytes(20))
    assert counted(plane, "dtls_dropped") == 50 - 32


# --- going down --------------------------------------------------------------------------------


async def test_the_peer_closes(transport: Transport, peer_of: PeerOf, watch: Any) -> None:
    peer = peer_of(transport)
    await peer.join()
    publication = transport.publish(OPUS)
    peer.dtls.close()
    await watch.reached(CLOSED)
    assert (transport.failure, publication.closed) == ("peer_closed", True)


async def test_we_close_and_the_peer_hears_it(
    transport: Transport, peer_of: PeerOf, plane: Any, watch: Any
) -> None:
    peer = peer_of(transport)
    await peer.join()
    await transport.close()
    await transport.close()
    async with asyncio.timeout(30):
        assert await peer.ended == "peer_closed"
    await watch.reached(CLOSED)
    assert watch.states.count(CLOSED) == 1
    assert not any(plane.engine.census().values())


async def test_closing_one_that_never_began(transport: Transport, plane: Any, watch: Any) -> None:
    await transport.close()
    await watch.reached(CLOSED)
    assert plane.sfu.census()["transports"] == 0


async def test_closing_in_the_middle_of_the_handshake(
    transport: Transport, peer_of: PeerOf, plane: Any
) -> None:
    before = len(asyncio.all_tasks())
    peer = peer_of(transport)
    transport.connect(peer.remote(DtlsSetup.PASSIVE))
    peer.check()
    await asyncio.sleep(0)
    await transport.close()
    assert len(asyncio.all_tasks()) == before
    assert counted(plane, "transports_connected") == 0


async def test_the_handshake_has_a_time_limit(
    transport: Transport, peer_of: PeerOf, plane: Any, watch: Any
) -> None:
    transport.connect(peer_of(transport).remote())
    plane.sfu.tick(plane.clock.advance(15.0))
    assert transport.state is TransportState.CONNECTING
    plane.sfu.tick(plane.clock.advance(0.1))
    await watch.reached(FAILED)
    assert transport.failure == "handshake_timeout"
    assert counted(plane, "transports_failed_handshake_timeout") == 1


async def test_consent_expires_without_checks(
    transport: Transport, peer_of: PeerOf, plane: Any, watch: Any
) -> None:
    peer = peer_of(transport)
    await peer.join()
    plane.sfu.tick(plane.clock.advance(29))
    peer.check()
    plane.sfu.tick(plane.clock.advance(30))
    assert transport.state is CONNECTED
    plane.sfu.tick(plane.clock.advance(0.1))
    await watch.reached(FAILED)
    assert transport.failure == "consent_expired"


async def test_media_follows_a_peer_before_it_nominates(
    transport: Transport,
    peer_of: PeerOf,
    plane: Any,
    clock: Any,
    rtp: Callable[..., bytes],
    address_of: Callable[..., bytes],
) -> None:
    peer = peer_of(transport)
    keys = await peer.join()
    wifi, mobile = peer.address, address_of("198.51.100.7", 4000)
    plane.receivers[mobile] = peer.received
    peer.address = mobile
    peer.check(nominate=False)
    clock.advance(1.0)
    peer.send(keys.outbound.protect(rtp(1234, 1)))
    plane.sfu.drain()
    assert counted(plane, "ice_moves") == 1
    assert transport._ice.selected == mobile != wifi
    # What is nominated now says nothing new, and is answered by the packet thread.
    peer.check()
    peer.check()
    assert (counted(plane, "ice_nominations"), counted(plane, "stun_answered")) == (1, 2)


async def test_authenticated_media_is_consent_too(
    transport: Transport, peer_of: PeerOf, plane: Any, rtp: Callable[..., bytes]
) -> None:
    peer = peer_of(transport)
    keys = await peer.join()
    transport.publish(OPUS)
    for number in range(4):
        plane.clock.advance(20)
        peer.send(keys.outbound.protect(rtp(1234, number)))
        plane.sfu.tick(plane.clock.now)
        assert transport.state is CONNECTED
    for number in range(4):  # of an unknown key
        plane.clock.advance(20)
        peer.send(rtp(1234, 10 + number))
        plane.sfu.tick(plane.clock.now)
    assert transport.state is FAILED


async def test_a_wrong_fingerprint_fails(
    transport: Transport, peer_of: PeerOf, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    peer, other = peer_of(transport), peer_of(transport, port=5009)
    peer.check()
    transport.connect(other.remote())
    with caplog.at_level(logging.WARNING):
        peer.start_dtls()
        await watch.reached(FAILED)
    assert transport.failure == "fingerprint_mismatch"
    assert "fingerprint_mismatch" in caplog.text


async def test_nothing_can_be_added_after_the_end(transport: Transport, peer_of: PeerOf, plane: Any) -> None:
    publication = plane.sfu.create_transport().publish(OPUS)
    await transport.close()
    for call in (
        lambda: transport.publish(OPUS),
        lambda: transport.subscribe(publication, OPUS),
        lambda: transport.connect(peer_of(transport).remote()),
        transport.restart_ice,
    ):
        with pytest.raises(TransportClosed):
            call()


async def test_events_for_one_that_has_ended_are_counted(
    transport: Transport, peer_of: PeerOf, plane: Any, stun_check: Callable[..., bytes]
) -> None:
    peer = peer_of(transport)
    ice = transport.local.ice
    plane.engine.input(stun_check(f"{ice.ufrag}:x", ice.pwd), peer.address, plane.clock.now_us)
    closing = asyncio.ensure_future(transport.close())
    await asyncio.sleep(0)
    plane.sfu.drain()
    await closing
    assert counted(plane, "events_for_closed") == 1


async def test_a_lost_tcp_connection_can_come_back_by_another(
    transport: Transport, peer_of: PeerOf, plane: Any, tcp_address: Callable[..., bytes]
) -> None:
    peer = peer_of(transport)
    peer.address = tcp_address(0)
    plane.receivers[peer.address] = peer.received
    await peer.join()
    transport.address_gone(peer.address)
    assert transport.state is CONNECTED
    peer.address = tcp_address(1)
    plane.receivers[peer.address] = peer.received
    peer.check(nominate=False)
    assert plane.engine.transport_stats(transport.id)["address"] == peer.address


# --- a process beside us -----------------------------------------------------------------------


async def test_a_local_transport_gets_plain_packets(
    plane: Any, peer_of: PeerOf, rtp: Callable[..., bytes], address_of: Callable[..., bytes]
) -> None:
    sender = plane.sfu.create_transport()
    publisher = peer_of(sender)
    keys = await publisher.join()
    local = plane.sfu.create_local_transport()
    publication = sender.publish(OPUS)
    local.subscribe(publication, MediaParameters(Kind.AUDIO, "x", OPUS.formats, encodings=(Encoding(55),)))
    publisher.send(keys.outbound.protect(rtp(1234, 1)))
    packets = [datagram for datagram, _ in plane.unclaimed if datagram[1] & 0x7F == 111]
    assert [int.from_bytes(each[8:12], "big") for each in packets] == [55]
    local.close()
    local.close()


async def test_a_local_transport_ends_with_its_process(plane: Any, watch: Any) -> None:
    local = plane.sfu.create_local_transport(on_state=watch)
    publication = plane.sfu.create_transport().publish(OPUS)
    subscription = local.subscribe(
        publication, MediaParameters(Kind.AUDIO, "x", OPUS.formats, encodings=(Encoding(55),))
    )
    local.address_gone(b"")
    await watch.reached(CLOSED)
    assert subscription.closed
    assert not publication.closed
