"""Tokens inside rows, arrays, JSON and texts: every place that a shape names, and a refusal for any other."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import TokenValueError
from proxy.planner.plan import Shape, TokenArray, TokenCells, TokenJson, TokenRow, TokenText
from proxy.session.shapes import encode_shaped
from proxy.tokens.types import StoredType, TokenFormat, TokenType
from tests.support.fake_tokens import FakeTokens

TEXT = TokenCells(TokenType("patient", TokenFormat.TEXT, StoredType.TEXT))
NUMBER = TokenCells(TokenType("account", TokenFormat.DIGITS, StoredType.BIGINT))
PATIENT = TokenRow((("id", None), ("mrn", TEXT), ("note", None)))
TEXTS = TokenCells(TEXT.type, array=True)


class Numbers(FakeTokens):
    """Digits become other digits."""

    def encode_cells(self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool) -> list[bytes | None]:
        """Nines' complement of numbers, a prefix for the rest."""
        if token_type != NUMBER.type:
            return super().encode_cells(token_type, cells, binary=binary)
        return [cell and b"%d" % (10 ** len(cell) - 1 - int(cell)) for cell in cells]


def _one(shape: Shape, cell: bytes, *, binary: bool = False) -> bytes:
    encoded = encode_shaped(shape, [None, cell, cell], Numbers(), binary=binary)
    assert encoded[0] is None
    assert encoded[1] == encoded[2]
    assert encoded[1] is not None
    return encoded[1]


@pytest.mark.parametrize(
    ("shape", "cell", "shown"),
    [
        (PATIENT, b'(1,A1,"a, ""b""")', b'(1,tok:A1,"a, ""b""")'),
        (PATIENT, b"(1,,)", b"(1,,)"),
        (TokenRow((("p", PATIENT), ("n", NUMBER))), b'("(1,A1,)",123)', b'("(1,tok:A1,)",876)'),
        (TokenArray(PATIENT), b'{"(1,A1,)",NULL,"(2,,x)"}', b'{"(1,tok:A1,)",NULL,"(2,,x)"}'),
        (TokenRow((("a", TEXTS),)), b'("{A1,NULL,""b c""}")', b'("{tok:A1,NULL,""tok:b c""}")'),
        (TokenJson(PATIENT), b'{"mrn":"A","note":[{"mrn":"x"}]}', b'{"mrn":"tok:A","note":[{"mrn":"x"}]}'),
        (TokenJson(PATIENT), b'{"id": 1, "mrn": null, "note": null}', b'{"id": 1, "mrn": null, "note": null}'),
        (TokenJson(PATIENT), b"{}", b"{}"),
        (TokenJson(PATIENT), b"null", b"null"),
        (TokenJson(TokenArray(PATIENT)), b'[{"mrn":"A"}, \n null]', b'[{"mrn":"tok:A"}, \n null]'),
        (TokenJson(TEXTS), b'[["a"],["b",null]]', b'[["tok:a"],["tok:b",null]]'),
        (TokenJson(TokenArray(TokenJson(TEXTS))), b'[["a"],[]]', b'[["tok:a"],[]]'),
        (TokenJson(NUMBER), b"123", b"876"),
        (TokenJson(TEXT), b'"a\\"b"', b'"tok:a\\"b"'),
        (TokenText(TokenJson(TEXT)), b'"a"', b'"tok:a"'),
        (TokenText(NUMBER), b"123", b"876"),
        (TokenJson(TokenRow((("t", TokenText(PATIENT)),))), b'{"t":"(1,A,\\"x y\\")"}', b'{"t":"(1,tok:A,\\"x y\\")"}'),
        (TEXTS, b"{a}", b"toka:{a}"),
        (TEXT, b"a", b"tok:a"),
        (TEXT, b"lit:a", b"a"),
    ],
)  # fmt: skip
def test_tokens_are_where_the_shape_says(shape: Shape, cell: bytes, shown: bytes) -> None:
    """And everything else is as it came."""
    assert _one(shape, cell) == shown


def test_binary_rows_and_json() -> None:
    """A row's fields are binary too; JSON is text in it, behind jsonb's version."""
    row = struct.pack("!iIi", 2, 25, 1) + b"a" + struct.pack("!Ii", 3802, 4) + b'\x01"b"'
    shape = TokenRow((("t", TEXT), ("j", TokenJson(TEXT))))
    shown = _one(shape, row, binary=True)
    assert shown == struct.pack("!iIi", 2, 25, 6) + b"tokb:a" + struct.pack("!Ii", 3802, 8) + b'\x01"tok:b"'
    assert _one(TokenJson(TEXT), b'"a"', binary=True) == b'"tok:a"'
    assert _one(TokenText(PATIENT), b"(1,a,)", binary=True) == b"(1,tok:a,)"


@pytest.mark.parametrize(
    ("shape", "cell"),
    [
        (PATIENT, b"(1,a)"),
        (PATIENT, b"a"),
        (TokenJson(PATIENT), b'{"id":1,"other":"a"}'),
        (TokenJson(PATIENT), b'{"mrn":{"a":1}}'),
        (TokenJson(PATIENT), b'["a"]'),
        (TokenJson(PATIENT), b'{"mrn" "a"}'),
        (TokenJson(PATIENT), b'{"mrn":"a"'),
        (TokenJson(TEXTS), b'{"a":"b"}'),
        (TokenJson(TEXTS), b'["a"'),
        (TokenJson(TEXT), b"1"),
        (TokenJson(NUMBER), b'"1"'),
        (TokenJson(NUMBER), b"1.5"),
        (TokenArray(PATIENT), b"(1,a,)"),
    ],
)
def test_what_is_not_as_the_shape_says_does_not_leave(shape: Shape, cell: bytes) -> None:
    """It is an error that does not hold the value."""
    with pytest.raises(TokenValueError) as refused:
        _one(shape, cell)
    assert "malformed" in refused.value.message


@given(st.recursive(st.just(None) | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=8))
def test_every_element_of_an_array_becomes_a_token(value: object) -> None:
    """However deep, and none is left as it was."""
    if not isinstance(value, list):
        return
    shown = json.loads(_one(TokenJson(TEXTS), json.dumps(value, ensure_ascii=False).encode()))

    def expected(part: object) -> object:
        if isinstance(part, list):
            return [expected(p) for p in part]
        return part if part is None else part[4:] if str(part).startswith("lit:") else f"tok:{part}"  # type: ignore[index]

    assert shown == expected(value)


@given(st.binary(max_size=30), st.booleans())
def test_arbitrary_bytes_give_our_own_errors(cell: bytes, binary: bool) -> None:
    """Whatever the server were to send."""
    for shape in (PATIENT, TokenArray(PATIENT), TokenJson(PATIENT), TokenText(TokenJson(TEXT))):
        with suppress(TokenValueError):
            _one(shape, cell, binary=binary)


def test_a_value_without_a_token_does_not_leave() -> None:
    """A codec that gives none for a value gives an error in place of the whole cell."""

    class Nothing(FakeTokens):
        def encode_cells(
            self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool
        ) -> list[bytes | None]:
            return [None for _ in cells]

    with pytest.raises(TokenValueError):
        encode_shaped(PATIENT, [b"(1,A1,)"], Nothing(), binary=False)
