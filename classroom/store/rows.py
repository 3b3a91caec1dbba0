"""From facts to rows: what is written of each fact, as pure values. No database here.

A fact becomes some writes, each a statement with its parameters. Those of a batch of facts may be carried out
statement by statement (`statements.ORDER`), since no write depends on one of a later statement, and no two
facts of a batch need different orders: rows are closed by their primary key, never by "the open one".
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from classroom import events
from classroom.events import Fact
from classroom.model import ClassRoom, LessonId, PersonId
from classroom.quality import PERIOD_S, Period, Summary, summary
from classroom.quality import body as quality_body
from classroom.shared import pack
from classroom.store import talk_rows
from classroom.store.kinds import KINDS
from classroom.store.ledger import Ledger
from classroom.store.statements import (
    ADD_CLASS,
    ADD_EVENT,
    ADD_HAND,
    ADD_PERSON,
    ADD_QUALITY,
    ADD_REFUSED_ENTRY,
    ADD_SEAT,
    ADD_TO_QUALITY_SUM,
    CHANGE_LESSON,
    CHANGE_PHASE,
    CHANGE_SHARED,
    CLOSE_OBSERVATION,
    CLOSE_PRESENCE,
    DROP_CLASSES,
    DROP_REGISTER,
    FORGET_QUALITY_NOTES,
    LOWER_HAND,
    NOTE_QUALITY,
    OPEN_OBSERVATION,
    OPEN_PRESENCE,
    QUEUE_EVENT,
    REVISE_LESSON,
    SEE_PERSON,
    SUMMED,
    TELL_DELETION,
)
from classroom.store.talk_rows import Write
from classroom.store.webhooks import pattern

NOTES_KEPT_MS = (PERIOD_S + 5) * 1000
"""After a period everybody's second is in a row of the record; and some for one that comes late."""
NOTES_FORGOTTEN_EVERY_S = 10


class Entry(NamedTuple):
    """All that is written of one fact, together or not at all."""

    writes: tuple[Write, ...]


def entry(fact: Fact, ledger: Ledger) -> Entry:
    """What is to be written of a fact; numbers it when it belongs to the lesson's stream."""
    kind = KINDS.get(type(fact))
    if kind is None:
        return Entry(tuple(_APART[type(fact)](fact, ledger)))
    seq = ledger.number(fact.lesson_id)
    writes = _beside(fact, ledger, seq)
    writes.append(
        event_write(
            fact.lesson_id,
            seq,
            fact.at_ms,
            fact.elapsed_ms,
            kind=kind.name,
            person=kind.person(fact),
            body=kind.body(fact),
        )
    )
    if ledger.webhooks:
        writes.append(queue_write(writes[-1].row))
    return Entry(tuple(writes))


def _beside(fact: Fact, ledger: Ledger, seq: int) -> list[Write]:
    """What is written beside the event."""
    if type(fact) in _BESIDE:
        return _BESIDE[type(fact)](fact, ledger, seq)
    return talk_rows.BESIDE[type(fact)](fact, seq) if type(fact) in talk_rows.BESIDE else []


def event_write(
    lesson: LessonId,
    seq: int,
    at_ms: int,
    elapsed_ms: int,
    *,
    kind: str,
    person: PersonId | None,
    body: object,
) -> Write:
    row = {
        "lesson_id": lesson,
        "seq": seq,
        "at_ms": at_ms,
        "elapsed_ms": elapsed_ms,
        "kind": kind,
        "person_id": person,
        "body": msgspec.json.encode(body).decode(),
    }
    return Write(ADD_EVENT, row)


def queue_write(event: Mapping[str, Any]) -> Write:
    """Puts an event's row before those who are to be told of it."""
    row = {"to_lesson": event["lesson_id"], "to_seq": event["seq"], "to_kind": pattern(event["kind"])}
    return Write(QUEUE_EVENT, row)


def _state_changed(fact: events.StateChanged, _ledger: Ledger, _seq: int) -> list[Write]:
    lesson = fact.lesson
    row = {
        "at_id": lesson.id,
        "to_state": fact.state,
        "to_phase": lesson.phase,
        "to_started_ms": lesson.started_ms,
        "to_ended_ms": lesson.ended_ms,
    }
    return [Write(CHANGE_LESSON, row)]


