"""FF1 against NIST's samples (SP 800-38G, examples "FF1samples.pdf"), and as a permutation."""

from __future__ import annotations

from array import array

import pytest

from proxy.tokens import ff1, number_loops
from proxy.tokens.ff1 import Ff1
from tests.support.interpreted import interpreted

_KEY = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94")
_SHORT, _LONG = "39383736353433323130", "3737373770717273373737"
_DECIMAL, _LETTERS = "0123456789", "0123456789abcdefghi"
_NUMERALS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SAMPLES = [
    (16, 10, "", _DECIMAL, "2433477484"),
    (16, 10, _SHORT, _DECIMAL, "6124200773"),
    (16, 36, _LONG, _LETTERS, "a9tv40mll9kdu509eum"),
    (24, 10, "", _DECIMAL, "2830668132"),
    (24, 10, _SHORT, _DECIMAL, "2496655549"),
    (24, 36, _LONG, _LETTERS, "xbj3kv35jrawxv32ysr"),
    (32, 10, "", _DECIMAL, "6657667009"),
    (32, 10, _SHORT, _DECIMAL, "1001623463"),
    (32, 36, _LONG, _LETTERS, "xs8a0azh2avyalyzuwd"),
]


@pytest.fixture(params=["installed", "interpreted"], autouse=True)
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the loops as they are installed, and as Python runs them, where numpy takes their place for many values."""
    if request.param == "interpreted":
        monkeypatch.setattr(ff1, "number_loops", interpreted(number_loops))


def _print(number: int, radix: int, length: int) -> str:
    text = ""
    for _ in range(length):
        number, numeral = divmod(number, radix)
        text = _NUMERALS[numeral] + text
    return text


def _turned(cipher: Ff1, radix: int, text: str, *, forward: bool) -> str:
    left, right = (array("Q", [int(part, radix)]) for part in (text[: cipher.left], text[cipher.left :]))
    (cipher.encrypt if forward else cipher.decrypt)(left, right)
    return _print(left[0], radix, cipher.left) + _print(right[0], radix, cipher.right)


@pytest.mark.parametrize(("key_bytes", "radix", "tweak", "plain", "enciphered"), _SAMPLES)
def test_the_samples_of_the_standard(key_bytes: int, radix: int, tweak: str, plain: str, enciphered: str) -> None:
    """Each of the nine samples enciphers and deciphers as published."""
    cipher = Ff1(_KEY[:key_bytes], radix, len(plain), bytes.fromhex(tweak))
    assert _turned(cipher, radix, plain, forward=True) == enciphered
    assert _turned(cipher, radix, enciphered, forward=False) == plain


@pytest.mark.parametrize(("radix", "length"), [(1000, 2), (10, 6), (10, 7), (10, 19), (10, 36), (54773, 4), (2, 20)])
def test_a_batch_is_enciphered_like_its_members(radix: int, length: int) -> None:
    """Many numbers at once give what each gives alone, and decryption gives all of them back."""
    cipher = Ff1(_KEY, radix, length)
    plain = [(n % radix**cipher.left, radix**cipher.right - 1 - n * 7) for n in range(50)]
    left, right = (array("Q", half) for half in zip(*plain, strict=True))
    cipher.encrypt(left, right)
    for number, pair in enumerate(plain):
        alone = [array("Q", [half]) for half in pair]
        cipher.encrypt(*alone)
        assert (alone[0][0], alone[1][0]) == (left[number], right[number])
    assert all(half < radix**cipher.left for half in left)
    assert all(half < radix**cipher.right for half in right)
    cipher.decrypt(left, right)
    assert list(zip(left, right, strict=True)) == plain


def test_a_whole_domain_is_permuted() -> None:
    """Every one of a million numerals of six digits is the token of exactly one."""
    left, right = array("Q", [n // 1000 for n in range(10**6)]), array("Q", list(range(1000)) * 1000)
    Ff1(_KEY, 10, 6).encrypt(left, right)
    assert len(set(zip(left, right, strict=True))) == 10**6


@pytest.mark.parametrize(("radix", "length"), [(10, 5), (1, 10), (65537, 2), (10, 1), (2, 19), (10, 40)])
def test_parameters_that_the_standard_forbids(radix: int, length: int) -> None:
    """Fewer than a million values, a radix out of range, or halves that do not fit are refused."""
    with pytest.raises(ValueError, match=r"FF1 needs|too long"):
        Ff1(_KEY, radix, length)
