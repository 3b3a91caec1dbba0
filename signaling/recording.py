"""The recorder's hand in every lesson: what the floor says is to be recorded, told to the recorder.

An observer of all rooms and a listener of all publications. The lesson's facts say when recording begins and
ends and which tracks belong to it; the registry says at once, and why, when a publication goes away.
"""

from __future__ import annotations

import logging
from typing import Protocol

from classroom.commands import ReportRecording
from classroom.directory import Directory
from classroom.events import Fact, RecorderRouted, StateChanged, TrackMuted, TrackUnpublished
from classroom.lesson import LessonRoom
from classroom.model import Lesson, LessonId, LessonState, RecordingState
from recorder.control import RemovalCause
from sfu.transport import Publication
from signaling.publications import LEDGER, LivePublication, PublicationRegistry

log = logging.getLogger(__name__)

_OVER = frozenset({LessonState.ENDED, LessonState.CANCELLED})


class Recorder(Protocol):
    """The part of recorder.supervisor.RecorderSupervisor that is needed here."""

    def lesson_started(self, lesson_id: str, title: str, started_ms: int) -> str: ...
    def lesson_ended(self, lesson_id: str) -> None: ...
    def publication_added(
        self, lesson_id: str, publication: Publication, person_id: str, source: str
    ) -> None: ...
    def publication_removed(
        self, lesson_id: str, publication: Publication, cause: RemovalCause = "left"
    ) -> None: ...
    def publication_muted(self, lesson_id: str, person_id: str, source: str, muted: bool) -> None: ...


class RecorderHand:
    """One for all lessons."""

    def __init__(self, registry: PublicationRegistry) -> None:
        self._registry = registry
        self._recorder: Recorder | None = None
        self._directory: Directory | None = None
        self._recorded: dict[str, dict[str, LivePublication]] = {}
        """Lesson -> name -> what the recorder was told of. A lesson is in it while it is being recorded."""
        self._causes: dict[str, RemovalCause] = {}
        """Name -> why its owner's track ended: said just before the routes that no longer have it."""

    def connect(self, recorder: Recorder, directory: Directory) -> None:
        """Both need this hand to be made."""
        self._recorder = recorder
        self._directory = directory
        self._registry.listen(self)

    # --- classroom.lesson.Observer -----------------------------------------------------------------------

    def observe(self, fact: Fact) -> None:
        if self._recorder is None:
            return
        if isinstance(fact, StateChanged):
            self._state_changed(self._recorder, fact.lesson)
        elif isinstance(fact, RecorderRouted):
            self._routed(self._recorder, fact)
        elif isinstance(fact, TrackUnpublished):
            self._unpublished(fact)
        elif isinstance(fact, TrackMuted):
            self._recorder.publication_muted(fact.lesson_id, fact.person.id, fact.source, fact.muted)

    def _state_changed(self, recorder: Recorder, lesson: Lesson) -> None:
        if lesson.state is LessonState.LIVE and lesson.recorded:
            self._begin(recorder, lesson, lesson.started_ms)
        elif lesson.state in _OVER and (told := self._recorded.pop(lesson.id, None)) is not None:
            for name in told:
                self._causes.pop(name, None)
            recorder.lesson_ended(lesson.id)

    def _begin(self, recorder: Recorder, lesson: Lesson, started_ms: int) -> None:
        if lesson.id not in self._recorded:
            self._recorded[lesson.id] = {}
            recorder.lesson_started(lesson.id, lesson.title, started_ms)

    def _routed(self, recorder: Recorder, fact: RecorderRouted) -> None:
        if fact.routes and fact.lesson_id not in self._recorded:
            # Live since before this server started: the item begins now, not in the past.
            room = self._room(fact.lesson_id)
            if room is not None:
                self._begin(recorder, room.lesson, fact.at_ms)
        told = self._recorded.get(fact.lesson_id)
        if told is None:
            return
        wanted = {route.publication: route for route in fact.routes}
        for name in [name for name in told if name not in wanted]:
            # A track that is still being sent, and is not to be recorded any more: that is policy.
            cause = self._causes.pop(name, "policy")
            recorder.publication_removed(fact.lesson_id, told.pop(name).publication, cause)
        for name in wanted:
            live = self._registry.named(name)
            if live is not None and name not in told:
                told[name] = live
                recorder.publication_added(live.lesson, live.publication, live.person, live.source)

    def _unpublished(self, fact: TrackUnpublished) -> None:
        if fact.publication in self._recorded.get(fact.lesson_id, ()):
            self._causes[fact.publication] = LEDGER[fact.cause]

    # --- signaling.publications.Listener -----------------------------------------------------------------

    def publication_added(self, live: LivePublication) -> None:
        """The floor will say whether it is recorded."""

    def publication_removed(self, live: LivePublication, cause: RemovalCause) -> None:
        told = self._recorded.get(live.lesson, {})
        self._causes.pop(live.name, None)
        if self._recorder is not None and told.pop(live.name, None) is not None:
            self._recorder.publication_removed(live.lesson, live.publication, cause)

    # --- the recorder's own words ------------------------------------------------------------------------

    def recording_state(self, lesson_id: str, state: str, reason: str) -> None:
        """Callback of the recorder: the lesson is told, and tells its people."""
        log.info("- recording of %s is %s %s", lesson_id, state, reason)
        room = self._room(LessonId(lesson_id))
        if room is not None:
            room.post(ReportRecording(RecordingState(state)))

    def recordings(self) -> int:
        return len(self._recorded)

    def _room(self, lesson_id: LessonId) -> LessonRoom | None:
        rooms = self._directory.rooms() if self._directory else ()
        return next((room for room in rooms if room.lesson.id == lesson_id), None)
