"""SELECT, VALUES, set operations and WITH: every clause of a query, and the types of its outputs.

Owns: the clauses and which names hold in each. Must not know: keys, how tokens are made or sorted.
Invariant: every expression of every clause is looked at once, in the scope that Postgres gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from sqlglot import exp

from proxy.planner import grammar
from proxy.planner.dialect import print_statement
from proxy.planner.naming import UNNAMED, output_name
from proxy.planner.tokens.columns import bare
from proxy.planner.tokens.findings import Output, Outputs, SortedQuery, SortKey
from proxy.planner.tokens.refusals import WHOLE_ROW, Use
from proxy.planner.tokens.scopes import Named, Scope, WithQuery
from proxy.planner.tokens.sources import Sources, with_query
from proxy.planner.tokens.variables import Record, Variable, ordinary, unify

_OPEN = Use("beside the * of a relation whose columns are not known", instead="Name that relation's columns.")
_UNITED = Use("united in a set operation", meets=True)

FirstArm: TypeAlias = Callable[[Outputs], None]


class Queries(Sources):
    """SelectStmt."""

    def query(self, node: exp.Expr, scope: Scope, first_arm: FirstArm | None = None) -> Outputs:
        """See ``Expressions``. ``first_arm`` is told a set operation's outputs before its last arm is looked at."""
        with_ = node.args.get("with_")
        if with_ is not None:
            scope = replace(scope, ctes=self._with(with_, scope))
        own = scope
        match node:
            case exp.Select():
                outputs, own = self._select(node, scope)
            case exp.SetOperation():
                outputs = self._set_operation(node, scope, first_arm)
            case exp.Values():
                outputs = self._values(node, scope)
            case exp.Subquery():
                outputs = self.query(node.this, scope)
            case _:  # pragma: no cover - a statement that writes reads no tokens, and so is not looked at
                raise TypeError(f"no query: {type(node).__name__}")
        if outputs.open:
            for output in outputs.columns:
                output.kind.be_ordinary(_OPEN)
        self._tail(node, outputs, own)
        return outputs

    def _with(self, with_: exp.With, scope: Scope) -> dict[str, WithQuery]:
        known = dict(scope.ctes)
        recursive = bool(with_.args.get("recursive"))
        if recursive:
            known.update({cte.alias: WithQuery(None) for cte in with_.expressions})
        for cte in with_.expressions:
            name = cte.alias
            names = [i.name for i in cte.args["alias"].args.get("columns") or ()]

            def begin(first: Outputs, name: str = name, names: list[str] = names) -> None:
                known[name] = with_query(first, names)
                self.findings.names += known[name].columns or ()

            inner = Scope(outer=scope.outer, ctes=known)
            outputs = self.query(cte.this, inner, begin if recursive else None)
            made = self._searched(cte, with_query(outputs, names), inner)
            self.findings.names += made.columns or ()
            known[name] = made
        return known

    def _searched(self, cte: exp.CTE, made: WithQuery, scope: Scope) -> WithQuery:
        """With the columns of SEARCH and CYCLE, which hold whole rows of the columns that they go by."""
        columns = made.columns or ()
        for key in ("search", "cycle"):
            clause = cte.args.get(key)
            behind = False
            for part in clause.expressions if clause is not None else ():
                if isinstance(part, exp.Var):
                    behind = behind or part.name == "SET"
                elif not isinstance(part, exp.Identifier):
                    self.all_ordinary([part], scope, Use(f"in {key.upper()}"))
                elif behind:
                    columns = (*columns, Named(part.name, ordinary()))
                else:
                    for column in columns:
                        if column.name == part.name:
                            column.kind.be_ordinary(Use(f"in {key.upper()}, which keeps it in rows"))
        return WithQuery(columns, made.open)

    # kinds of queries -----------------------------------------------------------------------------------------------

    def _values(self, node: exp.Values, scope: Scope) -> Outputs:
        rows = [[self.infer(e, scope) for e in row.expressions] for row in node.expressions]
        for row in rows[1:]:
            for first, kind in zip(rows[0], row, strict=False):
                unify(first, kind, Use("in one column of VALUES", meets=True))
        return Outputs(tuple(Output(f"column{i}", kind) for i, kind in enumerate(rows[0], 1)))

    def _set_operation(self, node: exp.SetOperation, scope: Scope, first_arm: FirstArm | None) -> Outputs:
        arms: list[exp.Expr] = []
        at: exp.Expr = node
        while isinstance(at, exp.SetOperation):  # chains lean to the left and may be long
            arms.append(at.expression)
            at = at.this
        left = self.query(at, scope)
        for position, arm in enumerate(reversed(arms), 1):
            if first_arm is not None and position == len(arms):
                first_arm(left)
            right = self.query(arm, scope)
            left = self._united(left, right)
        return left

    def _united(self, left: Outputs, right: Outputs) -> Outputs:
        if left.open or right.open or len(left.columns) != len(right.columns):
            for output in (*left.columns, *right.columns):
                output.kind.be_ordinary(_OPEN)
            return Outputs(tuple(Output(o.name, o.kind) for o in left.columns), open=left.open or right.open)
        for one, other in zip(left.columns, right.columns, strict=True):
            unify(one.kind, other.kind, _UNITED)
        return Outputs(tuple(Output(o.name, o.kind) for o in left.columns))

    def _select(self, node: exp.Select, scope: Scope) -> tuple[Outputs, Scope]:
        own = scope
        from_ = node.args.get("from_")
        if from_ is not None:
            own = self.from_list(from_.this, node.args.get("joins") or (), scope)
        where, having = node.args.get("where"), node.args.get("having")
        if where is not None:
            self.condition(where.this, own)
        outputs = self._targets(node, own)
        group = node.args.get("group")
        if group is not None:
            self._group(group.expressions, outputs, own)
        if having is not None:
            self.condition(having.this, own)
        for window in node.args.get("windows") or ():
            self.window(window, own)
        self.findings.selects.append((node, outputs))
        return outputs, own

    def _targets(self, node: exp.Select, scope: Scope) -> Outputs:
        outputs: list[Output] = []
        is_open = False
        for index, target in enumerate(node.expressions):
            if isinstance(target, exp.Star):
                self.findings.references[("*",)] += 1
                outputs += self._starred(scope.visible)
                is_open = is_open or scope.open
            elif isinstance(target, exp.Column) and isinstance(target.this, exp.Star):
                self.note_reference(target)
                item = scope.item(target.table, target.db or None)
                if item is not None:
                    outputs += self._starred(item.columns)
                is_open = is_open or item is None or item.open
            else:
                plain = target.unalias()
                if isinstance(plain, exp.Dot) and isinstance(plain.expression, exp.Star):
                    expanded = self._expanded(plain.this, scope)
                    is_open = is_open or expanded is None
                    outputs += expanded or []
                    continue
                kind = self.infer(plain, scope)
                outputs.append(
                    Output(output_label(target), kind, index, None, self.findings.resolved.get(id(bare(plain))))
                )
        return Outputs(tuple(outputs), is_open)

    def _expanded(self, row: exp.Expr, scope: Scope) -> list[Output] | None:
        """The columns of ``(row).*``, None where they are not known, and none is a token."""
        item = self.row(row, scope)
        if item is not None:
            return self._starred(item.columns)
        kind = self.infer(row, scope)
        if not isinstance(kind.bound, Record):
            kind.be_ordinary(WHOLE_ROW)
            return None
        return [
            Output(name, field, None, exp.Dot(this=exp.Paren(this=bare(row)), expression=exp.to_identifier(name)))
            for name, field in kind.bound.fields
        ]

    def _starred(self, columns: tuple[Named, ...]) -> list[Output]:
        return [Output(c.name, c.kind, None, exp.column(c.name, table=c.alias, quoted=True), c) for c in columns]

    # GROUP BY, ORDER BY and the like --------------------------------------------------------------------------------

    def _group(self, items: list[exp.Expr], outputs: Outputs, scope: Scope) -> None:
        for item in items:
            plain = bare(item)
            match plain:
                case exp.Cube() | exp.Rollup() | exp.GroupingSets() | exp.Tuple():
                    self._group(plain.expressions, outputs, scope)
                case exp.Literal() if not plain.is_string:
                    pass  # the number of an output
                case exp.Column() if not plain.table and scope.own_column(plain.name) is None:
                    if any(o.name == plain.name for o in outputs.columns):
                        self.note_reference(plain)
                    else:
                        self.infer(plain, scope)
                case _:
                    self.infer(plain, scope)

    def _tail(self, node: exp.Expr, outputs: Outputs, own: Scope) -> None:
        distinct = node.args.get("distinct") if isinstance(node, exp.Select) else None
        on = distinct.args.get("on") if distinct is not None else None
        first = [self._sort_key(on, e, i, outputs, own) for i, e in enumerate(on.expressions)] if on is not None else []
        order = node.args.get("order")
        keys = []
        for item in order.expressions if order is not None else ():
            key = self._sort_key(item, item.this, None, outputs, own)
            if item.args.get("using"):
                self.findings.forbidden.append((key.kind, Use("with ORDER BY … USING")))
            keys.append(key)
        if keys:
            self.findings.orderings.append(SortedQuery(node, outputs, tuple(keys), tuple(first)))
        for key_word in ("limit", "offset"):
            clause = node.args.get(key_word)
            count = clause.args.get("expression") or clause.args.get("count") if clause is not None else None
            if count is not None:
                self.condition(count, own)

    def _sort_key(self, holder: exp.Expr, node: exp.Expr, index: int | None, outputs: Outputs, scope: Scope) -> SortKey:
        """``holder`` is the Ordered, or DISTINCT ON's row of which ``index`` is the place."""
        at = holder if index is None else node
        plain = bare(node)
        if isinstance(plain, exp.Literal) and not plain.is_string:
            position = int(plain.name) - 1 if plain.name.isdigit() else -1
            known = 0 <= position < len(outputs.columns)
            return SortKey(at, outputs.columns[position].kind if known else ordinary(), position if known else None)
        if isinstance(plain, exp.Column) and not plain.table and not isinstance(plain.this, exp.Star):
            for position, output in enumerate(outputs.columns):
                if output.name == plain.name:
                    self.note_reference(plain)
                    return SortKey(at, output.kind, position)
        kind: Variable = self.infer(node, scope)
        return SortKey(at, kind, None)


def output_label(target: exp.Expr) -> str:
    """The name that Postgres gives the output column."""
    if isinstance(target, exp.Alias):
        return target.alias
    plain = bare(target)
    if isinstance(plain, exp.Column):
        return plain.name
    if isinstance(plain, exp.Literal):
        return UNNAMED
    select = grammar.parse(f"SELECT {print_statement(target)}").stmts[0].stmt.select_stmt
    return output_name(select.target_list[0].res_target.val)
