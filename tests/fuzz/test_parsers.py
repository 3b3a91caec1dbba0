"""Each parser with its kept examples and a few seeded mutations; `python -m load_tests.fuzz` goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from load_tests.fuzz.__main__ import fuzz_parser, main
from load_tests.fuzz.mutator import Mutator
from load_tests.fuzz.parsers import TARGETS

CORPUS = Path(__file__).parent / "corpus"
RUNS = 300


@pytest.mark.parametrize("target", TARGETS)
def test_only_the_promised_error(target: str) -> None:
    assert fuzz_parser(target, RUNS, seed=2026, folder=CORPUS) > RUNS


def test_every_example_is_somebodys() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


def test_a_finding_is_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(TARGETS, "rtp", broken)
    (tmp_path / "rtp").mkdir()
    (tmp_path / "rtp" / "one").write_bytes(b"1")
    assert main(["parsers", "rtp", "--runs", "1", "--corpus", str(tmp_path)]) == 1
    assert [path.read_bytes() for path in (tmp_path / "rtp").glob("found-*")] == [b"1"]


def test_the_same_seed_makes_the_same_inputs() -> None:
    first, second = ([Mutator(7).bytes([b"example"]) for _ in range(20)] for _ in range(2))
    assert first == second
