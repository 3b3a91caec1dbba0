"""`tongke token`: prints a signed token."""

from __future__ import annotations

import argparse
import os
import time
import uuid

from signaling.auth import MAX_SCOPES, MAX_TTL_S, ROLES, Tokens, is_scope
from signaling.cli.command import CommandError, Commands
from signaling.config import load
from signaling.duration import parse_duration

MAX_ID = 64
MAX_NAME = 80


def register(commands: Commands) -> None:
    parser, text = commands.add("token", token), commands.text
    parser.add_argument("--role", required=True, choices=ROLES, help=text("cli.token.role"))
    parser.add_argument("--lesson", required=True, metavar="ID", help=text("cli.token.lesson"))
    parser.add_argument("--class", dest="class_id", default="", metavar="ID", help=text("cli.token.class"))
    parser.add_argument("--name", default="", metavar="N", help=text("cli.token.name"))
    parser.add_argument("--person", default="", metavar="ID", help=text("cli.token.person"))
    parser.add_argument(
        "--scope", action="append", default=[], metavar="KIND:VALUE", help=text("cli.token.scope")
    )
    parser.add_argument("--ttl", metavar="TIME", help=text("cli.token.ttl"))
    parser.add_argument("--data", metavar="DIR", help=text("setting.data"))


def token(options: argparse.Namespace) -> int:
    config = load(environment=os.environ, options={"data": options.data, "token_ttl": options.ttl})
    ttl_s = parse_duration(config.token_ttl)
    if not 0 < ttl_s <= MAX_TTL_S:
        raise CommandError("cli.token.bad-ttl", days=MAX_TTL_S // 86400)
    _check(options)
    try:
        tokens = Tokens.open(config.data)
    except OSError as error:
        raise CommandError("cli.data-unusable", data=config.data, reason=error.strerror or error) from error
    signed = tokens.issue(
        person=options.person or f"{options.role}-{uuid.uuid4().hex[:12]}",
        role=options.role,
        lesson=options.lesson,
        class_id=options.class_id,
        name=options.name or options.role,
        scopes=options.scope,
        now=time.time(),
        ttl_s=ttl_s,
    )
    print(signed)
    return 0


def _check(options: argparse.Namespace) -> None:
    for name, value, limit in (
        ("--lesson", options.lesson, MAX_ID),
        ("--class", options.class_id, MAX_ID),
        ("--person", options.person, MAX_ID),
        ("--name", options.name, MAX_NAME),
    ):
        if len(value) > limit:
            raise CommandError("cli.too-long", option=name, limit=limit)
    if len(options.scope) > MAX_SCOPES:
        raise CommandError("cli.token.too-many-scopes", limit=MAX_SCOPES)
    for scope in options.scope:
        if not is_scope(scope):
            raise CommandError("cli.token.bad-scope", scope=scope[:MAX_NAME])
    if not options.lesson:
        raise CommandError("cli.empty", option="--lesson")
