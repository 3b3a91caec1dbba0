"""The command: wrong words and servers that do not start are said plainly."""

from __future__ import annotations

from pathlib import Path

import pytest

from load_tests import server
from load_tests.__main__ import main
from load_tests.commands import arguments


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "SCENARIO"),
        (["dance"], "invalid choice"),
        (["lecture", "--subscribers", "0"], "whole number from 1"),
        (["lecture", "--subscribers", "many"], "whole number"),
        (["lecture", "--url", "http://localhost:1"], "--data"),
    ],
)
def test_wrong_words(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(words)
    assert reason in capsys.readouterr().err


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "tongke"
    program.write_text("#!/bin/sh\necho the disk is full >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(server, "TONGKE", program)
    assert main(["lecture", "--subscribers", "1"]) == 1
    assert "the server ended with 3:\nthe disk is full" in capsys.readouterr().err


def test_a_program_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "TONGKE", tmp_path / "nowhere")
    assert main(["lecture"]) == 1
    assert "nowhere cannot be run: No such file" in capsys.readouterr().err
