"""Wrong, replayed, foreign and senseless datagrams: each is dropped under its own counter, harming nobody."""

import random
import struct

import pytest
from pylibsrtp import Error, Policy

from sfu.engine.address import pack_address

SSRC = 77


@pytest.fixture
def publisher(bed):
    peer = bed.peer()
    peer.publication = bed.engine.add_publication(
        peer.transport,
        kind="video",
        mid="0",
        clock_rate=90000,
        formats=[("VP8", 96, -1, True)],
        encodings=[("", SSRC, 0)],
    )
    return peer


def counted(bed, name, datagram, address):
    before = bed.engine.counters()
    bed.engine.input(datagram, address, bed.now_us)
    after = bed.engine.counters()
    changed = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    assert changed.pop("datagrams_in") == 1
    changed.pop("bytes_in", None)
    for kind in ("stun_in", "dtls_in", "rtp_in", "rtcp_in"):
        changed.pop(kind, None)
    assert changed == {name: 1}


def test_replayed(bed, publisher, wire_format):
    datagram = publisher.protect_to.protect(wire_format.rtp(1, b"\x10\x01abcd", ssrc=SSRC))
    bed.engine.input(datagram, publisher.address, bed.now_us)
    counted(bed, "drop_srtp_replay", datagram, publisher.address)


def test_changed_on_the_way(bed, publisher, wire_format):
    datagram = bytearray(publisher.protect_to.protect(wire_format.rtp(1, b"\x10\x01abcd", ssrc=SSRC)))
    datagram[-1] ^= 1
    counted(bed, "drop_srtp_authentication", bytes(datagram), publisher.address)


def test_rtcp_changed_on_the_way(bed, publisher):
    datagram = bytearray(publisher.protect_to.protect_rtcp(struct.pack("!BBHI", 0x80, 201, 1, 5)))
    datagram[-1] ^= 1
    counted(bed, "drop_srtcp", bytes(datagram), publisher.address)


def test_media_from_an_unknown_address(bed, publisher, wire_format):
    datagram = publisher.protect_to.protect(wire_format.rtp(1, b"\x10\x01abcd", ssrc=SSRC))
    counted(bed, "drop_media_unknown_address", datagram, pack_address("198.51.100.9", 9))


def test_media_before_the_keys(bed, wire_format):
    transport = bed.engine.add_transport(ufrag="early")
    address = pack_address("192.0.2.9", 9)
    bed.engine.set_address(transport, address)
    counted(bed, "drop_media_before_keys", wire_format.rtp(1, bytes(8), ssrc=1), address)


def test_dtls_from_an_unknown_address(bed):
    counted(bed, "drop_dtls_unknown_address", bytes([22]) + bytes(40), pack_address("198.51.100.9", 9))


@pytest.mark.parametrize("first", [4, 19, 64, 127, 192, 255])
def test_no_protocol_of_ours(bed, first):
    counted(bed, "drop_unknown_protocol", bytes([first]) + bytes(30), pack_address("198.51.100.9", 9))


def test_empty(bed):
    before = bed.engine.counters()["drop_empty"]
    bed.engine.input(b"", pack_address("198.51.100.9", 9), bed.now_us)
    assert bed.engine.counters()["drop_empty"] == before + 1


def stun(username: bytes, kind: int = 1) -> bytes:
    attribute = struct.pack("!HH", 6, len(username)) + username + bytes(-len(username) % 4)
    return struct.pack("!HHI", kind, len(attribute), 0x2112A442) + bytes(12) + attribute


def test_stun_for_somebody_else(bed):
    counted(bed, "drop_stun_unknown_ufrag", stun(b"nobody:x"), pack_address("198.51.100.9", 9))
    assert bed.engine.events() == []


@pytest.mark.parametrize(
    "datagram",
    [
        b"\0",
        bytes(20),
        stun(b"nocolon"),
        stun(b"a" * 200 + b":b"),
        stun(b"peer1:x")[:-3],
        stun(b"peer1:x", kind=0x101),
    ],
    ids=["short", "no cookie", "no colon", "long", "cut", "a response"],
)
def test_stun_that_is_none(bed, publisher, datagram):
    counted(bed, "drop_stun_malformed", datagram, publisher.address)


