"""Tokens of texts of digits keep everything but the digits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import TokenValueError
from proxy.tokens.digit_texts import DigitTexts

_TEXTS = DigitTexts(bytes(range(32)))
_NUMBERS = st.from_regex(r"[ -/:-@\[-`{-~]{0,3}(?:[0-9][ \-./()]{0,2}){6,36}", fullmatch=True).map(str.encode)


@given(st.lists(_NUMBERS))
def test_every_text_comes_back(texts: list[bytes]) -> None:
    """Decryption undoes encryption, distinct texts have distinct tokens, and separators stay where they are."""
    tokens = _TEXTS.encrypt(texts)
    assert _TEXTS.decrypt(tokens) == texts
    assert len(set(tokens)) == len(set(texts))
    shapes = [[re.sub(rb"[0-9]", b"0", text) for text in some] for some in (texts, tokens)]
    assert shapes[0] == shapes[1]


def test_digits_alone_are_enciphered_as_by_the_standard() -> None:
    """The token of plain digits is FF1's, in radix 10, of the same digits; separators change nothing in it."""
    texts = DigitTexts(bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"))
    assert texts.encrypt([b"0123456789", b"012-345-6789"]) == [b"2433477484", b"243-347-7484"]


@pytest.mark.parametrize(
    "text", ["", "12345", "1-2-3-4-5", "A123456", "123456é", "１２３４５６", "1234567\n", "\x00123456", "1" * 37]
)
def test_texts_that_have_no_token(text: str) -> None:
    """Too few digits, too many, letters, and anything but ASCII are an error that does not quote the value."""
    with pytest.raises(TokenValueError) as raised:
        _TEXTS.encrypt([b"901-42-0042", text.encode()])
    assert raised.value.sqlstate == "0A000"
    assert text not in (raised.value.detail or "") or len(text) < 6


@given(st.binary(max_size=60))
def test_any_bytes_are_a_token_or_an_error_of_ours(token: bytes) -> None:
    """Whatever is given for a token gives a text that has it, or our own error."""
    try:
        (text,) = _TEXTS.decrypt([token])
    except TokenValueError:
        return
    assert _TEXTS.encrypt([text]) == [token]


def test_no_key_is_shown() -> None:
    """The repr says nothing."""
    assert repr(_TEXTS) == "DigitTexts()"
