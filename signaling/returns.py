"""Which of two connections of one client is the newer, when they arrive in the wrong order. Pure.

Theory of operation. A page whose line is bad opens one socket after the other; an old one's `hello` may
reach the server after a newer one's, when the page has long given the old one up. Let in, it would take the
place of the one that the page uses. So a client counts its connections (`hello.attempt`), and for each
resume token the newest attempt is remembered, also when the session of that token is gone: after a restart,
or when the client was too late. A token whose session was replaced by another page of the same person is
dead: the page that was opened last stays, and the other one does not come back by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MAX_TOKENS: Final = 20_000
"""Twice as many as there may be sessions; some 3 MB. Of more, the one not heard of for longest goes, and is
then treated like one of an earlier server."""
_REPLACED: Final = 1 << 63
"""Newer than any attempt a client can count to."""


class Returns:
    def __init__(self, limit: int = MAX_TOKENS) -> None:
        self._limit = limit
        self._newest: OrderedDict[str, int] = OrderedDict()
        """Resume token -> the newest attempt; least recently heard of first."""

    def __len__(self) -> int:
        return len(self._newest)

    def outdated(self, token: str, attempt: int) -> bool:
        """Whether something newer has come with that token. 0 is no attempt's number: of clients that do not
        count, the one that arrives later is the newer."""
        newest = self._newest.get(token, 0)
        return newest == _REPLACED or 0 < attempt < newest

    def came(self, token: str, attempt: int) -> None:
        """Somebody was let in who has this token from before."""
        if token:
            self._remember(token, max(attempt, self._newest.get(token, 0)))

    def replaced(self, token: str) -> None:
        """The session of this token has given its place to another one of the same person."""
        self._remember(token, _REPLACED)

    def _remember(self, token: str, attempt: int) -> None:
        self._newest[token] = attempt
        self._newest.move_to_end(token)
        while len(self._newest) > self._limit:
            self._newest.popitem(last=False)
