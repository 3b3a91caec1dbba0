"""A link for each role."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from signaling import catalogue
from signaling.app import Server
from signaling.auth import Tokens
from signaling.config import Config
from signaling.demo import TTL_S, demo_links
from signaling.serving import base_url

NOW = 1_700_000_000.0


def test_tokens_stand_in_the_fragment_and_are_good_for_a_day() -> None:
    tokens = Tokens(b"k" * 32)
    links = list(demo_links(tokens, "http://localhost:8080", NOW))
    assert [link.key for link in links] == [
        "master",
        "tutor_1",
        "room_1",
        "tutor_2",
        "student_home",
        "supervisor",
        "organizer",
        "library",
    ]
    for link in links:
        parts = urlsplit(link.url)
        assert (parts.query, parts.path) == ("", "/library" if link.key == "library" else "/join")
        claims = tokens.verify(parts.fragment.removeprefix("token="), NOW + TTL_S - 1)
        assert claims.lesson == "demo"
        assert all(catalogue.text(f"demo.{link.key}", language) for language in catalogue.LANGUAGES)


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://localhost:8080"),
        ({"host": "::1", "tls_self_signed": True}, "https://localhost:8080"),
        ({"host": "0.0.0.0"}, "http://localhost:8080"),
        ({"host": "0.0.0.0", "media_ip": ("127.0.0.1", "192.0.2.5")}, "http://192.0.2.5:8080"),
        ({"host": "2001:db8::5"}, "http://[2001:db8::5]:8080"),
        ({"host": "school.example"}, "http://school.example:8080"),
    ],
)
def test_base_url_is_one_that_a_browser_can_open(settings: dict[str, object], url: str) -> None:
    config = Config(data=Path("data"), **settings)  # type: ignore[arg-type]
    assert base_url(Server(None, config, 8080, 7000)) == url  # type: ignore[arg-type]
