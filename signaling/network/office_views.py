"""Offices as they are shown: with the names of their places, classes and people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, PersonId
from classroom.network.model import Appointment, PlaceId
from classroom.store import network_classes, network_places, people

PlaceKindName = Literal["city", "district", "school", "provider"]
OfficeName = Literal[
    "organizer", "provider", "master", "tutor", "student", "parent", "supervisor", "researcher"
]


class PlaceName(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: PlaceKindName
    name: str
    timezone: str


class OfficeView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """Of the appointment; empty: an organizer of everything, by a token."""
    office: OfficeName
    place: PlaceName | None
    """null: everywhere."""
    class_id: str
    class_name: str
    course: str
    """Of a supervisor who may look at this one alone."""
    subject: str
    about: str
    """Of a parent: the child's person id."""
    about_name: str
    from_ms: int
    until_ms: int | None
    """Unix times in ms; null: until it is revoked."""


def place_of(appointment: Appointment) -> PlaceId:
    """Empty: everywhere."""
    return PlaceId(appointment.path.split("/")[-2])


async def office_views(connection: AsyncConnection, appointments: Iterable[Appointment]) -> list[OfficeView]:
    """In the same order."""
    held = tuple(appointments)
    places = await network_places.named(connection, {place_of(each) for each in held})
    classes = await network_classes.named(connection, {each.class_id for each in held if each.class_id})
    names = await people.names(connection, {PersonId(each.about) for each in held if each.about})
    views = []
    for each in held:
        place = places.get(place_of(each))
        in_class = classes.get(ClassId(each.class_id))
        views.append(
            OfficeView(
                id=each.id,
                office=each.office.value,
                place=None
                if place is None
                else PlaceName(id=place.id, kind=place.kind.value, name=place.name, timezone=place.timezone),
                class_id=each.class_id,
                class_name=in_class.name if in_class else "",
                course=each.course,
                subject=each.subject,
                about=each.about,
                about_name=names.get(PersonId(each.about), ""),
                from_ms=each.from_ms,
                until_ms=each.until_ms,
            )
        )
    return views
