"""Operands: constants, columns, brackets, CASE, ARRAY, ROW and sub-selects.

Owns: the grammar's c_expr with its indirection. Must not know: FROM, clauses.
Invariant: a name becomes a Column only where Postgres' grammar makes a ColumnRef of it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from proxy.planner.dialect.nodes import RowConstructor, SqlValue
from proxy.planner.dialect.specials import SPECIAL_NAMES, Specials
from proxy.planner.dialect.tokens import COLUMN_NAME, RESERVED, TYPE_OR_FUNCTION_NAME
from proxy.planner.dialect.types import TYPE_WORDS, data_type

_SQL_VALUES: Final = frozenset(
    {
        *("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_ROLE"),
        *("CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "USER", "CURRENT_CATALOG", "CURRENT_SCHEMA"),
    }
)
# Before a string these have no length; behind CAST they have length 1, and only the internal name has none.
_UNBOUNDED_LITERALS: Final = {
    "bit": "pg_catalog.bit",
    **dict.fromkeys(("char", "character", "nchar", "national char", "national character"), "pg_catalog.bpchar"),
}
_CONDITIONALS: Final = frozenset({"COALESCE", "NULLIF", "GREATEST", "LEAST"})
_COLUMN_PARTS: Final = ("this", "table", "db", "catalog")
CONTINUES_QUERY: Final = frozenset({"UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR"})


class Primaries(Specials):
    """c_expr."""

    def primary(self) -> exp.Expr:
        """A c_expr; see ``Expressions``."""
        token = self.token
        match token.token_type:
            case TokenType.NUMBER:
                self.advance()
                return exp.Literal(this=token.text, is_string=False)
            case TokenType.STRING:
                self.advance()
                return exp.Literal(this=token.text, is_string=True)
            case TokenType.PARAMETER:
                self.advance()
                return self.indirection(exp.Parameter(this=exp.Literal(this=token.text[1:], is_string=False)))
            case TokenType.BIT_STRING:
                self.advance()
                return exp.BitString(this=token.text[2:-1])
            case TokenType.HEX_STRING:
                self.advance()
                return exp.HexString(this=token.text[2:-1])
            case TokenType.IDENTIFIER:
                return self._named()
            case _ if token.word == "(":
                return self._bracketed()
        return self._keyword() if token.kind else self._named()

    def opens_query(self) -> bool:
        """See ``Expressions``."""
        if self.token.word != "(":
            return False
        distance = 1
        while self.ahead(distance).word == "(":
            distance += 1
        return self.at_query(distance)

    def at_query(self, distance: int = 0) -> bool:
        """Whether a SelectStmt without brackets begins there."""
        word = self.ahead(distance).word
        if word == "VALUES":
            return self.ahead(distance + 1).word == "("
        return word in ("SELECT", "WITH", "TABLE")

    def indirection(self, this: exp.Expr) -> exp.Expr:
        """``this`` with the fields and subscripts that follow: ``.a``, ``.*``, ``[1]``, ``[1:2]``."""
        while True:
            if self.accept("."):
                name = exp.Star() if self.accept("*") else self.label()
                this = exp.Dot(this=this, expression=name)
            elif self.token.word == "[":
                this = exp.Bracket(this=this, expressions=[self._subscript()])
            else:
                return this

    @abstractmethod
    def query_behind(self, left: exp.Expr) -> exp.Expr:
        """The query that continues behind the bracketed query ``left``: set operations, ORDER BY, LIMIT."""

    def subquery(self) -> exp.Subquery:
        """``(SELECT …)``, the query directly inside the bracket."""
        self.expect("(")
        made = exp.Subquery(this=self.query())
        self.expect(")")
        return made

    def _subscript(self) -> exp.Expr:
        self.expect("[")
        low = None if self.token.word == ":" else self.expression()
        if self.accept(":"):
            high = None if self.token.word == "]" else self.expression()
            low = exp.Slice(this=low, expression=high)
        self.expect("]")
        return low if low is not None else self.fail()

    def _bracketed(self) -> exp.Expr:
        """A sub-select, a row, or an expression in brackets."""
        if self.at_query(1):
            return self.indirection(self.subquery())
        nested = self.opens_query()
        self.expect("(")
        if nested:
            inner = self.primary()
            if isinstance(inner, exp.Subquery):
                if self.token.word in CONTINUES_QUERY:
                    inner = self.query_behind(inner)
                if self.accept(")"):
                    return self.indirection(exp.Subquery(this=inner))
            first = self.continued(inner)
        else:
            first = self.expression()
        if self.token.word == ",":
            items = [first]
            while self.accept(","):
                items.append(self.expression())
            self.expect(")")
            return exp.Tuple(expressions=items)
        self.expect(")")
        return self.indirection(exp.Paren(this=first))

    def _keyword(self) -> exp.Expr:
        """An operand that begins with a keyword."""
        word, following = self.token.word, self.ahead().word
        if word in _SQL_VALUES and not (word == "CURRENT_SCHEMA" and following in ("(", ".")):
            return self._sql_value()
        if following == "(":
            if word in _CONDITIONALS:
                return self.conditional(self.advance().word)
            if word in SPECIAL_NAMES:
                return self.special()
        match word:
            case "NULL":
                self.advance()
                return exp.Null()
            case "TRUE" | "FALSE":
                self.advance()
                return exp.Boolean(this=word == "TRUE")
            case "CASE":
                return self._case()
            case "CAST" if following == "(":
                return self._cast()
            case "EXISTS" if following == "(":
                self.advance()
                return exp.Exists(this=self._subquery())
            case "ARRAY":
                return self._array()
            case "ROW" if following == "(":
                return self._row()
            case "COLLATION" if following == "FOR":
                return self.special()
        if word in TYPE_WORDS:
            literal = self._typed_literal()
            if literal is not None:
                return literal
        return self._named()

    def _named(self) -> exp.Expr:
        """A column, a function call, or a string behind a type's name."""
        start = self.index
        token = self.token
        if token.kind == RESERVED or not self.at_label():
            self.fail()
        if token.kind == TYPE_OR_FUNCTION_NAME and self.ahead().word not in ("(", "."):
            return self._generic_literal(start)
        names = [self.label()]
        while self.token.word == "." and self.ahead().word != "*":
            self.advance()
            names.append(self.label())
        if self.token.word == "(" and (token.kind != COLUMN_NAME or len(names) > 1):
            self._keep_quotes(names, start)
            call = self.call(names)
            if self.token.token_type is TokenType.STRING:  # numeric-like literal: mytype(3) 'x'
                return self._generic_literal(start)
            return call
        if self.token.token_type is TokenType.STRING:
            return self._generic_literal(start)
        return self.indirection(self._column(names))

    def _keep_quotes(self, names: list[exp.Identifier], start: int) -> None:
        """A function's name is printed with quotes where it had them: ``"left"`` is no keyword."""
        for offset, name in enumerate(names):
            name.set("quoted", self.tokens[start + 2 * offset].token_type is TokenType.IDENTIFIER)

    def _column(self, names: list[exp.Identifier]) -> exp.Expr:
        last: exp.Expr | None = None
        if self.token.word == "." and self.ahead().word == "*":
            self.seek(self.index + 2)
            last = exp.Star()
        parts: list[exp.Expr] = [*names, last] if last is not None else [*names]
        fields = parts[len(_COLUMN_PARTS) :]
        parts = parts[: len(_COLUMN_PARTS)]
        made: exp.Expr = exp.Column(**dict(zip(_COLUMN_PARTS, reversed(parts), strict=False)))
        for field in fields:
            made = exp.Dot(this=made, expression=field)
        return made

    def _generic_literal(self, start: int) -> exp.Expr:
        """``schema.type(3) 'x'``: a cast of the string."""
        self.seek(start)
        spelling = self.simple_type()
        if self.token.token_type is not TokenType.STRING:
            self.fail()
        return exp.Cast(this=exp.Literal.string(self.advance().text), to=data_type(spelling))

    def _typed_literal(self) -> exp.Expr | None:
        """``timestamp '…'``, ``interval '1' day``; None (and nothing read) where no string follows the type."""
        start = self.index
        if self.token.word == "DOUBLE" and self.ahead().word != "PRECISION":
            return None
        spelling = self.constant_type()
        if self.token.token_type is not TokenType.STRING:
            self.seek(start)
            return None
        value = exp.Literal.string(self.advance().text)
        if spelling == "interval":
            spelling += self.interval_fields()
        spelling = _UNBOUNDED_LITERALS.get(spelling, spelling)
        return exp.Cast(this=value, to=data_type(spelling))

    def _sql_value(self) -> exp.Expr:
        text = self.advance().word
        if text in ("CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP") and self.accept("("):
            text += f"({self.advance().text})"
            self.expect(")")
        return SqlValue(this=text)

    def _case(self) -> exp.Expr:
        self.expect("CASE")
        made = exp.Case()
        if self.token.word != "WHEN":
            made.set("this", self.expression())
        branches = []
        while self.accept("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            branches.append(exp.If(this=condition, true=self.expression()))
        made.set("ifs", branches)
        if self.accept("ELSE"):
            made.set("default", self.expression())
        self.expect("END")
        return made

    def _cast(self) -> exp.Expr:
        self.expect("CAST", "(")
        this = self.expression()
        self.expect("AS")
        made = exp.Cast(this=this, to=self.type_name())
        self.expect(")")
        return made

    def _subquery(self) -> exp.Subquery:
        made = self._bracketed()
        return made if isinstance(made, exp.Subquery) else self.fail()

    def _array(self) -> exp.Expr:
        self.expect("ARRAY")
        if self.token.word == "(":
            return exp.Array(expressions=[self._subquery()])
        return self.indirection(self._array_items())

    def _array_items(self) -> exp.Expr:
        self.expect("[")
        items: list[exp.Expr] = []
        while not self.accept("]"):
            items.append(self._array_items() if self.token.word == "[" else self.expression())
            if self.token.word != "]":
                self.expect(",")
        return exp.Array(expressions=items, bracket_notation=True)

    def _row(self) -> exp.Expr:
        self.expect("ROW", "(")
        items = [] if self.token.word == ")" else self.expressions()
        self.expect(")")
        return RowConstructor(expressions=items)
