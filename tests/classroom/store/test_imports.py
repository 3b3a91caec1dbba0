"""An import on both databases: what is known of its rows, and all of it written or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from classroom.model import PersonId
from classroom.network.importing import Entry, Fault, RowFault
from classroom.network.importing_plan import ImportPlan, Known, plan
from classroom.network.model import Office, Place, PlaceId
from classroom.store import accounts, audit, imports, network_people, network_places
from classroom.store.demo_network import seed_demo_network
from classroom.store.imports import ImportRefused
from classroom.store.store import Store

MANY = 2500
"""More than are written at once, and asked for."""
ENTRIES = [
    Entry(row, f"生{row}", f"pupil-{row}", Office.STUDENT, "新小学", f"{row % 40}班")
    for row in range(2, MANY)
]


def thinker(entries: list[Entry], numbers: Callable[[str], str]) -> imports.Think:
    async def think(known: Known) -> ImportPlan:
        return plan(entries, known, 5, numbers)

    return think


@pytest.fixture
def new_id() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda kind: f"{kind}-{next(numbers)}"


async def east(store: Store) -> Place:
    await seed_demo_network(store)
    place = await store.network.read(network_places.find, PlaceId("demo-east"))
    assert place is not None
    return place


async def carry_out(
    store: Store, place: Place, entries: list[Entry], new_id: Callable[[str], str]
) -> ImportPlan:
    logins = {entry.login for entry in entries}
    think = thinker(entries, new_id)
    return await store.network.change(imports.carry_out, place, logins, think, 5, "by", "digest")


async def test_all_of_it(store: Store, new_id: Callable[[str], str]) -> None:
    place = await east(store)
    made = await carry_out(store, place, ENTRIES, new_id)
    assert len(made.accounts) == len(ENTRIES) and len(made.classes) == 40
    found = await store.network.read(accounts.listed, (place.path,), words="pupil-2499")
    (last,) = found
    (office,) = await store.network.read(network_people.appointments_of, last.person, 6)
    assert (last.name, office.office) == ("生2499", Office.STUDENT)
    assert last.path == made.schools[0].path == office.path
    (deed,) = await store.network.read(audit.listed, (place.path,), deeds=["imported"])
    assert deed.deed.body["accounts"] == len(ENTRIES)


async def test_once_more_it_is_all_known(store: Store, new_id: Callable[[str], str]) -> None:
    place = await east(store)
    await carry_out(store, place, ENTRIES, new_id)
    again = await carry_out(store, place, ENTRIES, new_id)
    assert again == ImportPlan(unchanged=len(ENTRIES))


async def test_nothing_of_it_where_a_row_is_at_fault(store: Store, new_id: Callable[[str], str]) -> None:
    place = await east(store)
    taken = Entry(9, "x", "demo-west-1-tutor", Office.STUDENT, "新小学", "1班")
    with pytest.raises(ImportRefused) as caught:
        await carry_out(store, place, [*ENTRIES[:5], taken], new_id)
    assert caught.value.plan.faults == [Fault(9, RowFault.LOGIN_TAKEN, "demo-west-1-tutor")]
    assert await store.network.read(network_places.listed, (place.path,), words="新小学") == ()
    assert await store.network.read(accounts.listed, (place.path,), words="pupil") == ()


async def test_a_pupil_moves_and_is_called_otherwise(store: Store, new_id: Callable[[str], str]) -> None:
    place, person = await east(store), PersonId("demo-east-1-student")
    entry = Entry(2, "蒋大明", person, Office.STUDENT, "东区第一小学", "四年级1班", email="j@example.org")
    made = await carry_out(store, place, [entry], new_id)
    (office,) = await store.network.read(network_people.appointments_of, person, 6)
    assert office.class_id == made.classes[0].id
    account = await store.network.read(accounts.find, person)
    assert account is not None and (account.name, account.email) == ("蒋大明", "j@example.org")
