"""Choice of layers for one subscriber; the packet path's code, for tests."""

from collections.abc import Sequence

def encoding_for(alive: Sequence[bool], wanted: int) -> int:
    """Which encoding of a simulcast to send: the wanted one, the nearest living one below, or above."""

class LayerSelector:
    def __init__(self, targets: Sequence[tuple[int, int]] = ()) -> None:
        """targets: (spatial, temporal) of each decode target, for streams with a dependency descriptor."""
    def decide(
        self,
        frame: int,
        *,
        spatial: int = 0,
        temporal: int = 0,
        begins: bool = True,
        ends: bool = True,
        sync: bool = False,
        opens: bool = False,
        predicted: bool = True,
        idle: bool = False,
        references: Sequence[int] | None = None,
        targets: str = "",
        keyframe: bool = False,
        newest: bool = True,
        wanted: tuple[int, int] = (7, 7),
    ) -> str:
        """One packet: `send`, `last` (send, with the marker set), `drop`, or `drop late` (a number was kept
        free for it). references: how many frames back; targets: `-DSR` for each decode target; wanted:
        (spatial, temporal)."""
    @property
    def waits(self) -> bool:
        """A lower layer is wanted, and cannot begin before a keyframe."""
    @property
    def sending(self) -> tuple[int, int]:
        """(spatial, temporal) layer being sent."""
    def dropped_after(self, frame: int) -> int: ...
