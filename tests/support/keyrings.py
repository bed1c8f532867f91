"""Keyrings for tests: the same secrets each time, derived from the names."""

from __future__ import annotations

import hashlib
from datetime import date

from proxy.tokens.derivation import DomainKeys, EpochKey, Keyring
from proxy.tokens.tokenizer import Tokenizer


def domain_keys(domain: str, *, epochs: int = 1, retired: frozenset[int] = frozenset()) -> DomainKeys:
    """A domain with epochs from 1 on."""
    keys = tuple(
        EpochKey(n, n not in retired, date(2026, 1, n), _secret(f"{domain} {n}")) for n in range(1, epochs + 1)
    )
    return DomainKeys(domain, keys, _secret(f"{domain} lasting"))


def tokenizer(*domains: str, epochs: int = 1, retired: frozenset[int] = frozenset()) -> Tokenizer:
    """A tokenizer for these domains."""
    return Tokenizer(Keyring({name: domain_keys(name, epochs=epochs, retired=retired) for name in domains}))


def _secret(seed: str) -> bytes:
    return hashlib.sha256(seed.encode()).digest()
