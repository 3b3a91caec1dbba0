"""What the layers of a publication cost: measured once a second, remembered while they are silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .allocator import Step, ladder
from .params import Kind

AUDIO_BPS = 40_000.0
"""Of one voice until it is measured: Opus at 24 to 32 kbit/s with its headers."""
NOMINAL_BPS: dict[int, tuple[float, ...]] = {1: (800e3,), 2: (200e3, 1.2e6), 3: (150e3, 500e3, 1.5e6)}
"""Of pictures until they are measured, by the number of layers; of more than three: as the best of three."""
WEIGHT = 0.4
"""Of the latest second: a keyframe every two seconds must not show."""
ALL = None
ALL_SPATIAL = 7
"""`Engine.set_wanted_layer`: no limit inside the only encoding."""


class LayerRates:
    """Bits per second of each layer of one publication."""

    def __init__(self, kind: Kind, encodings: int) -> None:
        self._kind = kind
        self._encodings = max(encodings, 1)
        self._at: float | None = None
        self._counted: list[list[list[int]]] = []
        self._total: list[int] = []
        self._bps: dict[tuple[int, int, int], float] = {}
        """By encoding, spatial and temporal layer: what that layer alone costs."""
        self._measured: dict[int, float] = {}
        """By encoding, all of it."""
        self._active: frozenset[int] = frozenset()
        self._steps: dict[int | None, tuple[Step, ...]] = {}
        """What `steps` found since the last sample: a thousand subscribers ask for the same."""

    def sample(self, now: float, layers: Sequence[dict[str, Any]]) -> None:
        """layers: of `Engine.publication_stats`; now: seconds."""
        passed = None if self._at is None else now - self._at
        self._steps.clear()
        self._active = frozenset(at for at, layer in enumerate(layers) if layer["active"])
        if passed is not None and passed > 0:
            for at in self._active:
                self._take(at, layers[at], passed)
        self._at = now
        self._total = [layer["bytes_received"] for layer in layers]
        self._counted = [[list(temporal) for temporal in layer["layer_bytes"]] for layer in layers]

    def _take(self, at: int, layer: dict[str, Any], passed: float) -> None:
        total = layer["bytes_received"] - self._total[at]
        if total <= 0:
            return  # began anew, or silent: what it cost before is the better guess
        self._measured[at] = _smooth(self._measured.get(at), 8 * total / passed)
        for spatial, row in enumerate(layer["layer_bytes"]):
            for temporal, counted in enumerate(row):
                grown = counted - self._counted[at][spatial][temporal]
                if counted and grown >= 0:
                    way = (at, spatial, temporal)
                    self._bps[way] = _smooth(self._bps.get(way), 8 * grown / passed)

    def steps(self, *, highest: int | None = None) -> tuple[Step, ...]:
        """The ways in which it can be sent now, cheapest first; at least one. highest: the best that is
        wished for, as in `Engine.set_wanted_layer`; None: the best there is.

        The whole of a single encoding is the same way however many layers turn out to be inside it: who has
        it goes on having it."""
        found = self._steps.get(highest)
        if found is None:
            found = self._steps[highest] = self._ways(highest)
        return found

    def _ways(self, highest: int | None) -> tuple[Step, ...]:
        if self._kind is Kind.AUDIO:
            return (Step(0, self._measured.get(0, AUDIO_BPS)),)
        found = self._spatial() if self._encodings == 1 else self._simulcast()
        wished = tuple(step for step in found if highest is None or step.layer <= highest) or found[:1]
        if self._encodings > 1 or wished[-1] != found[-1]:
            return wished
        return (*wished[:-1], replace(wished[-1], layer=ALL_SPATIAL))

    def _simulcast(self) -> tuple[Step, ...]:
        usable = [at for at in range(self._encodings) if self._usable(at)] or list(range(self._encodings))
        steps = [self._temporal(at, at, [0]) for at in usable]
        return ladder([*steps[0], *(each[-1] for each in steps[1:])])

    def _spatial(self) -> tuple[Step, ...]:
        """One encoding; with layers inside it each spatial layer needs those below."""
        spatial = sorted({way[1] for way in self._bps})
        if len(spatial) < 2:
            return ladder(self._temporal(0, 0, spatial or [0]))
        steps = [self._temporal(at, 0, [each for each in spatial if each <= at]) for at in spatial]
        return ladder([*steps[0], *(each[-1] for each in steps[1:])])

    def _temporal(self, layer: int, encoding: int, spatial: Sequence[int]) -> list[Step]:
        """The steps of one layer by its temporal layers; only the whole where they are not told apart. Of use
        for the lowest layer alone: few pictures a second are better than none, but not than smaller ones."""
        temporal = sorted({way[2] for way in self._bps if way[0] == encoding and way[1] in spatial})
        if len(temporal) < 2:
            whole = sum(self._bps.get((encoding, each, 0), 0.0) for each in spatial)
            return [Step(layer, whole or self.cost(encoding))]
        found, spent = [], 0.0
        for each in temporal:
            spent += sum(self._bps.get((encoding, at, each), 0.0) for at in spatial)
            found.append(Step(layer, spent, ALL if each == temporal[-1] else each))
        return found

    def _usable(self, at: int) -> bool:
        """A layer below one that is being sent, and that was never seen, will not come: the client has left
        it out. One above may: it is switched on when somebody wants it."""
        return at in self._measured or at in self._active or at > max(self._active, default=-1)

    def cost(self, encoding: int) -> float:
        """Measured, or what is usual."""
        usual = NOMINAL_BPS.get(self._encodings, NOMINAL_BPS[3])
        return self._measured.get(encoding, usual[min(encoding, len(usual) - 1)])


def _smooth(known: float | None, sample: float) -> float:
    return sample if known is None else known + WEIGHT * (sample - known)
