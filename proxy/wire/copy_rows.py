"""The rows of COPY TO STDOUT, one in each CopyData message (manual, 54.2.6), in its three formats (manual, COPY).

Owns: where the fields of a row are, what value each stands for, and how a value is written as a field.
Must not know: what values mean, sockets. Invariant: a field that is not exchanged stays byte for byte; what is no row
of its format raises UpstreamProtocolError. Texts are UTF-8, where no byte of a longer character looks like a delimiter.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Final, Protocol

from proxy.errors import UpstreamProtocolError

_SIZE: Final = Struct("!i")
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_FIXED_HEADER: Final = len(_SIGNATURE) + 8  # with the flags and the length of the extension
_ESCAPED: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_ESCAPES: Final = {value: b"\\" + letter for letter, value in _ESCAPED.items()}


class CopyRows(Protocol):
    """One of the formats that are lines of text."""

    def fields(self, row: bytes) -> list[bytes]:
        """The fields as they are written."""

    def value(self, field: bytes) -> bytes | None:
        """The value that a field stands for, None for NULL."""

    def field(self, value: bytes, index: int) -> bytes:
        """A value as the field of the column with that index (from 0)."""

    def row(self, fields: list[bytes]) -> bytes:
        """The row of these fields."""


class _Lines:
    """What text and CSV share: fields between delimiters, and a line's end.

    ``pattern`` is that of one field; only in a row that has the byte ``guard`` can a field hold a delimiter.
    """

    def __init__(self, delimiter: bytes, null: bytes, pattern: bytes, guard: bytes) -> None:
        self._delimiter = delimiter
        self._null = null
        self._guard = guard
        self._field = re.compile(rb"(" + pattern + rb")(?:" + re.escape(delimiter) + rb"|\Z)", re.DOTALL)

    def fields(self, row: bytes) -> list[bytes]:
        """See ``CopyRows``."""
        if row[-1:] != b"\n":
            raise UpstreamProtocolError("malformed row of COPY")
        if self._guard not in row:
            return row[:-1].split(self._delimiter)
        return _all_fields(self._field, row[:-1])

    def row(self, fields: list[bytes]) -> bytes:
        """See ``CopyRows``."""
        return self._delimiter.join(fields) + b"\n"


class TextRows(_Lines):
    """FORMAT text."""

    def __init__(self, delimiter: bytes, null: bytes) -> None:
        super().__init__(delimiter, null, rb"(?:[^\\" + _in_class(delimiter) + rb"]|\\.)*", b"\\")
        self._special = re.compile(rb"[\\\b\f\n\r\t\v" + _in_class(delimiter) + rb"]")

    def value(self, field: bytes) -> bytes | None:
        """See ``CopyRows``."""
        if field == self._null:
            return None
        if b"\\" not in field:
            return field
        return re.sub(rb"\\(.)", lambda m: _ESCAPED.get(m[1], m[1]), field, flags=re.DOTALL)

    def field(self, value: bytes, index: int) -> bytes:
        """See ``CopyRows``."""
        return self._special.sub(lambda m: _ESCAPES.get(m[0], b"\\" + m[0]), value)


class CsvRows(_Lines):
    """FORMAT csv. ``forced``: the columns (from 0) of FORCE_QUOTE. ``columns``: how many there are."""

    def __init__(
        self, delimiter: bytes, null: bytes, quote: bytes, escape: bytes, forced: frozenset[int], columns: int
    ) -> None:
        self._quote = quote
        self._escape = escape
        self._forced = forced
        self._columns = columns
        special = rb"[" + _in_class(quote + escape) + rb"]"
        inside = rb"(?:" + re.escape(escape) + special + rb"|[^" + _in_class(quote + escape) + rb"])*"
        quoted = re.escape(quote) + inside + re.escape(quote)
        plain = rb"[^" + _in_class(delimiter + quote) + rb"]*"
        super().__init__(delimiter, null, quoted + rb"|" + plain, quote)
        self._inside = re.compile(re.escape(escape) + rb"(" + special + rb")")
        self._special = re.compile(special)
        self._needs_quotes = re.compile(rb"[\r\n" + _in_class(delimiter + quote) + rb"]")

    def value(self, field: bytes) -> bytes | None:
        """See ``CopyRows``. A quoted null string is not NULL."""
        if field[:1] == self._quote:
            return self._inside.sub(rb"\1", field[1:-1])
        return None if field == self._null else field

    def field(self, value: bytes, index: int) -> bytes:
        """See ``CopyRows``: quoted in the cases in which the server quotes (``CopyAttributeOutCSV``)."""
        alone = self._columns == 1 and value == b"\\."
        if not (index in self._forced or value == self._null or alone or self._needs_quotes.search(value)):
            return value
        return self._quote + self._special.sub(lambda m: self._escape + m[0], value) + self._quote


def binary_header_end(message: bytes) -> int:
    """Where the header of the binary format ends, in the message that begins with it."""
    if len(message) < _FIXED_HEADER or not message.startswith(_SIGNATURE):
        raise UpstreamProtocolError("malformed header of COPY")
    (extension,) = _SIZE.unpack_from(message, _FIXED_HEADER - _SIZE.size)
    if not 0 <= extension <= len(message) - _FIXED_HEADER:
        raise UpstreamProtocolError("malformed header of COPY")
    return int(_FIXED_HEADER + extension)


def _in_class(characters: bytes) -> bytes:
    """Single-byte characters, fit to stand between the brackets of a regular expression."""
    return b"".join(b"\\" + bytes((c,)) if not chr(c).isalnum() else bytes((c,)) for c in characters)


def _all_fields(pattern: re.Pattern[bytes], row: bytes) -> list[bytes]:
    fields: list[bytes] = []
    at, size = 0, len(row)
    while True:
        match = pattern.match(row, at)
        if match is None:
            raise UpstreamProtocolError("malformed row of COPY")
        fields.append(match[1])
        at = match.end()
        if at == size and match.end(1) == size:
            return fields
