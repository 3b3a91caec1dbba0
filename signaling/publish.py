"""`tongke publish`: sends the test source or a media file into a lesson by WHIP, with FFmpeg's own muxer.

FFmpeg shakes hands inside the call that writes the header and holds the GIL meanwhile, so this must not
share a process with the server. The certificate that FFmpeg makes by itself is on a curve that OpenSSL
refuses; it gets one of ours, P-256, for this one connection.
"""

from __future__ import annotations

import argparse
import datetime
import math
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import av
from av.container import OutputContainer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from signaling import catalogue
from signaling.cli.command import CommandError, Commands
from signaling.cli.target import add_arguments, refusal, target_of
from signaling.duration import parse_duration
from signaling.file_programme import FileProgramme, MediaError
from signaling.message import Role
from signaling.programme import Programme, TestProgramme

TEST: Final = "test"
PERSON: Final = "tongke-publish"
"""Whom a token signed here stands for: always the same, so that a second sender is noticed."""
MAX_ID: Final = 64
HANDSHAKE_TIMEOUT_MS: Final = 10_000
CERTIFICATE_DAYS: Final = 30


def register(commands: Commands) -> None:
    parser, text = commands.add("publish", publish), commands.text
    parser.add_argument("source", metavar="SOURCE", help=text("cli.publish.source"))
    add_arguments(parser, commands)
    parser.add_argument("--as", dest="name", default="", metavar="NAME", help=text("cli.publish.as"))
    parser.add_argument("--loop", action="store_true", help=text("cli.publish.loop"))
    parser.add_argument("--duration", metavar="TIME", help=text("cli.publish.duration"))


def publish(options: argparse.Namespace) -> int:
    """Runs until the source or --duration is over, or somebody ends it."""
    duration_s = duration_of(options.duration)
    role: Role = "encoder" if options.name else "master"
    person = f"{PERSON}-{options.name}"[:MAX_ID] if options.name else PERSON
    target = target_of(options, role=role, person=person, name=options.name or PERSON)
    endpoint = target.endpoint("whip", name=options.name)
    # `kill` ends it as Ctrl-C does: with a DELETE, so that the lesson knows at once.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        programme = programme_of(options.source, loop=options.loop)
        with tempfile.TemporaryDirectory(prefix="tongke-") as directory:
            output = open_output(endpoint, target.token, write_certificate(Path(directory)))
            programme.attach(output)
            connect(output, endpoint, target.token, options.language)
            tell("cli.publish.sending", options.language, source=options.source, lesson=target.lesson)
            sent_s = send(programme, output, duration_s)
    except MediaError as error:
        key = f"cli.publish.{error.kind}"
        raise CommandError(key, path=error.path, reason=error.reason) from error
    tell("cli.publish.done", options.language, seconds=f"{sent_s:.1f}")
    return 0


def tell(key: str, language: str, **values: object) -> None:
    print(catalogue.text(key, language, **values), flush=True)


def duration_of(text: str | None) -> float:
    """Seconds; infinite when nothing is said."""
    if text is None:
        return math.inf
    try:
        return parse_duration(text)
    except ValueError as error:
        raise CommandError("cli.bad-duration", value=text) from error


def programme_of(source: str, *, loop: bool) -> Programme:
    """Raises MediaError."""
    return TestProgramme() if source == TEST else FileProgramme(Path(source), loop=loop)


def open_output(endpoint: str, token: str, certificate: Path) -> OutputContainer:
    """Nothing is sent yet."""
    options = {
        "authorization": token,
        "cert_file": str(certificate),
        "key_file": str(certificate),
        "handshake_timeout": str(HANDSHAKE_TIMEOUT_MS),
        # As the server of the handshake FFmpeg's muxer never repeats its last flight: one lost datagram, and
        # all that it sends is dropped unread. The client repeats what it gets no answer to.
        "whip_flags": "dtls_active",
    }
    return av.open(endpoint, "w", format="whip", options=options)


def connect(output: OutputContainer, endpoint: str, token: str, language: str) -> None:
    """Offer, answer, ICE and DTLS. Raises CommandError with the server's own words."""
    try:
        output.start_encoding()
    except (av.FFmpegError, OSError) as error:
        sentence = refusal(endpoint, token, language) or error.strerror
        raise CommandError("cli.client.refused", url=endpoint, reason=sentence) from error


def send(programme: Programme, output: OutputContainer, duration_s: float) -> float:
    """Sends each packet when it is due. Seconds sent when the programme or the time is over, or at Ctrl-C."""
    start_ms = time.time_ns() // 1_000_000
    start = time.monotonic()
    due = 0.0
    try:
        for due, packet in programme.packets(start_ms, lambda: time.monotonic() - start):
            if due >= duration_s:
                break
            time.sleep(max(0.0, start + due - time.monotonic()))
            output.mux(packet)
    except KeyboardInterrupt:
        pass
    except (av.FFmpegError, OSError) as error:
        raise CommandError("cli.publish.lost", seconds=f"{due:.1f}", reason=error.strerror) from error
    finally:
        with suppress(av.FFmpegError, OSError):  # the DELETE of a session that is already gone
            output.close()
    return min(due, duration_s)


def write_certificate(directory: Path) -> Path:
    """A new key on P-256 and its self-signed certificate, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tongke publish")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.touch(mode=0o600)
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path
