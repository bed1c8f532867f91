"""Cells to tokens and back, literals, marks and epochs."""

from __future__ import annotations

import struct
import uuid
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import TokenValueError
from proxy.tokens.types import StoredType, TokenFormat, TokenType, Vocabulary
from tests.support.keyrings import tokenizer

_TOKENS = tokenizer("patient", "acme")
_TEXT = TokenType("patient", TokenFormat.TEXT, StoredType.TEXT)
_VARCHAR = TokenType("patient", TokenFormat.TEXT, StoredType.VARCHAR)
_DIGITS = TokenType("patient", TokenFormat.DIGITS, StoredType.TEXT)
_CHAR = TokenType("patient", TokenFormat.DIGITS, StoredType.BPCHAR)
_INTEGER = TokenType("patient", TokenFormat.DIGITS, StoredType.INTEGER)
_BIGINT = TokenType("patient", TokenFormat.DIGITS, StoredType.BIGINT)
_UUID = TokenType("patient", TokenFormat.UUID, StoredType.UUID)
_EVERY = [_TEXT, _VARCHAR, _DIGITS, _CHAR, _INTEGER, _BIGINT, _UUID]

_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40).map(str.encode)
_digits = st.from_regex(r"[0-9]{3}-?[0-9]{2}-?[0-9]{4,8}", fullmatch=True).map(str.encode)
_CELLS = {
    (_TEXT, False): _texts,
    (_VARCHAR, True): _texts,
    (_DIGITS, False): _digits,
    (_CHAR, True): _digits,
    (_INTEGER, False): st.integers(-(2**31), 2**31 - 1).map(lambda n: b"%d" % n),
    (_INTEGER, True): st.integers(-(2**31), 2**31 - 1).map(lambda n: struct.pack("!i", n)),
    (_BIGINT, False): st.integers(-(2**63), 2**63 - 1).map(lambda n: b"%d" % n),
    (_BIGINT, True): st.integers(-(2**63), 2**63 - 1).map(lambda n: struct.pack("!q", n)),
    (_UUID, False): st.uuids().map(lambda u: str(u).encode()),
    (_UUID, True): st.uuids().map(lambda u: u.bytes),
}


def test_it_is_what_planning_asks() -> None:
    """The tokenizer is a vocabulary."""
    vocabulary: Vocabulary = _TOKENS
    assert vocabulary.version == _TOKENS.version


@pytest.mark.parametrize(("token_type", "binary"), list(_CELLS))
@given(data=st.data())
def test_every_cell_comes_back(token_type: TokenType, binary: bool, data: st.DataObject) -> None:
    """In each type and format decoding undoes encoding, distinct values differ, and NULL stays NULL."""
    cells = data.draw(st.lists(st.one_of(st.none(), _CELLS[token_type, binary]), max_size=6))
    tokens = _TOKENS.encode_cells(token_type, cells, binary=binary)
    back = [t if t is None else _TOKENS.decode_cell(token_type, t, binary=binary) for t in tokens]
    assert back == cells
    assert len(set(tokens)) == len(set(cells))
    assert [c is None for c in cells] == [t is None for t in tokens]


@pytest.mark.parametrize(("token_type", "binary"), list(_CELLS))
@given(data=st.data())
def test_arrays_are_encoded_element_by_element(token_type: TokenType, binary: bool, data: st.DataObject) -> None:
    """An array's elements have the tokens that they have outside of it, and decode from it."""
    cells = data.draw(st.lists(_CELLS[token_type, binary], min_size=1, max_size=4))
    tokens = [t for t in _TOKENS.encode_cells(token_type, cells, binary=binary) if t is not None]
    stored, expected = (_array(some, binary=binary) for some in (cells, tokens))
    encoded = _TOKENS.encode_arrays(token_type, [None, stored], binary=binary)
    assert encoded[0] is None
    assert encoded[1] == expected
    assert _TOKENS.decode_array(token_type, expected, binary=binary) == stored


def _array(cells: list[bytes], *, binary: bool) -> bytes:
    if binary:
        parts = (struct.pack("!i", len(c)) + c for c in cells)
        return struct.pack("!iiIii", 1, 0, 25, len(cells), 1) + b"".join(parts)
    special = set(b'{}",\\ \t\n\v\f\r')
    quoted = (
        b'"' + c.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        if not c or special & set(c) or c.upper() == b"NULL"
        else c
        for c in cells
    )
    return b"{" + b",".join(quoted) + b"}"


@pytest.mark.parametrize("token_type", _EVERY)
@given(literal=st.one_of(st.text(), st.from_regex(r"patient_1_[a-z2-7]{26,50}", fullmatch=True)))
def test_any_literal_is_answered(token_type: TokenType, literal: str) -> None:
    """No text whatever makes a stored literal fail."""
    assert isinstance(_TOKENS.stored_literal(token_type, literal), str)


