"""Tokens of whole numbers keep type, sign and size."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens.whole_numbers import WholeNumbers

_NUMBERS = WholeNumbers(bytes(range(32)))
_EDGES = sorted(
    {
        sign * (edge + step)
        for edge in (0, *(10**n for n in range(1, 19)), 2**31, 2**63 - 2)
        for step in (-1, 0, 1)
        for sign in (1, -1)
    }
    | {-(2**63)}
)


def _tokens(values: list[int]) -> list[int]:
    return _NUMBERS.encrypt(array("q", values)).tolist()


@given(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1), st.sampled_from(_EDGES))))
def test_every_number_comes_back(values: list[int]) -> None:
    """Decryption undoes encryption, and distinct values have distinct tokens."""
    tokens = _tokens(values)
    back = _NUMBERS.decrypt(array("q", tokens)).tolist()
    assert back == values
    assert len(set(tokens)) == len(set(values))


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_number_is_a_token(token: int) -> None:
    """Whatever number is taken for a token, it is the token of some value."""
    assert _tokens(_NUMBERS.decrypt(array("q", [token])).tolist()) == [token]


def test_sign_and_length_stay() -> None:
    """At each limit of a class the token has the sign, the length (from seven digits on) and the width of the value."""
    for value, token in zip(_EDGES, _tokens(_EDGES), strict=True):
        assert (token < 0) == (value < 0)
        assert (-(2**31) <= token < 2**31) == (-(2**31) <= value < 2**31)
        if abs(value) >= 10**6:
            assert len(str(token)) == len(str(value))
        else:
            assert abs(token) < 10**6


def test_short_numbers_are_one_class() -> None:
    """Up to six digits the length is not kept: the numbers below a million are exchanged among themselves, by sign."""
    every = _tokens(list(range(10**5)))
    assert len(set(every)) == 10**5
    assert 0 <= min(every) < 10**4
    assert 10**6 - 10**4 < max(every) < 10**6
    below = _tokens([-n for n in range(1, 10**5)])
    assert len(set(below)) == 10**5 - 1
    assert -(10**6) < min(below) < max(below) < 0
    assert sum(-a != b for a, b in zip(below, every[1:], strict=True)) > 99_900
