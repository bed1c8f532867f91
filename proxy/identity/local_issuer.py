"""An issuer for development: a key pair in a folder, and tokens signed with it.

Owns: the folder's files (``private.pem``, ``jwks.json``, ``issuer.json``) and minting. Must not know: logins, settings
files. Invariant: it signs only with a folder that carries the development marker and only under a name that no
production issuer can have.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from proxy.errors import SettingsFileError
from proxy.identity.issuer import Algorithm, IssuerSettings

LOCAL_ISSUER = "urn:pgveil:local"
_MARKER = "development issuer"
_NAME_STARTS = (LOCAL_ISSUER, "https://localhost/", "https://localhost:")
_FILES = ("private.pem", "jwks.json", "issuer.json")
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def is_local_name(issuer: str) -> bool:
    """Whether the name can only be a development issuer's (``urn:pgveil:local…`` or ``https://localhost…``)."""
    return issuer == "https://localhost" or issuer.startswith(_NAME_STARTS)


@dataclass(frozen=True, slots=True, repr=False)
class LocalIssuer:
    """A development issuer's folder, opened. Its ``repr`` shows no key."""

    folder: Path
    issuer: str
    audience: str
    algorithm: Algorithm
    key_id: str
    _key: PrivateKey

    def __repr__(self) -> str:
        return f"LocalIssuer({self.issuer!r}, {self.algorithm.value}, folder={str(self.folder)!r})"

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        issuer: str = LOCAL_ISSUER,
        audience: str = "pgveil",
        algorithm: Algorithm = Algorithm.ES256,
    ) -> LocalIssuer:
        """Make the folder and a new key pair in it. Raises SettingsFileError where one is there already.

        ``algorithm``: ES256, RS256 or EdDSA.
        """
        if not is_local_name(issuer):
            raise SettingsFileError(
                f"{issuer} is not a name for a local issuer ({LOCAL_ISSUER}… or https://localhost…)"
            )
        there = next((folder / name for name in _FILES if (folder / name).exists()), None)
        if there is not None:
            raise SettingsFileError(f"{there} exists already; nothing was changed")
        private_key = _new_key(algorithm)
        jwk = _public_jwk(private_key)
        key_id = _thumbprint(jwk)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_new(folder / "private.pem", _pem(private_key), 0o600)
            _write_new(folder / "jwks.json", _json({"keys": [_described(jwk, key_id, algorithm)]}), 0o644)
            _write_new(
                folder / "issuer.json",
                _json({"pgveil": _MARKER, "issuer": issuer, "audience": audience, "algorithm": algorithm.value}),
                0o644,
            )
        except OSError as problem:
            raise SettingsFileError(f"cannot write to {folder}: {problem.strerror}") from None
        return cls(folder, issuer, audience, algorithm, key_id, private_key)

    @classmethod
    def open(cls, folder: Path) -> LocalIssuer:
        """Open a folder made by ``create``. Raises SettingsFileError for anything else."""
        described = _marked(folder / "issuer.json")
        issuer, audience = described.get("issuer"), described.get("audience")
        if not isinstance(issuer, str) or not is_local_name(issuer) or not isinstance(audience, str):
            raise SettingsFileError(
                f"{folder / 'issuer.json'}: not a local issuer's name; tokens of other issuers are never made here"
            )
        algorithm = next((a for a in Algorithm if a.value == described.get("algorithm")), None)
        try:
            key = load_pem_private_key((folder / "private.pem").read_bytes(), password=None)
        except OSError as problem:
            raise SettingsFileError(f"cannot read {folder / 'private.pem'}: {problem.strerror}") from None
        except (ValueError, TypeError):
            raise SettingsFileError(f"{folder / 'private.pem'}: not a private key in PEM") from None
        if algorithm is None or not isinstance(key, PrivateKey) or not _fits(key, algorithm):
            raise SettingsFileError(f"{folder / 'private.pem'}: the key does not fit the algorithm in issuer.json")
        return cls(folder, issuer, audience, algorithm, _thumbprint(_public_jwk(key)), key)

    def mint(
        self,
        *,
        subject: str,
        roles: tuple[str, ...],
        lifetime: timedelta = timedelta(hours=8),
        audience: str | None = None,
        purpose: str | None = None,
        contract: str | None = None,
        not_before: float | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> str:
        """A signed token. ``not_before`` (now) is in seconds since the epoch, and the lifetime counts from it.

        ``extra`` adds claims, or replaces those named above (None drops one).
        """
        start = time.time() if not_before is None else not_before
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": audience or self.audience,
            "sub": subject,
            "roles": list(roles),
            "iat": int(start),
            "nbf": int(start),
            "exp": int(start + lifetime.total_seconds()),
            "purpose": purpose,
            "contract": contract,
        }
        claims |= extra or {}
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            self._key,
            algorithm=self.algorithm.value,
            headers={"kid": self.key_id},
        )

    def settings(self) -> IssuerSettings:
        """What ``identity.issuers`` must say for this issuer's tokens to be accepted."""
        return IssuerSettings(
            issuer=self.issuer,
            audience=self.audience,
            jwks=str(self.folder / "jwks.json"),
            algorithms=(self.algorithm,),
        )


def _new_key(algorithm: Algorithm) -> PrivateKey:
    match algorithm:
        case Algorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.RS256:
            return rsa.generate_private_key(public_exponent=65537, key_size=3072)
        case Algorithm.EDDSA:
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            raise SettingsFileError("a local issuer signs with ES256, RS256 or EdDSA")


def _fits(key: PrivateKey, algorithm: Algorithm) -> bool:
    match key:
        case ec.EllipticCurvePrivateKey():
            return algorithm is Algorithm.ES256 and isinstance(key.curve, ec.SECP256R1)
        case rsa.RSAPrivateKey():
            return algorithm is Algorithm.RS256
        case _:
            return algorithm is Algorithm.EDDSA


def _public_jwk(key: PrivateKey) -> dict[str, object]:
    match key:
        case ec.EllipticCurvePrivateKey():
            return dict(ECAlgorithm.to_jwk(key.public_key(), as_dict=True))
        case rsa.RSAPrivateKey():
            return dict(RSAAlgorithm.to_jwk(key.public_key(), as_dict=True))
        case _:
            return dict(OKPAlgorithm.to_jwk(key.public_key(), as_dict=True))


def _thumbprint(jwk: Mapping[str, object]) -> str:
    """The key's name: its JWK thumbprint (RFC 7638)."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[str(jwk["kty"])]}
    digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _described(jwk: Mapping[str, object], key_id: str, algorithm: Algorithm) -> dict[str, object]:
    public = {name: value for name, value in jwk.items() if name != "key_ops"}
    return public | {"kid": key_id, "alg": algorithm.value, "use": "sig"}


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _marked(path: Path) -> Mapping[str, object]:
    try:
        described = json.loads(path.read_bytes())
    except OSError as problem:
        raise SettingsFileError(f"cannot read {path}: {problem.strerror}") from None
    except (ValueError, RecursionError):
        raise SettingsFileError(f"{path}: not JSON") from None
    if not isinstance(described, dict) or described.get("pgveil") != _MARKER:
        raise SettingsFileError(
            f'{path}: does not carry "pgveil": "{_MARKER}"; tokens are made only for issuers that pgveil itself made'
        )
    return described
