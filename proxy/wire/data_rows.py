"""Runs of DataRow messages (manual, 54.7): some of their cells taken out, and others put in their place.

The rows of a binary COPY (manual, COPY, "Tuples"), one in each CopyData message, are the same but for the tag.

Owns: where each cell of a row is, and rebuilding rows around new cells. Must not know: what cells mean, sockets.
Invariant: all that is not a cell of the wanted columns, and is no length that counts one, stays byte for byte; whatever
the bytes are, only ValueError is raised.

This is the one loop that runs for every row that is treated, so it may be compiled: ``data_rows.pxd`` beside it gives
Cython the types of the same source (see ``deploy/packaging/compile_rows.py``). Where there was no compiler, Python runs
it as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_COPY_DATA: Final = 100  # d
_HEADER_SIZE: Final = 5
_NULL: Final = 0xFFFFFFFF
_TRAILER: Final = 0xFFFF  # in place of the number of columns, behind the last row of a binary COPY
_COMPILED: Final = not __file__.endswith(".py")


def compiled() -> bool:
    """Whether this file runs as machine code."""
    return _COMPILED


def take_cells(data: bytes, pos: int, tag: int, wanted: Sequence[bool]) -> tuple[int, list[list[bytes | None]]]:
    """Read the run of whole rows, messages of this tag, that starts at ``pos``. ``wanted`` says of each column whether
    to take it.

    Returns where the run ends (at a cut-off row, another message or the trailer of COPY), and for each wanted column
    its cells in the order of rows, None for NULL.
    Raises ValueError for a row that is malformed or has not as many columns as ``wanted``.
    """
    source = data
    size = len(data)
    count = len(wanted)
    flags = bytearray(wanted)
    last = flags.rfind(1) + 1  # after the last wanted column nothing is looked at but the row's end
    columns: list[list[bytes | None]] = [[] for _ in range(flags.count(1))]
    while size - pos >= _HEADER_SIZE and source[pos] == tag:
        length = _int32(source, pos + 1)
        stop = pos + 1 + length
        if stop > size:
            if length < 6:
                raise ValueError
            break
        if length < 6:
            raise ValueError
        found = (source[pos + 5] << 8) | source[pos + 6]
        if found != count:
            if found == _TRAILER and length == 6 and tag == _COPY_DATA:
                break
            raise ValueError
        at = pos + 7
        number = 0
        for index in range(last):
            if stop - at < 4:
                raise ValueError
            cell = _int32(source, at)
            at += 4
            if cell == _NULL:
                if flags[index]:
                    columns[number].append(None)
                    number += 1
                continue
            if cell > stop - at:
                raise ValueError
            if flags[index]:
                columns[number].append(source[at : at + cell])
                number += 1
            at += cell
        pos = stop
    return pos, columns


def put_cells(data: bytes, pos: int, end: int, wanted: Sequence[bool], columns: list[list[bytes | None]]) -> bytes:
    """The run that ``take_cells`` read, from ``pos`` to ``end``, with these cells in place of the ones it took.

    ``columns`` has the shape that ``take_cells`` gave; a NULL stays NULL, and nothing else may become one.
    """
    source = data
    flags = bytearray(wanted)
    last = flags.rfind(1) + 1
    size = end - pos
    for column in columns:
        for new in column:
            if new is not None:
                size += len(new)
    made = bytearray(size)  # too long by the cells that are left out
    used = 0
    row = 0
    while pos < end:
        stop = pos + 1 + _int32(source, pos + 1)
        head = used
        done = pos
        at = pos + 7
        number = 0
        for index in range(last):
            cell = _int32(source, at)
            at += 4
            if cell == _NULL:
                number += flags[index]
                continue
            if flags[index]:
                new = columns[number][row]
                if new is None:
                    raise ValueError
                number += 1
                _copy(made, used, data, done, at)
                used += at - done
                length = len(new)
                _put_int32(made, used - 4, length)
                _copy(made, used, new, 0, length)
                used += length
                done = at + cell
            at += cell
        _copy(made, used, data, done, stop)
        used += stop - done
        _put_int32(made, head + 1, used - head - 1)
        pos = stop
        row += 1
    return _cut(made, 0, used)


def _cut(row: bytearray, start: int, stop: int) -> bytes:
    """A piece of it. Compiled, ``row`` is a pointer, whose pieces are bytes without a call."""
    piece: Any = row[start:stop]
    return piece if _COMPILED else bytes(piece)


def _int32(data: bytes, at: int) -> int:
    """Four bytes as a number without a sign."""
    first = data[at]  # compiled it is wider than a byte, which a shift by 24 places would leave
    return (first << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]


def _put_int32(made: bytearray, at: int, number: int) -> None:
    made[at] = (number >> 24) & 0xFF
    made[at + 1] = (number >> 16) & 0xFF
    made[at + 2] = (number >> 8) & 0xFF
    made[at + 3] = number & 0xFF


def _copy(made: bytearray, at: int, data: bytes, start: int, stop: int) -> None:
    """Copy from ``start`` to ``stop``. Byte by byte costs least once compiled, and most before."""
    if _COMPILED:
        target = made
        source = data
        for index in range(stop - start):
            target[at + index] = source[start + index]
    else:
        made[at : at + stop - start] = data[start:stop]
