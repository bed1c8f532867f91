# cython: boundscheck=False, cdivision=True, initializedcheck=False
"""The loops of FF1 and of numbers as cells have them that run for every value.

Owns: the rounds of FF1 (NIST SP 800-38G, algorithms 7 and 8), reading and writing digits. Must not know: keys, which
values have tokens. Invariant: arrays are changed in place, and a value depends on no other one of its batch.

``number_loops.pxd`` has the types with which these loops are compiled (see ``deploy/packaging/compile_rows.py``).
Arrays have the type codes ``Q`` (halves of numeral strings) and ``q`` (numbers, and places in a batch).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, Final, TypeAlias

_COMPILED: Final = not __file__.endswith(".py")
_ROUNDS: Final = 10
_BLOCK: Final = 16
_MINUS: Final = 45
_ZERO: Final = 48
_LONGEST: Final = 19  # digits of a bigint
NEGATIVE: Final = 128  # added to the class of a negative number
_NO_DIGIT: Final = 0
_SEPARATOR: Final = 1
_DIGIT: Final = 2
_CHARACTERS: Final = bytes(
    _DIGIT if 48 <= c < 58 else _SEPARATOR if 32 <= c < 127 and not chr(c).isalnum() else _NO_DIGIT for c in range(256)
)

Encipher = Callable[[bytes | bytearray], bytes]
Numbers: TypeAlias = "array[int]"


def compiled() -> bool:
    """Whether this file runs as machine code."""
    return _COMPILED


def rounds(
    left: Numbers,
    right: Numbers,
    fixed: tuple[int, int, int],
    values: tuple[int, int],
    encipher: Encipher,
    forward: bool,
) -> None:
    """All rounds for each pair of halves, in place.

    ``fixed``: the first and the second half of Q's last block (without round and NUM(B)) added to what CBC has made of
    the blocks before it, and b, the bytes of NUM(B). ``values``: how many a left and a right half has, below 2**60.
    """
    high, low, width = fixed
    count = len(left)
    blocks = bytearray(count * _BLOCK)
    for step in range(_ROUNDS):
        number = step if forward else _ROUNDS - 1 - step
        modulus = values[number & 1]
        target = right if number & 1 else left
        source = left if number & 1 else right
        first = high ^ number if width == 8 else high
        second = low if width == 8 else low ^ (number << (8 * width))
        for index in range(count):
            _put_word(blocks, index * _BLOCK, first)
            _put_word(blocks, index * _BLOCK + 8, second ^ source[index])
        enciphered = encipher(blocks)
        for index in range(count):
            rest = _word(enciphered, index * _BLOCK) % modulus
            if width > 4:
                rest = _extended(rest, _word(enciphered, index * _BLOCK + 8) >> 32, modulus)
            total = target[index] + (rest if forward else modulus - rest)
            target[index] = total - modulus if total >= modulus else total


def read_numbers(cells: list[bytes]) -> Numbers:
    """The integers that the cells are in text. Raises ValueError for anything else, and beyond eight bytes."""
    numbers = array("q", bytes(8 * len(cells)))
    values = numbers
    for place, cell in enumerate(cells):
        length = len(cell)
        source = cell
        start = 1 if length > 1 and source[0] == _MINUS else 0
        if length == start or length - start > _LONGEST:
            raise ValueError
        magnitude = 0
        for index in range(start, length):
            digit = source[index] - _ZERO
            if digit < 0 or digit > 9:
                raise ValueError
            magnitude = magnitude * 10 + digit
        if magnitude > 9223372036854775807 + start:
            raise ValueError
        values[place] = _signed(magnitude, start)
    return numbers


def write_numbers(numbers: Numbers) -> list[bytes]:
    """The cells of these integers in text."""
    cells: list[bytes] = []
    buffer = bytearray(_LONGEST + 1)
    row = buffer
    for place in range(len(numbers)):
        rest = _magnitude(numbers[place])
        start = _LONGEST + 1
        while rest or start > _LONGEST:
            start -= 1
            row[start] = _ZERO + rest % 10
            rest //= 10
        if numbers[place] < 0:
            start -= 1
            row[start] = _MINUS
        cells.append(_cut(row, start, _LONGEST + 1))
    return cells


def classed(numbers: Numbers, positive: Numbers, negative: Numbers) -> bytearray:
    """Of each number in which class it is: the place of the first that is no smaller among ``positive`` or, for the
    magnitude of a negative one, among ``negative``, then with ``NEGATIVE`` added.
    """
    count = len(numbers)
    members = bytearray(count)
    for place in range(count):
        below = numbers[place] < 0
        magnitude = _magnitude(numbers[place])
        ends = negative if below else positive
        index = 0
        while magnitude > ends[index]:
            index += 1
        members[place] = index + NEGATIVE if below else index
    return members


def places_of(members: bytearray, member: int) -> Numbers:
    """Where ``member`` is."""
    count = members.count(member)
    found = array("q", bytes(8 * count))
    places = found
    index = 0
    for place in range(len(members)):
        if members[place] == member:
            places[index] = place
            index += 1
    return found


def halved(numbers: Numbers, places: Numbers, first: int, base: int) -> tuple[Numbers, Numbers]:
    """What each magnitude exceeds ``first`` by, in the numeral system of ``base``: two digits."""
    count = len(places)
    lefts = array("Q", bytes(8 * count))
    rights = array("Q", bytes(8 * count))
    left = lefts
    right = rights
    for index in range(count):
        value = _magnitude(numbers[places[index]]) - first
        left[index] = value // base
        right[index] = value % base
    return lefts, rights


def joined(
    numbers: Numbers, places: Numbers, left: Numbers, right: Numbers, first: int, base: int, size: int, negative: bool
) -> int:
    """Put what the halves make in its place where it is below ``size``, and move the others to the arrays' front.

    Returns how many those are. The inverse of ``halved``.
    """
    outside = 0
    for index in range(len(places)):
        value = left[index] * base + right[index]
        if value < size:
            numbers[places[index]] = _signed(value + first, negative)
        else:
            places[outside] = places[index]
            left[outside] = left[index]
            right[outside] = right[index]
            outside += 1
    return outside


def digit_counts(cells: list[bytes], most: int) -> bytearray:
    """How many digits each text has. Raises ValueError for more than ``most`` (at most 255) or other characters."""
    counts = bytearray(len(cells))
    kinds = _CHARACTERS
    for place, cell in enumerate(cells):
        source = cell
        count = 0
        for index in range(len(cell)):
            kind = kinds[source[index]]
            if kind == _NO_DIGIT:
                raise ValueError
            if kind == _DIGIT:
                count += 1
        if count > most:
            raise ValueError
        counts[place] = count
    return counts


def read_digits(cells: list[bytes], places: Numbers, left_digits: int) -> tuple[Numbers, Numbers]:
    """The numbers that the first ``left_digits`` digits of each text make, and the others."""
    count = len(places)
    lefts = array("Q", bytes(8 * count))
    rights = array("Q", bytes(8 * count))
    left = lefts
    right = rights
    for number in range(count):
        cell = cells[places[number]]
        source = cell
        seen = 0
        first = 0
        second = 0
        for index in range(len(cell)):
            digit = source[index] - _ZERO
            if digit < 0 or digit > 9:
                continue
            if seen < left_digits:
                first = first * 10 + digit
            else:
                second = second * 10 + digit
            seen += 1
        left[number] = first
        right[number] = second
    return lefts, rights


def write_digits(
    cells: list[bytes], places: Numbers, left: Numbers, right: Numbers, right_digits: int, done: list[bytes]
) -> None:
    """Put into ``done`` each text with the digits of these numbers in place of its own: the inverse of
    ``read_digits``.
    """
    for number in range(len(places)):
        cell = cells[places[number]]
        made = bytearray(cell)
        source = made
        rest = right[number]
        seen = 0
        for back in range(len(cell)):
            index = len(cell) - 1 - back
            if source[index] < _ZERO or source[index] > _ZERO + 9:
                continue
            if seen == right_digits:
                rest = left[number]
            source[index] = _ZERO + rest % 10
            rest //= 10
            seen += 1
        done[places[number]] = _cut(source, 0, len(cell))


def _cut(row: bytearray, start: int, stop: int) -> bytes:
    """A piece of it. Compiled, ``row`` is a pointer, whose pieces are bytes without a call."""
    piece: Any = row[start:stop]
    return piece if _COMPILED else bytes(piece)


def _put_word(blocks: bytearray, at: int, word: int) -> None:
    """Eight bytes. Written out one by one, the C compiler makes one instruction of them."""
    if _COMPILED:
        target = blocks
        target[at] = (word >> 56) & 0xFF
        target[at + 1] = (word >> 48) & 0xFF
        target[at + 2] = (word >> 40) & 0xFF
        target[at + 3] = (word >> 32) & 0xFF
        target[at + 4] = (word >> 24) & 0xFF
        target[at + 5] = (word >> 16) & 0xFF
        target[at + 6] = (word >> 8) & 0xFF
        target[at + 7] = word & 0xFF
    else:
        blocks[at : at + 8] = word.to_bytes(8, "big")


def _word(data: bytes, at: int) -> int:
    if _COMPILED:
        source = data
        high = (_wide(source[at]) << 24) | (_wide(source[at + 1]) << 16) | (_wide(source[at + 2]) << 8) | source[at + 3]
        low = (
            (_wide(source[at + 4]) << 24)
            | (_wide(source[at + 5]) << 16)
            | (_wide(source[at + 6]) << 8)
            | source[at + 7]
        )
        return (high << 32) | low
    return int.from_bytes(data[at : at + 8], "big")


def _wide(byte: int) -> int:
    """The same number; compiled it has 64 bits, so that shifts lose nothing."""
    return byte


def _extended(rest: int, tail: int, modulus: int) -> int:
    """``(rest * 2**32 + tail) mod modulus``, four bits at a time, so that 64 bits hold it."""
    for index in range(8):
        rest = ((rest << 4) | ((tail >> (28 - 4 * index)) & 15)) % modulus
    return rest


def _magnitude(value: int) -> int:
    if value < 0:
        above = -(value + 1)  # of the least bigint the magnitude is none
        return above + 1
    return value


def _signed(magnitude: int, negative: int) -> int:
    if negative and magnitude:
        below = magnitude - 1
        return -below - 1
    return magnitude
