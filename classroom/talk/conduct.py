"""How order is kept: changes of a lesson's `Conduct`, and what follows from it. Pure.

Theory of operation
-------------------
A moderator closes a microphone (mute) or takes a camera or screen down (stop). Both leave a *hold* on that
kind of source of that person, kept with the lesson: the floor forwards nothing that is held, so the person's
page, another page of theirs or a restart of the server cannot get round it. A hold ends when its owner opens
the source again, which is theirs alone: no moderator can open somebody's microphone. Teachers may always;
pupils when `Allowance.unmute` says so, or when a moderator has released the hold.

    (none) --mute, stop--> held --release--> held, released --owner opens--> (none)
                             `------- owner opens, if they may --------------^

Where pupils may not open by themselves, a pupil's own mute is a hold, too: else sending anew would open it.

An encoder has nobody at it who could say "unmute": what was muted of it is open when a moderator releases it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from classroom.model import (
    ClassId,
    Conduct,
    Hold,
    Lesson,
    Person,
    PersonId,
    Removed,
    Role,
    SourceKind,
)
from classroom.rules.reasons import Reason, Refused

MAX_HOLDS = 5_000
"""As many as a full room has people: one for each. They stay when people go, so they need a limit."""
MAX_REMOVED = 500
"""Somebody who has to send more out of one lesson locks it."""


# --- holds --------------------------------------------------------------------------------------------------


def hold_on(conduct: Conduct, person: PersonId, kind: SourceKind) -> Hold | None:
    return next((hold for hold in conduct.holds if (hold.person, hold.kind) == (person, kind)), None)


def held(conduct: Conduct) -> frozenset[tuple[PersonId, SourceKind]]:
    """Of whom what is not forwarded."""
    return frozenset((hold.person, hold.kind) for hold in conduct.holds)


def may_open(conduct: Conduct, person: Person, kind: SourceKind) -> bool:
    """Whether this person may open this source (again)."""
    hold = hold_on(conduct, person.id, kind)
    return hold is None or hold.released or conduct.allow.unmute or person.role is not Role.STUDENT


def stopped(lesson: Lesson, person: Person) -> frozenset[SourceKind]:
    """What this person may not send for the time being, because a moderator took it down."""
    return frozenset(
        hold.kind
        for hold in lesson.conduct.holds
        if hold.stopped and hold.person == person.id and not may_open(lesson.conduct, person, hold.kind)
    )


def close(conduct: Conduct, person: PersonId, kind: SourceKind, *, stop: bool) -> Conduct:
    """Mutes, or stops. Raises Refused. An earlier release is withdrawn."""
    others = tuple(hold for hold in conduct.holds if (hold.person, hold.kind) != (person, kind))
    if len(others) >= MAX_HOLDS:
        raise Refused(Reason.TOO_MANY_HOLDS)
    return replace(conduct, holds=(*others, Hold(person, kind, stopped=stop)))


def release(conduct: Conduct, person: Person, kind: SourceKind) -> Conduct:
    """Its owner may open it; of an encoder it is open. Raises Refused when it is not held."""
    if hold_on(conduct, person.id, kind) is None:
        raise Refused(Reason.SOURCE_NOT_HELD)
    if person.role is Role.ENCODER:
        return _without(conduct, person.id, kind)
    holds = tuple(
        replace(hold, released=True) if (hold.person, hold.kind) == (person.id, kind) else hold
        for hold in conduct.holds
    )
    return replace(conduct, holds=holds)


def open_again(conduct: Conduct, person: Person, kind: SourceKind) -> Conduct:
    """Its owner opens it. Raises Refused when they may not."""
    if not may_open(conduct, person, kind):
        raise Refused(Reason.UNMUTE_NOT_ALLOWED)
    return _without(conduct, person.id, kind)


def _without(conduct: Conduct, person: PersonId, kind: SourceKind) -> Conduct:
    holds = tuple(hold for hold in conduct.holds if (hold.person, hold.kind) != (person, kind))
    return conduct if len(holds) == len(conduct.holds) else replace(conduct, holds=holds)


def may_mute_freely(conduct: Conduct, person: Person) -> bool:
    """Whether an own mute is nobody else's business."""
    return conduct.allow.unmute or person.role is not Role.STUDENT


# --- who is in ----------------------------------------------------------------------------------------------


def is_removed(conduct: Conduct, person: PersonId) -> bool:
    return any(removed.person == person for removed in conduct.removed)


def remove(conduct: Conduct, person: Person) -> Conduct:
    """Raises Refused."""
    if is_removed(conduct, person.id):
        return conduct
    if len(conduct.removed) >= MAX_REMOVED:
        raise Refused(Reason.TOO_MANY_REMOVED)
    return replace(conduct, removed=(*conduct.removed, Removed(person.id, person.name)))


def readmit(conduct: Conduct, person: PersonId) -> Conduct:
    """Who is not removed may come in as it is."""
    return replace(conduct, removed=tuple(other for other in conduct.removed if other.person != person))


def shut_out(conduct: Conduct, person: Person, *, known: bool) -> Reason | None:
    """Why this person may not come in now; None when they may. known: they have been in this lesson."""
    if is_removed(conduct, person.id):
        return Reason.REMOVED
    if conduct.locked and person.role is Role.STUDENT and not known:
        return Reason.LESSON_LOCKED
    return None


# --- the chats ----------------------------------------------------------------------------------------------


def close_chat(conduct: Conduct, chat: ClassId | None, closed: bool) -> Conduct:
    others = tuple(other for other in conduct.closed_chats if other != chat)
    return replace(conduct, closed_chats=(*others, chat) if closed else others)


def without_classes(conduct: Conduct, gone: Collection[ClassId]) -> Conduct:
    """These classes are planned out."""
    closed = tuple(chat for chat in conduct.closed_chats if chat not in gone)
    return conduct if closed == conduct.closed_chats else replace(conduct, closed_chats=closed)
