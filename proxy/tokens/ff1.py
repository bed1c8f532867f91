"""FF1: NIST SP 800-38G, algorithms 7 and 8, for many numbers at once.

Owns: the rounds. Must not know: what the numbers mean. Invariant: encryption is a permutation of the numbers below
``radix ** length``, and decryption is its inverse.

Of the packages for Python, ``ff3`` has FF3 (withdrawn by SP 800-38G Rev. 1), ``pyffx`` FFX on HMAC, and those with FF1
work through one value at a time in Python, at a hundred times the cost. Here a round is one AES call for all values.
Around it goes the loop of ``number_loops`` where that is compiled or the values are few, and numpy otherwise.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from proxy.tokens import number_loops
from proxy.tokens.blocks import BLOCK, added, block_cipher
from proxy.tokens.number_loops import Numbers

_Vector: TypeAlias = npt.NDArray[np.uint64]

_ROUNDS: Final = 10
_LEAST_VALUES: Final = 1_000_000  # SP 800-38G Rev. 1, 5.1
_BATCH: Final = 24  # below so many values numpy's calls cost more than the values
_WORD: Final = np.dtype(">u8")


class Ff1:
    """FF1 under one key and tweak for numeral strings of one radix and length.

    A numeral string is given as two numbers: its first ``left`` numerals and the others (``u`` and ``v`` of the
    standard). Those of many strings are in two arrays of type code
    ``Q``. Raises ValueError where the parameters are not the standard's, or a half does not fit 60 bits.
    """

    __slots__ = ("_bytes", "_cipher", "_high", "_left", "_low", "_right", "left", "right", "right_values")

    def __init__(self, key: bytes, radix: int, length: int, tweak: bytes = b"") -> None:
        if not 2 <= radix <= 1 << 16 or length < 2 or radix**length < _LEAST_VALUES:
            raise ValueError("FF1 needs a radix of 2 to 65536 and at least a million values")
        self.left = length // 2
        self.right = length - self.left
        self._left, self._right = radix**self.left, radix**self.right
        self.right_values = self._right
        if self._right > 1 << 60:
            raise ValueError("the numeral string is too long")
        self._bytes = -(-(self._right - 1).bit_length() // 8)  # b
        self._cipher = block_cipher(key)
        first = bytes((1, 2, 1)) + radix.to_bytes(3, "big") + bytes((10, self.left % 256))
        first += length.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")  # P
        constant = tweak + bytes((-len(tweak) - self._bytes - 1) % BLOCK + 1 + self._bytes)  # Q, but for i and NUM(B)
        state = bytes(BLOCK)
        for block in (first, *(constant[at : at + BLOCK] for at in range(0, len(constant) - BLOCK, BLOCK))):
            state = self._cipher.update(added(state, block))
        last = added(state, constant[-BLOCK:])
        self._high, self._low = int.from_bytes(last[:8], "big"), int.from_bytes(last[8:], "big")

    def encrypt(self, left: Numbers, right: Numbers) -> None:
        """Put the halves of the enciphered numeral strings in the place of the plain ones."""
        self._turn(left, right, forward=True)

    def decrypt(self, left: Numbers, right: Numbers) -> None:
        """The inverse of ``encrypt``."""
        self._turn(left, right, forward=False)

    def _turn(self, left: Numbers, right: Numbers, *, forward: bool) -> None:
        if number_loops.compiled() or len(left) < _BATCH:
            fixed, values = (self._high, self._low, self._bytes), (self._left, self._right)
            number_loops.rounds(left, right, fixed, values, self._cipher.update, forward)
            return
        halves = [np.frombuffer(half, dtype=np.uint64) for half in (left, right)]  # writes go to the arrays
        for step in range(_ROUNDS):
            number = step if forward else _ROUNDS - 1 - step
            side = number % 2
            modulus = (self._left, self._right)[side]
            value = self._round(number, halves[1 - side], modulus)
            halves[side][:] = _reduced(halves[side] + (value if forward else modulus - value), modulus)

    def _round(self, number: int, half: _Vector, modulus: int) -> _Vector:
        """``y mod modulus``, of one round for every half."""
        blocks = np.empty((len(half), 2), dtype=_WORD)
        high, low = self._high, self._low
        if self._bytes == 8:
            high ^= number
        else:
            low ^= number << (8 * self._bytes)
        blocks[:, 0] = high
        blocks[:, 1] = half ^ np.uint64(low)
        words = np.frombuffer(self._cipher.update(blocks.view(np.uint8).data), dtype=_WORD).reshape(-1, 2)
        value = words[:, 0].astype(np.uint64)
        if self._bytes <= 4:  # d is 8
            return _remainder(value, modulus)
        return _extended(_remainder(value, modulus), words[:, 1].astype(np.uint64) >> np.uint64(32), modulus)


def _remainder(value: _Vector, modulus: int) -> _Vector:
    # numpy divides by a constant with vector instructions, but takes remainders one by one.
    rest: _Vector = value - value // np.uint64(modulus) * np.uint64(modulus)
    return rest


def _reduced(total: _Vector, modulus: int) -> _Vector:
    # Below the modulus the difference wraps around, and is the larger of the two.
    reduced: _Vector = np.minimum(total, total - np.uint64(modulus))
    return reduced


def _extended(remainder: _Vector, tail: _Vector, modulus: int) -> _Vector:
    """``(remainder * 2**32 + tail) mod modulus``, in steps that fit 64 bits."""
    left = 32
    while left:
        step = min(left, 64 - modulus.bit_length())
        left -= step
        chunk = (tail >> np.uint64(left)) & np.uint64((1 << step) - 1)
        remainder = _remainder((remainder << np.uint64(step)) + chunk, modulus)
    return remainder
