"""Whether a mask fits a column's type.

Owns: the rules of which mask goes with what, before any SQL is made. Must not know: policy files, roles.
Invariant: where ``misfit`` finds nothing, ``mask_sql.scan_expression`` gives an expression that fails for no value.
"""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from proxy.catalog.snapshot import ColumnType, Relation, TypeCategory
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
    Shift,
    Token,
    Zip3,
)
from proxy.policy.numbers import decimals, is_built_in_number, number_type
from proxy.policy.suggest import did_you_mean
from proxy.tokens.types import StoredType, TokenFormat

_STORED_TYPES: Final = {stored.value: stored for stored in StoredType}
_WHOLE_NUMBER: Final = (TokenFormat.DIGITS,)
_ANY_TEXT: Final = (TokenFormat.TEXT, TokenFormat.DIGITS)
_TOKEN_FORMATS: Final = {
    StoredType.TEXT: _ANY_TEXT,
    StoredType.VARCHAR: _ANY_TEXT,
    StoredType.BPCHAR: _ANY_TEXT,
    StoredType.SMALLINT: (),  # 65,536 values: fewer than the million that SP 800-38G asks for
    StoredType.INTEGER: _WHOLE_NUMBER,
    StoredType.BIGINT: _WHOLE_NUMBER,
    StoredType.UUID: (TokenFormat.UUID,),
}
_LEAST_DIGITS: Final = 6
_NAME: Final = 19
_BPCHAR: Final = 1042
_VARCHAR: Final = 1043
_NAME_BYTES: Final = 63
_ZIP_LENGTH: Final = 5
_DATES: Final = (TypeCategory.DATE, TypeCategory.TIMESTAMP, TypeCategory.TIMESTAMPTZ)
_NUMBERS: Final = (TypeCategory.INTEGER, TypeCategory.NUMBER)
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_DATETIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([+-]\d{2}:\d{2}|Z)?")


def misfit(mask: Mask, column_type: ColumnType) -> str | None:
    """Why ``mask`` does not fit a column of that type; None where it does."""
    if isinstance(mask, Clear | Deny | Hidden):
        return None
    if column_type.constrained:
        return f"the domain {column_type.sql} has constraints that a masked value may break: use clear or deny"
    match mask:
        case Nullify():
            return None
        case Constant():
            return _constant(mask.value, column_type)
        case Partial() | Zip3() | Redact():
            return _text(mask, column_type)
        case Generalize():
            return _generalize(mask, column_type)
        case BirthYear():
            if column_type.category is not TypeCategory.DATE:
                return f"birth_year is a mask of dates, and the column is {column_type.sql}"
            return None
        case Bucket():
            return _bucket(mask, column_type)
        case Token():
            return _token(mask, column_type)
        case Shift():  # pragma: no branch - mypy proves the match exhaustive
            if column_type.category not in _DATES:
                return f"shift is a mask of dates and timestamps, and the column is {column_type.sql}"
            return None


def relation_misfit(mask: Mask, column_name: str, relation: Relation) -> str | None:
    """Why ``mask`` does not fit that column of ``relation``; None where it does."""
    column = relation.column(column_name)
    why = misfit(mask, column.type) if column is not None else None
    if why is not None or not isinstance(mask, Shift):
        return why
    entity = relation.column(mask.by)
    if entity is None:
        guess = did_you_mean(mask.by, [c.name for c in relation.columns])
        return f"{relation.qualified_name} has no column {mask.by} to shift by{guess}"
    if entity.type.oid not in _STORED_TYPES:
        # Only of these types two equal values have one print, in every session.
        return f"it is shifted by {mask.by}, which should be a text, an integer or a UUID, and is {entity.type.sql}"
    return None


def width(column_type: ColumnType) -> int | None:
    """n of ``varchar(n)`` and ``char(n)``, None where there is no such limit (or where a domain hides it)."""
    limited = column_type.oid in (_BPCHAR, _VARCHAR) and column_type.typmod >= 0
    return column_type.typmod - 4 if limited else None


def _text(mask: Partial | Zip3 | Redact, column_type: ColumnType) -> str | None:
    if column_type.category is not TypeCategory.TEXT:
        return f"{mask.name} is a mask of text, and the column is {column_type.sql}"
    limit = width(column_type)
    if limit is None:
        return None
    if isinstance(mask, Zip3) and limit < _ZIP_LENGTH:
        return f"zip3 shows {_ZIP_LENGTH} characters, and the column is {column_type.sql}"
    if isinstance(mask, Partial) and 0 < limit <= mask.show_first + mask.show_last:
        return f"no value of {column_type.sql} is long enough to show anything of it: the parameters change nothing"
    return None


