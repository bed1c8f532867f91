"""Stored values in all the forms in which an answer may carry them.

Owns: the forms, and the search for them. Must not know: attacks, sessions. Invariant: a value is long enough never to
stand in an answer by chance, and is looked for without regard to case.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote

SHORTEST = 6


def forms(value: str) -> Iterator[bytes]:
    """The value as text, and turned by what SQL offers to turn it with."""
    plain = value.encode()
    for encoded in (plain, plain[::-1], value.encode("utf-16-le"), value.encode("utf-16-be")):
        yield encoded
        yield encoded.hex().encode()
        yield from _base64(encoded)
    yield json.dumps(value)[1:-1].encode()
    yield "".join(f"\\u{ord(c):04x}" for c in value).encode()
    yield "".join(f"\\{byte:03o}" for byte in plain).encode()
    yield "".join(f"\\x{byte:02x}" for byte in plain).encode()
    yield "".join(f"&#{byte};" for byte in plain).encode()
    yield quote(value, safe="").encode()
    for between in ("", ",", ", ", " ", "|", "-", "/"):
        yield between.join(str(byte) for byte in plain).encode()
        if between:
            yield between.join(value).encode()
            yield between.join(f"{byte:02x}" for byte in plain).encode()


def _base64(encoded: bytes) -> Iterator[bytes]:
    """At each of the three places where it may stand in a longer text, without what its neighbours change."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + encoded)
        first = (before * 8 + 5) // 6
        yield whole[first : (before + len(encoded)) * 8 // 6]


class Canaries:
    """Values to look for; made once, asked for each answer."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = frozenset(v for v in values if len(v) >= SHORTEST)
        self._forms = {v: frozenset(f.lower() for f in forms(v) if len(f) >= SHORTEST) for v in self.values}

    def found(self, heard: Iterable[bytes], *, said: str = "") -> list[str]:
        """The values that ``heard`` carries in some form, piece for piece or put together; what was ``said`` by the
        client itself does not count.
        """
        pieces = list(heard)
        everything = b"\n".join([*pieces, b"".join(pieces), b"".join(reversed(pieces))]).lower()
        spoken = said.lower()
        return sorted(
            value
            for value, looks in self._forms.items()
            if value.lower() not in spoken and any(look in everything for look in looks)
        )
