"""What stands for tokens in a masked copy: values of the tokens' own types that sort as the tokens' opaque order does.

Tokens sort by a secret order, not by their letters, so a database that holds the very tokens sorts them otherwise than
the rule's exception says. The copy therefore holds a stand-in for each token. Nothing that may be done with tokens
looks into them, so the copy's answer with each stand-in exchanged for its token is what the rule asks for.

Owns: stand-ins, and exchanging them in statements and answers. Must not know: the planner, sessions, the database.
Invariant: one stand-in for each token and the other way round; a stand-in of a text token has the token's length.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from uuid import UUID

from proxy.tokens.tokenizer import Tokenizer
from proxy.tokens.types import StoredType, TokenFormat, TokenType
from tests.support.answers import Answer
from tests.support.corpus import CorpusStatement

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_TEXT = re.compile(rb"[a-z][a-z0-9]*_1_[a-p]{26,}")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # may begin with a letter
_WORD = re.compile(rf"{_UUID}|[0-9][0-9a-f-]{{6,}}".encode())
_SIZED = re.compile(rb"\0\0\0(?:\x04.{4}|\x08.{8}|\x10.{16})", re.DOTALL)  # elements of binary arrays, binary COPY
_STATEMENT_WORD = re.compile(rf"[a-z][a-z0-9]*_[1-9][0-9]*_[a-z2-7]{{26,}}|{_UUID}|[0-9][0-9a-f-]{{6,}}")
_WIDTHS = {StoredType.INTEGER: 4, StoredType.BIGINT: 8}


class StandIns:
    """The stand-ins for the tokens of one tokenizer. ``of`` makes one, and what was made can be exchanged."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._tokens: dict[bytes, bytes] = {}
        self._stand_ins: dict[str, str] = {}
        self._known: dict[tuple[TokenType, str], str] = {}

    def token(self, token_type: TokenType, stored: str) -> str:
        """The token of a stored value, both in Postgres' text format."""
        (token,) = self._tokenizer.encode_cells(token_type, [stored.encode()], binary=False)
        assert token is not None
        return token.decode()

    def of(self, token_type: TokenType, stored: str) -> str:
        """What stands in the copy for a stored value's token, both in Postgres' text format."""
        known = self._known.get((token_type, stored))
        if known is None:
            token = self.token(token_type, stored)
            known = self._known[token_type, stored] = self._made(token_type, stored, token)
            self._note(token_type, known, token)
        return known

    def in_statement(self, statement: CorpusStatement) -> CorpusStatement:
        """The statement with stand-ins in place of tokens."""
        return replace(
            statement,
            text=self._in_text(statement.text),
            parameters=tuple(self._in_text(p) if p is not None else None for p in statement.parameters),
        )

    def in_answer(self, answer: Answer) -> Answer:
        """The answer with tokens in place of stand-ins."""
        rows = tuple(tuple(self._cell(cell) if cell is not None else None for cell in row) for row in answer.rows)
        return replace(answer, rows=rows)

    def _in_text(self, text: str) -> str:
        return _STATEMENT_WORD.sub(lambda match: self._stand_ins.get(match[0], match[0]), text)

    def _cell(self, cell: bytes) -> bytes:
        whole = self._tokens.get(cell)
        if whole is not None:
            return whole
        for pattern in (_TEXT, _WORD):
            cell = pattern.sub(lambda match: self._tokens.get(match[0], match[0]), cell)
        return _SIZED.sub(lambda match: match[0][:4] + self._tokens.get(match[0][4:], match[0][4:]), cell)

    def _made(self, token_type: TokenType, stored: str, token: str) -> str:
        """By the first digits of the digest that the opaque order goes by."""
        secret = self._tokenizer.order_secret(token_type.domain)
        digest = hashlib.sha256((secret + stored).encode()).hexdigest()
        if token_type.format is TokenFormat.TEXT:
            start = f"{token_type.domain}_1_"
            return (start + digest.translate(_LETTERS)).ljust(len(token), "a")[: len(token)]
        if token_type.format is TokenFormat.UUID:
            return str(UUID(hex=digest[:32]))
        if token_type.stored is StoredType.INTEGER:
            return str(1 << 30 | int(digest[:16], 16) >> 34)
        if token_type.stored is StoredType.BIGINT:
            return str(1 << 62 | int(digest[:16], 16) >> 2)
        places = [index for index, character in enumerate(token) if character.isdigit()]
        digits = f"{int(digest[:16], 16) * 10 ** len(places) >> 64:0{len(places)}d}"
        made = list(token)
        for place, digit in zip(places, digits, strict=True):
            made[place] = digit
        return "".join(made)

    def _note(self, token_type: TokenType, stand_in: str, token: str) -> None:
        pairs = [(stand_in.encode(), token.encode())]
        if token_type.stored is StoredType.UUID:
            pairs.append((UUID(stand_in).bytes, UUID(token).bytes))
        elif token_type.stored in _WIDTHS:
            width = _WIDTHS[token_type.stored]
            pairs.append((int(stand_in).to_bytes(width, "big"), int(token).to_bytes(width, "big", signed=True)))
        for one, other in pairs:
            assert self._tokens.setdefault(one, other) == other, "two tokens have one stand-in"
        assert self._stand_ins.setdefault(token, stand_in) == stand_in, "a token has two stand-ins"
