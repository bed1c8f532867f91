"""Tokens in the rows of COPY TO STDOUT."""

from __future__ import annotations

from struct import pack

import pytest

from proxy.errors import UpstreamProtocolError
from proxy.planner.plan import CopyFormat, CopyKind, TokenCells
from proxy.session.copy_edge import copy_edge
from proxy.session.edge import Edge
from proxy.tokens.types import StoredType, TokenFormat, TokenType
from proxy.wire.backend import COPY_DATA, COPY_DONE
from proxy.wire.frames import frame
from tests.support.fake_tokens import FakeTokens

_MRN = TokenCells(TokenType("patient", TokenFormat.TEXT, StoredType.TEXT))
_MRNS = TokenCells(_MRN.type, array=True)
_DONE = frame(COPY_DONE, b"")


def _messages(*rows: bytes) -> bytes:
    return b"".join(frame(COPY_DATA, row) for row in rows)


def _edge(layout: CopyFormat, *tokens: TokenCells | None) -> Edge:
    return copy_edge(tokens, layout, len(tokens), FakeTokens())


def test_rows_of_text() -> None:
    """Escapes belong to the field, not to the value; NULL stays, and a literal comes back as it was."""
    data = _messages(b"a\\tb\tplain\n", b"\\N\tplain\n", b"lit:no\\\\ne\tx\n")
    edge = _edge(CopyFormat(CopyKind.TEXT), _MRN, None)
    assert edge.treat(data + _DONE, 0) == (
        len(data),
        _messages(b"tok:a\\tb\tplain\n", b"\\N\tplain\n", b"no\\\\ne\tx\n"),
    )


def test_rows_of_csv_with_a_header() -> None:
    """The header is no row, in whatever piece it comes; values are quoted where the server would quote them."""
    layout = CopyFormat(CopyKind.CSV, b",", b"", header=True, forced=frozenset({1}))
    edge = _edge(layout, _MRN, _MRNS)
    header, row = _messages(b"mrn,mrns\n"), _messages(b'"a,b","{c}"\n', b",\n")
    assert edge.treat(header, 0) == (len(header), header)
    assert edge.treat(row, 0) == (len(row), _messages(b'"tok:a,b","toka:{c}"\n', b",\n"))


def test_binary_rows_with_header_and_trailer() -> None:
    """Both pass as they are, also where nothing is between them."""
    header = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    first = header + b"\0\2" + pack("!i", 1) + b"a" + pack("!i", -1)
    shown = header + b"\0\2" + pack("!i", 6) + b"tokb:a" + pack("!i", -1)
    data = _messages(first, b"\xff\xff")
    assert _edge(CopyFormat(CopyKind.BINARY), _MRN, _MRN).treat(data, 0) == (len(data), _messages(shown, b"\xff\xff"))
    empty = _messages(header + b"\xff\xff")
    assert _edge(CopyFormat(CopyKind.BINARY), _MRN, _MRN).treat(empty, 0) == (len(empty), empty)


def test_a_row_that_is_cut_off_waits() -> None:
    """Nothing of it leaves before the whole of it is there."""
    data = _messages(b"a\n")
    assert all(_edge(CopyFormat(CopyKind.TEXT), _MRN).treat(data[:n], 0) == (0, b"") for n in range(len(data)))


def test_other_columns_than_planned_end_the_copy() -> None:
    """Positions count only where their number is the plan's."""
    with pytest.raises(UpstreamProtocolError):
        copy_edge((_MRN,), CopyFormat(CopyKind.TEXT), 2, FakeTokens())
    with pytest.raises(UpstreamProtocolError):
        _edge(CopyFormat(CopyKind.TEXT), _MRN).treat(_messages(b"a\tb\n"), 0)


def test_binary_rows_come_in_pieces() -> None:
    """However the stream is cut, what leaves is the same, and a row waits until the whole of it is there."""
    header = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    rows = [b"\0\1" + pack("!i", 1) + letter for letter in (b"a", b"b")]
    shown = [b"\0\1" + pack("!i", 6) + b"tokb:" + letter for letter in (b"a", b"b")]
    data = _messages(header + rows[0], rows[1], b"\xff\xff") + _DONE
    expected = _messages(header + shown[0], shown[1], b"\xff\xff")
    for cut in range(len(data) + 1):
        edge = _edge(CopyFormat(CopyKind.BINARY), _MRN)
        end, first = edge.treat(data[:cut], 0)
        last, second = edge.treat(data, end)
        assert (last, first + second) == (len(data) - len(_DONE), expected)


@pytest.mark.parametrize("row", [b"", b"\0", b"\0\2", b"\0\1\0\0\0\2a", b"\xff\xff\xff"])
@pytest.mark.parametrize("header", [b"PGCOPY\n\xff\r\n\0" + bytes(8), b""])
def test_malformed_binary_rows_end_the_copy(row: bytes, header: bytes) -> None:
    """What is no row of as many columns is an error, in the first message and behind it; a header may stand alone."""
    good = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    data = _messages(header + row) if header else _messages(good, row)
    if header and not row:
        assert _edge(CopyFormat(CopyKind.BINARY), _MRN).treat(data, 0) == (len(data), data)
        return
    with pytest.raises(UpstreamProtocolError):
        _edge(CopyFormat(CopyKind.BINARY), _MRN).treat(data, 0)
