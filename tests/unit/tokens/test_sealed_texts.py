"""Tokens of any text: AES-SIV as RFC 5297 has it, and their printed form."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens.sealed_texts import SealedTexts, named

_KEY = bytes(range(64))
_TEXTS = SealedTexts("patient", 1, _KEY)
_ANY = st.one_of(st.binary(max_size=80), st.text(max_size=40).map(lambda t: t.encode("utf-8", "surrogatepass")))


def test_the_deterministic_example_of_the_rfc() -> None:
    """RFC 5297, A.1: the library that seals gives the published result."""
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    associated = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    sealed = AESSIV(key).encrypt(bytes.fromhex("112233445566778899aabbccddee"), [associated])
    assert sealed.hex() == "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"


def test_the_nonce_based_example_of_the_rfc() -> None:
    """RFC 5297, A.2: several strings of associated data, and a text longer than a block."""
    key = bytes.fromhex("7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f")
    associated = [
        bytes.fromhex("00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100"),
        bytes.fromhex("102030405060708090a0"),
        bytes.fromhex("09f911029d74e35bd84156c5635688c0"),
    ]
    plain = b"this is some plaintext to encrypt using SIV-AES"
    assert AESSIV(key).encrypt(plain, associated).hex() == (
        "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d"
    )


@given(st.lists(_ANY, max_size=8) | st.lists(_ANY, min_size=12, max_size=14))
def test_every_text_comes_back(texts: list[bytes]) -> None:
    """Decryption undoes encryption, distinct texts have distinct tokens, and a batch gives what each gives alone."""
    tokens = _TEXTS.encrypt(texts)
    assert [_TEXTS.decrypt(token) for token in tokens] == texts
    assert len(set(tokens)) == len(set(texts))
    assert tokens == [_TEXTS.encrypt([text])[0] for text in texts]


@given(_ANY)
def test_a_token_says_domain_and_epoch_in_plain_letters(text: bytes) -> None:
    """Its form is the documented one, and the sealed bytes are the standard's, in base 32."""
    (token,) = SealedTexts("acme_health", 12, _KEY).encrypt([text])
    assert re.fullmatch(rb"acme_health_12_[a-z2-7]{26,}", token)
    assert named(token) == ("acme_health", 12)


def test_a_very_long_text_has_a_token() -> None:
    """A megabyte is sealed and opened."""
    text = b"x" * 1_000_000
    assert _TEXTS.decrypt(_TEXTS.encrypt([text])[0]) == text


def test_tokens_of_other_domains_and_epochs_do_not_open() -> None:
    """Even under the same key, a token opens only where it says that it is from."""
    for other in (SealedTexts("acme", 1, _KEY), SealedTexts("patient", 2, _KEY)):
        (token,) = other.encrypt([b"MRN-1"])
        assert _TEXTS.decrypt(token) is None
    (relabelled,) = SealedTexts("acme", 1, _KEY).encrypt([b"MRN-1"])
    assert _TEXTS.decrypt(relabelled.replace(b"acme", b"patient")) is None


@pytest.mark.parametrize("change", [bytes.upper, bytes.title, lambda t: t + b"a", lambda t: t[:-1], lambda t: b" " + t])
def test_only_one_spelling_is_the_token(change: type) -> None:
    """Another case, a missing or an additional character make it none."""
    (token,) = _TEXTS.encrypt([b"MRN-1"])
    assert _TEXTS.decrypt(change(token)) is None


def test_bits_that_decoding_drops_are_not_a_second_spelling() -> None:
    """No token has two texts of base 32."""
    (token,) = _TEXTS.encrypt([b"MRN-1"])
    last = [token[:-1] + bytes([letter]) for letter in b"abcdefghijklmnopqrstuvwxyz234567"]
    assert [t for t in last if _TEXTS.decrypt(t) is not None] == [token]


@given(st.one_of(st.binary(max_size=80), st.from_regex(rb"patient_1_[a-z2-7]{20,60}", fullmatch=True)))
def test_other_bytes_are_no_tokens(token: bytes) -> None:
    """What was not made here is None, whatever it is."""
    assert _TEXTS.decrypt(token) is None
