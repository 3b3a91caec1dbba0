"""The part that all video formats share: pieces with one timestamp make a picture, and a loss costs
everything up to the next keyframe.

A picture that refers to a lost one decodes to garbage, and garbage in a recording stays for ever; so after a
loss nothing is taken until a keyframe, which the track asks for (`wants_keyframe`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from recorder.depacketize.frame import MAX_FRAME_BYTES, BadPayloadError, CodecConfig, Frame, Payload


class VideoAssembler(ABC):
    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._arrival_us = 0
        self._size = 0
        self._spoilt = False
        """The picture being put together misses a piece."""
        self.wants_keyframe = True
        self.frames_dropped = 0
        self.malformed = 0
        self._lost = False

    def push(self, payload: Payload) -> list[Frame]:
        """See Depacketizer.push."""
        frames = self._turn_of(payload)
        if payload.lost:
            self._lose()
        if payload.data:  # else padding: a bandwidth probe
            self._arrival_us = payload.arrival_us
            self._take(payload.data)
        if payload.marker:
            frames += self._finish()
        return frames

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        try:
            if self._size > MAX_FRAME_BYTES:
                raise BadPayloadError("picture too large")
            self.take(data)
        except BadPayloadError:
            self.malformed += 1
            self._lose()

    @abstractmethod
    def take(self, data: bytes) -> None:
        """Adds one payload to the picture. Raises BadPayloadError."""

    @abstractmethod
    def complete(self) -> tuple[bytes, bool, CodecConfig | None]:
        """(data, keyframe, configuration) of the picture put together, which is then forgotten. Data is
        empty when the pieces make no picture; the configuration None when none came yet. Raises
        BadPayloadError."""

    @abstractmethod
    def discard(self) -> None:
        """Forgets the pieces of the picture being put together."""

    def _turn_of(self, payload: Payload) -> list[Frame]:
        """A new timestamp without a marker before it: the old picture ended without saying so."""
        if self._timestamp == payload.timestamp:
            return []
        frames = [] if payload.lost else self._finish()
        self._begin(payload.timestamp)
        return frames

    def _begin(self, timestamp: int | None) -> None:
        self._timestamp = timestamp
        self._spoilt = False
        self._size = 0
        self.discard()

    def _lose(self) -> None:
        self._spoilt = True
        self._lost = True
        self.wants_keyframe = True

    def _finish(self) -> list[Frame]:
        timestamp, spoilt = self._timestamp, self._spoilt
        if timestamp is None or self._size == 0:
            return []
        try:
            data, keyframe, config = self.complete()
        except BadPayloadError:
            self.malformed += 1
            self._lose()
            data, keyframe, config, spoilt = b"", False, None, True
        self._begin(None)
        if spoilt or (self.wants_keyframe and not keyframe) or not data or config is None:
            self.frames_dropped += 1
            return []
        lost, self._lost, self.wants_keyframe = self._lost, False, False
        return [Frame(timestamp, data, keyframe, self._arrival_us, config, lost)]
