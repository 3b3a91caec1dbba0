"""The house rules as tests: who imports whom, which words stay out of where, how long things may be."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("sfu", "classroom", "recorder", "signaling", "load_tests")
MAY_IMPORT = {
    "sfu": set(),
    "classroom": {"sfu"},
    "recorder": {"sfu"},
    "signaling": {"sfu", "classroom", "recorder"},
    "load_tests": {"sfu", "classroom", "recorder", "signaling"},
}
"""docs/ARCHITECTURE.md, "The house": imports go one way."""

CLASSROOM_MAY_SEE = {"sfu.params"}
"""Of the media plane only its vocabulary."""
OF_THE_MEDIA_PLANE = {"socket", "ssl", "aiohttp", "aiortc", "aioice", "pylibsrtp", "OpenSSL", "av"}
"""What rules of a lesson have no business with."""

ONE_FILE_EACH = {
    "aiortc": {"sfu/dtls.py", "signaling/player.py"},
    "pylibsrtp": {
        "sfu/dtls.py",
        "sfu/engine/srtp.pyx",
        "sfu/engine/openssl.pyx",
        "sfu/engine/engine.pyi",
        "load_tests/",
    },
    "argon2": {"signaling/network/passwords.py"},
    "openpyxl": {"classroom/network/importing_files.py"},
    "zxcvbn": {"signaling/network/passwords.py"},
    "redis": {"classroom/directory_redis.py"},
    "obstore": {"recorder/storage.py"},
}
"""Foreign libraries and where they may enter; a name with a slash at its end is a folder."""

MAX_FILE_LINES, MAX_FUNCTION_LINES = 600, 60
GENERATED_OR_FOREIGN = {
    *(".venv", ".git", ".make", "node_modules", "build", "dist", "pages", "data", "__pycache__"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "tongke.egg-info"),
}
SOURCE_ENDINGS = {".py", ".pyi", ".pyx", ".pxd", ".ts", ".vue", ".sh"}
GENERATED_FILES = {"web/src/protocol/messages.ts"}
MIGRATIONS = "classroom/store/migrations/versions/"
"""Written by Alembic, one long function each, and never changed again."""


@cache
def files(*endings: str, under: str = "") -> list[Path]:
    """Files of the tree that somebody wrote, in a stable order."""

    def walk(directory: Path) -> Iterator[Path]:
        for path in sorted(directory.iterdir()):
            if path.is_dir() and path.name not in GENERATED_OR_FOREIGN:
                yield from walk(path)
            elif path.suffix in endings and path.is_file():
                yield path

    return list(walk(ROOT / under))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a Python file that its imports and functions are seen by; it is read once for all rules."""
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef
    return tuple(node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds))


