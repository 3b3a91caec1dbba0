"""NUL in what was sent, however it is written."""

from __future__ import annotations

import json

import pytest

from signaling import nul


@pytest.mark.parametrize("text", ["\0", "a\0b", "\\\0", "\\\\\0", "x\n\0"])
def test_it_is_found(text: str) -> None:
    raw = json.dumps({"name": text})
    assert nul.in_json(raw) and nul.in_json(raw.encode())


@pytest.mark.parametrize("text", ["", "u0000", "\\u0000", "\\\\u0000", "\x01", "0"])
def test_what_only_looks_like_it_may_pass(text: str) -> None:
    raw = json.dumps({"name": text})
    assert not nul.in_json(raw) and not nul.in_json(raw.encode())


def test_in_an_address() -> None:
    assert nul.in_address("/a%00b") and not nul.in_address("/a%2500b")
