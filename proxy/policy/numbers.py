"""What a number column can hold, as far as buckets must know it.

Owns: the limits of Postgres' built-in number types. Must not know: masks, SQL around it.
Invariant: arithmetic on limits is exact; every finite value of an exact type lies between ``least`` and ``greatest``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from typing import Final

from proxy.catalog.snapshot import ColumnType


@dataclass(frozen=True, slots=True)
class NumberType:
    """``sql`` is the type without typmod. ``scale``: decimals, None where the type sets no number of them.

    ``exact``: least and greatest are values of the type themselves, not merely a safe distance from where it ends.
    """

    sql: str
    least: Decimal
    greatest: Decimal
    integral: bool = False
    floating: bool = False
    exact: bool = True
    scale: int | None = None


_NUMERIC_OID: Final = 1700
_LARGEST_PRECISION: Final = 2100  # numeric(1000, s) with any scale, and a bucket's width beside it
_BUILT_IN: Final = {
    21: NumberType("smallint", Decimal(-(2**15)), Decimal(2**15 - 1), integral=True, scale=0),
    23: NumberType("integer", Decimal(-(2**31)), Decimal(2**31 - 1), integral=True, scale=0),
    20: NumberType("bigint", Decimal(-(2**63)), Decimal(2**63 - 1), integral=True, scale=0),
    # Rounded down to the digits of the cast to numeric: reading them back never overflows.
    700: NumberType("real", Decimal("-3.40282e38"), Decimal("3.40282e38"), floating=True, exact=False),
    701: NumberType(
        "double precision",
        Decimal("-1.79769313486231e308"),
        Decimal("1.79769313486231e308"),
        floating=True,
        exact=False,
    ),
    # The format holds 131,072 digits before the point; below this there is room for one more width.
    _NUMERIC_OID: NumberType("numeric", Decimal("-1e131000"), Decimal("1e131000"), exact=False),
}


def is_built_in_number(column_type: ColumnType) -> bool:
    """Whether the limits of the type are known here; those of a domain over numbers are not."""
    return column_type.oid in _BUILT_IN


def number_type(column_type: ColumnType) -> NumberType:
    """The limits of a built-in number type, those of ``numeric(p, s)`` from its typmod (raises KeyError for others)."""
    if column_type.oid != _NUMERIC_OID or column_type.typmod < 0:
        return _BUILT_IN[column_type.oid]
    modifier = column_type.typmod - 4
    precision, scale = (modifier >> 16) & 0xFFFF, ((modifier & 0x7FF) ^ 1024) - 1024
    digits = (9,) * precision
    return NumberType("numeric", Decimal((1, digits, -scale)), Decimal((0, digits, -scale)), scale=scale)


def lowest_bound(number: NumberType, width: Decimal) -> Decimal:
    """The lowest multiple of ``width`` that is not below what the type can hold."""
    if not number.exact:
        return number.least
    with localcontext(Context(prec=_LARGEST_PRECISION)):
        steps = (number.least / width).to_integral_value(ROUND_CEILING)
        return steps * width


def decimals(value: Decimal) -> int:
    """How many decimals are needed to write ``value``; negative where it ends in zeros before the point."""
    exponent = value.as_tuple().exponent
    digits = value.as_tuple().digits
    if not isinstance(exponent, int) or not any(digits):
        return 0
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -exponent - zeros
