"""The pointer on a shared picture: the only messages that are not kept for anybody."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from signaling.message import Id, Message, ServerMessage, Source

Fraction = Annotated[float, Meta(ge=0, le=1)]
"""Of the picture itself, without the bars beside it: 0 is its left or upper edge."""


class PointerMove(Message, tag="pointer.move", frozen=True, kw_only=True):
    """The master points at a picture, or somebody on stage at the screen that they share. At most ten a
    second are passed on; what is more is lost. There is no message for taking it away: pages let a pointer
    fade that has not moved for 2 s, so who holds it still says so again every second."""

    person: Id = ""
    """Whose picture; empty: the own."""
    source: Source
    x: Fraction
    y: Fraction


class Pointer(ServerMessage, tag="pointer", frozen=True, kw_only=True):
    """Where somebody points, to all who get that picture. Not counted (no `seq`), not kept, overtakes what
    waits; who cannot take it in time gets the latest one alone. Pages glide from one to the next."""

    by: Id
    person: Id
    """Whose picture."""
    source: Source
    x: float
    y: float


ClientMessage = PointerMove
AnyServerMessage = Pointer
