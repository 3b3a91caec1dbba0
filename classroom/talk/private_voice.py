"""The private line between a tutor and the master: ringing, talking, and what it takes off the floor. Pure.

Theory of operation
-------------------
While two people talk privately, they use the microphones that they have: there is no second track to keep
apart from the first. So a line that is open is a rule of the floor with two halves:

- each of the two gets the other's microphone, in every phase, and
- *nobody else* gets any sound that could carry their words: the master's (microphone, shared sound, and that
  of encoders, which stand beside the master and are the master's), the tutor's, and that of the room device
  of the tutor's class, whose microphone stands in the room in which the tutor talks. The recorder is one of
  those who get nothing.

The tutor's class does not hear the master through its room device, because the device is another person of
the lesson than its tutor and gets no master's sound meanwhile. Pictures go on.

A line belongs to connections that are there: it ends with either of the two, and with the lesson. When the
server goes, both are gone and neither has hung up: the line then rings again, for who comes back to accept.
(Opened by itself it would take the master's sound from everybody until the other is there, and would open a
microphone for somebody who may have turned to their class.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from classroom.model import Lesson, Person, PersonId, Role, VoiceCall
from classroom.rules.reasons import Reason, Refused

RING_S = 45.0
"""As long as a telephone rings."""
MAX_CALLS = 100
"""Lines that ring at the same time. There is one per tutor; a lesson has some 40 classes."""

Calls = tuple[VoiceCall, ...]


def call_of(calls: Iterable[VoiceCall], tutor: PersonId) -> VoiceCall | None:
    return next((call for call in calls if call.tutor == tutor), None)


def of_person(calls: Iterable[VoiceCall], person: PersonId) -> Calls:
    """The lines in which this person is one of the two."""
    return tuple(call for call in calls if person in (call.tutor, call.master))


def ring(calls: Calls, *, tutor: Person, master: PersonId, caller: PersonId, now_ms: int) -> Calls:
    """Asks for a line. Where the other one has asked already, that is taken for accepting. Asking again
    changes nothing. Raises Refused."""
    call = call_of(calls, tutor.id)
    if call is not None:
        if call.accepted or call.caller == caller:
            return calls
        return accept(calls, tutor=tutor.id, callee=caller, now_ms=now_ms)
    if len(calls) >= MAX_CALLS:
        raise Refused(Reason.BUSY)
    return (*calls, VoiceCall(tutor.id, tutor.class_id, master, caller, now_ms))


def accept(calls: Calls, *, tutor: PersonId, callee: PersonId, now_ms: int) -> Calls:
    """Opens a line that rings for `callee`. Raises Refused."""
    call = call_of(calls, tutor)
    if call is None or callee not in (call.tutor, call.master) or callee == call.caller:
        raise Refused(Reason.NO_CALL)
    if call.accepted:
        return calls
    if any(other.accepted and other.master == call.master for other in calls):
        raise Refused(Reason.VOICE_BUSY)
    opened = replace(call, accepted=True, since_ms=now_ms)
    return tuple(opened if other is call else other for other in calls)


def ring_again(calls: Calls, now_ms: int) -> Calls:
    """After the server was gone."""
    return tuple(replace(call, accepted=False, since_ms=now_ms) for call in calls)


def hang_up(calls: Calls, tutor: PersonId) -> Calls:
    """Ends or declines it; the others are left."""
    return tuple(call for call in calls if call.tutor != tutor)


# --- the floor ----------------------------------------------------------------------------------------------


def partners(lesson: Lesson) -> Iterator[tuple[PersonId, PersonId]]:
    """(listener, speaker): who hears whom, and nobody else does."""
    for call in lesson.calls:
        if call.accepted:
            yield call.tutor, call.master
            yield call.master, call.tutor


def is_hushed(lesson: Lesson, person: Person) -> bool:
    """Whether this person's sound is kept from everybody but a partner."""
    return any(call.accepted and _is_near(person, call) for call in lesson.calls)


def _is_near(person: Person, call: VoiceCall) -> bool:
    """One of the two, or a device beside one of them. Pupils at home are beside neither."""
    if person.id in (call.tutor, call.master) or person.role in (Role.MASTER, Role.ENCODER):
        return True
    in_class = person.class_id is not None and person.class_id == call.class_id
    return in_class and person.role is not Role.STUDENT
