"""Files as tables: the encodings of schools, delimiters, workbooks, and what is neither."""

from __future__ import annotations

import contextlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from classroom.network import importing_files
from classroom.network.importing import MAX_CELL, BadTableError
from classroom.network.importing_files import read_table

TEXT = "姓名,账号,职务\r\n王小明,20260101,学生\r\n"
TABLE = [["姓名", "账号", "职务"], ["王小明", "20260101", "学生"]]


def table_of(data: bytes) -> tuple[str, list[list[str]]]:
    read_as, rows = read_table(data)
    return read_as, list(rows)


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16"),
    ],
)
def test_encodings(encoding: str, told: str) -> None:
    assert table_of(TEXT.encode(encoding)) == (told, TABLE)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "，"])
def test_delimiters(delimiter: str) -> None:
    assert table_of(TEXT.replace(",", delimiter).encode())[1] == TABLE


def test_quotes_and_line_feeds_within_a_cell() -> None:
    assert table_of(b'a,"b\n,""c"""\r\n')[1] == [["a", 'b\n,"c"']]


def workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_workbooks() -> None:
    data = workbook(["姓名", "账号", "职务"], ["王小明", 20260101, "学生"], ["张", 3.0, None], ["=1+1", 2.5])
    read_as, table = table_of(data)
    assert read_as == "xlsx"
    assert table[:3] == [*TABLE, ["张", "3", ""]]
    # Of a formula the value that was saved with it, and none was: never the formula.
    assert table[3][1] == "2.5" and "=" not in table[3][0]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff",
        b"\x00\x01\x02",
        b"\xff\xfe\x00",
        b"PK\x03\x04 and nothing behind it",
        b"\x89PNG\r\n\x1a\n\x00\x00",
    ],
)
def test_what_is_no_table(data: bytes) -> None:
    with pytest.raises(BadTableError):
        table_of(data)


def test_a_zip_that_is_no_workbook() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("hello.txt", "hello")
    with pytest.raises(BadTableError, match="file"):
        table_of(file.getvalue())


def test_a_workbook_that_is_made_to_unpack_to_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_files, "MAX_UNPACKED", 1_000)
    with pytest.raises(BadTableError, match="file"):
        table_of(workbook(["a" * 100] * 40))


def test_no_more_rows_than_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_files, "MAX_ROWS", 5)
    assert len(table_of(b"a\n" * 11)[1]) == 11
    with pytest.raises(BadTableError, match="rows"):
        table_of(b"a\n" * 12)


def test_cells_and_columns_are_bounded() -> None:
    _, table = table_of(b",".join([b"x" * 5000] * 100))
    assert len(table[0]) == 64 and {len(cell) for cell in table[0]} == {MAX_CELL + 1}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    for start in (b"", b"PK\x03\x04", b"\xff\xfe"):
        with contextlib.suppress(BadTableError):
            table_of(start + data)
