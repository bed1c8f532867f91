"""FROM: tables, joins, sub-selects, functions and their aliases.

Owns: the grammar's table_ref and alias clauses. Must not know: which relations exist.
Invariant: ``FROM a, b JOIN c`` keeps its nesting: a comma is a Join without kind, side, method and condition.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from proxy.planner.dialect.nodes import JoinTree, RowsFrom, RowsFromPart, Sample
from proxy.planner.dialect.primaries import CONTINUES_QUERY, Primaries
from proxy.planner.dialect.tokens import spell

_JOIN_WORDS: Final = frozenset({"JOIN", "CROSS", "NATURAL", "INNER", "LEFT", "RIGHT", "FULL"})
_SIDES: Final = frozenset({"LEFT", "RIGHT", "FULL"})
_TABLE_FUNCTIONS: Final = frozenset({"XMLTABLE", "JSON_TABLE"})


class Tables(Primaries):
    """from_list and table_ref."""

    def from_list(self) -> tuple[exp.Expr, list[exp.Join]]:
        """The first item of FROM, and everything after it as joins."""
        first = self._item()
        joins = self._joins()
        while self.accept(","):
            joins.append(exp.Join(this=self._item()))
            joins += self._joins()
        return first, joins

    def relation(self) -> exp.Table:
        """``[ONLY] catalog.schema.name [*]`` without an alias."""
        only = self.accept("ONLY")
        bracketed = only and self.accept("(")
        names = self.dotted()
        if bracketed:
            self.expect(")")
        else:
            self.accept("*")
        if len(names) > len(("name", "schema", "catalog")):
            self.fail()
        made = exp.Table(**dict(zip(("this", "db", "catalog"), reversed(names), strict=False)))
        made.set("only", only or None)
        return made

    def _joins(self) -> list[exp.Join]:
        joins = []
        while self.token.word in _JOIN_WORDS:
            joins.append(self._join())
        return joins

    def _join(self) -> exp.Join:
        made = exp.Join()
        if self.accept("CROSS"):
            made.set("kind", "CROSS")
        if self.accept("NATURAL"):
            made.set("method", "NATURAL")
        side = self.take(_SIDES)
        if side:
            made.set("side", side)
            self.accept("OUTER")
        else:
            made.set("kind", "INNER" if self.accept("INNER") else made.args.get("kind"))
        self.expect("JOIN")
        right = self._item()
        made.set("this", right)
        if made.args.get("kind") == "CROSS" or made.args.get("method"):
            return made
        if self.token.word in _JOIN_WORDS:  # a JOIN b JOIN c ON … ON …: the right side is a join itself
            made.set("this", JoinTree(this=right, joins=self._joins()))
        if self.accept("ON"):
            made.set("on", self.expression())
        else:
            self.expect("USING")
            made.set("using", self.identifiers())
            made.set("using_alias", self.identifier() if self.accept("AS") else None)
        return made

    def _item(self) -> exp.Expr:
        """A table_ref without the joins that follow it."""
        lateral = self.accept("LATERAL")
        if self.token.word == "(":
            made, _ = self._brackets()
            alias = self._alias()
            if lateral:
                return exp.Lateral(this=made, alias=alias)
            made.set("alias", alias)
            return made
        if self.token.word == "ROWS" and self.ahead().word == "FROM":
            return self._function_item(self._rows_from(), lateral=lateral)
        if self.token.word in _TABLE_FUNCTIONS and self.ahead().word == "(":
            return self._function_item(self.table_function(), lateral=lateral)
        if lateral or self._at_function():
            return self._function_item(self.primary(), lateral=lateral)
        table = self.relation()
        table.set("alias", self._alias())
        if self.accept("TABLESAMPLE"):
            table.set("sample", self._sample())
        return table

    def _at_function(self) -> bool:
        """Whether a call stands here: a name with a bracket behind it, or a keyword that is a function."""
        if self.token.word == "ONLY":
            return False
        if not self.at_column_name():
            return True
        distance = 0
        while self.ahead(distance + 1).word == ".":
            distance += 2
        return self.ahead(distance + 1).word == "("

    def _brackets(self) -> tuple[exp.Subquery, bool]:
        """What stands in brackets, without its alias, and whether it is a query (else it is a join)."""
        if self.at_query(1):
            return self.subquery(), True
        self.expect("(")
        if self.token.word == "(":
            first: exp.Expr
            first, is_query = self._brackets()
            if is_query and self.token.word in CONTINUES_QUERY:
                first = self.query_behind(first)
            if is_query and self.accept(")"):
                return exp.Subquery(this=first), True
            first.set("alias", self._alias())
        else:
            first = self._item()
        made = JoinTree(this=first, joins=self._joins())
        self.expect(")")
        return exp.Subquery(this=made), False

    def _function_item(self, function: exp.Expr, *, lateral: bool) -> exp.Expr:
        ordinality = self.accept("WITH", "ORDINALITY") or None
        made = exp.Lateral if lateral else exp.Table
        return made(this=function, ordinality=ordinality, alias=self._function_alias())

    def _rows_from(self) -> RowsFrom:
        self.expect("ROWS", "FROM", "(")
        parts = [self._rows_from_part()]
        while self.accept(","):
            parts.append(self._rows_from_part())
        self.expect(")")
        return RowsFrom(expressions=parts)

    def _rows_from_part(self) -> RowsFromPart:
        made = RowsFromPart(this=self.primary())
        if self.accept("AS"):
            self.expect("(")
            made.set("columns", self._column_definitions())
            self.expect(")")
        return made

    def _alias(self) -> exp.TableAlias | None:
        """``[AS] name [(a, b)]``."""
        if not self.accept("AS") and not self.at_column_name():
            return None
        made = exp.TableAlias(this=self.identifier())
        if self.token.word == "(":
            made.set("columns", self.identifiers())
        return made

    def _function_alias(self) -> exp.TableAlias | None:
        """An alias whose columns may have types: ``AS (a int)``, ``AS f(a int)``."""
        if not self.accept("AS") and not self.at_column_name():
            return None
        made = exp.TableAlias()
        if self.token.word != "(":
            made.set("this", self.identifier())
        if self.accept("("):
            made.set("columns", self._column_definitions())
            self.expect(")")
        return made

    def _column_definitions(self) -> list[exp.Expr]:
        """``a, b`` or ``a int, b text COLLATE "C"``."""
        columns: list[exp.Expr] = []
        while True:
            name = self.identifier()
            if self.token.word in (",", ")"):
                columns.append(name)
            else:
                made = exp.ColumnDef(this=name, kind=self.type_name())
                if self.accept("COLLATE"):
                    made.set("collation", ".".join(spell(part.name) for part in self.dotted()))
                columns.append(made)
            if not self.accept(","):
                return columns

    def _sample(self) -> Sample:
        method = ".".join(spell(part.name) for part in self.dotted())
        self.expect("(")
        made = Sample(this=method, expressions=self.expressions())
        self.expect(")")
        if self.accept("REPEATABLE"):
            self.expect("(")
            made.set("seed", self.expression())
            self.expect(")")
        return made
