"""The statements by which facts are written, and the order in which those of a batch are carried out."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Executable, bindparam, delete, exists, insert, literal, or_, select, text, update

from classroom.store import tables
from classroom.store.library_tables import library_items

_people = tables.people.c
_presence = tables.presence.c
_observations = tables.observations.c
_hands = tables.hands.c
_chat = tables.chat.c
_quizzes = tables.quizzes.c
_answers = tables.quiz_answers.c
_tallies = tables.quiz_tallies.c
_lessons = tables.lessons.c
_webhooks = tables.webhooks.c

SUMMED: Final = ("seconds", "fair_s", "poor_s", "frozen_s")
"""Of `quality`, by class."""

SEE_PERSON: Final = (
    update(tables.people)
    .where(_people.id == bindparam("at_id"))
    .values(name=bindparam("to_name"), seen_ms=bindparam("to_seen_ms"))
)
ADD_PERSON: Final = insert(tables.people).from_select(
    ["id", "name", "seen_ms"],
    select(
        bindparam("at_id", type_=_people.id.type),
        bindparam("to_name", type_=_people.name.type),
        bindparam("to_seen_ms", type_=_people.seen_ms.type),
    ).where(~exists(select(literal(1)).where(_people.id == bindparam("at_id")))),
)
"""Unless there is one of that id: portable, where the dialects' own upserts are not."""
CHANGE_LESSON: Final = (
    update(tables.lessons)
    .where(_lessons.id == bindparam("at_id"))
    .values(
        state=bindparam("to_state"),
        phase=bindparam("to_phase"),
        started_ms=bindparam("to_started_ms"),
        ended_ms=bindparam("to_ended_ms"),
    )
)
CHANGE_PHASE: Final = (
    update(tables.lessons).where(_lessons.id == bindparam("at_id")).values(phase=bindparam("to_phase"))
)
TELL_DELETION: Final = (
    update(library_items).where(library_items.c.id == bindparam("at_id")).values(deletion_told=True)
)
REVISE_LESSON: Final = (
    update(tables.lessons)
    .where(_lessons.id == bindparam("at_id"))
    .values(
        title=bindparam("to_title"),
        starts_ms=bindparam("to_starts_ms"),
        ends_ms=bindparam("to_ends_ms"),
        recorded=bindparam("to_recorded"),
        master_id=bindparam("to_master"),
    )
)
DROP_CLASSES: Final = delete(tables.classes).where(tables.classes.c.lesson_id == bindparam("at_id"))
ADD_CLASS: Final = insert(tables.classes)
"""Two plans of one lesson in one batch would add its classes twice: the writer then takes fact by fact."""
CHANGE_SHARED: Final = (
    update(tables.lessons).where(_lessons.id == bindparam("at_id")).values(shared=bindparam("to_shared"))
)
DROP_REGISTER: Final = delete(tables.registers).where(
    tables.registers.c.lesson_id == bindparam("at_lesson"),
    tables.registers.c.class_id == bindparam("at_class"),
)
ADD_SEAT: Final = insert(tables.registers)
OPEN_PRESENCE: Final = insert(tables.presence)
CLOSE_PRESENCE: Final = (
    update(tables.presence)
    .where(_presence.lesson_id == bindparam("at_lesson"), _presence.seq == bindparam("at_seq"))
    .values(left_ms=bindparam("to_left_ms"), cause=bindparam("to_cause"))
)
OPEN_OBSERVATION: Final = insert(tables.observations)
CLOSE_OBSERVATION: Final = (
    update(tables.observations)
    .where(_observations.id == bindparam("at_id"))
    .values(ended_ms=bindparam("to_ended_ms"), cause=bindparam("to_cause"))
)
ADD_REFUSED_ENTRY: Final = insert(tables.refused_entries)
ADD_CHAT: Final = insert(tables.chat)
DELETE_CHAT: Final = (
    update(tables.chat)
    .where(_chat.lesson_id == bindparam("at_lesson"), _chat.id == bindparam("at_id"))
    .values(deleted_ms=bindparam("to_deleted_ms"), deleted_by=bindparam("to_deleted_by"))
)
ADD_ANNOUNCEMENT: Final = insert(tables.announcements)
ADD_QUIZ: Final = insert(tables.quizzes)
CLOSE_QUIZ: Final = (
    update(tables.quizzes)
    .where(_quizzes.lesson_id == bindparam("at_lesson"), _quizzes.id == bindparam("at_id"))
    .values(closed_ms=bindparam("to_closed_ms"))
)
SHOW_QUIZ: Final = (
    update(tables.quizzes)
    .where(_quizzes.lesson_id == bindparam("at_lesson"), _quizzes.id == bindparam("at_id"))
    .values(shown=bindparam("to_shown"))
)
_AT_ANSWER: Final = (
    _answers.lesson_id == bindparam("at_lesson"),
    _answers.quiz_id == bindparam("at_quiz"),
    _answers.person_id == bindparam("at_person"),
)
ADD_ANSWER: Final = insert(tables.quiz_answers).from_select(
    ["lesson_id", "quiz_id", "person_id", "class_id", "choices", "at_ms"],
    select(
        bindparam("at_lesson", type_=_answers.lesson_id.type),
        bindparam("at_quiz", type_=_answers.quiz_id.type),
        bindparam("at_person", type_=_answers.person_id.type),
        bindparam("to_class", type_=_answers.class_id.type),
        bindparam("to_choices", type_=_answers.choices.type),
        bindparam("to_at_ms", type_=_answers.at_ms.type),
    ).where(~exists(select(literal(1)).where(*_AT_ANSWER))),
)
"""The first of a person; CHANGE_ANSWER then makes it the last, also of several in one batch."""
CHANGE_ANSWER: Final = (
    update(tables.quiz_answers)
    .where(*_AT_ANSWER)
    .values(class_id=bindparam("to_class"), choices=bindparam("to_choices"), at_ms=bindparam("to_at_ms"))
)
_AT_TALLY: Final = (
    _tallies.lesson_id == bindparam("at_lesson"),
    _tallies.quiz_id == bindparam("at_quiz"),
    _tallies.class_id == bindparam("at_class"),
)
ADD_TALLY: Final = insert(tables.quiz_tallies).from_select(
    ["lesson_id", "quiz_id", "class_id", "counts", "answered", "person_id", "at_ms"],
    select(
        bindparam("at_lesson", type_=_tallies.lesson_id.type),
        bindparam("at_quiz", type_=_tallies.quiz_id.type),
        bindparam("at_class", type_=_tallies.class_id.type),
        bindparam("to_counts", type_=_tallies.counts.type),
        bindparam("to_answered", type_=_tallies.answered.type),
        bindparam("to_person", type_=_tallies.person_id.type),
        bindparam("to_at_ms", type_=_tallies.at_ms.type),
    ).where(~exists(select(literal(1)).where(*_AT_TALLY))),
)
CHANGE_TALLY: Final = (
    update(tables.quiz_tallies)
    .where(*_AT_TALLY)
    .values(
        counts=bindparam("to_counts"),
        answered=bindparam("to_answered"),
        person_id=bindparam("to_person"),
        at_ms=bindparam("to_at_ms"),
    )
)
ADD_HAND: Final = insert(tables.hands)
LOWER_HAND: Final = (
    update(tables.hands)
    .where(_hands.lesson_id == bindparam("at_lesson"), _hands.id == bindparam("at_id"))
    .values(lowered_ms=bindparam("to_lowered_ms"), lowered_by=bindparam("to_lowered_by"))
)
ADD_EVENT: Final = insert(tables.events)
ADD_QUALITY: Final = insert(tables.quality)
ADD_TO_QUALITY_SUM: Final = text(
    "INSERT INTO quality_sums (lesson_id, class_id, seconds, fair_s, poor_s, frozen_s)"
    " VALUES (:lesson_id, :class_id, :seconds, :fair_s, :poor_s, :frozen_s)"
    " ON CONFLICT (lesson_id, class_id) DO UPDATE SET"
    + ",".join(f" {each} = quality_sums.{each} + excluded.{each}" for each in SUMMED)
)
"""The first period of a class begins its row. Both databases know this, and neither has it in standard
SQL."""
NOTE_QUALITY: Final = insert(tables.quality_latest)
FORGET_QUALITY_NOTES: Final = delete(tables.quality_latest).where(
    tables.quality_latest.c.at_ms < bindparam("before_ms")
)

