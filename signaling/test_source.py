"""The test source: a moving picture with a clock, and each second a flash and a beep in the same instant.

Theory of operation. Everything is a pure function of wall-clock time, so a test needs no encoder, two runs
look alike, and anybody who knows the time can check what arrives:

- pictures are numbered from the Unix epoch at 30 a second, so picture 30 * n stands exactly at second n;
- samples are numbered from the Unix epoch at 48,000 a second;
- in the first FLASH_MS of each second the picture is all white, in its first BEEP_MS there is a 1 kHz tone.
  Both start with the second, so the distance between their starts at the receiver is the sync error;
- otherwise the clock hh:mm:ss.mmm (UTC) stands in the middle for people, and the same time stands in a strip
  of black and white cells at the lower edge for programs: Unix milliseconds modulo 2^32, then a CRC-8 over
  them. `read_time` finds it in a decoded picture of any size; the receiver's clock minus that is the latency.

Pictures are drawn in planar YUV 4:2:0, as copies out of prepared planes, in well under a millisecond.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720
FRAME_RATE = 30
SAMPLE_RATE = 48_000
FLASH_MS = 90
"""Two or three pictures, whatever the phase of the camera that films it; exactly three of our own."""
BEEP_MS = 100
BEEP_HZ = 1_000
BEEP_AMPLITUDE = 0.5
"""-6 dB: loud enough for any detector, and no encoder clips."""

STRIP_HEIGHT = 40
"""Macroblocks are 16 pixels: 2.5 of them keep the middle line of a cell clean at any bitrate."""
TIME_BITS, CHECK_BITS = 32, 8
CELL_WIDTH = WIDTH // (TIME_BITS + CHECK_BITS)

BLACK, GREY, WHITE = 16, 64, 235
NEUTRAL = 128
"""Chroma of grey."""

DIGIT_WIDTH, DIGIT_HEIGHT, STROKE = 72, 144, 18
MARK_WIDTH = 36
CLOCK_TOP = (HEIGHT - STRIP_HEIGHT - DIGIT_HEIGHT) // 2

Plane = NDArray[np.uint8]


def frame_time_ms(number: int) -> int:
    """Unix time in ms at which picture `number` stands, rounded down."""
    return number * 1000 // FRAME_RATE


def frame_at(time_ms: int) -> int:
    """Number of the first picture at or after a Unix time in ms."""
    return -(-time_ms * FRAME_RATE // 1000)


def sample_at(time_ms: int) -> int:
    """Number of the sample at a Unix time in ms."""
    return time_ms * SAMPLE_RATE // 1000


# --- sound --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _second_of_sound() -> NDArray[np.int16]:
    instants = np.arange(SAMPLE_RATE)
    tone = np.sin(2 * np.pi * BEEP_HZ * instants / SAMPLE_RATE) * BEEP_AMPLITUDE * 32767
    return np.where(instants < SAMPLE_RATE * BEEP_MS // 1000, tone, 0).astype(np.int16)


def samples(first: int, count: int) -> NDArray[np.int16]:
    """Sound from sample `first` on, mono, shape (count,): a tone in each second's first BEEP_MS."""
    return _second_of_sound()[np.arange(first, first + count) % SAMPLE_RATE]


# --- picture ------------------------------------------------------------------------------------------------


def is_flash(time_ms: int) -> bool:
    return time_ms % 1000 < FLASH_MS


def frame(time_ms: int) -> Plane:
    """The picture at a Unix time in ms, planar YUV 4:2:0: shape (HEIGHT * 3 // 2, WIDTH), video range."""
    if is_flash(time_ms):
        return _white().copy()
    picture = _background().copy()
    _draw_motion(picture, time_ms)
    _draw_clock(picture, time_ms)
    _draw_strip(picture, time_ms)
    return picture


