"""AES-SIV (RFC 5297) of many texts at once.

Owns: the keys of the two ciphers, and the constants of S2V. Must not know: domains, epochs, what sealed texts are for.
Invariant: what is sealed here is what the library's ``AESSIV`` seals, byte for byte; a test holds it to that.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from proxy.tokens import siv_loops
from proxy.tokens.blocks import BLOCK, added, block_cipher

_REDUCTION: Final = 0x87  # of GF(2**128), RFC 5297, 2.3


class BatchSiv:
    """One key (that of S2V, then that of CTR) and one string of associated data. Belongs to one thread."""

    __slots__ = ("_cut", "_last", "_short", "_stream", "_synthetic", "_whole")

    def __init__(self, key: bytes, associated: bytes) -> None:
        half = len(key) // 2
        self._synthetic = block_cipher(key[:half])
        self._stream = block_cipher(key[half:])
        self._last = added(_doubled(_cmac(key[:half], bytes(BLOCK))), _cmac(key[:half], associated))
        self._whole = _doubled(self._synthetic.update(bytes(BLOCK)))  # CMAC's subkeys, RFC 4493, 2.3
        self._cut = _doubled(self._whole)
        self._short = added(_doubled(self._last), self._whole)  # both are added to the only block

    def __repr__(self) -> str:
        return "BatchSiv()"

    def spelled(self, texts: list[bytes], prefix: bytes) -> list[bytes]:
        """Each text sealed, in the letters of base 32 (see ``siv_loops``), behind ``prefix``."""
        blocks = siv_loops.mac_blocks(texts, self._short, self._last, self._whole, self._cut)
        ivs = siv_loops.chained(texts, blocks, self._synthetic.update)
        stream = self._stream.update(siv_loops.counters(texts, ivs))
        return siv_loops.spelled(texts, ivs, stream, prefix)


def _cmac(key: bytes, text: bytes) -> bytes:
    mac = CMAC(AES(key))
    mac.update(text)
    return mac.finalize()


def _doubled(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    carry = number >> (8 * BLOCK)
    return ((number & ((1 << 8 * BLOCK) - 1)) ^ (_REDUCTION * carry)).to_bytes(BLOCK, "big")