def _lesson_revised(fact: events.LessonRevised, _ledger: Ledger, _seq: int) -> list[Write]:
    lesson = fact.lesson
    row = {
        "at_id": lesson.id,
        "to_title": lesson.title,
        "to_starts_ms": lesson.starts_ms,
        "to_ends_ms": lesson.ends_ms,
        "to_recorded": lesson.recorded,
        "to_master": lesson.master_id,
    }
    classes = [Write(ADD_CLASS, class_row(lesson.id, at, room)) for at, room in enumerate(lesson.classes)]
    return [Write(REVISE_LESSON, row), Write(DROP_CLASSES, {"at_id": lesson.id}), *classes]


def class_row(lesson: LessonId, position: int, room: ClassRoom) -> dict[str, Any]:
    return {
        "lesson_id": lesson,
        "id": room.id,
        "position": position,
        "name": room.name,
        "tutor_id": room.tutor,
        "school": room.school,
        "at_home": room.at_home,
        "pupils": room.pupils,
    }


def _phase_changed(fact: events.PhaseChanged, _ledger: Ledger, _seq: int) -> list[Write]:
    return [Write(CHANGE_PHASE, {"at_id": fact.lesson_id, "to_phase": fact.phase})]


def _register_set(fact: events.RegisterSet, _ledger: Ledger, _seq: int) -> list[Write]:
    seats = [
        Write(
            ADD_SEAT,
            {
                "lesson_id": fact.lesson_id,
                "class_id": fact.class_id,
                "seat": pupil.seat,
                "position": position,
                "name": pupil.name,
            },
        )
        for position, pupil in enumerate(fact.pupils)
    ]
    return [Write(DROP_REGISTER, {"at_lesson": fact.lesson_id, "at_class": fact.class_id}), *seats]


def _person_joined(fact: events.PersonJoined, ledger: Ledger, seq: int) -> list[Write]:
    person = fact.person
    ledger.open_presence(fact.lesson_id, person.id, seq, person.class_id or "")
    seen = {"at_id": person.id, "to_name": person.name, "to_seen_ms": fact.at_ms}
    row = {
        "lesson_id": fact.lesson_id,
        "seq": seq,
        "person_id": person.id,
        "role": person.role,
        "class_id": person.class_id,
        "joined_ms": fact.at_ms,
    }
    return [Write(SEE_PERSON, seen), Write(ADD_PERSON, seen), Write(OPEN_PRESENCE, row)]


def _person_left(fact: events.PersonLeft, ledger: Ledger, _seq: int) -> list[Write]:
    opened = ledger.close_presence(fact.lesson_id, fact.person.id)
    if opened is None:
        return []
    return [close_presence_write(fact.lesson_id, opened, fact.at_ms, fact.cause)]


def close_presence_write(lesson: LessonId, seq: int, left_ms: int, cause: events.LeaveCause) -> Write:
    row = {"at_lesson": lesson, "at_seq": seq, "to_left_ms": left_ms, "to_cause": cause}
    return Write(CLOSE_PRESENCE, row)


def _hand_raised(fact: events.HandRaised, _ledger: Ledger, _seq: int) -> list[Write]:
    hand = fact.hand
    row = {
        "lesson_id": fact.lesson_id,
        "id": hand.id,
        "person_id": hand.person,
        "class_id": hand.class_id,
        "seat": hand.seat,
        "since_ms": hand.since_ms,
        "raised_ms": fact.at_ms,
    }
    return [Write(ADD_HAND, row)]


def _hand_lowered(fact: events.HandLowered, _ledger: Ledger, _seq: int) -> list[Write]:
    return [lower_hand_write(fact.lesson_id, fact.hand, fact.at_ms, fact.actor)]


def lower_hand_write(lesson: LessonId, hand: str, lowered_ms: int, actor: PersonId | None) -> Write:
    row = {"at_lesson": lesson, "at_id": hand, "to_lowered_ms": lowered_ms, "to_lowered_by": actor}
    return Write(LOWER_HAND, row)


