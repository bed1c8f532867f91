"""Tree nodes for what Postgres can say and sqlglot has no exact word for.

Owns: the custom Expression classes. Must not know: how they are read or printed.
Invariant: every sub-expression is an ordinary child, so that sqlglot's walkers see each column and each table in it.
"""

from __future__ import annotations

from typing import ClassVar

from sqlglot import exp


class Call(exp.Anonymous):
    """``schema.name(ALL | DISTINCT args ORDER BY …)``, the name exactly as it was written.

    ``this`` is the Identifier of the name, ``qualifier`` the Identifiers before it. ``count(*)`` has a Star as its one
    argument.
    """

    arg_types: ClassVar[dict[str, bool]] = {
        "this": True,
        "qualifier": False,
        "expressions": False,
        "distinct": False,
        "order": False,
    }

    @property
    def name(self) -> str:
        return str(self.this.name)


class Special(exp.Expression, exp.Condition):
    """A function with a grammar of its own: ``EXTRACT(YEAR FROM x)``, ``XMLELEMENT(…)``, ``JSON_OBJECT(…)``.

    ``this`` is its name, ``expressions`` what stands between the brackets in order: expressions, and Var for each
    keyword, comma, colon and bracket.
    """

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "expressions": False}


class SqlValue(exp.Expression, exp.Condition):
    """``CURRENT_DATE``, ``LOCALTIME(3)``, ``USER`` and the like; ``this`` is the text."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True}
    is_primitive: ClassVar[bool] = True


class OperatorCall(exp.Expression, exp.Binary):
    """A binary operator that is not one of SQL's own; ``operator`` is its text, ``@>`` or ``OPERATOR(s.@>)``."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "expression": True, "operator": True}


class PrefixOperator(exp.Unary):
    """An operator before its operand; ``operator`` is its text."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "operator": True}


class RowConstructor(exp.Expression, exp.Condition):
    """``ROW(a, b)``; without the word it is a Tuple."""

    arg_types: ClassVar[dict[str, bool]] = {"expressions": False}


class JoinTree(exp.Expression):
    """A join that is an operand of another: ``this`` is its first FROM item, ``joins`` the rest."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "joins": True}


class RowsFrom(exp.Expression):
    """``ROWS FROM (f(…), g(…) AS (a int))``; the parts are RowsFromPart."""

    arg_types: ClassVar[dict[str, bool]] = {"expressions": True}


class RowsFromPart(exp.Expression):
    """One function of ROWS FROM, with its column definitions."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "columns": False}


class Sample(exp.Expression):
    """``TABLESAMPLE method (…) REPEATABLE (seed)``; ``this`` is the method's name as text."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "expressions": True, "seed": False}


class Locking(exp.Expression):
    """``FOR UPDATE OF t NOWAIT``; ``strength`` and ``wait`` are words, ``expressions`` the names."""

    arg_types: ClassVar[dict[str, bool]] = {"strength": True, "expressions": False, "wait": False}


class Search(exp.Expression):
    """``SEARCH … SET c`` or ``CYCLE … SET c … USING p`` behind a recursive CTE, part by part as in Special."""

    arg_types: ClassVar[dict[str, bool]] = {"expressions": True}


class MaskedScan(exp.Expression):
    """A masking subquery or a view's rewritten definition; ``this`` is its SQL text, made by the planner alone."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True}
    is_primitive: ClassVar[bool] = True