@cache
def imports(path: Path) -> set[str]:
    """Dotted names of all modules a Python file imports, those for type checkers too."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


@cache
def compiled_imports(path: Path) -> set[str]:
    """The same of Cython files, line by line."""
    pattern = re.compile(r"^\s*(?:from|c?import)\s+([\w.]+)", re.MULTILINE)
    return {found for found in pattern.findall(path.read_text()) if not found.startswith(".")}


def imported(path: Path) -> set[str]:
    return imports(path) if path.suffix in {".py", ".pyi"} else compiled_imports(path)


def complain(found: Iterable[str]) -> None:
    lines = sorted(found)
    assert not lines, "\n" + "\n".join(lines)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    forbidden = set(PACKAGES) - MAY_IMPORT[package] - {package}
    complain(
        f"{name(path)} imports {module}"
        for path in files(".py", ".pyi", ".pyx", ".pxd", under=package)
        for module in imported(path)
        if module.split(".")[0] in forbidden
    )


def test_the_classroom_sees_no_media() -> None:
    complain(
        f"{name(path)} imports {module}"
        for path in files(".py", under="classroom")
        for module in imports(path)
        if module.split(".")[0] in OF_THE_MEDIA_PLANE
        or (
            module.startswith("sfu.") and not any(f"{module}.".startswith(f"{m}.") for m in CLASSROOM_MAY_SEE)
        )
    )


def test_the_classroom_speaks_no_sdp() -> None:
    complain(
        f"{name(path)}:{number}: {line.strip()}"
        for path in files(".py", under="classroom")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\b(sdp|ssrc|datagram|packet)s?\b", line, re.IGNORECASE)
    )


def test_the_media_plane_knows_no_classroom() -> None:
    """Not a word of lessons, and none of recording: a recorder is a subscriber like any other."""
    complain(
        f"{name(path)}:{number}: {line.strip()}"
        for path in files(".py", ".pyi", ".pyx", ".pxd", under="sfu")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"lesson|record", line, re.IGNORECASE)
    )


@pytest.mark.parametrize("library", ONE_FILE_EACH)
def test_foreign_libraries_enter_by_one_file_each(library: str) -> None:
    allowed = ONE_FILE_EACH[library]
    complain(
        f"{name(path)} imports {library}"
        for package in PACKAGES
        for path in files(".py", ".pyi", ".pyx", ".pxd", under=package)
        if any(module.split(".")[0] == library for module in imported(path))
        and not any(
            name(path) == door or (door[-1] == "/" and name(path).startswith(door)) for door in allowed
        )
    )


def test_nothing_is_left_for_later() -> None:
    """No marks of unfinished work, no test that is passed over."""
    # Put together here, so that this file does not find itself.
    marks = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", r"HA" + r"CK\b"])
    passed_over = "|".join([r"pytest\.sk" + "ip", r"mark\.sk" + "ip", "x" + "fail", "importor" + "skip"])
    pattern = re.compile(rf"\b(?:{marks})|{passed_over}|\b(?:it|test|describe)\.(?:only|sk" + r"ip)\(")
    complain(
        f"{name(path)}:{number}: {line.strip()}"
        for path in files(*SOURCE_ENDINGS, ".md", ".toml")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    )


def test_files_are_short() -> None:
    complain(
        f"{name(path)}: {length} lines, {MAX_FILE_LINES} at most"
        for path in files(*SOURCE_ENDINGS)
        if name(path) not in GENERATED_FILES
        and (length := len(path.read_text().splitlines())) > MAX_FILE_LINES
    )


def python_functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, first line and length of every function, nested ones too."""
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def compiled_functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """The same of a Cython file, by indentation."""
    lines = path.read_text().splitlines()
    head = re.compile(r"(\s*)(?:cdef|cpdef|def)\b[^=#]*?(\w+)\(.*")
    for start, line in enumerate(lines):
        found = head.match(line)
        if found is None or line.rstrip().endswith(")"):
            continue
        last = start
        for at in range(start + 1, len(lines)):
            if lines[at].strip() and not lines[at].startswith((found[1] + " ", found[1] + ")")):
                break
            last = at if lines[at].strip() else last
        yield found[2], start + 1, last - start + 1


def test_functions_are_short() -> None:
    complain(
        f"{name(path)}:{line} {function}: {length} lines, {MAX_FUNCTION_LINES} at most"
        for path in files(".py", ".pyx", ".pxd")
        if not name(path).startswith(MIGRATIONS)
        for function, line, length in (
            python_functions(path) if path.suffix == ".py" else compiled_functions(path)
        )
        if length > MAX_FUNCTION_LINES
    )


def test_modules_are_called_what_they_are() -> None:
    vague = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "stuff"}
    complain(name(path) for path in files(*SOURCE_ENDINGS) if path.stem.lower() in vague)


def flat(catalogue: object, prefix: str = "") -> dict[str, str]:
    """Keys of a nested catalogue joined by dots."""
    if not isinstance(catalogue, dict):
        return {prefix: str(catalogue)}
    return {key: text for k, v in catalogue.items() for key, text in flat(v, f"{prefix}.{k}").items()}


def catalogues() -> list[Path]:
    """The Chinese catalogues; the English one stands beside each."""
    return [path for path in files(".json") if path.name == "zh-CN.json"]


def test_there_are_catalogues() -> None:
    assert [path for path in catalogues() if name(path).startswith("signaling/")]


@pytest.mark.parametrize("chinese", catalogues(), ids=name)
def test_catalogues_say_the_same_in_both_languages(chinese: Path) -> None:
    zh = flat(json.loads(chinese.read_text()))
    en = flat(json.loads((chinese.parent / "en.json").read_text()))
    complain(f"{key}: only in one language" for key in zh.keys() ^ en.keys())
    placeholder = re.compile(r"\{\w+\}")
    complain(
        f"{key}: {sorted(placeholder.findall(zh[key]))} and {sorted(placeholder.findall(en[key]))}"
        for key in zh
        if set(placeholder.findall(zh[key])) != set(placeholder.findall(en[key]))
    )
    complain(f"{key}: empty" for key in zh if not zh[key].strip() or not en[key].strip())
