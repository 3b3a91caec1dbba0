"""Pairing codes: short, good for one use and ten minutes, and not to be found by trying."""

from __future__ import annotations

import pytest

from signaling import pairing
from signaling.pairing import MAX_OF_ADDRESS, MAX_PAIRINGS, TRIES_BURST, VALID_S, Pairings
from signaling.problems import Problem


def kind(refused: pytest.ExceptionInfo[Problem]) -> str:
    return refused.value.kind


def test_a_code_is_typed_and_the_device_gets_its_credential_once() -> None:
    pairings = Pairings()
    begun = pairings.begin("a", 0.0)
    assert len(begun.code) == 6 and begun.code.isdigit()
    assert pairings.asked(begun.secret, 1.0).credential == ""
    pairings.pair(pairings.waiting(begun.code, "tutor", 2.0), "device.secret")
    with pytest.raises(Problem) as refused:
        pairings.waiting(begun.code, "tutor", 3.0)
    assert kind(refused) == "pairing-code-unknown", "used"
    assert pairings.asked(begun.secret, 4.0).credential == "device.secret"
    with pytest.raises(Problem) as refused:
        pairings.asked(begun.secret, 5.0)
    assert kind(refused) == "pairing-over"
    assert len(pairings) == 0


def test_a_code_is_over_after_ten_minutes() -> None:
    pairings = Pairings()
    begun = pairings.begin("a", 0.0)
    for ask in (
        lambda: pairings.waiting(begun.code, "t", VALID_S),
        lambda: pairings.asked(begun.secret, VALID_S),
    ):
        with pytest.raises(Problem):
            ask()
    assert len(pairings) == 0


def test_nobody_finds_a_code_by_trying() -> None:
    pairings = Pairings()
    begun = pairings.begin("a", 0.0)
    wrong = f"{(int(begun.code) + 1) % 1_000_000:06}"
    kinds = []
    for _ in range(int(TRIES_BURST) + 2):
        with pytest.raises(Problem) as refused:
            pairings.waiting(wrong, "thief", 1.0)
        kinds.append(kind(refused))
    assert kinds == ["pairing-code-unknown"] * int(TRIES_BURST) + ["too-many-requests"] * 2
    with pytest.raises(Problem) as refused:
        pairings.waiting(begun.code, "thief", 1.0)
    assert kind(refused) == "too-many-requests", "the right one neither"
    assert pairings.waiting(begun.code, "tutor", 1.0) is begun, "others are not held up"
    assert pairings.waiting(begun.code, "thief", 60.0) is begun


def test_how_many_there_are_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pairings = Pairings()
    codes = {pairings.begin("a", 0.0).code for _ in range(MAX_OF_ADDRESS)}
    assert len(codes) == MAX_OF_ADDRESS, "each its own"
    with pytest.raises(Problem) as refused:
        pairings.begin("a", 0.0)
    assert kind(refused) == "too-many-requests"
    for number in range(MAX_PAIRINGS - MAX_OF_ADDRESS):
        pairings.begin(f"b{number}", 0.0)
    with pytest.raises(Problem) as refused:
        pairings.begin("c", 0.0)
    assert kind(refused) == "busy"
    assert pairings.begin("c", VALID_S) and len(pairings) == 1
    monkeypatch.setattr(pairing, "MAX_TYPISTS", 1)
    for typist in ("x", "y"):
        with pytest.raises(Problem):
            pairings.waiting("", typist, VALID_S)
