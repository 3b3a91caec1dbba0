"""Rows of courses and offers as the values that they are."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row

from classroom.model import LessonId
from classroom.network.catalogue import (
    Course,
    CourseKind,
    CourseState,
    CourseVisibility,
    Delivery,
    Offer,
    OfferState,
)
from classroom.network.model import CourseId, Path, PlaceId
from classroom.store.catalogue_tables import courses


def course_row(course: Course) -> dict[str, Any]:
    """Without who made it, and when."""
    return {
        "id": course.id,
        "provider_id": course.provider,
        "path": course.path,
        "provider_name": course.provider_name,
        "district_id": course.district,
        "city_id": course.city,
        "title": course.title,
        "subject": course.subject,
        "topic": course.topic,
        "kind": course.kind,
        "grade_from": course.grade_from,
        "grade_to": course.grade_to,
        "master_id": course.master,
        "master_name": course.master_name,
        "style": course.style,
        "language": course.language,
        "summary": course.summary,
        "visibility": course.visibility,
        "state": course.state,
    }


COURSE_PREFIX: Final = "of_course_"
COURSE_COLUMNS: Final = [column.label(COURSE_PREFIX + column.name) for column in courses.c]
"""For rows of both an offer and its course."""


def course_of(row: Row[Any], named: frozenset[PlaceId] = frozenset(), prefix: str = "") -> Course:
    def told(name: str) -> Any:
        return row._mapping[prefix + name]

    return Course(
        id=CourseId(told("id")),
        provider=PlaceId(told("provider_id")),
        path=Path(told("path")),
        provider_name=told("provider_name"),
        title=told("title"),
        district=told("district_id"),
        city=told("city_id"),
        subject=told("subject"),
        topic=told("topic"),
        kind=CourseKind(told("kind")),
        grade_from=told("grade_from"),
        grade_to=told("grade_to"),
        master=told("master_id"),
        master_name=told("master_name"),
        style=told("style"),
        language=told("language"),
        summary=told("summary"),
        visibility=CourseVisibility(told("visibility")),
        state=CourseState(told("state")),
        named=named,
    )


def offer_of(row: Row[Any]) -> Offer:
    return Offer(
        lesson=LessonId(row.lesson_id),
        course=CourseId(row.course_id),
        path=Path(row.path),
        title=row.title,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        master=row.master_id,
        master_name=row.master_name,
        delivery=Delivery(row.delivery),
        capacity=row.capacity,
        taken=row.taken,
        waiting=row.waiting,
        state=OfferState(row.state),
        attended=row.attended,
    )
