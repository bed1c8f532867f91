"""The edge of COPY TO STDOUT: stored values become tokens in rows of text, CSV or the binary format.

Owns: which fields of a row of COPY are exchanged. Must not know: keys, sockets, SQL.
Invariant: as for DataRow (``edge``): a row leaves with a token, a NULL or a literal of the statement in each column of
tokens, or not at all. Rows are treated by the run as they come, so memory does not grow with their number.
"""

from __future__ import annotations

from typing import Final

from proxy.errors import UpstreamProtocolError
from proxy.planner.plan import CopyFormat, CopyKind, Shape
from proxy.session.edge import CellExchange, Edge
from proxy.session.ports import TokenCodec
from proxy.session.shapes import encode_shaped
from proxy.wire.backend import COPY_DATA
from proxy.wire.copy_rows import CopyRows, CsvRows, TextRows, binary_header_end
from proxy.wire.frames import HEADER, HEADER_SIZE, frame

_unpack_header: Final = HEADER.unpack_from


def copy_edge(tokens: tuple[Shape | None, ...], layout: CopyFormat, columns: int, codec: TokenCodec) -> Edge:
    """How the rows of one COPY are treated. It belongs to that COPY, since it knows whether the header has passed.

    ``columns``: as CopyOutResponse counts them. Raises UpstreamProtocolError where these are not the plan's.
    """
    if columns != len(tokens):
        raise UpstreamProtocolError("the columns of COPY are not those of its plan")
    match layout.kind:
        case CopyKind.TEXT:
            return _LineEdge(tokens, TextRows(layout.delimiter, layout.null), codec, header=layout.header)
        case CopyKind.CSV:
            rows = CsvRows(layout.delimiter, layout.null, layout.quote, layout.escape, layout.forced, columns)
            return _LineEdge(tokens, rows, codec, header=layout.header)
        case CopyKind.BINARY:  # pragma: no branch - mypy proves the match exhaustive
            return _BinaryEdge(tokens, codec)


class _LineEdge:
    """Rows of text or CSV."""

    __slots__ = ("_codec", "_header", "_rows", "_tokens")

    def __init__(self, tokens: tuple[Shape | None, ...], rows: CopyRows, codec: TokenCodec, *, header: bool) -> None:
        self._tokens = tokens
        self._codec = codec
        self._rows = rows
        self._header = header

    def treat(self, data: bytes, pos: int) -> tuple[int, bytes]:
        """See ``edge.Edge``."""
        out: list[bytes] = []
        rows: list[list[bytes]] = []
        while (stop := _message_end(data, pos)) is not None:
            if self._header:
                self._header = False
                out.append(data[pos:stop])
            else:
                rows.append(self._rows.fields(data[pos + HEADER_SIZE : stop]))
            pos = stop
        for index, shape in enumerate(self._tokens):
            if shape is not None:
                self._exchange(rows, index, shape)
        out += (frame(COPY_DATA, self._rows.row(row)) for row in rows)
        return pos, b"".join(out)

    def _exchange(self, rows: list[list[bytes]], index: int, shape: Shape) -> None:
        if any(len(fields) != len(self._tokens) for fields in rows):
            raise UpstreamProtocolError("a row of COPY has other columns than its plan")
        stored = [self._rows.value(fields[index]) for fields in rows]
        values = encode_shaped(shape, stored, self._codec, binary=False)
        for fields, value in zip(rows, values, strict=True):
            if value is not None:  # a NULL's field stays as it is
                fields[index] = self._rows.field(value, index)


class _BinaryEdge:
    """Rows of the binary format: those of DataRow, behind a header and before a trailer."""

    __slots__ = ("_cells", "_headed")

    def __init__(self, tokens: tuple[Shape | None, ...], codec: TokenCodec) -> None:
        self._cells = CellExchange(tokens, [True] * len(tokens), codec)
        self._headed = False

    def treat(self, data: bytes, pos: int) -> tuple[int, bytes]:
        """See ``edge.Edge``."""
        out: list[bytes] = []
        stop = _message_end(data, pos)
        if stop is not None and not self._headed:
            self._headed = True
            out.append(self._first(data[pos + HEADER_SIZE : stop]))
            pos = stop
        pos, treated = self._cells.treat(data, pos, COPY_DATA)
        stop = _message_end(data, pos)
        if stop is not None:  # whole, and no row: the trailer
            treated += data[pos:stop]
            pos = stop
        return pos, b"".join([*out, treated])

    def _first(self, body: bytes) -> bytes:
        """The first message: the header, and a row or the trailer behind it."""
        at = binary_header_end(body)
        row = frame(COPY_DATA, body[at:])
        end, treated = self._cells.treat(row, 0, COPY_DATA) if len(body) > at else (0, b"")
        return frame(COPY_DATA, body[:at] + (treated if end else row)[HEADER_SIZE:])


def _message_end(data: bytes, pos: int) -> int | None:
    """Where the CopyData message at ``pos`` ends; None where it is cut off, or another message."""
    if len(data) - pos < HEADER_SIZE:
        return None
    tag, length = _unpack_header(data, pos)
    stop = pos + 1 + length
    return stop if tag == COPY_DATA and stop <= len(data) else None
