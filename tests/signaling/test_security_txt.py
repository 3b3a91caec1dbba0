"""Whom to tell of a hole (RFC 9116)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from signaling.config import Config
from signaling.keys import CONFIG
from signaling.problems import Problem
from signaling.security_txt import get_security_txt, security_txt

NOW = datetime(2026, 9, 1, 13, 30, tzinfo=UTC)


def test_what_it_says() -> None:
    contacts = ("mailto:security@school.example", "https://school.example/security")
    config = Config(security_contact=contacts, public_url="https://class.example.org")
    assert security_txt(config, NOW) == (
        "Contact: mailto:security@school.example\n"
        "Contact: https://school.example/security\n"
        "Expires: 2027-02-28T00:00:00Z\n"
        "Preferred-Languages: zh, en\n"
        "Canonical: https://class.example.org/.well-known/security.txt\n"
    )
    assert security_txt(Config(), NOW) == ""


async def test_by_http() -> None:
    app = web.Application()
    app[CONFIG] = Config()
    with pytest.raises(Problem, match="not-found"):
        await get_security_txt(make_mocked_request("GET", "/", app=app))
    app[CONFIG] = Config(security_contact=("mailto:security@school.example",))
    answer = await get_security_txt(make_mocked_request("GET", "/", app=app))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text is not None and answer.text.startswith(
        "Contact: mailto:security@school.example\nExpires: "
    )
