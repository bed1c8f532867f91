"""The edge of COPY TO STDOUT: stored values become tokens in rows of text, CSV or the binary format.

Owns: which fields of a row of COPY are exchanged. Must not know: keys, sockets, SQL.
Invariant: as for DataRow (``edge``): a row leaves with a token, a NULL or a literal of the statement in each column of
tokens, or not at all. Rows are treated by the run as they come, so memory does not grow with their number.
"""

from __future__ import annotations

from typing import Final

from proxy.errors import UpstreamProtocolError
from proxy.planner.plan import CopyFormat, CopyKind, TokenCells
from proxy.session.ports import TokenCodec
from proxy.wire.backend import COPY_DATA
from proxy.wire.copy_rows import BinaryRows, CopyRows, CsvRows, TextRows
from proxy.wire.frames import HEADER, HEADER_SIZE, frame

_Row = tuple[bytes, list[bytes], bytes]
_unpack_header: Final = HEADER.unpack_from


class CopyEdge:
    """How the rows of one COPY are treated. It belongs to that COPY, since it knows whether the header has passed."""

    __slots__ = ("_codec", "_header", "_rows", "_tokens")

    def __init__(
        self, tokens: tuple[TokenCells | None, ...], layout: CopyFormat, columns: int, codec: TokenCodec
    ) -> None:
        """``columns``: as CopyOutResponse counts them. Raises UpstreamProtocolError where these are not the plan's."""
        if columns != len(tokens):
            raise UpstreamProtocolError("the columns of COPY are not those of its plan")
        self._tokens = tokens
        self._codec = codec
        self._rows = _rows(layout, columns)
        self._header = layout.header and layout.kind is not CopyKind.BINARY

    def treat(self, data: bytes, pos: int) -> tuple[int, bytes]:
        """See ``edge.Edge``."""
        out: list[bytes] = []
        rows: list[_Row] = []
        while len(data) - pos >= HEADER_SIZE:
            tag, length = _unpack_header(data, pos)
            stop = pos + 1 + length
            if tag != COPY_DATA or stop > len(data):
                break
            if self._header:
                self._header = False
                out.append(data[pos:stop])
            else:
                rows.append(self._rows.fields(data[pos + HEADER_SIZE : stop]))
            pos = stop
        for index, cells in enumerate(self._tokens):
            if cells is not None:
                self._exchange(rows, index, cells)
        out += (frame(COPY_DATA, self._rows.row(*row)) for row in rows)
        return pos, b"".join(out)

    def _exchange(self, rows: list[_Row], index: int, cells: TokenCells) -> None:
        with_fields = [
            fields for _, fields, _ in rows if fields or not self._rows.binary
        ]  # the binary trailer has none
        if any(len(fields) != len(self._tokens) for fields in with_fields):
            raise UpstreamProtocolError("a row of COPY has other columns than its plan")
        encode = self._codec.encode_arrays if cells.array else self._codec.encode_cells
        values = encode(cells.type, [self._rows.value(f[index]) for f in with_fields], binary=self._rows.binary)
        for fields, value in zip(with_fields, values, strict=True):
            if value is not None:  # a NULL's field stays as it is
                fields[index] = self._rows.field(value, index)


def _rows(layout: CopyFormat, columns: int) -> CopyRows:
    match layout.kind:
        case CopyKind.TEXT:
            return TextRows(layout.delimiter, layout.null)
        case CopyKind.CSV:
            return CsvRows(layout.delimiter, layout.null, layout.quote, layout.escape, layout.forced, columns)
        case CopyKind.BINARY:  # pragma: no branch - mypy proves the match exhaustive
            return BinaryRows()
