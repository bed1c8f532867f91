"""How queries, their clauses and FROM items are printed.

Owns: one function for each node that is not an expression. Must not know: where the tree came from.
Invariant: brackets around a set operation's branches are printed wherever the tree nests otherwise than the text would.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp
from sqlglot.generator import Generator

from proxy.planner.dialect.nodes import JoinTree, Locking, MaskedScan, RowsFrom, RowsFromPart, Sample, Search
from proxy.planner.dialect.print_expressions import Printers, listed

_SET_OPERATIONS: Final[dict[type[exp.Expr], str]] = {
    exp.Union: "UNION",
    exp.Except: "EXCEPT",
    exp.Intersect: "INTERSECT",
}
_TAIL: Final = ("order", "limit", "offset", "locks")


def _select(printer: Generator, node: exp.Select) -> str:
    args = node.args
    parts = [printer.sql(node, "with_"), "SELECT", printer.sql(node, "distinct"), listed(printer, node.expressions)]
    if args.get("from_"):
        parts.append(printer.sql(node, "from_") + _joins(printer, node))
    parts += [printer.sql(node, "where"), printer.sql(node, "group"), printer.sql(node, "having")]
    if args.get("windows"):
        parts += ["WINDOW", listed(printer, args["windows"])]
    parts.append(_tail(printer, node))
    return " ".join(filter(None, parts))


def _tail(printer: Generator, node: exp.Expr) -> str:
    parts = [printer.sql(node, clause) for clause in _TAIL[:-1]]
    parts += [printer.sql(lock) for lock in node.args.get("locks") or ()]
    return " ".join(filter(None, parts))


def _values(printer: Generator, node: exp.Values) -> str:
    parts = [printer.sql(node, "with_"), "VALUES", listed(printer, node.expressions), _tail(printer, node)]
    return " ".join(filter(None, parts))


def _set_operation(printer: Generator, node: exp.SetOperation) -> str:
    parts = [_tail(printer, node)]
    with_ = printer.sql(node, "with_")
    current: exp.Expr = node
    while True:  # a chain of UNIONs leans to the left and may be long
        right = current.args["expression"]
        parts.append(_branch(printer, right, bracketed=isinstance(right, exp.SetOperation)))
        parts.append(_SET_OPERATIONS[current.__class__] + ("" if current.args.get("distinct") else " ALL"))
        left = current.this
        bracketed = isinstance(current, exp.Intersect) and not isinstance(left, exp.Intersect)
        if not isinstance(left, exp.SetOperation) or bracketed or _has_own_clauses(left):
            parts.append(_branch(printer, left, bracketed=isinstance(left, exp.SetOperation)))
            break
        current = left
    parts.append(with_)
    parts.reverse()
    return " ".join(filter(None, parts))


def _branch(printer: Generator, node: exp.Expr, *, bracketed: bool) -> str:
    printed = printer.sql(node)
    if bracketed or (not isinstance(node, exp.Subquery) and _has_own_clauses(node)):
        return f"({printed})"
    return printed


def _has_own_clauses(node: exp.Expr) -> bool:
    return any(node.args.get(clause) for clause in (*_TAIL, "with_"))


def _subquery(printer: Generator, node: exp.Subquery) -> str:
    parts = [
        printer.sql(node, "with_"),
        f"({printer.sql(node, 'this')})",
        printer.sql(node, "alias"),
        _tail(printer, node),
    ]
    return " ".join(filter(None, parts))


def _joins(printer: Generator, node: exp.Expr) -> str:
    return "".join([printer.sql(join) for join in node.args.get("joins") or ()])


def _join(printer: Generator, node: exp.Join) -> str:
    args = node.args
    using = args.get("using")
    right = printer.sql(node, "this")
    words = " ".join(filter(None, [args.get("method"), args.get("side"), args.get("kind")]))
    if not words and not args.get("on") and not using:
        return f", {right}"
    condition = f" ON {printer.sql(node, 'on')}" if args.get("on") else ""
    if using:
        condition = f" USING ({listed(printer, using)})"
        if args.get("using_alias"):
            condition += f" AS {printer.sql(node, 'using_alias')}"
    return f" {words} JOIN {right}{condition}" if words else f" JOIN {right}{condition}"


def _table(printer: Generator, node: exp.Table) -> str:
    args = node.args
    name = ".".join([printer.sql(args[part]) for part in ("catalog", "db", "this") if args.get(part)])
    parts = [
        "ONLY" if args.get("only") else "",
        name,
        "WITH ORDINALITY" if args.get("ordinality") else "",
        printer.sql(node, "alias"),
        printer.sql(node, "sample"),
    ]
    return " ".join(filter(None, parts))


def _lateral(printer: Generator, node: exp.Lateral) -> str:
    ordinality = "WITH ORDINALITY" if node.args.get("ordinality") else ""
    parts = ["LATERAL", printer.sql(node, "this"), ordinality, printer.sql(node, "alias")]
    return " ".join(filter(None, parts))


def _table_alias(printer: Generator, node: exp.TableAlias) -> str:
    columns = f"({listed(printer, node.columns)})" if node.columns else ""
    return f"AS {printer.sql(node, 'this')}{columns}"


def _column_definition(printer: Generator, node: exp.ColumnDef) -> str:
    collation = node.args.get("collation")
    tail = f" COLLATE {collation}" if collation else ""
    return f"{printer.sql(node, 'this')} {printer.sql(node, 'kind')}{tail}"


def _rows_from_part(printer: Generator, node: RowsFromPart) -> str:
    columns = node.args.get("columns")
    return printer.sql(node, "this") + (f" AS ({listed(printer, columns)})" if columns else "")


def _sample(printer: Generator, node: Sample) -> str:
    seed = node.args.get("seed")
    tail = f" REPEATABLE ({printer.sql(seed)})" if seed is not None else ""
    return f"TABLESAMPLE {node.this}({listed(printer, node.expressions)}){tail}"


def _distinct(printer: Generator, node: exp.Distinct) -> str:
    on = node.args.get("on")
    return f"DISTINCT ON {printer.sql(on)}" if on is not None else "DISTINCT"


def _group(printer: Generator, node: exp.Group) -> str:
    distinct = "DISTINCT " if node.args.get("distinct") else ""
    return f"GROUP BY {distinct}{listed(printer, node.expressions)}"


def _ordered(printer: Generator, node: exp.Ordered) -> str:
    args = node.args
    using, descending, nulls_first = args.get("using"), args.get("desc"), args.get("nulls_first")
    parts = [printer.sql(node, "this")]
    if using:
        parts.append(f"USING {using}")
    elif descending is not None:
        parts.append("DESC" if descending else "ASC")
    if nulls_first is not None:
        parts.append("NULLS FIRST" if nulls_first else "NULLS LAST")
    return " ".join(parts)


def _window(printer: Generator, node: exp.Window) -> str:
    args = node.args
    link = "AS" if isinstance(node.this, exp.Identifier) else "OVER"
    start = f"{printer.sql(node, 'this')} {link} "
    if args.get("over") == "NAME":
        return start + printer.sql(node, "alias")
    partition = f"PARTITION BY {listed(printer, args['partition_by'])}" if args.get("partition_by") else ""
    parts = [printer.sql(node, "alias"), partition, printer.sql(node, "order"), printer.sql(node, "spec")]
    return f"{start}({' '.join(filter(None, parts))})"


def _window_spec(printer: Generator, node: exp.WindowSpec) -> str:
    args = node.args
    bounds = f"{printer.sql(args['start'])} {args.get('start_side') or ''}".rstrip()
    if args.get("end"):
        bounds = f"BETWEEN {bounds} AND {printer.sql(args['end'])} {args.get('end_side') or ''}".rstrip()
    exclude = f" EXCLUDE {args['exclude']}" if args.get("exclude") else ""
    return f"{args['kind']} {bounds}{exclude}"


def _with(printer: Generator, node: exp.With) -> str:
    recursive = "RECURSIVE " if node.args.get("recursive") else ""
    return f"WITH {recursive}{listed(printer, node.expressions)}"


def _cte(printer: Generator, node: exp.CTE) -> str:
    args = node.args
    materialized = args.get("materialized")
    word = "" if materialized is None else "MATERIALIZED " if materialized else "NOT MATERIALIZED "
    alias = args["alias"]
    columns = f"({listed(printer, alias.columns)})" if alias.columns else ""
    parts = [f"{printer.sql(alias, 'this')}{columns} AS {word}({printer.sql(node, 'this')})"]
    parts += [printer.sql(node, "search"), printer.sql(node, "cycle")]
    return " ".join(filter(None, parts))


def _locking(printer: Generator, node: Locking) -> str:
    args = node.args
    names = f" OF {listed(printer, node.expressions)}" if node.expressions else ""
    wait = f" {args['wait']}" if args.get("wait") else ""
    return f"FOR {args['strength']}{names}{wait}"


QUERIES: Final[Printers] = {
    **dict.fromkeys(_SET_OPERATIONS, _set_operation),
    JoinTree: lambda printer, node: printer.sql(node, "this") + _joins(printer, node),
    Locking: _locking,
    RowsFrom: lambda printer, node: f"ROWS FROM ({listed(printer, node.expressions)})",
    RowsFromPart: _rows_from_part,
    Sample: _sample,
    Search: lambda printer, node: " ".join([printer.sql(part) for part in node.expressions]),
    exp.CTE: _cte,
    exp.ColumnDef: _column_definition,
    exp.Cube: lambda printer, node: f"CUBE ({listed(printer, node.expressions)})",
    exp.Distinct: _distinct,
    exp.Fetch: lambda printer, node: f"FETCH FIRST {printer.sql(node, 'count')} ROWS WITH TIES",
    exp.Filter: lambda printer, node: f"{printer.sql(node, 'this')} FILTER ({printer.sql(node, 'expression')})",
    exp.From: lambda printer, node: f"FROM {printer.sql(node, 'this')}",
    exp.Group: _group,
    exp.GroupingSets: lambda printer, node: f"GROUPING SETS ({listed(printer, node.expressions)})",
    exp.Having: lambda printer, node: f"HAVING {printer.sql(node, 'this')}",
    exp.Join: _join,
    exp.Lateral: _lateral,
    exp.Limit: lambda printer, node: f"LIMIT {printer.sql(node, 'expression')}",
    exp.Offset: lambda printer, node: f"OFFSET {printer.sql(node, 'expression')}",
    exp.Order: lambda printer, node: f"ORDER BY {listed(printer, node.expressions)}",
    exp.Ordered: _ordered,
    MaskedScan: lambda _, node: str(node.this),
    exp.Rollup: lambda printer, node: f"ROLLUP ({listed(printer, node.expressions)})",
    exp.Select: _select,
    exp.Subquery: _subquery,
    exp.Table: _table,
    exp.TableAlias: _table_alias,
    exp.Values: _values,
    exp.Where: lambda printer, node: f"WHERE {printer.sql(node, 'this')}",
    exp.Window: _window,
    exp.WindowSpec: _window_spec,
    exp.With: _with,
    exp.WithinGroup: lambda printer, node: (
        f"{printer.sql(node, 'this')} WITHIN GROUP ({printer.sql(node, 'expression')})"
    ),
}