def _token(mask: Token, column_type: ColumnType) -> str | None:
    stored = stored_type(column_type)
    if stored is None or mask.format not in _TOKEN_FORMATS[stored]:
        fitting = ", ".join(f.value for f in _TOKEN_FORMATS[stored]) if stored is not None else "none"
        return f"tokens of format {mask.format.value} do not go with {column_type.sql} (that do: {fitting})"
    limit = width(column_type)
    if mask.format is TokenFormat.DIGITS and limit is not None and limit < _LEAST_DIGITS:
        return f"{column_type.sql} has fewer than a million values, too few for tokens of digits"
    return None


def stored_type(column_type: ColumnType) -> StoredType | None:
    """What a token column of that type stores; None for a type that has no tokens."""
    return _STORED_TYPES.get(column_type.oid)


def _generalize(mask: Generalize, column_type: ColumnType) -> str | None:
    if column_type.category not in _DATES:
        return f"generalize is a mask of dates and timestamps, and the column is {column_type.sql}"
    if column_type.category is TypeCategory.DATE and mask.unit in (DateUnit.DAY, DateUnit.HOUR):
        return f"generalize: {mask.unit.value} changes nothing in a date"
    return None


def _bucket(mask: Bucket, column_type: ColumnType) -> str | None:
    if column_type.category not in _NUMBERS:
        return f"bucket is a mask of numbers, and the column is {column_type.sql}"
    if not is_built_in_number(column_type):
        return f"bucket does not go with the domain {column_type.sql}, whose limits are not known"
    number = number_type(column_type)
    bounds = (("width", mask.width), ("min", mask.minimum), ("max", mask.maximum))
    for word, value in bounds:
        if value is None:
            continue
        if number.scale is not None and decimals(value) > number.scale:
            return f"{word}: {value} has more decimals than {column_type.sql}"
        if word != "width" and not number.least <= value <= number.greatest:
            return f"{word}: {value} is out of the range of {column_type.sql}"
    bounded = mask.minimum is not None or mask.maximum is not None
    if number.scale is not None and not bounded and mask.width == Decimal(1).scaleb(-number.scale):
        return f"width: {mask.width} changes nothing in {column_type.sql}"
    return None


def _constant(value: ConstantValue, column_type: ColumnType) -> str | None:
    match column_type.category:
        case TypeCategory.TEXT:
            fits = isinstance(value, str) and _fits_text(value, column_type)
            hint = "a text in quotes that is no longer than the column"
        case TypeCategory.INTEGER | TypeCategory.NUMBER:
            fits = _fits_number(value, column_type)
            hint = "a number that the column can hold (and a type that is no domain)"
        case TypeCategory.BOOLEAN:
            fits, hint = isinstance(value, bool), "true or false"
        case TypeCategory.DATE:
            fits, hint = _is_date(value), "a date such as 1900-01-01"
        case TypeCategory.TIMESTAMP:
            fits, hint = _is_date(value) or _is_timestamp(value, zone=False), "a timestamp without an offset"
        case TypeCategory.TIMESTAMPTZ:
            fits, hint = _is_timestamp(value, zone=True), "a timestamp with an offset, such as 1900-01-01T00:00:00Z"
        case TypeCategory.UUID:
            fits, hint = isinstance(value, str) and _is_uuid(value), "a UUID"
        case TypeCategory.OTHER:  # pragma: no branch - mypy proves the match exhaustive
            return f"constant does not go with {column_type.sql}: use nullify or deny"
    return None if fits else f"the constant does not fit {column_type.sql}: it takes {hint}"


def _fits_text(value: str, column_type: ColumnType) -> bool:
    if column_type.oid == _NAME:
        return len(value.encode()) <= _NAME_BYTES
    limit = width(column_type)
    return limit is None or len(value) <= limit


def _fits_number(value: ConstantValue, column_type: ColumnType) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not is_built_in_number(column_type):
        return False
    number, exact = number_type(column_type), Decimal(value)
    small_enough = number.least <= exact <= number.greatest
    # A number so small that a float would read it as nothing is an error in Postgres.
    large_enough = not number.floating or exact == 0 or exact.adjusted() > -30
    return small_enough and large_enough and (number.scale is None or decimals(exact) <= number.scale)


def _is_date(value: ConstantValue) -> bool:
    if isinstance(value, str):
        return bool(_ISO_DATE.fullmatch(value)) and _parses(date, value)
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_timestamp(value: ConstantValue, *, zone: bool) -> bool:
    if isinstance(value, str):
        if not _ISO_DATETIME.fullmatch(value) or not _parses(datetime, value):
            return False
        value = datetime.fromisoformat(value)
    return isinstance(value, datetime) and (value.tzinfo is not None) is zone


def _parses(kind: type[date], value: str) -> bool:
    try:
        kind.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_uuid(value: str) -> bool:
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False
