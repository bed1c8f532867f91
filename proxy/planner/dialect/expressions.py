"""Operators and their precedence.

Owns: the grammar's a_expr and b_expr, by precedence climbing (manual, table 4.2). Must not know: what an operand is.
Invariant: the tree groups as Postgres groups; the text's brackets stay in it as Paren: printing adds and drops none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from proxy.planner.dialect.nodes import OperatorCall, PrefixOperator
from proxy.planner.dialect.tokens import spell
from proxy.planner.dialect.types import Types

_OR: Final = 1
_AND: Final = 2
_NOT: Final = 3
_IS: Final = 4
_COMPARISON: Final = 5
_PATTERN: Final = 6
_OPERATOR: Final = 7
_SUM: Final = 8
_PRODUCT: Final = 9
_POWER: Final = 10
_AT: Final = 11
_COLLATE: Final = 12
_SIGN: Final = 13
_CAST: Final = 14
_OVERLAPS: Final = 15

_LEVELS: Final[dict[str, int]] = {
    "OR": _OR,
    "AND": _AND,
    **dict.fromkeys(("IS", "ISNULL", "NOTNULL"), _IS),
    **dict.fromkeys(("=", "<", ">", "<=", ">=", "<>"), _COMPARISON),
    **dict.fromkeys(("BETWEEN", "IN", "LIKE", "ILIKE", "SIMILAR", "NOT"), _PATTERN),
    "OPERATOR": _OPERATOR,
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
    "^": _POWER,
    "AT": _AT,
    "COLLATE": _COLLATE,
    "::": _CAST,
    "OVERLAPS": _OVERLAPS,
}
_BINARY: Final[dict[str, type[exp.Binary]]] = {
    "=": exp.EQ,
    "<>": exp.NEQ,
    "<": exp.LT,
    ">": exp.GT,
    "<=": exp.LTE,
    ">=": exp.GTE,
    "+": exp.Add,
    "-": exp.Sub,
    "*": exp.Mul,
    "/": exp.Div,
    "%": exp.Mod,
    "^": exp.Pow,
    "||": exp.DPipe,
}
_PUNCTUATION: Final = frozenset({"(", ")", "[", "]", ",", ";", ":", ".", ":=", "=>", "..", ""})
_PATTERNS: Final[dict[str, type[exp.Binary]]] = {"LIKE": exp.Like, "ILIKE": exp.ILike, "SIMILAR": exp.SimilarTo}
_NEGATED: Final = frozenset({"BETWEEN", "IN", "LIKE", "ILIKE", "SIMILAR"})
_QUANTIFIERS: Final = frozenset({"ANY", "SOME", "ALL"})
_A_EXPR_ONLY: Final = frozenset(
    {"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "SIMILAR", "BETWEEN", "AT", "COLLATE", "ISNULL", "NOTNULL", "OVERLAPS"}
)
_NORMAL_FORMS: Final = frozenset({"NFC", "NFD", "NFKC", "NFKD"})
_JSON_KINDS: Final = frozenset({"VALUE", "SCALAR", "ARRAY", "OBJECT"})


class Expressions(Types, ABC):
    """a_expr and b_expr."""

    @abstractmethod
    def primary(self) -> exp.Expr:
        """A c_expr: anything that is not made by an operator."""

    @abstractmethod
    def query(self) -> exp.Expr:
        """A SelectStmt without its brackets."""

    @abstractmethod
    def opens_query(self) -> bool:
        """Whether a bracket stands here and a SelectStmt is the first thing inside, maybe behind more brackets."""

    def expression(self, floor: int = 0, *, restricted: bool = False) -> exp.Expr:
        """An a_expr of operators that bind at least as tightly as ``floor``; ``restricted`` makes it a b_expr."""
        return self.continued(self._prefixed(restricted=restricted), floor, restricted=restricted)

    def restricted(self) -> exp.Expr:
        """A b_expr: no AND, OR, NOT, IN, LIKE, BETWEEN and the like outside brackets."""
        return self.expression(restricted=True)

    def expressions(self) -> list[exp.Expr]:
        """``a, b, c``."""
        items = [self.expression()]
        while self.accept(","):
            items.append(self.expression())
        return items

    def continued(self, left: exp.Expr, floor: int = 0, *, restricted: bool = False) -> exp.Expr:
        """The expression that ``left``, already read, begins."""
        while True:
            token = self.token
            word = token.word
            level = _LEVELS.get(word)
            if level is None:
                if token.token_type is not TokenType.OPERATOR or word in _PUNCTUATION:
                    return left
                level = _OPERATOR
            if level < floor or (restricted and not self._in_restricted(word)):
                return left
            extended = self._infix(left, word, level)
            if extended is None:
                return left
            left = extended

    def operator_text(self) -> str:
        """``OPERATOR(schema.op)`` or a plain operator, as it will be printed."""
        if not self.accept("OPERATOR"):
            return self.advance().word
        self.expect("(")
        names = []
        while self.token.token_type is not TokenType.OPERATOR:
            names.append(f"{spell(self.label().name)}.")
            self.expect(".")
        text = f"OPERATOR({''.join(names)}{self.advance().word})"
        self.expect(")")
        return text

    def _in_restricted(self, word: str) -> bool:
        if word == "IS":
            offset = 2 if self.ahead().word == "NOT" else 1
            return self.ahead(offset).word in ("DISTINCT", "DOCUMENT")
        return word not in _A_EXPR_ONLY

    def _prefixed(self, *, restricted: bool) -> exp.Expr:
        word = self.token.word
        if word == "NOT":
            self.advance()
            return exp.Not(this=self.expression(_NOT))
        if word == "-":
            self.advance()
            return exp.Neg(this=self.expression(_SIGN, restricted=restricted))
        if word == "+":
            self.advance()
            return PrefixOperator(this=self.expression(_SIGN, restricted=restricted), operator="+")
        is_operator = self.token.token_type is TokenType.OPERATOR and word not in _PUNCTUATION
        if (is_operator and word not in _LEVELS) or (word == "OPERATOR" and self.ahead().word == "("):
            operator = self.operator_text()
            return PrefixOperator(this=self.expression(_OPERATOR + 1, restricted=restricted), operator=operator)
        return self.primary()

    def _infix(self, left: exp.Expr, word: str, level: int) -> exp.Expr | None:
        """``left`` extended by the operator that stands here, or None where the word is none after all."""
        match word:
            case "AND" | "OR":
                self.advance()
                connector = exp.And if word == "AND" else exp.Or
                return connector(this=left, expression=self.expression(level + 1))
            case "IS":
                return self._is(left)
            case "ISNULL" | "NOTNULL":
                self.advance()
                return _is_test(left, exp.Null(), negated=word == "NOTNULL")
            case "NOT":
                if self.ahead().word not in _NEGATED:
                    return None
                self.advance()
                return self._predicate(left, negated=True)
            case "SIMILAR" if self.ahead().word != "TO":
                return None
            case "BETWEEN" | "IN" | "LIKE" | "ILIKE" | "SIMILAR":
                return self._predicate(left, negated=False)
            case "AT":
                return self._at(left)
            case "COLLATE":
                self.advance()
                return exp.Collate(this=left, expression=_dot(self.dotted()))
            case "::":
                self.advance()
                return exp.Cast(this=left, to=self.type_name())
            case "OVERLAPS":
                self.advance()
                return OperatorCall(this=left, expression=self.primary(), operator="OVERLAPS")
            case "OPERATOR" if self.ahead().word != "(":
                return None
        return self._binary(left, level)

    def _binary(self, left: exp.Expr, level: int) -> exp.Expr:
        text = self.operator_text()
        right = self._quantified() or self.expression(level + 1)
        made = _BINARY.get(text)
        if made is not None:
            return made(this=left, expression=right)
        return OperatorCall(this=left, expression=right, operator=text)

    def _quantified(self) -> exp.Expr | None:
        """``ANY (…)``, ``SOME (…)`` or ``ALL (…)`` behind an operator."""
        word = self.take(_QUANTIFIERS)
        if not word:
            return None
        made = exp.All if word == "ALL" else exp.Any
        if self.opens_query():
            operand = self.primary()
            return made(this=operand.this if isinstance(operand, exp.Paren) else operand)
        self.expect("(")
        operand = self.expression()
        self.expect(")")
        return made(this=operand)

    def _predicate(self, left: exp.Expr, *, negated: bool) -> exp.Expr:
        word = self.advance().word
        if word == "BETWEEN":
            symmetric = self.accept("SYMMETRIC")
            self.accept("ASYMMETRIC")
            low = self.restricted()
            self.expect("AND")
            high = self.expression(_PATTERN + 1)
            return exp.Between(this=left, low=low, high=high, symmetric=symmetric, negated=negated)
        if word == "IN":
            return self._in(left, negated=negated)
        if word == "SIMILAR":
            self.expect("TO")
        pattern = self._quantified() or self.expression(_PATTERN + 1)
        escape = self.expression(_PATTERN + 1) if self.accept("ESCAPE") else None
        made = _PATTERNS[word](this=left, expression=pattern)
        made.set("negated", negated)
        made.set("escape", escape)
        return made

    def _in(self, left: exp.Expr, *, negated: bool) -> exp.Expr:
        if self.opens_query():
            operand = self.primary()
            if isinstance(operand, exp.Subquery):
                return exp.In(this=left, query=operand, negated=negated)
            items = operand.expressions if isinstance(operand, exp.Tuple) else [operand.this]
            return exp.In(this=left, expressions=items, negated=negated)
        self.expect("(")
        items = self.expressions()
        self.expect(")")
        return exp.In(this=left, expressions=items, negated=negated)

    def _at(self, left: exp.Expr) -> exp.Expr | None:
        if self.accept("AT", "LOCAL"):
            return exp.AtTimeZone(this=left)
        if self.accept("AT", "TIME", "ZONE"):
            return exp.AtTimeZone(this=left, zone=self.expression(_AT + 1))
        return None

    def _is(self, left: exp.Expr) -> exp.Expr:
        self.expect("IS")
        negated = self.accept("NOT")
        if self.accept("DISTINCT", "FROM"):
            made = exp.NullSafeNEQ if not negated else exp.NullSafeEQ
            return made(this=left, expression=self.expression(_IS + 1))
        if self.accept("NULL"):
            return _is_test(left, exp.Null(), negated=negated)
        if self.token.word in ("TRUE", "FALSE"):
            return _is_test(left, exp.Boolean(this=self.advance().word == "TRUE"), negated=negated)
        if self.token.word in ("UNKNOWN", "DOCUMENT", "NORMALIZED"):
            return _is_test(left, exp.Var(this=self.advance().word), negated=negated)
        form = self.take(_NORMAL_FORMS)
        if form:
            self.expect("NORMALIZED")
            return _is_test(left, exp.Var(this=f"{form} NORMALIZED"), negated=negated)
        self.expect("JSON")
        words = ["JSON", self.take(_JSON_KINDS)]
        if self.token.word in ("WITH", "WITHOUT") and self.ahead().word == "UNIQUE":
            words += [self.advance().word, self.advance().word]
            self.accept("KEYS")
        return _is_test(left, exp.Var(this=" ".join(filter(None, words))), negated=negated)


def _is_test(left: exp.Expr, test: exp.Expr, *, negated: bool) -> exp.Is:
    return exp.Is(this=left, expression=exp.Not(this=test) if negated else test)


def _dot(names: list[exp.Identifier]) -> exp.Expr:
    return exp.Dot.build(names) if len(names) > 1 else names[0]
