"""web/build.py: which Node it takes, when it installs, and what it says when it cannot."""

from __future__ import annotations

import gzip
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SOURCE = Path(__file__).parents[2] / "web" / "build.py"


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, working in a directory of its own."""
    spec = importlib.util.spec_from_file_location("web_build", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "web_build", module)
    # A file of bytecode in web/ would look to make like a change of the pages.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(module, "WEB", tmp_path)
    monkeypatch.setattr(module, "STAMP", tmp_path / "node_modules" / ".installed-lock")
    monkeypatch.setattr(module, "PAGES", tmp_path / "pages")
    return module


def program(directory: Path, name: str, script: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("says", "version"),
    [("v20.19.0", (20, 19, 0)), ("v24.1.0-nightly", (24, 1, 0)), ("something else", ())],
)
def test_versions_are_read(build: ModuleType, tmp_path: Path, says: str, version: tuple[int, ...]) -> None:
    assert build.version_of(program(tmp_path, "node", f"echo {says}")) == version


def test_a_program_that_is_missing_has_no_version(build: ModuleType, tmp_path: Path) -> None:
    assert build.version_of(tmp_path / "node") == ()


@pytest.mark.parametrize(("version", "taken"), [("v20.18.9", False), ("v20.19.0", True), ("v22.1.0", True)])
def test_the_systems_node_is_taken_when_it_is_new_enough(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, taken: bool
) -> None:
    program(tmp_path, "node", f"echo {version}")
    program(tmp_path, "npm", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (build.system_node() is not None) is taken


def test_node_without_npm_is_no_help(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "node", "echo v22.1.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.system_node() is None


def test_packages_are_installed_when_the_lock_changed(build: ModuleType, tmp_path: Path) -> None:
    calls: list[tuple[str, ...]] = []

    def run(*arguments: str) -> int:
        calls.append(arguments)
        return 0

    node = SimpleNamespace(run=run)
    build.install_packages(node)
    build.install_packages(node)
    assert [call[0] for call in calls] == ["ci"]
    (tmp_path / "package-lock.json").write_text('{"changed": true}')
    build.install_packages(node)
    assert len(calls) == 2


def test_pages_lie_compressed_beside_themselves(build: ModuleType) -> None:
    build.PAGES.mkdir()
    (build.PAGES / "role.js").write_bytes(b"role()")
    (build.PAGES / "photo.png").write_bytes(b"compressed already")
    build.compress(build.system_node() or build.wheel_node())
    assert gzip.decompress((build.PAGES / "role.js.gz").read_bytes()) == b"role()"
    assert (build.PAGES / "role.js.br").stat().st_size > 0
    assert not list(build.PAGES.glob("photo.png.*"))


def test_pages_that_cannot_be_compressed(build: ModuleType) -> None:
    node = build.system_node() or build.wheel_node()
    with pytest.raises(build.BuildError, match="could not be compressed"):
        build.compress(node)


@pytest.mark.parametrize(
    ("fails", "word"), [("ci", "could not be installed"), ("build", "could not be built")]
)
def test_a_failure_says_what_to_do(
    build: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fails: str,
    word: str,
) -> None:
    node = SimpleNamespace(run=lambda *arguments: int(fails in arguments))
    monkeypatch.setattr(build, "find_node", lambda: node)
    assert build.main([]) == 1
    assert word in capsys.readouterr().err


def test_without_node_and_network_it_says_so(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "system_node", lambda: None)
    monkeypatch.setattr(build, "wheel_node", lambda: None)
    failed: subprocess.CompletedProcess[str] = subprocess.CompletedProcess((), 1)
    monkeypatch.setattr(build.subprocess, "run", lambda *_, **__: failed)
    assert build.main([]) == 1
    assert "install Node.js 20.19 or newer" in capsys.readouterr().err
