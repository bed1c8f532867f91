"""Arrays in both formats are taken apart and put together as the server does."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import TokenValueError
from proxy.tokens.arrays import read_array

_ELEMENTS = st.lists(st.one_of(st.none(), st.text(max_size=12).map(lambda t: t.encode("utf-8", "surrogatepass"))))


def _binary(elements: list[bytes | None]) -> bytes:
    if not elements:
        return struct.pack("!iiI", 0, 0, 25)
    cells = (struct.pack("!i", -1) if e is None else struct.pack("!i", len(e)) + e for e in elements)
    return struct.pack("!iiIii", 1, 1, 25, len(elements), 1) + b"".join(cells)


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("{}", []),
        ("{a,b}", ["a", "b"]),
        ('{"a b",NULL,"NULL",""}', ["a b", None, "NULL", ""]),
        (r'{"a\"b","c\\d"}', ['a"b', "c\\d"]),
        ("{{a,b},{c,d}}", ["a", "b", "c", "d"]),
        ("[0:1]={a,b}", ["a", "b"]),
        ("[2:2][0:1]={{a,b}}", ["a", "b"]),
        (r" { a , null , b\,c , d e } ", ["a", None, "b,c", "d e"]),
        (r"{\NULL}", ["NULL"]),
    ],
)
def test_elements_of_array_texts(text: str, elements: list[str | None]) -> None:
    """Each element is what array_in reads (manual, 8.15.2)."""
    array = read_array(text.encode(), binary=False)
    assert list(array.elements) == [e if e is None else e.encode() for e in elements]


@pytest.mark.parametrize(
    "text", ["", "a", "{", "}", "{a", "{a}}", "{a,}", "{,a}", "{a b\\ }", '{"a}', '{"a"b}', "{a}b", "{a{b}}", "{}{}"]
)
def test_malformed_array_texts(text: str) -> None:
    """What array_in would refuse is our error 22P02."""
    with pytest.raises(TokenValueError, match="malformed") as raised:
        read_array(text.encode(), binary=False)
    assert raised.value.sqlstate == "22P02"


@pytest.mark.parametrize("shape", ["{%s,%s}", "{{%s},{%s}}", "[3:4]={%s,%s}"])
def test_the_shape_stays(shape: str) -> None:
    """Other elements stand in the same places, quoted where they have to be."""
    array = read_array((shape % ("a", "b")).encode(), binary=False)
    assert array.with_elements([b"x y", None]).decode() == shape % ('"x y"', "NULL")
    assert array.with_elements([b"", b'q"\\']).decode() == shape % ('""', r'"q\"\\"')


@given(_ELEMENTS)
def test_elements_come_back_from_both_formats(elements: list[bytes | None]) -> None:
    """What is put together is read as the same elements."""
    binary = read_array(_binary(elements), binary=True)
    assert list(binary.elements) == elements
    assert binary.with_elements(elements) == _binary(elements)
    text = read_array(b"{" + b",".join([b"x"] * len(elements)) + b"}", binary=False).with_elements(elements)
    assert list(read_array(text, binary=False).elements) == elements


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_an_array_or_an_error_of_ours(cell: bytes, binary: bool) -> None:
    """Nothing but TokenValueError comes out, and a readable array can be put together again."""
    try:
        array = read_array(cell, binary=binary)
    except TokenValueError:
        return
    again = array.with_elements(array.elements)
    assert read_array(again, binary=binary).elements == array.elements


@given(st.text(alphabet='{},"\\ aNUL[]=:1\n', max_size=20))
def test_any_array_text_is_read_or_refused(text: str) -> None:
    """The same for texts made of the characters that matter."""
    try:
        array = read_array(text.encode(), binary=False)
    except TokenValueError:
        return
    again = array.with_elements(array.elements)
    assert read_array(again, binary=False).elements == array.elements
    assert "2" not in repr(array) or len(array.elements) in range(2, 30)
