"""What the pages of those who have the least weigh: script as it came over the network, up to the picture."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT = 250_000
"""Bytes of compressed script: an old tablet on a thin line has read them within a few seconds."""
SCRIPTS = """() => performance.getEntriesByType('resource')
  .filter((each) => new URL(each.name).pathname.endsWith('.js'))
  .map((each) => [new URL(each.name).pathname, each.encodedBodySize, each.decodedBodySize])"""
CSS_FILES = """() => performance.getEntriesByType('resource')
  .filter((each) => new URL(each.name).pathname.endsWith('.css')).length"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def master(enter: Any) -> Any:
    master = await enter("master")
    await master.has("lesson-state", state="live")
    return master


@pytest.mark.usefixtures("master")
@pytest.mark.parametrize("role", ["student", "room", "tutor"])
async def test_the_pages_of_those_who_follow_are_light(enter: Any, role: str) -> None:
    person = await enter(role, **({"view": "room"} if role == "room" else {}))
    await person.has("video-main", flow="flowing")
    scripts = await person.page.evaluate(SCRIPTS)
    assert all(0 < compressed < plain for _, compressed, plain in scripts if plain > 1000), scripts
    assert sum(compressed for _, compressed, _ in scripts) <= LIMIT, scripts
    assert not any("player" in path for path, _, _ in scripts), "the player of recordings is for its page"
    assert await person.page.evaluate(CSS_FILES) == 1
    await person.page.close()
