"""Index lines from the media itself: what a part file is, told by its boxes. Pure.

The recorder writes its index by the same functions, so an index that was lost and made again from the part
files is the same to the byte.
"""

from __future__ import annotations

from recorder.boxes import BadBoxError, Box, boxes, find, fragment_times, timescale
from recorder.chain import digest
from recorder.index import Fragment, Line, Part

PAGE_BYTES = 4096
"""What a power cut takes away is a page, and reads as zeros then."""
ZEROS = 64
"""More zeros in a row than boxes have, and than coded media can have."""


def part_line(init: bytes, part: int) -> Part:
    """init: an initialisation segment, with or without media behind it. Raises BadBoxError when it is not
    whole."""
    end = 0
    for box in boxes(init):
        end = box.end
        if box.kind == b"moov":
            break
    else:
        raise BadBoxError("no moov box")
    init = init[:end]
    codec, width, height = sample_entry(init)
    return Part(
        part=part,
        init=end,
        codec=codec,
        timescale=timescale(init),
        width=width,
        height=height,
        sha256=digest(init),
    )


def fragment_line(fragment: bytes, part: int, offset: int) -> Fragment:
    """fragment: one `moof` and its `mdat`; offset: where it stands in the part file. Raises BadBoxError."""
    header = next(boxes(fragment))
    times = fragment_times(fragment[: header.end])
    return Fragment(
        part=part,
        offset=offset,
        length=len(fragment),
        time=times.time,
        duration=times.duration,
        keyframe=times.keyframe,
        sha256=digest(fragment),
    )


def rebuild_index(data: bytes, part: int, start: int = 0) -> tuple[list[Line], int]:
    """data: a part file from `start` on. (Lines for its whole fragments, length of the file up to which
    it is whole)."""
    lines: list[Line] = []
    valid = start
    header: Box | None = None
    try:
        if start == 0:
            first = part_line(data, part)
            lines.append(first)
            valid = first.init
        for box in boxes(data, valid - start):
            if box.kind == b"moof":
                header = box
            elif box.kind == b"mdat" and header is not None:
                fragment = data[header.start : box.end]
                if has_lost_page(fragment, start + header.start):
                    break
                lines.append(fragment_line(fragment, part, start + header.start))
                valid, header = start + box.end, None
    except BadBoxError:
        pass  # the torn end
    return lines, valid


def has_lost_page(data: bytes, offset: int) -> bool:
    """Whether a page of the file, or what of it lies in data, is nothing but zeros. offset: of the data in
    the file."""
    start = 0
    while start < len(data):
        end = min(len(data), start + PAGE_BYTES - (offset + start) % PAGE_BYTES)
        if end - start >= ZEROS and not any(data[start:end]):
            return True
        start = end
    return False


def sample_entry(init: bytes) -> tuple[str, int, int]:
    """(RFC 6381 codec, width, height) of the first track. Raises BadBoxError."""
    table = find(init, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(boxes(init, table.body + 8, table.end), None)
    if entry is None:
        raise BadBoxError("no sample entry")
    if entry.kind == b"Opus":
        return "opus", 0, 0
    width = int.from_bytes(init[entry.body + 24 : entry.body + 26], "big")
    height = int.from_bytes(init[entry.body + 26 : entry.body + 28], "big")
    return _codec(init, entry), width, height


def _codec(init: bytes, entry: Box) -> str:
    match entry.kind:
        case b"avc1":  # AVCDecoderConfigurationRecord: ISO/IEC 14496-15, 5.3.3.1
            settings = _configuration(init, entry, b"avcC", 4)
            return f"avc1.{settings[1:4].hex()}"
        case b"vp08":
            return "vp08.00.10.08"
        case b"vp09":  # VP Codec ISO Media File Format Binding, 1.0: behind version and flags
            settings = _configuration(init, entry, b"vpcC", 7)
            return f"vp09.{settings[4]:02}.{settings[5] or 10:02}.{settings[6] >> 4 or 8:02}"
        case b"av01":  # AV1 Codec ISO Media File Format Binding, 2.3.3 and 5
            settings = _configuration(init, entry, b"av1C", 3)
            tier = "H" if settings[2] & 0x80 else "M"
            depth = (12 if settings[2] & 0x20 else 10) if settings[2] & 0x40 else 8
            return f"av01.{settings[1] >> 5}.{settings[1] & 0x1F:02}{tier}.{depth:02}"
    return ""


def _configuration(init: bytes, entry: Box, kind: bytes, size: int) -> bytes:
    """At least so many bytes of the decoder configuration in a sample entry."""
    found = init.find(kind, entry.body, entry.end)
    if found < 0 or found + 4 + size > entry.end:
        raise BadBoxError(f"no {kind.decode()} box")
    return init[found + 4 : entry.end]
