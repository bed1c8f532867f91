"""Tokens of UUIDs: one block of AES each.

Owns: the conversion. Must not know: domains, epochs, how a UUID is printed.
Invariant: a permutation of all values of 16 bytes.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB


class Uuids:
    """The permutation under one key."""

    __slots__ = ("_decryptor", "_encryptor")

    def __init__(self, key: bytes) -> None:
        # Deterministic on purpose: a permutation of single blocks is what a token of a UUID is.
        cipher = Cipher(AES(key), ECB())  # noqa: S305
        self._encryptor, self._decryptor = cipher.encryptor(), cipher.decryptor()

    def encrypt(self, values: bytes) -> bytes:
        """The tokens of any number of UUIDs, 16 bytes each."""
        return self._encryptor.update(values)

    def decrypt(self, tokens: bytes) -> bytes:
        """The UUIDs of any number of tokens."""
        return self._decryptor.update(tokens)
