"""Every HTTP operation of the server, in one table: what is registered, and what the OpenAPI document says.

WHIP, WHEP and the library register their routes themselves; here they are described.
"""

from __future__ import annotations

from typing import Final

from signaling import (
    attendance_http,
    compositions_http,
    devices_http,
    diagnosis,
    events_http,
    join_http,
    ledger_http,
    lessons_http,
    library_clips_http,
    library_items_http,
    library_notes_http,
    library_office_http,
    links_http,
    metrics,
    openapi,
    people_http,
    pictures_http,
    quality_http,
    quiz_http,
    readiness,
    requests,
    rest,
    settings_http,
    webhook_http,
    ws,
)
from signaling.network import (
    accounts_http,
    appointments_http,
    audit_http,
    catalogue_http,
    check_in_classes_http,
    check_in_http,
    class_devices_http,
    classes_http,
    course_timetable_http,
    courses_http,
    dashboard_http,
    enrolments_http,
    imports_http,
    invitation_letters_http,
    invitations_http,
    notices_http,
    openid_http,
    places_http,
    progress_http,
    proof_http,
    ratings_http,
    second_factor_http,
    sign_in_http,
    substitutes_http,
    supervision_http,
    supervision_reviews_http,
    terms_http,
    timetable_http,
    timetable_operations_http,
    wall_http,
)
from signaling.openapi import Operation

SDP: Final = "application/sdp"
PLAYLIST: Final = "application/vnd.apple.mpegurl"
MP4: Final = "video/mp4"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"


_HOUSE: Final = (
    Operation(id="healthz", method="GET", path="/healthz", tag="house", handler=readiness.healthz),
    Operation(
        id="readyz",
        method="GET",
        path="/readyz",
        tag="house",
        handler=readiness.readyz,
        response=readiness.ReadyReport,
    ),
    Operation(
        id="metrics",
        method="GET",
        path="/metrics",
        tag="house",
        handler=metrics.metrics,
        response="text/plain",
    ),
    Operation(
        id="openapi",
        method="GET",
        path="/api/openapi.json",
        tag="house",
        handler=openapi.openapi_json,
        response=requests.JSON,
    ),
    Operation(
        id="docs",
        method="GET",
        path="/api/docs",
        tag="house",
        handler=openapi.docs,
        response="text/html",
    ),
    Operation(
        id="websocket",
        method="GET",
        path="/ws",
        tag="lessons",
        handler=ws.websocket,
        status=101,
        problems=("bad-request",),
    ),
)


def _sessions(prefix: str, query: str, problems: tuple[str, ...]) -> tuple[Operation, ...]:
    """The operations that WHIP and WHEP have alike."""
    endpoint, session = f"/{prefix}/{{lesson}}", f"/{prefix}/{{lesson}}/{{session}}"
    return (
        Operation(
            id=prefix,
            method="POST",
            path=endpoint,
            tag=prefix,
            query=(query,),
            request=SDP,
            response=SDP,
            status=201,
            problems=(*problems, "unknown-lesson", "not-sdp", "no-common-codec", "unsupported-media-type"),
        ),
        Operation(id=f"{prefix}_endpoint", method="GET", path=endpoint, tag=prefix, status=204),
        Operation(id=f"{prefix}_session", method="GET", path=session, tag=prefix, status=204),
        Operation(
            id=f"{prefix}_patch",
            method="PATCH",
            path=session,
            tag=prefix,
            request=FRAGMENT,
            response=FRAGMENT,
            problems=("not-found", "precondition-failed", "precondition-required", "bad-fragment"),
        ),
        Operation(id=f"{prefix}_delete", method="DELETE", path=session, tag=prefix, problems=("not-found",)),
    )


MEDIA_PROBLEMS: Final = (
    "media-token-invalid",
    "media-token-expired",
    "media-token-other-item",
    "item-not-allowed",
    "unknown-item",
    "not-ready",
)

