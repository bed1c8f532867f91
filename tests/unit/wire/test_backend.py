"""The messages of a server: parse and build are inverse, garbage raises UpstreamProtocolError, bugs become XX000."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import PolicyRefusal, UpstreamProtocolError
from proxy.wire import backend
from proxy.wire.frames import HEADER_SIZE

_TEXTS = st.binary(max_size=12).map(lambda raw: raw.replace(b"\0", b".").decode(errors="surrogateescape"))
_INT16 = st.integers(-(2**15), 2**15 - 1)
_INT32 = st.integers(-(2**31), 2**31 - 1)
_OIDS = st.integers(0, 2**32 - 1)
_LETTERS = st.sampled_from("SVCMDHPpqWstcdnFLR")
_FIELDS = st.builds(backend.RowField, _TEXTS, _OIDS, _INT16, _OIDS, _INT16, _INT32, _INT16)


class _Message(Protocol):
    def encode(self) -> bytes: ...


_PARSERS: dict[type, Callable[[bytes], object]] = {
    backend.Authentication: backend.parse_authentication,
    backend.ParameterStatus: backend.parse_parameter_status,
    backend.BackendKeyData: backend.parse_backend_key_data,
    backend.ReadyForQuery: backend.parse_ready_for_query,
    backend.RowDescription: backend.parse_row_description,
    backend.CommandComplete: backend.parse_command_complete,
    backend.ErrorResponse: backend.parse_error_response,
    backend.NoticeResponse: backend.parse_notice_response,
    backend.NegotiateProtocolVersion: backend.parse_negotiate_protocol_version,
}
_MESSAGES: st.SearchStrategy[_Message] = st.one_of(
    st.builds(backend.Authentication, _OIDS, st.binary(max_size=20)),
    st.builds(backend.ParameterStatus, _TEXTS, _TEXTS),
    st.builds(backend.BackendKeyData, _OIDS, st.binary(min_size=4, max_size=256)),
    st.builds(backend.ReadyForQuery, st.sampled_from([b"I", b"T", b"E"])),
    st.builds(backend.RowDescription, st.lists(_FIELDS, max_size=5).map(tuple)),
    st.builds(backend.CommandComplete, _TEXTS),
    st.builds(backend.ErrorResponse, st.dictionaries(_LETTERS, _TEXTS)),
    st.builds(backend.NoticeResponse, st.dictionaries(_LETTERS, _TEXTS)),
    st.builds(backend.NegotiateProtocolVersion, _OIDS, st.lists(_TEXTS, max_size=3).map(tuple)),
)


@given(_MESSAGES)
def test_parsing_a_built_message_gives_it_back(message: _Message) -> None:
    """Every message survives being built and parsed, whatever its encoding."""
    raw = message.encode()
    assert int.from_bytes(raw[1:HEADER_SIZE], "big") == len(raw) - 1
    assert _PARSERS[type(message)](raw[HEADER_SIZE:]) == message


@given(st.binary(max_size=60))
def test_garbage_raises_our_error_only(body: bytes) -> None:
    """Any bytes parse, and then build to the same bytes, or raise UpstreamProtocolError."""
    for kind, parse in _PARSERS.items():
        with suppress(UpstreamProtocolError):
            message = parse(body)
            assert isinstance(message, kind)
            assert message.encode()[HEADER_SIZE:] == body  # type: ignore[attr-defined]
    for reader in (backend.parse_data_row, backend.sasl_mechanisms):
        with suppress(UpstreamProtocolError):
            reader(body)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=12)), max_size=6).map(tuple))
def test_the_cells_of_a_data_row_survive(cells: tuple[bytes | None, ...]) -> None:
    """Cells, NULL and empty ones too, survive being built and parsed."""
    assert backend.parse_data_row(backend.build_data_row(cells)[HEADER_SIZE:]) == cells


@pytest.mark.parametrize(
    ("tag", "rows"),
    [
        (b"SELECT 5", 5),
        (b"INSERT 0 12", 12),
        (b"FETCH 0", 0),
        (b"BEGIN", None),
        (b"CREATE TABLE", None),
        (b"", None),
        (b"SELECT \xb2", None),
    ],
)
def test_the_rows_of_a_command_tag(tag: bytes, rows: int | None) -> None:
    """A tag that ends with a number counts rows, any other does not."""
    assert backend.rows_of_tag(tag) == rows


def test_a_proxy_error_says_what_why_and_what_to_do() -> None:
    """Message, detail, hint, position and code arrive in the fields that clients read."""
    error = PolicyRefusal("no", reason="relation", detail="why", hint="do", position=7)
    parsed = backend.parse_error_response(backend.error_response(error)[HEADER_SIZE:])
    expected = {"S": "ERROR", "V": "ERROR", "C": "42501", "M": "no", "D": "why", "H": "do", "P": "7"}
    assert parsed.fields == expected
    fatal = backend.parse_error_response(backend.error_response(error, fatal=True)[HEADER_SIZE:])
    assert (fatal.fields["S"], fatal.fields["V"]) == ("FATAL", "FATAL")


def test_a_bug_is_xx000_with_a_reference_and_no_text(caplog: pytest.LogCaptureFixture) -> None:
    """An unknown exception's text reaches neither client nor log; both have the same reference."""
    with caplog.at_level(logging.ERROR, logger="pgveil.errors"):
        raw = backend.error_response(ValueError("901-42-0042"))
    parsed = backend.parse_error_response(raw[HEADER_SIZE:])
    reference = parsed.fields["M"].rpartition(" ")[2]
    assert parsed.sqlstate == "XX000"
    assert reference in caplog.text
    assert "ValueError" in caplog.text
    assert b"901-42-0042" not in raw
    assert "901-42-0042" not in caplog.text


def test_odd_characters_in_a_message_cannot_break_the_frame() -> None:
    """Zero bytes and lone surrogates in an error's text still give one well-formed message."""
    raw = backend.error_response(PolicyRefusal("a\0b\ud800", reason="x"))
    assert backend.parse_error_response(raw[HEADER_SIZE:]).fields["M"] == "ab?"


def test_texts_stay_out_of_a_repr() -> None:
    """Error texts and keys do not show in reprs."""
    messages = (backend.ErrorResponse({"M": "hunter2"}), backend.BackendKeyData(1, b"hunter2"))
    assert "hunter2" not in repr(messages)
    assert backend.ErrorResponse({}).sqlstate == backend.NoticeResponse({}).sqlstate == "XX000"


def test_sasl_mechanisms_are_listed() -> None:
    """The names that AuthenticationSASL offers, in order."""
    assert backend.sasl_mechanisms(b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0") == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
