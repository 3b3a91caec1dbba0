"""Frames into CMAF fragments (ISO/IEC 23000-19): the only place where a muxer runs while recording.

Every fragment is a run of FFmpeg's MP4 muxer of its own, into memory: the header of the run is thrown away,
its `moof` and `mdat` are kept. So a fragment depends on nothing but its part's initialisation segment and
its frames: there is no muxer state to lose in a crash, no sample whose length depends on what the muxer saw
before, and a fragment is placed on the item's clock exactly (`frag_discont`: `tfdt` is the first frame's
time).

VP8 has a place in ISO media files ("VP Codec ISO Media File Format Binding", 1.0), but FFmpeg, which reads
it, does not write it. It is therefore written under MPEG-4 Visual's sample entry, and the entry is then
renamed in place: `mp4v` with an `esds` box becomes `vp08` with a `vpcC` box. So all codecs share one
container, playlist and export.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from recorder.boxes import top_level
from recorder.depacketize.frame import CodecConfig
from recorder.depacketize.opus import SILENCE, SILENCE_TICKS

START_CODE = b"\x00\x00\x00\x01"
_MUXER_OPTIONS = {
    "movflags": "empty_moov+default_base_moof+cmaf+frag_discont+frag_custom",
    "use_editlist": "0",
}
_MUX_CODEC = {"h264": "h264", "vp8": "mpeg4", "vp9": "vp9", "av1": "av1"}
_BARE = {"vp8", "vp9"}
"""Codecs without parameter sets: size and clock are all that a muxer must know of them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame with its place in the file. Times in ticks of the codec's clock, 0 at the item's start."""

    data: bytes
    time: int
    duration: int
    keyframe: bool


class FragmentMuxer:
    """Makes the fragments of one part. `init` is the part's initialisation segment (`ftyp` and `moov`)."""

    def __init__(self, config: CodecConfig, first: bytes) -> None:
        """first: the part's first frame, which is a keyframe."""
        self.config = config
        header = _header(config, first)
        self.init = rename_vp8(header) if config.codec == "vp8" else header
        self._template = None if config.codec in _BARE else open_template(header)

    def fragment(self, samples: Sequence[Sample], number: int) -> bytes:
        """One `moof` and `mdat`. number: from 1, increasing within the part (`mfhd` sequence number)."""
        output = io.BytesIO()
        options = {**_MUXER_OPTIONS, "fragment_index": str(number)}
        with av.open(output, "w", format="mp4", options=options) as container:
            stream = self._add_stream(container)
            for sample in samples:
                container.mux_one(_packet(stream, sample, self.config.clock_rate))
        return _boxes(output.getvalue(), {b"moof", b"mdat"})

    def _add_stream(self, container: OutputContainer) -> Stream:
        if self._template is None:
            return _add_bare_stream(container, self.config)
        stream: Stream = container.add_stream_from_template(self._template.streams[0], opaque=True)
        stream.time_base = Fraction(1, self.config.clock_rate)
        return stream


def open_template(header: bytes) -> InputContainer:
    """Its first stream carries the part's codec parameters. Nothing is decoded: the header has no samples."""
    return av.open(io.BytesIO(header), "r", format="mp4")


def _header(config: CodecConfig, first: bytes) -> bytes:
    output = io.BytesIO()
    with av.open(output, "w", format="mp4", options=_MUXER_OPTIONS) as container:
        if config.codec == "opus":
            audio = container.add_stream("libopus", rate=config.clock_rate)
            audio.layout = "stereo" if config.channels == 2 else "mono"
            container.start_encoding()  # only for the codec's own header: nothing is ever encoded
        else:
            video = _add_bare_stream(container, config)
            sample = Sample(_with_parameter_sets(config, first), 0, 1, True)
            container.mux_one(_packet(video, sample, config.clock_rate))
    return _boxes(output.getvalue(), {b"ftyp", b"moov"})


def _add_bare_stream(container: OutputContainer, config: CodecConfig) -> Stream:
    """A video stream that knows its size only; the muxer takes parameter sets from the first packet."""
    stream = container.add_mux_stream(_MUX_CODEC[config.codec], width=config.width, height=config.height)
    stream.time_base = Fraction(1, config.clock_rate)
    return stream


def _with_parameter_sets(config: CodecConfig, first: bytes) -> bytes:
    """H.264 as a byte stream (H.264, annex B), from which the muxer makes the `avcC` box."""
    if config.codec != "h264":
        return first
    units = [*config.parameter_sets]
    offset = 0
    while offset < len(first):
        (size,) = struct.unpack_from("!I", first, offset)
        units.append(first[offset + 4 : offset + 4 + size])
        offset += 4 + size
    return b"".join(START_CODE + unit for unit in units)


def _packet(stream: Stream, sample: Sample, clock_rate: int) -> av.Packet[Stream]:
    packet = av.Packet(sample.data)
    packet.stream = stream
    packet.time_base = Fraction(1, clock_rate)
    packet.pts = packet.dts = sample.time
    packet.duration = sample.duration
    packet.is_keyframe = sample.keyframe
    return packet


def _boxes(data: bytes, wanted: Iterable[bytes]) -> bytes:
    return b"".join(data[box.start : box.end] for box in top_level(data) if box.kind in wanted)


def rename_vp8(header: bytes) -> bytes:
    """`mp4v` with `esds` to `vp08` with `vpcC`, of the same length, so that no size and no offset changes."""
    descriptor = header.index(b"esds")
    entry = header.rindex(b"mp4v", 0, descriptor)
    (size,) = struct.unpack_from("!I", header, descriptor - 4)
    # vpcC: profile 0, level 1.0, 8 bits, 4:2:0 colocated, BT.709 limited, no initialisation data
    config = struct.pack("!I4sIBBBBBBH", 20, b"vpcC", 1 << 24, 0, 10, 0x82, 1, 1, 1, 0)
    filler = struct.pack("!I4s", size - len(config), b"free").ljust(size - len(config), b"\0")
    out = bytearray(header)
    out[entry : entry + 4] = b"vp08"
    out[descriptor - 4 : descriptor - 4 + size] = config + filler
    return bytes(out)


def silence(from_us: int, to_us: int, clock_rate: int = 48_000) -> bytes:
    """A fragment of silence for a hole in a sound track. Times in microseconds of the item's clock."""
    start, end = (us * clock_rate // 1_000_000 for us in (from_us, to_us))
    samples = [
        Sample(SILENCE, time, min(SILENCE_TICKS, end - time), True)
        for time in range(start, end, SILENCE_TICKS)
    ]
    muxer = FragmentMuxer(CodecConfig("opus", "opus", clock_rate, channels=2), b"")
    return muxer.fragment(samples, 1)