@lru_cache(maxsize=1)
def _white() -> Plane:
    picture = np.full((HEIGHT * 3 // 2, WIDTH), NEUTRAL, np.uint8)
    picture[:HEIGHT] = WHITE
    return picture


@lru_cache(maxsize=1)
def _background() -> Plane:
    """Dark tiles, so that a flash is far brighter than any other picture, under a ramp of colours."""
    picture = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
    rows, columns = np.indices((HEIGHT, WIDTH))
    picture[:HEIGHT] = np.where((rows // 80 + columns // 80) % 2, GREY, GREY - 16)
    picture[CLOCK_TOP - 24 : CLOCK_TOP + DIGIT_HEIGHT + 24] = BLACK
    # The two chroma planes are each HEIGHT / 2 rows of WIDTH / 2 bytes, laid into rows of WIDTH bytes.
    ramp = np.linspace(96, 160, WIDTH // 2).astype(np.uint8)
    chroma = np.stack([ramp, ramp[::-1]]).repeat(HEIGHT // 2, axis=0)
    picture[HEIGHT:] = chroma.reshape(HEIGHT // 2, WIDTH)
    return picture


def _draw_motion(picture: Plane, time_ms: int) -> None:
    """A block that crosses the picture in 4 s below the clock, a bar that fills in one second above it."""
    left = time_ms * (WIDTH - 120) // 4000 % (WIDTH - 120)
    picture[520:640, left : left + 120] = 180
    picture[40:72, : time_ms % 1000 * WIDTH // 1000] = 140


def _draw_clock(picture: Plane, time_ms: int) -> None:
    text = clock_text(time_ms)
    glyphs = _glyphs()
    left = (WIDTH - sum(glyphs[mark].shape[1] for mark in text)) // 2
    for mark in text:
        glyph = glyphs[mark]
        picture[CLOCK_TOP : CLOCK_TOP + DIGIT_HEIGHT, left : left + glyph.shape[1]] = glyph
        left += glyph.shape[1]


def clock_text(time_ms: int) -> str:
    """`hh:mm:ss.mmm`, UTC."""
    seconds, ms = divmod(time_ms % 86_400_000, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"


_SEGMENTS = {
    "0": "abcdef",
    "1": "bc",
    "2": "abged",
    "3": "abgcd",
    "4": "fgbc",
    "5": "afgcd",
    "6": "afgedc",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
}
"""Lit segments of a digit: a on top, then clockwise to f, g in the middle."""


@lru_cache(maxsize=1)
def _glyphs() -> dict[str, Plane]:
    glyphs = {digit: _digit(segments) for digit, segments in _SEGMENTS.items()}
    middle = slice((MARK_WIDTH - STROKE) // 2, (MARK_WIDTH + STROKE) // 2)
    for mark, tops in ((":", (DIGIT_HEIGHT // 3, DIGIT_HEIGHT * 2 // 3)), (".", (DIGIT_HEIGHT - STROKE,))):
        glyphs[mark] = np.full((DIGIT_HEIGHT, MARK_WIDTH), BLACK, np.uint8)
        for top in tops:
            glyphs[mark][top : top + STROKE, middle] = WHITE
    return glyphs


def _digit(segments: str) -> Plane:
    """One seven-segment digit, with a gap on its right."""
    wide, middle = DIGIT_WIDTH - STROKE, DIGIT_HEIGHT // 2
    areas = {
        "a": (slice(0, STROKE), slice(0, wide)),
        "b": (slice(0, middle), slice(wide - STROKE, wide)),
        "c": (slice(middle, DIGIT_HEIGHT), slice(wide - STROKE, wide)),
        "d": (slice(DIGIT_HEIGHT - STROKE, DIGIT_HEIGHT), slice(0, wide)),
        "e": (slice(middle, DIGIT_HEIGHT), slice(0, STROKE)),
        "f": (slice(0, middle), slice(0, STROKE)),
        "g": (slice(middle - STROKE // 2, middle + STROKE // 2), slice(0, wide)),
    }
    glyph = np.full((DIGIT_HEIGHT, DIGIT_WIDTH), BLACK, np.uint8)
    for segment in segments:
        glyph[areas[segment]] = WHITE
    return glyph


# --- the machine-readable strip -----------------------------------------------------------------------------


def _crc8(value: int) -> int:
    """CRC-8 with polynomial x^8 + x^2 + x + 1 from 0xFF, over 32 bits: an all black strip is not valid."""
    crc = 0xFF
    for byte in value.to_bytes(4, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def _draw_strip(picture: Plane, time_ms: int) -> None:
    stamp = time_ms % 2**TIME_BITS
    word = stamp << CHECK_BITS | _crc8(stamp)
    bits = [word >> place & 1 for place in reversed(range(TIME_BITS + CHECK_BITS))]
    cells = np.where(bits, WHITE, BLACK).astype(np.uint8)
    picture[HEIGHT - STRIP_HEIGHT : HEIGHT] = cells.repeat(CELL_WIDTH)


def read_time(luma: NDArray[np.uint8], near_ms: int) -> int | None:
    """Unix time in ms that stands in a decoded picture; None for a flash or any other picture.

    luma: the picture's Y plane, shape (height, width), of any size. near_ms: the reader's own Unix time in
    ms, which settles what the strip leaves out (it starts again every 49 days).
    """
    height, width = luma.shape
    count = TIME_BITS + CHECK_BITS
    row = luma[height - max(1, height * STRIP_HEIGHT // HEIGHT // 2)]
    centres = (np.arange(count) * 2 + 1) * width // (2 * count)
    word = int.from_bytes(np.packbits(row[centres] > (BLACK + WHITE) // 2).tobytes(), "big")
    stamp, check = divmod(word, 1 << CHECK_BITS)
    if check != _crc8(stamp):
        return None
    turn = 1 << TIME_BITS
    return near_ms + (stamp - near_ms + turn // 2) % turn - turn // 2
