"""TURN credentials: coturn's REST scheme, and how clients of every kind get them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from signaling import turn
from signaling.config import Config, ConfigError, load
from signaling.messages import IceServer

SETTINGS = Config(
    turn_urls=("stun:s.example.org", "turn:t.example.org", "turns:t.example.org"), turn_secret="s"
)


def test_nothing_configured_nothing_handed_out() -> None:
    assert turn.ice_servers(Config(), "me") == []
    assert turn.refresh_s(Config()) is None


def test_username_carries_its_expiry_and_the_password_is_its_mac() -> None:
    stun, server = turn.ice_servers(SETTINGS, "me", now=1_700_000_000.9)
    assert stun == IceServer(urls=["stun:s.example.org"])
    assert server.urls == ["turn:t.example.org", "turns:t.example.org"]
    assert server.username == f"{1_700_000_000 + 12 * 3600}:me"
    expected = hmac.new(b"s", server.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(server.credential) == expected


def test_known_answer() -> None:
    """`echo -n 1700000000:me | openssl dgst -binary -sha1 -hmac north | openssl base64`"""
    assert turn.password("north", "1700000000:me") == KNOWN


KNOWN = "DZAmFJD+yRbyG0+e8cpTCwLxbuo="


def test_fresh_ones_come_before_the_old_ones_expire() -> None:
    refresh_s = turn.refresh_s(SETTINGS)
    assert refresh_s is not None and 0 < refresh_s < turn.ttl_s(SETTINGS)
    assert turn.refresh_s(Config(turn_urls=("stun:s.example.org",))) is None


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("turn:t.example.org", True),
        ("turn:192.0.2.1:3478?transport=tcp", True),
        ("turns:[2001:db8::1]:443?transport=tcp", True),
        ("stun:s.example.org:3478", True),
        ("stun:s.example.org?transport=udp", False),
        ("turn://t.example.org", False),
        ("https://t.example.org", False),
        ("turn:t.example.org?transport=sctp", False),
        ('turn:t"><x', False),
        ("turn:", False),
    ],
)
def test_urls_are_checked_at_the_start(url: str, good: bool) -> None:
    assert turn.is_ice_url(url) is good


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"turn_urls": ["http://x"], "turn_secret": "s"}, "http://x"),
        ({"turn_urls": ["turn:x"]}, "turn_secret"),
        ({"turn_ttl": "1s"}, "turn_ttl"),
        ({"turn_ttl": "8d"}, "turn_ttl"),
        ({"turn_ttl": "soon"}, "turn_ttl"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        load(options=options)


def test_link_headers_as_in_rfc_9725() -> None:
    links = turn.link_headers(
        [IceServer(urls=["stun:s"]), IceServer(urls=["turn:t"], username='a"b', credential="c")]
    )
    assert links == [
        '<stun:s>; rel="ice-server"',
        '<turn:t>; rel="ice-server"; username="a\\"b"; credential="c"; credential-type="password"',
    ]


async def test_whip_answers_with_links(door: Any, offer: Callable[[str], str]) -> None:
    answer = await door.client.post("/whip/optics", data=offer("ffmpeg_whip"), headers=door.headers("master"))
    assert answer.status == 201
    links = answer.headers.getall("Link")
    assert [link.split(";")[0] for link in links] == [
        "<stun:stun.example.org>",
        "<turn:turn.example.org?transport=udp>",
        "<turns:turn.example.org:443>",
    ]
    assert 'credential-type="password"' in links[1]
