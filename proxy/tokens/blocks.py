"""The block cipher that FF1 and AES-SIV are made of, and the addition of blocks.

Owns: how AES is called for whole blocks. Must not know: modes, what the blocks mean. Invariant: nothing of a key is
kept but in the library's cipher.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

BLOCK: Final = 16
"""Bytes of a block of AES."""


def block_cipher(key: bytes) -> CipherContext:
    """AES under ``key``; ``update`` enciphers any number of whole blocks, each by itself."""
    return Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - modes are made of the block cipher itself


def added(left: bytes, right: bytes) -> bytes:
    """Two strings of one length, added bit by bit (exclusive or). Raises ValueError for different lengths."""
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
