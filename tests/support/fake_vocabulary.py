"""A vocabulary without keys: tokens that anybody can turn back, for tests of what is done with tokens.

Owns: the fake's tokens, both ways, for values as psycopg gives them. Must not know: planning, the real codecs.
Invariant: a token does not hold its value's letters, and text tokens sort under the collation "C" as the opaque order
of their values does, so that a masked copy with these tokens in it answers as the proxy must.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from proxy.planner.plan import Shape, TokenArray, TokenCells, TokenJson, TokenRow, TokenText
from proxy.session.shapes import encode_shaped
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

    def shown(self, shape: Shape | None, value: object) -> object:
        """What the client gets of an upstream's value.."""
        if shape is None or value is None:
            return value
        match shape, value:
            case TokenCells(array=True), list():
                return [self.shown(TokenCells(shape.type), v) for v in value]
            case TokenCells(), _:
                token = self.token(shape.type, str(value))
                return type(value)(token)  # type: ignore[call-arg]
            case TokenRow(), dict():
                return {name: self.shown(dict(shape.fields)[name], v) for name, v in value.items()}
            case TokenArray(), list():
                return [self.shown(shape.of, v) for v in value]
            case TokenJson(), _:
                return self.shown(shape.of, value)
            case TokenRow() | TokenArray() | TokenText(), str():
                (text,) = encode_shaped(shape, [value.encode()], self, binary=False)
                assert text is not None
                return text.decode()
            case _:
                raise AssertionError(f"{type(value).__name__} is no {type(shape).__name__}")

    def encode_cells(self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool) -> list[bytes | None]:
        """See ``TokenCodec``, in text format."""
        return [self.token(token_type, cell.decode()).encode() if cell is not None else None for cell in cells]

    encode_arrays = encode_cells

    def decode_cell(self, token_type: TokenType, cell: bytes, *, binary: bool) -> bytes:
        """See ``TokenCodec``, in text format."""
        return self.stored_literal(token_type, cell.decode()).encode()

    decode_array = decode_cell

    def bound(self, cells: TokenCells | None, value: object) -> object:
        """What the upstream gets of a client's parameter."""
        if cells is None or value is None:
            return value
        if isinstance(value, list):
            return [self.bound(TokenCells(cells.type), v) for v in value]
        return type(value)(self.stored_literal(cells.type, str(value)))  # type: ignore[call-arg]
