"""`tongke`: help is complete, errors are one sentence with what to do, exit code 2, never a traceback."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signaling import catalogue
from signaling.auth import Tokens
from signaling.cli import MODULES, build_parser, main
from signaling.config import SETTINGS


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("LC_ALL", "LC_MESSAGES", "TONGKE_DATA", "TONGKE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a refused command says."""
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("tongke: ")
    assert output.err.count("\n") == 1
    return output.err


@pytest.mark.parametrize("command", MODULES)
@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_help_is_complete(command: str, language: str) -> None:
    parser = build_parser(language, [command])
    sub = parser._subparsers._group_actions[0].choices[command]  # type: ignore[union-attr,index,call-overload]
    assert sub.description
    for action in sub._actions:
        assert action.help or action.nargs == "A...", action


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    for command in MODULES:
        assert f"    {command} " in output


def test_serve_has_an_option_for_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    output = capsys.readouterr().out
    for setting in SETTINGS:
        assert f"  {setting.option}" in output
        assert setting.help("en") in output
    assert "(default: 7000)" in output


def test_language_of_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "没有数据目录" in refused(capsys, "library", "ls")
    monkeypatch.setenv("LC_ALL", "C")
    assert "There is no data directory" in refused(capsys, "library", "ls")


# --- token --------------------------------------------------------------------------------------------------


def test_token_is_one_that_the_server_takes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["--role", "tutor", "--lesson", "demo", "--class", "c1", "--name", "Li", "--ttl", "1h"]
    assert main(["token", *arguments, "--data", str(tmp_path / "d")]) == 0
    token = capsys.readouterr().out.strip()
    claims = Tokens.open(tmp_path / "d").verify(token, time.time())
    assert (claims.role, claims.lesson, claims.class_id, claims.name) == ("tutor", "demo", "c1", "Li")
    assert 3590 < claims.exp - time.time() <= 3600
    assert claims.person.startswith("tutor-")


def test_data_directory_from_the_environment(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGKE_DATA", str(tmp_path / "env"))
    assert main(["token", "--role", "master", "--lesson", "demo", "--person", "p"]) == 0
    assert Tokens.open(tmp_path / "env").verify(capsys.readouterr().out.strip(), time.time()).person == "p"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--ttl", "soon"], "token_ttl"),
        (["--ttl", "0"], "--ttl"),
        (["--ttl", "9999d"], "--ttl"),
        (["--name", "n" * 81], "--name"),
        (["--class", "c" * 65], "--class"),
        (["--data", "/proc/nowhere"], "--data"),
    ],
)
def test_token_refuses(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    assert told in refused(capsys, "token", "--role", "master", "--lesson", "demo", *arguments)


def test_unknown_role(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["token", "--role", "janitor", "--lesson", "demo"])
    assert caught.value.code == 2
    assert "janitor" in capsys.readouterr().err


# --- serve --------------------------------------------------------------------------------------------------


def test_http_port_in_use(capsys: pytest.CaptureFixture[str], taken_port: int) -> None:
    said = refused(capsys, "serve", "--port", str(taken_port), "--media-port", "0", "--log-level", "error")
    assert str(taken_port) in said
    assert "choose another one with --port." in said


def test_media_port_in_use(capsys: pytest.CaptureFixture[str], taken_port: int) -> None:
    said = refused(capsys, "serve", "--port", "0", "--media-port", str(taken_port), "--log-level", "error")
    assert str(taken_port) in said
    assert "choose another one with --media-port." in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "http"], "--port"),
        (["--media-ip", "nowhere"], "--media-ip"),
        (["--tls-cert", "x.pem"], "--tls-key"),
        (["--tls-cert", "x.pem", "--tls-key", "y.pem"], "check --tls-cert"),
        (["--config", "nowhere.toml"], "--config"),
        (["--data", "/proc/nowhere"], "--data"),
    ],
)
def test_serve_refuses(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    quiet = ["--port", "0", "--media-port", "0", "--log-level", "error"]
    assert told in refused(capsys, "serve", *quiet, *arguments)


def test_a_password_is_not_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    database = "postgresql://tongke:hush@127.0.0.1:1/tongke"
    quiet = ["--port", "0", "--media-port", "0", "--log-level", "error", "--data", str(tmp_path)]
    said = refused(capsys, "serve", *quiet, "--database", database)
    assert "postgresql://tongke:***@127.0.0.1:1/tongke" in said
    assert "hush" not in said


# --- library ------------------------------------------------------------------------------------------------


def test_library_of_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["library", "ls", "--data", str(tmp_path)]) == 0
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "Nothing is recorded yet.\n")
    assert main(["library", "ls", "--json", "--data", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("action", ["show", "export"])
def test_library_without_that_item(capsys: pytest.CaptureFixture[str], tmp_path: Path, action: str) -> None:
    assert "tongke library ls" in refused(capsys, "library", action, "../secret", "--data", str(tmp_path))
