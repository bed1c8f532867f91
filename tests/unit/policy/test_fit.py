"""Which mask goes with which column type."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from proxy.catalog.snapshot import ColumnType, TypeCategory
from proxy.policy.fit import misfit, relation_misfit
from proxy.policy.masks import (
    BirthYear,
    Bucket,
    Clear,
    Constant,
    DateUnit,
    Deny,
    Generalize,
    Mask,
    Nullify,
    Partial,
    Redact,
    RedactPattern,
    Shift,
    Token,
    Zip3,
)
from proxy.tokens.types import TokenFormat
from tests.support import shown as types
from tests.support.catalog import catalog, relation

EVERY = [
    *(types.TEXT, types.CHAR11, types.VARCHAR20, types.NAME, types.DATE, types.TIMESTAMP, types.TIMESTAMPTZ),
    *(types.SMALLINT, types.INTEGER, types.BIGINT, types.NUMERIC, types.NUMERIC_5_2, types.REAL, types.DOUBLE),
    *(types.BOOLEAN, types.UUID, types.JSONB),
]
TEXTS = {TypeCategory.TEXT}
DATES = {TypeCategory.DATE, TypeCategory.TIMESTAMP, TypeCategory.TIMESTAMPTZ}
NUMBERS = {TypeCategory.INTEGER, TypeCategory.NUMBER}
DOMAIN = ColumnType(20001, -1, "clinic.code", TypeCategory.TEXT, constrained=True)
FREE_DOMAIN = replace(DOMAIN, constrained=False)
NUMBER_DOMAIN = ColumnType(20002, -1, "clinic.count", TypeCategory.INTEGER)


@pytest.mark.parametrize("column", EVERY, ids=[t.sql for t in EVERY])
@pytest.mark.parametrize(
    ("mask", "categories"),
    [
        (Clear(), set(TypeCategory)),
        (Nullify(), set(TypeCategory)),
        (Deny(), set(TypeCategory)),
        (Partial(show_last=4), TEXTS),
        (Zip3(), TEXTS),
        (Redact(frozenset({RedactPattern.SSN})), TEXTS),
        (Shift("id", 30, "patient"), DATES),
        (Generalize(DateUnit.MONTH), DATES),
        (BirthYear(), {TypeCategory.DATE}),
        (Bucket(Decimal(10)), NUMBERS),
    ],
)
def test_masks_fit_the_types_of_the_language(mask: Mask, categories: set[TypeCategory], column: ColumnType) -> None:
    """Each mask fits its categories and no other; what is said names the mask and the type."""
    why = misfit(mask, column)
    if column.category in categories:
        assert why is None
    else:
        assert why is not None
        assert column.sql in why
        assert mask.name in why


@pytest.mark.parametrize(
    ("mask", "column"),
    [
        (Generalize(DateUnit.DAY), types.DATE),
        (Generalize(DateUnit.HOUR), types.DATE),
        (Bucket(Decimal(1)), types.INTEGER),
        (Bucket(Decimal("0.01")), types.NUMERIC_5_2),
        (Partial(show_first=5, show_last=6), types.CHAR11),
        (Partial(show_last=20), types.VARCHAR20),
    ],
)
def test_parameters_that_change_nothing_do_not_fit(mask: Mask, column: ColumnType) -> None:
    """A parameter that cannot have an effect in the column is a mistake."""
    assert "change" in (misfit(mask, column) or "")


@pytest.mark.parametrize(
    ("mask", "column"),
    [
        (Zip3(), replace(types.CHAR11, typmod=8, sql="character(4)")),
        (Bucket(Decimal("0.5")), types.INTEGER),
        (Bucket(Decimal("0.005")), types.NUMERIC_5_2),
        (Bucket(Decimal(10), Decimal("0.5")), types.BIGINT),
        (Bucket(Decimal(10), Decimal(-40000)), types.SMALLINT),
        (Bucket(Decimal(10), None, Decimal(1000)), types.NUMERIC_5_2),
        (Bucket(Decimal(10)), NUMBER_DOMAIN),
        (Token("patient", TokenFormat.DIGITS), replace(types.CHAR11, typmod=9, sql="character(5)")),
    ],
)
def test_what_the_column_cannot_hold_does_not_fit(mask: Mask, column: ColumnType) -> None:
    """Widths, ranges and decimals of the type count, and a domain's are not known."""
    assert misfit(mask, column) is not None


def test_bounded_buckets_may_be_one_wide() -> None:
    """With a bound the narrowest bucket still changes something."""
    assert misfit(Bucket(Decimal(1), None, Decimal(90)), types.INTEGER) is None


