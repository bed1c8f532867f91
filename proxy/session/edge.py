"""The edge: stored values become tokens as rows leave, and tokens become stored values as parameters enter.

Owns: which cells of a result or of a Bind are exchanged, in which format. Must not know: keys, sockets, SQL.
Invariant: a row of a plan with tokens leaves with a token, a NULL or a literal of the statement in each of their
columns, or not at all; formats and types are those that the server itself has described.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from struct import Struct, error
from typing import Final, Protocol

from proxy.errors import ClientProtocolError, UpstreamProtocolError
from proxy.planner.plan import Shape, TokenArray, TokenCells, TokenJson, TokenRow, TokenText
from proxy.session.ports import TokenCodec
from proxy.session.shapes import encode_shaped
from proxy.tokens.types import StoredType
from proxy.wire.backend import DATA_ROW, RowField
from proxy.wire.data_rows import put_cells, take_cells
from proxy.wire.frames import HEADER_SIZE, frame
from proxy.wire.frontend import BIND

_COUNT: Final = Struct("!H")
_SIZE: Final = Struct("!i")
_BINARY: Final = 1
_WIDER: Final = {21: 23, 1005: 1007}  # smallint and its array
_NUMBERS: Final = frozenset({StoredType.INTEGER, StoredType.BIGINT})
_TEXTS: Final = frozenset({25, 1043, 1042})  # text, varchar, char(n): what expressions make of one another
_TEXT_ARRAYS: Final = frozenset({1009, 1015, 1014})
_ROWS: Final = frozenset({2249})  # record
_ROW_ARRAYS: Final = frozenset({2287})
_JSON: Final = frozenset({114, 3802})  # json, jsonb
_JSON_ARRAYS: Final = frozenset({199, 3807})
_TYPES: Final = {
    StoredType.TEXT: (_TEXTS, _TEXT_ARRAYS),
    StoredType.VARCHAR: (_TEXTS, _TEXT_ARRAYS),
    StoredType.BPCHAR: (_TEXTS, _TEXT_ARRAYS),
    StoredType.SMALLINT: (frozenset({21}), frozenset({1005})),
    StoredType.INTEGER: (frozenset({23}), frozenset({1007})),
    StoredType.BIGINT: (frozenset({20}), frozenset({1016})),
    StoredType.UUID: (frozenset({2950}), frozenset({2951})),
}


class Untreated(Enum):
    """What stands in place of an ``Edge`` for rows that pass as they are."""

    AS_IT_IS = "as it is"


AS_IT_IS: Final = Untreated.AS_IT_IS


class Edge(Protocol):
    """How the rows of one result, of a query or of COPY, are treated."""

    def treat(self, data: bytes, pos: int) -> tuple[int, bytes]:
        """The run of whole rows that starts at ``pos``: where it ends, and what leaves in its place.

        Raises TokenValueError where a stored value has no token, UpstreamProtocolError for a malformed row.
        """


class CellExchange:
    """How the cells of rows are exchanged. ``binary`` says of each column whether it is in that format."""

    __slots__ = ("_codec", "_columns", "_wanted")

    def __init__(self, tokens: tuple[Shape | None, ...], binary: Sequence[bool], codec: TokenCodec) -> None:
        self._codec = codec
        self._wanted = [cells is not None for cells in tokens]
        self._columns = [(cells, b) for cells, b in zip(tokens, binary, strict=True) if cells is not None]

    def treat(self, data: bytes, pos: int, tag: int) -> tuple[int, bytes]:
        """As ``Edge.treat``, for rows in messages of this tag."""
        try:
            end, columns = take_cells(data, pos, tag, self._wanted)
        except ValueError:
            raise UpstreamProtocolError("malformed row from the database") from None
        if end == pos:
            return pos, b""
        treated = [
            encode_shaped(shape, column, self._codec, binary=binary)
            for (shape, binary), column in zip(self._columns, columns, strict=True)
        ]
        return end, put_cells(data, pos, end, self._wanted, treated)


class RowEdge:
    """How the rows of one result are treated. Made once for each description, used for every run of rows."""

    __slots__ = ("_cells",)

    def __init__(self, tokens: tuple[Shape | None, ...], fields: tuple[RowField, ...], codec: TokenCodec) -> None:
        """Raises UpstreamProtocolError where the description does not fit what the plan says of it."""
        if len(fields) != len(tokens):
            raise UpstreamProtocolError("the result's columns are not those of its plan")
        self._cells = CellExchange(tokens, [field.format == _BINARY for field in fields], codec)
        for shape, field in zip(tokens, fields, strict=True):
            if shape is not None and field.type_oid not in type_oids(shape):
                raise UpstreamProtocolError("a column of tokens has another type than its plan says")

    def treat(self, data: bytes, pos: int) -> tuple[int, bytes]:
        """See ``Edge``."""
        return self._cells.treat(data, pos, DATA_ROW)


def type_oids(shape: Shape) -> frozenset[int]:
    """The types that a column of this shape may have."""
    match shape:
        case TokenCells():
            return _TYPES[shape.type.stored][shape.array]
        case TokenRow():
            return _ROWS
        case TokenArray(of=TokenRow()):
            return _ROW_ARRAYS
        case TokenArray(of=TokenJson()):
            return _JSON_ARRAYS
        case TokenArray():
            return _TEXT_ARRAYS
        case TokenJson():
            return _JSON
        case TokenText():  # pragma: no branch - mypy proves the match exhaustive
            return _TEXTS


def with_wider_types(parameter_types: bytes, parameters: tuple[TokenCells | None, ...]) -> bytes:
    """The types that Parse declares, with integer for smallint where tokens are expected.

    Drivers declare small numbers so, and what a token stands for may need four bytes whatever its own size.
    """
    types = bytearray(parameter_types)
    for number, cells in enumerate(parameters):
        place = _COUNT.size + number * _SIZE.size
        if cells is None or place + _SIZE.size > len(types):
            continue
        wider = _WIDER.get(_SIZE.unpack_from(types, place)[0])
        if wider is not None and cells.type.stored in _NUMBERS:
            _SIZE.pack_into(types, place, wider)
    return bytes(types)


def bind_with_stored_values(
    data: bytes, pos: int, stop: int, names_end: int, parameters: tuple[TokenCells | None, ...], codec: TokenCodec
) -> bytes:
    """The Bind message at ``pos`` with stored values in place of the tokens among its parameters (manual, 54.7).

    ``names_end``: where its formats start. Raises ClientProtocolError for a message cut off in the middle, and
    TokenValueError for a binary cell that is no value of its type.
    """
    try:
        formats, at = _formats(data, names_end)
        (count,) = _COUNT.unpack_from(data, at)
        pieces = [data[pos + HEADER_SIZE : at + _COUNT.size]]
        at += _COUNT.size
        for index in range(count):
            (size,) = _SIZE.unpack_from(data, at)
            start, at = at + _SIZE.size, at + _SIZE.size + max(size, 0)
            cell = data[start:at]
            if size < 0 or at > stop:
                pieces.append(data[start - _SIZE.size : start])
                continue
            cells = parameters[index] if index < len(parameters) else None
            if cells is not None:
                code = formats[index if len(formats) > 1 else 0] if formats else 0
                decode = codec.decode_array if cells.array else codec.decode_cell
                cell = decode(cells.type, cell, binary=code == _BINARY)
            pieces += (_SIZE.pack(len(cell)), cell)
    except (error, IndexError):
        raise ClientProtocolError("malformed Bind message") from None
    if at > stop:
        raise ClientProtocolError("malformed Bind message")
    return frame(BIND, b"".join([*pieces, data[at:stop]]))


def _formats(data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """The parameters' format codes, and where they end."""
    (count,) = _COUNT.unpack_from(data, at)
    layout = Struct(f"!{count}H")
    return layout.unpack_from(data, at + _COUNT.size), at + _COUNT.size + layout.size
