"""Publications, subscriptions and slots: the Python side of what the engine forwards, and the end of a
transport that both kinds of transport share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from .allocator import Demand, Grant, Step, StreamState
from .codecs import decodes
from .downlink import Downlink
from .layer_demand import LayerDemand
from .layer_rates import ALL_SPATIAL, AUDIO_BPS, LayerRates
from .params import (
    Extension,
    Kind,
    MediaParameters,
    PayloadFormat,
    PublicationId,
    SubscriptionId,
    TransportId,
    TransportState,
)

if TYPE_CHECKING:
    from .engine.engine import Engine
    from .pauses import Pauses

ALL_TEMPORAL = 7
"""`Engine.set_wanted_layer`: no limit."""
DEFAULT_LOUDEST = 4
"""Places of a group of microphones: of more voices at a time nobody understands a word."""
DEFAULT_PRIORITY = 2
"""Of a picture, until somebody says otherwise."""
ENDED = frozenset({TransportState.FAILED, TransportState.CLOSED})


class TransportClosed(Exception):  # noqa: N818  (a fact, not a mistake of ours)
    """The transport (or the publication's transport) has failed or was closed: nothing can be added to it."""


class EngineOwner(Protocol):
    """Who has the engine: the Sfu."""

    engine: Engine
    pauses: Pauses

    def stirred(self, transport: TransportId) -> None:
        """Something about it is no longer as it was (`MediaEnd.stir`)."""


class Publication:
    """Media that one transport sends us. Made by `publish`."""

    def __init__(self, id: PublicationId, parameters: MediaParameters, transport: MediaEnd) -> None:
        self.id = id
        self.parameters = parameters
        self.transport = transport
        self.closed = False
        self.started = False
        """Its first packet has arrived."""
        self.subscriptions: dict[SubscriptionId, Subscription] = {}
        self.rates = LayerRates(parameters.kind, len(parameters.encodings))
        self.demand = LayerDemand(len(parameters.encodings))
        self._wanting: Counter[int] = Counter()
        """Encoding -> how many subscriptions are to get it."""
        self.on_layers: Callable[[frozenset[int]], None] | None = None
        """Hears which encodings are to be sent, as indices, whenever that changes; at once, and must not
        block. Where nobody listens the sender goes on sending all of them."""

    def request_keyframe(self) -> None:
        """Asks the sender for a keyframe (the engine limits the rate). Nothing when closed."""
        if not self.closed:
            self.transport.engine.request_keyframe(self.id)

    def group(
        self, group: int, *, party: int = 0, always: bool = False, loudest: int = DEFAULT_LOUDEST
    ) -> None:
        """Sound: puts it among the microphones (a number of the caller's; 0: none) of which the loudest few
        have a place each, and are heard by those who have a `Slot` for it. party: a number for whose it is.
        always: takes no place, only who speaks is told of it. A subscription gets all of it, whatever the
        group does. ValueError for pictures. Nothing when closed."""
        if not self.closed:
            self.transport.engine.set_group(self.id, group, party=party, always=always, loudest=loudest)

    def look_at_layers(self, now: float | None = None) -> None:
        """Which encodings anybody wants. Without `now` (seconds) nothing is switched off."""
        if len(self.parameters.encodings) < 2 or self.closed:
            return
        if self.demand.update(self._wanting, now) and self.on_layers is not None:
            self.on_layers(self.demand.active)

    def wanted(self, before: int | None, after: int | None) -> None:
        """One of its subscriptions is to get another encoding; None: nothing."""
        if after is not None:
            self._wanting[after] += 1
        if before is not None:
            self._wanting[before] -= 1
            if not self._wanting[before]:
                del self._wanting[before]
        self.look_at_layers()

    def close(self) -> None:
        """Ends it and every subscription to it. Idempotent."""
        if self.closed:
            return
        self.closed = True
        for subscription in tuple(self.subscriptions.values()):
            subscription.detach()
        del self.transport.publications[self.id]
        self.transport.engine.remove_publication(self.id)
        self.transport.stir()


class Subscription:
    """A publication on its way to one transport. Made by `subscribe`."""

    def __init__(
        self,
        id: SubscriptionId,
        publication: Publication,
        parameters: MediaParameters,
        transport: MediaEnd,
        *,
        begins_low: bool = False,
        paused: bool = False,
    ) -> None:
        self.id = id
        self.publication = publication
        self.parameters = parameters
        self.transport = transport
        self.closed = False
        self.paused = paused
        """By whoever made it; what bandwidth does to it is `state`."""
        self.wished_layer: int | None = None
        """The best that is of use to the subscriber; None: the best there is."""
        self.state = StreamState.OK
        self.on_state: Callable[[StreamState], None] | None = None
        """Hears of each change of `state`; at once, and must not block."""
        self._withheld = False
        self._limit: tuple[int, int] | None = None
        self._begins_low = begins_low
        self._priority = 0 if parameters.kind is Kind.AUDIO else DEFAULT_PRIORITY
        self._noted: int | None = None
        """The encoding that its publication knows of."""

    def note_encoding(self) -> None:
        """Tells the publication which encoding is to be sent, when that has changed."""
        wanted = None if self.closed else self.encoding
        if wanted != self._noted:
            before, self._noted = self._noted, wanted
            self.publication.wanted(before, wanted)

    def demand(self) -> Demand:
        """What it asks of the downlink."""
        return Demand(
            id=self.id,
            priority=self.priority,
            steps=self.publication.rates.steps(highest=self.wished_layer),
            audio=self.publication.parameters.kind is Kind.AUDIO,
        )

    @property
    def priority(self) -> int:
        """The lower, the more important (allocator.py). Sound is never given up, whatever stands here."""
        return self._priority

    @priority.setter
    def priority(self, priority: int) -> None:
        if priority != self._priority:
            self._priority = priority
            self.transport.downlink.changed()

    def pause(self, paused: bool) -> None:
        """Video starts again at a keyframe. Nothing when closed."""
        if not self.closed and paused != self.paused:
            self.paused = paused
            self.transport.pauses.set(self.id, paused or self._withheld)
            self.transport.downlink.changed()
            self.note_encoding()

    def want_layer(self, layer: int | None) -> None:
        """The best that is of use to this subscriber: an index into the publication's encodings, or the
        spatial layer inside the only one; None: the best there is. ValueError when there is no such layer.
        Nothing when closed."""
        if self.closed or layer == self.wished_layer:
            return
        self.wished_layer = layer
        if not self._begins_low and (layer is not None or self._limit is not None):
            best, limit = self._best_layer(), self._limit
            if self.state is StreamState.OK or limit is None or best < limit[0]:
                self._set_limit(best, ALL_TEMPORAL)  # at once: the next tick may be a second away
        self.note_encoding()
        self.transport.downlink.changed()

    def grant(self, grant: Grant) -> None:
        """What the downlink has for it."""
        if grant.step is None:
            self._withhold(True)
        else:
            self._apply(grant.step, whole=grant.state is StreamState.OK)
            self._withhold(False)
        if grant.state is not self.state:
            self.state = grant.state
            if self.on_state is not None:
                self.on_state(grant.state)

    @property
    def unlimited(self) -> bool:
        """It gets all that is wished for, and no bandwidth was ever in the way."""
        free = self._limit is None or self._limit == (self._best_layer(), ALL_TEMPORAL)
        return free and self.state is StreamState.OK and not (self._withheld or self._begins_low)

    def _apply(self, step: Step, *, whole: bool) -> None:
        if not whole:
            temporal = ALL_TEMPORAL if step.temporal is None else step.temporal
            self._set_limit(step.layer, temporal)
        elif self._limit is not None or self._begins_low:
            # Not the step's own: layers that were not seen yet count as wished for, too.
            self._set_limit(self._best_layer(), ALL_TEMPORAL)
        self._begins_low = False

    def _best_layer(self) -> int:
        if self.wished_layer is not None:
            return self.wished_layer
        encodings = len(self.publication.parameters.encodings)
        return encodings - 1 if encodings > 1 else ALL_SPATIAL

    def _set_limit(self, layer: int, temporal: int) -> None:
        if (layer, temporal) != self._limit:
            self.transport.engine.set_wanted_layer(self.id, layer, temporal)
            self._limit = (layer, temporal)
            self.note_encoding()

    def _withhold(self, withheld: bool) -> None:
        if withheld != self._withheld:
            self._withheld = withheld
            self.transport.pauses.set(self.id, withheld or self.paused)
            self.note_encoding()

    @property
    def encoding(self) -> int | None:
        """Which encoding of the publication is to be sent; None: nothing now."""
        if self.paused or self._withheld:
            return None
        return self._best_layer() if self._limit is None else self._limit[0]

    def close(self) -> None:
        """Idempotent."""
        if not self.closed:
            self.detach()
            self.transport.engine.remove_subscription(self.id)

    def detach(self) -> None:
        """Forgets it on this side; the engine has done, or will do, the same by itself."""
        self.closed = True
        self.transport.pauses.forget(self.id)
        self.note_encoding()
        del self.publication.subscriptions[self.id]
        del self.transport.subscriptions[self.id]
        self.transport.downlink.changed()


class Slot:
    """One place of a group of microphones on its way to one transport: whoever is loudest, one after the
    other, in one stream. Made by `listen`."""

    def __init__(self, id: SubscriptionId, parameters: MediaParameters, transport: MediaEnd) -> None:
        self.id = id
        self.parameters = parameters
        self.transport = transport
        self.closed = False
        self.paused = False

    def tune(self, group: int, *, loudest: int = DEFAULT_LOUDEST) -> None:
        """The same place of another group from now on. Nothing when closed."""
        if not self.closed:
            self.transport.engine.tune_slot(self.id, group, loudest=loudest)

    def pause(self, paused: bool) -> None:
        """Nothing when closed."""
        if not self.closed and paused != self.paused:
            self.paused = paused
            self.transport.pauses.set(self.id, paused)
            self.transport.downlink.changed()

    def demand(self) -> Demand:
        """As one voice."""
        return Demand(id=self.id, priority=0, steps=(Step(0, AUDIO_BPS),), audio=True)

    unlimited = True

    def grant(self, grant: Grant) -> None:
        """Sound is never given up."""

    def close(self) -> None:
        """Idempotent."""
        if not self.closed:
            self.closed = True
            self.transport.pauses.forget(self.id)
            del self.transport.slots[self.id]
            self.transport.engine.remove_subscription(self.id)
            self.transport.downlink.changed()


class MediaEnd:
    """What publishes and subscribes: a transport, seen from its media."""

    def __init__(self, owner: EngineOwner, id: TransportId) -> None:
        self.id = id
        self.engine = owner.engine
        self._stirred = owner.stirred
        self.pauses = owner.pauses
        self.state = TransportState.NEW
        self.publications: dict[PublicationId, Publication] = {}
        self.subscriptions: dict[SubscriptionId, Subscription] = {}
        self.slots: dict[SubscriptionId, Slot] = {}
        self.downlink = Downlink(owner.engine, id, on_restless=self.attend, on_state=self.stir)

    def stir(self) -> None:
        """What those ask who watch it has changed: what it publishes, what its downlink leaves of the wishes,
        or something of its owner's (who says so himself)."""
        self._stirred(self.id)

    def attend(self) -> None:
        """It has something to look at once a second."""

    def publish(self, parameters: MediaParameters) -> Publication:
        """What the peer sends us: takes its formats, encodings and header extensions. May be called before
        CONNECTED.

        Raises TransportClosed; ValueError when a header extension's id contradicts that of another m-line,
        or the engine has no room for its streams."""
        self.check_open()
        extensions = _merged((*(each.parameters for each in self.publications.values()), parameters))
        self.engine.set_receive_extensions(self.id, extensions)
        feedback = frozenset().union(*(each.feedback for each in parameters.formats))
        transport_cc = Extension.TRANSPORT_CC in extensions and "transport-cc" in feedback
        id = self.engine.add_publication(
            self.id,
            kind=parameters.kind.value,
            mid=parameters.mid,
            clock_rate=parameters.formats[0].codec.clock_rate,
            formats=[(each.codec.name, *_numbers(each)) for each in parameters.formats],
            encodings=[(each.rid or "", each.ssrc or 0, each.rtx_ssrc or 0) for each in parameters.encodings],
            transport_cc=transport_cc,
            reduced_size=parameters.reduced_size_rtcp,
        )
        publication = Publication(PublicationId(id), parameters, self)
        self.publications[publication.id] = publication
        self.attend()
        self.stir()
        return publication

    def subscribe(
        self, publication: Publication, parameters: MediaParameters, *, paused: bool = False
    ) -> Subscription:
        """Sends `publication` to the peer as `parameters` say (encodings[0]: our ssrc and rtx_ssrc). paused:
        nothing of it, until `Subscription.pause` says so.

        Raises TransportClosed when either end has gone; ValueError when no format of the publication is among
        them, a header extension's id contradicts that of another m-line, or the engine has no room."""
        self.check_open()
        if publication.closed:
            raise TransportClosed("the publication has ended")
        formats = [_chosen(each, parameters) for each in publication.parameters.formats]
        if all(payload_type < 0 for payload_type, _, _ in formats):
            raise ValueError("the parameters have no format of the publication")
        if not parameters.encodings or not parameters.encodings[0].ssrc:
            raise ValueError("the parameters name no SSRC")
        self._take_send_extensions(parameters)
        low = self.downlink.doubtful and _in_doubt(publication, parameters)
        id = self.engine.add_subscription(
            self.id,
            publication.id,
            mid=parameters.mid,
            ssrc=parameters.encodings[0].ssrc,
            rtx_ssrc=parameters.encodings[0].rtx_ssrc or 0,
            formats=formats,
            layer=0 if low else -1,
            paused=paused,
        )
        subscription = Subscription(
            SubscriptionId(id), publication, parameters, self, begins_low=low, paused=paused
        )
        self.subscriptions[subscription.id] = subscription
        publication.subscriptions[subscription.id] = subscription
        self.downlink.added(subscription)
        subscription.note_encoding()
        return subscription

    def listen(
        self,
        group: int,
        place: int,
        parameters: MediaParameters,
        *,
        party: int = 0,
        loudest: int = DEFAULT_LOUDEST,
    ) -> Slot:
        """Sends whoever has that place (0 to 15) in a group of microphones, as `parameters` say (Opus, RED;
        encodings[0]: our ssrc), but not the voice of `party`.

        Raises TransportClosed; ValueError when a number is out of range, a header extension's id contradicts
        that of another m-line, or the engine has no room."""
        self.check_open()
        if not parameters.encodings or not parameters.encodings[0].ssrc:
            raise ValueError("the parameters name no SSRC")
        self._take_send_extensions(parameters)
        id = self.engine.add_slot(
            self.id,
            group,
            place,
            mid=parameters.mid,
            ssrc=parameters.encodings[0].ssrc,
            formats=[
                (each.codec.name, each.payload_type, "nack" in each.feedback) for each in parameters.formats
            ],
            party=party,
            loudest=loudest,
        )
        slot = Slot(SubscriptionId(id), parameters, self)
        self.slots[slot.id] = slot
        self.downlink.added(slot)
        return slot

    @property
    def served(self) -> tuple[Subscription | Slot, ...]:
        """All that is sent here."""
        return (*self.subscriptions.values(), *self.slots.values())

    def _take_send_extensions(self, parameters: MediaParameters) -> None:
        self.engine.set_send_extensions(
            self.id, _merged((*(each.parameters for each in self.served), parameters))
        )

    def check_open(self) -> None:
        if self.state in ENDED:
            raise TransportClosed(f"transport {self.id} has ended")

    def close_media(self) -> None:
        """Everything that it published and subscribed."""
        for publication in tuple(self.publications.values()):
            publication.close()
        for sent in self.served:
            sent.close()


def _in_doubt(publication: Publication, parameters: MediaParameters) -> bool:
    """Whether to begin with the least picture: there is more than one, and the peer will tell of its link."""
    extensions = {uri for uri, _ in parameters.extensions}
    return len(publication.parameters.encodings) > 1 and Extension.TRANSPORT_CC in extensions


def _numbers(payload_format: PayloadFormat) -> tuple[int, int, bool]:
    """(payload type, rtx payload type or -1, nack), as the engine takes them."""
    rtx = payload_format.rtx_payload_type
    return (payload_format.payload_type, -1 if rtx is None else rtx, "nack" in payload_format.feedback)


def _chosen(published: PayloadFormat, parameters: MediaParameters) -> tuple[int, int, bool]:
    for each in parameters.formats:
        if decodes(each.codec, published.codec):
            return _numbers(each)
    return (-1, -1, False)


def _merged(parameters: Iterable[MediaParameters]) -> dict[str, int]:
    """Extension URI -> id over all m-lines of a transport: with BUNDLE there is one table (RFC 9143, 9.2)."""
    table: dict[str, int] = {}
    for each in parameters:
        for uri, number in each.extensions:
            if table.setdefault(uri.value, number) != number:
                raise ValueError(f"two m-lines give {uri} different ids")
    if len(set(table.values())) != len(table):
        raise ValueError("two header extensions have one id")
    return table
