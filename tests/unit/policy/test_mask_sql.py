"""The text of the expressions; what they show is tested on a real Postgres."""

from __future__ import annotations

import re

import pytest

from proxy.catalog.snapshot import Column, ColumnType, TypeCategory
from proxy.policy.mask_sql import scan_expression
from proxy.policy.masks import (
    BirthYear,
    Clear,
    Constant,
    DateUnit,
    Deny,
    Generalize,
    Hidden,
    Mask,
    Nullify,
    Partial,
    Redact,
    RedactPattern,
    Zip3,
)
from proxy.policy.sql_text import literal, type_name
from tests.support import shown as types

SHORT = 2400  # Postgres reads the text for every query that names the column


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
        (Zip3(), types.TEXT),
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
        allowed = ("pg_catalog.", "OPERATOR", "CAST", "COALESCE", "GREATEST", "LEAST", "character", "varying")
        assert function.startswith(allowed), function
    assert not re.search(r"[<>=~|+*/%#]", re.sub(r"OPERATOR\(pg_catalog\.[^)]*\)", "", bare))


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