@given(_texts)
def test_cleartext_in_place_of_a_token_equals_nothing_stored_and_comes_back(text: bytes) -> None:
    """A guess gives a marked text, which in a result is the guess again, beside tokens of what is stored."""
    marked = _TOKENS.stored_literal(_TEXT, text.decode()).encode()
    assert marked != text
    (stored,) = _TOKENS.encode_cells(_TEXT, [b"MRN-1"], binary=False)
    assert _TOKENS.encode_cells(_TEXT, [marked, b"MRN-1", None], binary=False) == [text, stored, None]


@pytest.mark.parametrize("literal", ["none", "12345", "MRN-123456", "", "６５４３２１"])
def test_texts_that_are_no_tokens_of_digits_are_marked(literal: str) -> None:
    """They equal nothing stored, also not a stored value that has no token itself."""
    marked = _TOKENS.stored_literal(_DIGITS, literal)
    assert marked.endswith(literal)
    assert marked != literal
    assert _TOKENS.encode_cells(_DIGITS, [marked.encode(), b"901-42-0042"], binary=False)[0] == literal.encode()


def test_padding_of_char_n_stays_and_changes_nothing() -> None:
    """Blanks at the end belong to no token: padded cells have the token of the value, padded."""
    (plain,) = _TOKENS.encode_cells(_DIGITS, [b"9014200"], binary=False)
    assert plain is not None
    assert _TOKENS.encode_cells(_CHAR, [b"9014200   "], binary=False) == [plain + b"   "]
    marked = _TOKENS.stored_literal(_CHAR, "none").encode()
    assert _TOKENS.encode_cells(_CHAR, [marked + b"  "], binary=False) == [b"none  "]


@pytest.mark.parametrize("spelling", ["4711", " 4711 ", "+4711", "0004711", "4711.0", "4.711e3", "0x1267", "4_711"])
def test_a_number_is_a_token_in_every_spelling(spelling: str) -> None:
    """Each way to write a number gives the value of that number's token, never the number itself."""
    stored = _TOKENS.stored_literal(_INTEGER, spelling)
    assert stored != "4711"
    assert _TOKENS.encode_cells(_INTEGER, [stored.encode()], binary=False) == [b"4711"]
    assert stored == _TOKENS.stored_literal(_BIGINT, spelling)


@pytest.mark.parametrize("literal", ["abc", "", "1 2", "4711x", "0" * 2000 + "5", "--5"])
def test_what_is_no_number_is_refused_by_the_server(literal: str) -> None:
    """It becomes one fixed text that no number has, so that nothing of it is compared or shown."""
    assert _TOKENS.stored_literal(_INTEGER, literal) == "not a value of this type"
    assert _TOKENS.decode_cell(_INTEGER, literal.encode(), binary=False) == b"not a value of this type"


@pytest.mark.parametrize("literal", ["4.5", "9223372036854775808", "-1e30", "NaN", "1e999999"])
def test_numbers_that_no_column_can_hold_stay(literal: str) -> None:
    """They equal nothing stored as they are."""
    assert _TOKENS.stored_literal(_BIGINT, literal) == literal


def test_a_number_has_one_token_in_integer_and_bigint_columns() -> None:
    """So that an integer column joins a bigint column of its domain."""
    cells: list[bytes | None] = [b"5", b"-5", b"2147483647", b"-2147483648", b"1234567", b"1999999999"]
    assert _TOKENS.encode_cells(_INTEGER, cells, binary=False) == _TOKENS.encode_cells(_BIGINT, cells, binary=False)


@pytest.mark.parametrize("form", ["{0}", "{{{0}}}", "{1}", "{2}"])
def test_a_uuid_is_a_token_in_every_spelling(form: str) -> None:
    """Each way to write a UUID (manual, 8.12) gives the value of the same token."""
    token = uuid.UUID(int=4711)
    literal = form.format(token, str(token).upper(), token.hex)
    stored = _TOKENS.stored_literal(_UUID, literal)
    assert stored == _TOKENS.stored_literal(_UUID, str(token))
    assert _TOKENS.encode_cells(_UUID, [stored.encode()], binary=False) == [str(token).encode()]


@pytest.mark.parametrize("literal", ["abc", "", "{" + "0" * 32, "0" * 31])
def test_what_is_no_uuid_is_refused_by_the_server(literal: str) -> None:
    """It becomes one fixed text that no UUID has."""
    assert _TOKENS.stored_literal(_UUID, literal) == "not a value of this type"


@given(st.binary(max_size=20))
def test_any_binary_cell_is_decoded_or_refused(cell: bytes) -> None:
    """A parameter of any bytes is answered, or our own error."""
    for token_type in _EVERY:
        assert isinstance(_TOKENS.decode_cell(token_type, cell, binary=False), bytes)
        with suppress(TokenValueError):
            assert isinstance(_TOKENS.decode_cell(token_type, cell, binary=True), bytes)


