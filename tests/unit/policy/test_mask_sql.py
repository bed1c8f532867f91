"""The text of the expressions; what they show is tested on a real Postgres."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from proxy.catalog.snapshot import Column, ColumnType, TypeCategory
from proxy.policy.mask_sql import scan_expression
from proxy.policy.masks import (
    BirthYear,
    Bucket,
    Clear,
    Constant,
    ConstantValue,
    DateUnit,
    Deny,
    Generalize,
    Hidden,
    Mask,
    Nullify,
    Partial,
    Redact,
    RedactPattern,
    Shift,
    Token,
    Zip3,
)
from proxy.policy.sql_text import literal, type_name
from proxy.tokens.types import TokenFormat
from tests.support import shown as types

SHORT = 2400  # Postgres reads the text for every query that names the column


NUMBERS = (types.SMALLINT, types.INTEGER, types.BIGINT, types.NUMERIC, types.NUMERIC_5_2, types.REAL, types.DOUBLE)
_TYPES_OF_THE_GRAMMAR = ("character", "varying", "numeric", "bit")
_LOW, _HIGH = Decimal(-20), Decimal(90)
BOUNDS = [(Decimal(8), low, high) for low in (None, Decimal(0), _LOW) for high in (None, _HIGH)]


def expression(mask: Mask, column_type: ColumnType = types.TEXT, name: str = "v") -> str:
    """The expression over a column of that type."""
    return scan_expression(mask, Column(name, 1, column_type))


def test_clear_is_the_quoted_name() -> None:
    """A clear column stays what it is, so that indexes and origins hold."""
    assert expression(Clear(), name='odd "name"') == '"odd ""name"""'


def test_nullify_is_a_typed_null() -> None:
    """The type is named with its schema, where the grammar does not know it itself."""
    assert expression(Nullify(), types.CHAR11) == "CAST(NULL AS character(11))"
    assert expression(Nullify(), types.JSONB) == "CAST(NULL AS pg_catalog.jsonb)"


@pytest.mark.parametrize(
    ("value", "column", "written"),
    [
        (True, types.BOOLEAN, "true"),
        (False, types.BOOLEAN, "false"),
        (datetime(1900, 1, 2, 3, tzinfo=UTC), types.TIMESTAMPTZ, "'1900-01-02 03:00:00+00:00'"),
        (date(1900, 1, 2), types.DATE, "'1900-01-02'"),
        ("x", types.TEXT, "'x'"),
        (5, types.INTEGER, "'5'"),
        (Decimal("5.0"), types.INTEGER, "'5'"),
        (Decimal("5.25"), types.NUMERIC_5_2, "'5.25'"),
    ],
)
def test_constants_are_written_as_their_type_reads_them(value: ConstantValue, column: ColumnType, written: str) -> None:
    """No session's DateStyle, IntervalStyle or decimal point has a say in it."""
    shown_as = type_name(column.sql)
    assert (
        expression(Constant(value), column) == f'CASE WHEN "v" IS NULL THEN "v" ELSE CAST({written} AS {shown_as}) END'
    )


@pytest.mark.parametrize(
    ("token", "column", "expected"),
    [
        (TokenFormat.TEXT, types.TEXT, '"v"'),
        (TokenFormat.TEXT, types.CHAR11, 'CAST("v" AS pg_catalog.text)'),
        (TokenFormat.DIGITS, types.CHAR11, '"v"'),
        (TokenFormat.UUID, types.UUID, '"v"'),
    ],
)
def test_a_token_column_passes_as_stored(token: TokenFormat, column: ColumnType, expected: str) -> None:
    """The edge makes the token; only a text token, which is longer than its value, needs a longer type."""
    assert expression(Token("patient", token), column) == expected


def test_bounds_and_edges_are_asked_for_only_where_they_matter() -> None:
    """A bucket that begins at the type's least value needs no CASE: every value has its bucket."""
    assert "CASE" not in expression(Bucket(Decimal(8)), types.SMALLINT)
    assert "CAST('-32768' AS smallint)" in expression(Bucket(Decimal(10)), types.SMALLINT)
    assert "Infinity" not in expression(Bucket(Decimal(8), _LOW, _HIGH), types.DOUBLE)


