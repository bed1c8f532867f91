"""Tokens of any text: AES-SIV (RFC 5297), printed as ``DOMAIN_EPOCH_LETTERS``.

Owns: the format of these tokens. Must not know: which epochs are live, SQL, cells of other types.
Invariant: a text has one token under a key, only that token gives it back, and no other bytes are one.

The letters are the sealed bytes (16 more than the text, in UTF-8) in base 32 (RFC 4648, section 6) in lower case and
without padding: ``patient_1_mfrggzdfmztwq2lkmfrggzdfmztwq2lk``. So a token is ASCII in one case, is selected by a
double click, and needs no quoting anywhere. The domain is AES-SIV's associated data too: a token of another domain is
not only printed otherwise, it does not open.
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode
from collections.abc import Sequence
from typing import Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from proxy.tokens import siv_loops
from proxy.tokens.batch_siv import BatchSiv
from proxy.tokens.types import DOMAIN_NAME

_TOKEN: Final = re.compile(rb"(%s)_([1-9][0-9]{0,5})_([a-z2-7]{26,})" % DOMAIN_NAME.pattern.encode())
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = np.frombuffer(b"".join(bytes((a, b)) for a in _ALPHABET for b in _ALPHABET), dtype=np.uint16)
_LONGEST_IN_BATCH: Final = 1024  # a batch takes as many steps as its longest text has blocks
_BATCH: Final = 12  # below so many texts numpy's calls cost more than the texts
_FILLS: Final = tuple(bytes(n) for n in range(5))


def named(token: bytes) -> tuple[str, int] | None:
    """The domain and the epoch that ``token`` says it is of, genuine or not; None where it has not the form of one."""
    match = _TOKEN.fullmatch(token)
    return (match[1].decode(), int(match[2])) if match is not None else None


class SealedTexts:
    """Tokens of one domain and epoch."""

    __slots__ = ("_associated", "_batch", "_cipher", "_prefix")

    def __init__(self, domain: str, epoch: int, key: bytes) -> None:
        self._cipher = AESSIV(key)
        self._batch = BatchSiv(key, domain.encode())
        self._associated = [domain.encode()]
        self._prefix = f"{domain}_{epoch}_".encode()

    def encrypt(self, cells: Sequence[bytes]) -> list[bytes]:
        """The token of each text."""
        texts = list(cells)
        if siv_loops.compiled() and siv_loops.longest(texts) <= _LONGEST_IN_BATCH:
            return self._batch.spelled(texts, self._prefix)
        seal, associated, prefix = self._cipher.encrypt, self._associated, self._prefix
        sealed = [seal(cell, associated) for cell in cells]
        if len(sealed) < _BATCH:
            return [prefix + _spelled(part) for part in sealed]
        letters = _letters(b"".join([part + _FILLS[-len(part) % 5] for part in sealed]))
        tokens: list[bytes] = []
        at = 0
        for part in sealed:
            length = len(part)
            tokens.append(prefix + letters[at : at + (length * 8 + 4) // 5])
            at += (length + 4) // 5 * 8
        return tokens

    def decrypt(self, token: bytes) -> bytes | None:
        """The text of a token; None for what is none of this domain and epoch."""
        body = token.removeprefix(self._prefix)
        match = _TOKEN.fullmatch(token)
        if match is None or len(body) + len(self._prefix) != len(token):
            return None
        try:
            sealed = b32decode(body.upper() + b"=" * (-len(body) % 8))
            text = self._cipher.decrypt(sealed, self._associated)
        except (ValueError, InvalidTag):
            return None
        # The last letter may carry bits that decoding drops; only one of those spellings is the token.
        return text if _spelled(sealed) == body else None


def _spelled(sealed: bytes) -> bytes:
    return b32encode(sealed).rstrip(b"=").lower()


def _letters(joined: bytes) -> bytes:
    """Base 32 of bytes whose number divides by five, two letters at a time."""
    groups = np.frombuffer(joined, dtype=np.uint8).reshape(-1, 5).astype(np.uint16)
    pairs = np.empty((len(groups), 4), dtype=np.uint16)
    pairs[:, 0] = groups[:, 0] << 2 | groups[:, 1] >> 6
    pairs[:, 1] = (groups[:, 1] & 63) << 4 | groups[:, 2] >> 4
    pairs[:, 2] = (groups[:, 2] & 15) << 6 | groups[:, 3] >> 2
    pairs[:, 3] = (groups[:, 3] & 3) << 8 | groups[:, 4]
    return _PAIRS[pairs].tobytes()
