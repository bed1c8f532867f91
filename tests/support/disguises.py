"""Stored values in all the forms in which an answer may carry them.

Owns: the forms, and the search for them. Must not know: attacks, sessions. Invariant: a value is long enough never to
stand in an answer by chance, and is looked for without regard to case.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

import numpy as np
from numpy import typing as npt

SHORTEST = 6
_PLACES = 16_777_213  # a prime, far above the number of forms


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
    """Values to look for; made once, asked for each answer. ``shortest``: of a value, in characters. ``looks``: the
    forms to look for.
    """

    def __init__(
        self, values: Iterable[str], *, shortest: int = SHORTEST, looks: Callable[[str], Iterable[bytes]] = forms
    ) -> None:
        self.values = frozenset(v for v in values if len(v) >= shortest)
        # By their first bytes, so that the time for an answer grows with its length and not with the forms' number.
        self._forms: dict[bytes, list[tuple[bytes, str]]] = {}
        for value in self.values:
            for form in {f.lower() for f in looks(value) if len(f) >= SHORTEST}:
                self._forms.setdefault(form[:SHORTEST], []).append((form, value))
        self._starts = np.zeros(_PLACES, np.bool_)
        self._starts[_windows(b"".join(self._forms))[::SHORTEST]] = True

    def found(self, heard: Iterable[bytes], *, said: str = "") -> list[str]:
        """The values that ``heard`` carries in some form, piece for piece or put together; what was ``said`` by the
        client itself does not count.
        """
        pieces = list(heard)
        everything = b"\n".join([*pieces, b"".join(pieces), b"".join(reversed(pieces))]).lower()
        spoken = said.lower()
        return sorted(value for value in self._in(everything) if value.lower() not in spoken)

    def _in(self, text: bytes) -> set[str]:
        places = np.flatnonzero(self._starts[_windows(text)])
        those = ((at, self._forms.get(text[at : at + SHORTEST], ())) for at in places.tolist())
        return {value for at, known in those for form, value in known if text.startswith(form, at)}


def _windows(text: bytes) -> npt.NDArray[np.uint64]:
    """For each place of the text a small number that follows from the ``SHORTEST`` bytes that begin there."""
    count = max(len(text) - SHORTEST + 1, 0)
    letters = np.frombuffer(text, np.uint8).astype(np.uint64)
    numbers = np.zeros(count, np.uint64)
    for at in range(SHORTEST):
        numbers = (numbers << np.uint64(8)) | letters[at : at + count]
    return numbers % np.uint64(_PLACES)