_LIBRARY: Final = (
    Operation(
        id="media_index",
        method="GET",
        path="/media/{item}/index.m3u8",
        tag="library",
        query=("video", "angles"),
        response=PLAYLIST,
        problems=(*MEDIA_PROBLEMS, "nothing-recorded"),
    ),
    Operation(
        id="media_playlist",
        method="GET",
        path="/media/{item}/{track}.m3u8",
        tag="library",
        query=("_HLS_msn", "_HLS_part", "_HLS_skip"),
        response=PLAYLIST,
        problems=(*MEDIA_PROBLEMS, "not-found", "beyond-live-edge", "playlist-late"),
    ),
    Operation(
        id="media_bytes",
        method="GET",
        path="/media/{item}/{name}",
        tag="library",
        response=MP4,
        problems=(*MEDIA_PROBLEMS, "not-found", "range-unsatisfiable", "media-away", "media-damaged"),
    ),
    Operation(
        id="media_access",
        method="GET",
        path="/media/{item}/access",
        tag="library",
        status=204,
        problems=(*MEDIA_PROBLEMS,),
    ),
    *(
        Operation(
            id=name,
            method="GET",
            path=f"/media/{{item}}/{file}",
            tag="library",
            response=kind,
            problems=(*MEDIA_PROBLEMS, "not-found", *problems),
        )
        for name, file, kind, problems in (
            ("media_poster", "poster.jpg", pictures_http.JPEG, ("no-picture", "media-away")),
            ("media_thumbnails", "sprites.vtt", pictures_http.VTT, ()),
            ("media_sprites", "sprites.{number}.jpg", pictures_http.JPEG, ("no-picture", "media-away")),
            ("media_film", "composed.mp4", MP4, ("download-not-allowed",)),
            ("media_captions", "captions.{language}.vtt", pictures_http.VTT, ()),
            ("media_captions_playlist", "captions.{language}.m3u8", PLAYLIST, ()),
        )
    ),
    Operation(
        id="media_silence",
        method="GET",
        path="/media/{item}/{track}.silence.mp4",
        tag="library",
        query=("from", "to"),
        response=MP4,
        problems=(*MEDIA_PROBLEMS, "not-found"),
    ),
    Operation(
        id="download",
        method="GET",
        path="/media/{item}/lesson.mp4",
        tag="library",
        query=("download", "until"),
        response=MP4,
        problems=(
            *MEDIA_PROBLEMS,
            "media-token-no-download",
            "download-not-allowed",
            "nothing-recorded",
            "media-away",
            "media-damaged",
            "range-unsatisfiable",
        ),
    ),
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    *_HOUSE,
    *rest.OPERATIONS,
    *lessons_http.OPERATIONS,
    *join_http.OPERATIONS,
    *quality_http.OPERATIONS,
    *events_http.OPERATIONS,
    *attendance_http.OPERATIONS,
    *quiz_http.OPERATIONS,
    *people_http.OPERATIONS,
    *settings_http.OPERATIONS,
    *links_http.OPERATIONS,
    *devices_http.OPERATIONS,
    *webhook_http.OPERATIONS,
    *sign_in_http.OPERATIONS,
    *openid_http.OPERATIONS,
    *proof_http.OPERATIONS,
    *second_factor_http.OPERATIONS,
    *courses_http.OPERATIONS,
    *catalogue_http.OPERATIONS,
    *enrolments_http.OPERATIONS,
    *terms_http.OPERATIONS,
    *progress_http.OPERATIONS,
    *places_http.OPERATIONS,
    *classes_http.OPERATIONS,
    *accounts_http.OPERATIONS,
    *appointments_http.OPERATIONS,
    *audit_http.OPERATIONS,
    *imports_http.OPERATIONS,
    *invitations_http.OPERATIONS,
    *invitation_letters_http.OPERATIONS,
    *class_devices_http.OPERATIONS,
    *timetable_http.OPERATIONS,
    *timetable_operations_http.OPERATIONS,
    *course_timetable_http.OPERATIONS,
    *substitutes_http.OPERATIONS,
    *notices_http.OPERATIONS,
    *diagnosis.OPERATIONS,
    *_sessions("whip", "name", ("source-taken", "name-taken")),
    *_sessions("whep", "source", ("unknown-source",)),
    *library_items_http.OPERATIONS,
    *ledger_http.OPERATIONS,
    *library_notes_http.OPERATIONS,
    *library_office_http.OPERATIONS,
    *library_clips_http.OPERATIONS,
    library_clips_http.MEDIA_OPERATION,
    *_LIBRARY,
    *pictures_http.OPERATIONS,
    *compositions_http.OPERATIONS,
    *wall_http.OPERATIONS,
    *supervision_http.OPERATIONS,
    *supervision_reviews_http.OPERATIONS,
    *ratings_http.OPERATIONS,
    *dashboard_http.OPERATIONS,
    *check_in_http.OPERATIONS,
    *check_in_classes_http.OPERATIONS,
)
