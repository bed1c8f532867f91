"""Constants and parameters that turned out to be tokens.

Owns: putting stored values in the place of token literals, and the casts that a token may stand in.
Must not know: scopes, clauses, keys. Invariant: a constant is decoded once, as the type of tokens that it met; one that
met none stays what it was. No value stands in an exception.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from sqlglot import exp

from proxy.planner.dialect.tokens import quote_string
from proxy.planner.plan import Shape, TokenArray, TokenCells, TokenJson, TokenRow, TokenText
from proxy.planner.tokens.findings import Findings
from proxy.planner.tokens.refusals import Use, misused
from proxy.planner.tokens.variables import (
    Container,
    Elements,
    Json,
    Ordinary,
    Printed,
    Record,
    Tokens,
    Variable,
    parts,
)
from proxy.tokens.types import StoredType, TokenType, Vocabulary

_TEXTS: Final = frozenset({"text", "varchar", "character varying"})
SPELLINGS: Final[dict[StoredType, frozenset[str]]] = {
    StoredType.TEXT: _TEXTS,
    StoredType.VARCHAR: _TEXTS,
    StoredType.BPCHAR: frozenset({"bpchar"}),
    StoredType.SMALLINT: frozenset({"int2", "smallint"}),
    StoredType.INTEGER: frozenset({"int", "int4", "integer"}),
    StoredType.BIGINT: frozenset({"int8", "bigint"}),
    StoredType.UUID: frozenset({"uuid"}),
}
_MADE_TYPES: Final[dict[type[Container], frozenset[str]]] = {
    Record: frozenset({"record"}),
    Json: frozenset({"json", "jsonb"}),
    Printed: _TEXTS,
}
_EMPTY_JSON: Final = frozenset({"[]", "{}", "null"})
_LITERAL: Final = Use("beside a constant row, JSON or text", instead="Compare or replace the columns one by one.")
_PARAMETER: Final = Use("beside a parameter that is a row, JSON or text", instead="Compare the columns one by one.")
_SAME_NAME: Final = Use("in JSON with another field of its name", instead="Give each field a name of its own.")
_WHOLE_NUMBERS: Final = frozenset({StoredType.SMALLINT, StoredType.INTEGER, StoredType.BIGINT})
_ARRAY_TYPE: Final = re.compile(r"(.*?)((?: array)?(?:\[\d*\])*)", re.DOTALL)
_INTEGER: Final = re.compile(r"-?[0-9]+")
# One-dimensional array literals without the finer points of their grammar (manual, 8.15.2).
_ELEMENT: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"{}\\]+))\s*(?:,|$)', re.DOTALL)


def check_casts(findings: Findings) -> None:
    """Refuse casts of tokens to anything but their own type (UnsupportedRefusal)."""
    for kind, spelling, use in findings.casts:
        tokens = kind.innermost
        if tokens is not None and not _fits(kind, spelling, tokens.type):
            raise misused(tokens.column, use, tokens.type)


def place_literals(findings: Findings, vocabulary: Vocabulary) -> None:
    """Put what each token literal stands for in its place, in the tree itself."""
    for node, kind in findings.literals:
        tokens = kind.innermost
        if tokens is not None and not (isinstance(kind.bound, Json) and node.name.strip() in _EMPTY_JSON):
            _place(node, kind, tokens, vocabulary)


def parameter_cells(findings: Findings) -> tuple[TokenCells | None, ...]:
    """Which parameters are tokens, by number less one; empty where none is."""
    cells = {number: _parameter(kind) for number, kind in findings.parameters.items()}
    if not any(cells.values()):
        return ()
    return tuple(cells.get(number) for number in range(1, max(cells) + 1))


def _parameter(kind: Variable) -> TokenCells | None:
    shape = shape_of(kind)
    if shape is None or isinstance(shape, TokenCells):
        return shape
    tokens = kind.innermost
    raise misused(
        tokens.column if tokens is not None else None, _PARAMETER, tokens.type if tokens is not None else None
    )


def shape_of(kind: Variable) -> Shape | None:
    """What an output column of that type holds, None where that is nothing of tokens.

    Raises UnsupportedRefusal for arrays of arrays, and for JSON in which two fields of one name hold tokens.
    """
    tokens = kind.innermost
    if tokens is None:
        return None
    match kind.bound:
        case Elements(of=of):
            element = shape_of(of)
            if isinstance(element, TokenCells) and not element.array:
                return TokenCells(element.type, array=True)
            if element is None or isinstance(element, TokenCells | TokenArray):
                raise misused(tokens.column, Use("in an array of arrays"), tokens.type)
            return TokenArray(element)
        case Record(fields=fields):
            return TokenRow(tuple((name, shape_of(field)) for name, field in fields))
        case Json(of=of):
            _require_names(of)
            inside = shape_of(of)
            return TokenJson(inside) if inside is not None else None
        case Printed(of=of):
            inside = shape_of(of)
            return TokenText(inside) if inside is not None else None
        case _:
            return TokenCells(tokens.type)


def _require_names(kind: Variable) -> None:
    """Refuse JSON of a row in which the name of a field with tokens does not tell which it is."""
    bound = kind.bound
    if bound is None or isinstance(bound, Ordinary | Tokens):
        return
    if isinstance(bound, Record):
        names = Counter(name for name, _ in bound.fields)
        for name, field in bound.fields:
            if names[name] > 1 and (tokens := field.innermost) is not None:
                raise misused(tokens.column, _SAME_NAME, tokens.type)
    for part in parts(bound):
        _require_names(part)


def _fits(kind: Variable, spelling: str, token_type: TokenType) -> bool:
    if '"' in spelling and spelling != spelling.lower():  # a quoted name with capitals is another type
        return False
    match = _ARRAY_TYPE.fullmatch(spelling.lower().replace('"', ""))
    if match is None:  # pragma: no cover - the pattern matches any text
        return False
    name = match[1].removeprefix("pg_catalog.").strip()
    if isinstance(kind.bound, Record | Json | Printed):
        return not match[2] and name in _MADE_TYPES[type(kind.bound)]
    if isinstance(kind.bound, Elements):
        return bool(match[2]) and isinstance(kind.bound.of.bound, Tokens) and name in SPELLINGS[token_type.stored]
    return not match[2] and name in SPELLINGS[token_type.stored]


def stored_constant(vocabulary: Vocabulary, token_type: TokenType, constant: str) -> str:
    """What ``place_literals`` puts in the place of a constant, both as SQL: a whole number or a plain quoted string."""
    literal = constant[1:-1].replace("''", "'") if constant.startswith("'") else constant
    stored, is_number = _stored(vocabulary, token_type, literal)
    return stored if is_number else quote_string(stored)


def _stored(vocabulary: Vocabulary, token_type: TokenType, literal: str) -> tuple[str, bool]:
    """The stored value and whether it is written as a number.

    As a number it has the type that its size needs, so that one out of range matches nothing and does not raise.
    """
    stored = vocabulary.stored_literal(token_type, literal)
    return stored, token_type.stored in _WHOLE_NUMBERS and _INTEGER.fullmatch(stored) is not None


def _place(node: exp.Literal, kind: Variable, tokens: Tokens, vocabulary: Vocabulary) -> None:
    token_type = tokens.type
    if not isinstance(shape_of(kind), TokenCells):
        raise misused(tokens.column, _LITERAL, token_type)
    if isinstance(kind.bound, Elements):
        node.set("this", _stored_array(node, tokens, vocabulary))
        return
    whole = token_type.stored in _WHOLE_NUMBERS
    if not node.is_string and not (whole and _INTEGER.fullmatch(node.name)):
        raise misused(tokens.column, Use("beside a number"), token_type)
    stored, is_number = _stored(vocabulary, token_type, node.name)
    node.set("this", stored)
    node.set("is_string", not is_number)


def _stored_array(node: exp.Literal, tokens: Tokens, vocabulary: Vocabulary) -> str:
    text = node.name.strip()
    inside = text[1:-1].strip() if node.is_string and text.startswith("{") and text.endswith("}") else None
    elements: list[str] = []
    at = 0
    while inside is not None and at < len(inside):
        match = _ELEMENT.match(inside, at)
        if match is None:
            inside = None
            break
        at = match.end()
        if match[2] is not None and match[2].upper() == "NULL":
            elements.append("NULL")
            continue
        token = re.sub(r"\\(.)", r"\1", match[1]) if match[1] is not None else match[2]
        stored = vocabulary.stored_literal(tokens.type, token)
        elements.append('"' + stored.replace("\\", "\\\\").replace('"', '\\"') + '"')
    if inside is None or inside.endswith(","):
        raise misused(tokens.column, Use("in an array literal of this form", instead="Use ARRAY[…]."), tokens.type)
    return "{" + ",".join(elements) + "}"
