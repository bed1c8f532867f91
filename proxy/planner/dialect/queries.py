"""SELECT, VALUES, set operations and WITH.

Owns: the grammar's SelectStmt. Must not know: policy, what may be rewritten.
Invariant: each clause is one argument of its node, in the form that sqlglot's own Postgres dialect gives it wherever
that form can hold what Postgres says.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from proxy.planner.dialect.nodes import Locking, Search
from proxy.planner.dialect.primaries import CONTINUES_QUERY
from proxy.planner.dialect.tables import Tables

_UNION: Final = 1
_INTERSECT: Final = 2
_SET_OPERATIONS: Final[dict[str, tuple[int, type[exp.SetOperation]]]] = {
    "UNION": (_UNION, exp.Union),
    "EXCEPT": (_UNION, exp.Except),
    "INTERSECT": (_INTERSECT, exp.Intersect),
}
_STRENGTHS: Final = (("UPDATE",), ("NO", "KEY", "UPDATE"), ("SHARE",), ("KEY", "SHARE"))


class Queries(Tables):
    """SelectStmt."""

    def query(self) -> exp.Expr:
        """A query; see ``Expressions``."""
        with_ = self._with() if self.token.word == "WITH" else None
        made = self._set_operation(self._simple(), 0)
        if with_ is not None:
            made.set("with_", with_)
        self._tail(made)
        return made

    def query_behind(self, left: exp.Expr) -> exp.Expr:
        """See ``Primaries``."""
        made = self._set_operation(left, 0)
        self._tail(made)
        return made

    def _set_operation(self, left: exp.Expr, floor: int) -> exp.Expr:
        while self.token.word in _SET_OPERATIONS:
            level, made = _SET_OPERATIONS[self.token.word]
            if level < floor:
                break
            self.advance()
            distinct = not self.accept("ALL")
            self.accept("DISTINCT")
            right = self._set_operation(self._simple(), level + 1)
            left = made(this=left, expression=right, distinct=distinct)
        return left

    def _simple(self) -> exp.Expr:
        """simple_select, or a query in brackets."""
        word = self.token.word
        if word == "(":
            made = self.primary()
            return made if isinstance(made, exp.Subquery) else self.fail()
        if word == "VALUES":
            return self._values()
        if word == "TABLE":
            self.advance()
            return exp.Select(expressions=[exp.Star()], from_=exp.From(this=self.relation()))
        return self._select()

    def _values(self) -> exp.Values:
        self.expect("VALUES")
        rows = [self._row_of_values()]
        while self.accept(","):
            rows.append(self._row_of_values())
        return exp.Values(expressions=rows)

    def _row_of_values(self) -> exp.Tuple:
        self.expect("(")
        items = self.expressions()
        self.expect(")")
        return exp.Tuple(expressions=items)

    def _select(self) -> exp.Select:
        self.expect("SELECT")
        made = exp.Select()
        if self.accept("DISTINCT"):
            made.set("distinct", self._distinct())
        else:
            self.accept("ALL")
        made.set("expressions", self._targets())
        if self.accept("FROM"):
            first, joins = self.from_list()
            made.set("from_", exp.From(this=first))
            made.set("joins", joins or None)
        if self.accept("WHERE"):
            made.set("where", exp.Where(this=self.expression()))
        if self.accept("GROUP", "BY"):
            made.set("group", self._group())
        if self.accept("HAVING"):
            made.set("having", exp.Having(this=self.expression()))
        if self.accept("WINDOW"):
            made.set("windows", self._windows())
        return made

    def _distinct(self) -> exp.Distinct:
        if not self.accept("ON"):
            return exp.Distinct()
        self.expect("(")
        made = exp.Distinct(on=exp.Tuple(expressions=self.expressions()))
        self.expect(")")
        return made

    def _targets(self) -> list[exp.Expr]:
        if self._at_end_of_targets():
            return []
        items = [self._target()]
        while self.accept(","):
            items.append(self._target())
        return items

    def _at_end_of_targets(self) -> bool:
        word = self.token.word
        ends = word in ("FROM", "WHERE", "GROUP", "HAVING", "WINDOW", ")", ";") or word in CONTINUES_QUERY
        return ends or self.at_end

    def _target(self) -> exp.Expr:
        if self.accept("*"):
            return exp.Star()
        value = self.expression()
        if self.accept("AS"):
            return exp.Alias(this=value, alias=self.label())
        return exp.Alias(this=value, alias=self.label()) if self.at_bare_label() else value

    def _group(self) -> exp.Group:
        distinct = self.accept("DISTINCT")
        self.accept("ALL")
        items = [self._group_item()]
        while self.accept(","):
            items.append(self._group_item())
        return exp.Group(expressions=items, distinct=distinct or None)

    def _group_item(self) -> exp.Expr:
        """A grouping element; they stay in one list, since their order is part of the statement."""
        if self.accept("(", ")"):
            return exp.Tuple(expressions=[])
        for word, made in (("CUBE", exp.Cube), ("ROLLUP", exp.Rollup)):
            if self.accept(word, "("):
                items = self.expressions()
                self.expect(")")
                return made(expressions=items)
        if self.accept("GROUPING", "SETS"):
            self.expect("(")
            sets = [self._group_item()]
            while self.accept(","):
                sets.append(self._group_item())
            self.expect(")")
            return exp.GroupingSets(expressions=sets)
        return self.expression()

    def _windows(self) -> list[exp.Window]:
        windows = [self._named_window()]
        while self.accept(","):
            windows.append(self._named_window())
        return windows

    def _named_window(self) -> exp.Window:
        name = self.identifier()
        self.expect("AS")
        return self.window(name)

    def _tail(self, made: exp.Expr) -> None:
        """ORDER BY, LIMIT, OFFSET, FETCH and locking clauses, in any order that Postgres takes."""
        order = self.order()
        if order is not None:
            made.set("order", order)
        locks = []
        while True:
            if self.accept("LIMIT"):
                value = exp.Var(this="ALL") if self.accept("ALL") else self.expression()
                made.set("limit", exp.Limit(expression=value))
            elif self.accept("OFFSET"):
                made.set("offset", exp.Offset(expression=self.expression()))
                _ = self.accept("ROW") or self.accept("ROWS")
            elif self.accept("FETCH"):
                made.set("limit", self._fetch())
            elif self.token.word == "FOR":
                locks += self._locking()
            else:
                break
        if locks:
            made.set("locks", locks)

    def _fetch(self) -> exp.Expr:
        _ = self.accept("FIRST") or self.accept("NEXT")
        count = exp.Literal.number(1) if self.token.word in ("ROW", "ROWS") else self.signed_number()
        _ = self.accept("ROW") or self.accept("ROWS")
        if self.accept("ONLY"):
            return exp.Limit(expression=count)  # to Postgres' grammar FETCH … ONLY is LIMIT
        self.expect("WITH", "TIES")
        return exp.Fetch(count=count, limit_options=exp.LimitOptions(with_ties=True))

    def _locking(self) -> list[Locking]:
        self.expect("FOR")
        if self.accept("READ", "ONLY"):
            return []
        for strength in _STRENGTHS:
            if self.accept(*strength):
                break
        else:
            self.fail()
        made = Locking(strength=" ".join(strength))
        if self.accept("OF"):
            names = [self.dotted()]
            while self.accept(","):
                names.append(self.dotted())
            made.set("expressions", [exp.Dot.build(parts) if len(parts) > 1 else parts[0] for parts in names])
        if self.accept("NOWAIT"):
            made.set("wait", "NOWAIT")
        elif self.accept("SKIP", "LOCKED"):
            made.set("wait", "SKIP LOCKED")
        return [made]

    def _with(self) -> exp.With:
        self.expect("WITH")
        named_so = self.ahead().word in ("AS", "(")  # WITH recursive AS (…): a name, as everywhere else
        recursive = not named_so and self.accept("RECURSIVE")
        ctes = [self._cte()]
        while self.accept(","):
            ctes.append(self._cte())
        return exp.With(expressions=ctes, recursive=recursive or None)

    def _cte(self) -> exp.CTE:
        alias = exp.TableAlias(this=self.identifier())
        if self.token.word == "(":
            alias.set("columns", self.identifiers())
        self.expect("AS")
        materialized = None
        if self.accept("MATERIALIZED"):
            materialized = True
        elif self.accept("NOT", "MATERIALIZED"):
            materialized = False
        self.expect("(")
        made = exp.CTE(this=self.query(), alias=alias, materialized=materialized)
        self.expect(")")
        if self.token.word == "SEARCH":
            made.set("search", self._search())
        if self.token.word == "CYCLE":
            made.set("cycle", self._cycle())
        return made

    def _search(self) -> Search:
        self.expect("SEARCH")
        parts: list[exp.Expr] = [exp.Var(this=f"SEARCH {self.advance().word} FIRST BY")]
        self.expect("FIRST", "BY")
        parts += self._names()
        self.expect("SET")
        return Search(expressions=[*parts, exp.Var(this="SET"), self.identifier()])

    def _cycle(self) -> Search:
        self.expect("CYCLE")
        parts: list[exp.Expr] = [exp.Var(this="CYCLE"), *self._names()]
        self.expect("SET")
        parts += [exp.Var(this="SET"), self.identifier()]
        if self.accept("TO"):
            parts += [exp.Var(this="TO"), self.primary()]
            self.expect("DEFAULT")
            parts += [exp.Var(this="DEFAULT"), self.primary()]
        self.expect("USING")
        return Search(expressions=[*parts, exp.Var(this="USING"), self.identifier()])

    def _names(self) -> list[exp.Expr]:
        parts: list[exp.Expr] = [self.identifier()]
        while self.accept(","):
            parts += [exp.Var(this=","), self.identifier()]
        return parts
