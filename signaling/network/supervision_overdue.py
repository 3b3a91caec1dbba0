"""Tells of problems whose provider's week is over without an answer (`supervision_reviews.tell_overdue`).

Asked of the database again and again, so that nothing is forgotten with a server; of several servers one
tells."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from classroom.store import supervision_reviews
from classroom.store.store import Store
from signaling.background import Rounds

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 600.0
"""A week is over at no particular minute."""


class OverdueWatch:
    def __init__(self, store: Store, news: Callable[[], None]) -> None:
        """news: called when letters wait."""
        self._store = store
        self._news = news
        self.rounds = Rounds("overdue problems", self.look, LOOK_EVERY_S)

    async def look(self) -> int:
        """How many problems were told of. Raises StoreUnavailable."""
        store, told = self._store, 0
        while some := await store.network.change(supervision_reviews.tell_overdue, store.clock.unix_ms()):
            told += some
        if told:
            log.info("- %d problems of supervision are unanswered after a week", told)
            store.webhooks.written()
            self._news()
        return told
