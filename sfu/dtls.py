"""DTLS of one transport: handshake, identity, SRTP keys, close_notify. The only file of the server that
knows aiortc.

Theory of operation. aiortc's RTCDtlsTransport drives OpenSSL over an ICE transport, of which it uses
`_recv`, `_send` and `role`; `_Wire` is ours: a bounded queue of datagrams on one side, a callback on the
other. Where aiortc would make SRTP sessions for itself (`_setup_srtp`) we make them for the packet engine.
RTP never comes here.

One task runs the handshake; afterwards aiortc's own waits for close_notify. The handshake has no time limit
of its own: whoever owns the session ends it by `close`, which aborts a handshake in progress as well.

`PRIVATE_NAMES` lists what of aiortc is used without its public promise; a test looks whether it is all
still there.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import logging
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, RTCIceTransport
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTPProtectionProfile,
    State,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from .params import DtlsParameters, DtlsSetup, Fingerprint

log = logging.getLogger(__name__)

RELEASE_BUFFERS = 0x10
"""SSL_MODE_RELEASE_BUFFERS of OpenSSL, which pyOpenSSL has no name for: a connection that is idle (after its
handshake all of ours are) gives its buffers back, a fifth of what it holds."""

PRIVATE_NAMES = {
    RTCDtlsTransport: (
        "_do_handshake",
        "_role",
        "_set_role",
        "_set_state",
        "_setup_srtp",
        "_srtp_profiles",
        "_ssl",
        "_state",
        "_task",
        "_validate_peer_identity",
    ),
    RTCCertificate: ("_cert", "_create_ssl_context", "_key"),
}

SRTP_PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80]
"""In our order: AES-GCM costs a third of AES-CM with HMAC-SHA1, and 128 bits are enough (DESIGN of the
engine)."""
AEAD_PROFILES = (SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM)
REPLAY_WINDOW_PACKETS = 1024
"""A late retransmission of a 10 Mbit/s stream comes up to a second, 1,000 packets, after its neighbours."""

MAX_QUEUED = 32
"""DTLS datagrams that wait for the handshake: one flight of the peer has at most 10, and it repeats them."""
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
            context.set_info_callback(_log_alert)
            self._context = context
        return self._context


def _log_alert(connection: SSL.Connection, where: int, code: int) -> None:
    """OpenSSL's own error is empty in a failed handshake: the alert (RFC 8446, 6) is what names the cause."""
    if where & SSL.SSL_CB_ALERT and code & 0xFF:
        direction = "<" if where & SSL.SSL_CB_READ else ">"
        log.info("%s %s DTLS alert %d", direction, connection.get_app_data(), code & 0xFF)


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
    """One association, from either role. Callbacks come in the event loop, `on_end` once, and not after
    `close`."""

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
        self._wire = _Wire(send)
        self._transport = _KeyingTransport(self._wire, certificate, name, on_keys)
        self._name = name
        self._on_end: Callable[[str], None] | None = on_end
        self._task: asyncio.Task[None] | None = None
        self._repeat: asyncio.TimerHandle | None = None

    def start(self, remote: DtlsParameters) -> None:
        """Begins the handshake: as client when the peer is PASSIVE, else as server. Once."""
        assert self._task is None
        self._transport._set_role("client" if remote.setup is DtlsSetup.PASSIVE else "server")
        fingerprints = [RTCDtlsFingerprint(each.algorithm, each.value) for each in remote.fingerprints]
        self._task = asyncio.create_task(self._run(RTCDtlsParameters(fingerprints=fingerprints)))
        if remote.setup is DtlsSetup.PASSIVE:
            loop = asyncio.get_running_loop()
            self._repeat = loop.call_later(HELLO_REPEAT_S, self._wire.repeat)

    @property
    def started(self) -> bool:
        return self._task is not None

    def receive(self, datagram: bytes) -> bool:
        """Takes one datagram, before or after `start`. False: the queue is full, or it is not DTLS;
        dropped."""
        self._cancel_repeat()
        return self._wire.put(datagram)

    async def close(self) -> None:
        """Says close_notify and ends every task. Idempotent."""
        self._on_end = None
        self._cancel_repeat()
        task, self._task = self._task, None
        if task is None:
            return
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        pump = self._transport._task
        await self._transport.stop()
        if pump is not None:
            await asyncio.wait([pump])
        self._wire.close()

    def _cancel_repeat(self) -> None:
        if self._repeat is not None:
            self._repeat.cancel()

    async def _run(self, remote: RTCDtlsParameters) -> None:
        try:
            await self._transport.start(remote)
        except Exception:
            log.exception("x %s DTLS handshake ended by a mistake of ours", self._name)
            self._end("internal_error")
            return
        pump = self._transport._task
        if pump is None:
            self._transport.say_goodbye()
            self._end(self._transport.failure)
        else:
            pump.add_done_callback(self._pump_done)

    def _pump_done(self, pump: asyncio.Future[None]) -> None:
        if pump.cancelled():
            return
        if error := pump.exception():
            log.error("x %s DTLS ended by a mistake of ours", self._name, exc_info=error)
            self._end("internal_error")
        else:
            self._transport.say_goodbye()
            self._end("peer_closed")

    def _end(self, reason: str) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(reason)


