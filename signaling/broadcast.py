"""What many are told in the same words is put into words once.

The room hands one event to all who hear the same; each session would make the same bytes of it, but for the
number of the message. The first of them makes them here, and the others find them: by the event itself, not
by what is in it, as comparing a lesson costs more than encoding it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from signaling.codec import Encoded, encode_once
from signaling.message import ServerMessage

MAX_EVENTS: Final = 512
"""Kept at a time. One change of a lesson makes one or two for each class and role, told at once."""


class Broadcast:
    """One for all sessions of a server."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Hashable], tuple[object, Encoded]] = {}
        """With each its event, so that no other gets the same identity meanwhile."""

    def words(self, event: object, key: Hashable, make: Callable[[], ServerMessage]) -> Encoded:
        """The message that `make` makes of an event, for all who have the same key."""
        found = self._known.get((id(event), key))
        if found is None:
            if len(self._known) >= MAX_EVENTS:
                self._known.clear()
            found = self._known[id(event), key] = (event, encode_once(make()))
        return found[1]
