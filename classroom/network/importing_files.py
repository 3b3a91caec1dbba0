"""A file as a table of cells: CSV in whatever encoding schools write it, and XLSX. Bytes in, texts out.

A CSV is UTF-8, else UTF-16 by its mark, else GB18030, in which the Chinese Excel writes; bytes that are none
of them are refused rather than guessed at. Of an XLSX the first sheet is read, row by row.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, Final

from classroom.network.importing import HEADS_WITHIN, MAX_CELL, MAX_COLUMNS, MAX_ROWS, BadTableError

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of a file: 200,000 rows of 160 bytes."""
MAX_UNPACKED: Final = 12 * MAX_BYTES
"""Of all parts of an XLSX together: sheets compress to a tenth; what unpacks to more is made to."""
_ZIP: Final = b"PK\x03\x04"
_DELIMITERS: Final = ",;\t，"
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_table(data: bytes) -> tuple[str, Iterator[list[str]]]:
    """What it is (`xlsx`, or the encoding), and its rows; these raise BadTableError, too: encoding, file,
    rows."""
    if data.startswith(_ZIP):
        return "xlsx", _xlsx(data)
    text, encoding = _decoded(data)
    return encoding, _csv(text)


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith(_UTF_16):
        return _decode(data, "utf-16"), "utf-16"
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding.removesuffix("-sig")
    raise BadTableError("encoding")


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise BadTableError("encoding") from None


def _csv(text: str) -> Iterator[list[str]]:
    """RFC 4180, with the delimiter that its first line has most of."""
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from _bounded(reader)
    except csv.Error:
        raise BadTableError("file") from None


def _xlsx(data: bytes) -> Iterator[list[str]]:
    # Loaded by whoever reads a workbook: no server needs it to start.
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            if sum(part.file_size for part in parts.infolist()) > MAX_UNPACKED:
                raise BadTableError("file")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            rows = sheet.iter_rows(max_col=_width(sheet), values_only=True)
            yield from _bounded([_text(value) for value in row] for row in rows)
        finally:
            book.close()
    except BadTableError:
        raise
    except Exception:  # openpyxl lets whatever it stumbles over through
        raise BadTableError("file") from None


def _width(sheet: Any) -> int:
    """How many columns its first rows have: all are filled up to that. What the sheet says of its size is not
    asked."""
    rows = sheet.iter_rows(max_row=2 * HEADS_WITHIN, max_col=MAX_COLUMNS, values_only=True)
    return max((at for row in rows for at, value in enumerate(row, 1) if _text(value).strip()), default=1)


def _text(value: Any) -> str:
    """A cell as it is read: numbers that are whole without a point, as a student number is meant."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _bounded(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows):
        # Heads, and blank rows between the others: as many again.
        if number > 2 * MAX_ROWS:
            raise BadTableError("rows")
        yield [cell[: MAX_CELL + 1] for cell in row[:MAX_COLUMNS]]
