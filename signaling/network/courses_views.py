"""Courses and their lessons, as they are shown."""

from __future__ import annotations

from typing import Literal

import msgspec

from classroom.network.catalogue import Course, Offer
from classroom.store.catalogue_search import Listed
from signaling.network.ratings_http import RatingSum

KindName = Literal["lecture", "science-class", "coaching", "science-show", "teacher-training", "practice"]
VisibilityName = Literal["own", "named", "paired", "district", "city", "public"]
CourseStateName = Literal["draft", "published", "closed"]
DeliveryName = Literal["live", "to-school"]


class CourseView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    provider: str
    """Place id."""
    provider_name: str
    district: str
    """Place id of the provider's; empty: it lies in none."""
    title: str
    subject: str
    topic: str
    kind: KindName
    grade_from: int
    grade_to: int
    master: str
    """Person id; empty: nobody yet."""
    master_name: str
    style: str
    language: str
    """As in BCP 47."""
    summary: str
    visibility: VisibilityName
    state: CourseStateName
    named: list[str] = []
    """Place ids, to those who may change the course."""
    keeps: bool = False
    """Of one course that is asked for: who asks may change it."""


class CourseList(msgspec.Struct, frozen=True, kw_only=True):
    courses: list[CourseView]
    after: str
    """For the next page; empty: this was the last."""


class OfferView(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    course: str
    title: str
    starts_ms: int
    ends_ms: int
    """Unix times in ms."""
    master: str
    master_name: str
    delivery: DeliveryName
    capacity: int
    taken: int
    waiting: int
    left: int
    """All in persons."""
    cancelled: bool
    attended: int | None
    """Who came; null: the lesson is not over, or not settled yet."""


class OfferList(msgspec.Struct, frozen=True, kw_only=True):
    lessons: list[OfferView]


class CourseRatings(msgspec.Struct, frozen=True, kw_only=True):
    """Of all lessons of a course."""

    students: RatingSum
    schools: RatingSum


class CatalogueLesson(msgspec.Struct, frozen=True, kw_only=True):
    """A lesson of the catalogue."""

    lesson: OfferView
    course: CourseView
    alone: bool
    """Who comes alone can take part, in a class at home."""


def course_view(course: Course, *, named: bool = False, keeps: bool = False) -> CourseView:
    return CourseView(
        id=course.id,
        provider=course.provider,
        provider_name=course.provider_name,
        district=course.district,
        title=course.title,
        subject=course.subject,
        topic=course.topic,
        kind=course.kind.value,
        grade_from=course.grade_from,
        grade_to=course.grade_to,
        master=course.master,
        master_name=course.master_name,
        style=course.style,
        language=course.language,
        summary=course.summary,
        visibility=course.visibility.value,
        state=course.state.value,
        named=sorted(course.named) if named else [],
        keeps=keeps,
    )


def offer_view(offer: Offer) -> OfferView:
    return OfferView(
        lesson=offer.lesson,
        course=offer.course,
        title=offer.title,
        starts_ms=offer.starts_ms,
        ends_ms=offer.ends_ms,
        master=offer.master,
        master_name=offer.master_name,
        delivery=offer.delivery.value,
        capacity=offer.capacity,
        taken=offer.taken,
        waiting=offer.waiting,
        left=offer.left,
        cancelled=offer.state.value == "cancelled",
        attended=offer.attended,
    )


def listed_view(listed: Listed) -> CatalogueLesson:
    return CatalogueLesson(
        lesson=offer_view(listed.offer), course=course_view(listed.course), alone=listed.home
    )
