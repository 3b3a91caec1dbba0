"""AES-GCM of RFC 7714 as the engine does it: the RFCs' own examples, and libsrtp, packet by packet."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from sfu.engine import gcm
from sfu.engine.address import pack_address
from sfu.engine.engine import Engine

PROFILES = {
    28: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    44: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
"""By bytes of master key and salt."""
SALT_BYTES = 12
TAG_BYTES = 16
PROTECTS_AT_MOST, UNPROTECTS_AT_MOST = 1356, 1500
"""Bytes that pylibsrtp's own calls take."""


def session(master: bytes, direction: int) -> Session:
    policy = Policy(master, direction, 0, PROFILES[len(master)])
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return Session(policy)


def sender(master: bytes) -> gcm.GcmSender:
    return gcm.GcmSender(*gcm.derive(master[:-SALT_BYTES], master[-SALT_BYTES:]))


def header(ssrc: int, sequence: int, extension: bytes | None = None) -> bytes:
    first = 0x80 if extension is None else 0x90
    head = struct.pack("!BBHII", first, 96, sequence & 0xFFFF, 3000 * sequence & 0xFFFFFFFF, ssrc)
    if extension is None:
        return head
    return head + struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension


def test_there_is_a_cipher() -> None:
    """In the wheel of pylibsrtp that the project is tested with."""
    assert gcm.available


