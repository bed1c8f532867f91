"""Whether a statement that was printed anew is still the client's statement.

Owns: the comparison of two of libpg_query's trees, and the list of differences that are none. Must not know: edits.
Invariant: trees are equal only if every field of every node is, positions in the text apart; no value is ever named.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlglot import exp

from proxy.errors import StatementSyntaxError, UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.dialect import parse_statement, print_statement
from proxy.planner.grammar import ParseResult

# Where in the text something was found: the only fields that may differ. Each is an int32 that no later stage of
# Postgres reads except to place an error's cursor.
POSITION_FIELDS: Final = frozenset(
    {
        *("location", "name_location", "stmt_location", "stmt_len"),
        *("list_start", "list_end", "rexpr_list_start", "rexpr_list_end"),
    }
)
_WRAPPERS: Final = frozenset({"Node", "String", "Integer", "Float", "Boolean", "BitString", "List"})


def faithful_tree(original: ParseResult, text: str) -> exp.Expr:
    """The sqlglot tree of a query whose print is the query ``original`` again; ``text`` is what ``original`` is of.

    It is read from libpg_query's canonical print, or from the client's own text where that print is not faithful.
    Raises UnsupportedRefusal with reason ``fidelity`` or ``complexity``.
    """
    try:
        return _round_trip(original, grammar.deparse(original))
    except UnsupportedRefusal:
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
    stack: list[tuple[Any, Any, str]] = [(original, again, "statement")]
    while stack:
        ours, theirs, around = stack.pop()
        descriptor = ours.DESCRIPTOR
        name = descriptor.name
        if name not in _WRAPPERS:
            around = name
        if theirs.DESCRIPTOR is not descriptor:
            return around
        ignored = _ignored(name)
        left, right = ours.ListFields(), theirs.ListFields()
        if ignored:
            left = [pair for pair in left if pair[0].name not in ignored]
            right = [pair for pair in right if pair[0].name not in ignored]
        if len(left) != len(right):
            return around
        children: list[tuple[Any, Any, str]] = []
        for (field, value), (other_field, other) in zip(left, right, strict=True):
            if field is not other_field and field.number != other_field.number:
                return around
            if field.message_type is None:
                if value != other:
                    return around
            elif field.is_repeated:
                if len(value) != len(other):
                    return around
                children.extend((one, two, around) for one, two in zip(value, other, strict=True))
            else:
                children.append((value, other, around))
        stack.extend(reversed(children))
    return None


@cache
def _ignored(name: str) -> frozenset[str]:
    """The position fields of one kind of message."""
    message = grammar.message_type(name)
    return POSITION_FIELDS.intersection(field.name for field in message.fields)


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
