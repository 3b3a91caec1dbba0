"""The roll call: who of a class is there, as its tutor says."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from classroom.roll import MAX_SEAT, MAX_SEATS
from signaling.message import Id, Message, Name, ServerMessage

Mark = Literal["present", "late", "absent"]
Seat = Annotated[str, Meta(max_length=MAX_SEAT)]


class PupilView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of a class's register."""

    seat: Seat
    name: Name = ""


class MarkView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of one pupil: of a seat, or of somebody who comes in by themselves."""

    seat: Seat = ""
    person: Id = ""
    mark: Mark | None = None
    """null: nothing (any more)."""
    at_ms: int = 0
    """Unix time in ms."""


class RollView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A class's roll call: to its tutors with seats and names, to those who see all classes the numbers."""

    class_id: Id
    present: int = 0
    """Those who came late are among them."""
    late: int = 0
    absent: int = 0
    total: int = 0
    """Seats, and pupils at home who were marked."""
    register: list[PupilView] | None = None
    """Who sits where; empty: nobody entered it, and seats are numbered from 1 to the class's pupils. null:
    not told, or as it was."""
    marks: list[MarkView] = []
    """In `welcome` all, then those that changed."""


class RollMark(Message, tag="roll.mark", frozen=True, kw_only=True):
    """Tutor: these pupils of the own class are present, late or absent; on record."""

    mark: Mark | None
    """null: what was said of them is taken back."""
    seats: Annotated[list[Seat], Meta(max_length=MAX_SEATS)] = []
    people: Annotated[list[Id], Meta(max_length=MAX_SEATS)] = []
    """Pupils who came in by themselves, by person id."""
    rest: bool = False
    """And all seats of which nothing was said yet."""


class RollRegister(Message, tag="roll.register", frozen=True, kw_only=True):
    """Tutor: who sits where in the own class, in order. Marks of seats that are not there any more are
    gone."""

    pupils: Annotated[list[PupilView], Meta(max_length=MAX_SEATS)]


class RollChanged(ServerMessage, tag="roll", frozen=True, kw_only=True):
    """Of one class."""

    roll: RollView


ClientMessage = RollMark | RollRegister
AnyServerMessage = RollChanged
