"""What can be refused, and how it is told: one table of problem kinds, one exception, one document (RFC
9457).

A kind is stable: it is the last part of the problem type's URI (`/problems/KIND`, readable on every server)
and the `kind` of a WebSocket `error`. Title and detail are in signaling/catalogue, in the reader's language;
a test compares the table with the catalogues.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from classroom.rules.reasons import Reason
from sfu.negotiate import NegotiationError
from sfu.transport import TransportClosed
from signaling import catalogue
from signaling.sdp import SdpError

TYPE_PREFIX: Final = "/problems/"
MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[str, int]] = {
    # who asks
    "token-missing": 401,
    "token-invalid": 401,
    "token-expired": 401,
    "wrong-lesson": 403,
    "role-not-allowed": 403,
    "foreign-page": 403,
    "sign-in-refused": 401,
    "password-wrong": 403,
    "second-factor-needed": 401,
    "second-factor-wrong": 403,
    "second-factor-there": 409,
    "second-factor-required": 403,
    "proof-needed": 403,
    "logout-token-refused": 400,
    "no-password": 409,
    # what is asked for
    "bad-request": 400,
    "not-found": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "too-large": 413,
    "unsupported-media-type": 415,
    "too-many-requests": 429,
    "unknown-lesson": 404,
    "unknown-source": 404,
    "source-taken": 409,
    # what the lesson's rules say (classroom.rules.reasons.Reason, with dashes)
    "role-may-not": 403,
    "lesson-not-live": 409,
    "lesson-already-live": 409,
    "lesson-ended": 410,
    "lesson-cancelled": 410,
    "not-joined": 409,
    "superseded": 409,
    "lesson-full": 503,
    "class-required": 403,
    "unknown-class": 404,
    "name-taken": 409,
    "role-changed": 409,
    "source-unknown": 400,
    "source-not-allowed": 403,
    "source-not-published": 409,
    "seat-not-allowed": 403,
    "seat-invalid": 400,
    "seat-unknown": 404,
    "register-invalid": 422,
    "too-many-hands": 409,
    "hand-unknown": 404,
    "hand-not-yours": 403,
    "wrong-phase": 409,
    "phase-time-invalid": 400,
    "not-your-class": 403,
    "class-apart": 409,
    "class-not-apart": 409,
    "tutor-present": 409,
    "not-recorded": 409,
    "stage-full": 409,
    "stage-limit-invalid": 400,
    "not-invited": 409,
    "not-on-stage": 409,
    "cannot-be-staged": 409,
    "master-not-back": 409,
    "chat-empty": 400,
    "chat-too-long": 400,
    "chat-control-characters": 400,
    "chat-closed": 403,
    "chat-not-allowed": 403,
    "chat-unknown": 404,
    "chat-not-yours": 403,
    "hand-not-allowed": 403,
    "person-unknown": 404,
    "person-not-yours": 403,
    "source-not-held": 409,
    "unmute-not-allowed": 403,
    "too-many-holds": 503,
    "too-many-removed": 503,
    "removed": 403,
    "lesson-locked": 403,
    "master-absent": 409,
    "voice-busy": 409,
    "no-call": 409,
    "quiz-open": 409,
    "quiz-unknown": 404,
    "quiz-closed": 409,
    "quiz-choices": 400,
    "quiz-options": 400,
    "quiz-text": 400,
    "quiz-time": 400,
    "too-many-quizzes": 409,
    "tally-invalid": 400,
    "tally-too-large": 400,
    "changed-meanwhile": 412,
    "class-in-use": 409,
    "too-fast": 429,
    "busy": 503,
    # planning
    "plan-invalid": 422,
    "webhook-invalid": 422,
    "zone-unknown": 422,
    "person-invalid": 422,
    # people and places
    "account-invalid": 422,
    # courses and enrolments
    "course-invalid": 422,
    "lesson-there": 409,
    "term-invalid": 422,
    "enrolment-invalid": 422,
    "places-invalid": 422,
    "offer-cancelled": 409,
    "enrolment-closed": 409,
    "timetable-conflict": 409,
    "no-home-class": 409,
    "offer-full": 409,
    "not-enrolled": 409,
    "login-taken": 409,
    "account-own": 409,
    "place-invalid": 422,
    "place-refused": 409,
    "place-closed": 409,
    "place-in-use": 409,
    "invitation-invalid": 422,
    "invitation-over": 404,
    "import-unreadable": 422,
    "import-faulty": 422,
    "import-other-file": 409,
    "appointment-invalid": 422,
    "appointment-refused": 409,
    "appointment-not-yours": 403,
    "operation-invalid": 422,
    "operation-there": 409,
    "undo-refused": 409,
    "substitute-refused": 409,
    "still-waiting": 409,
    "door-closed": 409,
    # room devices
    "pairing-code-unknown": 404,
    "pairing-over": 404,
    "device-unknown": 401,
    # the library
    "unknown-item": 404,
    "item-not-allowed": 403,
    "item-held": 409,
    "item-live": 409,
    "item-words": 422,
    "reason-needed": 422,
    "mark-invalid": 422,
    "mark-beyond-end": 422,
    "mark-not-yours": 403,
    "too-many-marks": 409,
    "spans-invalid": 422,
    "clip-title": 422,
    "clip-subject": 422,
    "clip-key-point": 422,
    "clip-too-long": 422,
    "clip-too-short": 422,
    "clip-beyond-end": 422,
    "clip-remark": 422,
    "clip-state": 409,
    "clip-own": 403,
    "clip-not-reviewer": 403,
    "clip-not-author": 403,
    "clip-not-cut": 409,
    "too-many-clips": 429,
    "download-not-allowed": 403,
    "media-token-invalid": 401,
    "media-token-expired": 401,
    "media-token-other-item": 403,
    "media-token-no-download": 403,
    "nothing-recorded": 404,
    "no-picture": 404,
    "captions-invalid": 422,
    "media-away": 503,
    "media-damaged": 503,
    "beyond-live-edge": 400,
    "playlist-late": 503,
    "range-unsatisfiable": 416,
    # check-in
    "check-in-closed": 409,
    "check-in-outside": 409,
    "check-in-position": 422,
    "check-in-place": 422,
    "check-in-window": 422,
    "check-in-first": 409,
    "check-in-picture": 422,
    "check-in-picture-there": 409,
    # supervision
    "review-invalid": 422,
    "review-delivered": 409,
    "review-too-early": 409,
    "recording-not-shown": 409,
    "problem-not-yours": 403,
    "problem-state": 409,
    "rating-invalid": 422,
    "rating-closed": 409,
    "rating-not-there": 409,
    "internal": 500,
    "closed": 503,
    # WebSocket
    "malformed": 400,
    "hello-first": 400,
    "unknown-type": 400,
    "frame-too-large": 413,
    "stale-version": 409,
    # session descriptions: the kinds of sdp.SdpError and negotiate.NegotiationError, with dashes
    "not-sdp": 400,
    "sdp-too-large": 413,
    "bad-sdp": 400,
    "no-media": 400,
    "no-bundle": 400,
    "no-rtcp-mux": 400,
    "no-ice": 400,
    "no-fingerprint": 400,
    "bad-setup": 400,
    "bad-direction": 400,
    "answer-mismatch": 400,
    "too-many-tracks": 400,
    "no-common-codec": 422,
    "too-many-codecs": 422,
    "transport-gone": 409,
    # WHIP and WHEP
    "nothing-to-watch": 409,
    "bad-fragment": 400,
    "precondition-required": 428,
    "precondition-failed": 412,
    "one-track-each": 422,
    # ours
    "shutting-down": 503,
    "not-ready": 503,
    "pages-missing": 503,
}
"""Kind -> HTTP status."""


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457, section 3.1."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""


class Problem(Exception):  # noqa: N818 - a problem in the sense of RFC 9457
    """Something asked for is refused. Raise it anywhere below an HTTP or WebSocket handler.

    `kind` must be in STATUS; `values` fill the placeholders of the catalogue's detail; `detail_kind` chooses
    a more precise detail of the same kind (catalogue key `KIND.DETAIL_KIND`).
    """

    def __init__(
        self, kind: str, *, headers: Mapping[str, str] | None = None, detail_kind: str = "", **values: Any
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.status = STATUS[kind]
        self.headers = dict(headers or {})
        self.detail_kind = detail_kind
        self.values = values

    @classmethod
    def of_media(cls, error: SdpError | NegotiationError | TransportClosed) -> Problem:
        """What was wrong with a session description, or that its connection is no longer there."""
        if isinstance(error, TransportClosed):
            return cls("transport-gone")
        return cls(error.kind.replace("_", "-"), reason=str(error))

    @classmethod
    def of_rule(cls, reason: Reason) -> Problem:
        """What the lesson's rules refused."""
        return cls(reason.value.replace("_", "-"))

    def title(self, language: str) -> str:
        return catalogue.text(f"problem.{self.kind}.title", language)

    def detail(self, language: str) -> str:
        suffix = f".{self.detail_kind}" if self.detail_kind else ""
        return catalogue.text(f"problem.{self.kind}.detail{suffix}", language, **self.values)

    def document(self, language: str) -> ProblemDocument:
        return ProblemDocument(
            type=TYPE_PREFIX + self.kind,
            title=self.title(language),
            status=self.status,
            detail=self.detail(language),
        )

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail('en')}"
