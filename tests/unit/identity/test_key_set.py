"""Reading key sets: which keys are kept and for which algorithm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from proxy.identity.issuer import Algorithm
from proxy.identity.key_set import MAX_KEY_SET_BYTES, KeySetError, parse_key_set

ALL = tuple(Algorithm)
RSA_JWK: dict[str, Any] = RSAAlgorithm.to_jwk(
    rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key(), as_dict=True
)
EC_JWK: dict[str, Any] = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
OKP_JWK: dict[str, Any] = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True)


def found(*entries: object, algorithms: tuple[Algorithm, ...] = ALL) -> set[Algorithm]:
    """The algorithms that the keys of a set are bound to."""
    data = json.dumps({"keys": entries}).encode()
    return {key.algorithm for key in parse_key_set(data, algorithms).keys}


def test_key_fits_its_algorithms_only() -> None:
    """A key is bound to the algorithms of its own type and curve, as far as the issuer lists them."""
    rsa_all = {a for a in Algorithm if a.value[:2] in {"RS", "PS"}}
    assert found(RSA_JWK) == rsa_all
    assert found(RSA_JWK, algorithms=(Algorithm.PS256, Algorithm.ES256)) == {Algorithm.PS256}
    assert found(EC_JWK) == {Algorithm.ES256}
    assert found(OKP_JWK) == {Algorithm.EDDSA}
    for curve, name in ((ec.SECP384R1(), Algorithm.ES384), (ec.SECP521R1(), Algorithm.ES512)):
        jwk = ECAlgorithm.to_jwk(ec.generate_private_key(curve).public_key(), as_dict=True)
        assert found(jwk) == {name}
    koblitz = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256K1()).public_key(), as_dict=True)
    assert found(koblitz) == set()


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "ES384"}, {"alg": "HS256"}, {"alg": ["ES256"]}, {"use": "enc"}, {"use": ["sig"]}, {"key_ops": ["sign"]},
        {"key_ops": "verify"}, {"kid": 7}, {"kty": "oct", "k": "AAAA"}, {"kty": "RSA"}, {"kty": None}, {"kty": ["EC"]},
        {"crv": "P-384"}, {"crv": ["P-256"]}, {"x": 5}, {"x": "AA"}, {"x": "!!"}, {"y": None},
    ],
)  # fmt: skip
def test_unusable_keys_are_left_out(change: dict[str, object]) -> None:
    """A key that declares another use or algorithm, or that is damaged, is left out; the others stay."""
    assert found(EC_JWK | {"key_ops": None} | change, OKP_JWK) == {Algorithm.EDDSA}


def test_declarations_that_allow_verifying() -> None:
    """A key that says it is for verifying signatures with its algorithm is kept."""
    assert found(EC_JWK | {"use": "sig", "alg": "ES256", "key_ops": ["verify"], "kid": "a"}) == {Algorithm.ES256}


def test_short_rsa_key_is_left_out() -> None:
    """RSA keys below 2048 bits are not used."""
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the point of the test
    assert found(RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True)) == set()


def test_private_members_are_dropped() -> None:
    """A private key published by mistake serves as a public key, and its private part is not kept."""
    private = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True) | {"key_ops": ["verify"]}
    keys = parse_key_set(json.dumps({"keys": [private]}).encode(), ALL).keys
    assert isinstance(keys[0].key.key, ec.EllipticCurvePublicKey)


def test_candidates() -> None:
    """A token's key id is matched exactly; a token without one may have any key that fits its algorithm."""
    keys = parse_key_set(json.dumps({"keys": [EC_JWK | {"kid": "a"}, EC_JWK | {"kid": "b"}, EC_JWK]}).encode(), ALL)
    assert len(keys.candidates(Algorithm.ES256, "a")) == 1
    assert len(keys.candidates(Algorithm.ES256, None)) == 3
    assert keys.candidates(Algorithm.ES256, "c") == ()
    assert keys.candidates(Algorithm.RS256, "a") == ()


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": 1}', b"\xff", b"[" * 100_000, b" " * (MAX_KEY_SET_BYTES + 1)],
)
def test_no_key_set(data: bytes) -> None:
    """What is no key set is an error that quotes nothing."""
    with pytest.raises(KeySetError):
        parse_key_set(data, ALL)


def test_too_many_keys() -> None:
    """A key set with hundreds of keys is not believed."""
    with pytest.raises(KeySetError, match="more than"):
        found(*[EC_JWK] * 201)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    entry=st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"]),
                          json_values | st.sampled_from(["EC", "RSA", "OKP", "P-256", "Ed25519", "AQAB", "sig"]))
)  # fmt: skip
def test_any_entry(entry: dict[str, object]) -> None:
    """Whatever an entry holds, reading it either finds keys or leaves it out."""
    found(entry)
