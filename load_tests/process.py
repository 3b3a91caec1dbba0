"""What /proc says of the server: processor time by thread, and memory (proc(5)). Linux only, like the
server."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_OCTETS = os.sysconf("SC_PAGE_SIZE")


class NoSuchProcess(Exception):  # noqa: N818
    """It ended, or belongs to somebody else."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time so far, in seconds."""

    main_thread: int
    """Its thread id, which is the process id."""
    process_s: float
    """utime + stime of all threads."""
    threads_s: dict[int, float]
    """By thread id, from the scheduler's nanoseconds."""
    children_s: float
    """The same sum for all child processes (the recorder)."""


@dataclass(frozen=True, slots=True)
class Memory:
    rss_octets: int
    pss_octets: int
    """Shared pages divided among those who share them; 0 where /proc does not tell."""


def usage(pid: int, proc: Path = Path("/proc")) -> Usage:
    """Raises NoSuchProcess."""
    try:
        return Usage(
            main_thread=pid,
            process_s=_process_s(proc / str(pid)),
            threads_s=_threads(proc / str(pid)),
            children_s=sum(_process_s(proc / str(child)) for child in children(pid, proc)),
        )
    except (OSError, ValueError, IndexError) as error:
        raise NoSuchProcess(f"process {pid} cannot be watched: {error}") from error


def memory(pid: int, proc: Path = Path("/proc")) -> Memory:
    """Raises NoSuchProcess."""
    try:
        pages = int((proc / str(pid) / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError) as error:
        raise NoSuchProcess(f"process {pid} cannot be watched: {error}") from error
    return Memory(pages * PAGE_OCTETS, _pss_octets(proc / str(pid) / "smaps_rollup"))


def children(pid: int, proc: Path = Path("/proc")) -> list[int]:
    """Process ids of all descendants, in ascending order; those that end meanwhile are left out."""
    by_parent: dict[int, list[int]] = {}
    for directory in proc.iterdir():
        if directory.name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                by_parent.setdefault(int(_fields(directory)[1]), []).append(int(directory.name))
    found, waiting = [], [pid]
    while waiting:
        direct = by_parent.get(waiting.pop(), [])
        found += direct
        waiting += direct
    return sorted(found)


def _process_s(directory: Path) -> float:
    fields = _fields(directory)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _fields(directory: Path) -> list[str]:
    """Of `stat`, from the third (state) on: the name before it, in brackets, may hold spaces and brackets."""
    return (directory / "stat").read_text().rpartition(")")[2].split()


def _threads(directory: Path) -> dict[int, float]:
    result = {}
    for task in (directory / "task").iterdir():
        try:
            result[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:  # the thread ended while we looked
            continue
    return result


def thread_named(pid: int, name: str, proc: Path = Path("/proc")) -> int | None:
    """The id of a process's thread of this name; None: it has none. Raises NoSuchProcess."""
    try:
        for task in (proc / str(pid) / "task").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if (task / "comm").read_text().strip() == name:
                    return int(task.name)
    except OSError as error:
        raise NoSuchProcess(f"process {pid} cannot be watched: {error}") from error
    return None


def _pss_octets(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
