"""Issuer settings: what is refused before any token is seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from proxy.identity.issuer import Algorithm, IssuerSettings, is_loopback


def issuer(**given: object) -> IssuerSettings:
    """Issuer settings with some given."""
    plain = {"issuer": "https://idp.example", "audience": "pgveil", "jwks": "https://idp.example/jwks"}
    return IssuerSettings.model_validate(plain | given)


def test_defaults() -> None:
    """By default only asymmetric algorithms are accepted, with a small leeway."""
    settings = issuer()
    assert settings.algorithms == (Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA)
    assert settings.leeway_seconds == 30
    assert settings.claims.roles == "roles"
    assert settings.claims.name == "sub"


@pytest.mark.parametrize("name", ["HS256", "HS384", "HS512", "hs256", "none", "NONE", "ES256K", "", 5, None, ["RS256"]])
def test_algorithms_that_cannot_be_named(name: object) -> None:
    """Shared secrets, unsigned tokens and unknown algorithms cannot be listed."""
    with pytest.raises(ValidationError):
        issuer(algorithms=["RS256", name])


def test_reasons_for_refused_algorithms() -> None:
    """The message says why an algorithm is not accepted."""
    with pytest.raises(ValidationError, match="can also forge"):
        issuer(algorithms=["HS256"])
    with pytest.raises(ValidationError, match="unsigned"):
        issuer(algorithms=["none"])
    with pytest.raises(ValidationError):
        issuer(algorithms=[])


def test_stale_bound_is_not_below_the_cache_time() -> None:
    """Keys cannot be distrusted before they would be fetched again."""
    assert issuer(jwks_cache_seconds=60, jwks_stale_seconds=60).jwks_stale_seconds == 60
    with pytest.raises(ValidationError, match="must not be less"):
        issuer(jwks_cache_seconds=600, jwks_stale_seconds=300)


@pytest.mark.parametrize(
    "url", ["https://idp.example/k", "http://localhost:8080/k", "http://127.0.0.1/k", "http://[::1]:1/k"]
)
def test_safe_addresses(url: str) -> None:
    """Keys are fetched over https, or over http from this machine."""
    assert issuer(jwks=url).jwks_is_url


@pytest.mark.parametrize(
    "url",
    ["http://idp.example/k", "ftp://localhost/k", "file:///etc/passwd", "https://", "https://u:p@idp.example/k",
     "http://localhost.evil.example/k", "http://127.0.0.1@evil.example/k", "https://idp.example:x/k", "https://[::1/k"],
)  # fmt: skip
def test_unsafe_addresses(url: str) -> None:
    """Any other address is refused, and its text is not repeated by our message."""
    with pytest.raises(ValidationError) as caught:
        issuer(jwks=url)
    assert url not in caught.value.errors()[0]["msg"]


def test_key_file_beside_the_settings(tmp_path: Path) -> None:
    """A relative key file is looked for in the settings file's folder."""
    (tmp_path / "jwks.json").write_text("{}")
    plain = {"issuer": "i", "audience": "a", "jwks": "jwks.json"}
    settings = IssuerSettings.model_validate(plain, context={"folder": tmp_path})
    assert settings.jwks == str(tmp_path / "jwks.json")
    assert not settings.jwks_is_url
    with pytest.raises(ValidationError, match="there is no file"):
        IssuerSettings.model_validate(plain | {"jwks": "other.json"}, context={"folder": tmp_path})


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("LOCALHOST", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True),
     ("0.0.0.1", False), ("::", False), ("10.0.0.1", False), ("localhost.example", False), ("", False)],
)  # fmt: skip
def test_loopback(host: str, expected: bool) -> None:
    """Only this machine's own addresses count as loopback."""
    assert is_loopback(host) is expected
