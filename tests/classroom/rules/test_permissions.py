"""Every command by every role in every state: the whole table, written down a second time as the classroom
says it."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from classroom import commands
from classroom.commands import PersonCommand
from classroom.model import LessonState, Phase, Role
from classroom.rules.permissions import refusal
from classroom.rules.reasons import Reason

INSIDE = {"open", "live"}
PLANNED = {"scheduled", "open", "live"}
SENDERS = ("master", "tutor", "room", "student", "encoder")
ALLOWED: dict[str, dict[str, set[str]]] = {
    "RaiseHand": {"tutor": INSIDE, "student": INSIDE},
    "LowerHand": {"master": INSIDE, "tutor": INSIDE, "student": INSIDE},
    "Say": {"master": INSIDE, "tutor": INSIDE, "student": INSIDE, "organizer": INSIDE},
    "LowerAllHands": {"master": INSIDE},
    "Publish": dict.fromkeys(SENDERS, INSIDE),
    "Unpublish": {role: set(LessonState) for role in SENDERS},
    "Mute": dict.fromkeys(SENDERS, INSIDE),
    "StartLesson": {role: {"scheduled", "open", "live"} for role in ("master", "encoder")},
    "EndLesson": {role: {"live", "ended"} for role in ("master", "organizer")},
    "CancelLesson": {"organizer": {"scheduled", "open", "cancelled"}},
    "DeleteChat": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "CloseChat": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "Announce": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "MutePerson": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "StopSource": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "ReleaseSource": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "RemovePerson": {"master": INSIDE, "tutor": INSIDE, "organizer": INSIDE},
    "ReadmitPerson": {"master": INSIDE, "organizer": INSIDE},
    "LockLesson": {"master": INSIDE, "organizer": PLANNED},
    "Allow": {"master": INSIDE, "organizer": PLANNED},
    "CallVoice": {"master": {"live"}, "tutor": {"live"}},
    "AcceptVoice": {"master": {"live"}, "tutor": {"live"}},
    "EndVoice": {"master": {"live"}, "tutor": {"live"}},
    "OpenQuiz": {"master": {"live"}},
    "CloseQuiz": {"master": {"live"}},
    "ShowQuiz": {"master": {"live"}},
    "AnswerQuiz": {"student": {"live"}},
    "EnterTally": {"tutor": {"live"}},
    "SetPhase": {"master": {"live"}},
    "SetClassState": {"master": {"live"}, "tutor": {"live"}},
    "LookIn": {"master": {"live"}, "supervisor": {"live"}},
    "Resume": {"master": {"live"}},
    "ChangeSettings": {"master": INSIDE, "organizer": PLANNED},
    "TakeClass": {"tutor": INSIDE},
    "MoveOnline": {"tutor": INSIDE, "organizer": INSIDE},
    "MarkRoll": {"tutor": INSIDE},
    "SetRegister": {"tutor": INSIDE, "organizer": PLANNED},
    "Invite": {"master": {"live"}},
    "AcceptStage": {"tutor": {"live"}, "student": {"live"}},
    "DeclineStage": {"master": {"live"}, "tutor": {"live"}, "student": {"live"}},
    "LeaveStage": {"master": {"live"}, "tutor": {"live"}, "student": {"live"}},
    "Spotlight": {"master": {"live"}},
}
TOGETHER = {"lecture", "interaction"}
PHASES: dict[str, set[str]] = {
    "RaiseHand": {"lecture", "local_qa", "interaction"},
    "LookIn": {"lecture", "local_qa", "interaction"},
    **dict.fromkeys(("SetClassState", "Invite", "AcceptStage"), TOGETHER),
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
    "RestoreLesson": {"organizer": {"scheduled", "open", "cancelled"}},
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
    for state, phase in product(LessonState, Phase):
        expected = Reason.ROLE_MAY_NOT if states is None else None if state in states else BY_STATE[state]
        if expected is None and phase not in PHASES.get(command.__name__, set(Phase)):
            expected = Reason.WRONG_PHASE
        assert refusal(command, role, state, phase) is expected


@pytest.mark.parametrize("command", COMMANDS)
def test_a_supervisor_may_do_nothing_in_a_lesson_but_look(command: type[PersonCommand]) -> None:
    found = {refusal(command, Role.SUPERVISOR, state, Phase.LECTURE) for state in LessonState}
    assert command is commands.LookIn or found == {Reason.ROLE_MAY_NOT}
