"""Tokens of integer and bigint columns: whole numbers to whole numbers.

Owns: which numbers are exchanged for which. Must not know: cells, domains, epochs.
Invariant: a permutation of the integers of eight bytes that keeps the sign, whether there are more than six digits, and
from seven digits on their number; it maps the integers of four bytes onto themselves, so that a value has one token
whatever the width of its column, and every number of the type is a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from proxy.tokens.ff1 import Ff1, Numbers

Integers: TypeAlias = npt.NDArray[np.int64]

_SHORT: Final = 10**6  # SP 800-38G asks for a million values, so numbers up to six digits are one class
_INTEGER_EDGE: Final = 2**31
_BIGINT_EDGE: Final = 2**63


@dataclass(frozen=True, slots=True)
class _Class:
    """The numbers from ``first`` up to but without ``end`` (magnitudes), which are exchanged among themselves."""

    first: int
    end: int
    cipher: Ff1

    def turned(self, magnitudes: Numbers, *, forward: bool) -> Numbers:
        """Their tokens, or back. Cycle-walking: what falls out of the class is enciphered again, until it is inside."""
        size = np.uint64(self.end - self.first)
        base = np.uint64(self.cipher.right_values)
        turn = self.cipher.encrypt if forward else self.cipher.decrypt
        done: Numbers = magnitudes - np.uint64(self.first)
        outside = np.arange(len(done))
        while len(outside):
            left, right = turn(done[outside] // base, done[outside] % base)
            walked = left * base + right
            done[outside] = walked
            outside = outside[walked >= size]
        tokens: Numbers = done + np.uint64(self.first)
        return tokens


class WholeNumbers:
    """The permutation under one key."""

    __slots__ = ("_classes", "_edges")

    def __init__(self, key: bytes) -> None:
        edges = [0, _SHORT, *(10**n for n in range(7, 19))]
        self._classes = {negative: _classes(key, edges, negative) for negative in (False, True)}
        self._edges = {n: np.array([c.end - 1 for c in found], dtype=np.uint64) for n, found in self._classes.items()}

    def encrypt(self, values: Integers) -> Integers:
        """The token of each value."""
        return self._turned(values, forward=True)

    def decrypt(self, tokens: Integers) -> Integers:
        """The value of each token."""
        return self._turned(tokens, forward=False)

    def _turned(self, values: Integers, *, forward: bool) -> Integers:
        done = np.empty_like(values)
        signs = values < 0
        for negative in (False, True):
            places = np.flatnonzero(signs == negative)
            if not len(places):
                continue
            signed = values[places]
            magnitudes = (-signed if negative else signed).view(np.uint64)  # -2**63 stays, and reads as 2**63
            turned = self._magnitudes(magnitudes, negative=negative, forward=forward).view(np.int64)
            done[places] = -turned if negative else turned
        return done

    def _magnitudes(self, magnitudes: Numbers, *, negative: bool, forward: bool) -> Numbers:
        classes = self._classes[negative]
        members = np.searchsorted(self._edges[negative], magnitudes)
        found: list[int] = np.unique(members).tolist()
        if len(found) == 1:
            return classes[found[0]].turned(magnitudes, forward=forward)
        done = np.empty_like(magnitudes)
        for number in found:
            places = np.flatnonzero(members == number)
            done[places] = classes[number].turned(magnitudes[places], forward=forward)
        return done


def _classes(key: bytes, starts: list[int], negative: bool) -> list[_Class]:
    """The classes of one sign, in order. The one in which integer ends is cut there."""
    edge = _INTEGER_EDGE + 1 if negative else _INTEGER_EDGE
    firsts = sorted({*starts, edge})
    firsts[0] = 1 if negative else 0
    ends = [*firsts[1:], _BIGINT_EDGE + 1 if negative else _BIGINT_EDGE]
    return [
        _Class(first, end, _cipher(key, end - first, f"{'-' if negative else '+'}{end}".encode()))
        for first, end in zip(firsts, ends, strict=True)
    ]


def _cipher(key: bytes, size: int, tweak: bytes) -> Ff1:
    """FF1 in the numeral system of two or four digits that holds ``size`` values most closely."""
    length = 2 if size <= 1 << 32 else 4
    radix = max(int(size ** (1 / length)) - 1, 2)
    while radix**length < size:
        radix += 1
    return Ff1(key, radix, length, tweak)
