"""Whether a statement that was printed anew is still the client's statement.

Owns: the comparison of two of libpg_query's trees, and the list of differences that are none. Must not know: edits.
Invariant: trees are equal only if every field of every node is, positions in the text apart; no value is ever named.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, TypeAlias

from sqlglot import exp

from proxy.errors import StatementSyntaxError, UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.dialect import parse_statement, print_statement
from proxy.planner.grammar import ParseResult

# Where in the text something was found: the only fields that may differ, as int32. No later stage of Postgres reads
# them except to place an error's cursor.
POSITION_FIELDS: Final = frozenset(
    {
        *("location", "name_location", "stmt_location", "stmt_len"),
        *("list_start", "list_end", "rexpr_list_start", "rexpr_list_end"),
    }
)
# Two messages at the same place, and the pair that they are part of.
_Pair: TypeAlias = "tuple[Any, Any, _Pair | None]"

_WRAPPERS: Final = frozenset(
    {"Node", "String", "Integer", "Float", "Boolean", "BitString", "List", "ParseResult", "RawStmt"}
)


def faithful_tree(original: ParseResult, text: str) -> exp.Expr:
    """The sqlglot tree of a query whose print is the query ``original`` again; ``text`` is what ``original`` is of.

    It is read from libpg_query's canonical print, or from the client's own text where that print is not faithful.
    Raises UnsupportedRefusal with reason ``fidelity`` or ``complexity``.
    """
    try:
        return _round_trip(original, grammar.deparse(original))
    except (UnsupportedRefusal, StatementSyntaxError):  # some of its prints do not even parse
        return _round_trip(original, text)


def assert_same(original: ParseResult, printed: str) -> None:
    """Check that ``printed`` parses to the tree ``original``.

    Raises UnsupportedRefusal with reason ``fidelity``, naming the kind of node that differs.
    """
    try:
        again = grammar.parse(printed)
    except StatementSyntaxError:
        raise _unfaithful("statement") from None
    difference = first_difference(original, again)
    if difference is not None:
        raise _unfaithful(difference)


def first_difference(original: ParseResult, again: ParseResult) -> str | None:
    """The kind of the first node in which two trees differ, such as ``FuncCall``, or None where they are the same."""
    stack: list[_Pair] = [(original, again, None)]
    while stack:
        pair = stack.pop()
        left = [(field, value) for field, value in pair[0].ListFields() if _ROLES[field] is not _Role.POSITION]
        right = [(field, value) for field, value in pair[1].ListFields() if _ROLES[field] is not _Role.POSITION]
        if len(left) != len(right):
            return _kind_of(pair)
        below: list[_Pair] = []
        for (field, value), (other_field, other) in zip(left, right, strict=True):
            if field is not other_field:
                return _kind_of(pair)
            role = _ROLES[field]
            if role is _Role.MESSAGE:
                below.append((value, other, pair))
            elif role is _Role.MESSAGES:
                if len(value) != len(other):
                    return _kind_of(pair)
                below += [(one, two, pair) for one, two in zip(value, other, strict=True)]
            elif value != other:
                return _kind_of(pair)
        below.reverse()
        stack += below
    return None


class _Role(Enum):
    """What comparing a field takes."""

    POSITION = "position"
    VALUE = "value"
    MESSAGE = "message"
    MESSAGES = "messages"


class _Roles(dict[Any, _Role]):
    """The role of each field, by its descriptor; there are a few thousand, and each is looked at once."""

    def __missing__(self, field: Any) -> _Role:
        if field.name in POSITION_FIELDS and field.type == field.TYPE_INT32:
            role = _Role.POSITION
        elif field.message_type is None:
            role = _Role.VALUE
        else:
            role = _Role.MESSAGES if field.is_repeated else _Role.MESSAGE
        self[field] = role
        return role


_ROLES: Final = _Roles()


def _kind_of(pair: _Pair) -> str:
    """The nearest node that a reader of the statement would recognize."""
    step: _Pair | None = pair
    while step is not None:
        name = str(step[0].DESCRIPTOR.name)
        if name not in _WRAPPERS:
            return name
        step = step[2]
    return "statement"


def _round_trip(original: ParseResult, text: str) -> exp.Expr:
    tree = parse_statement(text)
    assert_same(original, print_statement(tree))
    return tree


def _unfaithful(construct: str) -> UnsupportedRefusal:
    return UnsupportedRefusal(
        "the statement cannot be rewritten faithfully",
        reason="fidelity",
        detail=f"Printed again it would differ in a {construct}.",
    )
