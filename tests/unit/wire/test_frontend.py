"""The messages of a client: parse and build are inverse, garbage raises ClientProtocolError, secrets stay hidden."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import ClientProtocolError
from proxy.wire import frontend
from proxy.wire.frames import HEADER_SIZE, LENGTH_SIZE

_NAMES = st.binary(max_size=12).map(lambda raw: raw.replace(b"\0", b"."))
_OIDS = st.integers(0, 2**32 - 1)
_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)

_MESSAGES: st.SearchStrategy[frontend.FrontendMessage] = st.one_of(
    st.builds(frontend.Query, _NAMES),
    st.builds(frontend.Parse, _NAMES, _NAMES, st.lists(_OIDS, max_size=4).map(tuple)),
    st.builds(frontend.Bind, _NAMES, _NAMES, st.binary(max_size=20)),
    st.builds(frontend.Describe, st.sampled_from([b"S", b"P"]), _NAMES),
    st.builds(frontend.Close, st.sampled_from([b"S", b"P"]), _NAMES),
    st.builds(frontend.Execute, _NAMES, st.integers(-(2**31), 2**31 - 1)),
    st.just(frontend.Flush()),
    st.just(frontend.Sync()),
    st.just(frontend.Terminate()),
    st.builds(frontend.CopyData, st.binary(max_size=20)),
    st.just(frontend.CopyDone()),
    st.builds(frontend.CopyFail, _NAMES),
    st.builds(frontend.FunctionCall, _OIDS, st.binary(max_size=20)),
)
_STARTUPS: st.SearchStrategy[frontend.StartupPacket] = st.one_of(
    st.builds(
        frontend.StartupMessage,
        st.just(frontend.PROTOCOL_3_0),
        st.lists(st.tuples(_WORDS.filter(bool), _WORDS), max_size=4).map(tuple),
    ),
    st.just(frontend.SSLRequest()),
    st.just(frontend.GSSENCRequest()),
    st.builds(frontend.CancelRequest, _OIDS, st.binary(min_size=4, max_size=256)),
)


@given(_MESSAGES)
def test_parsing_a_built_message_gives_it_back(message: frontend.FrontendMessage) -> None:
    """Every message survives being built and parsed."""
    raw = message.encode()
    assert int.from_bytes(raw[1:HEADER_SIZE], "big") == len(raw) - 1
    assert frontend.parse_frontend(raw[0], raw[HEADER_SIZE:]) == message


@given(_STARTUPS)
def test_parsing_a_built_startup_packet_gives_it_back(packet: frontend.StartupPacket) -> None:
    """Every startup packet survives being built and parsed."""
    assert frontend.parse_startup(packet.encode()[LENGTH_SIZE:]) == packet


@given(st.integers(0, 255), st.binary(max_size=60))
def test_garbage_raises_our_error_only(tag: int, body: bytes) -> None:
    """Any tag and bytes parse, and then build to the same bytes, or raise ClientProtocolError."""
    with suppress(ClientProtocolError):
        message = frontend.parse_frontend(tag, body)
        assert message.encode()[HEADER_SIZE:] == body


@given(st.binary(max_size=60))
def test_garbage_before_login_raises_our_error_only(body: bytes) -> None:
    """Any startup packet, password or SASL message parses or raises ClientProtocolError."""
    for parse in (frontend.parse_startup, frontend.parse_password, frontend.parse_sasl_initial):
        with suppress(ClientProtocolError):
            parse(body)


@pytest.mark.parametrize("secret", [b"", b"abc", b"x" * 257])
def test_a_cancel_key_has_4_to_256_bytes(secret: bytes) -> None:
    """Other lengths are not a CancelRequest."""
    with pytest.raises(ClientProtocolError):
        frontend.parse_startup(frontend.CancelRequest(1, secret).encode()[LENGTH_SIZE:])


def test_the_last_value_of_a_startup_parameter_wins() -> None:
    """A parameter given twice has the value that the server would use."""
    message = frontend.StartupMessage(frontend.PROTOCOL_3_0, (("user", "a"), ("user", "b")))
    assert message.get("user") == "b"
    assert message.get("database") is None


@given(st.binary(max_size=40).map(lambda raw: raw.replace(b"\0", b".")))
def test_password_and_sasl_messages_survive(raw: bytes) -> None:
    """The ``p`` messages survive being built and parsed."""
    password = frontend.PasswordMessage(raw)
    assert frontend.parse_password(password.encode()[HEADER_SIZE:]) == password
    for data in (None, raw):
        initial = frontend.SASLInitialResponse(b"SCRAM-SHA-256", data)
        assert frontend.parse_sasl_initial(initial.encode()[HEADER_SIZE:]) == initial
    assert frontend.SASLResponse(raw).encode()[HEADER_SIZE:] == raw


def test_secrets_do_not_show_in_a_repr() -> None:
    """Passwords, cancel keys, parameters and COPY data stay out of reprs."""
    messages = (
        frontend.PasswordMessage(b"hunter2"),
        frontend.CancelRequest(1, b"hunter2"),
        frontend.Bind(b"", b"", b"hunter2"),
        frontend.CopyData(b"hunter2"),
        frontend.SASLResponse(b"hunter2"),
        frontend.SASLInitialResponse(b"X", b"hunter2"),
    )
    assert "hunter2" not in repr(messages)
