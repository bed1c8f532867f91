"""A vocabulary without keys: tokens that anybody can turn back, for tests of what is done with tokens.

Owns: the fake's tokens, both ways, for values as psycopg gives them. Must not know: planning, the real codecs.
Invariant: a token does not hold its value's letters, and text tokens sort under the collation "C" as the opaque order
of their values does, so that a masked copy with these tokens in it answers as the proxy must.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from proxy.planner.plan import TokenCells
from proxy.tokens.types import StoredType, TokenFormat, TokenType

MARK = "\u2060not a token:"
_INTEGERS = {StoredType.INTEGER: 2_000_000_000, StoredType.BIGINT: 9_000_000_000_000_000_000}
_MASK = int("5a" * 16, 16)


@dataclass(frozen=True, slots=True)
class FakeVocabulary:
    """Implements ``Vocabulary``, and the edge's side of it as ``token`` and ``stored``."""

    version: str = "1"

    def order_secret(self, domain: str) -> str:
        """See ``Vocabulary``."""
        return hashlib.sha256(domain.encode()).hexdigest()

    def token(self, token_type: TokenType, value: str) -> str:
        """The token of a stored value, both as text."""
        if value.startswith(MARK):
            return value.removeprefix(MARK)
        match token_type.format:
            case TokenFormat.TEXT:
                digest = hashlib.sha256((self.order_secret(token_type.domain) + value).encode()).hexdigest()
                return f"{token_type.domain}_{digest}_{value.encode().hex()}"
            case TokenFormat.UUID:
                return str(UUID(int=UUID(value).int ^ _MASK))
            case TokenFormat.DIGITS:
                if token_type.stored in _INTEGERS:
                    return str(_INTEGERS[token_type.stored] - int(value))
                return value.translate(str.maketrans("0123456789", "9876543210"))

    def stored_literal(self, token_type: TokenType, literal: str) -> str:
        """See ``Vocabulary``."""
        if token_type.format is TokenFormat.TEXT:
            match = re.fullmatch(r".*_[0-9a-f]{64}_((?:[0-9a-f]{2})*)", literal, re.DOTALL)
            value = bytes.fromhex(match[1]).decode(errors="replace") if match else ""
            return value if self.token(token_type, value) == literal else MARK + literal
        return self.token(token_type, literal)

    def shown(self, cells: TokenCells | None, value: object) -> object:
        """What the client gets of an upstream's value."""
        if cells is None or value is None:
            return value
        if cells.array:
            assert isinstance(value, list)
            return [self.shown(TokenCells(cells.type), v) for v in value]
        token = self.token(cells.type, str(value))
        return type(value)(token)  # type: ignore[call-arg]

    def bound(self, cells: TokenCells | None, value: object) -> object:
        """What the upstream gets of a client's parameter."""
        if cells is None or value is None:
            return value
        if isinstance(value, list):
            return [self.bound(TokenCells(cells.type), v) for v in value]
        return type(value)(self.stored_literal(cells.type, str(value)))  # type: ignore[call-arg]
