"""The store's door to courses, enrolments, terms and timetables: `store.catalogue`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from classroom.attendance import Report
from classroom.model import Lesson, LessonId, PersonId
from classroom.network.catalogue import Course, Offer, OfferPlan, Onlooker
from classroom.network.enrolment import Enrolment
from classroom.network.model import CourseId, Path, PlaceId
from classroom.network.offers import Choice
from classroom.network.settlement import Settlement
from classroom.network.terms import Quota, Term
from classroom.store import catalogue_search, courses, enrolments, settlements, terms
from classroom.store.catalogue_search import Found, Listed, OfferFinder
from classroom.store.enrolment_desk import Request
from classroom.store.enrolments import Enroller
from classroom.store.outbox import Look, Transaction

PAGE: Final = courses.PAGE
ENROLMENTS_PAGE: Final = enrolments.PAGE


class CatalogueStore:
    """All methods raise StoreUnavailable."""

    def __init__(self, read: Transaction, change: Transaction, look: Look) -> None:
        self._read = read
        self._change = change
        self._look = look
        self._enroller = Enroller(change, lambda lessons: self.on_changed(lessons))
        self.on_changed: Callable[[Iterable[LessonId]], None] = lambda lessons: None
        """Called with lessons in which who is enrolled may not be who was."""
        self._finder = OfferFinder(read)

    # --- courses and their lessons

    async def course(self, course: CourseId) -> Course | None:
        return await self._read(lambda connection: courses.find(connection, course))

    async def courses(
        self, paths: Collection[Path], after: str = "", limit: int = PAGE
    ) -> tuple[Course, ...]:
        """Of the providers within these places, by id after that one; drafts, too."""
        return await self._read(lambda connection: courses.listed(connection, paths, after, limit))

    async def put_course(self, course: Course, now_ms: int, by: PersonId) -> bool | None:
        """True: it is new; None: there is one of this id, of another provider."""
        return await self._change(lambda connection: courses.put(connection, course, now_ms, by))

    async def offer(self, lesson: LessonId) -> Offer | None:
        return await self._read(lambda connection: courses.offer(connection, lesson))

    async def offers_of(self, course: CourseId, after_ms: int = 0, limit: int = PAGE) -> tuple[Offer, ...]:
        """By when they begin, after that time."""
        return await self._read(lambda connection: courses.offers_of(connection, course, after_ms, limit))

    async def add_offers(
        self, course: Course, planned: Sequence[tuple[Lesson, OfferPlan]], now_ms: int, by: PersonId
    ) -> bool:
        """Lessons of a course, all or none. False: there is a lesson of such an id. Raises
        courses.MasterBusy, too."""

        try:
            await self._change(lambda c: courses.add_offers(c, course, planned, now_ms, by))
        except courses.LessonTaken:
            return False
        return True

    async def set_capacity(self, lesson: LessonId, capacity: int, now_ms: int, by: PersonId) -> Offer | None:
        """Who waits moves up. None: so many have places already, or the lesson has begun or was cancelled."""
        if await self._change(lambda c: courses.set_capacity(c, lesson, capacity, now_ms, by)) is None:
            return None
        await self._enroller.move_up(lesson, now_ms)
        return await self.offer(lesson)

    async def same_offer(self, course: Course, lesson: LessonId, plan: OfferPlan) -> bool:
        """Whether there is this lesson of this course, planned like this: the same request sent again."""
        return await self._read(lambda c: courses.same_offer(c, course, lesson, plan))

    async def pairs(self, place: PlaceId) -> frozenset[str]:
        """The schools that a school is paired with."""
        found = await self._read(lambda connection: courses.pairs(connection, [place]))
        return found.get(place, frozenset())

    async def pair(self, place: PlaceId, other: PlaceId, path: Path, now_ms: int, by: PersonId) -> bool:
        """False: they were paired before."""
        return await self._change(lambda c: courses.pair(c, place, other, path, now_ms, by))

    async def unpair(self, place: PlaceId, other: PlaceId, path: Path, now_ms: int, by: PersonId) -> bool:
        """False: they were not paired."""
        return await self._change(lambda c: courses.unpair(c, place, other, path, now_ms, by))

    # --- the catalogue

    async def search(self, choice: Choice, *, counts: bool = True) -> Found:
        """Lessons by when they begin; counts: with total and facets."""
        return await self._finder.search(choice, counts=counts)

    async def warm(self) -> None:
        """Reads what there is, before somebody asks: of 100,000 lessons some seconds of work."""
        await self._finder.refresh()

    async def seen(self, lesson: LessonId, who: Onlooker) -> Listed | None:
        """A lesson, cancelled ones too, when they see it."""
        return await self._read(lambda connection: catalogue_search.seen(connection, lesson, who))

    # --- enrolments

    async def ask(self, asked: Request, now_ms: int) -> Enrolment:
        """Enrols, or withdraws. Raises EnrolmentRefused as well."""
        return await self._enroller.ask(asked, now_ms)

    async def enrolment(self, lesson: LessonId, party: str) -> Enrolment | None:
        """That stands."""
        return await self._read(lambda connection: enrolments.find(connection, lesson, party))

    async def enrolments_of(
        self, lesson: LessonId, paths: Collection[Path], after: int = 0, limit: int = ENROLMENTS_PAGE
    ) -> tuple[Enrolment, ...]:
        """Those that stand, of schools within these places, in the order in which they came."""
        return await self._read(lambda c: enrolments.of_lesson(c, lesson, paths, after, limit))

    # --- what is over

    async def due(self, now_ms: int) -> tuple[LessonId, ...]:
        """Lessons that are over and not settled."""
        return await self._look(lambda connection: settlements.due(connection, now_ms))

    async def settle(self, lesson: Lesson, report: Report, now_ms: int) -> Settlement | None:
        """Once; whoever waits for what flows back moves up. None: it was settled before."""
        done = await self._change(lambda c: settlements.settle_lesson(c, lesson, report, now_ms))
        if done is None:
            return None
        settlement, (term, provider) = done
        if term and settlement.released:
            await self._give(term, provider, now_ms)
        return settlement

    async def give(self, now_ms: int) -> None:
        """What of quotas came free before this server, or by another one's doing."""
        await self._give("", "", now_ms)

    async def _give(self, term: str, provider: str, now_ms: int) -> None:
        """What of a quota is free to those who wait for it: the soonest lessons first."""
        wanting = await self._read(lambda c: terms.wanting(c, now_ms, term, provider))
        for lesson in wanting:
            await self._enroller.move_up(lesson, now_ms)

    # --- terms

    async def term(self, term: str) -> Term | None:
        return await self._read(lambda connection: terms.find(connection, term))

    async def terms(self, paths: Collection[Path], limit: int = PAGE) -> tuple[Term, ...]:
        """Of these places, of what lies within them and of what they lie in; the latest first."""
        return await self._read(lambda connection: terms.listed(connection, paths, limit))

    async def put_term(self, term: Term, now_ms: int, by: PersonId) -> bool | None:
        """True: it is new; None: there is one of this id, of another place or other times."""
        return await self._change(lambda connection: terms.put(connection, term, now_ms, by))

    async def quotas(
        self, term: str, paths: Collection[Path], after: str = "", limit: int = PAGE
    ) -> tuple[tuple[Quota, str], ...]:
        """Of the providers within these places, with their names, by id after that one."""
        return await self._read(lambda c: terms.quotas_of(c, term, paths, after, limit))

    async def set_quota(self, quota: Quota, path: Path, now_ms: int, by: PersonId) -> Quota:
        """How many person-times a provider may give; of more than before whoever waits for them has some."""
        changed = await self._change(lambda c: terms.set_quota(c, quota, path, now_ms, by))
        if not changed.left:
            return changed
        await self._give(quota.term, quota.provider, now_ms)
        return await self._read(lambda c: terms.quota_in(c, quota.term, quota.provider))
