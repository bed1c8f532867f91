"""Statements that differ in constants only: their common shape.

Owns: cutting a text at its constants, and telling which of them no plan depends on. Must not know: plans, policy,
sqlglot. Invariant: two texts of one shape are, token for token, the same statement but for integers and plain
strings; a text in which that cannot be told without a lexer (comments, dollar quotes, escapes) has no shape.
"""

from __future__ import annotations

import re
from typing import Any, Final

from proxy.planner import grammar
from proxy.planner.references import child_messages, inner

# Whole tokens of the lexer (manual, 4.1): quoted identifiers, strings without a prefix, integers without a fraction.
_TOKEN: Final = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*'|(?<![\w.$])[0-9]+(?![\w.]))""")
# What can make quotes and digits mean something else: comments, dollar quotes and parameters, escapes, string prefixes.
_UNSURE: Final = re.compile(r"--|/\*|[$\\\0]")
_QUOTES: Final = "\"'"
_TOUCHING: Final = "_&\"'"  # E'…', U&'…', B'…' (letters and digits count too), or two tokens that touch
_MAX_INTEGER_DIGITS: Final = 9  # always an int4, as the sentinels that stand in for it
MAX_CHARACTERS: Final = 20_000


Shape = tuple[str, ...]
"""A text cut at its constants: what is between them at even places, at odd ones what stands there: ``0`` for an
integer, ``'`` for a string, the text itself where it is a quoted identifier or an integer too long for int4."""


def cut(text: str) -> tuple[Shape, tuple[str, ...]] | None:
    """The shape of ``text`` and what stands at its cuts; None where it has none."""
    if len(text) > MAX_CHARACTERS or _UNSURE.search(text):
        return None
    pieces = _TOKEN.split(text)
    found = tuple(pieces[1::2])
    for index, token in enumerate(found):
        mark = token[0]
        if mark in _QUOTES:
            before = pieces[2 * index]
            if before and (before[-1] in _TOUCHING or before[-1].isalnum()):
                return None
            if mark == "'":
                pieces[2 * index + 1] = "'"
        elif len(token) <= _MAX_INTEGER_DIGITS:
            pieces[2 * index + 1] = "0"
    return tuple(pieces), found


def with_constants(shape: Shape, constants: tuple[str, ...]) -> str:
    """The text of this shape with these constants (as SQL, quotes included)."""
    pieces = list(shape)
    pieces[1::2] = constants
    return "".join(pieces)


def is_single_statement(text: str, shape: Shape) -> bool:
    """Whether a text, without semicolons at its end and of this shape, is certainly one statement and not empty."""
    if ";" in text and any(";" in piece for piece in shape[::2]):
        return False
    return len(shape) > 1 or bool(text.strip())


def free_constants(text: str, shape: Shape) -> frozenset[int]:
    """The numbers (from 0) of the constants that no decision on the statement depends on.

    Those are operands of operators, IN lists and LIMIT; names of settings, output numbers in ORDER BY and GROUP BY,
    types' modifiers and arguments of functions are not.
    """
    starts = _starts(text)
    free: set[int] = set()
    stack: list[tuple[Any, bool]] = [(inner(raw.stmt), False) for raw in grammar.parse(text).stmts]
    while stack:
        message, operand = stack.pop()
        name = message.DESCRIPTOR.name
        if name == "Node":
            if (content := inner(message)) is not None:
                stack.append((content, operand))
        elif name == "A_Const":
            index = starts.get(message.location)
            if operand and index is not None and _fits(message, shape[2 * index + 1]):
                free.add(index)
        elif name == "SelectStmt":
            limits = ("limit_count", "limit_offset")
            stack += [(getattr(message, key), True) for key in limits if message.HasField(key)]
            stack += [(child, False) for child in child_messages(message, without=limits)]
        else:
            below = name == "A_Expr" or (operand and name in ("List", "TypeCast", "A_ArrayExpr"))
            stack += [(child, below) for child in child_messages(message, without=("type_name",))]
    return frozenset(free)


def _starts(text: str) -> dict[int, int]:
    """Byte offset of each constant in the text → its number."""
    if not text.isascii():
        return {}
    offsets: dict[int, int] = {}
    for index, match in enumerate(_TOKEN.finditer(text)):
        offsets[match.start()] = index
    return offsets


def _fits(constant: Any, kind: str) -> bool:
    return (kind == "0" and constant.HasField("ival")) or (kind == "'" and constant.HasField("sval"))
