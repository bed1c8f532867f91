"""What number columns can hold."""

from __future__ import annotations

from decimal import Decimal

import pytest

from proxy.catalog.snapshot import ColumnType, TypeCategory
from proxy.policy.numbers import decimals, is_built_in_number, lowest_bound, number_type
from tests.support import shown as types


def numeric(precision: int, scale: int) -> ColumnType:
    """``numeric(precision, scale)`` with its typmod as the server makes it (numeric.c, make_numeric_typmod)."""
    typmod = ((precision << 16) | (scale & 0x7FF)) + 4
    return ColumnType(1700, typmod, f"numeric({precision},{scale})", TypeCategory.NUMBER)


@pytest.mark.parametrize(
    ("column", "greatest", "scale"),
    [
        (types.SMALLINT, Decimal(32767), 0),
        (types.NUMERIC_5_2, Decimal("999.99"), 2),
        (numeric(3, -2), Decimal(99900), -2),
        (numeric(2, 4), Decimal("0.0099"), 4),
    ],
)
def test_limits_are_those_of_the_type(column: ColumnType, greatest: Decimal, scale: int) -> None:
    """Precision and scale are read from the typmod, negative scales and scales beyond the precision too (8.1.2)."""
    number = number_type(column)
    assert (number.greatest, number.scale) == (greatest, scale)
    assert -number.greatest - (1 if number.integral else 0) == number.least


def test_other_types_have_no_limits() -> None:
    """A domain over numbers is not taken for its base type."""
    assert is_built_in_number(types.REAL)
    domain = ColumnType(20002, -1, "clinic.count", TypeCategory.INTEGER)
    assert not is_built_in_number(domain)
    with pytest.raises(KeyError):
        number_type(domain)


@pytest.mark.parametrize(
    ("column", "width", "lowest"),
    [
        (types.SMALLINT, Decimal(10), Decimal(-32760)),
        (types.SMALLINT, Decimal(8), Decimal(-32768)),
        (types.NUMERIC_5_2, Decimal("0.25"), Decimal("-999.75")),
        (types.REAL, Decimal(10), Decimal("-3.40282e38")),
        (types.NUMERIC, Decimal(10), Decimal("-1e131000")),
    ],
)
def test_the_lowest_bound_can_be_held(column: ColumnType, width: Decimal, lowest: Decimal) -> None:
    """Buckets begin where the type still has values; without exact limits, at a safe distance from its end."""
    assert lowest_bound(number_type(column), width) == lowest


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0), ("0.000", 0), ("12", 0), ("1.50", 1), ("0.005", 3), ("1200", -2), ("1e5", -5), ("NaN", 0)],
)
def test_decimals_are_those_that_are_needed(value: str, expected: int) -> None:
    """Zeros at the end are not counted, and those before the point count the other way."""
    assert decimals(Decimal(value)) == expected
