"""How a bot gets in, whatever the server: WHIP and WHEP, the WebSocket, or a peer's own interface.

A door exchanges descriptions and nothing else; ICE, DTLS and media are the same code behind each of them, so
figures of two doors compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from .sdp import Answer


class Refused(Exception):  # noqa: N818
    """The server refused, or could not be reached; the text is what it said."""

    retry_after_s: int = 0
    """When it says that one may come back; 0: it does not."""


@dataclass(slots=True)
class Resource:
    """One connection made at the server."""

    location: str
    answer: Answer
    """The server's description; of a server that offers again, its latest."""


class Door(Protocol):
    """`token` goes into each call, as each bot has its own."""

    async def __aenter__(self) -> Door: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def publish(self, lesson: str, token: str, offer: str) -> Resource:
        """Raises Refused or BadAnswer."""
        ...

    async def subscribe(self, lesson: str, token: str, offer: str) -> Resource:
        """`offer` says what the bot would take, and with which ICE and DTLS; where the server is the one who
        offers, these three words of it go into the answer. Raises Refused or BadAnswer."""
        ...

    async def leave(self, resource: Resource, token: str) -> None:
        """Raises Refused."""
        ...

    async def metrics(self) -> str:
        """The server's own counters, in Prometheus' text format; empty where it has none. Raises Refused."""
        ...
