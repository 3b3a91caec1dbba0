"""The dependency descriptor header extension (AV1 RTP payload format, appendix A); the packet path's code,
for tests."""

from typing import Any

from typing_extensions import Buffer

class DependencyReader:
    """Reads the extensions of one RTP stream in their order; keeps the structure that a keyframe brought."""

    def read(self, data: Buffer) -> dict[str, Any] | None:
        """begins, ends, frame (16 bits), spatial, temporal, references (how many frames back), targets
        (`-DSR` for each decode target), active (whether each is sent). None for what makes no sense, or
        names a template not known."""
    @property
    def target_layers(self) -> list[tuple[int, int]]:
        """(highest spatial layer, highest temporal layer) of each decode target."""
