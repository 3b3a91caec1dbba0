"""Which server and lesson a client command talks to, and with which token.

The token is given (`--token`, TONGKE_TOKEN), or signed with the key in the data directory when that is on
this machine, as `tongke token` would.
"""

from __future__ import annotations

import argparse
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from signaling.auth import KEY_FILE, Tokens
from signaling.cli.command import CommandError, Commands
from signaling.config import load
from signaling.message import Role
from signaling.problems import ProblemDocument

DEFAULT_URL: Final = "http://localhost:8080"
TOKEN_TTL_S: Final = 24 * 3600
"""Longer than any lesson; the token never leaves this process but for the server."""
REQUEST_TIMEOUT_S: Final = 10
MAX_ANSWER: Final = 100_000


@dataclass(frozen=True, slots=True)
class Target:
    url: str
    """Of the server, without a slash at the end."""
    lesson: str
    token: str

    def endpoint(self, protocol: str, **query: str) -> str:
        """`whip` or `whep` of the lesson; empty query values are left out."""
        path = f"{self.url}/{protocol}/{quote(self.lesson, safe='')}"
        values = {name: value for name, value in query.items() if value}
        return f"{path}?{urlencode(values, quote_via=quote)}" if values else path


def add_arguments(parser: argparse.ArgumentParser, commands: Commands) -> None:
    text = commands.text
    parser.add_argument("--lesson", required=True, metavar="ID", help=text("cli.client.lesson"))
    parser.add_argument(
        "--url", default=os.environ.get("TONGKE_URL", DEFAULT_URL), help=text("cli.client.url")
    )
    parser.add_argument("--token", default=os.environ.get("TONGKE_TOKEN", ""), help=text("cli.client.token"))
    parser.add_argument("--data", metavar="DIR", help=text("cli.client.data"))
    parser.set_defaults(language=commands.language)


def target_of(options: argparse.Namespace, *, role: Role, person: str, name: str) -> Target:
    """Raises CommandError for a URL that is none, or when there is no token and no key to sign one."""
    parts = urlsplit(options.url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise CommandError("cli.client.bad-url", url=options.url)
    token = options.token or _sign(options, role, person, name)
    return Target(options.url.rstrip("/"), options.lesson, token)


def _sign(options: argparse.Namespace, role: Role, person: str, name: str) -> str:
    data = load(environment=os.environ, options={"data": options.data}).data
    # Only a key that is there: one made here would be another than the server's.
    if not (data / KEY_FILE).exists():
        raise CommandError("cli.client.no-token", data=data, role=role, lesson=options.lesson)
    try:
        tokens = Tokens.open(data)
    except OSError as error:
        raise CommandError("cli.data-unusable", data=data, reason=error.strerror or error) from error
    return tokens.issue(
        person=person, role=role, lesson=options.lesson, name=name, now=time.time(), ttl_s=TOKEN_TTL_S
    )


def refusal(endpoint: str, token: str, language: str) -> str | None:
    """Why a WHIP or WHEP endpoint refuses this caller, as a sentence; None when it would take a good offer.

    FFmpeg's muxer tells no more than the HTTP status. The endpoint judges the caller before the offer, so
    an offer that is none brings its reasons to light without changing anything.
    """
    request = urllib.request.Request(
        endpoint,
        data=b"",
        method="POST",
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/sdp",
            "Accept-Language": language,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S):
            return None
    except urllib.error.HTTPError as error:
        return _sentence(error.read(MAX_ANSWER), f"{error.code} {error.reason}")
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise CommandError("cli.client.no-server", url=endpoint, reason=reason) from error


def _sentence(body: bytes, status: str) -> str | None:
    try:
        problem = msgspec.json.decode(body, type=ProblemDocument)
    except msgspec.DecodeError:
        return status
    if problem.type.endswith("/not-sdp"):
        return None
    return f"{problem.title}. {problem.detail}"
