"""The network to try: made once, whole."""

from __future__ import annotations

from classroom.model import PersonId
from classroom.network.model import ROOT, Office
from classroom.store import accounts, audit, network_people, network_places
from classroom.store.demo_network import PEOPLE, PLACES, seed_demo_network
from classroom.store.store import Store


async def test_made_once(store: Store) -> None:
    await seed_demo_network(store)
    recorded = await store.network.read(audit.listed, [ROOT])
    await seed_demo_network(store)
    assert await store.network.read(audit.listed, [ROOT]) == recorded
    assert len(await store.network.read(network_places.listed, [ROOT])) == len(PLACES)
    assert len(await store.network.read(accounts.listed, [ROOT])) == len(PEOPLE)


async def test_somebody_in_every_office(store: Store) -> None:
    await seed_demo_network(store)
    held = set()
    for one in PEOPLE:
        (office,) = await store.network.read(network_people.appointments_of, one.person, 1)
        assert office.path.endswith(f"/{one.place}/")
        held.add(office.office)
    assert held == set(Office)


async def test_every_class_has_its_tutor(store: Store) -> None:
    await seed_demo_network(store)
    (office,) = await store.network.read(
        network_people.appointments_of, PersonId("demo-west-2-tutor-home"), 1
    )
    assert office.class_id == "demo-west-2-home"
