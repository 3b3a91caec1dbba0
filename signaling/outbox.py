"""What the server has to say to one client, in order, bounded, and said again after a lost connection. Pure.

Theory of operation: sequenced messages are kept in one deque, oldest first, after they were sent too, because
only the client knows what arrived. A cursor divides the deque: before it what was written to a socket, from
it on what was not.

    kept:   [ 7  8  9 | 10  11 ]        seq of the cursor: 10
              written   waiting

`acknowledge` forgets what arrived. When the deque is full, the oldest written message is forgotten: a resume
that would need it is refused (`rewind` is False) and the client starts afresh. When nothing written is left
to forget, the client is too slow: `overflowed` stays True, and the session ends rather than grow.

Messages of the connection itself (`welcome`, `pong`, `bye`) have no seq, overtake, and are not said again.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from signaling import codec
from signaling.codec import Encoded
from signaling.message import ServerMessage

MAX_MESSAGES: Final = 1024
"""Kept at most. A lively lesson makes a few messages a second: minutes of them, far more than a resume may
take."""
MAX_BYTES: Final = 4 * 1024 * 1024
"""Kept at most: a full roster of a large lesson is some 300 kB; a client that is this far behind is not
coming back."""
MAX_URGENT: Final = 16
"""Unsequenced messages waiting: pongs, as many as a client may ask for before its reader is stopped."""


class Outbox:
    def __init__(self, *, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._kept: deque[bytes] = deque()
        self._first = 1
        """seq of the oldest kept message."""
        self._cursor = 1
        """seq of the next message to write."""
        self._bytes = 0
        self._urgent: deque[bytes] = deque()
        self.overflowed = False

    @property
    def last_seq(self) -> int:
        return self._first + len(self._kept) - 1

    @property
    def waiting(self) -> int:
        """Messages not written yet."""
        return len(self._urgent) + self.last_seq + 1 - self._cursor

    def push(self, message: ServerMessage | Encoded) -> None:
        """Adds a sequenced message. When there is no room any more: `overflowed`, and the message is lost."""
        if self.overflowed:
            return
        seq = self.last_seq + 1
        if isinstance(message, Encoded):
            frame = message.numbered(seq)
        else:
            frame = codec.encode(msgspec.structs.replace(message, seq=seq))
        while len(self._kept) >= self._max_messages or self._bytes + len(frame) > self._max_bytes:
            if self._first == self._cursor:
                self.overflowed = True
                return
            self._forget_oldest()
        self._kept.append(frame)
        self._bytes += len(frame)

    def push_urgent(self, message: ServerMessage) -> None:
        """Adds a message of the connection itself, before all others. When there are too many, the oldest
        goes."""
        if len(self._urgent) >= MAX_URGENT:
            self._urgent.popleft()
        self._urgent.append(codec.encode(message))

    def take(self) -> bytes | None:
        """The next frame to write; None when there is nothing to say."""
        if self._urgent:
            return self._urgent.popleft()
        if self._cursor > self.last_seq:
            return None
        frame = self._kept[self._cursor - self._first]
        self._cursor += 1
        return frame

    def acknowledge(self, seq: int) -> None:
        """All up to seq have arrived. A seq that was never sent means nothing."""
        while self._kept and self._first <= min(seq, self._cursor - 1):
            self._forget_oldest()

    def rewind(self, last_seq: int) -> bool:
        """For a new connection that has everything up to last_seq: what follows is said again.
        False when that is not possible any more, or never was said."""
        if self.overflowed or not self._first - 1 <= last_seq <= self._cursor - 1:
            return False
        self._urgent.clear()
        self.acknowledge(last_seq)
        self._cursor = self._first
        return True

    def _forget_oldest(self) -> None:
        self._bytes -= len(self._kept.popleft())
        self._first += 1
