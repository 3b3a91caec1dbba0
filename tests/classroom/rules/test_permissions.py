"""Every command by every role in every state: the whole table, written down a second time as the classroom
says it."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from classroom import commands
from classroom.commands import PersonCommand
from classroom.model import LessonState, Role
from classroom.rules.permissions import refusal
from classroom.rules.reasons import Reason

INSIDE = {"open", "live"}
ALLOWED: dict[str, dict[str, set[str]]] = {
    "RaiseHand": {"tutor": INSIDE, "student": INSIDE},
    "LowerHand": {"master": INSIDE, "tutor": INSIDE, "student": INSIDE},
    "Say": {"master": INSIDE, "tutor": INSIDE, "student": INSIDE, "organizer": INSIDE},
    "Publish": {"master": INSIDE, "tutor": INSIDE, "student": INSIDE, "encoder": INSIDE},
    "Unpublish": {role: set(LessonState) for role in ("master", "tutor", "student", "encoder")},
    "Mute": {"master": INSIDE, "tutor": INSIDE, "student": INSIDE, "encoder": INSIDE},
    "StartLesson": {"master": {"scheduled", "open"}, "encoder": {"scheduled", "open"}},
    "EndLesson": {"master": {"live"}, "organizer": {"live"}},
    "CancelLesson": {"organizer": {"scheduled", "open"}},
    "DeleteChat": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "CloseChat": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "Announce": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "MutePerson": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "StopSource": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "ReleaseSource": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "RemovePerson": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "ReadmitPerson": {"master": INSIDE, "organizer": INSIDE},
    "LockLesson": {"master": INSIDE, "organizer": INSIDE},
    "Allow": {"master": INSIDE, "organizer": INSIDE},
    "CallVoice": {"master": {"live"}, "tutor": {"live"}},
    "AcceptVoice": {"master": {"live"}, "tutor": {"live"}},
    "EndVoice": {"master": {"live"}, "tutor": {"live"}},
    "OpenQuiz": {"master": {"live"}},
    "CloseQuiz": {"master": {"live"}},
    "ShowQuiz": {"master": {"live"}},
    "AnswerQuiz": {"student": {"live"}},
    "EnterTally": {"tutor": {"live"}},
}
BY_STATE = {
    "scheduled": Reason.LESSON_NOT_LIVE,
    "open": Reason.LESSON_NOT_LIVE,
    "live": Reason.LESSON_ALREADY_LIVE,
    "ended": Reason.LESSON_ENDED,
    "cancelled": Reason.LESSON_CANCELLED,
}
COMMANDS = get_args(PersonCommand)
OFFICE_TOO = tuple(dict.fromkeys((*COMMANDS, *get_args(commands.OfficeCommand))))


OFFICE: dict[str, dict[str, set[str]]] = {
    "OpenLesson": {"master": {"scheduled", "open"}, "organizer": {"scheduled", "open"}},
    "ReviseLesson": {"organizer": {"scheduled", "open", "live"}},
}
"""What is asked from outside only."""


def test_all_commands_are_in_the_table() -> None:
    assert {command.__name__ for command in COMMANDS} == set(ALLOWED)
    outside = set(get_args(commands.OfficeCommand)) - set(COMMANDS)
    assert {command.__name__ for command in outside} == set(OFFICE)
    assert set(get_args(commands.Command)) - set(COMMANDS) == set(get_args(commands.ServerCommand))


@pytest.mark.parametrize(("command", "role"), list(product(OFFICE_TOO, Role)))
def test_who_may_ask_for_what_and_when(command: type[PersonCommand], role: Role) -> None:
    states = (ALLOWED | OFFICE)[command.__name__].get(role)
    for state in LessonState:
        expected = Reason.ROLE_MAY_NOT if states is None else None if state in states else BY_STATE[state]
        assert refusal(command, role, state) is expected


@pytest.mark.parametrize("command", COMMANDS)
def test_a_supervisor_may_do_nothing_in_a_lesson(command: type[PersonCommand]) -> None:
    assert {refusal(command, Role.SUPERVISOR, state) for state in LessonState} == {Reason.ROLE_MAY_NOT}
