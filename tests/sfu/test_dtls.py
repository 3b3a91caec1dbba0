"""DTLS sessions against one another, in memory: keys, identities, the end."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sfu import dtls
from sfu.dtls import (
    MAX_QUEUED,
    PRIVATE_NAMES,
    Certificate,
    CertificateError,
    DtlsSession,
    SrtpKeys,
    generate_certificate,
    load_certificate,
)
from sfu.params import DtlsParameters, DtlsSetup, Fingerprint

CLIENT_HELLO = bytes([22, 254, 255]) + bytes(30)


class End:
    """One of two sessions."""

    def __init__(self, certificate: Certificate) -> None:
        loop = asyncio.get_running_loop()
        self.certificate = certificate
        self.other: End | None = None
        self.keys: asyncio.Future[SrtpKeys] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.sent: list[bytes] = []
        self.session = DtlsSession(
            certificate,
            name="end",
            send=self.send,
            on_keys=self.keys.set_result,
            on_end=self.ended.set_result,
        )

    def send(self, datagram: bytes) -> None:
        self.sent.append(datagram)
        if self.other is not None:
            self.other.session.receive(datagram)


Ends = tuple[End, End]


@pytest_asyncio.fixture
async def ends(certificate: Certificate) -> AsyncIterator[Ends]:
    """(DTLS server, DTLS client)."""
    server, client = End(certificate), End(generate_certificate())
    server.other, client.other = client, server
    yield server, client
    server.session.close()
    client.session.close()


def start(ends: Ends, *, fingerprint_of_client: str | None = None) -> None:
    server, client = ends
    theirs = client.certificate.fingerprints
    if fingerprint_of_client is not None:
        theirs = (Fingerprint("sha-256", fingerprint_of_client),)
    server.session.start(DtlsParameters(theirs, DtlsSetup.ACTIVE))
    client.session.start(DtlsParameters(server.certificate.fingerprints, DtlsSetup.PASSIVE))


async def handshake(ends: Ends) -> tuple[SrtpKeys, SrtpKeys]:
    start(ends)
    async with asyncio.timeout(30):
        return await ends[0].keys, await ends[1].keys


GCM_TAG = 16
"""Bytes (RFC 7714, 13.2)."""


async def test_both_ends_get_each_others_keys(ends: Ends, rtp: Callable[..., bytes]) -> None:
    server, client = await handshake(ends)
    for one, other in ((server, client), (client, server)):
        for number in range(3):
            packet = rtp(42, number)
            sealed = one.outbound.protect(packet)
            assert len(sealed) == len(packet) + GCM_TAG
            assert other.inbound.unprotect(sealed) == packet


async def test_aes_gcm_is_the_first_choice(ends: Ends) -> None:
    server, client = await handshake(ends)
    assert server.profile == client.profile == "SRTP_AEAD_AES_128_GCM"
    assert (len(server.aead_key), len(client.aead_key)) == (28, 28)
    assert server.aead_key != client.aead_key and server.aead_key.hex() not in repr(server)


async def test_an_old_peer_gets_aes_cm(ends: Ends) -> None:
    _, client = ends
    client.certificate._create_ssl_context([dtls.SRTP_AES128_CM_SHA1_80])
    keys, _ = await handshake(ends)
    assert (keys.profile, keys.aead_key) == ("SRTP_AES128_CM_SHA1_80", b"")


async def test_a_packet_can_be_sent_twice_but_not_received_twice(
    ends: Ends, rtp: Callable[..., bytes]
) -> None:
    server, client = await handshake(ends)
    sealed = server.outbound.protect(rtp(42, 1))
    assert server.outbound.protect(rtp(42, 1)) == sealed
    client.inbound.unprotect(sealed)
    with pytest.raises(Exception, match="replay"):
        client.inbound.unprotect(sealed)


async def test_a_wrong_fingerprint_fails_with_its_reason(ends: Ends) -> None:
    start(ends, fingerprint_of_client=":".join(["00"] * 32))
    async with asyncio.timeout(30):
        assert await ends[0].ended == "fingerprint_mismatch"
        assert await ends[1].ended == "peer_closed"
    assert not ends[0].keys.done()


async def test_no_common_srtp_profile_fails_with_its_reason(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    for end in ends:
        end.certificate._create_ssl_context(dtls.SRTP_PROFILES)
    monkeypatch.setattr(dtls, "SRTP_PROFILES", [])
    start(ends)
    async with asyncio.timeout(30):
        assert await ends[0].ended == "no_srtp_profile"


async def test_garbage_in_the_handshake_is_survived(ends: Ends) -> None:
    server, _ = ends
    server.session.receive(CLIENT_HELLO)
    await handshake(ends)


async def test_an_alert_ends_the_handshake(ends: Ends, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    server, client = ends
    client.other = None
    client.session.start(DtlsParameters(server.certificate.fingerprints, DtlsSetup.PASSIVE))
    fatal_handshake_failure = bytes([21, 254, 253]) + bytes(8) + bytes([0, 2, 2, 40])
    client.session.receive(fatal_handshake_failure)
    async with asyncio.timeout(30):
        assert await client.ended == "handshake_failed"
    assert "handshake failure" in caplog.text


async def test_a_hello_that_is_thrown_away_is_soon_repeated(ends: Ends) -> None:
    server, client = ends
    receive, thrown_away = server.session.receive, []

    def throw_first_away(datagram: bytes) -> bool:
        if not thrown_away:
            thrown_away.append(datagram)
            return True
        return receive(datagram)

    server.session.receive = throw_first_away  # type: ignore[method-assign]
    start(ends)
    async with asyncio.timeout(30):
        await server.keys
    # OpenSSL's own repetition would have another sequence number.
    assert thrown_away[0] == client.sent[0] == client.sent[1]


async def test_a_flight_that_is_lost_is_repeated(ends: Ends) -> None:
    server, client = ends
    receive, lost = client.session.receive, []

    def lose_first(datagram: bytes) -> bool:
        if not lost:
            lost.append(datagram)
            return True
        return receive(datagram)

    client.session.receive = lose_first  # type: ignore[method-assign]
    start(ends)
    async with asyncio.timeout(30):
        await client.keys
    assert len(server.sent) > 2


async def test_datagrams_before_the_start_wait(ends: Ends) -> None:
    server, client = ends
    client.session.start(DtlsParameters(server.certificate.fingerprints, DtlsSetup.PASSIVE))
    await asyncio.sleep(0)
    server.session.start(DtlsParameters(client.certificate.fingerprints, DtlsSetup.ACTIVE))
    async with asyncio.timeout(30):
        await server.keys


async def test_the_queue_is_bounded_and_takes_only_dtls(ends: Ends) -> None:
    server, _ = ends
    for datagram in (b"", b"\x00stun", b"\x80rtp", bytes([64])):
        assert not server.session.receive(datagram)
    assert [server.session.receive(CLIENT_HELLO) for _ in range(MAX_QUEUED + 1)] == [True] * MAX_QUEUED + [
        False
    ]


async def test_closing_tells_the_other_end(ends: Ends) -> None:
    await handshake(ends)
    server, client = ends
    client.session.close()
    async with asyncio.timeout(30):
        assert await server.ended == "peer_closed"
    assert not client.ended.done()


async def test_close_notify_is_answered(ends: Ends) -> None:
    await handshake(ends)
    server, client = ends
    server.sent.clear()
    client.session.close()
    async with asyncio.timeout(30):
        await server.ended
    assert len(server.sent) == 1
    assert server.sent[0][0] == 21 or server.sent[0][0] & 0xE0 == 0x20  # alert; hidden in DTLS 1.3


async def test_closing_during_the_handshake_leaves_no_task(ends: Ends) -> None:
    server, client = ends
    client.other = None  # nobody answers
    before = asyncio.all_tasks()
    client.session.start(DtlsParameters(server.certificate.fingerprints, DtlsSetup.PASSIVE))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert client.sent
    client.session.close()
    assert asyncio.all_tasks() == before
    assert not client.ended.done()


async def test_close_before_the_start_and_twice(ends: Ends) -> None:
    server, _ = ends
    server.session.close()
    server.session.close()


async def test_a_mistake_of_ours_is_reported(ends: Ends, caplog: pytest.LogCaptureFixture) -> None:
    server, _ = ends

    def fail(keys: SrtpKeys) -> None:
        raise RuntimeError("ours")

    server.session._on_keys = fail
    start(ends)
    async with asyncio.timeout(30):
        assert await server.ended == "internal_error"
    assert "RuntimeError: ours" in caplog.text


def test_one_context_serves_all_transports(certificate: Certificate) -> None:
    assert certificate._create_ssl_context([]) is certificate._create_ssl_context([])


def test_private_names_are_still_there(certificate: Certificate) -> None:
    for owner, names in PRIVATE_NAMES.items():
        assert isinstance(certificate, owner)
        assert [name for name in names if not hasattr(certificate, name)] == []


# --- certificates ------------------------------------------------------------------------------


def test_a_certificate_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "dtls.pem"
    made = load_certificate(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_certificate(path).fingerprints == made.fingerprints
    assert [each.name for each in tmp_path.iterdir()] == ["dtls.pem"]


def test_fingerprints_are_written_as_in_sdp(certificate: Certificate) -> None:
    (fingerprint,) = certificate.fingerprints
    assert fingerprint.algorithm == "sha-256"
    assert len(fingerprint.value) == 95
    assert fingerprint.value == fingerprint.value.upper()
    theirs = {each.algorithm: each.value for each in certificate.getFingerprints()}
    assert theirs["sha-256"] == fingerprint.value


def test_a_certificate_about_to_expire_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dtls.pem"
    monkeypatch.setattr(dtls, "VALIDITY", dtls.RENEWAL - datetime.timedelta(days=1))
    old = load_certificate(path)
    monkeypatch.undo()
    new = load_certificate(path)
    assert new.fingerprints != old.fingerprints
    assert load_certificate(path).fingerprints == new.fingerprints


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate_pem(certificate: Certificate) -> bytes:
    return certificate._cert.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda _: b"nothing of the kind", "no PEM file"),
        (lambda own: certificate_pem(own), "no PEM file"),
        (lambda own: pem(ec.generate_private_key(ec.SECP384R1())) + certificate_pem(own), "P-256"),
        (lambda own: pem(ec.generate_private_key(ec.SECP256R1())) + certificate_pem(own), "does not belong"),
    ],
)
def test_a_bad_certificate_file_says_what_is_wrong(
    tmp_path: Path, certificate: Certificate, content: Callable[[Certificate], bytes], message: str
) -> None:
    path = tmp_path / "dtls.pem"
    path.write_bytes(content(certificate))
    with pytest.raises(CertificateError, match=message):
        load_certificate(path)


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="cannot be read"):
        load_certificate(tmp_path)
    with pytest.raises(CertificateError, match="cannot be written"):
        load_certificate(tmp_path / "missing" / "dtls.pem")
