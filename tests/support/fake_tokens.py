"""Tokens that can be read with the naked eye, for tests of who exchanges which cells.

Owns: a codec that puts ``tok:`` before a value and takes it away again. Must not know: keys.
Invariant: what has no ``tok:`` before it is marked with ``lit:`` as it enters, and loses the mark as it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.tokens.types import TokenType


class FakeTokens:
    """Implements ``session.ports.TokenCodec``. Binary cells have a ``b`` in their prefix, arrays an ``a``."""

    def encode_cells(self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool) -> list[bytes | None]:
        """A prefix, or a literal without its mark."""
        return [_encoded(cell, b"tokb:" if binary else b"tok:") for cell in cells]

    def encode_arrays(
        self, token_type: TokenType, cells: Sequence[bytes | None], *, binary: bool
    ) -> list[bytes | None]:
        """The same for the whole array."""
        return [_encoded(cell, b"tokab:" if binary else b"toka:") for cell in cells]

    def decode_cell(self, token_type: TokenType, cell: bytes, *, binary: bool) -> bytes:
        """Without its prefix, or marked."""
        return _decoded(cell, b"tokb:" if binary else b"tok:")

    def decode_array(self, token_type: TokenType, cell: bytes, *, binary: bool) -> bytes:
        """The same for the whole array."""
        return _decoded(cell, b"tokab:" if binary else b"toka:")


def _encoded(cell: bytes | None, prefix: bytes) -> bytes | None:
    if cell is None:
        return None
    return cell.removeprefix(b"lit:") if cell.startswith(b"lit:") else prefix + cell


def _decoded(cell: bytes, prefix: bytes) -> bytes:
    return cell.removeprefix(prefix) if cell.startswith(prefix) else b"lit:" + cell
