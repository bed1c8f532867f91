"""An issuer of tokens as the settings describe it.

Owns: the settings of one issuer, the closed list of signature algorithms, and the rule that a key address is safe.
Must not know: how a token is verified, where the settings file lies (a folder comes in as validation context).
Invariant: only asymmetric algorithms can be named, so that a public key can never serve as a shared secret.
"""

from __future__ import annotations

import ipaddress
from enum import Enum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator


class Algorithm(Enum):
    """Signature algorithms (RFC 7518 section 3.1, RFC 8037). There is no ``none`` and no HMAC here on purpose."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EDDSA = "EdDSA"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine's loopback (a name is taken for it only if it is ``localhost``)."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _known_algorithm(value: object) -> object:
    if isinstance(value, Algorithm):
        return value
    if isinstance(value, str) and value.upper().startswith("HS"):
        raise ValueError("HMAC algorithms are not accepted: whoever can check such a token can also forge one")
    if isinstance(value, str) and value.lower() == "none":
        raise ValueError("unsigned tokens are not accepted")
    if value not in [a.value for a in Algorithm]:
        raise ValueError("must be one of " + ", ".join(a.value for a in Algorithm))
    return value


ListedAlgorithm = Annotated[Algorithm, BeforeValidator(_known_algorithm)]


class ClaimNames(BaseModel):
    """Which claims hold what. A name is a claim's own name, or else a path through objects (``realm_access.roles``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: str = Field("roles", min_length=1, description="claim with the roles: a list, or words in one string")
    purpose: str = Field("purpose", min_length=1, description="claim with the purpose of use (optional in a token)")
    contract: str = Field("contract", min_length=1, description="claim with the contract (optional in a token)")
    name: str = Field("sub", min_length=1, description="claim that names the principal in the journal")


class IssuerSettings(BaseModel):
    """One issuer whose tokens are accepted. ``jwks`` is an ``https:`` address (``http:`` on loopback) or a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1, description="the `iss` of its tokens, compared exactly")
    audience: str = Field(min_length=1, description="must be the token's `aud` or among it")
    jwks: str = Field(min_length=1, description="its public keys: a file, or an https address (http on loopback)")
    algorithms: tuple[ListedAlgorithm, ...] = Field(
        (Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA), description="signature algorithms accepted"
    )
    leeway_seconds: int = Field(30, ge=0, le=300, description="how far the issuer's clock may differ from ours")
    jwks_cache_seconds: int = Field(300, ge=1, description="keys from an address are fetched again when this old")
    jwks_stale_seconds: int = Field(
        3600, ge=10, description="keys that could not be read again are trusted no longer than this"
    )
    discovery: str | None = Field(
        None,
        description="its OpenID metadata, which clients of OAUTHBEARER are told (the first issuer's that has any)",
        json_schema_extra={"shown_default": "`ISSUER/.well-known/openid-configuration`, where `issuer` is https"},
    )
    scope: str = Field("openid", min_length=1, description="the scopes that clients of OAUTHBEARER are told to ask for")
    claims: ClaimNames = Field(default_factory=ClaimNames, description="which claims hold what")

    @field_validator("algorithms")
    @classmethod
    def _some_algorithm(cls, value: tuple[Algorithm, ...]) -> tuple[Algorithm, ...]:
        if not value:
            raise ValueError("at least one algorithm is required")
        return value

    @field_validator("jwks")
    @classmethod
    def _safe_address(cls, value: str, info: ValidationInfo) -> str:
        if "://" in value:
            return _checked_url(value)
        folder: Path | None = (info.context or {}).get("folder")
        if folder is None:
            return value
        path = folder / Path(value).expanduser()
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        return str(path)

    @model_validator(mode="after")
    def _stale_after_aged(self) -> IssuerSettings:
        if self.jwks_stale_seconds < self.jwks_cache_seconds:
            raise ValueError("`jwks_stale_seconds` must not be less than `jwks_cache_seconds`")
        return self

    @property
    def metadata(self) -> str | None:
        """The address of its metadata, which PostgreSQL's clients accept only over https and under /.well-known/."""
        if self.discovery is not None or not self.issuer.startswith("https://"):
            return self.discovery
        return f"{self.issuer}/.well-known/openid-configuration"

    @property
    def jwks_is_url(self) -> bool:
        """Whether the keys are fetched over HTTP rather than read from a file."""
        return "://" in self.jwks


def _checked_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        _ = parts.port  # the property is what checks the number
    except ValueError:
        raise ValueError("is not a valid address") from None
    if not host:
        raise ValueError("the address names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address must not carry a user name or password")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return value
    raise ValueError("keys must be fetched over https (http is accepted on loopback only)")
