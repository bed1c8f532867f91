"""Keys of the keyring, and the keys of each use that are derived from them.

Owns: what a domain's secrets are, and one derivation (HKDF, RFC 5869) for each use. Must not know: files, how a
master key is kept, what is done with a derived key. Invariant: no derived key gives back the secret that it comes from,
nor the key of another use, domain or epoch; no secret is in a ``repr``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

SECRET_BYTES: Final = 32


class Use(Enum):
    """What a derived key is for; the values go into the derivation, with how many bytes are derived."""

    TEXT = ("text", 64)  # AES-256-SIV takes two keys
    DIGITS = ("digits", 32)
    UUID = ("uuid", 32)
    CHECK = ("check", 8)
    ORDER = ("order", 32)
    SHIFT = ("shift", 32)
    MARK = ("mark", 32)


@dataclass(frozen=True, slots=True)
class EpochKey:
    """The secret of tokens made in one epoch of a domain. Those of an epoch not ``live`` are not understood."""

    epoch: int
    live: bool
    created: date
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DomainKeys:
    """A domain's secrets. ``epochs`` in ascending order; the newest is live, and new tokens are made under it.

    ``lasting`` is a secret of its own that a rotation leaves as it is: orders, shifts and marks come from it.
    """

    domain: str
    epochs: tuple[EpochKey, ...]
    lasting: bytes = field(repr=False)

    @property
    def newest(self) -> EpochKey:
        """The epoch of new tokens."""
        return self.epochs[-1]


@dataclass(frozen=True, slots=True)
class Keyring:
    """The secrets of every domain, by its name."""

    domains: Mapping[str, DomainKeys] = field(repr=False)

    @property
    def version(self) -> str:
        """A digest (12 hexadecimal digits) of which keys are there and live, from which no key follows."""
        digest = hashlib.sha256()
        for name, keys in sorted(self.domains.items()):
            digest.update(f"{name}:{derived(keys.lasting, name, Use.CHECK).hex()}\n".encode())
            for key in keys.epochs:
                check = derived(key.secret, name, Use.CHECK).hex()
                digest.update(f"{key.epoch}:{key.live}:{check}\n".encode())
        return digest.hexdigest()[:12]


def derived(secret: bytes, domain: str, use: Use) -> bytes:
    """The key of one use. ``secret`` is uniformly random, so that HKDF's extraction is not needed (RFC 5869, 3.3)."""
    word, length = use.value
    return HKDFExpand(SHA256(), length, f"pgveil 1 {word} {domain}".encode()).derive(secret)
