"""Large messages, ends of sessions, and bytes that are no protocol."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import ProxyError, SessionEndedError, UpstreamProtocolError, UpstreamUnavailableError
from proxy.planner.plan import Origin
from proxy.wire.backend import ParameterStatus
from proxy.wire.frames import HEADER
from proxy.wire.frontend import SYNC_MESSAGE, TERMINATE_MESSAGE, Bind, Close, CopyData, Describe, Execute, Parse, Query
from tests.support.playbook import (
    BOUND,
    CLOSED,
    COPY_ENDED,
    EMPTY,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    NO_PARAMETERS,
    NO_ROWS,
    PARSED,
    SUSPENDED,
    Playbook,
    Stage,
    columns,
    done,
    error,
    notice,
    row,
)

_MEGABYTE = 1_000_000


def _stage(max_message_bytes: int = _MEGABYTE) -> Stage:
    return Stage(restricted=True, origins=(), max_message_bytes=max_message_bytes)


@pytest.mark.parametrize("tag", ["D", "d"])
def test_a_row_passes_as_it_comes(tag: str) -> None:
    """A row far above any limit streams through: no piece is kept, whatever the pieces are."""
    stage = _stage()
    text, opening = (b"select 1", columns((5, 1))) if tag == "D" else (b"copy t to stdout", b"H\0\0\0\x07\0\0\0")
    stage.conversation.client_bytes(Query(text).encode())
    stage.conversation.upstream_bytes(opening)
    received = 0

    def count(data: bytes) -> None:
        nonlocal received
        received += len(data)

    stage.conversation._upstream._to_client = count
    piece = bytes(_MEGABYTE)
    tracemalloc.start()
    try:
        stage.conversation.upstream_bytes(HEADER.pack(ord(tag), 100 * _MEGABYTE + 4))
        for _ in range(100):
            stage.conversation.upstream_bytes(piece)
            assert stage.conversation.mid_message == (received < 100 * _MEGABYTE + 5)
        assert tracemalloc.get_traced_memory()[1] < _MEGABYTE
    finally:
        tracemalloc.stop()
    assert received == 100 * _MEGABYTE + 5
    assert not stage.conversation.mid_message
    stage.conversation.upstream_bytes((COPY_ENDED if tag == "d" else b"") + done("SELECT 1") + IDLE)
    assert stage.conversation.idle


def test_a_long_query_may_come_in_pieces_and_has_a_limit() -> None:
    """Statements of megabytes pass; one above the limit is refused as soon as its length is known."""
    stage = _stage()
    message = Query(b"select '" + b"x" * (_MEGABYTE - 100) + b"'").encode()
    for start in range(0, len(message), 1000):
        stage.conversation.client_bytes(message[start : start + 1000])
    assert stage.got["upstream"] == message
    with pytest.raises(ProxyError, match="invalid message length"):
        stage.conversation.client_bytes(HEADER.pack(ord("Q"), _MEGABYTE + 5))


def test_a_long_message_of_upstream_has_a_limit() -> None:
    """What must be kept whole may not be longer than the limit."""
    stage = _stage()
    with pytest.raises(UpstreamProtocolError, match="too long"):
        stage.conversation.upstream_bytes(HEADER.pack(ord("N"), _MEGABYTE + 5))


def test_what_is_sent_ahead_of_a_held_message_has_a_limit() -> None:
    """While a message is held the caller is asked to stop reading; one that does not is stopped."""
    stage = _stage()
    stage.conversation.client_bytes(Query(b"set search_path = x").encode() + Query(b"select 1").encode())
    assert not stage.conversation.wants_client_bytes
    assert not stage.conversation.idle
    stage.conversation.client_bytes(bytes(_MEGABYTE))
    with pytest.raises(ProxyError, match="sent ahead"):
        stage.conversation.client_bytes(bytes(_MEGABYTE))


def test_a_deep_pipeline_asks_the_caller_to_stop_reading() -> None:
    """Very many replies owed are a reason to wait before more is read from the client."""
    stage = _stage()
    wants = [stage.conversation.wants_client_bytes]
    stage.conversation.client_bytes(SYNC_MESSAGE * 10_000)
    wants.append(stage.conversation.wants_client_bytes)
    stage.conversation.upstream_bytes(IDLE * 10_000)
    wants.append(stage.conversation.wants_client_bytes)
    assert wants == [True, False, True]
    assert stage.conversation.idle


def test_terminate_is_passed_on_once() -> None:
    """Terminate, and what follows it, ends the client's stream; a client that just goes is reported too."""
    (
        Playbook()
        .client(Query(b""))
        .upstream(EMPTY, IDLE)
        .client(TERMINATE_MESSAGE, b"rubbish")
        .to_upstream(TERMINATE_MESSAGE)
        .act(lambda stage: stage.conversation.client_closed())
        .upstream(notice("57014", "late"))
        .to_upstream()
        .run()
    )
    stage = _stage()
    stage.conversation.client_closed()
    stage.conversation.client_closed()
    assert stage.got["upstream"] == TERMINATE_MESSAGE
    stage.conversation.upstream_closed()


