"""What one participant gets: the peer connection on which the server offers.

Theory of operation. `wanted` is what the lesson's floor gives this participant now; `carried` is what has an
m-line. A difference marks the connection dirty; OFFER_DELAY_S later one offer carries all that came together
(a teacher's camera and microphone, a whole stage). One offer is in flight at a time: changes meanwhile wait
for its answer.

    idle --change--> dirty --delay--> offered(version) --answer(version)--> idle or dirty

What people in a circle say comes by a few lines, one for each of the loudest (`Place`), however many they
are: so nothing is offered when they come and go, nor when the participant changes from one circle to another.

What is no longer wanted stops at once, without waiting for anybody. Its m-line is *parked* as long as its
track is still being sent: it stays, paused, and goes on at once when it is wanted again, without an offer; so
a class that is by itself for a while, somebody who is muted, or a private word of the master's cost no round
of offers to a thousand people. What stands by (`prepare`) is offered before it is wanted, and begins parked.
Of what is parked, the client is told which m-lines carry nothing (`held`). The m-line of what has ended
becomes inactive with the next offer and is used again. Media starts when the answer is there, because only
then is known what the client took.

When the connection fails, a new one takes its place: nothing is carried, everything wanted is offered again
(`fresh`). Failures in a row wait longer each time. While the client is away (`hold`) nothing is offered, and
before it is there for the first time (`release`): what a newcomer is to get is known by then, so the first
offer goes out with the welcome.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from classroom.floor import Priority
from sfu import negotiate
from sfu.allocator import StreamState as Sent
from sfu.params import Kind, MediaParameters, TransportState
from sfu.sfu import Sfu
from sfu.transport import Slot, Subscription, Transport, TransportClosed
from signaling import jsep
from signaling.messages import StreamState, StreamView, SubscribeOffer
from signaling.problems import Problem
from signaling.publications import LivePublication
from signaling.sdp import SdpError, SessionDescription
from signaling.sources import Circle, Place, Source, Track

log = logging.getLogger(__name__)

OFFER_DELAY_S = 0.05
"""Long enough for a burst of publications to become one offer, too short to be seen."""
MAX_PICTURES = 48
"""On one connection, of its sdp.MAX_SECTIONS tracks: the others are for sound. Of more, those that matter
most."""
MAX_PARKED = 8
"""M-lines of each kind that do not stand by: the places of a circle and the sounds of who leads, twice; the
pictures of a stage. Of more, those that were parked first are given up."""
MAX_RENEWAL_DELAY_S = 30.0
"""Between two new connections when each one fails: a browser behind a closed firewall costs next to
nothing."""


class Timer(Protocol):
    def cancel(self) -> None: ...


CallLater = Callable[[float, Callable[[], None]], Timer]


@dataclass(slots=True)
class Line:
    """One m-line that carries something."""

    mid: str
    carries: Source
    offered: MediaParameters
    subscription: Subscription | None = None
    """While it carries a track."""
    slot: Slot | None = None
    """While it carries a place."""
    limited: bool = False
    """The participant was told that the line does not carry all of it."""
    taken: bool = True
    """The client wants to receive it."""
    parked: bool = False
    """It is not wanted now, and may be again."""

    @property
    def sent(self) -> Subscription | Slot | None:
        return self.subscription or self.slot

    @property
    def can_park(self) -> bool:
        """What is there and has begun."""
        return self.sent is not None and not self.carries.gone

    def park(self, parked: bool) -> None:
        self.parked = parked
        self.adjust()

    def adjust(self) -> None:
        """Media flows when it is wanted on both sides."""
        if self.sent is not None:
            self.sent.pause(self.parked or not self.taken)

    def stop(self) -> None:
        if self.sent is not None:
            self.sent.close()


class Client(Protocol):
    """The participant."""

    def offer(self, message: SubscribeOffer) -> None: ...
    def sent(self, message: StreamState) -> None:
        """What the participant's line does to one stream."""

    def held(self, mids: tuple[str, ...]) -> None:
        """Which m-lines carry nothing from now on, and may again at any moment."""

    def refuse(self, problem: Problem, request: str) -> None: ...
    def receiving(self) -> None:
        """The connection stands: media can arrive."""


