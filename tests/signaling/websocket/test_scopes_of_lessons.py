"""Every operation that is asked with a token of a lesson, and every byte of the library, on another school's
lesson: two schools' recordings and clips, each role of the one on all that the other has. With `test_scopes`
(the course network) and `test_access` (which role may call what) no route is left over.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from classroom.model import Lesson, LessonId
from signaling.access import ACCESS, Reach
from signaling.auth import ROLES
from signaling.endpoints import OPERATIONS
from signaling.keys import KEEPER
from signaling.openapi import Operation, document

FOR_ANYBODY = {
    "healthz": "says nothing",
    "readyz": "says nothing of anybody",
    "metrics": "figures of the house, for the proxy to keep in",
    "security_txt": "the same for all",
    "openapi": "the same for all",
    "docs": "the same for all",
    "ledger_keys": "public keys",
    "websocket": "its first message is the token, which names the lesson",
    "join": "its token names the lesson and class",
    "begin_pairing": "gives a code that opens nothing",
    "pairing": "with the secret that came with the code",
    "device_now": "with the device's credential: of its own class",
    "sign_in": "with login and password",
    "sign_out": "of who shows the cookie",
    "sign_in_ways": "the same for all",
    "openid_sign_in": "the same for all",
    "openid_callback": "with the issuer's code and the cookie of who went there",
    "openid_logged_out": "with a token that the issuer has signed",
    "look_at_invitation": "with its code of 128 bits",
    "accept_invitation": "with its code of 128 bits",
    "calendar_feed": "with its secret of 256 bits",
    "whip_endpoint": "nothing to see (RFC 9725, 4.1)",
    "whep_endpoint": "nothing to see",
}
"""Without a token, and why no scope is needed."""

OF_LESSONS = {each.id: each for each in OPERATIONS if isinstance(ACCESS[each.id], Mapping)}
OF_ITEMS = {name: each for name, each in OF_LESSONS.items() if re.search("{(item|clip)}", each.path)}
"""Those with `{lesson}` are tried with a foreign one in test_access; for the others see
`test_what_names_neither_lesson_nor_item`."""
HERE, THERE = "east-1-lesson", "west-2-lesson"
PLAN = {"title": "入射角与折射角", "subject": "物理", "key_point": "为什么会弯折", "start_s": 10, "end_s": 70}
VALUES = {"track": "1", "name": "clip.mp4", "number": "0", "language": "zh-CN", "party": "person"}
VALUES |= {"value": "p", "mark": "1", "composition": "1", "move": "submit"}


def test_no_route_is_left_over() -> None:
    """Of the described interface: a new one is public with a reason, of a lesson, or of the network."""
    described = document(OPERATIONS, version="1", language="en")["paths"].values()
    every = {operation["operationId"] for methods in described for operation in methods.values()}
    network = {name for name in every if isinstance(ACCESS[name], frozenset)}
    assert every == set(FOR_ANYBODY) | set(OF_LESSONS) | network
    assert set(FOR_ANYBODY) == {name for name in every if ACCESS[name] is None}


def test_what_names_neither_lesson_nor_item() -> None:
    """Names what is the caller's own, or is for those who reach every lesson."""
    own = {"diagnosis_report", "diagnosis_disconnect"}
    for name, operation in OF_LESSONS.items():
        if "{" in operation.path and not re.search("{(lesson|item|clip)}", operation.path):
            rule = ACCESS[name]
            assert isinstance(rule, Mapping)
            assert name in own or set(rule.values()) == {Reach.ALL}, name


