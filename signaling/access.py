"""Who may call what: one table of all HTTP operations, by the role and the lesson of the caller's token.

A role that a row does not name may not call the operation. `OWN`: for the lesson that the token names;
`ALL`: for every lesson; `ITEM`: for what of the library the rules of its items show them
(classroom.library.rules). Whose session, item or class it is, and what the lesson's state allows, is for
the handlers and for the lesson's own rules (classroom.rules.permissions). A test tries every role on every
route.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Final

from aiohttp import web

from classroom.network import catalogue
from classroom.network.model import Office
from signaling.auth import ROLES, Claims, bearer
from signaling.keys import TOKENS
from signaling.network.principals import PRINCIPAL, admit_office
from signaling.problems import Problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Reach(StrEnum):
    OWN = "own"
    ALL = "all"
    ITEM = "item"


Rule = Mapping[str, Reach]
"""Role -> the lessons it reaches."""
Offices = frozenset[Office]
"""Who is signed in and holds one of them, wherever; none: whoever is signed in."""

CLAIMS: Final[web.RequestKey[Claims]] = web.RequestKey("claims", Claims)
"""What the caller's token says, for the handlers of guarded operations."""


def _own(*roles: str) -> Rule:
    return dict.fromkeys(roles, Reach.OWN)


def _all(*roles: str) -> Rule:
    return dict.fromkeys(roles, Reach.ALL)


_ANYBODY: Final = _own(*ROLES)
_LESSON: Final = {**_ANYBODY, **_all("organizer")}
"""The people of a lesson, and organizers."""
_LEADERS: Final = {**_own("master", "supervisor"), **_all("organizer")}
"""Those who see all classes of a lesson by name (classroom.rules.visibility)."""
_RECORDED: Final = {**dict.fromkeys(ROLES, Reach.ITEM), **_all("organizer")}
_ORGANIZERS: Final = _all("organizer")
_TEACHERS: Final = {**dict.fromkeys(("master", "tutor", "supervisor"), Reach.ITEM), **_ORGANIZERS}
_SUPERVISION: Final = {"supervisor": Reach.ITEM, **_ORGANIZERS}
_HOSTS: Final = {**_own("master"), **_all("organizer")}
_ENCODERS: Final = _own("master", "encoder")
_SIGNED_IN: Final[Offices] = frozenset()
_OVERSEERS: Final[Offices] = frozenset({Office.SUPERVISOR, Office.ORGANIZER})
_SUPERVISING: Final[Offices] = frozenset({Office.SUPERVISOR})
_REVIEWED: Final[Offices] = _OVERSEERS | {Office.PROVIDER}
_ORGANIZING: Final[Offices] = frozenset({Office.ORGANIZER})
_PROVIDERS: Final[Offices] = frozenset({Office.ORGANIZER, Office.PROVIDER})
_DECLARING: Final[Offices] = _PROVIDERS | {Office.MASTER, Office.TUTOR}
_GIVING: Final[Offices] = catalogue.OVERSEERS
_NETWORK_ORGANIZERS: Final[Offices] = frozenset({Office.ORGANIZER})
_APPOINTERS: Final[Offices] = frozenset({Office.ORGANIZER, Office.PROVIDER})
_PLACE_SEERS: Final[Offices] = frozenset({*_APPOINTERS, Office.SUPERVISOR, Office.RESEARCHER})
_PLAYERS: Final = _own(*(role for role in ROLES if role != "encoder"))

