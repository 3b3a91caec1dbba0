"""Courses of the network to try: there from the start, once, and each day anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from classroom.model import PersonId
from classroom.network.model import ROOT
from classroom.store import audit, progress, ratings, supervision_reviews, timetables
from classroom.store.demo_courses import seed_demo_courses
from classroom.store.demo_network import seed_demo_network
from classroom.store.store import Store

DAY_MS = 86_400_000


async def test_there_is_something_to_find(store: Store, sql: Callable[[str], Any]) -> None:
    await seed_demo_network(store)
    await seed_demo_courses(store)
    now_ms = store.clock.unix_ms()
    network = store.network
    coming = "SELECT count(*) FROM offers WHERE starts_ms > {}"
    assert sql(coming.format(now_ms)) == [(5,)]
    assert sql("SELECT party_id FROM enrolments WHERE state = 'waiting'") == [("demo-west-1-c1",)]
    assert sql("SELECT count(*) FROM enrolments WHERE state = 'enrolled'") == [(9,)]
    # Who signs in has a timetable, done something, and something to answer or to say.
    for person in ("demo-east-1-tutor", "demo-east-1-student", "demo-museum-master"):
        found = await network.read(
            timetables.of_person, PersonId(person), now_ms, now_ms, now_ms + 3 * DAY_MS
        )
        assert found, person
    pupil = await network.read(progress.of_pupil, PersonId("demo-east-1-student"), "", now_ms, 0.8)
    assert pupil is not None and pupil.term is not None and pupil.progress.done == 1
    assert len(await network.read(supervision_reviews.problems, [ROOT])) == 1
    assert len(await network.read(ratings.received, [ROOT])) == 1
    [ratable] = await network.read(ratings.ratable, "demo-east-1", now_ms - 7 * DAY_MS)
    assert ratable.rating is None
    # Once.
    recorded = await network.read(audit.listed, [ROOT])
    await seed_demo_courses(store)
    assert await network.read(audit.listed, [ROOT]) == recorded
    # The next day something lies ahead again; what is over stays one.
    store.clock.not_before(now_ms + DAY_MS)
    await seed_demo_courses(store)
    assert sql(coming.format(now_ms + DAY_MS))[0][0] >= 6
    assert sql("SELECT count(*) FROM offers WHERE settled_ms IS NOT NULL") == [(1,)]
