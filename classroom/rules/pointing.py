"""Who may point at which picture. Pure.

Whoever gets the picture sees the pointer, and nobody else: that is for the floor's routes, so there is no row
for phases or classes here."""

from __future__ import annotations

from classroom.model import PersonId, Role, Source, SourceKind, source_kind
from sfu.params import Kind


def may_point(role: Role, actor: PersonId, person: PersonId, source: Source) -> bool:
    """The master: at any picture. Others: at the screen that they share."""
    kind = source_kind(source)
    if kind.media is not Kind.VIDEO:
        return False
    if role is Role.MASTER:
        return True
    return person == actor and kind is SourceKind.SCREEN and role in (Role.TUTOR, Role.ROOM, Role.STUDENT)
