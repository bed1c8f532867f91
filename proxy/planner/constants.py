"""Statements that differ in constants only: their common shape.

Owns: cutting a text at its constants, and telling which of them no plan depends on. Must not know: plans, policy,
sqlglot. Invariant: two texts of one shape are, token for token, the same statement but for integers and plain
strings; a text in which that cannot be told without a lexer (comments, dollar quotes, escapes) has no shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from proxy.planner import grammar
from proxy.planner.references import child_messages, inner

# Whole tokens of the lexer (manual, 4.1): quoted identifiers, strings without a prefix, integers without a fraction.
_TOKEN: Final = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*'|(?<![\w.$])[0-9]+(?![\w.]))""")
# What can make quotes and digits mean something else: comments, dollar quotes and parameters, escapes, string prefixes.
_UNSURE: Final = re.compile(r"--|/\*|[$\\\0]")
_PREFIXED: Final = re.compile(r"[\w&\"']\Z")  # E'…', U&'…', B'…', or two tokens that touch
_MAX_INTEGER_DIGITS: Final = 9  # always an int4, as the sentinels that stand in for it
MAX_CHARACTERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Shape:
    """A text cut at its constants. ``between`` are the pieces around them, ``classes`` what stands there: ``0`` for an
    integer, ``'`` for a string, the text itself where it is a quoted identifier or an integer too long for int4.
    """

    between: tuple[str, ...]
    classes: tuple[str, ...]

    def with_constants(self, constants: tuple[str, ...]) -> str:
        """The text of this shape with these constants (as SQL, quotes included)."""
        pieces = [self.between[0]]
        for constant, piece in zip(constants, self.between[1:], strict=True):
            pieces += (constant, piece)
        return "".join(pieces)


def cut(text: str) -> tuple[Shape, tuple[str, ...]] | None:
    """The shape of ``text`` and what stands at its cuts; None where it has none."""
    if len(text) > MAX_CHARACTERS or _UNSURE.search(text):
        return None
    pieces = _TOKEN.split(text)
    found = tuple(pieces[1::2])
    if any(token[0] in "\"'" and _PREFIXED.search(before) for before, token in zip(pieces[::2], found, strict=False)):
        return None
    return Shape(tuple(pieces[::2]), tuple(map(_class, found))), found


def is_single_statement(shape: Shape) -> bool:
    """Whether a text of this shape is certainly one statement (a semicolon may end it)."""
    last = shape.between[-1].rstrip(" \t\r\n;")
    if ";" in last or any(";" in piece for piece in shape.between[:-1]):
        return False
    return bool(last.strip() or shape.classes or any(piece.strip() for piece in shape.between[:-1]))


def free_constants(text: str, shape: Shape) -> frozenset[int]:
    """The positions (in ``classes``) of constants that no decision on the statement depends on.

    Those are operands of operators, IN lists and LIMIT; names of settings, output numbers in ORDER BY and GROUP BY,
    types' modifiers and arguments of functions are not.
    """
    starts = _starts(shape, text)
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
            if operand and index is not None and _fits(message, shape.classes[index]):
                free.add(index)
        elif name == "SelectStmt":
            limits = ("limit_count", "limit_offset")
            stack += [(getattr(message, key), True) for key in limits if message.HasField(key)]
            stack += [(child, False) for child in child_messages(message, without=limits)]
        else:
            below = name == "A_Expr" or (operand and name in ("List", "TypeCast", "A_ArrayExpr"))
            stack += [(child, below) for child in child_messages(message, without=("type_name",))]
    return frozenset(free)


def _starts(shape: Shape, text: str) -> dict[int, int]:
    """Byte offset of each constant in the text → its position."""
    if not text.isascii():
        return {}
    offsets: dict[int, int] = {}
    for index, match in enumerate(_TOKEN.finditer(text)):
        offsets[match.start()] = index
    return offsets


def _class(token: str) -> str:
    if token[0] == "'":
        return "'"
    return "0" if token[0] != '"' and len(token) <= _MAX_INTEGER_DIGITS else token


def _fits(constant: Any, kind: str) -> bool:
    return (kind == "0" and constant.HasField("ival")) or (kind == "'" and constant.HasField("sval"))
