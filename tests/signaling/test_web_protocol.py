"""The pages' message types are the server's."""

from __future__ import annotations

import runpy
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"


def test_the_pages_types_are_generated_from_the_messages() -> None:
    generated = runpy.run_path(str(WEB / "generate-protocol.py"))["generate"]()
    committed = (WEB / "src" / "protocol" / "messages.ts").read_text(encoding="utf-8")
    assert committed == generated, "run .venv/bin/python web/generate-protocol.py and commit the result"
