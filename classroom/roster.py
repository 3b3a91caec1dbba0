"""Who is in the lesson, and what of it changed since the others were last told.

Supervisors are never in here: what is counted, listed or told from the roster cannot show one.

A person's place (the order in which people first came) is kept as long as the entry is, so somebody who comes
back in time is where they were. Changes are collected by person and by class; `changes` gives them to one
audience as one event, built once for all of its members.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import NamedTuple

from classroom.events import RosterChanged
from classroom.model import LEADING, Attendee, ClassId, ClassRoom, ClassStatus, Person, PersonId, Role
from classroom.quality import class_quality
from classroom.rules.visibility import Audience, sees
from sfu.params import Quality

_NOTHING = RosterChanged()


class Tutoring(NamedTuple):
    """Who tutors a class, and whether they are there."""

    person: PersonId | None
    online: bool


@dataclass(slots=True)
class _ClassEntry:
    room: ClassRoom
    members: dict[PersonId, None] = field(default_factory=dict)
    status: ClassStatus | None = None
    """None: to be counted again."""
    quality: Quality | None = None


class Roster:
    def __init__(self, classes: Iterable[ClassRoom]) -> None:
        self._attendees: dict[PersonId, Attendee] = {}
        self._arrivals: dict[PersonId, int] = {}
        self._next_arrival = 0
        self._classes = {room.id: _ClassEntry(room) for room in classes}
        self._tutoring: dict[ClassId, Tutoring] = {}
        self._recount = set(self._classes)
        """Classes of which the tutoring may have changed."""
        self._classless: dict[PersonId, None] = {}
        self._tutors: dict[PersonId, None] = {}
        self._leaders: dict[PersonId, None] = {}
        self._senders: dict[PersonId, None] = {}
        self._changed: dict[PersonId, None] = {}
        self._gone: dict[PersonId, Person] = {}
        self._quality: dict[PersonId, Quality] = {}
        self._changed_quality: dict[ClassId, None] = {}
        """Told to those only who see all classes: nobody else's page shows it."""
        self._changed_classes: dict[ClassId, None] = {}
        """Told even when they are again as they were last told: who came meanwhile has seen them
        otherwise."""
        self._changed_elsewhere: dict[ClassId, None] = {}
        """Told before to all but the members of other classes."""
        self._gone_classes: dict[ClassId, None] = {}

    def __len__(self) -> int:
        return len(self._attendees)

    def get(self, person: PersonId) -> Attendee | None:
        return self._attendees.get(person)

    def everybody(self) -> Iterable[Attendee]:
        """In the order they first came."""
        return self._attendees.values()

    def put(self, attendee: Attendee) -> None:
        """Adds somebody, or changes what they send and whether they are online; who they are stays."""
        known = self._attendees.get(attendee.id)
        if known is None or known.online != attendee.online:
            self._touch_class(attendee.person)
        if known is None:
            self._arrivals[attendee.id] = self._next_arrival
            self._next_arrival += 1
            self._index(attendee.person)[attendee.id] = None
            if attendee.role is Role.TUTOR:
                self._tutors[attendee.id] = None
            elif attendee.role in LEADING:
                self._leaders[attendee.id] = None
        self._attendees[attendee.id] = attendee
        self._changed[attendee.id] = None
        if not attendee.online:
            self._forget_quality(attendee.person)
        if attendee.tracks:
            self._senders[attendee.id] = None
        else:
            self._senders.pop(attendee.id, None)

    def reached(self, person: PersonId, quality: Quality) -> None:
        """How well somebody is reached now."""
        attendee = self._attendees.get(person)
        if attendee is not None and attendee.online:
            self._quality[person] = quality
            self._weigh_quality(attendee.person)

    def drop(self, person: PersonId) -> None:
        """The place is given up."""
        attendee = self._attendees[person]
        self._forget_quality(attendee.person)
        self._touch_class(attendee.person)
        del self._attendees[person], self._arrivals[person], self._index(attendee.person)[person]
        self._tutors.pop(person, None)
        self._leaders.pop(person, None)
        self._senders.pop(person, None)
        self._changed.pop(person, None)
        self._gone[person] = attendee.person

    def senders(self) -> tuple[Attendee, ...]:
        """Those who send something, in the order they first came."""
        return self._in_order(self._senders)

    def leaders(self) -> Iterable[Attendee]:
        """Master and encoders."""
        return map(self._attendees.__getitem__, self._leaders)

    def members(self, class_id: ClassId) -> Iterable[Attendee]:
        """Of a class, in the order they first came."""
        return map(self._attendees.__getitem__, self._classes[class_id].members)

    def tutor(self, class_id: ClassId | None) -> Attendee | None:
        """Who tutors this class now, if they are there."""
        if class_id not in self._classes:
            return None
        status = self._status(self._classes[class_id])
        return self._attendees[status.tutor] if status.tutor and status.tutor_online else None

    def room_device(self, class_id: ClassId | None) -> Attendee | None:
        """The first of a class that is there."""
        if class_id not in self._classes:
            return None
        members = map(self._attendees.__getitem__, self._classes[class_id].members)
        return next((a for a in members if a.role is Role.ROOM and a.online), None)

    def change_class(self, room: ClassRoom) -> None:
        self._classes[room.id].room = room
        self._classes[room.id].status = None
        self._recount.add(room.id)
        self._changed_classes[room.id] = None

    def is_used(self, class_id: ClassId) -> bool:
        """Somebody of this class has a place."""
        return bool(self._classes[class_id].members)

    def replan(self, rooms: Iterable[ClassRoom]) -> None:
        """Classes are added, changed, put into another order, or taken out where nobody is in them."""
        before, wanted = self._classes, {room.id: room for room in rooms}
        assert not any(entry.members for gone, entry in before.items() if gone not in wanted), "in use"
        self._classes = {each: before.get(each) or _ClassEntry(room) for each, room in wanted.items()}
        self._recount = set(self._classes)
        for class_id, entry in self._classes.items():
            if entry.room != wanted[class_id]:
                entry.room, entry.status = wanted[class_id], None
                self._changed_classes[class_id] = None
        # Who follows by changes puts new classes at the end: those behind the first that is at another place
        # are taken out and put in again.
        kept = [class_id for class_id in before if class_id in wanted]
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(kept, wanted, strict=False)))
        moved = list(wanted)[same:]
        self._gone_classes |= dict.fromkeys([class_id for class_id in before if class_id not in kept[:same]])
        changed = {*self._changed_classes, *moved}
        self._changed_classes = {class_id: None for class_id in wanted if class_id in changed}
        self._changed_quality = {each: None for each in self._changed_quality if each in wanted}
        self._changed_elsewhere = {each: None for each in self._changed_elsewhere if each in wanted}

    def seen_by(self, viewer: Audience) -> tuple[Attendee, ...]:
        """Those whom a member of this audience sees, in the order they first came."""
        if viewer.everybody:
            return tuple(self._attendees.values())
        near = {**self._classless, **self._tutors}
        if viewer.class_id in self._classes:
            near |= self._classes[viewer.class_id].members
        return self._in_order(near)

    def statuses(self) -> tuple[ClassStatus, ...]:
        """As everybody may see them."""
        return tuple([entry.status or self._status(entry) for entry in self._classes.values()])

    def classes_seen_by(self, viewer: Audience) -> tuple[ClassStatus, ...]:
        if not viewer.everybody:
            return self.statuses()
        return tuple(self._shown(entry, viewer) for entry in self._classes.values())

    def tutors(self) -> Mapping[ClassId, PersonId | None]:
        """Who tutors each class now."""
        return {class_id: self._status(entry).tutor for class_id, entry in self._classes.items()}

    def tutoring(self) -> Mapping[ClassId, Tutoring]:
        """The same, and whether they are there."""
        if self._recount:
            # Asked after every command: of forty classes one has changed, if any.
            changed = {class_id: self._counted(class_id) for class_id in self._recount & self._classes.keys()}
            if len(self._tutoring) != len(self._classes) or changed.items() - self._tutoring.items():
                known = {each: self._tutoring[each] for each in self._classes if each in self._tutoring}
                self._tutoring = known | changed
            self._recount.clear()
        return self._tutoring

    def _counted(self, class_id: ClassId) -> Tutoring:
        status = self._status(self._classes[class_id])
        return Tutoring(status.tutor, status.tutor_online)

    def has_changes(self) -> bool:
        return self.has_news() or bool(self._changed_elsewhere)

    def has_news(self) -> bool:
        """Changes beside those that concern only members of other classes."""
        changed_classes = self._changed_classes or self._changed_quality or self._gone_classes
        return bool(self._changed or self._gone or changed_classes)

    @property
    def replanned(self) -> bool:
        """Classes went, or have another order: that is told whole, and to everybody."""
        return bool(self._gone_classes)

    def changes(self, viewer: Audience, *, elsewhere: bool = True) -> RosterChanged | None:
        """What changed since `told`, as far as this audience sees it; None when that is nothing. elsewhere:
        of other classes, too, to who sees only their numbers."""
        people = [self._attendees[person] for person in self._changed]
        classes = self._classes_told(viewer, elsewhere)
        event = RosterChanged(
            people=tuple(attendee for attendee in people if sees(viewer, attendee.person)),
            gone=tuple(person.id for person in self._gone.values() if self._lost_sight(viewer, person)),
            classes=tuple(self._shown(self._classes[class_id], viewer) for class_id in classes),
            gone_classes=tuple(self._gone_classes),
        )
        return event if event != _NOTHING else None

    def _classes_told(self, viewer: Audience, elsewhere: bool) -> Iterable[ClassId]:
        if viewer.everybody:
            return self._changed_classes | self._changed_quality
        if elsewhere:
            changed = self._changed_elsewhere | self._changed_classes
            return (class_id for class_id in self._classes if class_id in changed) if changed else ()
        own = viewer.class_id
        return (own,) if own is not None and own in self._changed_classes else ()

    def _lost_sight(self, viewer: Audience, gone: Person) -> bool:
        """Saw them, and does not any more (they may be back, in another class)."""
        back = self._attendees.get(gone.id)
        return sees(viewer, gone) and (back is None or not sees(viewer, back.person))

    def told(self, *, elsewhere: bool = True) -> None:
        """Everybody has been told; changes are collected anew. elsewhere: as in `changes`."""
        self._changed_elsewhere = {} if elsewhere else self._changed_elsewhere | self._changed_classes
        self._changed.clear()
        self._gone.clear()
        self._changed_classes.clear()
        self._gone_classes.clear()
        self._changed_quality.clear()

    def _in_order(self, people: Iterable[PersonId]) -> tuple[Attendee, ...]:
        return tuple(map(self._attendees.__getitem__, sorted(people, key=self._arrivals.__getitem__)))

    def _index(self, person: Person) -> dict[PersonId, None]:
        return self._classless if person.class_id is None else self._classes[person.class_id].members

    def _touch_class(self, person: Person) -> None:
        """The numbers of the person's class change."""
        if person.class_id is not None:
            self._changed_classes[person.class_id] = None
            self._classes[person.class_id].status = None
            self._recount.add(person.class_id)

    def _forget_quality(self, person: Person) -> None:
        if self._quality.pop(person.id, None) is not None:
            self._weigh_quality(person)

    def _weigh_quality(self, person: Person) -> None:
        if person.class_id is None:
            return
        entry = self._classes[person.class_id]
        tutor = self._status(entry).tutor
        known = {member: self._quality[member] for member in entry.members if member in self._quality}
        quality = class_quality(known.pop(tutor, None) if tutor else None, tuple(known.values()))
        if quality is not entry.quality:
            entry.quality = quality
            self._changed_quality[person.class_id] = None

    def _shown(self, entry: _ClassEntry, viewer: Audience) -> ClassStatus:
        status = self._status(entry)
        return replace(status, quality=entry.quality) if viewer.everybody else status

    def _status(self, entry: _ClassEntry) -> ClassStatus:
        if entry.status is None:
            entry.status = self._count(entry)
        return entry.status

    def _count(self, entry: _ClassEntry) -> ClassStatus:
        tutors, devices, others = [], 0, 0
        # Of hundreds, for each who comes.
        for attendee in map(self._attendees.__getitem__, entry.members):
            if not attendee.online:
                continue
            role = attendee.person.role
            if role is Role.TUTOR:
                tutors.append(attendee.person.id)
            elif role is Role.ROOM:
                devices += 1
            else:
                others += 1
        room = entry.room
        # Who took the class over on record, or is registered, when there; else the first other one who is;
        # else the one who should be.
        named = [person for person in (room.stand_in, room.tutor) if person is not None]
        tutor = next((person for person in (*(n for n in named if n in tutors), *tutors, *named)), None)
        return ClassStatus(room, tutor, bool(tutors), others, bool(devices))
