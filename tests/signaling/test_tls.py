"""A certificate for a school's LAN."""

from __future__ import annotations

import datetime
import ssl
import stat
from pathlib import Path

import pytest

from signaling import tls

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
NAMES = ["localhost", "192.0.2.7", "2001:db8::7"]


def test_made_once_and_private(tmp_path: Path) -> None:
    certificate, key = tls.self_signed(tmp_path / "data", NAMES, NOW)
    before = certificate.read_bytes()
    tls.self_signed(tmp_path / "data", NAMES[:2], NOW + datetime.timedelta(days=100))
    assert certificate.read_bytes() == before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert isinstance(tls.server_context(certificate, key), ssl.SSLContext)


@pytest.mark.parametrize(
    ("names", "later"),
    [
        ([*NAMES, "192.0.2.8"], datetime.timedelta(0)),
        (NAMES, tls.LIFETIME - datetime.timedelta(days=20)),
    ],
)
def test_made_anew_for_another_address_and_before_it_is_too_old(
    tmp_path: Path, names: list[str], later: datetime.timedelta
) -> None:
    certificate, _ = tls.self_signed(tmp_path, NAMES, NOW)
    before = certificate.read_bytes()
    tls.self_signed(tmp_path, names, NOW + later)
    assert certificate.read_bytes() != before


@pytest.mark.parametrize("damage", [b"", b"not a certificate"])
def test_made_anew_when_damaged(tmp_path: Path, damage: bytes) -> None:
    certificate, key = tls.self_signed(tmp_path, NAMES, NOW)
    certificate.write_bytes(damage)
    tls.self_signed(tmp_path, NAMES, NOW)
    tls.server_context(certificate, key)


def test_names_of_this_machine() -> None:
    names = tls.local_names(["school.example", "0.0.0.0", "fe80::1", "a..b", ""])
    assert {"localhost", "127.0.0.1", "::1", "school.example"} <= set(names)
    assert not {"0.0.0.0", "fe80::1", "a..b", ""} & set(names)


def test_files_that_are_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("x")
    with pytest.raises(OSError):
        tls.server_context(tmp_path / "x.pem", tmp_path / "x.pem")
