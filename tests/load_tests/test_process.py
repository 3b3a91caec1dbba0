"""Reading /proc, ours and an invented one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from load_tests.process import PAGE_OCTETS, TICKS_PER_S, NoSuchProcess, children, memory, thread_named, usage


def invent(proc: Path, pid: int, ticks: tuple[int, int], parent: int = 1) -> None:
    task = proc / str(pid) / "task" / str(pid)
    task.mkdir(parents=True)
    fields = ["S", str(parent), *["0"] * 9, str(ticks[0]), str(ticks[1]), *["0"] * 20]
    (proc / str(pid) / "stat").write_text(f"{pid} (a ) b (c) " + " ".join(fields))
    (proc / str(pid) / "statm").write_text("100 25 10 1 0 50 0\n")
    (task / "schedstat").write_text("1500000000 20 3\n")


def test_adds_up_process_threads_and_children(tmp_path: Path) -> None:
    invent(tmp_path, 10, (100, 50))
    invent(tmp_path, 11, (10, 0), parent=10)
    invent(tmp_path, 12, (0, 5), parent=11)
    invent(tmp_path, 13, (0, 7))
    (tmp_path / "self").mkdir()
    used = usage(10, tmp_path)
    assert used.process_s == 150 / TICKS_PER_S
    assert used.children_s == pytest.approx(15 / TICKS_PER_S)
    assert used.threads_s == {10: 1.5}
    assert used.main_thread == 10
    assert children(10, tmp_path) == [11, 12]


def test_memory_with_and_without_shares(tmp_path: Path) -> None:
    invent(tmp_path, 10, (0, 0))
    assert memory(10, tmp_path).rss_octets == 25 * PAGE_OCTETS
    assert memory(10, tmp_path).pss_octets == 0
    (tmp_path / "10" / "smaps_rollup").write_text("00-ff ---p [rollup]\nRss: 100 kB\nPss:  70 kB\n")
    assert memory(10, tmp_path).pss_octets == 70 * 1024


def test_our_own_process_can_be_read() -> None:
    assert usage(os.getpid()).process_s > 0
    assert memory(os.getpid()).rss_octets > 1_000_000


def test_a_process_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(NoSuchProcess, match="process 5"):
        usage(5, tmp_path)
    with pytest.raises(NoSuchProcess, match="process 5"):
        memory(5, tmp_path)


def test_finds_a_thread_by_its_name() -> None:
    assert thread_named(os.getpid(), "no thread is called so") is None
    name = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/comm").read_text().strip()
    assert thread_named(os.getpid(), name) is not None
    with pytest.raises(NoSuchProcess):
        thread_named(0, "nobody")
