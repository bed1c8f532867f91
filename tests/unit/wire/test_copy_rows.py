"""Rows of COPY, taken apart and written again, in each format."""

from __future__ import annotations

import csv
import io
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UpstreamProtocolError
from proxy.wire.copy_rows import CopyRows, CsvRows, TextRows, binary_header_end

_VALUE = (
    st.none() | st.text(st.sampled_from("ab\\,|\t\n\r\"'N.é\b"), max_size=8).map(str.encode) | st.binary(max_size=3)
)
_ROW = st.lists(_VALUE, min_size=1, max_size=4)
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def _written(rows: CopyRows, values: list[bytes | None], null: bytes) -> bytes:
    fields = [null if v is None else rows.field(v, i) for i, v in enumerate(values)]
    return rows.row(fields)


@given(values=_ROW, delimiter=st.sampled_from([b"\t", b"|", b",", b"'"]), null=st.sampled_from([b"\\N", b"", b"NULL"]))
def test_text_rows_are_read_as_they_are_written(values: list[bytes | None], delimiter: bytes, null: bytes) -> None:
    """Every value comes back, and the fields make the same row again."""
    rows = TextRows(delimiter, null)
    row = _written(rows, values, null)
    fields = rows.fields(row)
    assert rows.row(fields) == row
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
    fields = rows.fields(row)
    assert rows.row(fields) == row
    assert [rows.value(f) for f in fields] == values


@given(values=st.lists(st.text(st.sampled_from('ab,"\n\r;'), max_size=6), min_size=2, max_size=4))
def test_csv_rows_are_csv_to_others(values: list[str]) -> None:
    """Python's own reader finds the same values."""
    rows = CsvRows(b",", b"NULL", b'"', b'"', frozenset(), len(values))
    row = _written(rows, [v.encode() for v in values], b"NULL")
    assert list(csv.reader(io.StringIO(row.decode(), newline=""))) == [values]


@given(extension=st.binary(max_size=3), rest=st.binary(max_size=3))
def test_a_binary_header_ends_behind_its_extension(extension: bytes, rest: bytes) -> None:
    """Whatever follows it."""
    header = _HEADER[:-4] + pack("!i", len(extension)) + extension
    assert binary_header_end(header + rest) == len(header)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        _HEADER[:-1],
        b"PGCOPY\n\xff\r\n\0" + bytes(4) + b"\xff\xff\xff\xf0" + b"\0\0",
        b"PGCOPY\n\xff\r\n\0" + bytes(4) + b"\0\0\0\3" + b"\0\0",
        b"XXCOPY\n\xff\r\n\0" + bytes(8) + b"\0\0",
    ],
)
def test_a_malformed_binary_header_is_an_error(message: bytes) -> None:
    """What cannot be read for sure does not pass."""
    with pytest.raises(UpstreamProtocolError):
        binary_header_end(message)


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        (TextRows(b"\t", b"\\N"), b"a\tb"),
        (TextRows(b"\t", b"\\N"), b""),
        (CsvRows(b",", b"", b'"', b'"', frozenset(), 1), b'"a'),
        (CsvRows(b",", b"", b'"', b'"', frozenset(), 1), b'"a\n'),
        (CsvRows(b",", b"", b'"', b'"', frozenset(), 1), b'"a"b\n'),
    ],
)
def test_a_malformed_row_is_an_error(rows: CopyRows, row: bytes) -> None:
    """What cannot be read for sure does not pass."""
    with pytest.raises(UpstreamProtocolError):
        rows.fields(row)
