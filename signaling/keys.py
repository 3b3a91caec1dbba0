"""Under which keys the application holds its parts; app.py fills them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from classroom.directory import Directory
    from classroom.store.store import Store
    from recorder.library import Library
    from recorder.live import OpenItems
    from recorder.mover import Mover
    from recorder.supervisor import RecorderSupervisor
    from sfu.sfu import Sfu
    from signaling.auth import Tokens
    from signaling.clip_cutter import ClipCutter
    from signaling.compositions import Compositions
    from signaling.config import Config
    from signaling.diagnosis import Diagnoses
    from signaling.library_keeper import LibraryKeeper
    from signaling.library_views import ViewLog
    from signaling.media_access import MediaDoor
    from signaling.metrics import DoorMetrics
    from signaling.openapi import Operation
    from signaling.pairing import Pairings
    from signaling.partial_content import OpenFiles
    from signaling.publications import PublicationRegistry
    from signaling.quality_watch import QualityWatch
    from signaling.readiness import Readiness
    from signaling.sessions import Sessions
    from signaling.webhook_guard import Guard

CONFIG: Final[web.AppKey[Config]] = web.AppKey("config")
TOKENS: Final[web.AppKey[Tokens]] = web.AppKey("tokens")
SFU: Final[web.AppKey[Sfu]] = web.AppKey("sfu")
STORE: Final[web.AppKey[Store]] = web.AppKey("store")
DIRECTORY: Final[web.AppKey[Directory]] = web.AppKey("directory")
PUBLICATIONS: Final[web.AppKey[PublicationRegistry]] = web.AppKey("publications")
RECORDER: Final[web.AppKey[RecorderSupervisor]] = web.AppKey("recorder")
SESSIONS: Final[web.AppKey[Sessions]] = web.AppKey("sessions")
METRICS: Final[web.AppKey[DoorMetrics]] = web.AppKey("metrics")
OPERATIONS: Final[web.AppKey[tuple[Operation, ...]]] = web.AppKey("operations")
READINESS: Final[web.AppKey[Readiness]] = web.AppKey("readiness")
QUALITY: Final[web.AppKey[QualityWatch]] = web.AppKey("quality")
WEBHOOK_GUARD: Final[web.AppKey[Guard]] = web.AppKey("webhook_guard")
MOVER: Final[web.AppKey[Mover | None]] = web.AppKey("mover")
"""None: finished recordings stay in the data directory."""
LIBRARY: Final[web.AppKey[Library]] = web.AppKey("library")
CLIPS: Final[web.AppKey[ClipCutter]] = web.AppKey("clips")
KEEPER: Final[web.AppKey[LibraryKeeper]] = web.AppKey("keeper")
MEDIA: Final[web.AppKey[MediaDoor]] = web.AppKey("media")
COMPOSITIONS: Final[web.AppKey[Compositions]] = web.AppKey("compositions")
VIEWS: Final[web.AppKey[ViewLog]] = web.AppKey("views")
OPEN_ITEMS: Final[web.AppKey[OpenItems]] = web.AppKey("open_items")
"""The items that somebody watches."""
OPEN_FILES: Final[web.AppKey[OpenFiles]] = web.AppKey("open_files")
"""Layouts of items as one file."""

PAIRINGS: Final[web.AppKey[Pairings]] = web.AppKey("pairings")
DIAGNOSES: Final[web.AppKey[Diagnoses]] = web.AppKey("diagnoses")

LANGUAGE: Final[web.RequestKey[str]] = web.RequestKey("language", str)
"""Catalogue chosen by Accept-Language."""
