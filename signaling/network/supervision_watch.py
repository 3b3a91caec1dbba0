"""What lets people into lessons, while they are inside: whoever's is taken back is out within seconds.

Theory of operation. A supervisor comes into a lesson by a token that names the credential and ends with it,
so of a credential that runs out nothing needs to be noticed: the token's end is that of the session, of each
request and of each media token. What is taken back earlier stands in the database, perhaps written by another
server. It is asked every LOOK_S for what was taken back since; tokens that name one of those count no more
(`Tokens.revoked`), and sessions that were begun with one are ended, a supervisor's on record.

The same for sign-ins: the token of a lesson names the one that gave it. One that its issuer or its owner ends
from elsewhere, or that ends with the account or the password, is taken back. Who signs out by themselves
leaves no lesson by it: a master who does so in another tab goes on teaching.

While the database is away nobody can be taken anything back, and those inside stay."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from classroom.store import sign_ins, supervision_live
from signaling.background import Rounds

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from classroom.store.store import Store
    from signaling.auth import Tokens

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""With what a look takes, whoever is out is out within 5 s."""
OVERLAP_MS: Final = 60_000
"""Looked at again each time: servers' clocks differ, and a transaction that was begun earlier may end
later."""
ENTRY_S: Final = 8 * 3600
"""Of the token for one lesson: a day of school."""
ENDED: Final = "credential_ended"
"""Why, in the record of refused entries."""


class Inside:
    """Somebody who is in a lesson, by which credential and sign-in, and how they are sent out."""

    def __init__(self, by: tuple[str, ...], lesson: str, person: str, send_out: Callable[[], None]) -> None:
        self.by = by
        self.lesson = lesson
        self.person = person
        self.send_out = send_out


class CredentialWatch:
    """Made by the composition root; `start` and `close` once each."""

    def __init__(self, store: Store, tokens: Tokens, inside: Callable[[], Iterable[Inside]]) -> None:
        self._store = store
        self._tokens = tokens
        self._inside = inside
        self.rounds = Rounds("credentials", self.look, LOOK_S)
        self._since_ms = store.clock.unix_ms() - ENTRY_S * 1000
        self.sent_out = 0

    async def look(self) -> None:
        """Raises StoreUnavailable."""
        now_ms = self._store.clock.unix_ms()
        network = self._store.network
        credentials, signed_in = await network.look(_taken_back, self._since_ms)
        taken = credentials | signed_in
        self._tokens.revoked.update(taken)
        self._since_ms = now_ms - OVERLAP_MS
        # Whoever comes later is refused, and whoever was on the way in is found by the next looks.
        out = [each for each in self._inside() if not taken.isdisjoint(each.by)] if taken else []
        for each in out:
            self.sent_out += 1
            log.info("x %s is sent out of lesson %s: taken back", each.person, each.lesson)
            each.send_out()
            if not credentials.isdisjoint(each.by):
                await network.change(supervision_live.refuse, each.lesson, each.person, ENDED, now_ms)


def _taken_back(connection: Connection, since_ms: int) -> tuple[frozenset[str], frozenset[str]]:
    """Credentials, and sign-ins."""
    credentials = supervision_live.revoked_credentials(connection, since_ms)
    return credentials, sign_ins.revoked(connection, since_ms)