class Subscriber:
    """The receiving side of one participant."""

    def __init__(
        self,
        sfu: Sfu,
        *,
        client: Client,
        decodable: Collection[str],
        call_later: CallLater,
        discard: Callable[[Transport], None],
    ) -> None:
        """decodable: video codecs, empty for all. discard: closes a transport in the background."""
        self._sfu = sfu
        self._client = client
        self._decodable = decodable
        self._call_later = call_later
        self._discard = discard
        self._wanted: dict[str, Source] = {}
        """By name, places first, then most important first."""
        self._standby: dict[str, Source] = {}
        """By name: to be there when it is wanted."""
        self._people: frozenset[str] = frozenset()
        self._priorities: Mapping[str, int] = {}
        self._undecodable: set[str] = set()
        self._version = 0
        self._in_flight = False
        self._away = True
        self._dirty = False
        self._timer: Timer | None = None
        self._failures = 0
        self._begin()

    def _begin(self) -> None:
        self._transport: Transport | None = None
        self._lines = jsep.MediaLines()
        self._numbers = negotiate.PayloadTypes()
        self._carried: dict[str, Line] = {}
        """By name of the publication."""
        self._held: tuple[str, ...] = ()
        """M-lines, as the client was told."""
        self._fresh = True

    # --- what the participant is to get ---------------------------------------------------------------------

    def want(
        self,
        publications: Iterable[LivePublication],
        priorities: Mapping[str, int] | None = None,
        circles: Iterable[Circle] = (),
    ) -> None:
        """All that this participant gets from now on, most important first. priorities: by name of the
        publication, what to give up last where the line is thin: the lower, the more important. circles: of
        whose microphones the loudest are heard."""
        sources: list[Source] = [
            Place(circle, number, order)
            for order, circle in enumerate(circles)
            for number in range(circle.loudest)
        ]
        sources += [Track(live, self._decodable) for live in _that_fit(publications)]
        self._wanted = {source.name: source for source in sources}
        self._people = frozenset(source.person for source in sources)
        self._tune()
        self._priorities = priorities or {}
        for line in self._carried.values():
            self._rank(line)
        self._undecodable &= self._wanted.keys() | self._standby.keys()
        self._park()
        if self._missing():
            self._change()
        self._tell_held()

    def prepare(self, publications: Iterable[LivePublication]) -> None:
        """What this participant may get from one moment to the next: offered, and not sent until it is
        wanted. What is to come of it comes with the next `want`."""
        self._standby = {
            source.name: source for source in (Track(live, self._decodable) for live in publications)
        }
        self._park()
        if self._missing():
            self._change()

    def hold(self) -> None:
        """The client is away: media goes on, nothing new is offered."""
        self._away = True

    def release(self) -> None:
        """The client is there, or back: what is missing is offered at once. Its answer to an offer in flight
        may be lost: that is offered once more."""
        self._away = False
        if self._dirty or self._in_flight:
            self._in_flight = False
            self._offer()

    # --- what the client says -------------------------------------------------------------------------------

    def answer(self, version: int, text: str) -> None:
        """The client's answer. One to an earlier version, or of a connection that was given up since, means
        nothing. Raises Problem."""
        if version < self._version or (version == self._version > 0 and self._fresh):
            return
        if version > self._version or not self._in_flight or self._transport is None:
            raise Problem("stale-version", version=version)
        self._in_flight = False
        try:
            description = jsep.read_answer(text, self._lines)
            if any(not section.rejected for section in description.sections):
                self._transport.connect(jsep.remote_parameters(description))
            self._start(self._transport, description)
        except (SdpError, negotiate.NegotiationError) as error:
            self._renew()
            raise Problem.of_media(error) from error
        except (ValueError, TransportClosed) as error:
            self._renew()
            raise Problem("answer-mismatch", reason=str(error)) from error
        if self._dirty or self._missing():
            self._change()

    def failed(self) -> None:
        """The client says that its connection failed."""
        self._renew()

    def restart(self) -> None:
        """The client's network changed: the next offer restarts ICE on the same connection (RFC 8445, 9).

        While an offer waits for its answer the client is still connecting; it asks again when that fails."""
        if self._transport is None or self._in_flight:
            return
        try:
            self._transport.restart_ice()
        except TransportClosed:
            self._renew()
        else:
            self._change(0.0)

    def close(self) -> None:
        """Everything goes. Idempotent."""
        self._wanted.clear()
        self._standby.clear()
        self._stop()
        self._begin()

    @property
    def transport(self) -> Transport | None:
        return self._transport

    def stir(self) -> None:
        """Its owner knows something new of the connection, if there is one (`MediaEnd.stir`)."""
        if self._transport is not None:
            self._transport.stir()

    @property
    def people(self) -> frozenset[str]:
        """Of whom something is received by a line of its own."""
        return self._people

    def heard(self, places: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """M-line -> whose voice it carries, of those that carry anybody's. places: circle -> persons."""
        found = {}
        for line in self._carried.values():
            if isinstance(line.carries, Place) and not line.parked:
                people = places.get(line.carries.circle.name, ())
                if line.carries.number < len(people) and (person := people[line.carries.number]):
                    found[line.mid] = person
        return found

    # --- inside ---------------------------------------------------------------------------------------------

    def _missing(self) -> list[Source]:
        """What is to have an m-line and has none; what is wanted comes first."""
        sources = (
            self._wanted if self._standby.keys() <= self._wanted.keys() else self._standby | self._wanted
        )
        return [
            source
            for name, source in sources.items()
            if name not in self._carried and name not in self._undecodable
        ]

    def _tune(self) -> None:
        """Lines of places go on with another circle: nothing needs to be offered for it."""
        for name, line in self._carried.items():
            wanted = self._wanted.get(name)
            if isinstance(wanted, Place) and line.carries != wanted:
                line.carries = wanted
                if line.slot is not None:
                    line.slot.tune(wanted.circle.group, loudest=wanted.circle.loudest)

    def _park(self) -> None:
        """What is not wanted stops; what is wanted again goes on."""
        for name, line in tuple(self._carried.items()):
            wanted = name in self._wanted
            if not (wanted or line.can_park or (name in self._standby and not line.carries.gone)):
                self._drop(name)
            elif line.parked is wanted:
                # Those that were parked first come first.
                self._carried[name] = self._carried.pop(name)
                line.park(not wanted)
        # Beside those that stand by, which are few.
        if parked := [
            line for name, line in self._carried.items() if line.parked and name not in self._standby
        ]:
            pictures = sum(source.kind is Kind.VIDEO for source in self._wanted.values())
            self._keep_parked(parked, Kind.AUDIO, MAX_PARKED)
            self._keep_parked(parked, Kind.VIDEO, min(MAX_PARKED, MAX_PICTURES - pictures))

    def _keep_parked(self, parked: Iterable[Line], kind: Kind, most: int) -> None:
        of_kind = [line.carries.name for line in parked if line.offered.kind is kind]
        for name in of_kind[: max(0, len(of_kind) - most)]:
            self._drop(name)

    def _tell_held(self) -> None:
        held = tuple(line.mid for line in self._carried.values() if line.parked)
        if held != self._held:
            self._held = held
            self._client.held(held)

    def _change(self, delay_s: float = OFFER_DELAY_S) -> None:
        self._dirty = True
        if self._timer is None and not self._in_flight and not self._away:
            self._timer = self._call_later(delay_s, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._dirty and not self._in_flight and not self._away:
            self._offer()

    def _offer(self) -> None:
        self._dirty = False
        if self._transport is None and not self._missing():
            return
        if self._transport is None:
            self._transport = self._create()
        self._park()  # what was parked may have ended since
        for source in self._missing():
            self._carry(source)
        self._dirty = False
        self._version += 1
        self._in_flight = True
        text = jsep.offer_subscribe(self._version, self._transport.local, self._lines)
        streams = [self._view(line) for line in self._carried.values()]
        self._held = tuple(line.mid for line in self._carried.values() if line.parked)
        self._client.offer(
            SubscribeOffer(version=self._version, sdp=text, streams=streams, fresh=self._fresh)
        )
        self._fresh = False

    def _create(self) -> Transport:
        transport = self._sfu.create_transport(on_state=lambda state: self._state_changed(transport, state))
        return transport

    def _carry(self, source: Source) -> None:
        try:
            mid = self._lines.free_mid(source.kind)
            offered = source.offer(self._sfu, self._numbers, mid)
        except (SdpError, negotiate.NegotiationError) as error:
            self._refuse(source, Problem.of_media(error))
            return
        # Each place is a stream by itself: nobody's picture goes with it.
        self._lines.put(jsep.OfferedTrack(offered, stream=source.person or source.name, track=source.name))
        self._carried[source.name] = Line(mid, source, offered, parked=source.name not in self._wanted)

    def _refuse(self, source: Source, problem: Problem) -> None:
        """Not offered again as long as it is wanted: nothing would have changed."""
        self._undecodable.add(source.name)
        self._client.refuse(problem, SubscribeOffer.__struct_config__.tag)  # type: ignore[arg-type]

    def _drop(self, name: str) -> None:
        line = self._carried.pop(name)
        if line.subscription is not None:
            line.subscription.on_state = None
        line.stop()
        if line.limited:  # the next one on this m-line begins with everything
            self._client.sent(StreamState(mid=line.mid, state="ok"))
        self._lines.release(line.mid)
        self._change()

    def _start(self, transport: Transport, description: SessionDescription) -> None:
        """Starts what the client took, pauses what it does not want to receive."""
        for line in self._carried.values():
            section = description.section(line.mid)
            takes = section is not None and not section.rejected and section.direction.receives
            line.taken = takes
            if line.sent is not None:
                line.adjust()
            elif takes and section is not None and not line.carries.gone:
                answered = negotiate.accept_answer(line.offered, section.parameters())
                self._start_line(line, transport, answered)

    def _start_line(self, line: Line, transport: Transport, answered: MediaParameters) -> None:
        if isinstance(line.carries, Place):
            line.slot = line.carries.begin(transport, answered)
        else:
            line.subscription = line.carries.begin(transport, answered, paused=line.parked)
            line.subscription.on_state = self._teller(line)
            self._rank(line)

    def _rank(self, line: Line) -> None:
        priority = self._priorities.get(line.carries.name)
        if line.subscription is not None and priority is not None:
            line.subscription.priority = priority
            line.subscription.want_layer(0 if priority == Priority.WALL else None)

    def _teller(self, line: Line) -> Callable[[Sent], None]:
        def tell(state: Sent) -> None:
            line.limited = state is not Sent.OK
            reason: Literal["", "bandwidth"] = "bandwidth" if line.limited else ""
            self._client.sent(StreamState(mid=line.mid, state=state.value, reason=reason))

        return tell

    def _state_changed(self, transport: Transport, state: TransportState) -> None:
        if transport is not self._transport:
            return
        if state is TransportState.CONNECTED:
            self._failures = 0
            self._client.receiving()
        elif state in {TransportState.FAILED, TransportState.CLOSED}:
            log.info("x receiving connection %s %s", transport.id, transport.failure or state)
            self._renew()

    def _renew(self) -> None:
        """A new connection in place of this one."""
        self._stop()
        self._begin()
        if self._wanted or self._standby:
            delay_s = min(OFFER_DELAY_S * 4**self._failures, MAX_RENEWAL_DELAY_S)
            # Grows only to the limit, so that the power above stays small.
            self._failures = min(self._failures + 1, 8)
            self._change(delay_s)

    def _stop(self) -> None:
        self._in_flight = self._dirty = False
        self._undecodable.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for line in self._carried.values():
            line.stop()
        self._carried.clear()
        if self._transport is not None:
            self._discard(self._transport)
            self._transport = None

    @staticmethod
    def _view(line: Line) -> StreamView:
        return StreamView(
            mid=line.mid,
            person=line.carries.person,
            source=line.carries.source,
            kind=line.offered.kind.value,
            held=line.parked,
        )


def _that_fit(publications: Iterable[LivePublication]) -> Iterator[LivePublication]:
    """All sound, and as many pictures as one connection carries: those that come first."""
    pictures = 0
    for live in publications:
        pictures += live.publication.parameters.kind is Kind.VIDEO
        if live.publication.parameters.kind is Kind.AUDIO or pictures <= MAX_PICTURES:
            yield live