@pytest.mark.parametrize(
    ("mask", "column", "why"),
    [
        (Shift("id", 30, "patient"), types.DATE, "no key"),
        (Shift("id", 30, "patient", "5ec7e7"), types.TEXT, "dates"),
        (Generalize(DateUnit.YEAR), types.TEXT, "dates"),
    ],
)
def test_a_mask_that_does_not_fit_has_no_expression(mask: Mask, column: ColumnType, why: str) -> None:
    """What slips past the check of the policy is an error, never the value itself."""
    with pytest.raises(ValueError, match=why):
        expression(mask, column)


@pytest.mark.parametrize("mask", [Deny(), Hidden()])
def test_what_has_no_value_has_no_expression(mask: Mask) -> None:
    """A denied or hidden column can never get into a select list by accident."""
    with pytest.raises(ValueError, match=mask.name):
        expression(mask)


@pytest.mark.parametrize(
    ("mask", "column"),
    [
        (Partial(show_last=4), types.CHAR11),
        (Partial(show_first=1), types.TEXT),
        (Partial(show_first=1, collapse=True), types.VARCHAR20),
        (Partial(2, 4, "•"), types.NAME),
        (Partial(), types.TEXT),
        (Partial(collapse=True), types.TEXT),
        (Partial(show_last=2, collapse=True), types.TEXT),
        (Partial(show_first=40, show_last=40), types.TEXT),
        (Zip3(), types.TEXT),
        (Generalize(DateUnit.MONTH), types.DATE),
        (Generalize(DateUnit.HOUR), types.TIMESTAMP),
        *((Bucket(width, low, high), column) for column in NUMBERS for width, low, high in BOUNDS),
        *(
            (Shift("id", 30, "patient", "5ec7e7"), column)
            for column in (types.DATE, types.TIMESTAMP, types.TIMESTAMPTZ)
        ),
        (Generalize(DateUnit.WEEK), types.TIMESTAMPTZ),
        (BirthYear(), types.DATE),
        (Constant("naïve \\ 'quoted' 😀"), types.TEXT),
    ],
)
def test_expressions_are_short_ascii_without_loose_names(mask: Mask, column: ColumnType) -> None:
    """Every function and operator names its schema, no literal depends on a setting, and the text is not long."""
    text = expression(mask, column)
    assert text.isascii()
    assert len(text) < SHORT
    bare = re.sub(r"E?'(?:[^'\\]|''|\\.)*'", "''", text)
    assert "\\" not in bare
    for function in re.findall(r"([\w.]+)\(", bare):
        allowed = ("pg_catalog.", "OPERATOR", "CAST", "COALESCE", "GREATEST", "LEAST", *_TYPES_OF_THE_GRAMMAR)
        assert function.startswith(allowed), function
    assert not re.search(r"[<>=~|+*/%#]", re.sub(r"OPERATOR\(pg_catalog\.[^)]*\)|(?<=\(hours )=>", "", bare))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "'plain'"),
        ("it's", "'it''s'"),
        ("a\\b", "E'a\\\\b'"),
        ("•\n", "E'\\u2022\\u000a'"),
        ("😀'", "E'\\U0001f600'''"),
        ("", "''"),
    ],
)
def test_literals_read_the_same_under_every_setting(value: str, expected: str) -> None:
    """Backslashes and what is not printable ASCII stand in E'' alone."""
    assert literal(value) == expected


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("text", "pg_catalog.text"),
        ("inet[]", "pg_catalog.inet[]"),
        ('"char"', 'pg_catalog."char"'),
        ("character varying(20)", "character varying(20)"),
        ("timestamp(3) with time zone", "timestamp(3) with time zone"),
        ("double precision", "double precision"),
        ("bigint[]", "bigint[]"),
        ("clinic.status", "clinic.status"),
        ('"Odd.Schema"."date"', '"Odd.Schema"."date"'),
    ],
)
def test_type_names_are_qualified(printed: str, expected: str) -> None:
    """What ``format_type`` leaves without a schema gets one, unless the grammar itself knows the word."""
    assert type_name(printed) == expected


def test_a_domain_keeps_its_type() -> None:
    """The result is cast to the column's own type, by its qualified name."""
    domain = ColumnType(20001, -1, "clinic.free_text", TypeCategory.TEXT)
    text = expression(Redact(frozenset({RedactPattern.EMAIL})), domain)
    assert text.startswith("CAST(")
    assert text.endswith(" AS clinic.free_text)")