KEEPS = [
    (b"", b"", True),
    (Query(b"select 1").encode(), columns((5, 1)) + row(b"1") + done("SELECT 1") + IDLE, True),
    (Parse(b"", b"select 1").encode() + SYNC_MESSAGE, PARSED + IDLE, True),
    (b"", ParameterStatus("TimeZone", "CET").encode(), True),
    (Query(b"select 1").encode(), columns((5, 1)) + row(b"1"), False),
    (Query(b"begin").encode(), done("BEGIN") + IN_TRANSACTION, False),
    (Parse(b"", b"select 1").encode(), PARSED, False),
    (Parse(b"", b"select").encode(), error("42601", "syntax error"), False),
    (b"", ParameterStatus("TimeZone", "CET").encode()[:-1], False),
    (b"", error("57P01", "terminating connection", severity="FATAL"), False),
]


@pytest.mark.parametrize(("said", "answered", "kept"), KEEPS)
def test_a_goodbye_is_kept_from_upstream_where_nothing_is_open(said: bytes, answered: bytes, *, kept: bool) -> None:
    """Then the connection may be another session's; what makes sure that it ends is said late, if it must."""
    stage = Stage(restricted=False, origins=(), max_message_bytes=_MEGABYTE, keeps_upstream=True)
    for feed, data in ((stage.conversation.client_bytes, said), (stage.conversation.upstream_bytes, answered)):
        if data:
            feed(data)
    stage.got["upstream"].clear()
    stage.conversation.client_bytes(TERMINATE_MESSAGE + b"rubbish")
    assert stage.conversation.left_at_rest is kept
    assert stage.got["upstream"] == (b"" if kept else TERMINATE_MESSAGE)
    stage.conversation.client_closed()
    assert stage.got["upstream"] == TERMINATE_MESSAGE
    assert not stage.conversation.left_at_rest


def test_reported_settings_are_remembered() -> None:
    """The last value of each, for whoever has the connection next."""
    stage = _stage()
    for zone in ("CET", "UTC"):
        stage.conversation.upstream_bytes(ParameterStatus("TimeZone", zone).encode())
    stage.conversation.upstream_bytes(ParameterStatus("DateStyle", "ISO").encode())
    assert stage.conversation.reported == {"TimeZone": "UTC", "DateStyle": "ISO"}


def test_an_upstream_that_goes_away_is_told_to_the_client() -> None:
    """Idle or in the middle of a result: 08006, unless the upstream has said why itself."""
    for before in (b"", columns((5, 1)) + row(b"1"), columns((5, 1)) + row(b"1")[:7]):
        stage = _stage()
        stage.conversation.client_bytes(Query(b"select 1").encode())
        if before:
            stage.conversation.upstream_bytes(before)
        with pytest.raises(UpstreamUnavailableError) as caught:
            stage.conversation.upstream_closed()
        assert caught.value.sqlstate == "08006"
        assert stage.conversation.mid_message == before.endswith(row(b"1")[:7])
    stage = _stage()
    farewell = error("57P01", "terminating connection", severity="FATAL")
    stage.conversation.upstream_bytes(farewell)
    assert stage.got["client"] == farewell
    stage.conversation.upstream_closed()


def test_a_session_that_must_end_at_once_does() -> None:
    """An expired token does not wait for the statement that runs."""
    stage = _stage()
    stage.conversation.client_bytes(Query(b"select 1").encode())
    reason = SessionEndedError("the token has expired")
    with pytest.raises(SessionEndedError):
        stage.conversation.end(reason, at_once=True)
    assert stage.conversation.close_reason is reason


