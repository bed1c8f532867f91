"""Marked texts: what goes upstream for a text that is no token where a token belongs.

Owns: their form. Must not know: tokens, SQL. Invariant: no text that the database stores is one, but by a
chance of less than 2**-80, since nobody outside of the proxy knows a domain's prefix or can make the code behind it.

A marked text is the domain's prefix, a code of the literal (HMAC-SHA-256, RFC 2104), and the literal as it is. It
equals nothing stored, and when it comes back in a result (``coalesce(mrn, 'none')``) the literal is known again. The
code leaves trailing blanks aside, so that texts that char(n) takes for equal are so when marked, and padding does no
harm.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from typing import Final

_PREFIX_BYTES: Final = 10
_CODE_BYTES: Final = 10
_CODE_LETTERS: Final = 16


class Marks:
    """The marks of one domain."""

    __slots__ = ("_key", "prefix")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.prefix: bytes = self._letters(b"prefix", _PREFIX_BYTES)

    def __repr__(self) -> str:
        return "Marks()"

    def marked(self, literal: bytes) -> bytes:
        """What stands for ``literal`` upstream."""
        return self.prefix + self._code(literal) + literal

    def literal(self, cell: bytes) -> bytes | None:
        """The literal that ``cell`` stands for; None where it is not marked."""
        if not cell.startswith(self.prefix):
            return None
        start = len(self.prefix) + _CODE_LETTERS
        literal = cell[start:]
        genuine = hmac.compare_digest(self._code(literal), cell[len(self.prefix) : start])
        return literal if genuine else None

    def _code(self, literal: bytes) -> bytes:
        return self._letters(b"literal" + literal.rstrip(b" "), _CODE_BYTES)

    def _letters(self, message: bytes, length: int) -> bytes:
        return b32encode(hmac.digest(self._key, message, hashlib.sha256)[:length]).lower()
