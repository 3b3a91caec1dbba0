"""Captions of an item: WebVTT files (W3C), uploaded, kept beside its media, one per language.

What is uploaded is read cue by cue and written anew, so nothing but cues and their text is kept: no styles,
no regions, no notes. Times are those of the item's clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from recorder.library import Library
from recorder.playlist import Subtitles
from recorder.storage import Storage

MAX_BYTES = 4 * 1024 * 1024
"""A day of talk, in Chinese."""
MAX_CUES = 50_000
MAX_CUE_CHARACTERS = 2_000
LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,3}")
"""BCP 47, as far as languages of captions need it."""
_NAME = re.compile(r"captions\.([a-zA-Z0-9-]{2,40})\.vtt")
_TIME = re.compile(r"(?:([0-9]{2,4}):)?([0-5][0-9]):([0-5][0-9])\.([0-9]{3})")
_ARROW = re.compile(r"[ \t]*(\S+)[ \t]+-->[ \t]+(\S+)((?:[ \t]+[a-z]+:[A-Za-z0-9.,%:-]{1,40})*)[ \t]*")


class BadCaptionsError(ValueError):
    """Not WebVTT; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Cue:
    start_ms: int
    end_ms: int
    text: str
    settings: str = ""
    """Where on the picture it stands, as in the file."""


def parse(data: bytes) -> list[Cue]:
    """Raises BadCaptionsError."""
    if len(data) > MAX_BYTES:
        raise BadCaptionsError(f"more than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadCaptionsError("not UTF-8") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    first, _, rest = text.partition("\n")
    if not re.fullmatch(r"WEBVTT([ \t].*)?", first):
        raise BadCaptionsError("the first line is not WEBVTT")
    cues: list[Cue] = []
    for block in re.split(r"\n{2,}", rest.strip("\n")):
        if (cue := _cue(block, len(cues) + 1)) is not None:
            if cues and cue.start_ms < cues[-1].start_ms:
                raise BadCaptionsError(f"cue {len(cues) + 1} begins before the one before it")
            cues.append(cue)
        if len(cues) > MAX_CUES:
            raise BadCaptionsError(f"more than {MAX_CUES} cues")
    return cues


def _cue(block: str, number: int) -> Cue | None:
    lines = block.split("\n")
    if lines and "-->" not in lines[0]:
        lines = lines[1:]  # its identifier; a header, note, style or region has no time line behind it
    if not lines or "-->" not in lines[0]:
        return None
    match = _ARROW.fullmatch(lines[0])
    if match is None:
        raise BadCaptionsError(f"cue {number}: {lines[0][:60]!r} is no time line")
    start, end = _time(match[1], number), _time(match[2], number)
    if end <= start:
        raise BadCaptionsError(f"cue {number} ends before it begins")
    text = "\n".join(lines[1:])
    if len(text) > MAX_CUE_CHARACTERS:
        raise BadCaptionsError(f"cue {number} has more than {MAX_CUE_CHARACTERS} characters")
    if any(ord(c) < 32 and c not in "\n\t" for c in text):
        raise BadCaptionsError(f"cue {number} has control characters")
    return Cue(start, end, text, match[3].strip())


def _time(text: str, number: int) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise BadCaptionsError(f"cue {number}: {text[:40]!r} is no time")
    hours, minutes, seconds, thousandths = (int(part or 0) for part in match.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths


def written(cues: list[Cue]) -> bytes:
    blocks = ["WEBVTT"]
    for cue in cues:
        settings = f" {cue.settings}" if cue.settings else ""
        blocks.append(f"{_clock(cue.start_ms)} --> {_clock(cue.end_ms)}{settings}\n{cue.text}")
    return ("\n\n".join(blocks) + "\n").encode()


def _clock(ms: int) -> str:
    seconds, thousandths = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"


def languages(storage: Storage, item_id: str) -> list[str]:
    """Those that the item has captions in."""
    return [match[1] for name in storage.names(item_id) if (match := _NAME.fullmatch(name))]


def subtitles(storage: Storage, item_id: str) -> list[Subtitles]:
    return [Subtitles(language, language) for language in languages(storage, item_id)]


def path(item_id: str, language: str) -> str:
    return f"{item_id}/captions.{language}.vtt"


def playlist(language: str, end_us: int) -> str:
    """The captions as one segment as long as the item."""
    seconds = max(1, -(-end_us // 1_000_000))
    return (
        f"#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{seconds}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{seconds}.0,\ncaptions.{language}.vtt\n#EXT-X-ENDLIST\n"
    )


def put(library: Library, item_id: str, language: str, data: bytes) -> int:
    """Returns the number of cues. Raises BadCaptionsError, OSError."""
    cues = parse(data)
    library.storage.replace(path(item_id, language), written(cues))
    return len(cues)
