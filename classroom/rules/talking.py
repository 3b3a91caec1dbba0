"""Who reads and writes which chat, who moderates whom, and who sees a quiz's result: pure functions."""

from __future__ import annotations

from classroom.model import ChatEntry, ChatScope, ClassId, Conduct, Person, Role
from classroom.rules.reasons import Reason

LEADS = frozenset({Role.MASTER, Role.ORGANIZER})
SEES_ALL = frozenset({Role.MASTER, Role.ORGANIZER, Role.SUPERVISOR})


def reads(viewer: Person, entry: ChatEntry) -> bool:
    """Whether this message is shown to this person. Private ones are for the two alone."""
    if entry.scope is ChatScope.LESSON:
        return True
    if entry.scope is ChatScope.PRIVATE:
        return viewer.role is Role.MASTER or viewer.id == entry.tutor
    return for_class(viewer, entry.class_id)


def for_class(viewer: Person, class_id: ClassId | None) -> bool:
    """Whether what is for this class (None: for everybody) is for this person."""
    return class_id is None or viewer.role in SEES_ALL or viewer.class_id == class_id


def chat_refusal(
    conduct: Conduct, writer: Person, scope: ChatScope, class_id: ClassId | None
) -> Reason | None:
    """Why this person may not write there now; None when they may. class_id: of a class's chat."""
    if scope is ChatScope.PRIVATE:
        return None if writer.role in (Role.MASTER, Role.TUTOR) else Reason.ROLE_MAY_NOT
    if writer.role in LEADS:
        return None
    if writer.role is Role.STUDENT and not conduct.allow.chat:
        return Reason.CHAT_NOT_ALLOWED
    if scope is ChatScope.LESSON:
        return Reason.CHAT_CLOSED if None in conduct.closed_chats else None
    pupil = writer.role is Role.STUDENT
    return Reason.CHAT_CLOSED if pupil and class_id in conduct.closed_chats else None


def may_delete(actor: Person, entry: ChatEntry) -> bool:
    """Those who lead: everything that is not private. A tutor: the own words, and of the own class its chat
    and what its pupils write."""
    if entry.scope is ChatScope.PRIVATE:
        return False
    if actor.role in LEADS or actor.id == entry.person:
        return True
    own = entry.class_id is not None and entry.class_id == actor.class_id
    return own and (entry.role is Role.STUDENT or entry.scope is ChatScope.CLASS)


def may_moderate(actor: Person, target: Person) -> bool:
    """The organizer: all but organizers. The master: all but those two. A tutor: the pupils and devices of
    the own class."""
    if actor.role is Role.ORGANIZER:
        return target.role is not Role.ORGANIZER
    if actor.role is Role.MASTER:
        return target.role not in LEADS
    own = target.class_id is not None and target.class_id == actor.class_id
    return own and target.role is not Role.TUTOR


def sees_result(viewer: Person, shown: bool) -> bool:
    """Whether a quiz's result is shown to this person: to tutors that of their own class, before it is shown
    to all."""
    return shown or viewer.role in SEES_ALL or viewer.role is Role.TUTOR
