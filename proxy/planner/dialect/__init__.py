"""The strict Postgres dialect: a statement as a sqlglot tree that prints as the same statement.

Owns: ``parse_statement`` and ``print_statement``. Must not know: policy, catalog, what is edited.
Invariant: printing a tree that was not edited gives libpg_query the tree of the text that it was read from; what cannot
be held or printed exactly is refused.

The tree is sqlglot's (``Select``, ``From``, ``Join``, ``Table``, ``Subquery``, ``CTE``, ``Union``, ``Column`` …) with
these ways of its own, so that nothing gets lost:

- Identifiers are folded and count as quoted; the generator leaves the quotes out where it may.
- A function call is a ``Call`` (an ``exp.Anonymous`` whose ``this`` is an Identifier), COALESCE, NULLIF, GREATEST and
  LEAST are sqlglot's nodes, functions with a grammar of their own are ``Special``.
- ``negated`` on In, Between, Like, ILike and SimilarTo is NOT IN and so on; ``IS NOT NULL`` is Is(x, Not(Null)).
- A type is a DataType whose ``kind`` is its spelling.
- In FROM stand ``Table`` (of a name, or of a function), ``Lateral`` and ``Subquery``: of a query, or of a ``JoinTree``
  for a join in brackets. ``From.this`` is the first item, the SELECT's ``joins`` are the others; a Join with no kind,
  side, method and condition is a comma. No item carries joins of its own, so each can be replaced by itself.
- GROUP BY keeps all its elements in ``expressions``, in order.
"""

from __future__ import annotations

import logging
from typing import Final

from sqlglot import exp
from sqlglot.dialects.dialect import DialectType
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from proxy.errors import UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.dialect.generator import StrictGenerator
from proxy.planner.dialect.nodes import (
    Call,
    JoinTree,
    MaskedScan,
    OperatorCall,
    PrefixOperator,
    RowConstructor,
    RowsFrom,
    Special,
    SqlValue,
)
from proxy.planner.dialect.parser import StrictParser
from proxy.planner.dialect.tokens import tokenize

__all__ = [
    "Call",
    "JoinTree",
    "MaskedScan",
    "OperatorCall",
    "PrefixOperator",
    "RowConstructor",
    "RowsFrom",
    "Special",
    "SqlValue",
    "StrictPostgres",
    "parse_statement",
    "print_statement",
]

logging.getLogger("sqlglot").disabled = True  # its warnings quote the statement


class StrictPostgres(Postgres):
    """sqlglot's Postgres dialect with Postgres' own tokens, a grammar that keeps everything, and a plain printer."""

    Parser = StrictParser
    Generator = StrictGenerator

    def tokenize(self, sql: str, dialect: DialectType = None) -> list[Token]:
        """Postgres' tokens of ``sql``."""
        return tokenize(sql)


_DIALECT: Final = StrictPostgres()


def parse_statement(canonical: str) -> exp.Expr:
    """The tree of one query (SELECT, VALUES, TABLE, with WITH and set operations).

    Raises StatementSyntaxError, or UnsupportedRefusal with reason ``fidelity`` for what this dialect cannot hold and
    ``complexity`` for what is nested too deeply.
    """
    try:
        trees = _DIALECT.parser().parse(tokenize(canonical), canonical)
    except (SqlglotError, ValueError) as error:
        raise _unfaithful("read", error) from None
    except RecursionError:
        raise grammar.too_complex() from None
    tree = trees[0] if len(trees) == 1 else None
    if tree is None:
        raise _unfaithful("read", ValueError("not a single statement"))
    return tree


def print_statement(tree: exp.Expr) -> str:
    """The text of ``tree`` (a query or a part of one), on one line. Raises what ``parse_statement`` raises."""
    try:
        return _DIALECT.generator().generate(tree, copy=False)
    except (SqlglotError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unfaithful("print", error) from None
    except RecursionError:
        raise grammar.too_complex() from None


def _unfaithful(step: str, error: Exception) -> UnsupportedRefusal:
    # A ParseError of ours names a kind of token and a keyword or operator, never a name or a value.
    return UnsupportedRefusal(
        "the statement cannot be rewritten faithfully",
        reason="fidelity",
        detail=f"pgveil cannot {step} one of its constructs exactly: {error}.",
    )