QUEUE_EVENT: Final = insert(tables.webhook_outbox).from_select(
    ["webhook_id", "lesson_id", "seq"],
    select(
        _webhooks.id,
        bindparam("to_lesson", type_=_webhooks.lesson_id.type),
        bindparam("to_seq", type_=tables.webhook_outbox.c.seq.type),
    ).where(
        _webhooks.suspended_ms.is_(None),
        or_(_webhooks.lesson_id.is_(None), _webhooks.lesson_id == bindparam("to_lesson")),
        or_(_webhooks.kinds == "", _webhooks.kinds.like(bindparam("to_kind"), escape="\\")),
    ),
)
"""For each webhook that wants the event (`webhooks.pattern` of its kind)."""

ORDER: Final[tuple[Executable, ...]] = (
    SEE_PERSON,
    ADD_PERSON,
    CHANGE_LESSON,
    CHANGE_PHASE,
    TELL_DELETION,
    REVISE_LESSON,
    DROP_CLASSES,
    ADD_CLASS,
    CHANGE_SHARED,
    DROP_REGISTER,
    ADD_SEAT,
    OPEN_PRESENCE,
    CLOSE_PRESENCE,
    OPEN_OBSERVATION,
    CLOSE_OBSERVATION,
    ADD_REFUSED_ENTRY,
    ADD_CHAT,
    DELETE_CHAT,
    ADD_ANNOUNCEMENT,
    ADD_QUIZ,
    CLOSE_QUIZ,
    SHOW_QUIZ,
    ADD_ANSWER,
    CHANGE_ANSWER,
    ADD_TALLY,
    CHANGE_TALLY,
    ADD_HAND,
    LOWER_HAND,
    ADD_EVENT,
    QUEUE_EVENT,
    ADD_QUALITY,
    ADD_TO_QUALITY_SUM,
    NOTE_QUALITY,
    FORGET_QUALITY_NOTES,
)

NOTE_ALIVE: Final = (
    update(tables.server)
    .where(tables.server.c.id == 1)
    .values(
        alive_ms=bindparam("to_alive_ms"),
        boot=bindparam("to_boot"),
        uptime_ms=bindparam("to_uptime_ms"),
    )
)
"""With every commit: see `tables.server`."""
