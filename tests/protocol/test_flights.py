"""Whole flights in one step give what their messages give one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import ProxyError
from proxy.planner.plan import Origin
from proxy.session.flights import Flights
from proxy.session.replies import OwedFlight, Request
from proxy.wire.frames import frame
from proxy.wire.frontend import BIND, SYNC_MESSAGE, Bind, Describe, Execute, Parse, Query
from tests.support.fake_planning import PATIENTS, SSN
from tests.support.playbook import (
    BOUND,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    NO_PARAMETERS,
    NO_ROWS,
    PARSED,
    SUSPENDED,
    Playbook,
    Stage,
    answer,
    columns,
    done,
    error,
    notice,
    row,
)

_NOTHING = bytes(6)
_TEXTS = (b"select a masked", b"select 1", b"insert x", b"begin", b"fetch c", b"set search_path = x", b"select a path")


def _run(name: bytes, *, described: bool) -> bytes:
    describe = Describe(b"P", b"").encode() if described else b""
    return Bind(b"", name, _NOTHING).encode() + describe + Execute(b"").encode() + SYNC_MESSAGE


def _prepare(stage: Stage, text: bytes) -> None:
    """The statement s exists, and was run once with its columns described."""
    stage.conversation.client_bytes(Parse(b"s", text).encode() + SYNC_MESSAGE)
    stage.conversation.upstream_bytes(PARSED + IDLE)
    stage.conversation.client_bytes(_run(b"s", described=True))
    stage.conversation.upstream_bytes(BOUND + columns((5, 1)) + row(b"1") + done("SELECT 1") + IDLE)


def _ask(stage: Stage, text: bytes) -> None:
    """The text was asked in a Query once, so that its columns are known."""
    stage.conversation.client_bytes(Query(text).encode())
    stage.conversation.upstream_bytes(columns((5, 1)) + row(b"1") + done("SELECT 1") + IDLE)


class _Ordinary(Flights):
    """Leaves everything to the handlers of single messages."""

    __slots__ = ()

    def take(self, data: bytes) -> bool:
        return False

    def answer(self, data: bytes) -> bool:
        return False


_SENT = st.one_of(
    st.tuples(
        st.just("client"),
        st.one_of(
            st.sampled_from((b"s", b"s", b"s", b"t")).flatmap(
                lambda name: st.booleans().map(lambda described: _run(name, described=described))
            ),
            st.sampled_from(_TEXTS).map(lambda text: Query(text).encode()),
            st.sampled_from(_TEXTS).map(lambda text: Parse(b"t", text).encode() + SYNC_MESSAGE),
            st.sampled_from((SYNC_MESSAGE, b"H\0\0\0\x04", Parse(b"", b"select 1").encode())),
        ),
    ),
    st.tuples(
        st.just("upstream"),
        st.builds(
            lambda *parts: b"".join(parts),
            st.sampled_from((BOUND, BOUND, BOUND, b"", PARSED, notice("00000", "x"))),
            st.sampled_from((columns((5, 1)), columns((5, 1)), columns((6, 1)), NO_ROWS, b"", NO_PARAMETERS)),
            st.sampled_from((row(b"1"), row(b"1") * 3, b"")),
            st.sampled_from((done("SELECT 1"), done("SELECT 3"), done("INSERT 0 1"), error("22012"), SUSPENDED, b"")),
            st.sampled_from((IDLE, IDLE, IN_TRANSACTION, FAILED, b"", IDLE + IDLE)),
        ),
    ),
    st.tuples(
        st.just("upstream"),
        st.builds(
            lambda *parts: b"".join(parts),
            st.sampled_from((BOUND + columns((5, 1)), BOUND, columns((5, 1)))),
            st.sampled_from((row(b"1") + done("SELECT 1"), done("SELECT 0"))),
            st.sampled_from((IDLE, IN_TRANSACTION)),
        ),
    ),
    st.tuples(st.just("upstream"), st.just(BOUND + columns((PATIENTS, SSN)) + row(b"1") + done("SELECT 1") + IDLE)),
    st.tuples(st.sampled_from(("policy", "journal", "journal works")), st.just(b"")),
)


def _told(stage: Stage) -> tuple[object, ...]:
    """All that a conversation knows, in a form to compare."""
    state = stage.conversation._state
    owed = deque(state.owed)
    if owed and isinstance(owed[0], OwedFlight):
        owed.extendleft(reversed(owed.popleft().parts()))  # type: ignore[attr-defined]
    names = state.statements
    return (
        bytes(stage.got["client"]),
        bytes(stage.got["upstream"]),
        stage.watching.log,
        stage.watching.seconds,
        stage.watching.refusals,
        [(entry.request, entry.name, entry.own, getattr(entry, "started", None)) for entry in owed],
        {name: (s.text, s.epoch, s.checked, s.has_rows, s.described_in) for name, s in names.confirmed.items()},
        {name: (s.text, s.epoch, s.checked, s.has_rows) for name, s in names.portals.items()},
        {name: (s.text, s.epoch, s.checked, s.has_rows) for name, s in state.opening.items()},
        (state.status, state.flight, state.flight_open, state.unsettled, state.skipping, state.epoch),
        (state.path.known, state.path.current, stage.conversation.idle),
    )


def _feed(stage: Stage, sender: str, data: bytes) -> str | None:
    """The error that ended the session, if one did."""
    try:
        if sender == "client":
            stage.conversation.client_bytes(data)
        elif sender == "upstream":
            stage.conversation.upstream_bytes(data)
        elif sender == "policy":
            stage.planning.policy += 1
        else:
            stage.watching.works = sender == "journal works"
    except ProxyError as reason:
        return f"{type(reason).__name__}: {reason.message}"
    return None


@settings(max_examples=300)
@given(
    text=st.sampled_from(_TEXTS[:3]),
    sent=st.lists(st.tuples(_SENT, st.integers(0, 400)), max_size=12),
    restricted=st.booleans(),
)
def test_flights_do_what_their_messages_do(
    text: bytes, sent: list[tuple[tuple[str, bytes], int]], restricted: bool
) -> None:
    """Bytes, records, times, errors and state are the same by either way, whatever is sent and wherever it is cut."""
    _both_ways(text, sent, restricted=restricted)


def _both_ways(text: bytes, sent: Sequence[tuple[tuple[str, bytes], int]], *, restricted: bool = True) -> str | None:
    """Compare the one way with the other; the error that ended both sessions, if one did. The last numbers are cuts."""
    stages = [Stage(restricted=restricted, origins=(Origin(7, 1),), max_message_bytes=1000) for _ in range(2)]
    conversation = stages[1].conversation
    ordinary = _Ordinary(conversation._state, conversation._upstream._completions, conversation._upstream._to_client)
    conversation._client._flights = conversation._upstream._flights = ordinary
    for stage in stages:
        stage.planning.origins = (Origin(7, 1),)
        stage.conversation._client._barrier._token = "token"
        _prepare(stage, text)
        for query in _TEXTS[:3]:
            _ask(stage, query)
    for (sender, data), cut in sent:
        for piece in (data[:cut], data[cut:]) if 0 < cut < len(data) else (data,):
            ends = [_feed(stage, sender, piece) for stage in stages]
            assert ends[0] == ends[1]
            if ends[0] is not None:
                assert [bytes(stages[0].got[to]) for to in ("client", "upstream")] == [
                    bytes(stages[1].got[to]) for to in ("client", "upstream")
                ]
                assert stages[0].watching.log == stages[1].watching.log
                return ends[0]
            assert _told(stages[0]) == _told(stages[1])
    return None


_RUN_S = ("client", _run(b"s", described=False))
_DESCRIBED = ("client", _run(b"s", described=True))
_RUN_T = ("client", _run(b"t", described=False))
_PARSED = ("upstream", PARSED + IDLE)
_ANSWERED = ("upstream", b"".join(answer(b"public")) + IDLE)
_ROWS = row(b"1") + done("SELECT 1")


@pytest.mark.parametrize(
    ("text", "sent", "ends"),
    [
        (b"select 1", [_RUN_S, ("upstream", error("22012") + IDLE)], ""),
        (b"select 1", [_RUN_S, ("upstream", BOUND + error("22012") + IDLE)], ""),
        (b"select 1", [_RUN_S, ("upstream", BOUND + row(b"1") + error("22012") + IDLE)], ""),
        (b"select 1", [_RUN_S, ("upstream", BOUND + columns((5, 1)) + _ROWS + IDLE)], "unexpected RowDescription"),
        (b"insert x", [_DESCRIBED, ("upstream", BOUND + NO_ROWS + done("INSERT 0 1") + IDLE)], ""),
        (b"insert x", [_DESCRIBED, ("upstream", BOUND + NO_ROWS + _ROWS + IDLE)], "unexpected DataRow"),
        (b"select 1", [("client", frame(BIND, b"\0s") + _run(b"s", described=False)[-15:])], "malformed Bind"),
        (b"select 1", [("client", Query(b"insert x").encode()), ("upstream", done("INSERT 0 1") + IDLE)], ""),
        (
            b"select 1",
            [
                ("client", Parse(b"", b"select 1").encode() + SYNC_MESSAGE),
                ("upstream", PARSED + IDLE),
                ("client", Query(b"insert x").encode()),
                ("upstream", done("INSERT 0 1") + IDLE),
                ("client", _run(b"", described=True)),
                ("upstream", error("26000") + IDLE),
            ],
            "",
        ),
        (b"select 1", [("policy", b""), _RUN_S, _ANSWERED, ("upstream", BOUND + columns((5, 1)) + _ROWS + IDLE)], ""),
        (b"select 1", [("client", Parse(b"t", b"select 1").encode() + SYNC_MESSAGE), _RUN_T], ""),
        (b"select 1", [("client", Parse(b"", b"select 1").encode() + _run(b"", described=False))], ""),
        (b"select 1", [("client", Parse(b"t", b"select 1").encode() + SYNC_MESSAGE), _PARSED, _RUN_T], ""),
        (b"select a masked", [("journal", b""), _RUN_S], ""),
        (b"select a masked", [_RUN_S, ("journal", b""), ("upstream", BOUND + _ROWS + IDLE)], "JournalError"),
        (
            b"select 1",
            [
                ("client", Query(b"select 1; select 1").encode()),
                ("upstream", columns((5, 1)) + _ROWS + columns((5, 1)) + _ROWS + IDLE),
            ],
            "",
        ),
        (
            b"select 1",
            [("client", Query(b"insert masked").encode()), ("journal", b""), ("upstream", done("INSERT 0 1") + IDLE)],
            "JournalError",
        ),
    ],
)
def test_answers_in_one_piece_that_are_not_the_usual_ones(
    text: bytes, sent: list[tuple[str, bytes]], ends: str
) -> None:
    """Each is left to the handlers, or treated as they would, and what they refuse ends the session either way."""
    reason = _both_ways(text, [(step, 0) for step in sent])
    assert ends in (reason or "")
    assert bool(ends) is (reason is not None)


@pytest.mark.parametrize("described", [True, False])
def test_a_known_flight_is_owed_one_reply(described: bool) -> None:
    """The usual flight makes one entry, which its usual answer takes out again."""
    stage = Stage(restricted=True, origins=(), max_message_bytes=1000)
    _prepare(stage, b"select 1")
    stage.conversation.client_bytes(_run(b"s", described=described))
    assert [entry.request for entry in stage.conversation._state.owed] == [Request.FLIGHT]
    shape = columns((5, 1)) if described else b""
    stage.conversation.upstream_bytes(BOUND + shape + row(b"1") + done("SELECT 1") + IDLE)
    assert stage.conversation.idle
    assert stage.watching.log == [("select 1", 1, None)] * 2


def test_columns_of_a_query_are_checked() -> None:
    """So is the whole answer to a Query that was asked before."""
    for shape in (columns((PATIENTS, SSN)), b"", NO_ROWS):
        stage = Stage(restricted=True, origins=(), max_message_bytes=1000)
        _ask(stage, b"select 1")
        stage.conversation.client_bytes(Query(b"select 1").encode())
        with pytest.raises(ProxyError):
            stage.conversation.upstream_bytes(shape + row(b"leak") + done("SELECT 1") + IDLE)
        assert b"leak" not in stage.got["client"]


def test_columns_of_a_flight_are_checked() -> None:
    """An answer that is whole passes only under a description that was checked, as any other."""
    for shape in (columns((PATIENTS, SSN)), b""):
        stage = Stage(restricted=True, origins=(), max_message_bytes=1000)
        _prepare(stage, b"select 1")
        stage.conversation.client_bytes(_run(b"s", described=True))
        with pytest.raises(ProxyError):
            stage.conversation.upstream_bytes(BOUND + shape + row(b"leak") + done("SELECT 1") + IDLE)
        assert b"leak" not in stage.got["client"]


def test_a_described_flight_shows_the_origins_put_back() -> None:
    """The description of the answer is replaced in the one step too, and at every cut."""
    run = _run(b"s", described=True)
    playbook = Playbook(origins=(Origin(PATIENTS, SSN),))
    playbook.client(Parse(b"s", b"select a masked"), SYNC_MESSAGE).upstream(PARSED, IDLE)
    for _ in range(2):
        playbook.through(run)
        playbook.upstream(BOUND, columns((0, 0)), row(b"*"), done("SELECT 1"), IDLE)
        playbook.to_client(BOUND, columns((PATIENTS, SSN)), row(b"*"), done("SELECT 1"), IDLE)
    playbook.records(*[("select a masked", 1, None)] * 2).run()
