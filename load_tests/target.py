"""The server under load, as every scenario sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .door import Door
from .whip import WhipClient


class ScenarioFailed(Exception):  # noqa: N818
    """There is nothing to measure; the text says why, in the user's words."""


class Issue(Protocol):
    """Makes a token."""

    def __call__(self, role: str, number: int, lesson: str = "", class_id: str = "") -> str:
        """For bot `number`; `lesson` empty: the one that the command names."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    url: str
    pid: int | None
    """None: on another machine; then nothing is known of its processor and memory."""
    token: Issue
    door: Callable[[str], Door] = WhipClient
    """How those who watch get in, given the URL."""
    publishing: Callable[[str], Door] | None = WhipClient
    """How those get in who send; None: by the same door."""
    data: Path | None = None
    """Its data directory, where it is at hand."""
