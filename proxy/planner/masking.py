"""The rewrite: every protected table reference becomes a subquery that holds what the role may see.

Owns: the edits on sqlglot's tree. Must not know: how a reference is resolved, Postgres' own tree, the wire.
Invariant: above the replaced reference nothing changes but names that lost their schema; the text of a masking subquery
comes from the policy and the catalog alone, never from the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from proxy.catalog.snapshot import Relation
from proxy.errors import UnsupportedRefusal
from proxy.planner.dialect import MaskedScan
from proxy.planner.functional_dependency import extend_group_by
from proxy.planner.pruning import needed_names
from proxy.planner.references import RelationReference
from proxy.planner.sources import Source, Treatment
from proxy.policy.bound import RelationAccess
from proxy.policy.mask_sql import scan_expression
from proxy.policy.masks import Deny, Hidden


@dataclass(slots=True)
class Rewritten:
    """What the edits did: the references in sqlglot's reading, and the text of every masking subquery put in.

    ``needed`` are the columns that masking subqueries must have, None for all.
    """

    needed: frozenset[str] | None
    references: list[RelationReference] = field(default_factory=list)
    scans: set[str] = field(default_factory=set)


def quote(name: str) -> str:
    """An identifier, always quoted (manual, 4.1.1)."""
    return '"' + name.replace('"', '""') + '"'


def visible_columns(access: RelationAccess, needed: frozenset[str] | None) -> Iterator[tuple[str, str]]:
    """(name, SQL expression) of each column that exists for the role and is ``needed`` (None: all), in order."""
    for decision in access.columns:
        if isinstance(decision.mask, Deny | Hidden):
            continue
        if needed is None or decision.column.name in needed:
            yield decision.column.name, scan_expression(decision.mask, decision.column)


def scan_text(
    relation: Relation,
    access: RelationAccess,
    needed: frozenset[str] | None = None,
    *,
    only: bool = False,
    sample: str = "",
) -> str:
    """The masking subquery (without parentheses) for one table."""
    shown = [f"{sql} AS {quote(name)}" for name, sql in visible_columns(access, needed)]
    table = f"{quote(relation.schema)}.{quote(relation.name)}"
    return f"SELECT {', '.join(shown)} FROM {'ONLY ' if only else ''}{table}{sample}"  # noqa: S608 - names are quoted


def rewrite(
    tree: exp.Expr,
    resolve: Callable[[RelationReference], Source],
    expand: Callable[[Relation], str],
    print_node: Callable[[exp.Expr], str],
) -> Rewritten:
    """Replace every table reference in ``tree`` (changed in place).

    ``expand`` gives the rewritten definition of a view; ``print_node`` is the strict generator, used for TABLESAMPLE.
    """
    done = Rewritten(needed_names(tree))
    masked: dict[tuple[str, str], Source] = {}
    for table in _table_references(tree):
        reference = _reference(table)
        done.references.append(reference)
        source = resolve(reference)
        if source.needs_rewrite:
            masked[(source.schema, source.name)] = source
            extend_group_by(table, source)
            table.replace(_subquery(table, source, expand, print_node, done))
        else:
            table.set("db", exp.to_identifier(source.schema, quoted=True))
            table.set("catalog", None)
    _unqualify_columns(tree, masked)
    return done


def _subquery(
    table: exp.Table,
    source: Source,
    expand: Callable[[Relation], str],
    print_node: Callable[[exp.Expr], str],
    done: Rewritten,
) -> exp.Expr:
    relation, access = source.of_user()
    sample = table.args.get("sample")
    if source.treatment is Treatment.EXPAND:
        if sample is not None or table.args.get("only"):
            raise UnsupportedRefusal(
                f"TABLESAMPLE and ONLY do not go with the view {relation.qualified_name}", reason="construct"
            )
        text = expand(relation)
    else:
        text = scan_text(
            relation,
            access,
            done.needed,
            only=bool(table.args.get("only")),
            sample=f" {print_node(sample)}" if sample is not None else "",
        )
        done.scans.add(text)
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(relation.name, quoted=True))
    return exp.Subquery(this=MaskedScan(this=text), alias=alias.copy())


def _table_references(tree: exp.Expr) -> list[exp.Table]:
    """Every ``exp.Table`` that names a relation and not a CTE in scope (manual, 7.8), in tree order."""
    found: list[exp.Table] = []
    stack: list[tuple[exp.Expr, frozenset[str]]] = [(tree, frozenset())]
    while stack:
        node, ctes = stack.pop()
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            if node.args.get("db") is not None or node.this.name not in ctes:
                found.append(node)
            children: list[exp.Expr] = [c for c in node.iter_expressions() if not isinstance(c, exp.Identifier)]
        else:
            with_ = node.args.get("with_")
            children = [c for c in node.iter_expressions() if c is not with_]
            if with_ is not None:
                ctes = _with_scopes(with_, ctes, stack)
        stack.extend((c, ctes) for c in children)
    return found


def _with_scopes(with_: exp.With, ctes: frozenset[str], stack: list[tuple[exp.Expr, frozenset[str]]]) -> frozenset[str]:
    names = [cte.alias for cte in with_.expressions]
    visible = ctes | frozenset(names) if with_.args.get("recursive") else ctes
    for cte, name in zip(with_.expressions, names, strict=True):
        stack.append((cte, visible))
        visible = visible | {name}
    return visible


def _reference(table: exp.Table) -> RelationReference:
    return RelationReference(table.db or None, table.name, table.catalog or None)


def _unqualify_columns(tree: exp.Expr, masked: dict[tuple[str, str], Source]) -> None:
    """``clinic.patients.ssn`` → ``patients.ssn``: a subquery has an alias but no schema."""
    for column in list(tree.find_all(exp.Column)):
        if column.args.get("db") is not None and (column.args["db"].name, column.table) in masked:
            column.set("db", None)
            column.set("catalog", None)
