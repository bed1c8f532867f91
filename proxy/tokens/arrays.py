"""Array values in Postgres' text and binary formats, taken apart and put together with other elements.

Owns: both formats. Must not know: what the elements are. Invariant: an array that is put together has exactly the
given elements for the server's own parser, each quoted where needed; shape and bounds stay (manual, 8.15; array_send).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proxy.errors import TokenValueError

_BOUNDS: Final = re.compile(rb"\s*(?:\[[+-]?[0-9]+(?::[+-]?[0-9]+)?\]\s*)+=")
_PART: Final = re.compile(rb'[ \t\n\v\f\r]*(?:([{},])|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\]|\\.)+))', re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_NEEDS_QUOTES: Final = re.compile(rb'[{}",\\ \t\n\v\f\r]')
_NEEDS_BACKSLASH: Final = re.compile(rb'(["\\])')
_SPACE: Final = b" \t\n\v\f\r"
_COUNT: Final = struct.Struct("!i")
_HEADER: Final = struct.Struct("!iiI")  # dimensions, whether there are NULLs, the elements' type
_DIMENSION: Final = struct.Struct("!ii")
_MOST_DIMENSIONS: Final = 6  # MAXDIM


@dataclass(frozen=True, slots=True)
class ArrayValue:
    """An array in one of the formats: its elements, and what stands before, between and behind them."""

    binary: bool
    gaps: tuple[bytes, ...]
    elements: tuple[bytes | None, ...]

    def __repr__(self) -> str:
        return f"ArrayValue({len(self.elements)} elements)"

    def with_elements(self, elements: Sequence[bytes | None]) -> bytes:
        """The array in its format, with other elements in the same places."""
        printed = map(_binary_element if self.binary else _text_element, elements)
        pieces = [self.gaps[0]]
        for element, gap in zip(printed, self.gaps[1:], strict=True):
            pieces += (element, gap)
        return b"".join(pieces)


def read_array(cell: bytes, *, binary: bool) -> ArrayValue:
    """Take an array apart. Raises TokenValueError (22P02, 22P03) where it is malformed."""
    return _read_binary(cell) if binary else _read_text(cell)


def _read_text(cell: bytes) -> ArrayValue:
    gaps: list[bytes] = []
    elements: list[bytes | None] = []
    bounds = _BOUNDS.match(cell)
    at = bounds.end() if bounds is not None else 0
    gap, depth, complete = cell[:at], 0, False  # complete: a comma or a closing brace must follow
    rest = cell.rstrip(_SPACE)
    while at < len(rest) and not (complete and not depth):
        part = _PART.match(rest, at)
        if part is None or (depth == 0 and part[1] != b"{"):
            raise _malformed("22P02")
        at = part.end()
        match part[1]:
            case None if complete:
                raise _malformed("22P02")
            case None:
                elements.append(_element(part))
                gaps.append(gap)
                gap, complete = b"", True
            case b"{" if not complete:
                depth, gap = depth + 1, gap + b"{"
            case b"}" if complete or gap.endswith(b"{"):
                depth, gap, complete = depth - 1, gap + b"}", True
            case b"," if complete:
                gap, complete = gap + b",", False
            case _:
                raise _malformed("22P02")
    if depth or not complete or at != len(rest):
        raise _malformed("22P02")
    return ArrayValue(False, (*gaps, gap), tuple(elements))


def _element(part: re.Match[bytes]) -> bytes | None:
    if part[2] is not None:
        return _ESCAPED.sub(rb"\1", part[2])
    bare = part[3].rstrip(_SPACE)
    if bare.upper() == b"NULL":
        return None
    if not bare or (len(bare) - len(bare.rstrip(b"\\"))) % 2:  # what it escaped was a blank at the end
        raise _malformed("22P02")
    return _ESCAPED.sub(rb"\1", bare)


def _text_element(element: bytes | None) -> bytes:
    if element is None:
        return b"NULL"
    if element and not _NEEDS_QUOTES.search(element) and element.upper() != b"NULL":
        return element
    return b'"' + _NEEDS_BACKSLASH.sub(rb"\\\1", element) + b'"'


def _read_binary(cell: bytes) -> ArrayValue:
    elements: list[bytes | None] = []
    try:
        dimensions, _, _ = _HEADER.unpack_from(cell)
        at = _HEADER.size
        count = 1 if dimensions else 0
        if not 0 <= dimensions <= _MOST_DIMENSIONS:
            raise _malformed("22P03")
        for _ in range(dimensions):
            size, _ = _DIMENSION.unpack_from(cell, at)
            at += _DIMENSION.size
            count *= size
        if not 0 <= count <= len(cell):
            raise _malformed("22P03")
        head = cell[:at]
        for _ in range(count):
            (length,) = _COUNT.unpack_from(cell, at)
            at += _COUNT.size
            if length < -1 or at + length > len(cell):
                raise _malformed("22P03")
            elements.append(cell[at : at + length] if length >= 0 else None)
            at += max(length, 0)
    except struct.error:
        raise _malformed("22P03") from None
    if at != len(cell):
        raise _malformed("22P03")
    return ArrayValue(True, (head, *(b"" for _ in elements)), tuple(elements))


def _binary_element(element: bytes | None) -> bytes:
    return _COUNT.pack(-1) if element is None else _COUNT.pack(len(element)) + element


def _malformed(sqlstate: str) -> TokenValueError:
    return TokenValueError("malformed array of tokens", sqlstate=sqlstate)
