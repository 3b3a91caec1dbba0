"""What a session says of its lines, and hears of them."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.commands import ReportQuality
from classroom.model import PersonId
from sfu.params import Quality, QualityReason
from sfu.quality import REPORT_LASTS_S, Finding
from signaling import keys


def session_of(door: Any, person: str) -> Any:
    return next(each for each in door.app[keys.SESSIONS] if each.person_id == person)


async def test_the_verdict_is_told(door: Any) -> None:
    tutor = await door.join("tutor")
    session_of(door, "tutor-1").quality(Finding(Quality.FAIR, QualityReason.BANDWIDTH))
    told = await tutor.expect("quality")
    assert (told["level"], told["reason"]) == ("fair", "bandwidth")


async def test_pictures_that_stood_still_count_for_a_while(door: Any) -> None:
    tutor = await door.join("tutor")
    session = session_of(door, "tutor-1")
    assert session.lines(0.0)[3] == 0.0
    await tutor.say("quality.report", frozen_ms=1200)
    await tutor.settled()
    at, *_ = session._frozen
    assert session.lines(at + REPORT_LASTS_S - 0.1)[3] == 1.2
    assert session.lines(at + REPORT_LASTS_S)[3] == 0.0
    await tutor.say("quality.report", frozen_ms=1200)
    await tutor.settled()
    assert session.lines(at + REPORT_LASTS_S)[4] == 2400


async def test_what_a_page_says_of_its_lines_stirs_them(door: Any) -> None:
    """Else nobody would ask for it."""
    master, tutor, _ = await door.live()
    sending = session_of(door, "master-1").lines(0.0)[0]
    await master.say("publish.mute", source="microphone", muted=True)
    await master.settled()
    assert door.sfu.stirred == [sending.id]
    door.sfu.stirred.clear()
    receiving = session_of(door, "tutor-1").lines(0.0)[1]
    await tutor.say("quality.report", frozen_ms=1200)
    await tutor.settled()
    assert door.sfu.stirred == [receiving.id]


async def test_who_has_no_lines_yet_may_speak_of_them(door: Any) -> None:
    tutor = await door.join("tutor")
    await tutor.say("quality.report", frozen_ms=1200)
    assert "error" not in {message["type"] for message in await tutor.settled()}
    assert door.sfu.stirred == []


@pytest.mark.parametrize("odd", [-1, 60_001, "x", None])
async def test_reports_out_of_bounds_are_refused(door: Any, odd: object) -> None:
    tutor = await door.join("tutor")
    await tutor.say("quality.report", frozen_ms=odd)
    assert (await tutor.refusal())["kind"] == "malformed"


async def test_what_is_muted_need_not_arrive(door: Any) -> None:
    master = await door.join("master")
    session = session_of(door, "master-1")

    def sends() -> bool:
        return bool(session.lines(0.0)[2])

    assert (sends(), session.lines(0.0)[0]) == (False, None)
    await master.publish()
    assert sends()
    assert session.lines(0.0)[0] is not None
    for source in ("camera", "microphone"):
        await master.say("publish.mute", source=source, muted=True)
    await master.settled()
    assert not sends()
    await master.say("publish.mute", source="microphone", muted=False)
    await master.settled()
    assert sends()


async def test_to_mute_what_is_not_sent_yet_says_nothing_of_what_is_sent_later(door: Any) -> None:
    master = await door.join("master")
    for source in ("camera", "microphone"):
        await master.say("publish.mute", source=source, muted=True)
        assert (await master.refusal())["kind"] == "source-not-published"
    await master.publish()
    assert session_of(door, "master-1").lines(0.0)[2]


async def test_the_wall_is_for_those_who_see_all_classes(door: Any) -> None:
    master, tutor = await door.join("master"), await door.join("tutor")
    room = session_of(door, "tutor-1").room
    await room.ask(ReportQuality(PersonId("tutor-1"), Quality.POOR))
    while not (
        found := [
            each["quality"]
            for each in (await master.expect("roster")).get("classes", [])
            if "quality" in each
        ]
    ):
        pass
    assert found == ["poor"]
    await room.ask(ReportQuality(PersonId("master-1"), Quality.POOR))
    heard = [*await tutor.settled(), *await master.settled()]
    assert not any("quality" in str(message) for message in heard)
