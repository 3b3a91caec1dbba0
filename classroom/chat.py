"""The lesson's chats: the latest entries of each, and which messages of a client have been taken already.

There are as many chats as there are audiences: that of the lesson, one of each class, and one between each
tutor and the master. Each keeps its own latest, so that a lively class does not push out what was said to
all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import merge
from itertools import islice
from typing import NamedTuple

from classroom.model import ChatEntry, ChatId, ChatScope, Person, PersonId
from classroom.rules.talking import reads

KEPT = 200
"""Entries of each chat that a newcomer may get; the database has all."""
SHOWN = 400
"""Entries that a newcomer gets in all: some 100 KB. Who reads the chats of forty classes gets the latest."""
PRIVATE_CHATS = 200
"""Of tutors with the master: a lesson has some 40 classes, and tutors take each other's place. Of more, the
one that was silent for longest goes."""
REMEMBERED_PER_PERSON = 8
"""Client ids by which a message sent again is known. A client sends again what was under way when its
connection broke: no more than the rate allows at once (limits.CHAT)."""


class _Numbered(NamedTuple):
    number: int
    entry: ChatEntry


_Key = tuple[ChatScope, str]


class ChatLog:
    def __init__(self, history: Iterable[ChatEntry] = ()) -> None:
        """history: oldest first."""
        self._chats: dict[_Key, deque[_Numbered]] = {}
        """Least recently used first."""
        self._next = 0
        self._by_person: dict[PersonId, deque[ChatEntry]] = {}
        self._removed: deque[ChatId] = deque(maxlen=KEPT)
        """The latest, so that what is asked for again is known to be done."""
        for entry in history:
            self.add(entry)

    def entries(self) -> tuple[ChatEntry, ...]:
        """All that is kept, oldest first."""
        return tuple(entry for _, entry in merge(*self._chats.values()))

    def seen_by(self, viewer: Person) -> tuple[ChatEntry, ...]:
        """What a newcomer gets, oldest first."""
        readable = [chat for chat in self._chats.values() if chat and reads(viewer, chat[-1].entry)]
        latest = islice(merge(*map(reversed, readable), reverse=True), SHOWN)
        return tuple(entry for _, entry in latest)[::-1]

    def get(self, chat: ChatId) -> ChatEntry | None:
        found = (entry for log in self._chats.values() for _, entry in log if entry.id == chat)
        return next(found, None)

    def add(self, entry: ChatEntry) -> None:
        key = _key(entry)
        chat = self._chats.pop(key, None)
        self._chats[key] = deque(maxlen=KEPT) if chat is None else chat
        self._chats[key].append(_Numbered(self._next, entry))
        self._next += 1
        self._limit_private_chats()
        if entry.client_id:
            own = self._by_person.setdefault(entry.person, deque(maxlen=REMEMBERED_PER_PERSON))
            own.append(entry)

    def remove(self, entry: ChatEntry) -> None:
        """It is no longer shown; sent again it is still known. It may be older than what is kept."""
        key = _key(entry)
        kept = (item for item in self._chats.get(key, ()) if item.entry.id != entry.id)
        self._chats[key] = deque(kept, maxlen=KEPT)
        self._removed.append(entry.id)

    def was_removed(self, chat: ChatId) -> bool:
        """Not long ago."""
        return chat in self._removed

    def taken(self, person: PersonId, client_id: str) -> ChatEntry | None:
        """The entry that this message has become already."""
        if not client_id:
            return None
        return next((e for e in self._by_person.get(person, ()) if e.client_id == client_id), None)

    def forget(self, person: PersonId) -> None:
        """The person is gone for good; the entries stay."""
        self._by_person.pop(person, None)

    def _limit_private_chats(self) -> None:
        private = [key for key in self._chats if key[0] is ChatScope.PRIVATE]
        if len(private) > PRIVATE_CHATS:
            del self._chats[private[0]]


def _key(entry: ChatEntry) -> _Key:
    match entry.scope:
        case ChatScope.LESSON:
            return entry.scope, ""
        case ChatScope.CLASS:
            return entry.scope, entry.class_id or ""
        case ChatScope.PRIVATE:
            return entry.scope, entry.tutor or ""
