"""Who fetched media of what, from when to when: a row of the database per visit, not per segment.

A visit goes on as long as something of the item is fetched at least every VISIT_S. Visits are kept in
memory and written every few seconds, so a crash costs the last of them and a thousand viewers cost a
hundred rows a second at most while they come.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from classroom.store.library_notes import View
from classroom.store.outbox import StoreUnavailable
from signaling.media_access import MediaGrant
from signaling.media_token import Purpose

VISIT_S: Final = 90.0
"""A player that is paused asks for a live playlist now and then; a page that was closed does not."""
MAX_VISITS: Final = 20_000
"""In memory, some 300 bytes each; the oldest is forgotten once it is written."""
AT_ONCE: Final = 500

_KINDS: Final = {"play": "view", "download": "download"}


class ViewLog:
    def __init__(
        self, write: Callable[[Sequence[View]], Awaitable[None]], unix_ms: Callable[[], int]
    ) -> None:
        self._write = write
        self._unix_ms = unix_ms
        self._visits: OrderedDict[tuple[str, str, str], View] = OrderedDict()
        self._unwritten: dict[str, View] = {}
        self.counts: dict[str, int] = dict.fromkeys((*_KINDS.values(), "lost"), 0)
        """Visits begun, by kind; `lost`: not written, because the database was away too long."""

    def seen(self, grant: MediaGrant, purpose: Purpose) -> None:
        """Something was fetched."""
        now = self._unix_ms()
        key = (grant.item, grant.viewer.person, _KINDS[purpose])
        visit = self._visits.pop(key, None)
        if visit is None or now - visit.last_ms > 1000 * VISIT_S:
            person, role = grant.viewer.person, grant.viewer.role.value
            self.counts[_KINDS[purpose]] += 1
            visit = View(secrets.token_hex(16), grant.item, person, role, _KINDS[purpose], now, now, 0)
        visit = replace(visit, last_ms=now, requests=visit.requests + 1)
        self._visits[key] = self._unwritten[visit.id] = visit
        if len(self._visits) > MAX_VISITS:
            self._visits.popitem(last=False)
        while len(self._unwritten) > MAX_VISITS:
            self._unwritten.pop(next(iter(self._unwritten)))
            self.counts["lost"] += 1

    async def flush(self) -> None:
        """Writes what has not been. Raises StoreUnavailable, and keeps it then."""
        while self._unwritten:
            batch = dict(list(self._unwritten.items())[:AT_ONCE])
            for name in batch:
                del self._unwritten[name]
            try:
                await self._write(tuple(batch.values()))
            except StoreUnavailable:
                self._unwritten = batch | self._unwritten
                raise
