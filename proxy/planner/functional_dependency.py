"""GROUP BY a primary key: the other columns of that table may be selected ungrouped (manual, 7.2.3).

Owns: the edit that keeps such statements valid when the table becomes a subquery, which has no primary key.
Must not know: masks' texts, Postgres' own tree. Invariant: only columns that depend on a grouped key are added, and
only keys that are shown in clear or as tokens count, so groups stay what they are.
"""

from __future__ import annotations

from sqlglot import exp

from proxy.planner.dialect import Call
from proxy.planner.sources import Source, Treatment
from proxy.policy.masks import Clear, Deny, Hidden, Token

_WITHOUT_EQUALITY = ("json", "xml", "point", "box", "polygon", "path", "line", "circle", "lseg")


def extend_group_by(table: exp.Table, source: Source) -> None:
    """Add the columns of ``table`` that its SELECT names to GROUP BY, where that groups by the table's primary key."""
    select = table.find_ancestor(exp.Select)
    group = select.args.get("group") if select is not None else None
    if select is None or group is None or not group.expressions or source.treatment is not Treatment.MASK:
        return
    if any(isinstance(e, exp.Cube | exp.Rollup | exp.GroupingSets) for e in group.expressions):
        return
    key = _key(source)
    alias = table.alias or table.name
    grouped = {
        c.name
        for c in (_grouped(select, e) for e in group.expressions)
        if isinstance(c, exp.Column) and c.table in ("", alias)
    }
    if not key or not key <= grouped:
        return
    missing = [name for name in _named(select, source, alias) if name not in grouped]
    group.set(
        "expressions",
        [*group.expressions, *(exp.column(n, table=alias, quoted=True) for n in missing)],
    )


def _grouped(select: exp.Select, expression: exp.Expr) -> exp.Expr:
    """What a GROUP BY item stands for: a number means an output column."""
    if isinstance(expression, exp.Literal) and not expression.is_string:
        position = int(expression.this) - 1 if expression.this.isdigit() else -1
        if 0 <= position < len(select.expressions):
            chosen: exp.Expr = select.expressions[position].unalias()
            return chosen
    plain: exp.Expr = expression.unnest()
    return plain


def _key(source: Source) -> frozenset[str]:
    relation, access = source.of_user()
    distinct = {d.column.name for d in access.columns if isinstance(d.mask, Clear | Token)}
    key = frozenset(relation.primary_key)
    return key if key <= distinct else frozenset()


def _named(select: exp.Select, source: Source, alias: str) -> list[str]:
    """The table's columns that the select list, HAVING and ORDER BY name, or all where a star does."""
    _, access = source.of_user()
    parts = [*select.expressions, *(p for k in ("having", "order", "distinct") if (p := select.args.get(k)))]
    names: set[str] = set()
    star = False
    for part in parts:
        for node in part.find_all(exp.Column, exp.Star):
            if isinstance(node, exp.Star) or isinstance(node.this, exp.Star):
                star = star or not isinstance(node.parent, Call)
            elif node.table in ("", alias):
                names.add(node.name)
    usable = [
        d.column.name
        for d in access.columns
        if not isinstance(d.mask, Deny | Hidden) and d.column.type.sql not in _WITHOUT_EQUALITY
    ]
    return [name for name in usable if star or name in names]