def test_only_clear_and_deny_fit_a_constrained_domain() -> None:
    """No masked value may break a domain's constraint; a domain without any is like its base type."""
    assert misfit(Clear(), DOMAIN) is None
    assert misfit(Deny(), DOMAIN) is None
    for mask in (Nullify(), Constant("x"), Partial(), Redact(frozenset({RedactPattern.URL})), Zip3()):
        assert "constraints" in (misfit(mask, DOMAIN) or "")
        assert misfit(mask, FREE_DOMAIN) is None


@pytest.mark.parametrize("column", EVERY, ids=[t.sql for t in EVERY])
def test_formats_of_tokens_fit_types(column: ColumnType) -> None:
    """Texts take text and digits, whole numbers of a million values and more take digits, and UUIDs take uuid."""
    fitting = {f for f in TokenFormat if misfit(Token("patient", f), column) is None}
    match column:
        case types.TEXT | types.CHAR11 | types.VARCHAR20:
            assert fitting == {TokenFormat.TEXT, TokenFormat.DIGITS}
        case types.INTEGER | types.BIGINT:
            assert fitting == {TokenFormat.DIGITS}
        case types.UUID:
            assert fitting == {TokenFormat.UUID}
        case _:
            assert not fitting


@pytest.mark.parametrize(
    ("by", "words"),
    [("id", None), ("mrn", None), ("uid", None), ("idd", 'no column idd to shift by; did you mean "id"'),
     ("dob", "should be a text, an integer or a UUID"), ("amount", "should be a text, an integer or a UUID")],
)  # fmt: skip
def test_what_dates_can_be_shifted_by(by: str, words: str | None) -> None:
    """Only a column whose equal values read the same in every session says which rows belong together."""
    columns = {"id": types.BIGINT, "mrn": types.CHAR11, "uid": types.UUID, "dob": types.DATE, "amount": types.NUMERIC}
    (patients,) = catalog([relation("clinic.patients", columns)]).relations
    why = relation_misfit(Shift(by, 30, "patient"), "dob", patients)
    assert (why is None) == (words is None)
    assert (words or "") in (why or "")


@pytest.mark.parametrize(
    ("value", "column", "fits"),
    [
        ("x", types.TEXT, True),
        ("x" * 12, types.CHAR11, False),
        ("x" * 11, types.CHAR11, True),
        ("ä" * 32, types.NAME, False),
        (5, types.TEXT, False),
        (5, types.SMALLINT, True),
        (40000, types.SMALLINT, False),
        (True, types.INTEGER, False),
        ("5", types.INTEGER, False),
        (Decimal("5.5"), types.INTEGER, False),
        (Decimal("5.0"), types.INTEGER, True),
        (Decimal("999.99"), types.NUMERIC_5_2, True),
        (Decimal(1000), types.NUMERIC_5_2, False),
        (Decimal("1.555"), types.NUMERIC_5_2, False),
        (Decimal("1e39"), types.REAL, False),
        (Decimal("1e-60"), types.REAL, False),
        (Decimal(0), types.DOUBLE, True),
        (5, NUMBER_DOMAIN, False),
        (True, types.BOOLEAN, True),
        ("true", types.BOOLEAN, False),
        (date(1900, 1, 1), types.DATE, True),
        (datetime(1900, 1, 1, tzinfo=UTC), types.TIMESTAMPTZ, True),
        (datetime(1900, 1, 1, tzinfo=UTC), types.TIMESTAMP, False),
        ("1900-01-01", types.DATE, True),
        ("1900-02-30", types.DATE, False),
        ("19000101", types.DATE, False),
        ("yesterday", types.DATE, False),
        (datetime(1900, 1, 1, tzinfo=UTC), types.DATE, False),
        ("1900-01-01", types.TIMESTAMP, True),
        ("1900-01-01 10:00", types.TIMESTAMP, True),
        ("1900-01-01 10:00+01:00", types.TIMESTAMP, False),
        ("1900-01-01 10:00", types.TIMESTAMPTZ, False),
        ("1900-01-01T10:00:00Z", types.TIMESTAMPTZ, True),
        ("1900-01-01T25:00:00Z", types.TIMESTAMPTZ, False),
        ("6f0f1b1c-0000-4000-8000-000000000000", types.UUID, True),
        ("6f0f1b1c", types.UUID, False),
        ("{}", types.JSONB, False),
    ],
)
def test_constants_fit_what_the_column_can_hold(
    value: bool | int | Decimal | str | date | datetime, column: ColumnType, *, fits: bool
) -> None:
    """A constant that Postgres would refuse, or read by a session's settings, does not fit."""
    assert (misfit(Constant(value), column) is None) is fits
