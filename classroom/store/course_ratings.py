"""What is said of a course's lessons together (`classroom.network.ratings`): sums, no words."""

from __future__ import annotations

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.model import CourseId
from classroom.network.ratings import Aspect, Rater, Summary
from classroom.store.catalogue_tables import offers
from classroom.store.supervision_tables import ratings


async def of_course(connection: AsyncConnection, course: CourseId) -> dict[Rater, Summary]:
    """By who rates; of nobody, too."""
    c = ratings.c
    query = (
        select(c.rater, c.stars, func.count().label("times"))
        .join(offers, offers.c.lesson_id == c.lesson_id)
        .where(offers.c.course_id == course)
        .group_by(c.rater, c.stars)
    )
    counts = dict.fromkeys(Rater, 0)
    totals = {rater: dict.fromkeys(Aspect, 0) for rater in Rater}
    # At most 125 different ones of each kind.
    for row in await connection.execute(query):
        rater = Rater(row.rater)
        stars = msgspec.json.decode(row.stars, type=dict[Aspect, int])
        totals[rater] = {each: totals[rater][each] + row.times * stars[each] for each in Aspect}
        counts[rater] += row.times
    return {
        rater: Summary(count, {each: totals[rater][each] / count for each in Aspect} if count else {})
        for rater, count in counts.items()
    }
