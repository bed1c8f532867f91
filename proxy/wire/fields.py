"""Reading the fields of one message's body, with bounds checked.

Owns: the cursor over a body. Must not know: which message it is, sockets.
Invariant: whatever the bytes are, only the error class given by the caller is raised.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Any

from proxy.errors import ProxyError


class FieldReader:
    """A cursor over one message's body. Raises ``error`` where a field is cut off or unterminated."""

    __slots__ = ("_body", "_error", "_name", "_offset")

    def __init__(self, body: bytes, *, name: str, error: type[ProxyError]) -> None:
        self._body = body
        self._offset = 0
        self._name = name
        self._error = error

    def broken(self) -> ProxyError:
        """The error that says that this message is malformed."""
        return self._error(f"malformed {self._name} message")

    def string(self) -> bytes:
        """A zero-terminated string, without the zero."""
        end = self._body.find(b"\0", self._offset)
        if end < 0:
            raise self.broken()
        start, self._offset = self._offset, end + 1
        return self._body[start:end]

    def unpack(self, layout: Struct) -> tuple[Any, ...]:
        """Fixed-size fields."""
        try:
            values = layout.unpack_from(self._body, self._offset)
        except error:
            raise self.broken() from None
        self._offset += layout.size
        return values

    def take(self, size: int) -> bytes:
        """``size`` bytes."""
        start, end = self._offset, self._offset + size
        if size < 0 or end > len(self._body):
            raise self.broken()
        self._offset = end
        return self._body[start:end]

    def rest(self) -> bytes:
        """All that is left."""
        start, self._offset = self._offset, len(self._body)
        return self._body[start:]

    def finish(self) -> None:
        """Raise unless everything was read."""
        if self._offset != len(self._body):
            raise self.broken()
