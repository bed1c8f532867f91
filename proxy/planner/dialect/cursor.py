"""Moving over the tokens of one statement.

Owns: the position, the tests for keywords and names that the rest of the grammar is written with. Must not know: SQL.
Invariant: what does not fit raises ``sqlglot.errors.ParseError`` without quoting the statement.
"""

from __future__ import annotations

from typing import Final, NoReturn

from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import TokenType

from proxy.planner.dialect.tokens import (
    COLUMN_NAME,
    NOT_KEYWORD,
    RESERVED,
    TYPE_OR_FUNCTION_NAME,
    UNRESERVED,
    StrictToken,
)

_END: Final = StrictToken(TokenType.SENTINEL, "", "", NOT_KEYWORD, (0, 0))

# Manual, appendix C: the keywords that need AS before them as the name of an output column.
_LABEL_NEEDS_AS: Final = frozenset(
    {
        *("ARRAY", "AS", "CHAR", "CHARACTER", "CREATE", "DAY", "EXCEPT", "FETCH", "FILTER", "FOR", "FROM", "GRANT"),
        *("GROUP", "HAVING", "HOUR", "INTERSECT", "INTO", "ISNULL", "LIMIT", "MINUTE", "MONTH", "NOTNULL", "OFFSET"),
        *("ON", "ORDER", "OVER", "OVERLAPS", "PRECISION", "RETURNING", "SECOND", "TO", "UNION", "VARYING", "WHERE"),
        *("WINDOW", "WITH", "WITHIN", "WITHOUT", "YEAR"),
    }
)


class Cursor:
    """A position in the tokens of one statement."""

    def __init__(self, tokens: list[StrictToken]) -> None:
        self.tokens = tokens
        self.index = 0
        self.token = tokens[0] if tokens else _END

    def fail(self) -> NoReturn:
        """Give up: libpg_query accepted something that this grammar does not know."""
        raise ParseError(f"unexpected {self.token.token_type.name} {self.token.word}".rstrip())

    def advance(self) -> StrictToken:
        """Step over the current token and return it."""
        token = self.token
        self.seek(self.index + 1)
        return token

    def seek(self, index: int) -> None:
        """Go to the token with that index."""
        self.index = index
        self.token = self.tokens[index] if index < len(self.tokens) else _END

    def ahead(self, distance: int = 1) -> StrictToken:
        """The token ``distance`` tokens further on."""
        index = self.index + distance
        return self.tokens[index] if index < len(self.tokens) else _END

    @property
    def at_end(self) -> bool:
        """Whether no token is left."""
        return self.token is _END

    def accept(self, *words: str) -> bool:
        """Step over ``words`` if all of them stand here."""
        if self.token.word != words[0]:
            return False
        if any(self.ahead(i).word != word for i, word in enumerate(words) if i):
            return False
        self.seek(self.index + len(words))
        return True

    def expect(self, *words: str) -> None:
        """Step over ``words``, which must stand here."""
        if not self.accept(*words):
            self.fail()

    def take(self, words: frozenset[str]) -> str:
        """Step over the current token if it is one of ``words``, and return it, else the empty string."""
        word = self.token.word
        if word in words:
            self.advance()
            return word
        return ""

    # The classes of names, by what the manual's appendix C says that a keyword may name.

    def _is_name(self, token: StrictToken, kinds: tuple[int, ...]) -> bool:
        if token.token_type is TokenType.IDENTIFIER:
            return True
        return token.token_type is TokenType.VAR and token.kind in kinds

    def at_column_name(self, distance: int = 0) -> bool:
        """Whether a ColId (a name of a column, table or alias) stands here."""
        return self._is_name(self.ahead(distance), (NOT_KEYWORD, UNRESERVED, COLUMN_NAME))

    def at_function_name(self) -> bool:
        """Whether a type_function_name stands here."""
        return self._is_name(self.token, (NOT_KEYWORD, UNRESERVED, TYPE_OR_FUNCTION_NAME))

    def at_label(self) -> bool:
        """Whether a ColLabel (any word at all) stands here."""
        return self._is_name(self.token, (NOT_KEYWORD, UNRESERVED, COLUMN_NAME, TYPE_OR_FUNCTION_NAME, RESERVED))

    def at_bare_label(self) -> bool:
        """Whether a word stands here that names an output column without AS."""
        return self.at_label() and self.token.word not in _LABEL_NEEDS_AS

    def identifier(self) -> exp.Identifier:
        """A ColId, folded; it counts as quoted, since its case is settled."""
        if not self.at_column_name():
            self.fail()
        return exp.Identifier(this=self.advance().text, quoted=True)

    def label(self) -> exp.Identifier:
        """A ColLabel."""
        if not self.at_label():
            self.fail()
        return exp.Identifier(this=self.advance().text, quoted=True)

    def identifiers(self) -> list[exp.Identifier]:
        """``(a, b)``."""
        self.expect("(")
        names = [self.identifier()]
        while self.accept(","):
            names.append(self.identifier())
        self.expect(")")
        return names

    def dotted(self) -> list[exp.Identifier]:
        """``a.b.c``, the first a ColId."""
        names = [self.identifier()]
        while self.accept("."):
            names.append(self.label())
        return names
