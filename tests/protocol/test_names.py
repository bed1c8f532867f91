"""Names that stand for another statement or portal than when something was decided about them.

Must not know: SQL. Invariant: what was decided for the one is never done to the other.
"""

from __future__ import annotations

from proxy.errors import UnsupportedRefusal, UpstreamProtocolError
from proxy.wire.frontend import SYNC_MESSAGE, Bind, Close, Describe, Execute, Parse, Query
from tests.support.playbook import (
    BOUND,
    CLOSED,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    PARSED,
    REFUSED_TEXT,
    Playbook,
    Stage,
    answer,
    columns,
    done,
    error,
    row,
)

_NOTHING = bytes(6)
_TWO = columns((0, 0), (0, 0))


def _begun() -> Playbook:
    return Playbook().through(Query(b"begin")).back(done("BEGIN"), IN_TRANSACTION)


def test_a_portal_of_execute_gives_no_rows_of_a_statement_parsed_later() -> None:
    """It was described by the statement of that name, which Close and Parse have replaced by one with tokens."""
    (
        _begun()
        .client(Parse(b"a", b"select 1"), SYNC_MESSAGE)
        .back(PARSED, IN_TRANSACTION)
        .client(Parse(b"", b"execute a"), Bind(b"e", b"", _NOTHING), Describe(b"P", b"e"), SYNC_MESSAGE)
        .back(PARSED, BOUND, _TWO, IN_TRANSACTION)
        .client(Close(b"S", b"a"), Parse(b"a", b"select tokens"), SYNC_MESSAGE)
        .back(CLOSED, PARSED, IN_TRANSACTION)
        .client(Execute(b"e"), SYNC_MESSAGE)
        .upstream(row(b"stored", b"1"))
        .to_client()
        .ends(UpstreamProtocolError)
        .run()
    )


def test_a_portal_of_fetch_gives_no_rows_of_a_portal_bound_later() -> None:
    """It was described by the portal of that name, which Close and Bind have replaced by one with tokens."""
    (
        _begun()
        .client(Parse(b"a", b"select 1"), Bind(b"c", b"a", _NOTHING), SYNC_MESSAGE)
        .back(PARSED, BOUND, IN_TRANSACTION)
        .client(Parse(b"", b"fetch 1 from c"), Bind(b"f", b"", _NOTHING), Describe(b"P", b"f"), SYNC_MESSAGE)
        .back(PARSED, BOUND, _TWO, IN_TRANSACTION)
        .client(Close(b"P", b"c"), Parse(b"t", b"select tokens"), Bind(b"c", b"t", _NOTHING), SYNC_MESSAGE)
        .back(CLOSED, PARSED, BOUND, IN_TRANSACTION)
        .client(Execute(b"f"), SYNC_MESSAGE)
        .upstream(row(b"stored", b"1"))
        .to_client()
        .ends(UpstreamProtocolError)
        .run()
    )


def test_a_portal_of_execute_gives_no_rows_of_a_cursor_opened_later() -> None:
    """The name is looked up by the way of a statement."""
    (
        _begun()
        .client(Query(b"declare c cursor for select 1"), Parse(b"a", b"fetch 1 from c"), SYNC_MESSAGE)
        .back(done("DECLARE CURSOR"), IN_TRANSACTION, PARSED, IN_TRANSACTION)
        .client(Parse(b"", b"execute a"), Bind(b"e", b"", _NOTHING), Describe(b"P", b"e"), SYNC_MESSAGE)
        .back(PARSED, BOUND, _TWO, IN_TRANSACTION)
        .client(Query(b"close c; declare c cursor for select tokens"))
        .back(done("CLOSE CURSOR"), done("DECLARE CURSOR"), IN_TRANSACTION)
        .client(Execute(b"e"), SYNC_MESSAGE)
        .upstream(row(b"stored", b"1"))
        .to_client()
        .ends(UpstreamProtocolError)
        .run()
    )


def test_the_arguments_of_execute_are_no_tokens() -> None:
    """A statement with tokens among its parameters is executed by Bind only: SQL would give it stored values."""
    book = _begun().client(Parse(b"a", b"select tokens"), SYNC_MESSAGE).back(PARSED, IN_TRANSACTION)
    (
        book.client(Query(b"execute a"))
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), FAILED)
        .client(Parse(b"e", b"execute a"), SYNC_MESSAGE)
        .to_upstream(Parse(b"e", REFUSED_TEXT), SYNC_MESSAGE)
        .upstream(error("42883"), FAILED)
        .refuses("token", "token")
        .run()
    )


def test_arguments_of_a_statement_that_was_not_replaced_give_no_rows() -> None:
    """The client had sent all this before anyone could know that its Close was skipped."""
    (
        _begun()
        .client(Parse(b"a", b"select tokens"), SYNC_MESSAGE)
        .back(PARSED, IN_TRANSACTION)
        .client(Describe(b"S", b"nobody"), Close(b"S", b"a"), Parse(b"a", b"select 1"), SYNC_MESSAGE)
        .client(Query(b"rollback"), Query(b"execute a"))
        .upstream(error("26000"), FAILED, done("ROLLBACK"), IDLE, _TWO)
        .to_client(error("26000"), FAILED, done("ROLLBACK"), IDLE)
        .ends(UnsupportedRefusal)
        .run()
    )


def _new_policy(stage: Stage) -> None:
    stage.planning.policy += 1


def _no_journal(stage: Stage) -> None:
    stage.watching.works = False


def test_a_refused_bind_does_not_lose_what_went_before_it() -> None:
    """The statement was planned again for it, so its Close and Parse are sent, and answered, all the same."""
    (
        Playbook()
        .client(Parse(b"a", b"select a masked"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .act(_new_policy)
        .client(Query(b"begin"))
        .upstream(done("BEGIN"), IN_TRANSACTION)
        .client(Parse(b"", b"select 1"), SYNC_MESSAGE)
        .upstream(*answer(b"public"), IN_TRANSACTION)
        .upstream(PARSED, IN_TRANSACTION)
        .act(_no_journal)
        .client(Bind(b"", b"a", _NOTHING), SYNC_MESSAGE)
        .to_upstream(
            Close(b"S", b"a"),
            Parse(b"a", b"select a masked under 2"),
            Bind(b"", b"pgveil: statement refused", bytes(6)),
            SYNC_MESSAGE,
        )
        .upstream(CLOSED, PARSED, error("26000"), FAILED)
        .run()
    )
