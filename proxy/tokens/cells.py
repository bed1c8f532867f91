"""Integers and UUIDs as DataRow and Bind carry them, many at once.

Owns: their text and binary formats. Must not know: tokens. Invariant: what is written is what Postgres itself would
send (int4send, int8send, int4out, uuid_out …); a malformed cell is an error that does not hold it.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np

from proxy.errors import TokenValueError
from proxy.tokens.number_loops import read_numbers, write_numbers
from proxy.tokens.whole_numbers import Integers

_WIDTHS: Final = {2: "h", 4: "i", 8: "q"}  # type codes of arrays
_BIGINT_BYTES: Final = 8
_UUID_BYTES: Final = 16
_UUID_LETTERS: Final = 36
_GROUPS: Final = ((0, 8), (9, 13), (14, 18), (19, 23), (24, 36))
_UUID: Final = re.compile(r"\{?((?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4})\}?")
_INTEGER: Final = re.compile(r"([+-]?)(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*)")
_BASES: Final = {"x": 16, "o": 8, "b": 2}
_SPACE: Final = " \t\n\v\f\r"
_LONGEST_NUMBER: Final = 1000
_LARGEST_EXPONENT: Final = 40


def read_integers(cells: Sequence[bytes], *, binary: bool) -> Integers:
    """The numbers in text, or in binary cells of two, four or eight bytes, all of the same width."""
    if not binary:
        try:
            return read_numbers(list(cells))
        except ValueError:
            raise _malformed() from None
    width = len(cells[0])
    if width not in _WIDTHS or set(map(len, cells)) != {width}:
        raise _malformed()
    read = array(_WIDTHS[width], b"".join(cells))
    if sys.byteorder == "little":
        read.byteswap()
    return read if width == _BIGINT_BYTES else array("q", read)


def write_integers(values: Integers, *, width: int | None) -> list[bytes]:
    """The cells: text where ``width`` is None, else binary of so many bytes."""
    if width is None:
        return write_numbers(values)
    swapped = array(_WIDTHS[width], values)
    if sys.byteorder == "little":
        swapped.byteswap()
    written = swapped.tobytes()
    return [written[at : at + width] for at in range(0, len(written), width)]


def read_uuids(cells: Sequence[bytes], *, binary: bool) -> bytes:
    """The UUIDs, 16 bytes each."""
    joined = b"".join(cells)
    if not binary:
        try:
            joined = bytes.fromhex(joined.replace(b"-", b"").decode("ascii"))
        except ValueError:
            raise _malformed() from None
    if len(joined) != _UUID_BYTES * len(cells):
        raise _malformed()
    return joined


def write_uuids(values: bytes, *, binary: bool) -> list[bytes]:
    """The cells."""
    if binary:
        return [values[at : at + _UUID_BYTES] for at in range(0, len(values), _UUID_BYTES)]
    digits = np.frombuffer(values.hex().encode(), dtype=np.uint8).reshape(-1, 2 * _UUID_BYTES)
    rows = np.full((len(digits), _UUID_LETTERS), ord("-"), dtype=np.uint8)
    for dashes, (start, end) in enumerate(_GROUPS):
        rows[:, start:end] = digits[:, start - dashes : end - dashes]
    written = rows.tobytes()
    return [written[at : at + _UUID_LETTERS] for at in range(0, len(written), _UUID_LETTERS)]


def parse_uuid(text: str) -> bytes | None:
    """What uuid_in reads (manual, 8.12); None where it would fail."""
    match = _UUID.fullmatch(text)
    if match is None or text.startswith("{") is not text.endswith("}"):
        return None
    return bytes.fromhex(match[1].replace("-", ""))


def parse_number(text: str) -> int | Decimal | None:
    """The number that a literal stands for, as Postgres reads integers and numerics (manual, 4.1.2.6).

    An int where it is whole; None for what is no number, or too long to tell.
    """
    stripped = text.strip(_SPACE)
    if len(stripped) > _LONGEST_NUMBER:
        return None
    match = _INTEGER.fullmatch(stripped)
    if match is not None:
        sign, digits = match[1], match[2].replace("_", "")
        base = _BASES.get(digits[1:2].lower(), 10)
        value = int(digits if base == 10 else digits[2:] or "0", base)
        return -value if sign == "-" else value
    try:
        number = Decimal(stripped)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        return number
    return int(number) if number == number.to_integral_value() else number


def _malformed() -> TokenValueError:
    return TokenValueError("a cell is no value of its column's type", sqlstate="22P03")
