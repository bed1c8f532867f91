"""The masks of dates and numbers as SQL: generalize, birth_year and bucket.

Owns: the expressions. Must not know: policy files. Invariant: no value that a column can hold makes an expression fail:
infinities, NaN and the edges of each type included; nothing depends on the session's time zone or on its formats.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from proxy.catalog.snapshot import ColumnType, TypeCategory
from proxy.policy.masks import BirthYear, Bucket, DateUnit
from proxy.policy.numbers import NumberType, lowest_bound, number_type
from proxy.policy.sql_text import DATE, TIMESTAMP, call, cast, operation

# A date may lie beyond the last timestamp, and a year or week may begin before the first day (manual, 8.5): what is
# outside these bounds is shown as the infinity on its side, which also leaves the infinities as they are.
_FIRST_DATE: Final = f"CAST('4713-01-01 BC' AS {DATE})"
_LAST_DATE: Final = f"CAST('294276-12-31' AS {DATE})"
_FIRST_TIMESTAMP: Final = f"CAST('4713-01-01 00:00:00 BC' AS {TIMESTAMP})"

# The name 'UTC' can be given another meaning by a session (SET TimeZone = 'UTC5'); an offset of nothing cannot.
_NO_OFFSET: Final = "CAST('0' AS interval)"


def _truncated(unit: DateUnit, timestamp: str) -> str:
    return call("date_trunc", f"'{unit.value}'", timestamp)


def generalize(unit: DateUnit, column: str, category: TypeCategory) -> str:
    """The beginning of the unit; of a ``timestamptz`` in UTC, since a stored value knows no session's time zone."""
    match category:
        case TypeCategory.DATE:
            truncated = cast(_truncated(unit, cast(column, TIMESTAMP)), DATE)
            return (
                f"CASE WHEN {operation(column, '<', _FIRST_DATE)} THEN CAST('-infinity' AS {DATE})"
                f" WHEN {operation(column, '>', _LAST_DATE)} THEN CAST('infinity' AS {DATE}) ELSE {truncated} END"
            )
        case TypeCategory.TIMESTAMP:
            return _truncated_timestamp(unit, column)
        case TypeCategory.TIMESTAMPTZ:
            in_utc = call("timezone", _NO_OFFSET, column)
            return call("timezone", _NO_OFFSET, _truncated_timestamp(unit, in_utc))
        case _:
            raise ValueError("generalize is a mask of dates and timestamps")


def _truncated_timestamp(unit: DateUnit, timestamp: str) -> str:
    return (
        f"CASE WHEN {operation(timestamp, '<', _FIRST_TIMESTAMP)} THEN CAST('-infinity' AS {TIMESTAMP})"
        f" ELSE {_truncated(unit, timestamp)} END"
    )


def birth_year(mask: BirthYear, column: str) -> str:
    """1 January of the year of birth, but of no year before (this year - oldest_age - 1), this year being UTC's.

    45 CFR 164.514(b)(2)(i)(C) lets the year of a birth date stand, except for ages over 89 and years indicative of such
    an age, which may be aggregated into one category of age 90 or older. Who was born in the shared year or before it
    has turned ``oldest_age + 1`` by the end of this year, and everyone older than ``oldest_age`` today is among them:
    so all of those share one year, and nobody in that year is known to be older, or not to be older, than the limit.
    That year moves on at New Year. An age is counted up to today also for those who have died.
    """
    this_year = _truncated(DateUnit.YEAR, call("timezone", _NO_OFFSET, call("now")))
    oldest = cast(operation(this_year, "-", call("make_interval", mask.oldest_age + 1)), DATE)
    truncated = cast(_truncated(DateUnit.YEAR, cast(column, TIMESTAMP)), DATE)
    return (
        f"CASE WHEN {operation(column, '<', oldest)} THEN {oldest}"
        f" WHEN {operation(column, '>', _LAST_DATE)} THEN CAST('infinity' AS {DATE}) ELSE {truncated} END"
    )


def bucket(mask: Bucket, column: str, column_type: ColumnType) -> str:
    """``v - (v - origin) mod width``, with the bounds and the edges of the type taken care of first.

    Floating-point values are read as Postgres casts them to numeric (15 significant digits, 6 for ``real``), so that
    0.3 belongs to the bucket that begins at 0.3.
    """
    number = number_type(column_type)
    low, high = mask.minimum, mask.maximum
    whens: list[str] = []
    if number.floating:
        whens.append(f"WHEN {column} IS NULL THEN NULL")  # LEAST and GREATEST below would skip it
    if high is not None:
        whens.append(f"WHEN {operation(column, '>', _value(high, number))} THEN {_value(high, number)}")
    if low is not None:
        whens.append(f"WHEN {operation(column, '<', _value(low, number))} THEN {_value(low, number)}")
    if not number.integral:
        whens.extend(_not_finite(mask, column, number))
    if low is None and not number.floating:
        # Above the lowest bound that the type can hold nothing overflows; below it the type's own least value stands.
        lowest = lowest_bound(number, mask.width)
        if not number.exact or lowest != number.least:
            whens.append(f"WHEN {operation(column, '<', _value(lowest, number))} THEN {_value(number.least, number)}")
    lower = cast(_lower_bound(mask, column, number), number.sql)
    return f"CASE {' '.join(whens)} ELSE {lower} END" if whens else lower


def _not_finite(mask: Bucket, column: str, number: NumberType) -> list[str]:
    """NaN and the infinities stay as they are, unless a bound has caught them (NaN sorts last; manual, 8.1.3)."""
    values = (("NaN", mask.maximum), ("Infinity", mask.maximum), ("-Infinity", mask.minimum))
    array = ", ".join(f"'{value}'" for value, bound in values if bound is None)
    if not array:
        return []
    return [f"WHEN {column} OPERATOR(pg_catalog.=) ANY (CAST(ARRAY[{array}] AS {number.sql}[])) THEN {column}"]


def _lower_bound(mask: Bucket, column: str, number: NumberType) -> str:
    # A bigint may be too small for the difference of two, a numeric is not.
    far = mask.minimum is not None and mask.minimum < 0
    wide = "bigint" if number.integral and not (far and number.least < -(2**31)) else "numeric"
    value, width = cast(column, wide), _literal(mask.width, wide)
    if mask.minimum is None:
        # The remainder has the sign of the value (manual, 9.3); the least non-negative one is wanted.
        remainder = call("mod", operation(call("mod", value, width), "+", width), width)
    else:
        remainder = call("mod", operation(value, "-", _literal(mask.minimum, wide)), width)
    lower = operation(value, "-", remainder)
    if number.floating:
        lower = f"LEAST({lower}, {_literal(number.greatest, wide)})"
        return f"GREATEST({lower}, {_literal(number.least, wide)})" if mask.minimum is None else lower
    # Without a scale of its own a numeric keeps as many decimals as the value had: they would tell of it.
    return call("trim_scale", lower) if number.scale is None else lower


def _value(value: Decimal, number: NumberType) -> str:
    return _literal(value, number.sql)


def _literal(value: Decimal, sql_type: str) -> str:
    written = str(int(value)) if sql_type in ("smallint", "integer", "bigint") else str(value)
    return f"CAST('{written}' AS {sql_type})"
