"""The table of who may call what, against every route there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from classroom.network.model import Office
from signaling.access import ACCESS, Reach
from signaling.auth import ROLES
from signaling.endpoints import OPERATIONS
from signaling.openapi import Operation, document

REFUSED = {"/problems/role-not-allowed", "/problems/wrong-lesson", "/problems/item-not-allowed"}
GUARDED = [operation for operation in OPERATIONS if ACCESS[operation.id] is not None]
OF_LESSONS = [operation for operation in GUARDED if isinstance(ACCESS[operation.id], Mapping)]
OF_THE_NETWORK = [operation for operation in GUARDED if isinstance(ACCESS[operation.id], frozenset)]


in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def door(lasting_door: Any) -> Any:
    """Whom a route refuses does not depend on what others asked of it before."""
    return lasting_door


def test_the_table_has_every_operation_and_no_other() -> None:
    assert set(ACCESS) == {operation.id for operation in OPERATIONS}


def test_every_row_names_roles_that_there_are() -> None:
    for name, rule in ACCESS.items():
        known = Office if isinstance(rule, frozenset) else ROLES
        assert rule is None or (set(rule) <= set(known) and (rule or rule == frozenset())), name


def test_the_document_says_who_may() -> None:
    described = document(OPERATIONS, version="1", language="en")
    assert described["paths"]["/healthz"]["get"]["security"] == []
    assert described["paths"]["/api/v1/lessons/{lesson}/attendance"]["get"]["x-tongke-roles"] == {
        "master": "own",
        "supervisor": "own",
        "organizer": "all",
    }


def path_of(operation: Operation, lesson: str) -> str:
    path = operation.path.replace("{lesson}", lesson)
    return re.sub(r"{(\w+)}", "nothing", path)


async def ask(door: Any, operation: Operation, lesson: str, token: str | None) -> tuple[int, str]:
    """Status and problem type of a request that says nothing."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = door.url(path_of(operation, lesson))
    async with door.http.request(operation.method, url, headers=headers, allow_redirects=False) as response:
        is_problem = response.content_type == "application/problem+json"
        return response.status, (await response.json(content_type=None))["type"] if is_problem else ""


@in_one_loop
@pytest.mark.parametrize("operation", OF_LESSONS, ids=lambda operation: operation.id)
async def test_every_role_on_every_route(door: Any, operation: Operation) -> None:
    """Whoever the table does not name is refused, of their own lesson and of another one; whoever it names is
    not refused for that."""
    rule = ACCESS[operation.id]
    assert isinstance(rule, Mapping)
    for role in ROLES:
        for lesson in ("demo", "other"):
            told = await ask(door, operation, lesson, door.token(role, lesson="demo"))
            # An item or clip of the library that is not there is nobody's, but for those who see all.
            item = re.search("{(item|clip)}", operation.path) and rule.get(role) is not Reach.ALL
            own = "{lesson}" not in operation.path or lesson == "demo"
            may = role in rule and (own or rule[role] is Reach.ALL) and not item
            assert (told[1] in REFUSED) is not may, (role, lesson, told)
            assert (told[0] == 403) is not may, (role, lesson, told)


@in_one_loop
async def test_a_lessons_token_opens_nothing_of_the_network_but_an_organizers(door: Any) -> None:
    for operation in OF_THE_NETWORK:
        for role in ROLES:
            told = await ask(door, operation, "demo", door.token(role, lesson="demo"))
            rule = ACCESS[operation.id]
            assert isinstance(rule, frozenset)
            # Of no offices: whoever is signed in, and who has an organizer's token as well.
            may = role == "organizer" and (not rule or Office.ORGANIZER in rule)
            assert (told == (403, "/problems/role-not-allowed")) is not may, (operation.id, role, told)


@in_one_loop
async def test_nobody_without_a_token(door: Any) -> None:
    over = door.token("organizer", ttl_s=-1)
    for operation in GUARDED:
        told = [await ask(door, operation, "demo", token) for token in (None, "x", over)]
        assert told[0] == (401, "/problems/token-missing"), operation.id
        assert [status for status, _ in told[1:]] == [401, 401], operation.id
