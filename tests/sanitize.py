"""The engine's tests with AddressSanitizer and UndefinedBehaviorSanitizer: `make sanitize`.

`python tests/sanitize.py [pytest options]`. A copy of the sources is compiled in build/sanitize with the
sanitizers, and the tests run there: the ordinary build beside the sources stays what it is. Only what changed
is compiled again. Any finding ends the run, with a report on stderr.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPY = ROOT / "build" / "sanitize"
PACKAGES = ("sfu", "load_tests")
TESTS = ("tests/conftest.py", "tests/sfu/engine", "tests/fuzz")
SETTINGS = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
COMPILED = {".so", ".c"}
RUN = ("tests/sfu/engine", "tests/fuzz")

PRELOADED = ("libasan.so", "libubsan.so", "libstdc++.so.6")
"""Loaded before everything else; the C++ library with them, because its exceptions are intercepted."""
ASAN = "detect_leaks=0:abort_on_error=1:strict_string_checks=1:detect_stack_use_after_return=1"
"""CPython keeps much until its end, which a search for leaks finds; the engine's own show in its census."""
UBSAN = "print_stacktrace=1:halt_on_error=1"


def sources(place: str) -> Iterator[Path]:
    """Files of the tree that somebody wrote, relative to its root."""
    start = ROOT / place
    for path in [start] if start.is_file() else sorted(start.rglob("*")):
        if path.is_file() and path.suffix not in COMPILED and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT)


def copy_sources() -> None:
    """Makes the copy like the tree; what did not change keeps its time, so that it is not compiled again."""
    wanted = {path for place in (*PACKAGES, *TESTS, *SETTINGS) for path in sources(place)}
    for path in wanted:
        copy, original = COPY / path, ROOT / path
        if not copy.exists() or copy.read_bytes() != original.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, copy)
    for copy in [*COPY.rglob("*.p*"), *COPY.rglob("*.so"), *COPY.rglob("*.c")]:
        path = copy.relative_to(COPY)
        source = path.with_name(path.name.split(".")[0] + ".pyx") if path.suffix in COMPILED else path
        if copy.is_file() and path.parts[0] in (*PACKAGES, "tests") and source not in wanted:
            copy.unlink()


def compile_copy() -> None:
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", "--parallel", "2"]
    subprocess.run(command, cwd=COPY, env=os.environ | {"TONGKE_COMPILE": "sanitize"}, check=True)


def library(name: str) -> str:
    """Where the compiler has it."""
    command = [os.environ.get("CC", "gcc"), f"-print-file-name={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def run_tests(words: Sequence[str]) -> int:
    environment = os.environ | {
        "LD_PRELOAD": ":".join(library(name) for name in PRELOADED),
        "ASAN_OPTIONS": ASAN,
        "UBSAN_OPTIONS": UBSAN,
        "PYTHONMALLOC": "malloc",  # else Python's own allocator hides where a block ends
    }
    # --capture=sys: a report is written to file descriptor 2 by a process that is about to die
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--capture=sys",
        *(words or ("-q", *RUN)),
    ]
    return subprocess.run(command, cwd=COPY, env=environment, check=False).returncode


def main() -> int:
    copy_sources()
    compile_copy()
    return run_tests(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
