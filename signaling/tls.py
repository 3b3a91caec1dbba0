"""HTTPS: an operator's certificate, or one made here for this machine's addresses on a school's LAN.

The self-signed one is kept in DATA and made anew when it is about to expire or when this machine has got an
address that is not in it. Browsers ask once whether to trust it; then cameras open, as they do on secure
pages only.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

import ifaddr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE_FILE: Final = "tls-cert.pem"
KEY_FILE: Final = "tls-key.pem"
LIFETIME: Final = datetime.timedelta(days=397)
"""The longest that all browsers take."""
RENEW_BEFORE: Final = datetime.timedelta(days=30)
BACKDATED: Final = datetime.timedelta(days=1)
"""For clients whose clock is a little behind."""
COMMON_NAME: Final = "Tongke"


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and later. OSError or ssl.SSLError when the files cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def self_signed(data: Path, names: Iterable[str], now: datetime.datetime) -> tuple[Path, Path]:
    """Certificate and key in the data directory, made when they are missing, old, or lack one of the names
    (host names and addresses). OSError when they cannot be written."""
    certificate, key = data / CERTIFICATE_FILE, data / KEY_FILE
    wanted = sorted(set(names))
    if not (key.exists() and _is_good(certificate, wanted, now)):
        data.mkdir(parents=True, exist_ok=True)
        _make(certificate, key, wanted, now)
    return certificate, key


def local_names(configured: Iterable[str]) -> list[str]:
    """What browsers on this LAN may call this machine: its name, its addresses, and those configured."""
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname()}
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            names.add(str(address.ip) if address.is_IPv4 else str(address.ip[0]))
    names.update(configured)
    return sorted(name for name in names if _subject(name) is not None)


def _subject(name: str) -> x509.GeneralName | None:
    """None for what cannot be in a certificate (the wildcard address, link-local ones with a scope, ...)."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        is_host = 0 < len(name) <= 253 and name.isascii() and all(name.split("."))
        return x509.DNSName(name) if is_host and "%" not in name else None
    if address.is_unspecified or address.is_link_local:
        return None
    return x509.IPAddress(address)


def _is_good(path: Path, wanted: Collection[str], now: datetime.datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    has = {str(name.value) for name in extension.value}
    return has.issuperset(wanted) and certificate.not_valid_after_utc > now + RENEW_BEFORE


def _make(certificate: Path, key: Path, names: Collection[str], now: datetime.datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    subjects = [subject for subject in map(_subject, names) if subject is not None]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now - BACKDATED + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(subjects), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    _write(key, _pem(private))
    _write(certificate, signed.public_bytes(serialization.Encoding.PEM))


def _pem(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by the owner only."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
