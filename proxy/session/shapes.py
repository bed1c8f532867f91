"""Stored values inside rows, arrays, JSON and texts become tokens.

Owns: finding them by the plan's shape of a column, in both formats. Must not know: keys, SQL, sockets.
Invariant: a value leaves only if all of it is as its shape says: each place of a token holds one, NULL or a literal of
the statement, and there is no place that the shape does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from proxy.planner.plan import Shape, TokenArray, TokenCells, TokenJson, TokenRow, TokenText
from proxy.session.ports import TokenCodec
from proxy.tokens.arrays import read_array
from proxy.tokens.json_texts import JsonWalker, escaped, malformed
from proxy.tokens.records import with_fields
from proxy.tokens.types import StoredType, TokenType

_JSONB_VERSION: Final = b"\x01"  # before the text in jsonb's binary format; no JSON text begins so
_NUMBERS: Final = frozenset({StoredType.SMALLINT, StoredType.INTEGER, StoredType.BIGINT})

_Exchange: TypeAlias = Callable[[TokenType, bytes, bool], bytes]


def encode_shaped(
    shape: Shape, cells: Sequence[bytes | None], codec: TokenCodec, *, binary: bool
) -> list[bytes | None]:
    """The cells of one column with tokens in them. Raises TokenValueError."""
    if isinstance(shape, TokenCells):
        encode = codec.encode_arrays if shape.array else codec.encode_cells
        return encode(shape.type, cells, binary=binary)
    found: dict[tuple[TokenType, bool], list[bytes]] = {}

    def gather(token_type: TokenType, value: bytes, in_binary: bool) -> bytes:
        found.setdefault((token_type, in_binary), []).append(value)
        return value

    for cell in cells:
        if cell is not None:
            _walk(shape, cell, binary, gather)
    # The tokens of all cells at once, then the same way again with them.
    made: dict[tuple[TokenType, bool], Iterator[bytes | None]] = {
        key: iter(codec.encode_cells(key[0], values, binary=key[1])) for key, values in found.items()
    }

    def take(token_type: TokenType, value: bytes, in_binary: bool) -> bytes:
        token = next(made[token_type, in_binary])
        if token is None:
            raise malformed()
        return token

    return [None if cell is None else _walk(shape, cell, binary, take) for cell in cells]


def _walk(shape: Shape, cell: bytes, binary: bool, exchange: _Exchange) -> bytes:
    match shape:
        case TokenCells(array=False):
            return exchange(shape.type, cell, binary)
        case TokenCells() | TokenArray():
            of = shape.of if isinstance(shape, TokenArray) else TokenCells(shape.type)
            array = read_array(cell, binary=binary)
            return array.with_elements([e if e is None else _walk(of, e, binary, exchange) for e in array.elements])
        case TokenRow():
            shapes = [of for _, of in shape.fields]

            def field(number: int, value: bytes) -> bytes:
                of = shapes[number]
                return value if of is None else _walk(of, value, binary, exchange)

            return with_fields(cell, tuple(of is not None for of in shapes), field, binary=binary)
        case TokenJson():
            version = _JSONB_VERSION if binary and cell.startswith(_JSONB_VERSION) else b""
            return version + _json(shape.of, cell[len(version) :], exchange)
        case TokenText():  # pragma: no branch - mypy proves the match exhaustive
            return _walk(shape.of, cell, False, exchange)


def _json(shape: Shape, text: bytes, exchange: _Exchange) -> bytes:
    walker = JsonWalker(text)
    _value(shape, walker, exchange)
    return walker.result()


def _value(shape: Shape | None, walker: JsonWalker, exchange: _Exchange) -> None:
    if shape is None or walker.peek() == b"n":
        walker.copy_value()
        return
    match shape:
        case TokenCells(array=False):
            if shape.type.stored in _NUMBERS:
                walker.put(exchange(shape.type, walker.integer(), False))
            else:
                walker.put(escaped(exchange(shape.type, walker.string(), False)))
        case TokenCells():
            _elements(TokenCells(shape.type), walker, exchange)
        case TokenArray():
            _elements(shape.of, walker, exchange)
        case TokenRow():
            _members(shape, walker, exchange)
        case TokenJson():
            _value(shape.of, walker, exchange)
        case TokenText():  # pragma: no branch - mypy proves the match exhaustive
            walker.put(escaped(_walk(shape.of, walker.string(), False, exchange)))


def _elements(of: Shape, walker: JsonWalker, exchange: _Exchange) -> None:
    """An array, of any number of dimensions."""
    if not walker.take(b"["):
        raise malformed()
    if walker.take(b"]"):
        return
    while True:
        if walker.peek() == b"[" and not _is_array(of):
            _elements(of, walker, exchange)
        else:
            _value(of, walker, exchange)
        if not walker.take(b","):
            break
    if not walker.take(b"]"):
        raise malformed()


def _is_array(shape: Shape) -> bool:
    """Whether its JSON is an array."""
    while isinstance(shape, TokenJson):
        shape = shape.of
    return isinstance(shape, TokenArray) or (isinstance(shape, TokenCells) and shape.array)


def _members(shape: TokenRow, walker: JsonWalker, exchange: _Exchange) -> None:
    """An object with no other members than the shape's; one without any comes from a literal of the statement."""
    fields = dict(shape.fields)
    if not walker.take(b"{"):
        raise malformed()
    if walker.take(b"}"):
        return
    while True:
        key = walker.string()
        name = key.decode("utf-8", "replace")
        if name not in fields:
            raise malformed()
        walker.put(escaped(key))
        if not walker.take(b":"):
            raise malformed()
        _value(fields[name], walker, exchange)
        if not walker.take(b","):
            break
    if not walker.take(b"}"):
        raise malformed()
