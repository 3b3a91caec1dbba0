"""Frames into CMAF fragments (ISO/IEC 23000-19): the only place where a muxer runs while recording.

A part's initialisation segment is made by FFmpeg's MP4 muxer, which knows what each codec wants there. A
fragment is a table of its samples and their bytes, and is put together here: a muxer started for each took
more processor time than everything else that recording does. It depends on nothing but the initialisation
segment and its frames: there is no state to lose in a crash, no sample whose length depends on what came
before, and it stands on the item's clock exactly (`tfdt` is the first frame's time).

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
_MOOF = struct.Struct("!I4s I4sII I4s I4sII I4sIQ I4sIII")
"""`moof` with `mfhd`, and `traf` with `tfhd`, `tfdt` (version 1) and `trun`, up to its table: ISO/IEC
14496-12, 8.8.4 to 8.8.8 and 8.8.12."""
_MOOF_OCTETS = _MOOF.size
_RUN_ENTRY = struct.Struct("!III")
_BASE_IS_MOOF = 0x020000
"""`tfhd`: data offsets count from the `moof` (8.8.7)."""
_RUN_FLAGS = 0x01 | 0x100 | 0x200 | 0x400
"""`trun`: data offset; duration, size and flags of each sample."""
SYNC, NOT_SYNC = 0x02000000, 0x01010000
"""Sample flags (8.8.3.1): depends on no other; depends on others and is no sync sample."""


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

    def fragment(self, samples: Sequence[Sample], number: int) -> bytes:
        """One `moof` and `mdat`. number: from 1, increasing within the part (`mfhd` sequence number)."""
        run = b"".join(
            _RUN_ENTRY.pack(sample.duration, len(sample.data), SYNC if sample.keyframe else NOT_SYNC)
            for sample in samples
        )
        size = _MOOF_OCTETS + len(run)
        media = b"".join(sample.data for sample in samples)
        return b"".join(
            (
                _MOOF.pack(
                    *(size, b"moof", 16, b"mfhd", 0, number),
                    *(size - 24, b"traf", 16, b"tfhd", _BASE_IS_MOOF, 1),
                    *(20, b"tfdt", 1 << 24, samples[0].time),
                    *(20 + len(run), b"trun", _RUN_FLAGS, len(samples), size + 8),
                ),
                run,
                struct.pack("!I4s", 8 + len(media), b"mdat"),
                media,
            )
        )


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
