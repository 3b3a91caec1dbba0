"""The described interface against the real one: schemathesis makes requests of the OpenAPI document, good
ones and bad ones, and checks that every answer is one that the document promises."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from signaling import catalogue
from signaling.access import ACCESS
from signaling.endpoints import OPERATIONS
from signaling.openapi import Operation, document

EXAMPLES = 8
"""For each operation: the same in every run, a few seconds for all."""
PATIENCE_S = 60
"""A safety net, for a machine that has much else to do."""
UNDERSTOOD = ["2XX", 401, 403, 404, 409, 410, 412, 422, 428, 429, 503]
"""What a request that fits its schema may be answered with: 400 is for those that do not."""
DESCRIBED = [
    operation
    for operation in OPERATIONS
    # The network check is answered by a media plane, which here is of paper.
    if operation.path.startswith("/api/v1/") and operation.tag != "diagnosis"
]


def explore(operation: Operation, url: str, token: str) -> None:
    described = document([operation], version="1", language=catalogue.ENGLISH)
    checks: dict[str, Any] = {"positive_data_acceptance": {"expected-statuses": UNDERSTOOD}}
    if isinstance(ACCESS[operation.id], frozenset):
        # A cookie or a token: with a wrong cookie beside it the token is right all the same (test_access).
        checks["ignored_auth"] = {"enabled": False}
    # That no text has a NUL, and a request with one is refused, is said once for all (test_nul).
    generation = {"allow-x00": False}
    config = schemathesis.Config.from_dict({"base-url": url, "checks": checks, "generation": generation})
    schema = schemathesis.openapi.from_dict(described, config=config)
    (found,) = (each.ok() for each in schema.get_all_operations())

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=found.as_strategy())
    def answers_as_described(case: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        case.call_and_validate(session=session, headers=headers, timeout=PATIENCE_S)

    # One connection for all of them; without it each asks the environment for proxies and passwords, too.
    with requests.Session() as session:
        session.trust_env = False
        answers_as_described()


@pytest.mark.parametrize("operation", DESCRIBED, ids=lambda operation: operation.id)
@pytest.mark.asyncio(loop_scope="module")
async def test_every_answer_is_one_that_was_promised(lasting_door: Any, operation: Operation) -> None:
    token = lasting_door.token("organizer")
    await asyncio.to_thread(explore, operation, lasting_door.url("/").rstrip("/"), token)
