from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from classroom.model import PersonId
from classroom.network.model import ROOT, Appointment, Office, Path
from classroom.network.scope import Principal, everything, topmost, within

paths = st.lists(st.sampled_from(["a", "b", "ab", "a.b"]), max_size=4).map(
    lambda ids: Path("/" + "".join(f"{each}/" for each in ids))
)


def principal(*appointments: tuple[Office, str]) -> Principal:
    held = tuple(
        Appointment(str(number), PersonId("p"), office, Path(path))
        for number, (office, path) in enumerate(appointments)
    )
    return Principal(PersonId("p"), "P", held)


@given(paths, paths)
def test_within_is_that_every_id_of_the_place_is_there_in_order(path: Path, place: Path) -> None:
    ids, of_place = path.split("/")[1:-1], place.split("/")[1:-1]
    assert within(path, place) is (ids[: len(of_place)] == of_place)


@given(st.lists(paths, max_size=6), paths)
def test_the_topmost_reach_the_same(each: list[Path], path: Path) -> None:
    kept = topmost(each)
    assert any(within(path, one) for one in each) is any(within(path, one) for one in kept)
    assert not any(within(a, b) for a in kept for b in kept if a != b)


def test_a_school_reaches_neither_its_neighbour_nor_its_district() -> None:
    office = frozenset({Office.ORGANIZER})
    someone = principal((Office.ORGANIZER, "/c/d/s1/"))
    assert someone.reaches(office, Path("/c/d/s1/"))
    assert not someone.reaches(office, Path("/c/d/s10/"))
    assert not someone.reaches(office, Path("/c/d/"))


def test_another_office_reaches_nothing() -> None:
    someone = principal((Office.TUTOR, "/c/"))
    assert not someone.reaches({Office.ORGANIZER}, Path("/c/d/"))
    assert someone.has({Office.ORGANIZER, Office.TUTOR})


def test_a_credential_for_a_course_reaches_no_place() -> None:
    held = Appointment("1", PersonId("p"), Office.SUPERVISOR, Path("/c/"), course="x")
    someone = Principal(PersonId("p"), "P", (held,))
    assert not someone.reaches({Office.SUPERVISOR}, Path("/c/"))
    assert someone.paths({Office.SUPERVISOR}) == ()


def test_who_holds_the_key_reaches_everything() -> None:
    someone = everything(PersonId("p"), "P")
    assert someone.reaches({Office.ORGANIZER}, Path("/c/d/"))
    assert someone.paths({Office.ORGANIZER}) == (ROOT,)


def test_an_appointment_holds_from_its_first_to_before_its_last_moment() -> None:
    held = Appointment("1", PersonId("p"), Office.SUPERVISOR, ROOT, from_ms=5, until_ms=7)
    assert [held.holds(now_ms) for now_ms in (4, 5, 6, 7)] == [False, True, True, False]
