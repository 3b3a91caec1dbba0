"""The messages of the WebSocket protocol `tongke.v1`: the one vocabulary of server, pages and bots.

One JSON object per text frame; `type` tells which. docs/PROTOCOL.md is generated from these types and their
docstrings (`python -m signaling.protocol_document`), and a test compares.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from signaling import messages_floor as floor
from signaling import messages_pointer as pointer
from signaling import messages_roll as roll
from signaling.message import (
    Id,
    LessonState,
    Message,
    Name,
    Phase,
    QualityReason,
    Role,
    Sdp,
    ServerMessage,
    Source,
    Text,
)
from signaling.messages_floor import FloorView, StageView
from signaling.messages_roll import RollView
from signaling.messages_talk import (
    NO_CONDUCT,
    NO_TALK,
    ChatView,
    ConductView,
    TalkClientMessage,
    TalkServerMessage,
    TalkView,
)

MODULES = (
    "signaling.message",
    "signaling.messages",
    "signaling.messages_floor",
    "signaling.messages_pointer",
    "signaling.messages_roll",
    "signaling.messages_talk",
)
"""Where the vocabulary is, in the order in which it is documented."""

# --- from the client ----------------------------------------------------------------------------------------


class Hello(Message, tag="hello", frozen=True, kw_only=True):
    """First message, within 5 s of connecting; nothing else is read before it."""

    token: Annotated[str, Meta(max_length=8192)]
    resume: Id = ""
    """`welcome.resume` of the connection that was lost: media and place in the lesson are kept. Before the
    first welcome a random word of the client's own, if `attempt` is to count."""
    last_seq: int = 0
    """`seq` of the last message that arrived before the connection was lost."""
    attempt: Annotated[int, Meta(ge=0, lt=2**53)] = 0
    """Counts the client's connections, from 1: of two with the same `resume` the higher one is the newer, in
    whatever order they arrive; the older is refused (`superseded`). 0: the later to arrive is the newer."""
    language: Annotated[str, Meta(max_length=35)] = "zh-CN"
    codecs: Annotated[list[Annotated[str, Meta(max_length=40)]], Meta(max_length=64)] = []
    """Video codecs that can be decoded (`H264`, `VP8`, ...); empty: everything WebRTC must have."""


class Ping(Message, tag="ping", frozen=True, kw_only=True):
    """Heartbeat, every `welcome.heartbeat_s`; answered by `pong`. Three missing ones end the connection."""

    id: int = 0
    seq: int = 0
    """`seq` of the last message that arrived: the server need not keep it for a resume any longer."""


class TrackDeclaration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    mid: Annotated[str, Meta(max_length=16)]
    source: Source


class PublishOffer(Message, tag="publish.offer", frozen=True, kw_only=True):
    """Offer of the peer connection on which the client sends. Sent again for every change; a track whose
    m-line became inactive, or whose declaration is missing, is no longer published."""

    sdp: Sdp
    tracks: Annotated[list[TrackDeclaration], Meta(max_length=16)]


class PublishCandidate(Message, tag="publish.candidate", frozen=True, kw_only=True):
    """Trickle ICE of the sending connection. The server is ICE-lite and needs none; accepted for the
    standard's sake."""

    candidate: Annotated[str, Meta(max_length=1000)]
    mid: Annotated[str, Meta(max_length=16)] = ""


class PublishMute(Message, tag="publish.mute", frozen=True, kw_only=True):
    """A track was muted or unmuted by its owner (shown to others, and in the recording's ledger)."""

    source: Source
    muted: bool


class SubscribeAnswer(Message, tag="subscribe.answer", frozen=True, kw_only=True):
    """Answer to `subscribe.offer` with the same version."""

    version: int
    sdp: Sdp


class SubscribeCandidate(Message, tag="subscribe.candidate", frozen=True, kw_only=True):
    candidate: Annotated[str, Meta(max_length=1000)]
    mid: Annotated[str, Meta(max_length=16)] = ""


class SubscribeFailed(Message, tag="subscribe.failed", frozen=True, kw_only=True):
    """The receiving connection failed; the server makes a new one and offers again."""

    reason: Text = ""


class SubscribeRestart(Message, tag="subscribe.restart", frozen=True, kw_only=True):
    """The client's network changed: the server restarts ICE on the receiving connection by an offer of the
    same connection. Without one it is as if nothing was said."""


class QualityReport(Message, tag="quality.report", frozen=True, kw_only=True):
    """What only the page can see of what arrives. Said when there is something to say, at most every 3 s; the
    server's `quality` takes it into account."""

    frozen_ms: Annotated[int, Meta(ge=0, le=60_000)]
    """How long pictures stood still since the last report, of the one that did for longest."""


class HandRaise(Message, tag="hand.raise", frozen=True, kw_only=True):
    """A hand for oneself, or, by a tutor, for a seat of the class."""

    seat: Annotated[str, Meta(max_length=40)] = ""


