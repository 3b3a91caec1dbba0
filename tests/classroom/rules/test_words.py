from __future__ import annotations

import pytest

from classroom.rules.reasons import Reason, Refused
from classroom.rules.words import (
    MAX_CHAT_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_SEAT_CHARACTERS,
    chat_text,
    person_name,
    seat_name,
)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("老师好", "老师好"),
        ("  a \n b\t", "a \n b"),
        ("one\r\ntwo", "one\ntwo"),
        ("👩‍🏫", "👩‍🏫"),
        ("می‌روم", "می‌روم"),
        ("שלום", "שלום"),
        ("x" * MAX_CHAT_CHARACTERS, "x" * MAX_CHAT_CHARACTERS),
    ],
)
def test_a_text_is_shown_as_written(written: str, shown: str) -> None:
    assert chat_text(written) == shown


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", Reason.CHAT_EMPTY),
        (" \n\t", Reason.CHAT_EMPTY),
        ("\u200b\u200d\ufeff\u2060", Reason.CHAT_EMPTY),
        ("\u0301", Reason.CHAT_EMPTY),
        ("x" * 10_000, Reason.CHAT_TOO_LONG),
        ("x" * (MAX_CHAT_CHARACTERS + 1), Reason.CHAT_TOO_LONG),
        ("a\x00b", Reason.CHAT_CONTROL_CHARACTERS),
        ("a\x1b[2Jb", Reason.CHAT_CONTROL_CHARACTERS),
        ("a\x85b", Reason.CHAT_CONTROL_CHARACTERS),
        ("a\ud800b", Reason.CHAT_CONTROL_CHARACTERS),
        ("a\u202eb", Reason.CHAT_CONTROL_CHARACTERS),
    ],
)
def test_what_is_no_message_is_refused(written: str, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        chat_text(written)
    assert caught.value.reason is reason


def test_a_seat_is_shown_as_written() -> None:
    assert seat_name(" 3排12号 ") == "3排12号"
    assert seat_name("") == ""


@pytest.mark.parametrize("seat", ["x" * (MAX_SEAT_CHARACTERS + 1), "1\n2", "1\u202e2"])
def test_what_is_no_seat_is_refused(seat: str) -> None:
    with pytest.raises(Refused) as caught:
        seat_name(seat)
    assert caught.value.reason is Reason.SEAT_INVALID


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("王小明", "王小明"),
        (" Anna\tLena ", "AnnaLena"),
        ("x\ud800y\u202ez", "xyz"),
        ("", ""),
        ("x" * 10_000, "x" * MAX_NAME_CHARACTERS),
        ("👩🏽‍🏫 老师", "👩🏽‍🏫 老师"),
        ("محمد", "محمد"),
        ("a\x00b\x1b[1m", "ab[1m"),
        ("\u200b\u200f\u2060", ""),
    ],
)
def test_of_a_name_is_shown_what_can_be_shown(recorded: str, shown: str) -> None:
    assert person_name(recorded) == shown