class _Wire:
    """What aiortc takes for an ICE transport."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self._last = b""
        self._queue: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def put(self, datagram: bytes) -> bool:
        """Only what begins like DTLS (RFC 7983) gets through: aiortc falls over an empty datagram."""
        if self._closed or len(self._queue) == MAX_QUEUED or not 20 <= next(iter(datagram), 0) <= 63:
            return False
        self._queue.append(datagram)
        self._arrived.set()
        return True

    def close(self) -> None:
        self._closed = True
        self._queue.clear()
        self._arrived.set()

    async def _recv(self) -> bytes:
        """Cancelled while it waits, it takes nothing."""
        while not self._queue:
            if self._closed:
                raise ConnectionError
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()

    async def _send(self, data: bytes) -> None:
        self._last = data
        self.send(data)

    def repeat(self) -> None:
        """Sends the last datagram once more."""
        if self._last:
            self.send(self._last)


class _KeyingTransport(RTCDtlsTransport):
    """aiortc's transport, which hands the SRTP keys out and remembers why it failed."""

    def __init__(
        self, wire: _Wire, certificate: Certificate, name: str, on_keys: Callable[[SrtpKeys], None]
    ) -> None:
        super().__init__(cast(RTCIceTransport, wire), [certificate])
        self._srtp_profiles = SRTP_PROFILES
        self._wire = wire
        self._name = name
        self._on_keys = on_keys
        self.failure = "handshake_failed"

    @property
    def _connection(self) -> SSL.Connection:
        assert self._ssl is not None  # there since `start`
        return self._ssl

    def _set_state(self, state: State) -> None:
        if state is State.CONNECTING:
            self._connection.set_app_data(self._name)
        super()._set_state(state)

    def _validate_peer_identity(self, remote: RTCDtlsParameters) -> None:
        super()._validate_peer_identity(remote)
        if self._state is State.FAILED:
            self.failure = "fingerprint_mismatch"

    def _setup_srtp(self) -> None:
        chosen = self._connection.get_selected_srtp_profile()
        profile = next((each for each in SRTP_PROFILES if each.openssl_profile == chosen), None)
        if profile is None:
            self.failure = "no_srtp_profile"
            self._set_state(State.FAILED)
            return
        length = 2 * (profile.key_length + profile.salt_length)
        material = self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", length)
        ours = 1 if self._role == "server" else 0  # RFC 5764, 4.2: the client's write key comes first
        our_key = profile.get_key_and_salt(material, ours)
        self._on_keys(
            SrtpKeys(
                inbound=_session(profile, profile.get_key_and_salt(material, 1 - ours), inbound=True),
                outbound=_session(profile, our_key, inbound=False),
                aead_key=our_key if profile in AEAD_PROFILES else b"",
                profile=profile.openssl_profile.decode(),
            )
        )

    def say_goodbye(self) -> None:
        """To a peer that said it first, or with whom it came to nothing: close_notify, or the alert that
        OpenSSL has ready and aiortc has not sent."""
        with contextlib.suppress(SSL.Error):
            self._connection.shutdown()
        with contextlib.suppress(SSL.Error):
            self._wire.send(self._connection.bio_read(1500))


def _session(profile: SRTPProtectionProfile, key: bytes, *, inbound: bool) -> Session:
    kind = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile.libsrtp_profile)
    policy.window_size = REPLAY_WINDOW_PACKETS
    policy.allow_repeat_tx = not inbound  # plain retransmission repeats a packet as it was
    return Session(policy)
