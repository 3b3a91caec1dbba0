"""What people send: tracks come, are muted, are replaced and go."""

from __future__ import annotations

from typing import Any

import pytest

from classroom import events
from classroom.commands import Mute, Publish, Unpublish
from classroom.events import LeaveCause
from classroom.handlers import MAX_TRACKS_PER_PERSON
from classroom.model import CAMERA, MICROPHONE, SCREEN, Publication, Source
from classroom.rules.reasons import Reason, Refused

P = Publication


async def refused(awaitable: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        await awaitable
    return caught.value.reason


async def test_tracks_come_and_go(live_hall: Any, school: Any) -> None:
    student = await live_hall.join(school.master, school.student_a)
    await live_hall.room.ask(Publish(school.master.id, CAMERA, P("p1")))
    await live_hall.room.ask(Publish(school.master.id, SCREEN, P("p2")))
    assert student.receives == ["m/screen", "m/camera"]
    await live_hall.room.ask(Unpublish(school.master.id, P("p2")))
    await live_hall.room.ask(Unpublish(school.master.id, P("p2")))
    assert student.receives == ["m/camera"]
    gone = live_hall.observer.told(events.TrackUnpublished)
    assert [(fact.publication, fact.cause) for fact in gone] == [("p2", LeaveCause.LEFT)]


async def test_a_track_published_anew_replaces_the_old_one(live_hall: Any, school: Any) -> None:
    student = await live_hall.join(school.master, school.student_a)
    for publication in ("p1", "p1", "p2"):
        await live_hall.room.ask(Publish(school.master.id, CAMERA, P(publication)))
    assert [[route.publication for route in routes] for routes in student.routings] == [["p1"], ["p2"]]
    gone = live_hall.observer.told(events.TrackUnpublished)
    assert [(fact.publication, fact.cause) for fact in gone] == [("p1", LeaveCause.REPLACED)]


async def test_muting_is_told_but_routes_nothing_anew(live_hall: Any, school: Any) -> None:
    student = await live_hall.join(school.master, school.student_a)
    await live_hall.room.ask(Publish(school.master.id, MICROPHONE, P("p1")))
    for _ in range(2):
        await live_hall.room.ask(Mute(school.master.id, MICROPHONE, True))
    await live_hall.clock.advance(1)
    told = {attendee.id: attendee.tracks for attendee in student.heard(events.RosterChanged)[-1].people}
    assert [track.muted for track in told["m"]] == [True]
    assert len(student.routings) == 1
    assert [fact.muted for fact in live_hall.observer.told(events.TrackMuted)] == [True]
    answer = await refused(live_hall.room.ask(Mute(school.master.id, CAMERA, True)))
    assert answer is Reason.SOURCE_NOT_PUBLISHED


@pytest.mark.parametrize(
    ("person", "source", "reason"),
    [
        ("student_a", "camera", Reason.SOURCE_NOT_ALLOWED),
        ("tutor_1", "screen", Reason.SOURCE_NOT_ALLOWED),
        ("master", "cam.video", Reason.SOURCE_NOT_ALLOWED),
        ("encoder", "camera", Reason.SOURCE_NOT_ALLOWED),
        ("master", "../x", Reason.SOURCE_UNKNOWN),
        ("organizer", "camera", Reason.ROLE_MAY_NOT),
        ("supervisor", "camera", Reason.ROLE_MAY_NOT),
    ],
)
async def test_what_may_not_be_sent_is_refused(
    live_hall: Any, school: Any, person: str, source: str, reason: Reason
) -> None:
    await live_hall.join(*school.people)
    command = Publish(getattr(school, person).id, Source(source), P("p1"))
    assert await refused(live_hall.room.ask(command)) is reason
    assert live_hall.observer.told(events.TrackPublished) == []


async def test_two_encoders_cannot_have_one_name(live_hall: Any, school: Any) -> None:
    other = school.encoder.__class__("e2", "cam", school.encoder.role)
    await live_hall.join(school.encoder, other)
    await live_hall.room.ask(Publish(school.encoder.id, Source("cam.video"), P("p1")))
    command = Publish(other.id, Source("cam.video"), P("p2"))
    assert await refused(live_hall.room.ask(command)) is Reason.NAME_TAKEN
    await live_hall.room.ask(Unpublish(school.encoder.id, P("p1")))
    await live_hall.room.ask(command)


async def test_one_person_sends_a_limited_number_of_tracks(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.encoder)
    for number in range(MAX_TRACKS_PER_PERSON):
        await live_hall.room.ask(Publish(school.encoder.id, Source(f"{number}.video"), P(str(number))))
    one_more = Publish(school.encoder.id, Source("more.video"), P("more"))
    assert await refused(live_hall.room.ask(one_more)) is Reason.SOURCE_NOT_ALLOWED
    await live_hall.room.ask(Publish(school.encoder.id, Source("0.video"), P("again")))
