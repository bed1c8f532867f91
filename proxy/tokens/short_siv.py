"""AES-SIV (RFC 5297) of many short texts at once.

Owns: sealing texts of less than a block, with one string of associated data. Must not know: how tokens are printed.
Invariant: what is sealed here is what the library's ``AESSIV`` seals, byte for byte; a test holds it to that.

The library seals one text in each call, which costs 1.8 µs a text. A text of less than 16 bytes takes two blocks of AES
only: one for the synthetic IV (S2V, section 2.4), one for the key stream (section 2.6). So for all texts of a batch
there are two calls of the block cipher.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.cmac import CMAC

Octets: TypeAlias = npt.NDArray[np.uint8]

BLOCK: Final = 16
_PADDING: Final = 0x80  # RFC 5297, 2.1: a one, then zeros
_REDUCTION: Final = 0x87  # of GF(2**128), RFC 5297, 2.3


class ShortSiv:
    """One key (that of S2V, then that of CTR) and one string of associated data. Belongs to one thread."""

    __slots__ = ("_blind", "_stream", "_synthetic")

    def __init__(self, key: bytes, associated: bytes) -> None:
        half = len(key) // 2
        self._synthetic = _cipher(key[:half])
        self._stream = _cipher(key[half:])
        chained = _xor(_doubled(_cmac(key[:half], bytes(BLOCK))), _cmac(key[:half], associated))
        # Of one whole block CMAC is AES after adding its first subkey, so that both additions are one.
        subkey = _doubled(self._synthetic.update(bytes(BLOCK)))
        self._blind = np.frombuffer(_xor(_doubled(chained), subkey), dtype=np.uint8)

    def seal(self, texts: Sequence[bytes]) -> tuple[Octets, npt.NDArray[np.int64]]:
        """One row of 31 bytes for each text, and how many of them count: IV and ciphertext, then zeros.

        Every text has less than 16 bytes.
        """
        count = len(texts)
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=count)
        blocks = np.frombuffer(b"".join([text.ljust(BLOCK, b"\0") for text in texts]), dtype=np.uint8)
        plain = blocks.reshape(count, BLOCK)
        padded = plain ^ self._blind
        padded[np.arange(count), lengths] ^= _PADDING
        sealed = np.zeros((count, 2 * BLOCK), dtype=np.uint8)
        iv = np.frombuffer(self._synthetic.update(padded.data), dtype=np.uint8).reshape(count, BLOCK)
        counter = iv.copy()
        counter[:, 8] &= 0x7F
        counter[:, 12] &= 0x7F
        stream = np.frombuffer(self._stream.update(counter.data), dtype=np.uint8).reshape(count, BLOCK)
        sealed[:, :BLOCK] = iv
        sealed[:, BLOCK:] = np.where(np.arange(BLOCK) < lengths[:, None], plain ^ stream, 0)
        return sealed[:, :-1], lengths + BLOCK


def _cipher(key: bytes) -> CipherContext:
    return Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - the block cipher itself is what S2V and CTR ask for


def _cmac(key: bytes, text: bytes) -> bytes:
    mac = CMAC(AES(key))
    mac.update(text)
    return mac.finalize()


def _doubled(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    carry = number >> (8 * BLOCK)
    return ((number & ((1 << 8 * BLOCK) - 1)) ^ (_REDUCTION * carry)).to_bytes(BLOCK, "big")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
