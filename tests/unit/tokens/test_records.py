"""Row values taken apart and put together: both formats of the server, and whatever else comes."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import TokenValueError
from proxy.tokens.records import with_fields

FIELDS = st.lists(st.none() | st.binary(max_size=8).filter(lambda b: b"\0" not in b), min_size=1, max_size=6)


def _text(fields: list[bytes | None]) -> bytes:
    """As record_out prints it, with quotes around every field."""
    printed = [
        b"" if field is None else b'"' + field.replace(b"\\", b"\\\\").replace(b'"', b'""') + b'"' for field in fields
    ]
    return b"(" + b",".join(printed) + b")"


def _binary(fields: list[bytes | None]) -> bytes:
    cells = [struct.pack("!Ii", 25, -1 if f is None else len(f)) + (f or b"") for f in fields]
    return struct.pack("!i", len(fields)) + b"".join(cells)


@pytest.mark.parametrize("binary", [False, True])
@given(fields=FIELDS, wanted=st.integers(0, 63), new=st.binary(max_size=8).filter(lambda b: b"\0" not in b))
def test_wanted_fields_are_exchanged_and_no_others(
    binary: bool, fields: list[bytes | None], wanted: int, new: bytes
) -> None:
    """NULLs stay, and each wanted value is seen as it is."""
    made = _binary if binary else _text
    places = tuple(bool(wanted >> number & 1) for number in range(len(fields)))
    seen: list[tuple[int, bytes]] = []

    def exchange(number: int, value: bytes) -> bytes:
        seen.append((number, value))
        return new

    cell = with_fields(made(fields), places, exchange, binary=binary)
    assert seen == [(n, f) for n, (f, w) in enumerate(zip(fields, places, strict=True)) if w and f is not None]
    expected = [new if w and f is not None else f for f, w in zip(fields, places, strict=True)]
    again: list[bytes] = []
    with_fields(cell, (True,) * len(fields), lambda _, value: again.append(value) or value, binary=binary)  # type: ignore[func-returns-value]
    assert again == [field for field in expected if field is not None]


def test_quotes_only_where_the_server_has_them() -> None:
    """A row of tokens is printed as the server would print it."""
    for value, printed in ((b"ab", b"ab"), (b"", b'""'), (b"a b", b'"a b"'), (b'a"\\', b'"a""\\\\"'), (b"(", b'"("')):
        assert with_fields(b"(x,,z)", (True, True, False), lambda *_, v=value: v, binary=False) == (
            b"(" + printed + b",,z)"
        )


@pytest.mark.parametrize("cell", [b"", b"x", b"(", b"(a", b"(a,b)", b'("a)', b"(a)b", b"(a(b)", b'(a"b")'])
def test_what_is_no_row_of_one_field_is_an_error(cell: bytes) -> None:
    """It does not come out, nor does the error hold it."""
    with pytest.raises(TokenValueError) as refused:
        with_fields(cell, (True,), lambda _, value: value, binary=False)
    assert refused.value.message == "malformed row with tokens"


@given(st.binary(max_size=40), st.integers(0, 3), st.booleans())
def test_arbitrary_bytes_give_a_row_or_our_own_error(cell: bytes, count: int, binary: bool) -> None:
    """Whatever the server were to send."""
    with suppress(TokenValueError):
        with_fields(cell, (True,) * count, lambda _, value: value, binary=binary)
