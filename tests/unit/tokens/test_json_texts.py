"""Walking JSON: what is copied is copied byte for byte, and nothing is guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import TokenValueError
from proxy.tokens.json_texts import JsonWalker, escaped, unescaped

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1]))
def test_any_value_is_copied(value: Any, indent: int | None) -> None:
    """Byte for byte, and to its end."""
    text = json.dumps(value, indent=indent, ensure_ascii=False).encode()
    walker = JsonWalker(text)
    walker.copy_value()
    assert walker.result() == text


@given(st.text())
def test_strings_are_what_the_server_prints(text: str) -> None:
    """Escaped and unescaped again, the text is the same."""
    assert unescaped(escaped(text.encode())) == text.encode()


def test_control_characters_are_escaped_as_the_server_does() -> None:
    """See escape_json of PostgreSQL."""
    assert escaped('\b\f\n\r\t"\\\x01/é\x7f'.encode()) == '"\\b\\f\\n\\r\\t\\"\\\\\\u0001/é\x7f"'.encode()


def test_bytes_that_are_no_text_come_through() -> None:
    """A literal of the statement may hold any."""
    assert unescaped(escaped(b"a\xff")) == b"a\xff"


@pytest.mark.parametrize("text", [b"", b'"a', b"[1", b"{", b"nul", b"-", b"+1", b'{"a":1', b"x"])
def test_what_is_no_value_is_an_error(text: bytes) -> None:
    """It does not come out."""
    with pytest.raises(TokenValueError):
        JsonWalker(text).copy_value()


@pytest.mark.parametrize("text", [b"1.5", b"1e3", b'"1"', b"[1]", b"true", b""])
def test_a_whole_number_is_nothing_else(text: bytes) -> None:
    """What a token of digits stands for is a whole number."""
    with pytest.raises(TokenValueError):
        JsonWalker(text).integer()


def test_what_is_left_over_is_an_error() -> None:
    """A value ends where its text does."""
    walker = JsonWalker(b"1 2")
    walker.copy_value()
    with pytest.raises(TokenValueError):
        walker.result()
