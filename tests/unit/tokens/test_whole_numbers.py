"""Tokens of whole numbers keep type, sign and size."""

from __future__ import annotations

import numpy as np
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
    found: list[int] = _NUMBERS.encrypt(np.array(values, dtype=np.int64)).tolist()
    return found


@given(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1), st.sampled_from(_EDGES))))
def test_every_number_comes_back(values: list[int]) -> None:
    """Decryption undoes encryption, and distinct values have distinct tokens."""
    tokens = _tokens(values)
    back = _NUMBERS.decrypt(np.array(tokens, dtype=np.int64)).tolist()
    assert back == values
    assert len(set(tokens)) == len(set(values))


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_number_is_a_token(token: int) -> None:
    """Whatever number is taken for a token, it is the token of some value."""
    assert _tokens(_NUMBERS.decrypt(np.array([token], dtype=np.int64)).tolist()) == [token]


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
    """Up to six digits the length is not kept: all million numbers are exchanged among themselves, by sign."""
    every = np.arange(10**6, dtype=np.int64)
    tokens = _NUMBERS.encrypt(every)
    assert (np.sort(tokens) == every).all()
    assert {len(str(token)) for token in tokens[:100].tolist()} >= {5, 6}
    below = _NUMBERS.encrypt(-every[1:])
    assert (np.sort(-below) == every[1:]).all()
    assert (below != -tokens[1:]).sum() > 999_000
