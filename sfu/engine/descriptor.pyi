"""What VP8's and VP9's payload descriptors say about layers and frame numbers; the packet path's
code, for tests."""

from typing import Any

from typing_extensions import Buffer

def read_descriptor(codec: str, payload: Buffer) -> dict[str, Any]:
    """layered, begins, ends, sync, predicted, spatial, temporal; references, picture, tl0 and key: None where
    absent. Of a payload that is cut short nothing is said."""
