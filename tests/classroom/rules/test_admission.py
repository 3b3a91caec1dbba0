from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.model import Attendee, ClassId, LessonState, Person, PersonId, Role
from classroom.rules.admission import MAX_PEOPLE, MAX_SUPERVISORS, admit
from classroom.rules.reasons import Reason, Refused


def refused(*arguments: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        admit(*arguments)
    return caught.value.reason


def test_everybody_of_the_school_may_come_in(school: Any) -> None:
    for person in school.people:
        assert admit(school.lesson(), person, None, 0) == person


@pytest.mark.parametrize(
    ("state", "reason"),
    [(LessonState.ENDED, Reason.LESSON_ENDED), (LessonState.CANCELLED, Reason.LESSON_CANCELLED)],
)
@pytest.mark.parametrize("role", Role)
def test_a_lesson_that_is_over_takes_nobody(
    school: Any, role: Role, state: LessonState, reason: Reason
) -> None:
    person = Person(PersonId("x"), "", role, ClassId("c1"))
    assert refused(school.lesson(state), person, None, 0) is reason


@pytest.mark.parametrize("role", [Role.TUTOR, Role.STUDENT])
def test_a_class_that_does_not_take_part_is_unknown(school: Any, role: Role) -> None:
    person = Person(PersonId("x"), "", role, ClassId("c9"))
    assert refused(school.lesson(), person, None, 0) is Reason.UNKNOWN_CLASS


@pytest.mark.parametrize("role", [Role.MASTER, Role.SUPERVISOR, Role.ORGANIZER, Role.ENCODER])
def test_who_belongs_to_no_class_gets_none(school: Any, role: Role) -> None:
    person = Person(PersonId("x"), "", role, ClassId("c9"))
    assert admit(school.lesson(), person, None, 0).class_id is None


def test_a_student_who_enrolled_alone_is_put_into_the_home_class(school: Any) -> None:
    alone = Person(PersonId("x"), "", Role.STUDENT)
    assert admit(school.lesson(), alone, None, 0).class_id == "home"


def test_a_tutor_without_a_class_belongs_where_registered(school: Any) -> None:
    tutor = replace(school.tutor_2, class_id=None)
    assert admit(school.lesson(), tutor, None, 0).class_id == "c2"


def test_where_there_is_one_class_it_is_that(school: Any) -> None:
    lesson = school.lesson(classes=(school.class_1,))
    for role in (Role.STUDENT, Role.TUTOR):
        assert admit(lesson, Person(PersonId("x"), "", role), None, 0).class_id == "c1"


def test_without_any_class_that_takes_them_they_need_one(school: Any) -> None:
    assert refused(school.lesson(), Person(PersonId("x"), "", Role.TUTOR), None, 0) is Reason.CLASS_REQUIRED
    rooms = school.lesson(classes=(school.class_1, school.class_2))
    assert refused(rooms, Person(PersonId("x"), "", Role.STUDENT), None, 0) is Reason.CLASS_REQUIRED
    assert refused(school.lesson(classes=()), school.student_a, None, 0) is Reason.UNKNOWN_CLASS


def test_a_full_lesson_takes_nobody_new_but_who_was_in(school: Any) -> None:
    lesson, student = school.lesson(), school.student_a
    assert admit(lesson, student, None, MAX_PEOPLE - 1) == student
    assert refused(lesson, student, None, MAX_PEOPLE) is Reason.LESSON_FULL
    assert admit(lesson, student, Attendee(student, online=False), MAX_PEOPLE) == student


def test_supervisors_are_counted_apart(school: Any) -> None:
    assert admit(school.lesson(), school.supervisor, None, MAX_SUPERVISORS - 1) == school.supervisor
    assert refused(school.lesson(), school.supervisor, None, MAX_SUPERVISORS) is Reason.LESSON_FULL


def test_the_same_person_may_come_again(school: Any) -> None:
    for person in school.people:
        if person.role is not Role.ENCODER:
            assert admit(school.lesson(), person, Attendee(person), 1) == person


def test_a_second_encoder_of_one_name_is_refused_while_the_first_is_there(school: Any) -> None:
    there = Attendee(school.encoder)
    assert refused(school.lesson(), school.encoder, there, 1) is Reason.NAME_TAKEN
    assert admit(school.lesson(), school.encoder, replace(there, online=False), 1) == school.encoder


def test_nobody_is_in_a_lesson_twice_under_two_roles(school: Any) -> None:
    there = Attendee(school.student_a)
    other_role = Person(school.student_a.id, "", Role.SUPERVISOR)
    other_class = replace(school.student_a, class_id=ClassId("c1"))
    assert refused(school.lesson(), other_role, there, 1) is Reason.ROLE_CHANGED
    assert refused(school.lesson(), other_class, there, 1) is Reason.ROLE_CHANGED
    assert admit(school.lesson(), other_class, replace(there, online=False), 1) == other_class