class HandLower(Message, tag="hand.lower", frozen=True, kw_only=True):
    """Own hand; with `hand`, somebody's (master; tutor within the class)."""

    hand: Id = ""


class LessonStart(Message, tag="lesson.start", frozen=True, kw_only=True):
    """Master: scheduled or open -> live."""


class LessonEnd(Message, tag="lesson.end", frozen=True, kw_only=True):
    """Master: live -> ended, for everybody."""


class Leave(Message, tag="leave", frozen=True, kw_only=True):
    """Going on purpose: no resume."""


ClientMessage = (
    Hello
    | Ping
    | PublishOffer
    | PublishCandidate
    | PublishMute
    | SubscribeAnswer
    | SubscribeCandidate
    | SubscribeFailed
    | SubscribeRestart
    | QualityReport
    | HandRaise
    | HandLower
    | LessonStart
    | LessonEnd
    | Leave
    | TalkClientMessage
    | floor.ClientMessage
    | pointer.ClientMessage
    | roll.ClientMessage
)


# --- from the server ----------------------------------------------------------------------------------------


class PersonView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person as others see them. A supervisor is in no such list."""

    id: Id
    name: Name
    role: Role
    class_id: Id = ""
    online: bool = False
    sources: list[str] = []
    """What the person sends now."""
    muted: list[str] = []
    looks_in: Id = ""
    """The class into which the master looks now."""


class ClassView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: Id
    name: Name
    tutor: Id = ""
    """Person id of who tutors it now, or should; empty: the class has no tutor."""
    tutor_online: bool = False
    """False: the class is without its tutor."""
    registered: Id = ""
    """Who is registered as its tutor; another `tutor` took the class over."""
    room_online: bool = False
    """Its room device is connected."""
    online: int = 0
    """People of the class who are connected, tutors and room devices not counted."""
    at_home: bool = False
    """Its pupils join one by one."""
    pupils: int = 0
    """How many it has, as registered; 0: not known."""
    state: floor.ClassState = "together"
    """Where the class is, beside the phase of all."""
    state_since_ms: int = 0
    """Lesson clock."""
    called: int = 0
    """How often the class, or a pupil of it, was brought on stage."""
    quality: Literal["", "good", "fair", "poor"] = ""
    """How well the class is reached: its room, or a good part of those at home. Empty: not known, or not
    shown to the receiver (it is shown to master, organizer and supervisor)."""


class HandView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: Id
    person: Id
    name: Name
    class_id: Id = ""
    seat: str = ""
    since_ms: int = 0
    """Lesson clock, ms since the lesson went live (0 before)."""


class LessonView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that the receiver may know of the lesson."""

    id: Id
    title: str
    state: LessonState
    phase: Phase
    recorded: bool = True
    recording: Literal["off", "on", "failing"] = "off"
    started_ms: int = 0
    """Unix time in ms; 0 before the lesson is live."""
    classes: list[ClassView] = []
    people: list[PersonView] = []
    hands: list[HandView] = []
    chat: list[ChatView] = []
    """What the receiver may read of the latest messages, oldest first."""
    floor: FloorView
    stage: StageView
    conduct: ConductView = NO_CONDUCT
    talk: TalkView = NO_TALK
    rolls: list[RollView] = []
    """Of the own class for its tutors; of all, in numbers, for those who see all classes."""


class StreamView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One m-line of the receiving connection."""

    mid: str
    person: Id
    """Empty for a `voice`."""
    source: str
    """As its person declared it; or `voice`: the loudest of many microphones, one after the other
    (`speakers.lines` says whose)."""
    kind: Literal["audio", "video"]
    held: bool = False
    """Nothing comes of it now, and it may at any moment (`streams.held`)."""


class IceServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A STUN or TURN server, as in W3C's RTCIceServer."""

    urls: list[str]
    username: str = ""
    credential: str = ""


class Welcome(ServerMessage, tag="welcome", frozen=True, kw_only=True):
    """Answer to `hello`."""

    session: Id
    resume: Id
    resumed: bool = False
    """True: the messages after `last_seq` follow and nothing else changed; the lists in `lesson` are left
    empty, what the client has of them stays valid. False: start afresh from `lesson`."""
    me: PersonView
    lesson: LessonView
    heartbeat_s: int
    may_publish: list[str] = []
    """Sources that this person may send now."""
    server_ms: int = 0
    """Unix time in ms of the server's clock."""
    heard: int = 0
    """How many messages of the client this session has heard, those after `hello` counted, of all its
    connections. What a resuming client said beyond these did not arrive; said again, it is not said twice."""
    ice_servers: list[IceServer] = []
    """For both peer connections, beside the server's own candidates; empty: none are needed."""


class IceServersChanged(ServerMessage, tag="ice.servers", frozen=True, kw_only=True):
    """Fresh credentials, before those of `welcome` run out: for new peer connections and ICE restarts."""

    ice_servers: list[IceServer]


