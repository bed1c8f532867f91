"""Tokens of texts that are numbers with separators: digits become other digits, everything else stays.

Owns: which texts have such tokens, and their conversion. Must not know: domains, epochs.
Invariant: for each layout (which characters are digits, and what the others are) a permutation of its texts, so that
every text that has a token is itself one; a text without one is an error that does not hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from proxy.errors import TokenValueError
from proxy.tokens.ff1 import Ff1, Numbers

Characters: TypeAlias = npt.NDArray[np.uint8]

LEAST_DIGITS: Final = 6  # a million values, SP 800-38G Rev. 1, 5.1
MOST_DIGITS: Final = 36
_ZERO, _NINE = ord("0"), ord("9")
_SEPARATORS: Final = np.array([32 <= c < 127 and not chr(c).isalnum() for c in range(256)])


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
        lengths = set(map(len, cells))
        if len(lengths) == 1:
            return self._of_one_length(cells, lengths.pop(), forward=forward)
        done: list[bytes] = [b""] * len(cells)
        for length in lengths:
            places = [place for place, cell in enumerate(cells) if len(cell) == length]
            turned = self._of_one_length([cells[place] for place in places], length, forward=forward)
            for place, cell in zip(places, turned, strict=True):
                done[place] = cell
        return done

    def _of_one_length(self, cells: Sequence[bytes], length: int, *, forward: bool) -> list[bytes]:
        if length < LEAST_DIGITS:
            raise _without_token()
        rows = np.frombuffer(b"".join(cells), dtype=np.uint8).reshape(-1, length).copy()
        digits = (rows >= _ZERO) & (rows <= _NINE)
        if not (digits | _SEPARATORS[rows]).all():
            raise _without_token()
        if (digits == digits[0]).all():
            self._of_one_layout(rows, digits[0], forward=forward)
        else:
            layouts, members = np.unique(digits, axis=0, return_inverse=True)
            for number, layout in enumerate(layouts):
                places = np.flatnonzero(members.reshape(-1) == number)
                part = rows[places]
                self._of_one_layout(part, layout, forward=forward)
                rows[places] = part
        text = rows.tobytes()
        return [text[at : at + length] for at in range(0, len(text), length)]

    def _of_one_layout(self, rows: Characters, layout: npt.NDArray[np.bool_], *, forward: bool) -> None:
        """``rows`` with other digits, in place."""
        places = np.flatnonzero(layout).tolist()
        if not LEAST_DIGITS <= len(places) <= MOST_DIGITS:
            raise _without_token()
        cipher = self._cipher(len(places))
        turn = cipher.encrypt if forward else cipher.decrypt
        left, right = turn(_number(rows, places[: cipher.left]), _number(rows, places[cipher.left :]))
        _write(rows, places[: cipher.left], left)
        _write(rows, places[cipher.left :], right)

    def _cipher(self, length: int) -> Ff1:
        cipher = self._ciphers.get(length)
        if cipher is None:
            cipher = self._ciphers[length] = Ff1(self._key, 10, length)
        return cipher


def _number(rows: Characters, places: list[int]) -> Numbers:
    number = np.zeros(len(rows), dtype=np.uint64)
    for place in places:
        number *= np.uint64(10)
        number += rows[:, place] - np.uint8(_ZERO)
    return number


def _write(rows: Characters, places: list[int], number: Numbers) -> None:
    for place in reversed(places):
        rest = number // np.uint64(10)
        rows[:, place] = (number - rest * np.uint64(10)).astype(np.uint8) + np.uint8(_ZERO)
        number = rest


def _without_token() -> TokenValueError:
    return TokenValueError(
        "a value of this column has no token of format digits",
        detail=f"Such values have {LEAST_DIGITS} to {MOST_DIGITS} digits, and ASCII separators between them.",
        hint="An administrator can give the column tokens of format text, or another mask.",
    )
