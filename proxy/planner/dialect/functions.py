"""Function calls and what may follow them.

Owns: func_application, WITHIN GROUP, FILTER, OVER and window definitions, and the functions whose arguments are a plain
list but whose names are keywords. Must not know: which functions exist.
Invariant: a name is kept with its quotes and its schema, since ``"coalesce"(x)`` and ``coalesce(x)`` are not the same.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from proxy.planner.dialect.expressions import Expressions
from proxy.planner.dialect.nodes import Call, PrefixOperator

_FRAME_KINDS: Final = frozenset({"RANGE", "ROWS", "GROUPS"})


class Functions(Expressions):
    """func_expr for ordinary functions, aggregates and window functions."""

    def call(self, names: list[exp.Identifier]) -> exp.Expr:
        """The call whose name has been read and whose bracket stands here."""
        self.expect("(")
        made = Call(this=names[-1], qualifier=names[:-1] or None)
        if self.accept("*"):
            made.set("expressions", [exp.Star()])
        elif self.token.word != ")":
            made.set("distinct", self.accept("DISTINCT") or None)
            self.accept("ALL")
            arguments = [self._argument()]
            while self.accept(","):
                arguments.append(self._argument())
            made.set("expressions", arguments)
            made.set("order", self.order())
        self.expect(")")
        return self.aggregate_clauses(made)

    def aggregate_clauses(self, call: exp.Expr) -> exp.Expr:
        """``call`` with the WITHIN GROUP, FILTER and OVER that follow it."""
        if self.accept("WITHIN", "GROUP"):
            self.expect("(")
            call = exp.WithinGroup(this=call, expression=self.order())
            self.expect(")")
        if self.token.word == "FILTER" and self.ahead().word == "(":
            self.advance()
            self.advance()
            self.expect("WHERE")
            call = exp.Filter(this=call, expression=exp.Where(this=self.expression()))
            self.expect(")")
        if self.accept("OVER"):
            if self.token.word != "(":
                return exp.Window(this=call, alias=self.identifier(), over="NAME")
            return self.window(call)
        return call

    def window(self, this: exp.Expr) -> exp.Window:
        """A window_specification in its brackets, for the call or the name ``this``."""
        self.expect("(")
        made = exp.Window(this=this)
        if self.at_column_name() and not self._at_window_clause():
            made.set("alias", self.identifier())
        if self.accept("PARTITION", "BY"):
            made.set("partition_by", self.expressions())
        made.set("order", self.order())
        kind = self.take(_FRAME_KINDS)
        if kind:
            made.set("spec", self._frame(kind))
        self.expect(")")
        return made

    def order(self) -> exp.Order | None:
        """``ORDER BY …``, None where there is none."""
        if not self.accept("ORDER", "BY"):
            return None
        items = [self._ordered()]
        while self.accept(","):
            items.append(self._ordered())
        return exp.Order(expressions=items)

    def _at_window_clause(self) -> bool:
        word, following = self.token.word, self.ahead().word
        if word == "PARTITION":
            return following == "BY"
        return word in _FRAME_KINDS and following != ")"

    def _frame(self, kind: str) -> exp.WindowSpec:
        made = exp.WindowSpec(kind=kind)
        if self.accept("BETWEEN"):
            self._bound(made, "start")
            self.expect("AND")
            self._bound(made, "end")
        else:
            self._bound(made, "start")
        if self.accept("EXCLUDE"):
            words = [self.advance().word]
            if words[0] in ("CURRENT", "NO"):
                words.append(self.advance().word)
            made.set("exclude", " ".join(words))
        return made

    def _bound(self, frame: exp.WindowSpec, side: str) -> None:
        if self.accept("CURRENT", "ROW"):
            frame.set(side, "CURRENT ROW")
            return
        frame.set(side, "UNBOUNDED" if self.accept("UNBOUNDED") else self.expression())
        if self.token.word not in ("PRECEDING", "FOLLOWING"):
            self.fail()
        frame.set(f"{side}_side", self.advance().word)

    def _argument(self) -> exp.Expr:
        if self.accept("VARIADIC"):
            return exp.Variadic(this=self._named_or_expression())
        return self._named_or_expression()

    def _named_or_expression(self) -> exp.Expr:
        if self.ahead().word in ("=>", ":=") and self.token.token_type in (TokenType.VAR, TokenType.IDENTIFIER):
            name = self.label()
            self.advance()
            return exp.Kwarg(this=name, expression=self.expression())
        return self.expression()

    def _ordered(self) -> exp.Ordered:
        made = exp.Ordered(this=self.expression())
        if self.accept("USING"):
            made.set("using", self.operator_text())
        elif self.token.word in ("ASC", "DESC"):
            made.set("desc", self.advance().word == "DESC")
        if self.token.word == "NULLS" and self.ahead().word in ("FIRST", "LAST"):
            self.advance()
            made.set("nulls_first", self.advance().word == "FIRST")
        return made

    # Names that are keywords, with arguments in a plain list.

    def conditional(self, word: str) -> exp.Expr:
        """COALESCE, NULLIF, GREATEST, LEAST; the bracket stands here."""
        self.expect("(")
        first, *others = self.expressions()
        self.expect(")")
        match word:
            case "COALESCE":
                return exp.Coalesce(this=first, expressions=others)
            case "GREATEST":
                return exp.Greatest(this=first, expressions=others)
            case "LEAST":
                return exp.Least(this=first, expressions=others)
            case _:
                (second,) = others
                return exp.Nullif(this=first, expression=second)

    def signed_number(self) -> exp.Expr:
        """``5``, ``-5`` or ``+5``."""
        if self.accept("-"):
            return exp.Neg(this=self.primary())
        if self.accept("+"):
            return PrefixOperator(this=self.primary(), operator="+")
        return self.primary()
