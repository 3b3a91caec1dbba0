"""DTLS of one transport: handshake, identity, SRTP keys, close_notify. The only file of the server that
knows aiortc.

Theory of operation. OpenSSL is sans-IO here: a datagram goes in (`receive`), OpenSSL takes its step, and what
it wants to say goes out by a callback, all of it in the same call. There is no task and nothing waits; one
timer repeats a flight that nobody answers. aiortc has the certificate, the context and the SRTP profiles; its
transport would be two tasks, an event emitter and a router of RTP for each connection, of which the packet
engine needs none. RTP never comes here.

The handshake has no time limit of its own: whoever owns the session ends it by `close`, which aborts a
handshake in progress as well.

`PRIVATE_NAMES` lists what of aiortc is used without its public promise; a test looks whether it is all
still there.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTPProtectionProfile,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto
from pylibsrtp import Policy, Session

from .params import DtlsParameters, DtlsSetup, Fingerprint

log = logging.getLogger(__name__)

RELEASE_BUFFERS = 0x10
"""SSL_MODE_RELEASE_BUFFERS of OpenSSL, which pyOpenSSL has no name for: a connection that is idle (after its
handshake all of ours are) gives its buffers back, a fifth of what it holds."""

PRIVATE_NAMES = {RTCCertificate: ("_cert", "_create_ssl_context", "_key")}

SRTP_PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80]
"""In our order: AES-GCM costs a third of AES-CM with HMAC-SHA1, and 128 bits are enough (DESIGN of the
engine)."""
AEAD_PROFILES = (SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM)
REPLAY_WINDOW_PACKETS = 1024
"""A late retransmission of a 10 Mbit/s stream comes up to a second, 1,000 packets, after its neighbours."""

MAX_QUEUED = 32
"""DTLS datagrams that wait for the handshake: one flight of the peer has at most 10, and it repeats them."""
MAX_DATAGRAM_OCTETS = 1500
"""A flight of ours has one certificate on P-256 in it and fits one datagram."""
DIGESTS = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}
"""Of fingerprints (RFC 8122, 5); those by other functions are passed over."""
HELLO_REPEAT_S = 0.05
"""As client we repeat a ClientHello that nobody answered once after so long, and leave the rest to OpenSSL,
whose first repetition comes after a second. FFmpeg's WHIP muxer, as DTLS server, takes the first one as the
sign that ICE is done, throws it away, and waits for the next."""
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
)
"""RSA only matters where the peer is the DTLS server: GStreamer's certificate is RSA."""

VALIDITY = datetime.timedelta(days=365)
RENEWAL = datetime.timedelta(days=30)
"""A certificate with less left is replaced when the server starts."""


class CertificateError(Exception):
    """The certificate file cannot be used; str() says why and what to do."""


class Certificate(RTCCertificate):
    """Our DTLS identity, and the one OpenSSL context that all transports share: making one costs as much as
    half a handshake."""

    _context: SSL.Context | None = None

    @functools.cached_property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        value = self._cert.fingerprint(hashes.SHA256()).hex(":").upper()
        return (Fingerprint("sha-256", value),)

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            context = super()._create_ssl_context(srtp_profiles)
            context.set_cipher_list(CIPHERS)
            # Nobody resumes: every connection has a fresh certificate check. The cache would only grow.
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            context.set_mode(RELEASE_BUFFERS)
            self._context = context
        return self._context

    def connection(self) -> SSL.Connection:
        """A new one, with buffers in memory for its two ends."""
        return SSL.Connection(self._create_ssl_context(SRTP_PROFILES))


