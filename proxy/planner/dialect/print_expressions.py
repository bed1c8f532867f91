"""How each kind of expression is printed.

Owns: one function for each node that may stand in an expression. Must not know: queries, where the tree came from.
Invariant: nothing is translated, simplified or renamed; a node prints the words that it was read from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlglot import exp
from sqlglot.generator import Generator

from proxy.planner.dialect.nodes import (
    Call,
    OperatorCall,
    PrefixOperator,
    RowConstructor,
    Special,
    SqlValue,
)
from proxy.planner.dialect.tokens import quote, quote_string, spell

Printers = dict[type[exp.Expr], Callable[[Generator, Any], str]]

_WORD: Final = re.compile(r"[^\W\d][\w$]*")
_INFIX: Final[dict[type[exp.Expr], str]] = {
    exp.And: "AND",
    exp.Or: "OR",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.GT: ">",
    exp.LTE: "<=",
    exp.GTE: ">=",
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.Pow: "^",
    exp.DPipe: "||",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    OperatorCall: "",
}


def listed(printer: Generator, nodes: Iterable[exp.Expr]) -> str:
    """``a, b, c``."""
    return ", ".join([printer.sql(node) for node in nodes])


def _binary(printer: Generator, node: exp.Expr) -> str:
    # Chains lean to the left and may be thousands of operators long, so they are not descended by recursion.
    parts: list[str] = []
    while True:
        infix = _INFIX.get(node.__class__)
        if infix is None:
            break
        parts.append(printer.sql(node, "expression"))
        parts.append(infix or node.args["operator"])
        node = node.this
    parts.append(printer.sql(node))
    parts.reverse()
    return " ".join(parts)


def _identifier(_: Generator, node: exp.Identifier) -> str:
    return spell(node.this)


def _literal(_: Generator, node: exp.Literal) -> str:
    return quote_string(node.this) if node.args["is_string"] else str(node.this)


def _column(printer: Generator, node: exp.Column) -> str:
    return ".".join(
        [printer.sql(node.args[part]) for part in ("catalog", "db", "table", "this") if node.args.get(part)]
    )


def _negative(printer: Generator, node: exp.Neg) -> str:
    operand = printer.sql(node, "this")
    joins = operand[:1].isalnum() or operand[:1] in ("_", ".", "$", "(", '"', "'")  # "-@" would be one operator
    return f"-{operand}" if joins else f"- {operand}"


def _bracket(printer: Generator, node: exp.Bracket) -> str:
    return f"{printer.sql(node, 'this')}[{listed(printer, node.expressions)}]"


def _cast(printer: Generator, node: exp.Cast) -> str:
    return f"CAST({printer.sql(node, 'this')} AS {printer.sql(node, 'to')})"


def _data_type(_: Generator, node: exp.DataType) -> str:
    if node.this is not exp.DType.USERDEFINED:
        raise ValueError("a type that was not spelled out")
    return str(node.args["kind"])


def function_name(identifier: exp.Identifier) -> str:
    """A function's name with the quotes that it was written with."""
    name = identifier.name
    return name if not identifier.quoted and _WORD.fullmatch(name) else quote(name)


def _call(printer: Generator, node: Call) -> str:
    name = ".".join([function_name(part) for part in (*(node.args.get("qualifier") or ()), node.this)])
    distinct = "DISTINCT " if node.args.get("distinct") else ""
    order = node.args.get("order")
    tail = f" {printer.sql(order)}" if order is not None else ""
    return f"{name}({distinct}{listed(printer, node.expressions)}{tail})"


def _special(printer: Generator, node: Special) -> str:
    parts = " ".join([printer.sql(part) for part in node.expressions])
    return f"NAME {parts}" if node.this == "NAME" else f"{node.this}({parts})"


def _conditional(printer: Generator, node: exp.Expr) -> str:
    second = node.args.get("expression")
    others = [second] if second is not None else node.expressions
    return f"{node.key.upper()}({listed(printer, [node.this, *others])})"


def _case(printer: Generator, node: exp.Case) -> str:
    operand = f" {printer.sql(node, 'this')}" if node.args.get("this") else ""
    branches = "".join(
        [f" WHEN {printer.sql(branch, 'this')} THEN {printer.sql(branch, 'true')}" for branch in node.args["ifs"]]
    )
    default = f" ELSE {printer.sql(node, 'default')}" if node.args.get("default") else ""
    return f"CASE{operand}{branches}{default} END"


def _in(printer: Generator, node: exp.In) -> str:
    query = node.args.get("query")
    items = printer.sql(query) if query is not None else f"({listed(printer, node.expressions)})"
    return f"{printer.sql(node, 'this')} {_not(node)}IN {items}"


