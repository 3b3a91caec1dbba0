"""A bot's side of DTLS-SRTP (RFC 5764), by pyOpenSSL alone: not the server's library, and no task per
connection."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Policy, Session

HANDSHAKE_TIMEOUT_S = 15.0
MAX_FLIGHT_OCTETS = 65_536
MAX_DATAGRAM_OCTETS = 1_200
RECORD_HEADER_OCTETS = 13
EXPORTER = b"EXTRACTOR-dtls_srtp"
CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"


@dataclass(frozen=True, slots=True)
class Profile:
    """RFC 5764, 4.1.2 and RFC 7714, 14.2; lengths in bytes."""

    openssl_name: bytes
    libsrtp_number: int
    key_octets: int
    salt_octets: int


PROFILES = (
    Profile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    Profile(b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
    Profile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)


class HandshakeFailed(Exception):  # noqa: N818
    """No keys came out of it; the text says why."""


class DatagramChannel(Protocol):
    """Where the handshake's datagrams go to and come from."""

    def send(self, datagram: bytes) -> None: ...

    async def receive(self, timeout_s: float) -> bytes:
        """The next DTLS datagram; raises TimeoutError."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    profile: str
    inbound: Session
    outbound: Session


class Identity:
    """One certificate for all bots: making one costs more than a handshake's other work."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(8))])
        now = datetime.datetime.now(tz=datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = colons(certificate.fingerprint(hashes.SHA256()))
        self._context = SSL.Context(SSL.DTLS_METHOD)
        # Certificates are self-signed by design: the fingerprint in the SDP says whether it is the right one.
        self._context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self._context.use_certificate(certificate)
        self._context.use_privatekey(key)
        self._context.set_cipher_list(CIPHERS)
        self._context.set_tlsext_use_srtp(b":".join(profile.openssl_name for profile in PROFILES))

    async def handshake(
        self, channel: DatagramChannel, *, client: bool, algorithm: str, fingerprint: str
    ) -> SrtpKeys:
        """Handshakes as DTLS client or server with the peer of this fingerprint. Raises HandshakeFailed."""
        connection = SSL.Connection(self._context)
        connection.set_connect_state() if client else connection.set_accept_state()
        await _shake(connection, channel)
        peer = connection.get_peer_certificate(as_cryptography=True)
        if algorithm != "sha-256" or peer is None or colons(peer.fingerprint(hashes.SHA256())) != fingerprint:
            raise HandshakeFailed("the server's certificate is not the one of its answer")
        return _keys(connection, client)


def colons(digest: bytes) -> str:
    """A fingerprint as SDP writes it (RFC 8122, 5)."""
    return ":".join(f"{octet:02X}" for octet in digest)


async def _shake(connection: SSL.Connection, channel: DatagramChannel) -> None:
    left_s = HANDSHAKE_TIMEOUT_S
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            raise HandshakeFailed(f"DTLS failed: {error}") from error
        else:
            _flush(connection, channel)
            return
        _flush(connection, channel)
        wait_s = connection.DTLSv1_get_timeout() or 1.0
        try:
            connection.bio_write(await channel.receive(wait_s))
        except TimeoutError:
            left_s -= wait_s
            if left_s <= 0:
                raise HandshakeFailed(f"no DTLS answer within {HANDSHAKE_TIMEOUT_S:.0f} s") from None
            connection.DTLSv1_handle_timeout()


def _flush(connection: SSL.Connection, channel: DatagramChannel) -> None:
    try:
        flight = connection.bio_read(MAX_FLIGHT_OCTETS)
    except SSL.WantReadError:
        return
    for datagram in datagrams(flight):
        channel.send(datagram)


def datagrams(flight: bytes) -> Iterator[bytes]:
    """OpenSSL's memory BIO forgets datagram borders; cuts a flight at its records (RFC 6347, 4.1) again."""
    start = at = 0
    while at < len(flight):
        end = at + RECORD_HEADER_OCTETS + int.from_bytes(flight[at + 11 : at + 13], "big")
        if end - start > MAX_DATAGRAM_OCTETS and at > start:
            yield flight[start:at]
            start = at
        at = end
    if start < len(flight):
        yield flight[start:]


def _keys(connection: SSL.Connection, client: bool) -> SrtpKeys:
    selected = connection.get_selected_srtp_profile()
    profile = next((profile for profile in PROFILES if profile.openssl_name == selected), None)
    if profile is None:
        raise HandshakeFailed("no SRTP profile in common")
    key, salt = profile.key_octets, profile.salt_octets
    material = connection.export_keying_material(EXPORTER, 2 * (key + salt))
    client_key = material[:key] + material[2 * key : 2 * key + salt]
    server_key = material[key : 2 * key] + material[2 * key + salt :]
    ours, theirs = (client_key, server_key) if client else (server_key, client_key)
    return SrtpKeys(
        profile=profile.openssl_name.decode(),
        inbound=_session(theirs, profile, Policy.SSRC_ANY_INBOUND),
        outbound=_session(ours, profile, Policy.SSRC_ANY_OUTBOUND),
    )


def _session(key: bytes, profile: Profile, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile.libsrtp_number)
    policy.allow_repeat_tx = True  # a retransmission is the same packet again
    policy.window_size = 1024
    return Session(policy)
