"""The loops for numbers, compiled and as Python runs them."""

from __future__ import annotations

from array import array
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens import number_loops
from tests.support.interpreted import interpreted

_INTERPRETED = interpreted(number_loops)
_BOTH = pytest.mark.parametrize("loops", [number_loops, _INTERPRETED], ids=["installed", "interpreted"])
_EDGES = [0, 1, 9, 10, 10**6 - 1, 10**6, 2**31, 2**63 - 1, -1, -(2**31), -(2**63) + 1, -(2**63)]
_BIGINT = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(_EDGES)


@_BOTH
@given(values=st.lists(_BIGINT))
def test_numbers_are_read_and_written(loops: ModuleType, values: list[int]) -> None:
    """Their text is Postgres' own, which Python's is too."""
    cells = [b"%d" % value for value in values]
    read = loops.read_numbers(cells)
    assert read.tolist() == values
    assert loops.write_numbers(read) == cells


@_BOTH
@pytest.mark.parametrize(
    "cell", [b"", b"-", b"--1", b"1a", b" 1", b"1_0", b"9223372036854775808", b"-9223372036854775809", b"1" * 40]
)
def test_what_is_no_bigint_is_an_error(loops: ModuleType, cell: bytes) -> None:
    """Whatever else the bytes are, nothing is made of them."""
    with pytest.raises(ValueError):
        loops.read_numbers([b"1", cell])


@_BOTH
@given(values=st.lists(_BIGINT))
def test_each_number_is_in_one_class(loops: ModuleType, values: list[int]) -> None:
    """The first whose end is no smaller than its magnitude, by sign."""
    positive, negative = [9, 2**31 - 1, 2**63 - 1], [10, 2**31, 2**63]
    members = loops.classed(array("q", values), array("Q", positive), array("Q", negative))
    expected = [
        next(n for n, end in enumerate(negative if v < 0 else positive) if abs(v) <= end) + 128 * (v < 0)
        for v in values
    ]
    assert list(members) == expected
    for member in set(expected):
        assert loops.places_of(members, member).tolist() == [p for p, m in enumerate(expected) if m == member]


@_BOTH
@given(values=st.lists(st.integers(100, 2**63 - 1)), negative=st.booleans(), size=st.integers(1, 2**63 - 1))
def test_halves_make_the_number_that_they_are_of(
    loops: ModuleType, values: list[int], negative: bool, size: int
) -> None:
    """What is below the size of its class goes back to its place, the others are left for another turn."""
    numbers = array("q", [-v if negative else v for v in values])
    places = array("q", range(len(values)))
    left, right = loops.halved(numbers, places, 100, 3_037_000_500)
    done = array("q", bytes(8 * len(values)))
    outside = loops.joined(done, places, left, right, 100, 3_037_000_500, size, negative)
    expected = [p for p, v in enumerate(values) if v - 100 >= size]
    assert places[:outside].tolist() == expected
    assert [left[i] * 3_037_000_500 + right[i] + 100 for i in range(outside)] == [values[p] for p in expected]
    assert all(done[p] == (0 if p in expected else numbers[p]) for p in range(len(values)))


@_BOTH
@given(texts=st.lists(st.from_regex(rb"[ -/]?(?:[0-9][ -./:]?){4,18}", fullmatch=True)), left=st.integers(2, 4))
def test_digits_are_read_and_written(loops: ModuleType, texts: list[bytes], left: int) -> None:
    """Both numbers are those of a text's digits, and put back they give the text; separators stay."""
    counts = loops.digit_counts(texts, 36)
    digits = [bytes(c for c in text if 48 <= c < 58) for text in texts]
    assert list(counts) == list(map(len, digits))
    for count in set(counts):
        places = loops.places_of(counts, count)
        lefts, rights = loops.read_digits(texts, places, left)
        for place, first, second in zip(places, lefts, rights, strict=True):
            assert (first, second) == (int(digits[place][:left]), int(digits[place][left:] or b"0"))
        done = list(texts)
        loops.write_digits(texts, places, lefts, rights, count - left, done)
        assert done == texts
        loops.write_digits(texts, places, array("Q", [0] * len(places)), rights, count - left, done)
        for place in places:
            seen = bytes(c for c in done[place] if 48 <= c < 58)
            assert seen == bytes([48] * left) + digits[place][left:]


@_BOTH
@pytest.mark.parametrize("text", [b"12345a", b"\x00", "é".encode(), b"1" * 37])
def test_other_texts_are_an_error(loops: ModuleType, text: bytes) -> None:
    """Letters, what is not ASCII, and too many digits."""
    with pytest.raises(ValueError):
        loops.digit_counts([b"123", text], 36)


@given(
    halves=st.lists(st.tuples(st.integers(0, 2**59 - 1), st.integers(0, 2**59 - 1)), min_size=1, max_size=5),
    fixed=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(1, 8)),
    values=st.tuples(st.integers(1000, 2**60), st.integers(1000, 2**60)),
    forward=st.booleans(),
)
def test_both_ways_of_running_take_the_same_rounds(
    halves: list[tuple[int, int]], fixed: tuple[int, int, int], values: tuple[int, int], forward: bool
) -> None:
    """Whatever the numbers are; what they must be is the samples' business."""

    def turned(loops: ModuleType) -> list[list[int]]:
        sides = [array("Q", [pair[n] % values[n] for pair in halves]) for n in (0, 1)]
        loops.rounds(*sides, fixed, values, lambda blocks: bytes(255 - b for b in blocks), forward)
        return [side.tolist() for side in sides]

    assert turned(number_loops) == turned(_INTERPRETED)
