"""A small course network to try: a city with two districts, two schools in each, a museum that gives courses,
and somebody in every office of each.

Ids say where and what: `demo-east-1` is a school, `demo-east-1-c1` its class, `demo-east-1-tutor` its tutor.
Nobody has a password: who starts a demo gives them one (`signaling.demo`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, PersonId
from classroom.network.accounts import Account
from classroom.network.model import (
    ROOT,
    Appointment,
    Office,
    Path,
    Place,
    PlaceId,
    PlaceKind,
    SchoolClass,
)
from classroom.store import accounts, network_appointments, network_classes, network_places
from classroom.store.network_tables import accounts as account_rows
from classroom.store.store import Store

CITY: Final = PlaceId("demo-city")
SCHOOLS: Final = ("demo-east-1", "demo-east-2", "demo-west-1", "demo-west-2")
MUSEUM: Final = PlaceId("demo-museum")
SUBJECT: Final = "科学"
"""Of the districts' researchers."""

PLACES: Final = tuple(
    Place(PlaceId(place), kind, name, ROOT, PlaceId(parent) if parent else None)
    for place, kind, name, parent in (
        (CITY, PlaceKind.CITY, "同课市", ""),
        ("demo-east", PlaceKind.DISTRICT, "东区", CITY),
        ("demo-west", PlaceKind.DISTRICT, "西区", CITY),
        ("demo-east-1", PlaceKind.SCHOOL, "东区第一小学", "demo-east"),
        ("demo-east-2", PlaceKind.SCHOOL, "东区第二小学", "demo-east"),
        ("demo-west-1", PlaceKind.SCHOOL, "西区第一小学", "demo-west"),
        ("demo-west-2", PlaceKind.SCHOOL, "西区第二小学", "demo-west"),
        (MUSEUM, PlaceKind.PROVIDER, "同课科技馆", CITY),
    )
)


@dataclass(frozen=True, slots=True)
class _Somebody:
    place: str
    office: Office
    name: str
    suffix: str = ""
    """Of the id, where it is not the office."""
    class_id: str = ""
    subject: str = ""
    about: str = ""

    @property
    def person(self) -> PersonId:
        return PersonId(f"{self.place}-{self.suffix or self.office.value}")


def _people() -> Iterator[_Somebody]:
    yield _Somebody(CITY, Office.ORGANIZER, "赵管理员")
    yield _Somebody(CITY, Office.SUPERVISOR, "钱督查")
    yield _Somebody(MUSEUM, Office.PROVIDER, "孙馆长")
    yield _Somebody(MUSEUM, Office.MASTER, "李老师")
    for district in ("demo-east", "demo-west"):
        yield _Somebody(district, Office.ORGANIZER, "周管理员")
        yield _Somebody(district, Office.SUPERVISOR, "吴督查")
        yield _Somebody(district, Office.RESEARCHER, "郑教研员", subject=SUBJECT)
    for school in SCHOOLS:
        first, home = f"{school}-c1", f"{school}-home"
        yield _Somebody(school, Office.ORGANIZER, "王管理员")
        yield _Somebody(school, Office.PROVIDER, "冯主任")
        yield _Somebody(school, Office.MASTER, "陈老师")
        yield _Somebody(school, Office.TUTOR, "褚老师", class_id=first)
        yield _Somebody(school, Office.TUTOR, "卫老师", "tutor-home", class_id=home)
        yield _Somebody(school, Office.STUDENT, "蒋小明", class_id=first)
        yield _Somebody(school, Office.STUDENT, "沈小红", "student-home", class_id=home)
        yield _Somebody(school, Office.PARENT, "蒋先生", about=f"{school}-student")


PEOPLE: Final = tuple(_people())


async def seed_demo_network(store: Store) -> None:
    """Makes it, where it is not there yet. Raises StoreUnavailable."""
    await store.network.change(_seed, store.clock.unix_ms())


async def set_demo_passwords(store: Store, password_hash: str) -> None:
    """The same for everybody in it. Raises StoreUnavailable."""
    await store.network.change(_set_passwords, password_hash)


async def _set_passwords(connection: AsyncConnection, password_hash: str) -> None:
    of_demo = account_rows.c.person_id.in_([one.person for one in PEOPLE])
    await connection.execute(update(account_rows).where(of_demo).values(password_hash=password_hash))


async def _seed(connection: AsyncConnection, now_ms: int) -> None:
    if await network_places.find(connection, CITY) is not None:
        return
    paths: dict[str, Path] = {}
    for place in PLACES:
        made = await network_places.add(connection, place, now_ms, "")
        assert made is not None
        paths[made.id] = made.path
    for school in SCHOOLS:
        for suffix, name in (("c1", "三年级1班"), ("home", "三年级居家班")):
            await network_classes.add(connection, _class(school, suffix, name), now_ms, "")
    for one in PEOPLE:
        account = Account(one.person, one.name, paths[one.place], login=one.person)
        await accounts.add(connection, account, now_ms, "")
    for one in PEOPLE:
        held = Appointment(
            id=f"{one.person}-office",
            person=one.person,
            office=one.office,
            path=paths[one.place],
            class_id=one.class_id,
            subject=one.subject,
            about=one.about,
        )
        await network_appointments.appoint(connection, held, PlaceId(one.place), now_ms, "")


def _class(school: str, suffix: str, name: str) -> SchoolClass:
    tutor = PersonId(f"{school}-tutor{'-home' if suffix == 'home' else ''}")
    return SchoolClass(
        id=ClassId(f"{school}-{suffix}"),
        school=PlaceId(school),
        path=ROOT,
        name=name,
        grade=3,
        at_home=suffix == "home",
        pupils=40 if suffix == "c1" else 0,
        tutor=tutor,
    )
