"""Rows of COPY, taken apart and written again, in each format."""

from __future__ import annotations

import csv
import io
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UpstreamProtocolError
from proxy.wire.copy_rows import BinaryRows, CopyRows, CsvRows, TextRows

_VALUE = (
    st.none() | st.text(st.sampled_from("ab\\,|\t\n\r\"'N.é\b"), max_size=8).map(str.encode) | st.binary(max_size=3)
)
_ROW = st.lists(_VALUE, min_size=1, max_size=4)
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def _written(rows: CopyRows, values: list[bytes | None], null: bytes) -> bytes:
    fields = [null if v is None else rows.field(v, i) for i, v in enumerate(values)]
    return rows.row(b"", fields, b"\n")


@given(values=_ROW, delimiter=st.sampled_from([b"\t", b"|", b",", b"'"]), null=st.sampled_from([b"\\N", b"", b"NULL"]))
def test_text_rows_are_read_as_they_are_written(values: list[bytes | None], delimiter: bytes, null: bytes) -> None:
    """Every value comes back, and the fields make the same row again."""
    rows = TextRows(delimiter, null)
    row = _written(rows, values, null)
    before, fields, after = rows.fields(row)
    assert rows.row(before, fields, after) == row
    ambiguous = [v if v != null else None for v in values]  # as in the server's own: text cannot tell these apart
    assert [rows.value(f) for f in fields] == ambiguous


@given(
    values=_ROW,
    delimiter=st.sampled_from([b",", b";", b"\t", b"|"]),
    null=st.sampled_from([b"", b"NULL", b"a"]),
    marks=st.sampled_from([(b'"', b'"'), (b'"', b"\\"), (b"'", b"'")]),
    forced=st.sets(st.integers(0, 3)),
)
def test_csv_rows_are_read_as_they_are_written(
    values: list[bytes | None], delimiter: bytes, null: bytes, marks: tuple[bytes, bytes], forced: set[int]
) -> None:
    """Every value comes back, NULL apart from an empty text, and the fields make the same row again."""
    rows = CsvRows(delimiter, null, *marks, frozenset(forced), len(values))
    row = _written(rows, values, null)
    before, fields, after = rows.fields(row)
    assert rows.row(before, fields, after) == row
    assert [rows.value(f) for f in fields] == values


@given(values=st.lists(st.text(st.sampled_from('ab,"\n\r;'), max_size=6), min_size=2, max_size=4))
def test_csv_rows_are_csv_to_others(values: list[str]) -> None:
    """Python's own reader finds the same values."""
    rows = CsvRows(b",", b"NULL", b'"', b'"', frozenset(), len(values))
    row = _written(rows, [v.encode() for v in values], b"NULL")
    assert list(csv.reader(io.StringIO(row.decode(), newline=""))) == [values]


@given(table=st.lists(_ROW, max_size=3), extension=st.binary(max_size=3))
def test_binary_rows_are_read_with_header_and_trailer(table: list[list[bytes | None]], extension: bytes) -> None:
    """The header stands before the first row; what stands for the end has no fields."""
    rows = BinaryRows()
    header = _HEADER[:-4] + pack("!i", len(extension)) + extension
    messages = [
        pack("!h", len(r)) + b"".join(pack("!i", -1) if v is None else pack("!i", len(v)) + v for v in r) for r in table
    ]
    messages.append(b"\xff\xff")
    messages[0] = header + messages[0]
    for message, values in zip(messages, [*table, []], strict=True):
        before, fields, after = rows.fields(message)
        assert [rows.value(f) for f in fields] == values
        assert rows.row(before, fields, after) == message


def test_a_binary_field_has_its_length() -> None:
    """A value that is longer than the one before is still read whole."""
    assert BinaryRows().field(b"abc", 0) == b"\0\0\0\x03abc"


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        (TextRows(b"\t", b"\\N"), b"a\tb"),
        (TextRows(b"\t", b"\\N"), b""),
        (CsvRows(b",", b"", b'"', b'"', frozenset(), 1), b'"a'),
        (CsvRows(b",", b"", b'"', b'"', frozenset(), 1), b'"a\n'),
        (CsvRows(b",", b"", b'"', b'"', frozenset(), 1), b'"a"b\n'),
        (BinaryRows(), b""),
        (BinaryRows(), b"PGCOPY\n\xff\r\n\0" + bytes(4) + b"\xff\xff\xff\xf0" + b"\0\0"),
        (BinaryRows(), b"XXCOPY\n\xff\r\n\0" + bytes(8) + b"\0\0"),
        (BinaryRows(), _HEADER + b"\0\x01\0\0\0\x02a"),
        (BinaryRows(), _HEADER + b"\0\0more"),
    ],
)
def test_a_malformed_row_is_an_error(rows: CopyRows, row: bytes) -> None:
    """What cannot be read for sure does not pass."""
    with pytest.raises(UpstreamProtocolError):
        rows.fields(row)
