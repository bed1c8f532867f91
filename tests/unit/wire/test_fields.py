"""The cursor over a body stays inside it."""

from __future__ import annotations

from struct import Struct

import pytest

from proxy.errors import ClientProtocolError
from proxy.wire.fields import FieldReader


def _reader(body: bytes) -> FieldReader:
    return FieldReader(body, name="Test", error=ClientProtocolError)


def test_fields_are_read_in_order() -> None:
    """Strings, numbers, sized pieces and the rest follow one another."""
    reader = _reader(b"name\0\x00\x07abcdef")
    assert reader.string() == b"name"
    assert reader.unpack(Struct("!H")) == (7,)
    assert reader.take(2) == b"ab"
    assert reader.rest() == b"cdef"
    reader.finish()


def test_what_is_cut_off_raises() -> None:
    """An unterminated string, a cut number, a piece past the end and unread bytes are errors that name the message."""
    with pytest.raises(ClientProtocolError, match="malformed Test message"):
        _reader(b"name").string()
    with pytest.raises(ClientProtocolError, match="malformed Test message"):
        _reader(b"\0").unpack(Struct("!H"))
    for size in (3, -1):
        with pytest.raises(ClientProtocolError, match="malformed Test message"):
            _reader(b"ab").take(size)
    with pytest.raises(ClientProtocolError, match="malformed Test message"):
        _reader(b"ab").finish()
