"""How the type check says no.

Owns: the words of its refusals. Must not know: trees, SQL text, values. Invariant: a refusal names the column, what was
done with it, and what can be done instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxy.errors import UnsupportedRefusal
from proxy.tokens.types import TokenType

ALLOWED: Final = (
    "Tokens can be compared (=, <>, <, BETWEEN, IN, ANY, IS NULL, IS DISTINCT FROM), joined, grouped, sorted, counted, "
    "put through CASE, COALESCE, NULLIF, MIN, MAX, array_agg, lag, lead and first_value, united by set operations, and "
    "shown in rows and JSON."
)
_AS_A_WHOLE: Final = "Use the column itself, as a whole: a token says nothing but which values are equal."
_COMPARE: Final = "Compare it with a token, a parameter, or a column of the same token domain."


@dataclass(frozen=True, slots=True)
class Use:
    """What a statement does with an expression. ``what`` reads behind "cannot be used": ``with LIKE``, ``in a row``.

    ``meets``: it brings two values together, which must be of one kind. ``instead`` is a hint of its own.
    """

    what: str
    meets: bool = False
    instead: str = ""


WHOLE_ROW: Final = Use(
    "in a whole row that is computed with, or whose columns are not all known",
    instead="Select the tokens as columns of their own, and make the row of the others: "
    "SELECT t.token, row_to_json(r) FROM t, LATERAL (SELECT t.a, t.b) AS r.",
)


def misused(column: str | None, use: Use, token_type: TokenType | None = None) -> UnsupportedRefusal:
    """Something was done with a token that can be done with an ordinary value only."""
    return _refusal(f"{_subject(column, token_type)} cannot be used {use.what}", use.instead)


def mixed(column: str, token_type: TokenType, use: Use) -> UnsupportedRefusal:
    """A token meets a value that is none."""
    return _refusal(
        f"{_subject(column, token_type)} cannot meet a value that is no token ({use.what})", use.instead or _COMPARE
    )


def unlike(column: str, one: TokenType, other: str, another: TokenType, use: Use) -> UnsupportedRefusal:
    """Tokens of two kinds meet."""
    return _refusal(
        f"{_subject(column, one)} cannot meet {other} ({use.what})",
        f"{other} holds {_kind(another)}: tokens of different domains, formats or types cannot be linked.",
    )


def uncertain(name: str, why: str) -> UnsupportedRefusal:
    """It cannot be told for sure what a name stands for."""
    return _refusal(f'it is not certain what "{name}" stands for', f"{why} Write the column with its table's alias.")


def unordered(column: str) -> UnsupportedRefusal:
    """A token in ORDER BY where nothing of the select list is it."""
    return _refusal(
        f"the tokens of {column} cannot be sorted by here", "Put the column into the select list and sort by its name."
    )


def no_keys(column: str) -> UnsupportedRefusal:
    """There is a token column and no keyring."""
    return UnsupportedRefusal(
        f"{column} is shown as tokens, and there are no keys to make them with",
        reason="token",
        hint="The administrators of pgveil can name a keyring in the settings.",
    )


def unsafe(detail: str) -> UnsupportedRefusal:
    """The second look at the statement found something that the first did not."""
    return UnsupportedRefusal(
        "the statement cannot be checked for tokens",
        reason="token",
        detail=detail,
        hint="This is a defect of pgveil; please report the statement's shape.",
    )


def _subject(column: str | None, token_type: TokenType | None) -> str:
    if column is None or token_type is None:
        return "a constant beside a token"
    return f"{column}, shown as {_kind(token_type)},"


def _kind(token_type: TokenType) -> str:
    return f"{token_type.format.value} tokens of the domain {token_type.domain}"


def _refusal(message: str, hint: str) -> UnsupportedRefusal:
    return UnsupportedRefusal(message, reason="token", detail=ALLOWED, hint=hint or _AS_A_WHOLE)