def test_a_draining_session_ends_when_it_is_at_rest() -> None:
    """Not inside a transaction, and not before the client has its answer."""
    stage = _stage()
    stage.conversation.client_bytes(Query(b"begin").encode())
    stage.conversation.end(SessionEndedError("shutting down"))
    stage.conversation.upstream_bytes(done("BEGIN") + IN_TRANSACTION)
    assert stage.conversation.in_transaction
    stage.conversation.client_bytes(Query(b"commit").encode())
    with pytest.raises(SessionEndedError):
        stage.conversation.upstream_bytes(done("COMMIT") + IDLE)
    assert stage.got["client"].endswith(done("COMMIT") + IDLE)
    stage = _stage()
    with pytest.raises(SessionEndedError):
        stage.conversation.end(SessionEndedError("shutting down"))


_CLIENT_MESSAGES = [
    Query(b"select 1"),
    Query(b"select a masked; begin; select denied"),
    Query(b"set search_path = x"),
    Query(b"rollback"),
    Query(b"deallocate all"),
    Parse(b"", b"select 1"),
    Parse(b"s", b"select a path"),
    Parse(b"s", b"select denied"),
    Parse(b"s", b"set search_path = x"),
    Bind(b"", b"", bytes(6)),
    Bind(b"p", b"s", bytes(6)),
    Describe(b"S", b"s"),
    Describe(b"P", b"p"),
    Execute(b""),
    Execute(b"p", 2),
    Close(b"S", b"s"),
    Close(b"P", b"p"),
    SYNC_MESSAGE,
    b"H\0\0\0\x04",
    CopyData(b"x"),
    b"F\0\0\0\x04",
]
_UPSTREAM_MESSAGES = [
    PARSED,
    BOUND,
    CLOSED,
    NO_PARAMETERS,
    NO_ROWS,
    columns((5, 1)),
    columns((0, 0)),
    row(b"1"),
    done("SELECT 1"),
    SUSPENDED,
    EMPTY,
    error("42883"),
    error("26000"),
    notice("00000", "x"),
    IDLE,
    IN_TRANSACTION,
    FAILED,
]


def _bytes(message: object) -> bytes:
    return message if isinstance(message, bytes) else message.encode()  # type: ignore[attr-defined]


_SENT = st.one_of(
    st.tuples(st.just("client"), st.sampled_from(_CLIENT_MESSAGES).map(_bytes)),
    st.tuples(st.just("upstream"), st.sampled_from(_UPSTREAM_MESSAGES).map(_bytes)),
    st.tuples(st.sampled_from(["client", "upstream"]), st.binary(max_size=12)),
    st.tuples(st.just("policy"), st.just(b"")),
)


@given(st.lists(_SENT, max_size=40), st.booleans())
def test_any_exchange_gives_our_own_errors_only(sent: list[tuple[str, bytes]], restricted: bool) -> None:
    """Messages in any order, and bytes that are none, either fit or end the session with a ProxyError."""
    stage = Stage(restricted=restricted, origins=(Origin(7, 1),), max_message_bytes=1000)
    try:
        for sender, data in sent:
            if sender == "client":
                stage.conversation.client_bytes(data)
            elif sender == "upstream":
                stage.conversation.upstream_bytes(data)
            else:
                stage.planning.policy += 1
    except ProxyError as reason:
        assert stage.conversation.close_reason is reason  # noqa: PT017 - any ProxyError is right


def test_what_is_owed_can_be_told() -> None:
    """How many replies, and how much of the row that was begun: whoever ends the session must know both."""
    stage = _stage()
    stage.conversation.client_bytes(Query(b"select 1").encode() + SYNC_MESSAGE)
    assert (stage.conversation.replies_owed, stage.conversation.row_bytes_left) == (2, 0)
    stage.conversation.upstream_bytes(columns((5, 1)) + row(b"long")[:-3])
    assert (stage.conversation.replies_owed, stage.conversation.row_bytes_left) == (2, 3)
    stage.conversation.upstream_bytes(row(b"long")[-3:] + done("SELECT 1") + IDLE + IDLE)
    assert (stage.conversation.replies_owed, stage.conversation.row_bytes_left) == (0, 0)