def _between(printer: Generator, node: exp.Between) -> str:
    symmetric = " SYMMETRIC" if node.args.get("symmetric") else ""
    bounds = f"{printer.sql(node, 'low')} AND {printer.sql(node, 'high')}"
    return f"{printer.sql(node, 'this')} {_not(node)}BETWEEN{symmetric} {bounds}"


def _pattern(word: str) -> Callable[[Generator, exp.Expr], str]:
    def printed(printer: Generator, node: exp.Expr) -> str:
        escape = node.args.get("escape")
        tail = f" ESCAPE {printer.sql(escape)}" if escape is not None else ""
        return f"{printer.sql(node, 'this')} {_not(node)}{word} {printer.sql(node, 'expression')}{tail}"

    return printed


def _not(node: exp.Expr) -> str:
    return "NOT " if node.args.get("negated") else ""


def _quantified(word: str) -> Callable[[Generator, exp.Expr], str]:
    def printed(printer: Generator, node: exp.Expr) -> str:
        operand = printer.sql(node, "this")
        return f"{word} {operand}" if isinstance(node.this, exp.Subquery) else f"{word} ({operand})"

    return printed


def _at_time_zone(printer: Generator, node: exp.AtTimeZone) -> str:
    zone = node.args.get("zone")
    where = f"TIME ZONE {printer.sql(zone)}" if zone is not None else "LOCAL"
    return f"{printer.sql(node, 'this')} AT {where}"


def _array(printer: Generator, node: exp.Array) -> str:
    if node.args.get("bracket_notation"):
        return f"ARRAY[{listed(printer, node.expressions)}]"
    return f"ARRAY{printer.sql(node.expressions[0])}"


def _slice(printer: Generator, node: exp.Slice) -> str:
    return f"{printer.sql(node, 'this')} : {printer.sql(node, 'expression')}"


def _boolean(_: Generator, node: exp.Boolean) -> str:
    return "TRUE" if node.this else "FALSE"


EXPRESSIONS: Final[Printers] = {
    **dict.fromkeys(_INFIX, _binary),
    **dict.fromkeys((exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least), _conditional),
    Call: _call,
    PrefixOperator: lambda printer, node: f"{node.args['operator']} {printer.sql(node, 'this')}",
    RowConstructor: lambda printer, node: f"ROW({listed(printer, node.expressions)})",
    Special: _special,
    SqlValue: lambda _, node: node.this,
    exp.Alias: lambda printer, node: f"{printer.sql(node, 'this')} AS {printer.sql(node, 'alias')}",
    exp.All: _quantified("ALL"),
    exp.Any: _quantified("ANY"),
    exp.Array: _array,
    exp.AtTimeZone: _at_time_zone,
    exp.Between: _between,
    exp.BitString: lambda _, node: f"b'{node.this}'",
    exp.Boolean: _boolean,
    exp.Bracket: _bracket,
    exp.Case: _case,
    exp.Cast: _cast,
    exp.Collate: lambda printer, node: f"{printer.sql(node, 'this')} COLLATE {printer.sql(node, 'expression')}",
    exp.Column: _column,
    exp.DataType: _data_type,
    exp.Dot: lambda printer, node: f"{printer.sql(node, 'this')}.{printer.sql(node, 'expression')}",
    exp.Exists: lambda printer, node: f"EXISTS {printer.sql(node, 'this')}",
    exp.HexString: lambda _, node: f"x'{node.this}'",
    exp.ILike: _pattern("ILIKE"),
    exp.Identifier: _identifier,
    exp.In: _in,
    exp.Is: lambda printer, node: f"{printer.sql(node, 'this')} IS {printer.sql(node, 'expression')}",
    exp.Kwarg: lambda printer, node: f"{printer.sql(node, 'this')} => {printer.sql(node, 'expression')}",
    exp.Like: _pattern("LIKE"),
    exp.Literal: _literal,
    exp.Neg: _negative,
    exp.Not: lambda printer, node: f"NOT {printer.sql(node, 'this')}",
    exp.Null: lambda *_: "NULL",
    exp.Parameter: lambda printer, node: f"${printer.sql(node, 'this')}",
    exp.Paren: lambda printer, node: f"({printer.sql(node, 'this')})",
    exp.SimilarTo: _pattern("SIMILAR TO"),
    exp.Slice: _slice,
    exp.Star: lambda *_: "*",
    exp.Tuple: lambda printer, node: f"({listed(printer, node.expressions)})",
    exp.Var: lambda _, node: node.this,
    exp.Variadic: lambda printer, node: f"VARIADIC {printer.sql(node, 'this')}",
}
