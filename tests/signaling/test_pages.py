"""Every address that the pages' router knows is one of the server's: a page can be opened and reloaded."""

from __future__ import annotations

import re
from pathlib import Path

from signaling.pages import ADDRESSES

ROUTER = Path(__file__).parents[2] / "web/src/router.ts"


def test_every_page_has_its_address() -> None:
    paths = re.findall(r"\bpath: '(/[^']*)'", ROUTER.read_text())
    assert len(paths) > 20
    known = [re.compile(re.sub(r"\{\w+\}", "[^/]+", address)) for address in ADDRESSES]
    pages = [re.sub(r":\w+", "x", path) for path in paths if "(" not in path]
    assert [page for page in pages if not any(each.fullmatch(page) for each in known)] == []
