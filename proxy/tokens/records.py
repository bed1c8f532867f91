"""Row values in Postgres' text and binary formats, taken apart and put together with other fields.

Owns: both formats (manual, 8.16.6; record_out, record_send). Must not know: what the fields are. Invariant: a row that
is put together has exactly the given fields for the server's own parser; fields that stay are not touched.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

from proxy.errors import TokenValueError

_COUNT: Final = struct.Struct("!i")
_FIELD: Final = struct.Struct("!Ii")  # the field's type, its size
_TEXT_FIELD: Final = re.compile(rb'(?:"((?:[^"\\]|""|\\.)*)"|([^"\\(),]*))([,)])', re.DOTALL)
_DOUBLED: Final = re.compile(rb'""|\\(.)', re.DOTALL)
_NEEDS_QUOTES: Final = re.compile(rb'[()",\\ \t\n\v\f\r]')

Exchange = Callable[[int, bytes], bytes]
"""The number of a field (from 0) and its value in, the value in its place out; not called for NULL."""


def with_fields(cell: bytes, wanted: tuple[bool, ...], exchange: Exchange, *, binary: bool) -> bytes:
    """The row with other values in the ``wanted`` fields.

    Raises TokenValueError (22P02, 22P03) where it is malformed or has another number of fields.
    """
    return _binary(cell, wanted, exchange) if binary else _text(cell, wanted, exchange)


def _text(cell: bytes, wanted: tuple[bool, ...], exchange: Exchange) -> bytes:
    if not cell.startswith(b"("):
        raise _malformed("22P02")
    printed: list[bytes] = []
    at, number, end = 1, 0, b","
    while end == b",":
        match = _TEXT_FIELD.match(cell, at)
        if match is None or number == len(wanted):
            raise _malformed("22P02")
        quoted, bare, end = match.groups()
        value = bare or None if quoted is None else _DOUBLED.sub(_unescaped, quoted)
        if wanted[number] and value is not None:
            printed.append(_text_field(exchange(number, value)))
        else:
            printed.append(cell[at : match.end() - 1])
        at, number = match.end(), number + 1
    if number != len(wanted) or at != len(cell):
        raise _malformed("22P02")
    return b"(" + b",".join(printed) + b")"


def _unescaped(match: re.Match[bytes]) -> bytes:
    escaped = match[1]
    return b'"' if escaped is None else escaped


def _text_field(value: bytes) -> bytes:
    if value and not _NEEDS_QUOTES.search(value):
        return value
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'""') + b'"'


def _binary(cell: bytes, wanted: tuple[bool, ...], exchange: Exchange) -> bytes:
    try:
        (count,) = _COUNT.unpack_from(cell)
        pieces, at = [cell[: _COUNT.size]], _COUNT.size
        if count != len(wanted):
            raise _malformed("22P03")
        for number in range(count):
            type_oid, size = _FIELD.unpack_from(cell, at)
            start, end = at + _FIELD.size, at + _FIELD.size + max(size, 0)
            if size < -1 or end > len(cell):
                raise _malformed("22P03")
            if wanted[number] and size >= 0:
                value = exchange(number, cell[start:end])
                pieces += (_FIELD.pack(type_oid, len(value)), value)
            else:
                pieces.append(cell[at:end])
            at = end
    except struct.error:
        raise _malformed("22P03") from None
    if at != len(cell):
        raise _malformed("22P03")
    return b"".join(pieces)


def _malformed(sqlstate: str) -> TokenValueError:
    return TokenValueError("malformed row with tokens", sqlstate=sqlstate)