ACCESS: Final[Mapping[str, Rule | Offices | None]] = {
    # the house: without a token
    "healthz": None,
    "readyz": None,
    "metrics": None,
    "security_txt": None,
    "openapi": None,
    "docs": None,
    "ledger_keys": None,  # a public key
    "websocket": None,  # the token is its first message
    "join": None,  # its token is nobody's own: the handler looks at it
    # about oneself
    "me": _ANYBODY,
    "diagnosis": _ANYBODY,
    "diagnosis_connect": _ANYBODY,
    "diagnosis_report": _ANYBODY,
    "diagnosis_disconnect": _ANYBODY,
    "diagnosis_download": _ANYBODY,
    "diagnosis_upload": _ANYBODY,
    # lessons
    "lessons": _LESSON,
    "lesson": _LESSON,
    "put_lesson": _ORGANIZERS,
    "patch_lesson": _ORGANIZERS,
    "open_lesson": _HOSTS,
    "start_lesson": _own("master"),
    "end_lesson": _HOSTS,
    "cancel_lesson": _ORGANIZERS,
    "classes": _LESSON,
    "class": _LESSON,
    "put_class": _ORGANIZERS,
    "delete_class": _ORGANIZERS,
    "people": _LEADERS,
    "lesson_quality": _LEADERS,
    "person_quality": _LEADERS,
    "events": _LEADERS,
    "snapshot": _LEADERS,
    "quizzes": _LEADERS,
    "attendance": _LEADERS,
    "attendance_csv": _LEADERS,
    "attendance_xlsx": _LEADERS,
    "online_class": _ORGANIZERS,
    "begin_pairing": None,  # a device that is nobody's yet
    "pairing": None,  # with the secret of the pairing
    "pair_device": {**_own("tutor"), **_all("organizer")},
    "devices": _ORGANIZERS,
    "revoke_device": _ORGANIZERS,
    "device_now": None,  # with the device's credential
    "lesson_settings": _HOSTS,
    "patch_settings": _HOSTS,
    "register": _ORGANIZERS,
    "put_register": _ORGANIZERS,
    "issue_link": _ORGANIZERS,
    "known_people": _ORGANIZERS,
    "known_person": _ORGANIZERS,
    "put_person": _ORGANIZERS,
    "webhooks": _ORGANIZERS,
    "archive": _ORGANIZERS,
    "webhook": _ORGANIZERS,
    "put_webhook": _ORGANIZERS,
    "delete_webhook": _ORGANIZERS,
    # one's own account
    "sign_in": None,  # with login and password
    "sign_out": None,  # of who is signed in, if anybody
    "sign_in_ways": None,
    "openid_sign_in": None,
    "openid_callback": None,  # with the issuer's code, and the cookie of who went there
    "openid_logged_out": None,  # with a token that the issuer has signed
    "whoami": _SIGNED_IN,
    "prove": _SIGNED_IN,
    "change_password": _SIGNED_IN,
    "set_up_factor": _SIGNED_IN,
    "confirm_factor": _SIGNED_IN,
    "drop_factor": _SIGNED_IN,
    "renew_recovery_codes": _SIGNED_IN,
    "sign_ins": _SIGNED_IN,
    "end_sign_in": _SIGNED_IN,
    # the course network: what of it is theirs is decided by `classroom.network.scope` and `catalogue.sees`
    "courses": _GIVING,
    "course": _SIGNED_IN,
    "put_course": _PROVIDERS,
    "audience": _PROVIDERS,
    "course_lessons": _SIGNED_IN,
    "course_ratings": _SIGNED_IN,
    "put_course_lesson": _PROVIDERS,
    "put_capacity": _PROVIDERS,
    "pairs": _ORGANIZING,
    "put_pair": _ORGANIZING,
    "delete_pair": _ORGANIZING,
    "catalogue": _SIGNED_IN,
    "catalogue_lesson": _SIGNED_IN,
    "parallel_lessons": _SIGNED_IN,
    "enrol_class": frozenset({Office.ORGANIZER, Office.TUTOR}),
    "withdraw_class": frozenset({Office.ORGANIZER, Office.TUTOR}),
    "enrol_person": _SIGNED_IN,
    "withdraw_person": _SIGNED_IN,
    "enrolments": frozenset({Office.ORGANIZER, Office.PROVIDER, Office.MASTER, Office.SUPERVISOR}),
    "terms": _SIGNED_IN,
    "put_term": _ORGANIZING,
    "quotas": _PROVIDERS,
    "put_quota": _ORGANIZING,
    # what is done with the timetable
    "course_timetable": _PROVIDERS,
    "operations": _PROVIDERS,
    "operation": _PROVIDERS,
    "preview_operation": _PROVIDERS,
    "put_operation": _PROVIDERS,
    "undo_operation": _PROVIDERS,
    "my_progress": _SIGNED_IN,
    "class_progress": frozenset({Office.ORGANIZER, Office.TUTOR}),
    "school_progress": _ORGANIZING,
    "substitutes": _DECLARING,
    "substitute_candidates": _DECLARING,
    "declare_substitute": _DECLARING,
    "decide_substitute": _DECLARING,
    # people and places
    "places": _PLACE_SEERS,
    "place": _PLACE_SEERS,
    "add_place": _NETWORK_ORGANIZERS,
    "change_place": _NETWORK_ORGANIZERS,
    "close_place": _NETWORK_ORGANIZERS,
    "school_classes": _PLACE_SEERS,
    "school_class": _PLACE_SEERS,
    "add_school_class": _NETWORK_ORGANIZERS,
    "change_school_class": _NETWORK_ORGANIZERS,
    "close_school_class": _NETWORK_ORGANIZERS,
    "accounts": _APPOINTERS,
    "account": _APPOINTERS,
    "add_account": _NETWORK_ORGANIZERS,
    "change_account": _NETWORK_ORGANIZERS,
    "disable_account": _NETWORK_ORGANIZERS,
    "enable_account": _NETWORK_ORGANIZERS,
    "drop_lost_factor": _NETWORK_ORGANIZERS,
    "appointments": _APPOINTERS,
    "appoint": _APPOINTERS,
    "revoke_appointment": _APPOINTERS,
    "look_at_invitation": None,  # with its code
    "accept_invitation": None,
    "invite": _APPOINTERS,
    "invitations": _NETWORK_ORGANIZERS,
    "invite_all": _NETWORK_ORGANIZERS,
    "pair_class_device": frozenset({Office.ORGANIZER, Office.TUTOR}),
    "class_devices": _NETWORK_ORGANIZERS,
    "revoke_class_device": _NETWORK_ORGANIZERS,
    "revoke_invitation": _APPOINTERS,
    "import_template": _NETWORK_ORGANIZERS,
    "preview_import": _NETWORK_ORGANIZERS,
    "apply_import": _NETWORK_ORGANIZERS,
    "audit": _NETWORK_ORGANIZERS,
    "audit_csv": _NETWORK_ORGANIZERS,
    "my_timetable": _SIGNED_IN,
    "enter_lesson": _SIGNED_IN,
    "my_notices": _SIGNED_IN,
    "my_notice_settings": _SIGNED_IN,
    "put_my_notice_settings": _SIGNED_IN,
    "read_my_notices": _SIGNED_IN,
    "my_calendar": _SIGNED_IN,
    "make_calendar": _SIGNED_IN,
    "drop_calendar": _SIGNED_IN,
    "calendar_feed": None,  # its address is the secret
    # media
    "whip": _ENCODERS,
    "whip_endpoint": None,  # RFC 9725, 4.1: there is nothing to see
    "whip_session": _ENCODERS,
    "whip_patch": _ENCODERS,
    "whip_delete": _ENCODERS,
    "whep": _PLAYERS,
    "whep_endpoint": None,
    "whep_session": _PLAYERS,
    "whep_patch": _PLAYERS,
    "whep_delete": _PLAYERS,
    # the library
    "library": _RECORDED,
    "library_item": _RECORDED,
    "media_token": _RECORDED,
    "chapters": _RECORDED,
    "add_mark": _TEACHERS,
    "delete_mark": _TEACHERS,
    "watched": _RECORDED,
    "watched_by_me": _RECORDED,
    "continued": _RECORDED,
    "watchers": _TEACHERS,
    "item_views": _SUPERVISION,
    "item_log": _SUPERVISION,
    "change_item": _ORGANIZERS,
    "grants": _ORGANIZERS,
    "put_grant": _ORGANIZERS,
    "delete_grant": _ORGANIZERS,
    "hold": _ORGANIZERS,
    "release": _ORGANIZERS,
    "delete_item": _ORGANIZERS,
    "policies": _ORGANIZERS,
    "put_policy": _ORGANIZERS,
    "delete_policy": _ORGANIZERS,
    # micro-lessons: whose they are and what is reviewed by whom is for classroom.library.clips
    "add_clip": _TEACHERS,
    "clips": _RECORDED,
    "clip": _RECORDED,
    "change_clip": _TEACHERS,
    "delete_clip": _TEACHERS,
    "move_clip": _TEACHERS,
    "clip_log": _TEACHERS,
    "clip_media": _RECORDED,
    "notices": _RECORDED,
    "read_notices": _RECORDED,
    "media_index": _RECORDED,
    "media_playlist": _RECORDED,
    "media_bytes": _RECORDED,
    "media_access": _RECORDED,
    "media_poster": _RECORDED,
    "media_thumbnails": _RECORDED,
    "media_sprites": _RECORDED,
    "media_captions": _RECORDED,
    "media_captions_playlist": _RECORDED,
    "media_film": _RECORDED,
    "compositions": _RECORDED,
    "compose": {**_own("master", "tutor"), **_all("organizer")},
    "delete_composition": _HOSTS,
    "captions": _RECORDED,
    "put_captions": _HOSTS,
    "delete_captions": _HOSTS,
    "media_silence": _RECORDED,
    "download": _RECORDED,
    # check-in
    "check_in_plan": _LESSON,
    "put_check_in": {**_own("master", "tutor"), **_all("organizer")},  # a tutor for the own class
    "check_in": _own("student"),
    "put_check_in_picture": _own("student"),
    "check_in_pupils": {**_own("master", "tutor"), **_all("organizer")},
    "check_in_class": {**_own("master", "tutor"), **_all("organizer")},
    "check_in_results": {**_own("tutor"), **_LEADERS},
    "check_in_picture": _LEADERS,
    # supervision
    "wall": _OVERSEERS,
    "wall_pictures": _OVERSEERS,
    "supervise": _SIGNED_IN,  # whoever has no credential is refused by the handler, on record
    "observations": frozenset({Office.ORGANIZER}),
    "deliver_review": frozenset({Office.SUPERVISOR}),
    "reviews": _REVIEWED,
    "review": _REVIEWED,
    "problems": _REVIEWED,
    "move_problem": _REVIEWED,
    "unreviewed": _SUPERVISING,
    "show_problem": _REVIEWED,
    "negative_list": _OVERSEERS,
    "dashboard": _ORGANIZING,
    "dashboard_table": _ORGANIZING,
    "dashboard_csv": _ORGANIZING,
    "dashboard_xlsx": _ORGANIZING,
    "received_ratings": _REVIEWED,
    "lesson_ratings": _REVIEWED | {Office.MASTER},
    "my_rating": frozenset({Office.STUDENT}),
    "rate_lesson": frozenset({Office.STUDENT}),
    "rate_for_school": frozenset({Office.ORGANIZER}),
    "school_ratings": frozenset({Office.ORGANIZER}),
}
"""Operation -> rule, or offices; None: anybody, without a token."""

