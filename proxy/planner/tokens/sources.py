"""FROM: which columns each item brings into scope, and which of them hold tokens.

Owns: tables, joins, subqueries and functions in FROM. Must not know: how a relation is resolved, keys, other clauses.
Invariant: an item whose columns are not all known is open, and then none of its columns holds tokens.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from sqlglot import exp

from proxy.planner.dialect import Call, JoinTree
from proxy.planner.references import RelationReference
from proxy.planner.tokens.calls import Calls
from proxy.planner.tokens.findings import Outputs
from proxy.planner.tokens.refusals import Use, uncertain
from proxy.planner.tokens.scopes import Columns, Item, Named, Scope, WithQuery, item_scope, renamed
from proxy.planner.tokens.variables import Held, Record, Variable, ordinary, unify

# Functions that certainly give one column.
_ONE_COLUMN: Final = frozenset(
    {
        *("generate_series", "generate_subscripts", "string_to_table", "regexp_split_to_table", "jsonb_object_keys"),
        *("json_object_keys", "json_array_elements", "jsonb_array_elements", "json_array_elements_text"),
        "jsonb_array_elements_text",
    }
)

RelationColumns: TypeAlias = tuple[tuple[str, Held | None], ...]
Relations: TypeAlias = Callable[[RelationReference], tuple[str, RelationColumns | None]]
"""The schema of a relation and its columns as the role sees them, in order; None where they are not known."""


class Sources(Calls, ABC):
    """from_list and table_ref."""

    def __init__(self, relations: Relations, is_user_function: Callable[[str], bool]) -> None:
        super().__init__(is_user_function)
        self._relations = relations

    def from_list(self, first: exp.Expr, joins: Iterable[exp.Join], before: Scope) -> Scope:
        """The scope that FROM makes; ``before`` is what LATERAL may name already."""
        done = Scope(outer=before.outer, ctes=before.ctes)
        current = self._item(first, before)
        for join in joins:
            if _is_comma(join):
                done = done.beside(current)
                current = self._item(join.this, before.beside(done))
            else:
                current = self._join(current, join, before.beside(done))
        return done.beside(current)

    def columns(self, pairs: Iterable[tuple[str, Variable]], alias: str | None) -> Columns:
        """Columns of a new FROM item."""
        made = tuple(Named(name, kind, alias) for name, kind in pairs)
        self.findings.names += made
        return made

    def _item(self, node: exp.Expr, before: Scope) -> Scope:
        alias = node.args.get("alias")
        name = alias.this.name if alias is not None and alias.this is not None else None
        names = [c.name for c in alias.args.get("columns") or ()] if alias is not None else []
        match node:
            case exp.Table() if isinstance(node.this, exp.Identifier):
                return self._table(node, name, names, before)
            case exp.Subquery(this=JoinTree() as tree):
                inner = self.from_list(tree.this, tree.args["joins"], before)
                if name is None:
                    return inner
                return self._made(inner.visible, inner.open, name, names, before)
            case exp.Subquery():
                return self._derived(node.this, Scope(outer=before.outer, ctes=before.ctes), name, names, before)
            case exp.Lateral(this=exp.Subquery() as query):
                return self._derived(query, Scope(outer=before, ctes=before.ctes), name, names, before)
            case JoinTree():
                return self.from_list(node.this, node.args["joins"], before)
            case _:
                return self._function(node, name, names, before)

    def _made(self, columns: Columns, is_open: bool, name: str | None, names: list[str], before: Scope) -> Scope:
        shown = renamed(columns, names, name)
        self.findings.names += shown
        return item_scope(Item(name, shown, is_open), before.outer, before.ctes)

    def _derived(self, query: exp.Expr, inner: Scope, name: str | None, names: list[str], before: Scope) -> Scope:
        outputs = self.query(query, inner)
        return self._made(as_columns(outputs), outputs.open, name, names, before)

    def _table(self, node: exp.Table, name: str | None, names: list[str], before: Scope) -> Scope:
        self.findings.relations[node.catalog, node.db, node.name] += 1
        sample = node.args.get("sample")
        if sample is not None:
            self.all_ordinary(sample.iter_expressions(), before, Use("in TABLESAMPLE"))
        cte = before.ctes.get(node.name) if not node.db else None
        if cte is not None:
            if cte.columns is None:
                raise uncertain(node.name, "It is used before it is defined.")
            return self._made(cte.columns, cte.open, name or node.name, names, before)
        schema, known = self._relations(RelationReference(node.db or None, node.name, node.catalog or None))
        alias = name or node.name
        pairs = [(column, held.variable() if held is not None else ordinary()) for column, held in known or ()]
        columns = renamed(self.columns(pairs, alias), names, alias)
        self.findings.names += columns
        item = Item(alias, columns, known is None, schema if name is None else None)
        return item_scope(item, before.outer, before.ctes)

    def _function(self, node: exp.Expr, name: str | None, names: list[str], before: Scope) -> Scope:
        call = node.this
        ordinality = [("ordinality", ordinary())] if node.args.get("ordinality") else []
        if isinstance(call, Call) and self.is_built_in(call):
            own = name or call.name
            if call.name == "unnest" and len(call.expressions) == 1:
                element = self.elements(call.expressions[0], before)
                if isinstance(element.bound, Record):  # its fields are columns
                    element.be_ordinary(Use("in FROM"))
                pairs = [(own, element), *ordinality]
                return self._made(self.columns(pairs, own), False, own, names, before)
            if call.name in _ONE_COLUMN:
                self.infer(call, before)
                return self._made(self.columns([(own, ordinary()), *ordinality], own), False, own, names, before)
        self.all_ordinary([call], before, Use("in FROM"))
        own_name = name or (call.name if isinstance(call, Call) else None)
        return self._made(self.columns([(n, ordinary()) for n in names], own_name), True, own_name, names, before)

    # joins ----------------------------------------------------------------------------------------------------------

    def _join(self, left: Scope, join: exp.Join, before: Scope) -> Scope:
        right = self._item(join.this, before.beside(left))
        using = [identifier.name for identifier in join.args.get("using") or ()]
        if str(join.args.get("method") or "").upper() == "NATURAL":
            using = self._natural(left, right)
        joined = self._merged(left, right, using) if using else left.beside(right)
        on = join.args.get("on")
        if on is not None:
            self.condition(on, joined)
        alias = join.args.get("using_alias")
        if alias is not None:
            merged = tuple(Named(c.name, c.kind, alias.name) for c in joined.visible[: len(using)])
            extra = Item(alias.name, merged)
            return Scope((*joined.items, extra), joined.visible, joined.open, joined.outer, joined.ctes)
        return joined

    def _natural(self, left: Scope, right: Scope) -> list[str]:
        if left.open or right.open:
            for column in (*left.visible, *right.visible):
                column.kind.be_ordinary(Use("in a NATURAL JOIN with a relation whose columns are not known"))
            return []
        theirs = {c.name for c in right.visible}
        return [c.name for c in left.visible if c.name in theirs]

    def _merged(self, left: Scope, right: Scope, names: list[str]) -> Scope:
        merged: list[Named] = []
        for name in names:
            one = left.own_column(name)
            other = right.own_column(name)
            kind = one.kind if one is not None else Variable()
            found = other.kind if other is not None else ordinary()
            unify(kind, found, Use(f"joined by {name}", meets=True))
            if one is None:
                kind.be_ordinary(Use(f"joined by {name}", meets=True))
            merged.append(Named(name, kind))
        rest = [c for c in (*left.visible, *right.visible) if c.name not in names]
        both = left.beside(right)
        self.findings.names += merged
        return Scope(both.items, (*merged, *rest), both.open, both.outer, both.ctes)


def as_columns(outputs: Outputs, names: list[str] | None = None) -> Columns:
    """The output columns of a query as columns to name."""
    columns = tuple(Named(o.name, o.kind) for o in outputs.columns)
    return renamed(columns, names or [], None)


def with_query(outputs: Outputs, names: list[str]) -> WithQuery:
    """A WITH query by its output columns."""
    return WithQuery(as_columns(outputs, names), outputs.open)


def _is_comma(join: exp.Join) -> bool:
    return not any(join.args.get(key) for key in ("kind", "side", "method", "on", "using"))
