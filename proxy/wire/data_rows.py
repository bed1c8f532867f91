"""Runs of DataRow messages (manual, 54.7): some of their cells taken out, and others put in their place.

Owns: where each cell of a row is, and rebuilding rows around new cells. Must not know: what cells mean, sockets.
Invariant: all that is not a cell of the wanted columns, and is no length that counts one, stays byte for byte; whatever
the bytes are, only ValueError is raised.

This is the one loop that runs for every row that is treated, so it may be compiled: ``data_rows.pxd`` beside it gives
Cython the types of the same source (see ``deploy/packaging/compile_rows.py``). Where there was no compiler, Python runs
it as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_TAG: Final = 68  # D
_HEADER_SIZE: Final = 5
_NULL: Final = -1
# Lengths as they stand in messages: making these bytes anew would cost more than all else that is done for a row.
_SMALL: Final = 4096
_LENGTHS: Final = [n.to_bytes(4, "big") for n in range(_SMALL)]
_HEADERS: Final = [b"D" + length for length in _LENGTHS]


def compiled() -> bool:
    """Whether this file runs as machine code."""
    return not __file__.endswith(".py")


def _int32(data: bytes, at: int) -> int:
    """Four bytes as a number without a sign."""
    first = data[at]  # wider than a byte once compiled, where a shift by 24 places would overflow
    return (first << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]


def take_cells(data: bytes, pos: int, wanted: Sequence[bool]) -> tuple[int, list[int], list[list[bytes | None]]]:
    """Read the run of whole DataRow messages that starts at ``pos``. ``wanted`` says of each column whether to take it.

    Returns where the run ends (at a cut-off row or another message), the places of rows and wanted cells for
    ``put_cells``, and for each wanted column its cells in the order of rows, None for NULL.
    Raises ValueError for a row that is malformed or has not as many columns as ``wanted``.
    """
    size = len(data)
    count = len(wanted)
    width = 0
    last = 0  # after the last wanted column nothing is looked at but the row's end
    flags = bytearray(count)
    for index in range(count):
        if wanted[index]:
            flags[index] = 1
            width += 1
            last = index + 1
    places: list[int] = []
    cells: list[bytes | None] = []
    while size - pos >= _HEADER_SIZE and data[pos] == _TAG:
        length = _int32(data, pos + 1)
        stop = pos + 1 + length
        if stop > size:
            if length < 6:
                raise ValueError
            break
        if length < 6 or (data[pos + 5] << 8) | data[pos + 6] != count:
            raise ValueError
        places.append(pos)
        at = pos + 7
        for index in range(last):
            if stop - at < 4:
                raise ValueError
            cell = _int32(data, at)
            if cell == 0xFFFFFFFF:
                if flags[index]:
                    places.append(_NULL)
                    cells.append(None)
                at += 4
                continue
            if cell > stop - at - 4:
                raise ValueError
            if flags[index]:
                places.append(at)
                cells.append(data[at + 4 : at + 4 + cell])
            at += 4 + cell
        pos = stop
    return pos, places, [cells[index::width] for index in range(width)]


def put_cells(data: bytes, end: int, places: list[int], cells: list[list[bytes | None]]) -> bytes:
    """The run that ``take_cells`` read, up to ``end``, with these cells in place of the ones it took.

    ``cells`` has the shape that ``take_cells`` gave; a NULL stays NULL, and nothing else may become one.
    """
    width = len(cells)
    stride = width + 1
    rows = len(places) // stride
    pieces: list[bytes] = []
    for row in range(rows):
        base = row * stride
        start = places[base]
        stop = places[base + stride] if row + 1 < rows else end
        grown = 0
        head = len(pieces)
        pieces.append(b"")
        done = start + _HEADER_SIZE
        for index in range(width):
            at = places[base + 1 + index]
            if at == _NULL:
                continue
            new = cells[index][row]
            if new is None:
                raise ValueError
            old_size = _int32(data, at)
            new_size = len(new)
            if new_size == old_size:
                pieces.append(data[done : at + 4])
            else:
                grown += new_size - old_size
                pieces.append(data[done:at])
                pieces.append(_LENGTHS[new_size] if new_size < _SMALL else new_size.to_bytes(4, "big"))
            pieces.append(new)
            done = at + 4 + old_size
        pieces.append(data[done:stop])
        grown += stop - start - 1
        pieces[head] = _HEADERS[grown] if grown < _SMALL else b"D" + grown.to_bytes(4, "big")
    return b"".join(pieces)
