"""Tokens of texts that are numbers with separators: digits become other digits, everything else stays.

Owns: which texts have such tokens, and their conversion. Must not know: domains, epochs.
Invariant: for each layout (which characters are digits, and what the others are) a permutation of its texts, so that
every text that has a token is itself one; a text without one is an error that does not hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proxy.errors import TokenValueError
from proxy.tokens import number_loops
from proxy.tokens.ff1 import Ff1

LEAST_DIGITS: Final = 6  # a million values, SP 800-38G Rev. 1, 5.1
MOST_DIGITS: Final = 36


class DigitTexts:
    """The permutation under one key."""

    __slots__ = ("_ciphers", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._ciphers: dict[int, Ff1] = {}

    def __repr__(self) -> str:
        return "DigitTexts()"

    def encrypt(self, cells: Sequence[bytes]) -> list[bytes]:
        """The token of each text. Raises TokenValueError where one has none."""
        return self._turned(cells, forward=True)

    def decrypt(self, cells: Sequence[bytes]) -> list[bytes]:
        """The text of each token. Raises TokenValueError where one is no token."""
        return self._turned(cells, forward=False)

    def _turned(self, cells: Sequence[bytes], *, forward: bool) -> list[bytes]:
        given = list(cells)
        try:
            counts = number_loops.digit_counts(given, MOST_DIGITS)
        except ValueError:
            raise _without_token() from None
        done = given[:]
        for count in set(counts):
            if count < LEAST_DIGITS:
                raise _without_token()
            places = number_loops.places_of(counts, count)
            cipher = self._cipher(count)
            left, right = number_loops.read_digits(given, places, cipher.left)
            (cipher.encrypt if forward else cipher.decrypt)(left, right)
            number_loops.write_digits(given, places, left, right, cipher.right, done)
        return done

    def _cipher(self, length: int) -> Ff1:
        cipher = self._ciphers.get(length)
        if cipher is None:
            cipher = self._ciphers[length] = Ff1(self._key, 10, length)
        return cipher


def _without_token() -> TokenValueError:
    return TokenValueError(
        "a value of this column has no token of format digits",
        detail=f"Such values have {LEAST_DIGITS} to {MOST_DIGITS} digits, and ASCII separators between them.",
        hint="An administrator can give the column tokens of format text, or another mask.",
    )
