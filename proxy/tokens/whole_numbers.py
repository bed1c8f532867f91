"""Tokens of integer and bigint columns: whole numbers to whole numbers.

Owns: which numbers are exchanged for which. Must not know: cells, domains, epochs.
Invariant: a permutation of the integers of eight bytes that keeps the sign, whether there are more than six digits, and
from seven digits on their number; it maps the integers of four bytes onto themselves, so that a value has one token
whatever the width of its column, and every number of the type is a token.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final, TypeAlias

from proxy.tokens import number_loops
from proxy.tokens.ff1 import Ff1
from proxy.tokens.number_loops import Numbers

Integers: TypeAlias = Numbers  # of type code q

_SHORT: Final = 10**6  # SP 800-38G asks for a million values, so numbers up to six digits are one class
_INTEGER_EDGE: Final = 2**31
_BIGINT_EDGE: Final = 2**63


@dataclass(frozen=True, slots=True)
class _Class:
    """The numbers from ``first`` up to but without ``end`` (magnitudes), which are exchanged among themselves."""

    first: int
    end: int
    cipher: Ff1

    def turn(self, values: Integers, places: Integers, *, negative: bool, forward: bool) -> None:
        """Put their tokens in these places of ``values``, or back (``places`` are used up).

        Cycle-walking: what falls out of the class is enciphered again, until it is inside.
        """
        base, size = self.cipher.right_values, self.end - self.first
        turn = self.cipher.encrypt if forward else self.cipher.decrypt
        left, right = number_loops.halved(values, places, self.first, base)
        while places:
            turn(left, right)
            outside = number_loops.joined(values, places, left, right, self.first, base, size, negative)
            for halves in (places, left, right):
                del halves[outside:]


class WholeNumbers:
    """The permutation under one key."""

    __slots__ = ("_classes", "_ends")

    def __init__(self, key: bytes) -> None:
        edges = [0, _SHORT, *(10**n for n in range(7, 19))]
        self._classes = {negative: _classes(key, edges, negative) for negative in (False, True)}
        self._ends = {n: array("Q", [c.end - 1 for c in found]) for n, found in self._classes.items()}

    def encrypt(self, values: Integers) -> Integers:
        """The token of each value."""
        return self._turned(values, forward=True)

    def decrypt(self, tokens: Integers) -> Integers:
        """The value of each token."""
        return self._turned(tokens, forward=False)

    def _turned(self, values: Integers, *, forward: bool) -> Integers:
        done = values[:]
        members = number_loops.classed(values, self._ends[False], self._ends[True])
        for member in set(members):
            places = number_loops.places_of(members, member)
            negative, number = divmod(member, number_loops.NEGATIVE)
            self._classes[bool(negative)][number].turn(done, places, negative=bool(negative), forward=forward)
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
