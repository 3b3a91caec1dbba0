"""Fuzzing that is led by what it covers, of the parsers in Python, by atheris (libFuzzer).

atheris is no dependency of the project: `pip install atheris` into the environment first. It knows no end but
the one it is given; what it finds worth keeping goes into a folder of its own, a crash beside it.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

INSTRUMENTED = ["signaling", "recorder", "sfu.ice", "sfu.negotiate", "sfu.params"]
MAX_BYTES = 8_000


def fuzz_guided(target: str, seconds: int, folder: Path, kept: Path) -> int:
    """Never returns when atheris is there: libFuzzer ends the process, with its own exit code."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print("this needs atheris: .venv/bin/python -m pip install atheris", file=sys.stderr)
        return 2
    for name in [name for name in sys.modules if name.split(".")[0] in {"signaling", "recorder"}]:
        del sys.modules[name]  # imported again below, with instruments
    sys.modules.pop("load_tests.fuzz.parsers", None)
    with atheris.instrument_imports(include=INSTRUMENTED):
        check = importlib.import_module("load_tests.fuzz.parsers").TARGETS[target]
    kept.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", f"-artifact_prefix={kept}/"]
    atheris.Setup([sys.argv[0], *options, str(kept), str(folder / target)], check)
    atheris.Fuzz()
    return 0
