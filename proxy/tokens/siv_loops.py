"""The loops of AES-SIV (RFC 5297) that run for every text, and the spelling of tokens.

Owns: the blocks that go through the cipher, and base 32. Must not know: keys, domains, which texts have tokens.
Invariant: what is sealed here is what the library's ``AESSIV`` seals, byte for byte; a test holds it to that.

The library seals one text in each call, which costs 1.8 µs a text. Here each step is one call of the block cipher for
all texts of a batch. Compiled (``siv_loops.pxd`` has the types, see ``deploy/packaging/compile_rows.py``) a text costs
a tenth of that; as Python runs them these loops are slower than the library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_COMPILED: Final = not __file__.endswith(".py")
_BLOCK: Final = 16
_PADDING: Final = 0x80  # RFC 5297, 2.1: a one, then zeros
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648, section 6, in lower case

Encipher = Callable[[bytes | bytearray], bytes]


def compiled() -> bool:
    """Whether this file runs as machine code."""
    return _COMPILED


def longest(texts: list[bytes]) -> int:
    """How many bytes the longest has; 0 for none."""
    most = 0
    for text in texts:
        most = max(most, len(text))
    return most


def mac_blocks(texts: list[bytes], short: bytes, last: bytes, whole: bytes, cut: bytes) -> bytearray:
    """What S2V gives to CMAC (RFC 5297, 2.4), with CMAC's subkey (RFC 4493) added: at least one block a text.

    ``short`` is added to a padded text of less than a block, ``last`` to the last 16 bytes of another, and then
    ``whole`` or ``cut`` to its last block, as that is whole or padded. Each has 16 bytes.
    """
    size = 0
    for text in texts:
        size += _mac_size(len(text))
    made = bytearray(size)
    blocks = made
    at = 0
    for text in texts:
        length = len(text)
        source = text
        for index in range(length):
            blocks[at + index] = source[index]
        if length < _BLOCK:
            blocks[at + length] = _PADDING
            _add(blocks, at, short)
            at += _BLOCK
            continue
        _add(blocks, at + length - _BLOCK, last)
        end = at + _mac_size(length)
        if length % _BLOCK:
            blocks[at + length] = _PADDING
        _add(blocks, end - _BLOCK, cut if length % _BLOCK else whole)
        at = end
    return made


def chained(texts: list[bytes], blocks: bytearray, encipher: Encipher) -> bytes:
    """The last block of each text's chain (CBC from a block of zeros): its synthetic IV."""
    count = len(texts)
    if len(blocks) == count * _BLOCK:
        return encipher(blocks)
    states = bytearray(count * _BLOCK)
    number = 0
    while True:
        step = bytearray(count * _BLOCK)
        used = _step(texts, blocks, states, step, number)
        if not used:
            return bytes(states)
        _take_step(texts, states, encipher(step[:used]), number)
        number += 1


def counters(texts: list[bytes], ivs: bytes) -> bytearray:
    """The counter blocks of CTR (RFC 5297, 2.5), one for each block of text begun."""
    size = 0
    for text in texts:
        size += _stream_size(len(text))
    made = bytearray(size)
    blocks = made
    starts = ivs
    at = 0
    iv = 0
    for text in texts:
        for number in range(_stream_size(len(text)) // _BLOCK):
            for index in range(_BLOCK):
                blocks[at + index] = starts[iv + index]
            blocks[at + 8] &= 0x7F
            low = ((starts[iv + 12] & 0x7F) << 24) | (starts[iv + 13] << 16) | (starts[iv + 14] << 8) | starts[iv + 15]
            low += number  # without a carry, since the highest bit is clear
            for index in range(4):
                blocks[at + 15 - index] = (low >> (8 * index)) & 0xFF
            at += _BLOCK
        iv += _BLOCK
    return made


def spelled(texts: list[bytes], ivs: bytes, stream: bytes, prefix: bytes) -> list[bytes]:
    """The tokens: ``prefix``, then IV and enciphered text in base 32. ``stream``: the counter blocks, enciphered."""
    tokens: list[bytes] = []
    head = len(prefix)
    most = _BLOCK + longest(texts)
    sealed_bytes = bytearray(most + 5)
    row_bytes = bytearray(head + most // 5 * 8 + 8)
    row_bytes[:head] = prefix
    sealed = sealed_bytes
    row = row_bytes
    starts = ivs
    keys = stream
    letters = _ALPHABET
    iv = 0
    at = 0
    for text in texts:
        length = len(text)
        source = text
        for index in range(_BLOCK):
            sealed[index] = starts[iv + index]
        for index in range(length):
            sealed[_BLOCK + index] = source[index] ^ keys[at + index]
        end = _BLOCK + length
        for index in range(end, end + 5):
            sealed[index] = 0
        place = head
        for index in range(0, end, 5):
            group = (sealed[index] << 8) | sealed[index + 1]
            group = (group << 24) | (sealed[index + 2] << 16) | (sealed[index + 3] << 8) | sealed[index + 4]
            row[place] = letters[group >> 35]
            row[place + 1] = letters[(group >> 30) & 31]
            row[place + 2] = letters[(group >> 25) & 31]
            row[place + 3] = letters[(group >> 20) & 31]
            row[place + 4] = letters[(group >> 15) & 31]
            row[place + 5] = letters[(group >> 10) & 31]
            row[place + 6] = letters[(group >> 5) & 31]
            row[place + 7] = letters[group & 31]
            place += 8
        tokens.append(_cut(row, 0, head + (end * 8 + 4) // 5))
        iv += _BLOCK
        at += _stream_size(length)
    return tokens


def _cut(row: bytearray, start: int, stop: int) -> bytes:
    """A piece of it. Compiled, ``row`` is a pointer, whose pieces are bytes without a call."""
    piece: Any = row[start:stop]
    return piece if _COMPILED else bytes(piece)


def _mac_size(length: int) -> int:
    return _BLOCK if length < _BLOCK else (length + _BLOCK - 1) // _BLOCK * _BLOCK


def _stream_size(length: int) -> int:
    return (length + _BLOCK - 1) // _BLOCK * _BLOCK


def _add(blocks: bytearray, at: int, block: bytes) -> None:
    for index in range(_BLOCK):
        blocks[at + index] ^= block[index]


def _step(texts: list[bytes], blocks: bytearray, states: bytearray, step: bytearray, number: int) -> int:
    """Fill ``step`` with what the cipher gets for the blocks of that number; returns how many bytes those are."""
    at = 0
    used = 0
    state = 0
    for text in texts:
        size = _mac_size(len(text))
        if number * _BLOCK < size:
            start = at + number * _BLOCK
            for index in range(_BLOCK):
                step[used + index] = blocks[start + index] ^ states[state + index]
            used += _BLOCK
        at += size
        state += _BLOCK
    return used


def _take_step(texts: list[bytes], states: bytearray, enciphered: bytes, number: int) -> None:
    used = 0
    state = 0
    for text in texts:
        if number * _BLOCK < _mac_size(len(text)):
            for index in range(_BLOCK):
                states[state + index] = enciphered[used + index]
            used += _BLOCK
        state += _BLOCK