@pytest.mark.parametrize(
    ("key_bytes", "sealed"),
    [
        (
            16,
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
            "899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            32,
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
            "7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ],
    ids=["RFC 7714, 16.1.1", "RFC 7714, 16.2.1"],
)
def test_the_examples_of_the_rfc(key_bytes: int, sealed: str) -> None:
    packet = bytes.fromhex("8040f17b8041f8d35501a0b2") + b"Gallia est omnis divisa in partes tres"
    example = gcm.GcmSender(bytes(range(key_bytes)), bytes.fromhex("517569642070726f2071756f"))
    assert example.protect(packet, 12, 0xF17B) == bytes.fromhex(sealed)


def test_keys_are_derived_as_in_the_rfc() -> None:
    """RFC 3711, B.3."""
    key, salt = gcm.derive(
        bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139"), bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    )
    assert key.hex() == "c61e7a93744f39ee10734afe3ff7a087"
    assert salt.hex() == "30cbbc08863d8c85d49db34a9ae1"


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    master_bytes=st.sampled_from(sorted(PROFILES)),
    ssrc=st.integers(0, 2**32 - 1),
    first=st.integers(0, 0x8000),
    size=st.one_of(st.integers(0, 40), st.integers(0, PROTECTS_AT_MOST - 12 - 4 - 64)),
    words=st.one_of(st.none(), st.integers(0, 16)),
)
def test_the_same_bytes_as_from_libsrtp(
    seed: int, master_bytes: int, ssrc: int, first: int, size: int, words: int | None
) -> None:
    chance = random.Random(seed)
    master = chance.randbytes(master_bytes)
    head = header(ssrc, first, None if words is None else chance.randbytes(4 * words))
    packet = head + chance.randbytes(size)
    sealed = sender(master).protect(packet, len(head), first)
    assert sealed == session(master, Policy.SSRC_ANY_OUTBOUND).protect(packet)
    assert session(master, Policy.SSRC_ANY_INBOUND).unprotect(sealed) == packet


@pytest.mark.parametrize(
    "size", range(UNPROTECTS_AT_MOST - TAG_BYTES - 8, UNPROTECTS_AT_MOST - TAG_BYTES + 1)
)
def test_up_to_the_largest(size: int) -> None:
    master = bytes(range(28))
    packet = header(7, 7) + bytes(size - 12)
    assert session(master, Policy.SSRC_ANY_INBOUND).unprotect(sender(master).protect(packet, 12, 7)) == packet


@pytest.mark.parametrize("master_bytes", PROFILES)
def test_receivers_follow_round_the_numbers(master_bytes: int) -> None:
    """Three times round, with packets left out and packets that come late."""
    chance = random.Random(master_bytes)
    master = chance.randbytes(master_bytes)
    ours, theirs = sender(master), session(master, Policy.SSRC_ANY_INBOUND)
    streams = {ssrc: chance.randrange(0x8000) for ssrc in (1, 0xFFFFFFFF)}
    late: list[tuple[bytes, bytes]] = []
    while min(streams.values()) < 3 << 16:
        for ssrc, index in streams.items():
            packet = header(ssrc, index) + index.to_bytes(6, "big")
            sealed = ours.protect(packet, 12, index)
            if chance.random() < 0.1:
                late.append((sealed, packet))
            else:
                assert theirs.unprotect(sealed) == packet
            streams[ssrc] += chance.choice((1, 1, 200, 900))
        while len(late) > 1:
            sealed, packet = late.pop(chance.randrange(len(late)))
            if streams[int.from_bytes(packet[8:12], "big")] - int.from_bytes(packet[12:], "big") < 1024:
                assert theirs.unprotect(sealed) == packet


def test_a_repeat_is_the_same_to_the_bit() -> None:
    one = sender(bytes(28))
    packet = header(1, 5) + b"sound"
    first = one.protect(packet, 12, 5)
    one.protect(header(1, 6) + b"other", 12, 6)
    assert one.protect(packet, 12, 5) == first


@pytest.mark.parametrize(("key", "salt"), [(b"", bytes(12)), (bytes(24), bytes(12)), (bytes(16), bytes(14))])
def test_keys_of_another_size_are_refused(key: bytes, salt: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        gcm.GcmSender(key, salt)
    with pytest.raises(ValueError, match="bytes"):
        gcm.derive(key, salt[:-1])


@pytest.mark.parametrize("length", [12, 27, 29, 45])
def test_the_engine_takes_no_key_of_another_size(length: int) -> None:
    engine = Engine(seed=1)
    transport = engine.add_transport()
    outbound = session(bytes(28), Policy.SSRC_ANY_OUTBOUND)
    with pytest.raises(ValueError, match="28 or 44"):
        engine.set_keys(transport, outbound, outbound, aead_key=bytes(length))


@pytest.mark.parametrize("available", [True, False])
def test_without_a_cipher_libsrtp_protects(available: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """To whoever receives it makes no difference."""
    monkeypatch.setattr(gcm, "available", available)
    engine = Engine(seed=1)
    keys = [bytes([n]) * 28 for n in range(4)]
    transports = []
    for number, (to_us, to_them) in enumerate((keys[:2], keys[2:])):
        transports.append(engine.add_transport())
        engine.set_address(transports[-1], pack_address("192.0.2.1", 1000 + number))
        inbound = session(to_us, Policy.SSRC_ANY_INBOUND)
        outbound = session(to_them, Policy.SSRC_ANY_OUTBOUND)
        engine.set_keys(transports[-1], inbound, outbound, aead_key=to_them)
    publication = engine.add_publication(
        transports[0],
        kind="audio",
        mid="0",
        clock_rate=48000,
        formats=[("opus", 111, -1, False)],
        encodings=[],
    )
    engine.add_subscription(
        transports[1], publication, mid="0", ssrc=7, rtx_ssrc=0, formats=[(96, -1, False)]
    )
    packet = struct.pack("!BBHII", 0x80, 111, 5, 960, 42) + b"sound"
    publisher = session(keys[0], Policy.SSRC_ANY_OUTBOUND)
    engine.input(publisher.protect(packet), pack_address("192.0.2.1", 1000), 1_000_000)
    got = [datagram for datagram, _ in engine.drain() if not 192 <= datagram[1] <= 223]
    assert [session(keys[3], Policy.SSRC_ANY_INBOUND).unprotect(each)[12:] for each in got] == [b"sound"]