BEFORE_FACTOR: Final = frozenset(
    {"whoami", "prove", "change_password", "set_up_factor", "confirm_factor", "sign_ins", "end_sign_in"}
)
"""For who still has to set up a second factor, too (setting `second_factor_offices`)."""
PROVED: Final = frozenset(
    {
        *("change_account", "enable_account", "drop_lost_factor", "appoint", "invite", "invite_all"),
        *("apply_import", "end_sign_in"),
    }
)
"""By what somebody gets power or a way in, or is thrown out: only for who showed a short while ago that it is
they (OWASP ASVS 5.0, 7.5.1, 7.5.2). What asks for the password itself is not among them."""


def admit(request: web.Request, operation: str, *, lesson: str | None = None) -> Claims:
    """The caller's claims, when the table lets them call the operation; else Problem: token-missing,
    token-invalid, token-expired, role-not-allowed, wrong-lesson.

    lesson: what the request is about, where the path does not say; empty: all lessons."""
    rule = ACCESS[operation]
    assert isinstance(rule, Mapping), "not for those with a token of a lesson"
    claims = request.app[TOKENS].verify(bearer(request), time.time())
    reach = rule.get(claims.role)
    if reach is None:
        raise Problem("role-not-allowed", role=claims.role, roles=", ".join(sorted(rule)))
    about = request.match_info.get("lesson") if lesson is None else lesson
    if reach is Reach.OWN and about is not None and about != claims.lesson:
        raise Problem("wrong-lesson", lesson=about)
    return claims


def reach_of(claims: Claims, operation: str) -> Reach:
    """Of a caller who was admitted."""
    rule = ACCESS[operation]
    assert isinstance(rule, Mapping)
    return rule[claims.role]


def guarded(operation: str, handler: Handler) -> Handler:
    """The handler, for those whom the table admits; it finds their claims in `request[CLAIMS]`, or in
    `request[PRINCIPAL]` who is signed in."""
    rule = ACCESS[operation]
    if rule is None:
        return handler

    async def guard(request: web.Request) -> web.StreamResponse:
        if isinstance(rule, frozenset):
            request[PRINCIPAL] = await admit_office(
                request, rule, before_factor=operation in BEFORE_FACTOR, proved=operation in PROVED
            )
        else:
            request[CLAIMS] = admit(request, operation)
        return await handler(request)

    return guard