def generate_certificate() -> Certificate:
    """A new self-signed one. P-256 with ECDSA: all peers take it, and a flight of it fits one datagram."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tongke")])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # the peer's clock may be slow
        .not_valid_after(now + VALIDITY)
        .sign(key, hashes.SHA256())
    )
    return Certificate(key=key, cert=certificate)


def load_certificate(path: Path) -> Certificate:
    """The certificate and key in the PEM file `path`, which is made when missing or about to expire.
    Raises CertificateError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _save(generate_certificate(), path)
    except OSError as error:
        raise CertificateError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        key = serialization.load_pem_private_key(data, password=None)
        certificate = x509.load_pem_x509_certificate(data)
    except (ValueError, TypeError) as error:
        advice = "Remove it, and a new one is made."
        raise CertificateError(f"{path} is no PEM file with a certificate and its key. {advice}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateError(f"The key in {path} is not on the curve P-256.")
    if certificate.public_key() != key.public_key():
        raise CertificateError(f"The certificate in {path} does not belong to the key beside it.")
    if certificate.not_valid_after_utc - datetime.datetime.now(tz=datetime.UTC) < RENEWAL:
        return _save(generate_certificate(), path)
    return Certificate(key=key, cert=certificate)


def _save(certificate: Certificate, path: Path) -> Certificate:
    pem = certificate._key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate._cert.public_bytes(serialization.Encoding.PEM)
    partial = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        partial.replace(path)
    except OSError as error:
        raise CertificateError(f"{path} cannot be written: {error.strerror}.") from error
    return certificate


# --- one transport -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What the packet engine needs of a finished handshake."""

    inbound: Session
    outbound: Session
    aead_key: bytes = field(repr=False)
    """Master key and salt of our sending where the profile is an AEAD, else empty: with them the engine
    protects RTP itself (engine/gcm.pyx)."""
    profile: str
    """Name of the protection profile, for logs and statistics."""


class DtlsSession:
    """One association, from either role. `on_keys` and `on_end` are called at most once each, in the event
    loop, from inside `receive` or a timer, and not after `close`."""

    def __init__(
        self,
        certificate: Certificate,
        *,
        name: str,
        send: Callable[[bytes], None],
        on_keys: Callable[[SrtpKeys], None],
        on_end: Callable[[str], None],
    ) -> None:
        """on_end: with the reason, one of `peer_closed`, `handshake_failed`, `fingerprint_mismatch`,
        `no_srtp_profile`, `internal_error`. name: for logs."""
        self._certificate = certificate
        self._name = name
        self._send = send
        self._on_keys = on_keys
        self._on_end = on_end
        self._remote: DtlsParameters | None = None
        self._connection: SSL.Connection | None = None
        """While it lives: from `start` to the end, whoever ends it."""
        self._waiting: deque[bytes] = deque()
        self._working = False
        self._keyed = False
        self._ended = False
        self._last = b""
        self._timer: asyncio.TimerHandle | None = None

    def start(self, remote: DtlsParameters) -> None:
        """Begins the handshake: as client when the peer is PASSIVE, else as server. Once."""
        assert self._remote is None
        self._remote = remote
        self._connection = self._certificate.connection()
        loop = asyncio.get_running_loop()
        if self._is_client:
            self._connection.set_connect_state()
            self._timer = loop.call_later(HELLO_REPEAT_S, self._repeat_hello)
        else:
            self._connection.set_accept_state()
        if self._is_client or self._waiting:
            loop.call_soon(self._work)

    @property
    def started(self) -> bool:
        return self._remote is not None

    def receive(self, datagram: bytes) -> bool:
        """Takes one datagram, before or after `start`. False: the queue is full, or it is not DTLS
        (RFC 7983); dropped."""
        if self._ended or len(self._waiting) == MAX_QUEUED or not 20 <= next(iter(datagram), 0) <= 63:
            return False
        self._waiting.append(datagram)
        if self._connection is not None:
            self._work()
        return True

    def close(self) -> None:
        """Says close_notify, and nothing is left of it. Idempotent."""
        if not self._ended:
            self._leave()

    # --- one step after the other ---------------------------------------------------------------------------

    @property
    def _is_client(self) -> bool:
        return self._remote is not None and self._remote.setup is DtlsSetup.PASSIVE

    def _work(self) -> None:
        """Takes what waits. What comes in while something is being sent waits for its turn."""
        if self._working:
            return
        self._working = True
        try:
            self._steps()
        except Exception:
            log.exception("x %s DTLS ended by a mistake of ours", self._name)
            self._end("internal_error")
        finally:
            self._working = False

    def _steps(self) -> None:
        if self._is_client and not self._last:
            self._step(b"")
        while self._waiting and not self._ended:
            self._step(self._waiting.popleft())

    def _step(self, datagram: bytes) -> None:
        connection = self._connection
        if connection is None:
            return
        if datagram:
            self._cancel_timer()
            connection.bio_write(datagram)
        if not self._keyed:
            self._shake(connection)
        if self._keyed and not self._ended:  # a good-bye may stand behind the last flight
            self._read(connection)
        if not self._ended:
            self._flush(connection)
            self._watch_time(connection)

    def _shake(self, connection: SSL.Connection) -> None:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            log.info("x %s DTLS handshake: %s", self._name, _reasons(error))
            self._end("handshake_failed")
            return
        self._keyed = True
        if failure := self._establish(connection):
            self._end(failure)

    def _read(self, connection: SSL.Connection) -> None:
        """After the handshake: a flight that the peer repeats, or its good-bye."""
        try:
            connection.recv(MAX_DATAGRAM_OCTETS)
        except SSL.ZeroReturnError:
            self._end("peer_closed")
        except SSL.Error:
            pass  # nothing to read, or nothing that is ours

    def _flush(self, connection: SSL.Connection) -> None:
        """Sends what OpenSSL has written."""
        length = MAX_DATAGRAM_OCTETS
        while length == MAX_DATAGRAM_OCTETS:
            try:
                self._last = connection.bio_read(MAX_DATAGRAM_OCTETS)
            except SSL.Error:
                return
            length = len(self._last)
            self._send(self._last)

    # --- identity and keys ----------------------------------------------------------------------------------

    def _establish(self, connection: SSL.Connection) -> str:
        """Looks who it is and hands the keys out. Returns why not, or nothing."""
        if not self._is_the_one(connection):
            return "fingerprint_mismatch"
        chosen = connection.get_selected_srtp_profile()
        profile = next((each for each in SRTP_PROFILES if each.openssl_profile == chosen), None)
        if profile is None:
            return "no_srtp_profile"
        # The peer has our last flight before it gets any media.
        self._flush(connection)
        self._on_keys(_keys(connection, profile, ours=0 if self._is_client else 1))
        return ""

    def _is_the_one(self, connection: SSL.Connection) -> bool:
        """Whether the peer's certificate is the one of its description: there is a fingerprint by a function
        that we know, and all of those fit (RFC 8122, 5; RFC 5763, 5)."""
        certificate = connection.get_peer_certificate()
        if certificate is None or self._remote is None:
            return False
        der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        known = [each for each in self._remote.fingerprints if each.algorithm.lower() in DIGESTS]
        return bool(known) and all(
            DIGESTS[each.algorithm.lower()](der).digest().hex(":") == each.value.lower() for each in known
        )

    # --- time -----------------------------------------------------------------------------------------------

    def _watch_time(self, connection: SSL.Connection) -> None:
        """A timer runs while a flight of ours waits for its answer (RFC 6347, 4.2.4)."""
        if self._timer is None and (wait_s := connection.DTLSv1_get_timeout()) is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        connection = self._connection
        if connection is None:
            return
        # Zero: OpenSSL wants to repeat its flight; more: that one was answered, and another waits.
        if connection.DTLSv1_get_timeout() == 0:
            try:
                connection.DTLSv1_handle_timeout()
            except SSL.Error as error:
                log.info("x %s DTLS handshake: %s", self._name, _reasons(error))
                self._end("handshake_failed")
                return
            self._flush(connection)
        self._watch_time(connection)

    def _repeat_hello(self) -> None:
        self._timer = None
        if self._connection is not None:
            self._send(self._last)
            self._watch_time(self._connection)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- the end --------------------------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        if not self._ended:
            self._leave()
            self._on_end(reason)

    def _leave(self) -> None:
        """Close_notify, or the alert that OpenSSL has ready."""
        self._ended = True
        self._cancel_timer()
        self._waiting.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SSL.Error):
                connection.shutdown()
            self._flush(connection)


def _reasons(error: SSL.Error) -> str:
    """What OpenSSL says, an alert of the peer's among it."""
    found = error.args[0] if error.args else ()
    return "; ".join(reason for _, _, reason in found) if isinstance(found, list) else str(error)


def _keys(connection: SSL.Connection, profile: SRTPProtectionProfile, *, ours: int) -> SrtpKeys:
    """ours: which of the two write keys, the client's first (RFC 5764, 4.2)."""
    length = 2 * (profile.key_length + profile.salt_length)
    material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", length)
    our_key = profile.get_key_and_salt(material, ours)
    return SrtpKeys(
        inbound=_session(profile, profile.get_key_and_salt(material, 1 - ours), inbound=True),
        outbound=_session(profile, our_key, inbound=False),
        aead_key=our_key if profile in AEAD_PROFILES else b"",
        profile=profile.openssl_profile.decode(),
    )


def _session(profile: SRTPProtectionProfile, key: bytes, *, inbound: bool) -> Session:
    kind = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile.libsrtp_profile)
    policy.window_size = REPLAY_WINDOW_PACKETS
    policy.allow_repeat_tx = not inbound  # plain retransmission repeats a packet as it was
    return Session(policy)
