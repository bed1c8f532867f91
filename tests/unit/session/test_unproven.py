"""When replies must wait for a proof that the catalog is still what their statements were planned for."""

from __future__ import annotations

import pytest

from proxy.session.conversation import Conversation
from proxy.session.unproven import Unproven
from proxy.wire.frontend import SYNC_MESSAGE, Bind, Describe, Execute, Parse, Query
from tests.support.fake_planning import FakePlanning, FakeWatching
from tests.support.playbook import BOUND, IDLE, IN_TRANSACTION, NO_ROWS, PARSED, answer, columns, done, row

READ = Query(b"select a from t").encode()
PREPARED = Parse(b"", b"select a from t").encode() + Bind(b"", b"", bytes(6)).encode() + Execute(b"").encode()


class Talk:
    """A conversation, and what must be proven in it."""

    def __init__(self, *, restricted: bool = True) -> None:
        self.planning = FakePlanning(restricted=restricted)
        self.talk = Conversation(
            planning=self.planning,
            watching=FakeWatching(),
            to_client=lambda _: None,
            to_upstream=lambda _: None,
            clock=lambda: 0.0,
            search_path=("public",),
        )

    def says(self, data: bytes) -> Unproven | None:
        """The client says this. What must then be proven before the next bytes are read?"""
        self.talk.client_bytes(data)
        return self.talk.unproven()

    def hears(self, data: bytes) -> Unproven | None:
        """The upstream said this, and it was proven. The same question."""
        self.talk.upstream_bytes(data)
        self.talk.proven()
        return self.talk.unproven()

    @property
    def now(self) -> object:
        """The generation in force."""
        return self.planning.generation


def test_a_query() -> None:
    """Its first reply waits, the rest does not."""
    talk = Talk()
    assert talk.says(READ) == Unproven(talk.now, frozenset({"public.t"}))
    assert talk.hears(columns((0, 0))) is None
    assert talk.hears(row(b"1")) is None
    assert talk.hears(done("SELECT 1") + IDLE) is None
    assert talk.says(READ) is not None


def test_several_statements() -> None:
    """Each statement of one message is resolved when the one before has run, so each one's first reply waits."""
    talk = Talk()
    assert talk.says(Query(b"select a from t; select b from t").encode()) is not None
    assert talk.hears(columns((0, 0))) is not None
    assert talk.hears(done("SELECT 0")) is not None
    assert talk.hears(columns((0, 0))) is None


def test_a_prepared_statement() -> None:
    """Bind waits; the rows of its portal do not, since a portal's plan is fixed."""
    talk = Talk()
    assert talk.says(PREPARED + SYNC_MESSAGE) == Unproven(talk.now, frozenset({"public.t"}))
    assert talk.hears(PARSED) is not None
    assert talk.hears(BOUND) is None
    assert talk.hears(columns((0, 0)) + row(b"1")) is None


def test_a_prepared_statement_again() -> None:
    """A flight that is treated in one step waits as its messages would."""
    talk = Talk()
    talk.says(Parse(b"p", b"select a from t").encode() + SYNC_MESSAGE)
    talk.hears(PARSED + IDLE)
    flight = (Bind(b"", b"p", bytes(6)), Describe(b"P", b""), Execute(b""))
    assert talk.says(b"".join(m.encode() for m in flight) + SYNC_MESSAGE) is not None
    assert talk.hears(BOUND + columns((0, 0)) + row(b"1")) is None


@pytest.mark.parametrize("text", [b"begin", b"set a = b", b"select 1 denied"])
def test_what_names_no_relation(text: bytes) -> None:
    """Transactions, settings and refusals wait for nothing."""
    assert Talk().says(Query(text).encode()) is None


def test_copy() -> None:
    """COPY is resolved when it runs; once its data have begun they pass."""
    talk = Talk()
    assert talk.says(Query(b"copy t to stdout").encode()) is not None
    assert talk.hears(b"H\0\0\0\7\0\0\0") is None


def test_nothing_is_kept_from_the_principal() -> None:
    """Who sees everything waits for nothing."""
    assert Talk(restricted=False).says(READ) is None


def test_since_the_begin_of_the_transaction() -> None:
    """The server's caches may be as old as the transaction, so nothing may have changed since then."""
    talk = Talk()
    first = talk.now
    talk.says(Query(b"begin").encode())
    talk.hears(done("BEGIN") + IN_TRANSACTION)
    talk.planning.policy = 2
    assert talk.says(READ) is None  # waits for the search path, which is asked for anew
    assert talk.hears(b"".join(answer(b"public")) + IN_TRANSACTION) == Unproven(first, frozenset({"public.t"}))


def test_since_the_connection_was_at_rest() -> None:
    """Between transactions the newest catalog is what counts."""
    talk = Talk()
    talk.says(READ)
    talk.hears(columns((0, 0)) + done("SELECT 0") + IDLE)
    talk.planning.policy = 2
    assert talk.says(READ) is None
    assert talk.hears(b"".join(answer(b"public")) + IDLE) == Unproven(talk.now, frozenset({"public.t"}))


def test_since_the_oldest_reply_that_is_owed() -> None:
    """A statement that was sent before a change is still compared with the catalog that it was planned for."""
    talk = Talk()
    first = talk.now
    talk.says(PREPARED)
    talk.planning.policy = 2
    found = talk.says(PREPARED)
    assert found is not None
    assert found.since == first


def test_execute_waits_for_what_was_prepared() -> None:
    """The names in a statement that SQL prepared are looked up again when it is executed."""
    talk = Talk()
    talk.says(Query(b"prepare p as select a from t").encode())
    talk.hears(done("PREPARE") + IDLE)
    assert talk.says(Query(b"execute p").encode()) == Unproven(talk.now, frozenset({"public.t"}))
    assert Talk().says(Query(b"execute nobody").encode()) == Unproven(talk.now, frozenset())


def test_what_is_resolved_when_it_runs() -> None:
    """COPY by the extended protocol is looked up by its Execute, so that waits, until its data have begun."""
    talk = Talk()
    flight = (Parse(b"", b"copy x from t"), Bind(b"", b"", bytes(6)), Describe(b"P", b""), Execute(b""))
    talk.says(b"".join(m.encode() for m in flight) + SYNC_MESSAGE)
    talk.hears(PARSED)
    assert talk.hears(BOUND + NO_ROWS) == Unproven(talk.now, frozenset({"public.t"}))
    assert talk.hears(b"H\0\0\0\7\0\0\0") is None
