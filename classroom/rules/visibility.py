"""Who is shown to whom. Pupils are named to their own class and to those who lead; a supervisor to nobody."""

from __future__ import annotations

from typing import NamedTuple

from classroom.model import ClassId, Person, Role

_SEE_ALL = frozenset({Role.MASTER, Role.ORGANIZER, Role.SUPERVISOR})
_SEEN_BY_ALL = frozenset({Role.MASTER, Role.TUTOR, Role.ORGANIZER, Role.ENCODER})


class Audience(NamedTuple):
    """Members of one audience hear the same events."""

    everybody: bool
    """Sees everybody."""
    class_id: ClassId | None
    """Else: sees this class, and the teachers."""


def audience(person: Person) -> Audience:
    if person.role in _SEE_ALL:
        return Audience(True, None)
    return Audience(False, person.class_id)


def sees(viewer: Audience, person: Person) -> bool:
    if person.role is Role.SUPERVISOR:
        return False
    if viewer.everybody or person.role in _SEEN_BY_ALL:
        return True
    return person.class_id is not None and person.class_id == viewer.class_id


def sees_class_work(viewer: Audience, class_id: ClassId | None) -> bool:
    """Whether hands of this class are shown."""
    return viewer.everybody or (class_id is not None and class_id == viewer.class_id)