def _item_deleted(fact: events.ItemDeleted, _ledger: Ledger, _seq: int) -> list[Write]:
    return [Write(TELL_DELETION, {"at_id": fact.item})]


def _shared_changed(fact: events.SharedChanged, _ledger: Ledger) -> list[Write]:
    return [Write(CHANGE_SHARED, {"at_id": fact.lesson_id, "to_shared": pack(fact.lesson)})]


def _entry_refused(fact: events.EntryRefused, _ledger: Ledger) -> list[Write]:
    row = {
        "id": uuid.uuid4().hex,
        "lesson_id": fact.lesson_id,
        "person_id": fact.person.id,
        "role": fact.person.role,
        "at_ms": fact.at_ms,
        "reason": fact.reason,
    }
    return [Write(ADD_REFUSED_ENTRY, row)]


def _observation_started(fact: events.ObservationStarted, ledger: Ledger) -> list[Write]:
    row = {
        "id": ledger.open_observation(fact.lesson_id, fact.person.id),
        "lesson_id": fact.lesson_id,
        "person_id": fact.person.id,
        "started_ms": fact.at_ms,
    }
    return [Write(OPEN_OBSERVATION, row)]


def _observation_ended(fact: events.ObservationEnded, ledger: Ledger) -> list[Write]:
    opened = ledger.close_observation(fact.lesson_id, fact.person.id)
    if opened is None:
        return []
    return [Write(CLOSE_OBSERVATION, {"at_id": opened, "to_ended_ms": fact.at_ms, "to_cause": fact.cause})]


def _quality_measured(fact: events.QualityMeasured, ledger: Ledger) -> list[Write]:
    class_id = ledger.class_of(fact.lesson_id, fact.period.person)
    return quality_writes(fact.lesson_id, class_id, fact.period)


def quality_writes(lesson: LessonId, class_id: str, period: Period) -> list[Write]:
    """class_id: of the person, empty: none."""
    summed = summary(period.packed)
    row = {
        "lesson_id": lesson,
        "person_id": period.person,
        "started_ms": period.started_ms,
        **{name: getattr(summed, name) for name in Summary.__slots__},
        "body": quality_body(period),
    }
    summed_up = {"lesson_id": lesson, "class_id": class_id} | {name: row[name] for name in SUMMED}
    return [Write(ADD_QUALITY, row), Write(ADD_TO_QUALITY_SUM, summed_up)]


def _quality_noted(fact: events.QualityNoted, _ledger: Ledger) -> list[Write]:
    row = {
        "at_ms": fact.at_ms,
        "lesson_id": fact.lesson_id,
        "people": "\n".join(fact.people),
        "packed": fact.packed,
    }
    if fact.at_ms // 1000 % NOTES_FORGOTTEN_EVERY_S:
        return [Write(NOTE_QUALITY, row)]
    return [
        Write(NOTE_QUALITY, row),
        Write(FORGET_QUALITY_NOTES, {"before_ms": fact.at_ms - NOTES_KEPT_MS}),
    ]


_BESIDE: Mapping[type[Fact], Callable[[Any, Ledger, int], list[Write]]] = {
    events.StateChanged: _state_changed,
    events.LessonRevised: _lesson_revised,
    events.PhaseChanged: _phase_changed,
    events.RegisterSet: _register_set,
    events.PersonJoined: _person_joined,
    events.PersonLeft: _person_left,
    events.HandRaised: _hand_raised,
    events.HandLowered: _hand_lowered,
    events.ItemDeleted: _item_deleted,
}
"""What is written beside the event."""

_APART: Mapping[type[Fact], Callable[[Any, Ledger], list[Write]]] = {
    events.SharedChanged: _shared_changed,
    events.EntryRefused: _entry_refused,
    events.ObservationStarted: _observation_started,
    events.ObservationEnded: _observation_ended,
    events.QualityMeasured: _quality_measured,
    events.QualityNoted: _quality_noted,
}
"""Facts that are in no stream."""
