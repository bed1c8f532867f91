"""The public keys of one issuer (a JSON Web Key Set, RFC 7517).

Owns: reading a key set and finding the keys that may have signed a token. Must not know: where the set came from.
Invariant: each key is bound to one asymmetric algorithm that fits its type and curve; private and shared-secret
material is never kept; what cannot serve for verifying signatures is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from proxy.identity.issuer import Algorithm

MAX_KEY_SET_BYTES = 1 << 20
_MAX_KEYS = 200

_RSA = (Algorithm.RS256, Algorithm.RS384, Algorithm.RS512, Algorithm.PS256, Algorithm.PS384, Algorithm.PS512)
_FITTING: dict[tuple[str, str | None], tuple[Algorithm, ...]] = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): (Algorithm.ES256,),
    ("EC", "P-384"): (Algorithm.ES384,),
    ("EC", "P-521"): (Algorithm.ES512,),
    ("OKP", "Ed25519"): (Algorithm.EDDSA,),
    ("OKP", "Ed448"): (Algorithm.EDDSA,),
}
_PUBLIC_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


class KeySetError(Exception):
    """The bytes are no key set; the text says why and quotes nothing of them."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key bound to one algorithm. ``thumbprint`` is that of RFC 7638, in hexadecimal digits."""

    key_id: str | None
    algorithm: Algorithm
    key: jwt.PyJWK
    thumbprint: str


@dataclass(frozen=True, slots=True)
class KeySet:
    """An issuer's usable keys; ``digest`` (SHA-256 of the set's bytes) differs whenever they do."""

    keys: tuple[VerificationKey, ...]
    digest: bytes

    def candidates(self, algorithm: Algorithm, key_id: str | None) -> tuple[jwt.PyJWK, ...]:
        """The keys that may have signed a token with this header; all that fit where it names no key id."""
        return tuple(k.key for k in self.keys if k.algorithm is algorithm and (key_id is None or k.key_id == key_id))

    def thumbprint(self, key: jwt.PyJWK) -> str:
        """The thumbprint of one of the candidates."""
        return next(k.thumbprint for k in self.keys if k.key is key)

    def holds(self, thumbprint: str) -> bool:
        """Whether a key with this thumbprint is among them."""
        return any(k.thumbprint == thumbprint for k in self.keys)


def parse_key_set(data: bytes, algorithms: tuple[Algorithm, ...]) -> KeySet:
    """Read a JSON Web Key Set, keeping the keys that fit one of ``algorithms``. Raises KeySetError."""
    if len(data) > MAX_KEY_SET_BYTES:
        raise KeySetError(f"the key set is longer than {MAX_KEY_SET_BYTES} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise KeySetError("the key set is not JSON") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeySetError('a key set is an object with a list "keys"')
    if len(entries) > _MAX_KEYS:
        raise KeySetError(f"the key set has more than {_MAX_KEYS} keys")
    keys = tuple(key for entry in entries if isinstance(entry, dict) for key in _bound_keys(entry, algorithms))
    return KeySet(keys, hashlib.sha256(data).digest())


def _bound_keys(entry: Mapping[str, object], algorithms: tuple[Algorithm, ...]) -> list[VerificationKey]:
    """The entry once for each accepted algorithm that its type, curve and own declarations allow."""
    kty, curve, key_id, declared = (entry.get(member) for member in ("kty", "crv", "kid", "alg"))
    if not isinstance(kty, str) or not (key_id is None or isinstance(key_id, str)) or not _is_for_signatures(entry):
        return []
    if kty == "RSA":
        curve = None
    if not (curve is None or isinstance(curve, str)):
        return []
    bound = []
    for algorithm in _FITTING.get((kty, curve), ()):
        if algorithm in algorithms and (declared is None or declared == algorithm.value):
            key = _load(entry, kty, algorithm)
            if key is not None:
                bound.append(VerificationKey(key_id, algorithm, key, _thumbprint(entry, kty)))
    return bound


def _is_for_signatures(entry: Mapping[str, object]) -> bool:
    operations = entry.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return False
    return entry.get("use", "sig") == "sig"


def _thumbprint(entry: Mapping[str, object], kty: str) -> str:
    members = {"kty": kty} | {name: entry[name] for name in _PUBLIC_MEMBERS[kty]}
    return hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _load(entry: Mapping[str, object], kty: str, algorithm: Algorithm) -> jwt.PyJWK | None:
    members = {"kty": kty} | {name: entry.get(name) for name in _PUBLIC_MEMBERS[kty]}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    try:
        key = jwt.PyJWK(members, algorithm=algorithm.value)
        too_short = key.Algorithm.check_key_length(key.key)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return None if too_short else key
