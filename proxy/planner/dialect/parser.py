"""The parser of the strict dialect, as sqlglot calls it.

Owns: cutting tokens into statements and running the grammar over each. Must not know: the grammar itself.
Invariant: sqlglot's own grammar is not reached: it reads many dialects leniently, and where it guesses it translates.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.parsers.postgres import PostgresParser
from sqlglot.tokenizer_core import Token

from proxy.planner.dialect.queries import Queries
from proxy.planner.dialect.tokens import StrictToken


class StrictParser(PostgresParser):
    """Reads queries only; every other statement is a ParseError."""

    def parse(self, raw_tokens: list[Token], sql: str | None = None) -> list[exp.Expr | None]:
        """The trees of the statements in ``raw_tokens``, which must be StrictTokens."""
        self.reset()
        trees: list[exp.Expr | None] = []
        for tokens in _statements(raw_tokens):
            grammar = Queries(tokens)
            trees.append(grammar.query())
            if not grammar.at_end:
                grammar.fail()
        return trees


def _statements(tokens: list[Token]) -> list[list[StrictToken]]:
    statements: list[list[StrictToken]] = [[]]
    for token in tokens:
        if not isinstance(token, StrictToken):
            raise ParseError("not a token of this dialect")
        if token.word == ";":
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]
