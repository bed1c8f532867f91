"""Pieces of SQL text that read the same on every server and in every session.

Owns: how masks write literals, type names and column references. Must not know: what the masks mean.
Invariant: the text is ASCII (but for column names), so that no ``client_encoding`` changes it; a literal holds no
backslash outside ``E''``, so that ``standard_conforming_strings`` does not change it; every type, function and operator
names its schema or is a keyword of the grammar, so that ``search_path`` does not change it.
"""

from __future__ import annotations

import re
from typing import Final

# Types that the grammar itself maps to pg_catalog (manual, 8.1; system_type in gram.y); all others are names.
_GRAMMAR_TYPES: Final = re.compile(
    r"(bigint|bit|boolean|character|double precision|integer|interval|numeric|real|smallint|time|timestamp)\b"
)
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')

TEXT: Final = "pg_catalog.text"
DATE: Final = "pg_catalog.date"
TIMESTAMP: Final = "timestamp without time zone"
C_COLLATION: Final = 'pg_catalog."C"'


def quote_identifier(name: str) -> str:
    """``name`` in double quotes (manual, 4.1.1)."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A string constant, as ``E''`` where it holds backslashes or anything but printable ASCII (manual, 4.1.2.2).

    ``value`` must not hold NUL. Escapes above U+007F need a server encoding of UTF8.
    """
    doubled = value.replace("'", "''")
    if all(" " <= c <= "~" for c in value) and "\\" not in value:
        return f"'{doubled}'"
    return "E'" + "".join(_escaped(c) for c in doubled) + "'"


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if " " <= character <= "~":
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def type_name(sql: str) -> str:
    """``format_type``'s print of a type, with the schema also where it is pg_catalog and the grammar needs a name."""
    if "." in _QUOTED.sub("", sql) or _GRAMMAR_TYPES.match(sql):
        return sql
    return f"pg_catalog.{sql}"


def call(function: str, *arguments: str | int) -> str:
    """A call of a built-in function."""
    return f"pg_catalog.{function}({', '.join(str(a) for a in arguments)})"


def operation(left: str, operator: str, right: str) -> str:
    """A built-in operator between two operands that need no parentheses of their own."""
    return f"{left} OPERATOR(pg_catalog.{operator}) {right}"


def cast(expression: str, sql_type: str) -> str:
    """``expression`` as ``sql_type`` (``CAST``, since ``::`` binds tighter than what may stand before it)."""
    return f"CAST({expression} AS {sql_type})"


def concatenation(*parts: str) -> str:
    """Text operands, one after the other; NULL where one is NULL."""
    joined, *rest = parts
    for part in rest:
        joined = call("textcat", joined, part)
    return joined


def matches(text: str, regex: str) -> str:
    """Whether ``regex`` matches, under the C collation: locale-free, and allowed for nondeterministic collations."""
    return operation(f"({text} COLLATE {C_COLLATION})", "~", literal(regex))


def match_length(text: str, regex: str) -> str:
    """The number of characters of the first match of ``regex``, which captures nothing; NULL where there is none."""
    return call("length", call("substring", f"{text} COLLATE {C_COLLATION}", literal(regex)))


def replaced(text: str, regex: str, replacement: str, flags: str) -> str:
    """``regexp_replace`` under the C collation; the result carries that collation as an explicit one.

    ``replacement`` is literal text. ``in_collation_of`` takes the collation off again.
    """
    return _regexp_replace(text, literal(regex), replacement, literal(flags))


def replaced_from(text: str, regex: str, replacement: str, start: str, count: int) -> str:
    """The same for the first ``count`` matches (0: all) from the character number ``start`` on; ``regex`` and ``start``
    are expressions (manual, 9.7.3; PostgreSQL 15 and later).
    """
    return _regexp_replace(text, regex, replacement, start, str(count))


def _regexp_replace(text: str, regex: str, replacement: str, *arguments: str) -> str:
    escaped = literal(replacement.replace("\\", "\\\\"))
    return call("regexp_replace", f"{text} COLLATE {C_COLLATION}", regex, escaped, *arguments)


def in_collation_of(column_text: str, expression: str) -> str:
    """``expression`` with the collation of ``column_text`` in place of an explicit one inside it.

    An explicit COLLATE dominates whatever is derived from it (manual, 24.2.1), and the masked column must sort and
    compare like the column itself. JSON has no collation: the trip there and back ends the derivation, and appending
    nothing of the column's text starts it again.
    """
    plain = operation(call("to_json", expression), "#>>", f"CAST('{{}}' AS {TEXT}[])")
    return concatenation(f"({plain})", call("left", column_text, 0))
