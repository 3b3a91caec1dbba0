"""Micro-lessons (微课) over HTTP: made from an item, reviewed, published, brought to the teachers of the
subject.

The rules are `classroom.library.clips`; a clip that was not published is answered to its author, to those
who review its subject, and to organizers, whatever the address. Every move is on record, is told to
webhooks as an event of the lesson, and to people as a notice.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.events import ClipMoved
from classroom.library.clips import MOVES, BadClip, ClipPlan, ClipStanding, ClipState, Fault, Move
from classroom.model import LessonId, PersonId
from classroom.store.library_clips import WAITING, Clip
from signaling.access import CLAIMS
from signaling.auth import Claims
from signaling.keys import CLIPS, MEDIA, STORE
from signaling.library_items_http import ITEM_PATH, LIST_PATH, seen_item
from signaling.library_notes_http import DeedList, deed, deed_list, now_ms
from signaling.media_access import MediaDoor, authorise_media, viewer_of
from signaling.media_token import PARAMETER
from signaling.openapi import Operation
from signaling.partial_content import AllowedFile
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

CLIPS_PATH: Final = LIST_PATH + "/clips"
CLIP_PATH: Final = CLIPS_PATH + "/{clip}"
MEDIA_PATH: Final = "/media/clips/{clip}/{name}"
TYPES: Final = {".mp4": "video/mp4", ".webm": "video/webm"}

State = Literal["drafted", "reviewed", "published", "returned"]
Words = Annotated[str, Meta(max_length=20_000)]
"""Longer than any that is taken: what is too long is answered by name."""
Seconds = Annotated[float, Meta(ge=0, le=90_000)]


class ClipRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: Words
    subject: Words
    key_point: Words
    start_s: Seconds
    """Item clock."""
    end_s: Seconds
    track: Annotated[str, Meta(pattern="^(t[0-9]{1,4})?$")] = ""
    """The picture; empty: the main one."""
    exact: bool = False
    """Begins just there, not at the keyframe before: a few pictures are encoded anew."""


class ClipChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: Words
    subject: Words
    key_point: Words


class MoveRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    remark: Words = ""


class ClipView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    item: str
    lesson: str
    title: str
    subject: str
    key_point: str
    state: State
    cut: str
    """`waiting`, `failed`, `exact`, or `keyframe`: it begins at `start_s`, a keyframe before the wished
    place."""
    start_s: float
    """Where it begins in the item."""
    duration_s: float
    bytes: int
    author: str
    mine: bool
    made_ms: int
    changed_ms: int
    remark: str
    moves: list[str]
    """What the caller may do with it now."""
    media: str
    """Address of the file, with a token for it; empty until it is cut."""
    expires_at: int
    """Unix time in seconds: when the token in the addresses ends."""


class ClipList(msgspec.Struct, frozen=True, kw_only=True):
    clips: list[ClipView]


class ClipQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: Literal["", "drafted", "reviewed", "published", "returned"] = ""
    subject: Annotated[str, Meta(max_length=80, pattern=r"^[^\x00]*$")] = ""
    item: Annotated[str, Meta(max_length=80, pattern=r"^[^\x00]*$")] = ""
    mine: bool = False


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    kind: str
    """`published`, `drafted`, `reviewed`, `returned`."""
    clip: str
    title: str
    subject: str
    remark: str
    at_ms: int
    read: bool


class NoticeList(msgspec.Struct, frozen=True, kw_only=True):
    notices: list[NoticeView]
    """The latest first."""
    unread: int


class NoticesRead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    up_to: Annotated[int, Meta(ge=0, le=2**31 - 1)]


async def add_clip(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    asked = await body(request, ClipRequest)
    start_ms, end_ms = round(asked.start_s * 1000), round(asked.end_s * 1000)
    try:
        plan = ClipPlan(asked.title, asked.subject, asked.key_point, start_ms, end_ms)
        plan = plan.checked(item.duration_ms)
    except BadClip as bad:
        raise _problem(bad.fault) from None
    now = now_ms()
    clip = Clip(
        id=f"clip-{secrets.token_hex(8)}",
        item=item.id,
        lesson=item.lesson,
        provider=item.provider,
        title=plan.title,
        subject=plan.subject,
        key_point=plan.key_point,
        track=asked.track,
        start_ms=start_ms,
        end_ms=end_ms,
        exact=asked.exact,
        state=ClipState.DRAFTED,
        cut=WAITING,
        cut_start_ms=start_ms,
        duration_ms=end_ms - start_ms,
        bytes=0,
        author_id=claims.person,
        author=claims.name,
        made_ms=now,
        changed_ms=now,
        revision=0,
        reviewer_id="",
        remark="",
    )
    done = deed(claims, "clip-made", item=item.id, clip=clip.id, title=clip.title)
    if not await read(request.app[STORE].library.add_clip(clip, done)):
        raise Problem("too-many-clips")
    request.app[CLIPS].wake()
    return json_response(_view(request, claims, clip), status=201)


async def clips(request: web.Request) -> web.Response:
    """Of an item also those that are seen because the item is."""
    claims: Claims = request[CLAIMS]
    asked = query(request, ClipQuery)
    store, viewer = request.app[STORE].library, viewer_of(claims)
    chosen = {"state": asked.state, "subject": asked.subject, "item": asked.item, "mine": asked.mine}
    found = list(await read(store.clips(viewer, **chosen)))
    if asked.item and not asked.mine and asked.state in ("", "published"):
        known = {clip.id for clip in found}
        for clip in await read(store.all_clips(asked.item)):
            standing = await read(store.standing(clip.id))
            if clip.id not in known and clip.state == "published" and standing and standing.right(viewer):
                found.append(clip)
    return json_response(ClipList(clips=[_view(request, claims, clip) for clip in found]))


async def clip(request: web.Request) -> web.Response:
    claims, found = await _seen_clip(request)
    return json_response(_view(request, claims, found))


async def change_clip(request: web.Request) -> web.Response:
    """By its author, as long as it is not reviewed."""
    claims, found = await _seen_clip(request)
    asked = await body(request, ClipChange)
    if found.author_id != claims.person:
        raise _problem(Fault.NOT_AUTHOR)
    if found.state not in ("drafted", "returned"):
        raise _problem(Fault.STATE)
    try:
        plan = replace(found.plan, title=asked.title, subject=asked.subject, key_point=asked.key_point)
        plan = plan.checked(found.end_ms)
    except BadClip as bad:
        raise _problem(bad.fault) from None
    changed = replace(
        found, title=plan.title, subject=plan.subject, key_point=plan.key_point, changed_ms=now_ms()
    )
    await _put(request, changed, deed(claims, "clip-changed", item=found.item, clip=found.id), ())
    return json_response(_view(request, claims, changed))


async def move_clip(request: web.Request) -> web.Response:
    claims, found = await _seen_clip(request)
    asked = await body(request, MoveRequest)
    move, viewer = _move(request.match_info["move"]), viewer_of(claims)
    standing = await read(request.app[STORE].library.standing(found.id))
    if standing is None:
        raise Problem("item-not-allowed", item=found.id)
    try:
        state = standing.moved(move, viewer, asked.remark)
    except BadClip as bad:
        raise _problem(bad.fault) from None
    remark = asked.remark.strip() if MOVES[move].remark else ""
    reviewer = found.reviewer_id if move is Move.SUBMIT else claims.person
    moved = replace(found, state=state, remark=remark, reviewer_id=reviewer, changed_ms=now_ms())
    done = deed(claims, f"clip-{move}", item=found.item, clip=found.id, remark=remark)
    await _put(request, moved, done, _told(move, moved))
    await request.app[STORE].tell(
        ClipMoved(
            lesson_id=LessonId(found.lesson),
            at_ms=moved.changed_ms,
            elapsed_ms=0,
            clip=found.id,
            item=found.item,
            state=state.value,
            title=found.title,
            subject=found.subject,
            actor=PersonId(claims.person),
        )
    )
    return json_response(_view(request, claims, moved))


async def delete_clip(request: web.Request) -> web.Response:
    """By its author until it is published; by an organizer at any time."""
    claims, found = await _seen_clip(request)
    if claims.role != "organizer":
        if found.author_id != claims.person:
            raise _problem(Fault.NOT_AUTHOR)
        if found.state == "published":
            raise _problem(Fault.STATE)
    gone = replace(found, deleted_ms=now_ms())
    await _put(request, gone, deed(claims, "clip-deleted", item=found.item, clip=found.id), ())
    await request.app[CLIPS].remove(found.id)
    return web.Response(status=204)


async def clip_log(request: web.Request) -> web.Response:
    _, found = await _seen_clip(request)
    return json_response(deed_list(await read(request.app[STORE].library.deeds(clip=found.id))))


async def clip_media(request: web.Request) -> web.StreamResponse:
    """The file itself, with Range."""
    clip_id = request.match_info["clip"]
    purpose: Any = "download" if "download" in request.query else "play"
    grant = await authorise_media(request, clip_id, purpose)
    path = request.app[CLIPS].file(clip_id)
    name = request.match_info["name"]
    if path is None or name != f"clip{path.suffix}":
        raise Problem("not-found")
    headers = {"Content-Type": TYPES[path.suffix], "Cache-Control": "private, max-age=3600"}
    if purpose == "download":
        headers["Content-Disposition"] = f'attachment; filename="{clip_id}{path.suffix}"'
    return AllowedFile(Path(path), grant.stands, headers)


async def notices(request: web.Request) -> web.Response:
    found = await read(request.app[STORE].library.notices(viewer_of(request[CLAIMS])))
    views = [
        NoticeView(
            id=one.number,
            kind=one.kind,
            clip=one.clip,
            title=one.title,
            subject=one.subject,
            remark=one.remark,
            at_ms=one.at_ms,
            read=one.read,
        )
        for one in found
    ]
    return json_response(NoticeList(notices=views, unread=sum(not one.read for one in found)))


async def read_notices(request: web.Request) -> web.Response:
    asked = await body(request, NoticesRead)
    store = request.app[STORE].library
    await read(store.read_notices(viewer_of(request[CLAIMS]), asked.up_to, now_ms()))
    return web.Response(status=204)


async def _seen_clip(request: web.Request) -> tuple[Claims, Clip]:
    """Who asks, and the clip, once they may see it."""
    claims: Claims = request[CLAIMS]
    clip_id = request.match_info["clip"]
    request.app[MEDIA].forget(clip_id)  # who moves a clip looks at what it is now
    await request.app[MEDIA].right(viewer_of(claims), clip_id)
    found = await read(request.app[STORE].library.clip(clip_id))
    if found is None or found.deleted_ms is not None:
        raise Problem("unknown-item", item=clip_id[:80])
    return claims, found


async def _put(request: web.Request, clip: Clip, done: Any, told: tuple[tuple[str, str | None], ...]) -> None:
    if not await read(request.app[STORE].library.put_clip(clip, done, told)):
        raise Problem("changed-meanwhile")
    request.app[MEDIA].forget(clip.id)


def _told(move: Move, clip: Clip) -> tuple[tuple[str, str | None], ...]:
    """Whom a move is brought to notice."""
    if move is Move.PUBLISH:
        return (("published", None), ("published", clip.author_id))
    if move is Move.SUBMIT:
        return (("drafted", None),)
    return ((MOVES[move].ends.value, clip.author_id),)


def _move(name: str) -> Move:
    try:
        return Move(name)
    except ValueError:
        raise Problem("not-found") from None


def _problem(fault: Fault) -> Problem:
    return Problem(fault.value)


def _view(request: web.Request, claims: Claims, clip: Clip) -> ClipView:
    door: MediaDoor = request.app[MEDIA]
    viewer = viewer_of(claims)
    token, expires = door.issue(viewer, clip.id, claims.exp, "download")
    ending = ".webm" if clip.is_cut and request.app[CLIPS].is_webm(clip.id) else ".mp4"
    plain = ("id", "item", "lesson", "title", "subject", "key_point", "cut", "bytes", "author")
    return ClipView(
        **{name: getattr(clip, name) for name in plain},
        state=clip.state.value,
        start_s=clip.cut_start_ms / 1000,
        duration_s=clip.duration_ms / 1000,
        mine=clip.author_id == claims.person,
        made_ms=clip.made_ms,
        changed_ms=clip.changed_ms,
        remark=clip.remark,
        moves=_moves(claims, clip),
        media=f"/media/clips/{clip.id}/clip{ending}?{PARAMETER}={token}" if clip.is_cut else "",
        expires_at=expires,
    )


def _moves(claims: Claims, clip: Clip) -> list[str]:
    standing = ClipStanding(clip.author_id, clip.subject, clip.state, clip.is_cut, None)
    found = []
    for move in Move:
        try:
            standing.moved(move, viewer_of(claims), "x")
        except BadClip:
            continue
        found.append(move.value)
    return found


_SEEN: Final = ("item-not-allowed", "unknown-item", "not-ready")
_BODY: Final = ("bad-request", "unsupported-media-type")
_PLAN: Final = ("clip-title", "clip-subject", "clip-key-point")
_MOVE: Final = tuple(
    fault.value
    for fault in (Fault.STATE, Fault.OWN, Fault.NOT_REVIEWER, Fault.NOT_AUTHOR, Fault.NOT_CUT, Fault.REMARK)
)
_PLACE: Final = ("clip-too-long", "clip-too-short", "clip-beyond-end", "too-many-clips")


def _one(
    name: str, method: str, path: str, handler: Any, problems: tuple[str, ...], **more: Any
) -> Operation:
    return Operation(
        id=name, method=method, path=path, tag="library", handler=handler, problems=problems, **more
    )


OPERATIONS: Final = (
    _one(
        *("add_clip", "POST", ITEM_PATH + "/clips", add_clip, (*_SEEN, *_BODY, *_PLAN, *_PLACE)),
        request=ClipRequest,
        response=ClipView,
        status=201,
    ),
    _one(
        *("clips", "GET", CLIPS_PATH, clips, ("bad-request", "not-ready")),
        query=ClipQuery,
        response=ClipList,
    ),
    _one("clip", "GET", CLIP_PATH, clip, _SEEN, response=ClipView),
    _one(
        *("change_clip", "PATCH", CLIP_PATH, change_clip),
        (*_SEEN, *_BODY, *_PLAN, "clip-not-author", "clip-state", "changed-meanwhile"),
        request=ClipChange,
        response=ClipView,
    ),
    _one(
        *("delete_clip", "DELETE", CLIP_PATH, delete_clip),
        (*_SEEN, "clip-not-author", "clip-state", "changed-meanwhile"),
        status=204,
    ),
    _one(
        *("move_clip", "POST", CLIP_PATH + "/{move}", move_clip),
        (*_SEEN, *_BODY, *_MOVE, "not-found", "changed-meanwhile"),
        request=MoveRequest,
        response=ClipView,
    ),
    _one("clip_log", "GET", CLIP_PATH + "/log", clip_log, _SEEN, response=DeedList),
    _one("notices", "GET", LIST_PATH + "/notices", notices, ("not-ready",), response=NoticeList),
    _one(
        *("read_notices", "POST", LIST_PATH + "/notices", read_notices, (*_BODY, "not-ready")),
        request=NoticesRead,
        status=204,
    ),
)

MEDIA_OPERATION: Final = Operation(
    id="clip_media",
    method="GET",
    path=MEDIA_PATH,
    tag="library",
    query=("download",),
    response="video/mp4",
    problems=(*_SEEN, "media-token-invalid", "media-token-expired", "media-token-other-item", "not-found"),
)


def add_clip_routes(app: web.Application) -> None:
    """GET /media/clips/{clip}/clip.mp4 on `app`: authorised by `authorise_media`, as all media."""
    app.router.add_get(MEDIA_PATH, clip_media)