class Pong(ServerMessage, tag="pong", frozen=True, kw_only=True):
    id: int = 0
    server_ms: int = 0
    heard: int = 0
    """As in `welcome`, the ping counted."""


class PublishAnswer(ServerMessage, tag="publish.answer", frozen=True, kw_only=True):
    sdp: str


class PublishLayers(ServerMessage, tag="publish.layers", frozen=True, kw_only=True):
    """Which encodings of a simulcast are received by anybody: the others need not be sent until they are
    named again. Before the first one all are sent."""

    source: Source
    active: list[str]
    """RIDs, lowest first; never empty."""


class SubscribeOffer(ServerMessage, tag="subscribe.offer", frozen=True, kw_only=True):
    """The server's offer for what this client gets. A higher version replaces an unanswered one."""

    version: int
    sdp: str
    streams: list[StreamView]
    fresh: bool = False
    """True: for a new peer connection; the old one is gone."""


class StreamState(ServerMessage, tag="stream.state", frozen=True, kw_only=True):
    """What the receiver's own line does to one stream. Every m-line of a `subscribe.offer` that carries
    something new begins as `ok`."""

    mid: str
    state: Literal["ok", "reduced", "paused"]
    """`reduced`: smaller or rarer pictures than the receiver could show; `paused`: none, sound goes first."""
    reason: Literal["", "bandwidth"] = ""


class StreamsHeld(ServerMessage, tag="streams.held", frozen=True, kw_only=True):
    """Which m-lines carry nothing from now on, whatever was said before: what they show is over, and not to
    be shown. They go on without an offer when they are no longer in here: the tutor's when the class is by
    itself, the master's when it is back."""

    mids: list[str]


class QualityChanged(ServerMessage, tag="quality", frozen=True, kw_only=True):
    """How well the receiver is reached, and why not better; from a few seconds after media began, whenever it
    changes. Worse is told after 2 s, better after 8 s."""

    level: Literal["good", "fair", "poor"]
    reason: QualityReason = ""


class LessonChanged(ServerMessage, tag="lesson", frozen=True, kw_only=True):
    """State, phase, what goes on where the receiver is, or recording state; fields as in LessonView."""

    state: LessonState
    phase: Phase
    recording: Literal["off", "on", "failing"]
    started_ms: int = 0
    reason: str = ""
    """Of a cancelled lesson: why, in the words of who cancelled it, where any were given."""
    may_publish: list[str] = []
    floor: FloorView


class RosterChanged(ServerMessage, tag="roster", frozen=True, kw_only=True):
    """People and classes that changed since the last one, in batches of at most every 200 ms."""

    people: list[PersonView] = []
    gone: list[str] = []
    classes: list[ClassView] = []
    classes_gone: list[str] = []
    """Planned out, or put to another place: to be taken out before `classes` are put in (those not known yet
    at the end)."""


class HandsChanged(ServerMessage, tag="hands", frozen=True, kw_only=True):
    """The whole queue in order."""

    hands: list[HandView]


class Speakers(ServerMessage, tag="speakers", frozen=True, kw_only=True):
    """Who speaks now, of those whom the receiver hears, and itself: the whole list, at most five times a
    second."""

    people: list[Id]
    lines: dict[str, Id] = {}
    """Mid -> person: whose voice each m-line of the source `voice` carries now; of those not named here,
    nobody's."""


class Error(ServerMessage, tag="error", frozen=True, kw_only=True):
    """Something asked for was refused; nothing changed. Fields as in RFC 9457."""

    kind: str
    """Stable: the last part of the problem type's URI."""
    title: str
    detail: str = ""
    request: str = ""
    """Type of the message that was refused."""


class Bye(ServerMessage, tag="bye", frozen=True, kw_only=True):
    """The server closes this connection; `retry` tells whether coming back makes sense. `refused`: not let
    in, for the reason given by the `error` before it. `moved`: a tutor took another class over, and comes in
    anew as its tutor. `replaced`: a newer connection of the same person has the place."""

    reason: Literal[
        "ended", "removed", "replaced", "moved", "expired", "shutdown", "protocol", "slow", "refused"
    ]
    retry: bool = False
    retry_after_ms: int = 0
    """With `retry`: come back at a moment chosen evenly within so long, beside the usual wait: everybody is
    told this in the same instant, and is not to come back in one."""


AnyServerMessage = (
    Welcome
    | Pong
    | PublishAnswer
    | PublishLayers
    | SubscribeOffer
    | IceServersChanged
    | StreamState
    | StreamsHeld
    | QualityChanged
    | LessonChanged
    | RosterChanged
    | HandsChanged
    | Speakers
    | Error
    | Bye
    | TalkServerMessage
    | floor.AnyServerMessage
    | pointer.AnyServerMessage
    | roll.AnyServerMessage
)