def test_domains_cannot_be_linked() -> None:
    """The same value has other tokens in another domain, and a token means nothing there."""
    cells: dict[TokenType, list[bytes | None]] = {
        _TEXT: [b"MRN-1"],
        _DIGITS: [b"901-42-0042"],
        _INTEGER: [b"123456789"],
        _UUID: [str(uuid.UUID(int=1)).encode()],
    }
    for token_type, stored in cells.items():
        other = TokenType("acme", token_type.format, token_type.stored)
        tokens = _TOKENS.encode_cells(token_type, stored, binary=False)
        foreign = _TOKENS.encode_cells(other, stored, binary=False)
        assert tokens != foreign
        assert foreign[0] is not None
        assert _TOKENS.decode_cell(token_type, foreign[0], binary=False) != stored[0]
    assert _TOKENS.order_secret("patient") != _TOKENS.order_secret("acme")


def test_epochs_new_tokens_and_old_ones() -> None:
    """New tokens carry the newest epoch, those of live older ones are understood, those of retired ones are not."""
    first, second = tokenizer("patient"), tokenizer("patient", epochs=2)
    retired = tokenizer("patient", epochs=2, retired=frozenset({1}))
    (old,), (new,) = (t.encode_cells(_TEXT, [b"MRN-1"], binary=False) for t in (first, second))
    assert old is not None
    assert new is not None
    assert old.startswith(b"patient_1_")
    assert new.startswith(b"patient_2_")
    assert second.decode_cell(_TEXT, old, binary=False) == second.decode_cell(_TEXT, new, binary=False) == b"MRN-1"
    assert retired.decode_cell(_TEXT, new, binary=False) == b"MRN-1"
    assert retired.decode_cell(_TEXT, old, binary=False).endswith(old)
    assert len({first.version, second.version, retired.version}) == 3


def test_orders_shifts_and_marks_outlive_rotations() -> None:
    """They come from a secret of their own."""
    first, second = tokenizer("patient"), tokenizer("patient", epochs=2)
    assert first.order_secret("patient") == second.order_secret("patient")
    assert first.shift_secret("patient") == second.shift_secret("patient")
    assert first.stored_literal(_TEXT, "none") == second.stored_literal(_TEXT, "none")
    assert first.order_secret("patient") != first.shift_secret("patient")


def test_tokens_are_the_same_in_ten_years() -> None:
    """These very tokens are in someone's study: whatever changes them breaks it."""
    cells: dict[TokenType, bytes] = {
        _TEXT: b"MRN-0001234",
        _DIGITS: b"901-42-0042",
        _INTEGER: b"4711",
        _BIGINT: b"-5000000000",
        _UUID: b"00000000-0000-0000-0000-000000000001",
    }
    assert {t: _TOKENS.encode_cells(t, [c], binary=False)[0] for t, c in cells.items()} == {
        _TEXT: b"patient_1_ytrke54li7l2guexs6e6dai7xbhlzsyuirunfhzjua3q",
        _DIGITS: b"410-23-6818",
        _INTEGER: b"848413",
        _BIGINT: b"-3573963925",
        _UUID: b"1af60c67-aafa-5db2-a8b1-958bad9dacf5",
    }


def test_the_value_of_a_token() -> None:
    """Detokenizing gives the stored value, and None for what is no token of the domain."""
    (token,) = _TOKENS.encode_cells(_TEXT, ["Zoë".encode()], binary=False)
    assert token is not None
    assert _TOKENS.value_of(_TEXT, token.decode()) == "Zoë"
    assert _TOKENS.value_of(TokenType("acme", TokenFormat.TEXT, StoredType.TEXT), token.decode()) is None
    assert _TOKENS.value_of(_TEXT, "none") is None
    assert _TOKENS.value_of(_INTEGER, "4711") == _TOKENS.stored_literal(_INTEGER, "4711")
    assert _TOKENS.value_of(_INTEGER, "x") is None
    assert _TOKENS.value_of(_UUID, "x") is None
    assert _TOKENS.value_of(_UUID, str(uuid.UUID(int=1))) is not None


def test_a_domain_without_keys_is_our_own_error() -> None:
    """It says what is missing."""
    other = TokenType("other", TokenFormat.TEXT, StoredType.TEXT)
    with pytest.raises(TokenValueError, match="no key for the domain other"):
        _TOKENS.encode_cells(other, [b"x"], binary=False)


def test_nothing_secret_is_shown() -> None:
    """The repr has the version alone."""
    assert repr(_TOKENS) == f"Tokenizer(version={_TOKENS.version!r})"
