"""The row loop: what is taken out of a run of DataRow messages and put back, compiled and as Python runs it."""

from __future__ import annotations

import struct
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire import data_rows as installed
from proxy.wire.backend import COPY_DATA, DATA_ROW
from tests.support.interpreted import interpreted

Row = list[bytes | None]


_INTERPRETED = interpreted(installed)
_BOTH = pytest.mark.parametrize("loop", [installed, _INTERPRETED], ids=["installed", "interpreted"])
_CELL = st.none() | st.binary(max_size=12) | st.binary(min_size=4090, max_size=4100)


def _message(row: Row) -> bytes:
    cells = b"".join(struct.pack("!i", -1 if c is None else len(c)) + (c or b"") for c in row)
    body = struct.pack("!H", len(row)) + cells
    return b"D" + struct.pack("!I", len(body) + 4) + body


@st.composite
def _runs(draw: st.DrawFn) -> tuple[list[Row], list[bool]]:
    width = draw(st.integers(1, 5))
    wanted = draw(st.lists(st.booleans(), min_size=width, max_size=width).filter(any))
    rows = draw(st.lists(st.lists(_CELL, min_size=width, max_size=width), max_size=5))
    return rows, wanted


@_BOTH
@given(run=_runs(), before=st.binary(max_size=7), after=st.sampled_from([b"", b"C\0\0\0\x04", b"D", b"D\0\0"]))
def test_cells_are_taken_by_column(
    loop: ModuleType, run: tuple[list[Row], list[bool]], before: bytes, after: bytes
) -> None:
    """Each wanted column's cells come in the order of rows, and the run ends where something else begins."""
    rows, wanted = run
    data = before + b"".join(map(_message, rows)) + after
    end, cells = loop.take_cells(data, len(before), DATA_ROW, wanted)
    assert end == len(data) - len(after)
    assert cells == [[row[i] for row in rows] for i, take in enumerate(wanted) if take]


@_BOTH
@given(run=_runs(), before=st.binary(max_size=7), data=st.data())
def test_rows_are_rebuilt_around_new_cells(
    loop: ModuleType, run: tuple[list[Row], list[bool]], before: bytes, data: st.DataObject
) -> None:
    """A run with other cells is the run that the server would have sent with them; NULLs stay."""
    rows, wanted = run
    stream = before + b"".join(map(_message, rows))
    end, cells = loop.take_cells(stream, len(before), DATA_ROW, wanted)
    new = [[None if c is None else data.draw(st.binary(max_size=4200)) for c in column] for column in cells]
    expected = [list(row) for row in rows]
    for column, index in zip(new, (i for i, take in enumerate(wanted) if take), strict=True):
        for row, cell in zip(expected, column, strict=True):
            row[index] = cell
    assert loop.put_cells(stream, len(before), end, wanted, new) == b"".join(map(_message, expected))


@_BOTH
@given(data=st.binary(max_size=60).map(lambda b: b"D\0\0\0" + b), wanted=st.lists(st.booleans(), max_size=4))
def test_garbage_gives_rows_or_a_value_error(loop: ModuleType, data: bytes, wanted: list[bool]) -> None:
    """Whatever the bytes are, only ValueError is raised, and both ways of running agree."""
    try:
        end, cells = loop.take_cells(data, 0, DATA_ROW, wanted)
    except ValueError:
        with pytest.raises(ValueError):
            _INTERPRETED.take_cells(data, 0, DATA_ROW, wanted)
    else:
        assert 0 <= end <= len(data)
        assert len(cells) == sum(wanted)


@_BOTH
@pytest.mark.parametrize(
    "row",
    [
        b"D\0\0\0\x05\0",  # too short for a count
        b"D\0\0\0\x06\xff\xff",  # the trailer of COPY, which no result has
        b"D\0\0\0\x06\0\x02",  # two columns where one is wanted
        b"D\0\0\0\x06\0\x01",  # no cell
        b"D\0\0\0\x0b\0\x01\0\0\0\x02a",  # a cell longer than the row
        b"D\0\0\0\x0b\0\x01\xff\xff\xff\xfea",  # a length below that of NULL
    ],
)
def test_a_malformed_row_is_an_error(loop: ModuleType, row: bytes) -> None:
    """Nothing is taken from a row that is not what the description said."""
    with pytest.raises(ValueError):
        loop.take_cells(row, 0, DATA_ROW, [True])


@_BOTH
def test_a_value_does_not_become_null(loop: ModuleType) -> None:
    """A column's NULLs are the stored ones."""
    data = _message([b"a"])
    end, _ = loop.take_cells(data, 0, DATA_ROW, [True])
    with pytest.raises(ValueError):
        loop.put_cells(data, 0, end, [True], [[None]])


@_BOTH
def test_rows_of_copy_end_at_the_trailer(loop: ModuleType) -> None:
    """Its rows are those of a result under another tag, and the trailer is none."""
    row, trailer = b"d" + _message([b"a", None])[1:], b"d\0\0\0\x06\xff\xff"
    assert loop.take_cells(row + trailer, 0, COPY_DATA, [True, True]) == (len(row), [[b"a"], [None]])
    assert loop.take_cells(row, 0, DATA_ROW, [True, True]) == (0, [[], []])
    with pytest.raises(ValueError):
        loop.take_cells(b"d\0\0\0\x0a\xff\xff\xff\xff\xff\xff", 0, COPY_DATA, [True])
