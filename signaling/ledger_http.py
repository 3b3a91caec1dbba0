"""HTTP for what proves recordings: the public key of the server, and the state of the archive."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from aiohttp import web

from recorder.signing import trusted_keys
from signaling.keys import CONFIG, MOVER
from signaling.openapi import Operation
from signaling.rest import json_response


class LedgerKeys(msgspec.Struct, frozen=True, kw_only=True):
    algorithm: str
    """Always `Ed25519` (RFC 8032)."""
    keys: list[str]
    """Public keys, base64url of 32 bytes; recordings are signed with the first, the others are trusted."""


class ArchiveView(msgspec.Struct, frozen=True, kw_only=True):
    configured: bool
    """Finished recordings move to an archive."""
    away: str
    """Why nothing moves at the moment; empty when it does."""
    waiting_bytes: int
    """Finished, and still on the server's disk."""


async def ledger_keys(request: web.Request) -> web.Response:
    keys = await asyncio.to_thread(trusted_keys, request.app[CONFIG].data)
    return json_response(LedgerKeys(algorithm="Ed25519", keys=keys))


async def archive(request: web.Request) -> web.Response:
    mover = request.app[MOVER]
    if mover is None:
        return json_response(ArchiveView(configured=False, away="", waiting_bytes=0))
    return json_response(ArchiveView(configured=True, away=mover.away, waiting_bytes=mover.waiting_bytes))


OPERATIONS: Final = (
    Operation(
        id="ledger_keys",
        method="GET",
        path="/api/v1/ledger/keys",
        tag="library",
        handler=ledger_keys,
        response=LedgerKeys,
    ),
    Operation(
        id="archive",
        method="GET",
        path="/api/v1/archive",
        tag="library",
        handler=archive,
        response=ArchiveView,
    ),
)