def test_stun_flood_for_a_known_ufrag_is_limited(bed, publisher):
    for _ in range(1000):
        bed.engine.input(stun(b"peer1:x"), pack_address("198.51.100.9", 9), bed.now_us)
    assert len(bed.engine.events()) == 100
    assert bed.engine.counters()["drop_stun_rate"] == 900


def test_an_ssrc_nobody_announced(bed, publisher, wire_format):
    datagram = publisher.protect_to.protect(wire_format.rtp(1, b"\x10\x01", ssrc=4, payload_type=50))
    counted(bed, "drop_rtp_unknown_stream", datagram, publisher.address)


def test_a_payload_type_nobody_announced(bed, publisher, wire_format):
    datagram = publisher.protect_to.protect(wire_format.rtp(1, b"\x10\x01", ssrc=SSRC, payload_type=50))
    counted(bed, "drop_rtp_unknown_payload", datagram, publisher.address)


def test_too_large(bed, publisher, wire_format):
    packet = wire_format.rtp(1, bytes(1461), ssrc=SSRC)
    plain = bed.engine.add_transport()
    address = pack_address("", 0, 20)
    bed.engine.set_address(plain, address)
    bed.engine.set_plain(plain)
    bed.engine.add_publication(
        plain,
        kind="video",
        mid="0",
        clock_rate=90000,
        formats=[("VP8", 96, -1, True)],
        encodings=[("", SSRC, 0)],
    )
    counted(bed, "drop_rtp_too_large", packet, address)


@pytest.mark.parametrize(
    "profile", [Policy.SRTP_PROFILE_AES128_CM_SHA1_80, Policy.SRTP_PROFILE_AEAD_AES_256_GCM]
)
def test_every_profile_works(bed, wire_format, profile):
    sender, receiver = bed.peer(profile), bed.peer(profile)
    publication = bed.engine.add_publication(
        sender.transport,
        kind="audio",
        mid="a",
        clock_rate=48000,
        formats=[("opus", 111, -1, False)],
        encodings=[],
    )
    bed.engine.add_subscription(
        receiver.transport, publication, mid="0", ssrc=5, rtx_ssrc=0, formats=[(96, -1, False)]
    )
    for n in range(5):
        sender.send(wire_format.rtp(n, bytes([n]) * 40, ssrc=9, payload_type=111, extensions={1: b"a"}))
    bed.advance(5_000)
    assert [p.payload[0] for p in receiver.packets] == [0, 1, 2, 3, 4]


def test_garbage_from_a_known_peer_leaves_the_others_alone(bed, publisher, wire_format):
    subscriber = bed.peer()
    bed.engine.add_subscription(
        subscriber.transport, publisher.publication, mid="0", ssrc=5, rtx_ssrc=0, formats=[(96, -1, False)]
    )
    chance = random.Random(3)
    for n in range(300):
        publisher.send(wire_format.rtp(n, wire_format.vp8(n, keyframe=n == 0), ssrc=SSRC, marker=True))
        for _ in range(20):
            noise = bytearray(chance.randbytes(chance.randrange(1, 200)))
            sender = chance.choice([publisher, subscriber])
            bed.engine.input(bytes(noise), sender.address, bed.now_us)
            # authenticated nonsense as well: what is behind the cipher is the peer's choice
            noise[0] = 0x80 | noise[0] & 0x3F
            sender.send_rtcp(
                bytes([noise[0], chance.choice([200, 201, 202, 203, 205, 206])]) + bytes(noise) + bytes(8)
            )
            if len(noise) >= 12:
                noise[1] &= 0x3F
                try:
                    protected = sender.protect_to.protect(bytes(noise))
                except Error:  # the sender's own libsrtp may refuse the nonsense
                    continue
                bed.engine.input(protected, sender.address, bed.now_us)
        bed.advance(1_000)
    assert [wire_format.vp8_number(p.payload) for p in subscriber.packets if p.ssrc == 5] == list(range(300))