def _library_tests() -> ModuleType:
    file = Path(__file__).with_name("test_library.py")
    described = importlib.util.spec_from_file_location("library_tests", file)
    assert described is not None and described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clips(lasting_door: Any) -> dict[str, str]:
    """The id of a lesson's clip; its item is called as the lesson is, with `-1`."""
    made: dict[str, str] = {}
    tests = _library_tests()
    for lesson in (HERE, THERE):
        tests.record(lasting_door.parts.config.data, f"{lesson}-1", lesson)
    await lasting_door.app[KEEPER].reindex()
    for lesson in (HERE, THERE):
        author = tests.Caller(lasting_door, "master", lesson=lesson, person=f"{lesson}-master")
        status, clip = await author.ask("POST", f"/api/v1/library/{lesson}-1/clips", PLAN)
        assert status == 201, clip
        made[lesson] = clip["id"]
    return made


async def told(door: Any, operation: Operation, role: str, item: str, clip: str) -> tuple[int, str]:
    """Of somebody with a token of HERE; the answer without the name of what was asked for."""
    values = VALUES | {"item": item, "clip": clip}
    path = re.sub(r"{(\w+)}", lambda found: values[found[1]], operation.path)
    # A supervisor as the course network lets them in: to that lesson.
    headers = {"Authorization": f"Bearer {door.token(role, lesson=HERE, credential='c-1')}"}
    body = None if operation.method in ("GET", "DELETE") else {}
    async with door.http.request(operation.method, door.url(path), json=body, headers=headers) as got:
        return got.status, (await got.text()).replace(item, "ITEM").replace(clip, "CLIP")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", [role for role in ROLES if role != "organizer"])
async def test_nothing_of_another_lesson_is_reached(
    lasting_door: Any, clips: dict[str, str], role: str
) -> None:
    """And nothing tells that it is there; the same of one's own is not refused for that."""
    for name, operation in OF_ITEMS.items():
        rule = ACCESS[name]
        assert isinstance(rule, Mapping)
        refused = "item-not-allowed" if role in rule else "role-not-allowed"
        there = await told(lasting_door, operation, role, f"{THERE}-1", clips[THERE])
        nowhere = await told(lasting_door, operation, role, "nowhere-1", "clip-nowhere")
        assert there == nowhere and there[0] == 403 and f"/problems/{refused}" in there[1], (name, there)
        if role in rule and "{item}" in operation.path:
            own = await told(lasting_door, operation, role, f"{HERE}-1", clips[HERE])
            assert "item-not-allowed" not in own[1], (name, own)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_media_token_opens_its_item_alone(lasting_door: Any, clips: dict[str, str]) -> None:
    """As an address, and as the cookie that a page is given."""
    headers = {"Authorization": f"Bearer {lasting_door.token('student', lesson=HERE)}"}
    async with lasting_door.http.post(
        lasting_door.url(f"/api/v1/library/{HERE}-1/token"), headers=headers
    ) as got:
        token, cookie = (await got.json())["token"], got.cookies["tongke_media"].value
    media = [each for each in OF_ITEMS.values() if each.path.startswith("/media/{item}/")]
    assert len(media) >= 9
    for operation in media:
        path = re.sub(r"{(\w+)}", lambda found: (VALUES | {"item": f"{THERE}-1"})[found[1]], operation.path)
        for how in ({"params": {"t": token}}, {"headers": {"Cookie": f"tongke_media={cookie}"}}):
            async with lasting_door.http.get(lasting_door.url(path), **how) as got:
                assert got.status == 403, (operation.id, how)
                assert (await got.json(content_type=None))["type"].endswith("media-token-other-item")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_websocket_is_of_the_tokens_lesson(lasting_door: Any) -> None:
    """Nothing that its client says takes it into another one, nor into somebody's place there."""
    await lasting_door.parts.store.save_lesson(Lesson(LessonId(HERE), "光的折射", ()))
    _, welcome = await lasting_door.enter("master", lesson="demo", person="there")
    key = {"resume": welcome["resume"]}
    _, said = await lasting_door.enter("supervisor", lesson=HERE, person="here", hello=key)
    assert said["resume"] != welcome["resume"] and said["lesson"]["id"] == HERE
    assert "there" not in str(said) and welcome["lesson"]["id"] == "demo"
