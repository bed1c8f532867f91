"""Type names, kept as they are spelled.

Owns: the grammar's Typename. Must not know: what a type is.
Invariant: ``int``, ``int4`` and ``"int4"`` stay three spellings, since to Postgres' grammar they are different trees.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from proxy.planner.dialect.cursor import Cursor
from proxy.planner.dialect.tokens import StrictToken, quote, quote_string, spell

_WORDS: Final = frozenset(
    {"INT", "INTEGER", "SMALLINT", "BIGINT", "REAL", "FLOAT", "DECIMAL", "DEC", "NUMERIC", "BOOLEAN", "JSON"}
)
_CHARACTERS: Final = frozenset({"CHARACTER", "CHAR", "VARCHAR", "NATIONAL", "NCHAR"})
_TIMES: Final = frozenset({"TIMESTAMP", "TIME"})
_UNITS: Final = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})

# Keywords that begin a type; as column names they are columns unless a string follows the type (AexprConst).
TYPE_WORDS: Final = _WORDS | _CHARACTERS | _TIMES | {"DOUBLE", "BIT", "INTERVAL"}


def data_type(spelling: str) -> exp.DataType:
    """The tree node of a type that is printed as ``spelling``."""
    return exp.DataType(this=exp.DType.USERDEFINED, kind=spelling)


class Types(Cursor):
    """Typename and its parts."""

    def type_name(self) -> exp.DataType:
        """Typename: a simple type with its array bounds."""
        parts = ["SETOF "] if self.accept("SETOF") else []
        parts.append(self.simple_type())
        if self.accept("ARRAY"):
            parts.append(" ARRAY")
            if self.token.word == "[":
                parts.append(self._bounds())
        while self.token.word == "[":
            parts.append(self._bounds())
        return data_type("".join(parts))

    def simple_type(self) -> str:
        """SimpleTypename as text."""
        word = self.token.word
        if word in TYPE_WORDS and not (word == "DOUBLE" and self.ahead().word != "PRECISION"):
            return self.constant_type()
        if not self.at_function_name():
            self.fail()
        names = [self._spelled()]
        while self.accept("."):
            names.append(self._spelled())
        return ".".join(names) + self._modifiers()

    def constant_type(self) -> str:
        """ConstTypename: the types that have a syntax of their own."""
        word = self.advance().word
        if word in _WORDS:
            return word.lower() + self._modifiers()
        if word == "DOUBLE":
            self.expect("PRECISION")
            return "double precision"
        if word in _TIMES:
            precision = self._modifiers()
            return word.lower() + precision + self._zone()
        if word == "INTERVAL":
            return "interval" + (self._modifiers() or self.interval_fields())
        if word == "NATIONAL":
            word = f"national {self.advance().word}"
        varying = " varying" if self.accept("VARYING") else ""
        return word.lower() + varying + self._modifiers()

    def interval_fields(self) -> str:
        """opt_interval: ``DAY TO SECOND(3)``, empty where there is none."""
        unit = self.take(_UNITS)
        if not unit:
            return ""
        fields = f" {unit}"
        if self.accept("TO"):
            unit = self.advance().word
            fields += f" TO {unit}"
        return fields + (self._modifiers() if unit == "SECOND" else "")

    def _zone(self) -> str:
        if self.accept("WITH", "TIME", "ZONE"):
            return " with time zone"
        return " without time zone" if self.accept("WITHOUT", "TIME", "ZONE") else ""

    def _spelled(self) -> str:
        if not self.at_label():
            self.fail()
        token = self.advance()
        if token.token_type is TokenType.IDENTIFIER:
            return quote(token.text)
        return token.text if token.kind else spell(token.text)

    def _modifiers(self) -> str:
        """``(12, 2)``, empty where there are none. Postgres takes any expressions here, and refuses them later."""
        if not self.accept("("):
            return ""
        text, depth = "(", 1
        while depth:
            if self.at_end:
                self.fail()
            token = self.advance()
            depth += {"(": 1, ")": -1}.get(token.word, 0)
            separate = text[-1] != "(" and token.word not in (",", ")", "(")
            text += f" {self._verbatim(token)}" if separate else self._verbatim(token)
        return text

    def _verbatim(self, token: StrictToken) -> str:
        if token.token_type is TokenType.IDENTIFIER:
            return quote(token.text)
        if token.token_type is TokenType.STRING:
            return quote_string(token.text)
        return token.text

    def _bounds(self) -> str:
        self.expect("[")
        size = self.advance().text if self.token.token_type is TokenType.NUMBER else ""
        self.expect("]")
        return f"[{size}]"
