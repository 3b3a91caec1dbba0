"""A room that opens: what a lesson had when its server went is there again, for its people to come back to.

What everybody shares is in the lesson already (`shared`). People have their places, offline, for as long as
anybody's whose line was lost; with them their hands, their place on stage, and the class into which the
master looked. Whoever is not back by then loses them as everybody does. Timers go on by the lesson's clock.

What does not survive is `LOST`, and nothing else is: a test restores random lessons and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from classroom.core import LessonCore
from classroom.events import NoticeKind, PlanPassed
from classroom.membership import keep_place
from classroom.model import Attendee, Hand, LessonState, Person
from classroom.phases import arm_catch_up, arm_timer
from classroom.rules.admission import admit
from classroom.rules.reasons import Refused
from classroom.stage import arm_invitations, leave_stage

LOST: Final = (
    "tracks",  # they belong to connections; pages publish them anew
    "a supervisor's look",  # nothing in a lesson tells of supervision
    "whether the master's line is lost",  # the next connection tells
    "what the recorder does",  # it is asked
    "an open private line",  # it rings again, for who comes back to accept
    "ringing that nobody is expected back for",
    "how fast somebody was",  # the limits begin anew
    "client ids of messages sent long ago",
)
"""What does not survive, in words; `tests/classroom/store/test_restart_stateful.py` has it in code."""
LATE_S: Final = 60.0
"""Nobody calls a minute late."""
_OVER = frozenset({LessonState.ENDED, LessonState.CANCELLED})


def restore(core: LessonCore, people: Iterable[Person], hands: Iterable[Hand]) -> None:
    """Before anybody comes in."""
    for person in people:
        if _has_a_place(core, person):
            core.roster.put(Attendee(person, online=False))
            keep_place(core, person.id)
            core.awaited.add(person.id)
    core.lead.await_media(person for person in core.lesson.on_air if person in core.awaited)
    for hand in hands:
        # One whose owner is not expected any more is lowered: the record must not have it up for ever.
        core.raise_hand(hand)
        if core.roster.get(hand.person) is None:
            core.lower_hand(hand, None)
    for look in core.lesson.looks:
        if core.roster.get(look.person) is None or not core.can_be_looked_into(look.class_id):
            core.remember_look(look.person, None)
    guests = {member.person for member in core.lesson.stage} | {asked.person for asked in core.lesson.invited}
    for guest in sorted(guests):
        if core.roster.get(guest) is None:
            leave_stage(core, guest)
    arm_timer(core)
    arm_invitations(core)
    for room in core.lesson.classes:
        arm_catch_up(core, room.id)
    arm_plan(core)


def arm_plan(core: LessonCore) -> None:
    """So that a late start and an overrun are told, if they are still to come."""
    _alarm_at(core, "late start", core.lesson.starts_ms, LATE_S, lambda: _late(core))
    _alarm_at(core, "overrun", core.lesson.ends_ms, 0.0, lambda: _overrun(core))


def _alarm_at(
    core: LessonCore, name: str, unix_ms: int, later_s: float, callback: Callable[[], None]
) -> None:
    wait_s = (unix_ms - core.clock.unix_ms()) / 1000 + later_s
    due = bool(unix_ms) and wait_s > 0 and core.lesson.state not in _OVER
    core.alarm(name, wait_s if due else None, callback)


def _late(core: LessonCore) -> None:
    if core.lesson.state in (LessonState.SCHEDULED, LessonState.OPEN):
        core.observe(PlanPassed, overrun=False)
        core.notify(NoticeKind.LATE_START)


def _overrun(core: LessonCore) -> None:
    if core.lesson.state is LessonState.LIVE:
        core.observe(PlanPassed, overrun=True)
        core.notify(NoticeKind.OVERRUN)


def _has_a_place(core: LessonCore, person: Person) -> bool:
    """Whether they would be let in: classes may have changed meanwhile."""
    try:
        return admit(core.lesson, person, None, len(core.roster)) == person
    except Refused:
        return False
