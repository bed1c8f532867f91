"""Which cells of rows and of Bind messages are exchanged for others."""

from __future__ import annotations

import contextlib
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import ClientProtocolError, UpstreamProtocolError
from proxy.planner.plan import Shape, TokenArray, TokenCells, TokenJson, TokenRow, TokenText
from proxy.session.edge import RowEdge, bind_with_stored_values, type_oids, with_wider_types
from proxy.tokens.types import StoredType, TokenFormat, TokenType
from proxy.wire.backend import RowField, build_data_row
from proxy.wire.frames import frame
from proxy.wire.frontend import BIND
from tests.support.fake_tokens import FakeTokens

_MRN = TokenCells(TokenType("patient", TokenFormat.TEXT, StoredType.TEXT))
_MRNS = TokenCells(_MRN.type, array=True)
_NUMBER = TokenCells(TokenType("patient", TokenFormat.DIGITS, StoredType.INTEGER))
_CODEC = FakeTokens()
_AFTER = frame(ord("C"), b"SELECT 1\0")


def _row(*cells: bytes | None) -> bytes:
    return build_data_row(cells)


def _field(type_oid: int, binary: bool = False) -> RowField:
    return RowField("c", 0, 0, type_oid, -1, -1, int(binary))


def _edge(*columns: tuple[TokenCells | None, int, bool]) -> RowEdge:
    return RowEdge(tuple(c for c, _, _ in columns), tuple(_field(oid, binary) for _, oid, binary in columns), _CODEC)


def test_columns_of_tokens_leave_as_tokens() -> None:
    """Each in its own format, arrays and NULLs too; the other columns and what follows stay as they were."""
    edge = _edge((_MRN, 25, False), (None, 25, False), (_MRN, 1043, True), (_MRNS, 1009, False))
    rows = _row(b"a", b"b", b"c", b"{d}") + _row(None, None, b"lit:x", None)
    end, shown = edge.treat(b"?" + rows + _AFTER, 1)
    assert end == 1 + len(rows)
    assert shown == _row(b"tok:a", b"b", b"tokb:c", b"toka:{d}") + _row(None, None, b"x", None)


def test_a_row_that_is_cut_off_waits() -> None:
    """Nothing of it leaves before the whole of it is there."""
    row = _row(b"a")
    edge = _edge((_MRN, 25, False))
    assert all(edge.treat(row[:n], 0) == (0, b"") for n in range(len(row)))
    assert edge.treat(row + row[:-1], 0) == (len(row), _row(b"tok:a"))


def test_a_row_of_another_width_is_an_error() -> None:
    """Then its columns are not those that were checked."""
    with pytest.raises(UpstreamProtocolError):
        _edge((_MRN, 25, False)).treat(_row(b"a", b"b"), 0)


@pytest.mark.parametrize(
    ("cells", "type_oid"), [(_MRN, 23), (_MRN, 1009), (_MRNS, 25), (_NUMBER, 20), (_NUMBER, 25), (_MRN, 114)]
)
def test_another_type_than_planned_ends_the_result(cells: TokenCells, type_oid: int) -> None:
    """A value of another type would be encoded wrongly, or is no value of the column at all."""
    with pytest.raises(UpstreamProtocolError):
        _edge((cells, type_oid, False))


_RECORD = TokenRow((("mrn", _MRN),))


@pytest.mark.parametrize(
    ("shape", "types"),
    [
        (_MRN, {25, 1043, 1042}),
        (_MRNS, {1009, 1015, 1014}),
        (_RECORD, {2249}),
        (TokenArray(_RECORD), {2287}),
        (TokenJson(_MRN), {114, 3802}),
        (TokenArray(TokenJson(_MRN)), {199, 3807}),
        (TokenText(TokenJson(_MRN)), {25, 1043, 1042}),
        (TokenArray(TokenText(_RECORD)), {1009, 1015, 1014}),
    ],
)
def test_a_column_has_the_types_of_its_shape(shape: Shape, types: set[int]) -> None:
    """And no other: with any of them the result is treated, with the next one it ends."""
    assert type_oids(shape) == types
    for type_oid in types:
        RowEdge((shape,), (_field(type_oid),), _CODEC)
    with pytest.raises(UpstreamProtocolError):
        RowEdge((shape,), (_field(max(types) + 1),), _CODEC)


_SMALL = TokenCells(TokenType("patient", TokenFormat.DIGITS, StoredType.SMALLINT))
_BIG = TokenCells(TokenType("patient", TokenFormat.DIGITS, StoredType.BIGINT))


