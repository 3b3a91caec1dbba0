from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.model import Attendee, ClassId, Publication, Source, Track
from classroom.roster import Roster
from classroom.rules.visibility import audience
from sfu.params import Quality

TRACK = Track(Source("camera"), Publication("p"))


@pytest.fixture
def roster(school: Any) -> Roster:
    return Roster(school.lesson().classes)


def ids(attendees: Any) -> list[str]:
    return [attendee.id for attendee in attendees]


def counts(roster: Roster) -> dict[str, tuple[str | None, bool, int]]:
    return {
        status.room.id: (status.tutor, status.tutor_online, status.online) for status in roster.statuses()
    }


def test_people_are_in_the_order_they_first_came(roster: Roster, school: Any) -> None:
    for person in (school.student_a, school.tutor_home, school.master):
        roster.put(Attendee(person))
    roster.put(Attendee(school.student_a, online=False))
    roster.put(Attendee(school.student_a))
    assert ids(roster.everybody()) == ["sa", "th", "m"]
    assert ids(roster.seen_by(audience(school.student_b))) == ["sa", "th", "m"]


def test_senders_are_in_the_same_order(roster: Roster, school: Any) -> None:
    for person in (school.master, school.tutor_1, school.tutor_2):
        roster.put(Attendee(person))
    for person in (school.tutor_2, school.master):
        roster.put(Attendee(person, tracks=(TRACK,)))
    assert ids(roster.senders()) == ["m", "t2"]
    roster.put(Attendee(school.master))
    assert ids(roster.senders()) == ["t2"]
    roster.drop(school.tutor_2.id)
    assert ids(roster.senders()) == []


def test_each_sees_what_concerns_them(roster: Roster, school: Any) -> None:
    for person in school.people[:-1]:
        roster.put(Attendee(person))
    assert ids(roster.seen_by(audience(school.student_1))) == ["m", "t1", "t2", "th", "s1", "e", "o"]
    assert ids(roster.seen_by(audience(school.supervisor))) == ids(roster.everybody())


def test_classes_count_pupils_and_know_their_tutor(roster: Roster, school: Any) -> None:
    empty = {"c1": ("t1", False, 0), "c2": ("t2", False, 0), "home": ("th", False, 0)}
    assert counts(roster) == empty
    for person in (school.tutor_home, school.student_a, school.student_b, school.master):
        roster.put(Attendee(person))
    roster.put(Attendee(school.student_b, online=False))
    assert counts(roster) == {**empty, "home": ("th", True, 1)}
    roster.drop(school.student_a.id)
    assert counts(roster) == {**empty, "home": ("th", True, 0)}


def test_another_tutor_takes_the_class_until_the_registered_one_is_there(roster: Roster, school: Any) -> None:
    substitute = replace(school.tutor_1, id="t9")
    roster.put(Attendee(substitute))
    assert counts(roster)["c1"] == ("t9", True, 0)
    roster.put(Attendee(school.tutor_1))
    assert counts(roster)["c1"] == ("t1", True, 0)
    roster.put(Attendee(school.tutor_1, online=False))
    assert roster.tutors()[ClassId("c1")] == "t9"


def test_changes_are_told_once_to_those_who_see_them(roster: Roster, school: Any) -> None:
    roster.put(Attendee(school.student_a))
    master = roster.changes(audience(school.master))
    home = roster.changes(audience(school.student_b))
    other = roster.changes(audience(school.student_1))
    assert master == home
    assert master is not None and ids(master.people) == ["sa"]
    assert other is not None and ids(other.people) == []
    assert [status.online for status in other.classes] == [1]
    roster.told()
    assert not roster.has_changes()
    assert roster.changes(audience(school.master)) is None


def test_a_class_that_is_as_it_was_is_told_all_the_same(roster: Roster, school: Any) -> None:
    """Somebody may have come while it was otherwise."""
    roster.put(Attendee(school.student_a))
    roster.told()
    roster.put(Attendee(school.student_a, online=False))
    roster.put(Attendee(school.student_a))
    event = roster.changes(audience(school.student_1))
    assert event is not None and [status.online for status in event.classes] == [1]


def test_who_is_gone_is_told_to_those_who_saw_them(roster: Roster, school: Any) -> None:
    roster.put(Attendee(school.student_a))
    roster.told()
    roster.drop(school.student_a.id)
    seen, unseen = roster.changes(audience(school.student_b)), roster.changes(audience(school.student_1))
    assert seen is not None and seen.gone == ("sa",)
    assert unseen is not None and unseen.gone == ()


def test_who_comes_back_before_it_was_told_is_not_gone(roster: Roster, school: Any) -> None:
    roster.put(Attendee(school.student_a))
    roster.told()
    roster.drop(school.student_a.id)
    roster.put(Attendee(school.student_a))
    event = roster.changes(audience(school.student_b))
    assert event is not None and (ids(event.people), event.gone) == (["sa"], ())


def test_who_changes_the_class_is_gone_for_the_old_one_only(roster: Roster, school: Any) -> None:
    roster.put(Attendee(school.student_a))
    roster.told()
    roster.drop(school.student_a.id)
    roster.put(Attendee(replace(school.student_a, class_id=ClassId("c1"))))
    old, new = roster.changes(audience(school.student_b)), roster.changes(audience(school.student_1))
    assert old is not None and (ids(old.people), old.gone) == ([], ("sa",))
    assert new is not None and (ids(new.people), new.gone) == (["sa"], ())


def qualities(changed: Any) -> dict[str, Quality | None]:
    return {status.room.id: status.quality for status in changed.classes} if changed else {}


def test_quality_of_a_class_is_told_to_those_who_see_all_classes(roster: Roster, school: Any) -> None:
    for person in (school.tutor_1, school.student_1, school.tutor_2):
        roster.put(Attendee(person))
    roster.told()
    leading, pupil = audience(school.master), audience(school.student_1)
    roster.reached(school.tutor_1.id, Quality.FAIR)
    assert qualities(roster.changes(leading)) == {"c1": Quality.FAIR}
    assert roster.changes(pupil) is None
    roster.told()
    roster.reached(school.student_1.id, Quality.FAIR)
    assert not roster.has_changes()
    roster.put(Attendee(school.student_1, online=False))
    assert qualities(roster.changes(pupil)) == {"c1": None}
    assert qualities(roster.changes(leading)) == {"c1": Quality.FAIR}
    shown = {status.room.id: status.quality for status in roster.classes_seen_by(leading)}
    assert shown == {"c1": Quality.FAIR, "c2": None, "home": None}
    assert roster.classes_seen_by(pupil) == roster.statuses()


def test_who_goes_takes_their_quality_along(roster: Roster, school: Any) -> None:
    roster.put(Attendee(school.tutor_1))
    roster.reached(school.tutor_1.id, Quality.POOR)
    roster.told()
    roster.drop(school.tutor_1.id)
    assert qualities(roster.changes(audience(school.master))) == {"c1": None}
    roster.told()
    for stranger in (school.supervisor, school.master, school.tutor_1):
        roster.reached(stranger.id, Quality.POOR)
    assert not roster.has_changes()
