"""Marked texts are known again, and cannot be imitated."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens.marks import Marks

_MARKS = Marks(bytes(32))
_TEXTS = st.text().map(lambda t: t.encode("utf-8", "surrogatepass"))


@given(_TEXTS)
def test_a_literal_comes_back(literal: bytes) -> None:
    """What was marked is known by its mark, also where char(n) has padded it."""
    marked = _MARKS.marked(literal)
    assert _MARKS.literal(marked) == literal
    assert _MARKS.literal(marked + b"   ") == literal + b"   "


@given(_TEXTS, _TEXTS)
def test_marked_texts_are_equal_where_their_literals_are(one: bytes, other: bytes) -> None:
    """Different literals stay different, and those that char(n) takes for equal stay so."""
    assert (_MARKS.marked(one) == _MARKS.marked(other)) == (one == other)
    blanks = (one.rstrip(b" "), other.rstrip(b" "))
    marked = (_MARKS.marked(one).rstrip(b" "), _MARKS.marked(other).rstrip(b" "))
    assert (marked[0] == marked[1]) == (blanks[0] == blanks[1])


@given(_TEXTS)
def test_a_stored_text_is_not_marked(text: bytes) -> None:
    """Neither any text, nor one behind the prefix, nor one marked for another domain is taken for a mark."""
    assert _MARKS.literal(text) is None
    assert _MARKS.literal(_MARKS.prefix + text) is None
    assert _MARKS.literal(Marks(bytes(31) + b"1").marked(text)) is None


@given(_TEXTS, st.integers(0, 25))
def test_a_shortened_mark_is_none(literal: bytes, kept: int) -> None:
    """What was cut off inside the mark is no literal."""
    assert _MARKS.literal(_MARKS.marked(literal)[:kept]) is None
