"""Masks as SQL: what stands in the select list of a masking subquery.

Owns: the expression for each mask and column type. Must not know: policy files, roles, where the expression is put.
Invariant: an expression names the column without a table, has exactly the column's type, typmod and collation, reads
the same under every session's settings, gives NULL for NULL, and fails for no stored value. Masks are fitted to the
type before (``fit.misfit``); the text is meant for PostgreSQL 15 and later with the server encoding UTF8.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from proxy.catalog.snapshot import Column, ColumnType, TypeCategory
from proxy.policy.fit import width
from proxy.policy.masks import (
    BirthYear,
    Bucket,
    Clear,
    Constant,
    ConstantValue,
    Deny,
    Generalize,
    Hidden,
    Mask,
    Nullify,
    Partial,
    Redact,
    Shift,
    Token,
    Zip3,
)
from proxy.policy.ordered_mask_sql import birth_year, bucket, generalize
from proxy.policy.shift_mask_sql import shift
from proxy.policy.sql_text import TEXT, cast, literal, quote_identifier, type_name
from proxy.policy.text_mask_sql import partial, redact, zip3
from proxy.tokens.types import TokenFormat

_TEXT_OID: Final = 25
_TEXT_OIDS: Final = frozenset({25, 1043})  # text and varchar: functions of text take them as they are


@lru_cache(maxsize=16_384)
def scan_expression(mask: Mask, column: Column) -> str:
    """The SQL of what ``mask`` shows of ``column``.

    Raises ValueError for masks under which the column has no value at all (deny, hidden), and for a shift whose secret
    is not known.
    """
    name = quote_identifier(column.name)
    text = name if column.type.oid in _TEXT_OIDS else cast(name, TEXT)  # without the blank padding of char(n)
    shown_as = type_name(column.type.sql)
    match mask:
        case Clear():
            return name
        case Nullify():
            return cast("NULL", shown_as)
        case Constant():
            # The column in the first branch is NULL there; it lends type, typmod and collation to the whole.
            return f"CASE WHEN {name} IS NULL THEN {name} ELSE {cast(_constant(mask.value, column.type), shown_as)} END"
        case Partial():
            return cast(partial(mask, text, width(column.type)), shown_as)
        case Zip3():
            return cast(zip3(text), shown_as)
        case Redact():
            return cast(redact(mask.patterns, text), shown_as)
        case Generalize():
            return cast(generalize(mask.unit, name, column.type.category), shown_as)
        case BirthYear():
            return cast(birth_year(mask, name), shown_as)
        case Bucket():
            return cast(bucket(mask, name, column.type), shown_as)
        case Token():
            # The stored value passes through the query, and becomes a token at the edge. One of format TEXT is longer
            # than the value, so it is shown as text; the others keep the column's type.
            return cast(name, TEXT) if mask.format is TokenFormat.TEXT and column.type.oid != _TEXT_OID else name
        case Shift():
            return cast(shift(mask, name, column.type.category), shown_as)
        case Deny() | Hidden():  # pragma: no branch - mypy proves the match exhaustive
            raise ValueError(f"there is no scan expression for {mask.name}")


def _constant(value: ConstantValue, column_type: ColumnType) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return literal(value.isoformat(sep=" "))
        case date():
            return literal(value.isoformat())
        case str():
            return literal(value)
        case int() | Decimal():  # pragma: no branch - mypy proves the match exhaustive
            whole = column_type.category is TypeCategory.INTEGER
            return literal(str(int(value) if whole else value))
