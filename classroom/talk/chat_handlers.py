"""Chat and announcements: what each command does (see `classroom.handlers`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from classroom.commands import Say
from classroom.core import LessonCore
from classroom.events import ChatSaid, ChatWritten
from classroom.model import (
    Announcement,
    Attendee,
    ChatEntry,
    ChatId,
    ChatScope,
    ClassId,
    Person,
    PersonId,
    Role,
)
from classroom.rules.reasons import Reason, Refused
from classroom.rules.talking import chat_refusal, for_class, may_delete, reads
from classroom.rules.words import announcement_text, chat_text
from classroom.talk import conduct
from classroom.talk.commands import Announce, CloseChat, DeleteChat
from classroom.talk.events import Act, Announced, ChatRemoved
from classroom.talk.facts import AnnouncementMade, ChatDeleted
from classroom.talk.moderation_handlers import change_conduct


def say(core: LessonCore, attendee: Attendee, command: Say) -> None:
    text = chat_text(command.text)
    taken = core.chat.taken(attendee.id, command.client_id)
    if taken is not None:
        # The answer was lost on the way: it is given again, to who asks.
        core.lines.deliver(attendee.id, ChatSaid(taken))
        return
    entry = _addressed(core, attendee.person, command, text)
    reason = chat_refusal(core.lesson.conduct, attendee.person, entry.scope, entry.class_id)
    if reason is not None:
        raise Refused(reason)
    _keep_pace(core, attendee)
    entry = replace(entry, id=ChatId(core.new_id()))
    core.chat.add(entry)
    said = ChatSaid(entry)
    for line in core.lines:
        if reads(line.person, entry):
            line.deliver(said)
    core.observe(ChatWritten, entry=entry)


def _keep_pace(core: LessonCore, attendee: Attendee) -> None:
    now = core.clock.now()
    if not core.pace(attendee.id).chat.take(now):
        raise Refused(Reason.TOO_FAST)
    if not core.lesson_pace.take(now):
        raise Refused(Reason.BUSY)


def _addressed(core: LessonCore, writer: Person, command: Say, text: str) -> ChatEntry:
    """The entry, still without an id. Raises Refused when it is for nobody."""
    entry = ChatEntry(
        id=ChatId(""),
        person=writer.id,
        name=writer.name,
        role=writer.role,
        text=text,
        at_ms=core.clock.unix_ms(),
        client_id=command.client_id,
        scope=command.scope,
        class_id=writer.class_id,
    )
    if command.scope is ChatScope.CLASS and writer.class_id is None:
        return replace(entry, class_id=_class(core, command.to))
    if command.scope is ChatScope.PRIVATE and writer.role is Role.TUTOR:
        return replace(entry, tutor=writer.id)
    if command.scope is ChatScope.PRIVATE and writer.role is Role.MASTER:
        tutor, class_id = _tutor(core, PersonId(command.to))
        return replace(entry, tutor=tutor, class_id=class_id)
    return entry


def _class(core: LessonCore, name: str) -> ClassId:
    if not name:
        raise Refused(Reason.CLASS_REQUIRED)
    if core.lesson.class_room(ClassId(name)) is None:
        raise Refused(Reason.UNKNOWN_CLASS)
    return ClassId(name)


def _tutor(core: LessonCore, person: PersonId) -> tuple[PersonId, ClassId | None]:
    """A tutor who is in, or will be: then they read it when they come."""
    attendee = core.roster.get(person)
    if attendee is not None and attendee.role is Role.TUTOR:
        return person, attendee.person.class_id
    registered = next((room for room in core.lesson.classes if room.tutor == person), None)
    if registered is None:
        raise Refused(Reason.PERSON_UNKNOWN)
    return person, registered.id


def delete(core: LessonCore, attendee: Attendee, command: DeleteChat) -> None:
    if core.chat.was_removed(command.chat):
        return
    entry = core.chat.get(command.chat) or command.found
    if entry is None or not reads(attendee.person, entry):
        raise Refused(Reason.CHAT_UNKNOWN)
    if not may_delete(attendee.person, entry):
        raise Refused(Reason.CHAT_NOT_YOURS)
    core.chat.remove(entry)
    for line in core.lines:
        if reads(line.person, entry):
            line.deliver(ChatRemoved(entry.id))
    core.observe(ChatDeleted, chat=entry.id, actor=attendee.id)


def close(core: LessonCore, attendee: Attendee, command: CloseChat) -> None:
    chat = command.class_id
    if attendee.role is Role.TUTOR:
        if chat not in (None, attendee.person.class_id):
            raise Refused(Reason.CHAT_NOT_YOURS)
        chat = attendee.person.class_id
    elif chat is not None:
        chat = _class(core, chat)
    changed = conduct.close_chat(core.lesson.conduct, chat, command.closed)
    act = Act.CHAT_CLOSED if command.closed else Act.CHAT_OPENED
    change_conduct(core, changed, act, attendee, class_id=chat)


def announce(core: LessonCore, attendee: Attendee, command: Announce) -> None:
    text = announcement_text(command.text)
    class_id = attendee.person.class_id
    board = core.talk.board.get(class_id)
    if text == ("" if board is None else board.text):
        return
    _keep_pace(core, attendee)
    person = attendee.person
    announcement = Announcement(
        ChatId(core.new_id()), person.id, person.name, person.role, text, core.clock.unix_ms(), class_id
    )
    if text:
        core.talk.board[class_id] = announcement
    else:
        del core.talk.board[class_id]
    for line in core.lines:
        if for_class(line.person, class_id):
            line.deliver(Announced(announcement))
    core.observe(AnnouncementMade, announcement=announcement)


HANDLERS: Mapping[type, Callable[[LessonCore, Attendee, Any], None]] = {
    Say: say,
    DeleteChat: delete,
    CloseChat: close,
    Announce: announce,
}
