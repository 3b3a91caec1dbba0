"""The lesson's chat: the latest entries, and which messages of a client have been taken already."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from classroom.model import ChatEntry, PersonId

KEPT = 200
"""Entries that a newcomer gets; the database has all."""
REMEMBERED_PER_PERSON = 8
"""Client ids by which a message sent again is known. A client sends again what was under way when its
connection broke: no more than the rate allows at once (limits.CHAT)."""


class ChatLog:
    def __init__(self, history: Iterable[ChatEntry] = ()) -> None:
        self._entries: deque[ChatEntry] = deque(maxlen=KEPT)
        self._by_person: dict[PersonId, deque[ChatEntry]] = {}
        for entry in history:
            self.add(entry)

    def entries(self) -> tuple[ChatEntry, ...]:
        return tuple(self._entries)

    def add(self, entry: ChatEntry) -> None:
        self._entries.append(entry)
        if entry.client_id:
            own = self._by_person.setdefault(entry.person, deque(maxlen=REMEMBERED_PER_PERSON))
            own.append(entry)

    def taken(self, person: PersonId, client_id: str) -> ChatEntry | None:
        """The entry that this message has become already."""
        if not client_id:
            return None
        return next((e for e in self._by_person.get(person, ()) if e.client_id == client_id), None)

    def forget(self, person: PersonId) -> None:
        """The person is gone for good; the entries stay."""
        self._by_person.pop(person, None)