@pytest.mark.parametrize(
    ("cells", "declared", "sent"),
    [
        (_NUMBER, 21, 23),
        (TokenCells(_NUMBER.type, array=True), 1005, 1007),
        (_BIG, 21, 23),
        (_NUMBER, 23, 23),
        (_NUMBER, 0, 0),
        (_SMALL, 21, 21),
        (_MRN, 21, 21),
        (None, 21, 21),
    ],
)
def test_small_numbers_are_declared_wider_where_tokens_enter(
    cells: TokenCells | None, declared: int, sent: int
) -> None:
    """What a token stands for may be a larger number; the other parameters' types pass as they are declared."""
    types = pack("!H3i", 3, 21, declared, 21)
    assert with_wider_types(types, (None, cells)) == pack("!H3i", 3, 21, sent, 21)


def test_types_that_are_not_declared_are_left_to_the_server() -> None:
    """A Parse may name fewer types than its statement has parameters."""
    assert with_wider_types(pack("!H", 0), (_NUMBER,)) == pack("!H", 0)
    assert with_wider_types(pack("!Hi", 1, 21), (_NUMBER, _NUMBER)) == pack("!Hi", 1, 23)


def test_a_description_of_another_width_ends_the_result() -> None:
    """Positions count only where their number is the plan's."""
    with pytest.raises(UpstreamProtocolError):
        RowEdge((_MRN,), (_field(25), _field(25)), _CODEC)


def _bind(formats: list[int], cells: list[bytes | None], rest: bytes) -> bytes:
    values = b"".join(pack("!i", -1) if c is None else pack("!i", len(c)) + c for c in cells)
    head = pack("!H", len(formats)) + b"".join(pack("!H", code) for code in formats) + pack("!H", len(cells))
    return frame(BIND, b"portal\0name\0" + head + values + rest)


_NAMES_END = 5 + len(b"portal\0name\0")


def _entered(message: bytes, parameters: tuple[TokenCells | None, ...], pad: bytes = b"") -> bytes:
    data = pad + message + _AFTER
    stop = len(pad) + len(message)
    return bind_with_stored_values(data, len(pad), stop, len(pad) + _NAMES_END, parameters, _CODEC)


@given(
    cells=st.lists(st.none() | st.binary(max_size=9) | st.just(b"tok:x"), max_size=4),
    codes=st.sampled_from(["none", "one", "all"]),
    code=st.integers(0, 1),
    tokens=st.lists(st.sampled_from([None, _MRN, _MRNS]), max_size=5),
    rest=st.sampled_from([b"\0\0", b"\0\1\0\1"]),
    pad=st.binary(max_size=3),
)
def test_parameters_of_tokens_enter_as_stored_values(
    cells: list[bytes | None], codes: str, code: int, tokens: list[TokenCells | None], rest: bytes, pad: bytes
) -> None:
    """Each in the format that the message says; all else of the message stays as it was."""
    formats = {"none": [], "one": [code], "all": [code] * len(cells)}[codes]
    binary = bool(formats) and code == 1
    expected: list[bytes | None] = []
    for index, cell in enumerate(cells):
        token = tokens[index] if index < len(tokens) else None
        if cell is None or token is None:
            expected.append(cell)
        else:
            decode = _CODEC.decode_array if token.array else _CODEC.decode_cell
            expected.append(decode(token.type, cell, binary=binary))
    assert _entered(_bind(formats, cells, rest), tuple(tokens), pad) == _bind(formats, expected, rest)


@given(body=st.binary(max_size=40))
def test_garbage_is_a_protocol_error_or_a_message(body: bytes) -> None:
    """Whatever stands after the names, nothing but our own errors comes of it."""
    with contextlib.suppress(ClientProtocolError):
        assert _entered(frame(BIND, b"portal\0name\0" + body), (_MRN,))[:1] == b"B"


def test_a_cell_that_reaches_into_the_next_message_is_an_error() -> None:
    """What follows in the same bytes is not part of this message."""
    whole = _bind([], [b"tok:value"], b"\0\0")
    for size in range(_NAMES_END, len(whole)):
        cut = frame(BIND, whole[5:size])
        if size < len(whole) - 2:  # the result formats are the server's business
            with pytest.raises(ClientProtocolError):
                bind_with_stored_values(cut, 0, len(cut), _NAMES_END, (_MRN,), _CODEC)
