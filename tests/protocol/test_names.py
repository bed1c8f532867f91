"""Names that stand for another statement or portal than when something was decided about them.

Must not know: SQL. Invariant: what was decided for the one is never done to the other.
"""

from __future__ import annotations

from proxy.errors import UpstreamProtocolError
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


def test_arguments_of_execute_enter_as_stored_values() -> None:
    """However the statement was prepared and EXECUTE is sent; what is no constant is refused in step."""
    run = (Bind(b"", b"e", _NOTHING), Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
    (
        _begun()
        .client(Parse(b"a", b"select tokens"), SYNC_MESSAGE)
        .back(PARSED, IN_TRANSACTION)
        .client(Query(b"execute a tok:x"))
        .to_upstream(Query(b"execute a x"))
        .upstream(_TWO, row(b"y", b"z"), done("SELECT 1"), IN_TRANSACTION)
        .to_client(_TWO, row(b"tok:y", b"z"), done("SELECT 1"), IN_TRANSACTION)
        .client(Query(b"prepare q as select tokens; execute q tok:x"))
        .to_upstream(Query(b"prepare q as select tokens\n;\nexecute q x"))
        .upstream(done("PREPARE"), _TWO, row(b"y", b"z"), done("SELECT 1"), IN_TRANSACTION)
        .to_client(done("PREPARE"), _TWO, row(b"tok:y", b"z"), done("SELECT 1"), IN_TRANSACTION)
        .client(Parse(b"e", b"execute q tok:x"), *run)
        .to_upstream(Parse(b"e", b"execute q x"), *run)
        .upstream(PARSED, BOUND, _TWO, row(b"y", b"z"), done("SELECT 1"), IN_TRANSACTION)
        .to_client(PARSED, BOUND, _TWO, row(b"tok:y", b"z"), done("SELECT 1"), IN_TRANSACTION)
        .client(Query(b"select 1; execute a computed"))
        .to_upstream(Query(b"select 1\n;\n" + REFUSED_TEXT))
        .upstream(columns((0, 0)), done("SELECT 0"), error("42883"), FAILED)
        .client(Parse(b"f", b"execute a computed"), SYNC_MESSAGE)
        .to_upstream(Parse(b"f", REFUSED_TEXT), SYNC_MESSAGE)
        .upstream(error("42883"), FAILED)
        .refuses("token", "token")
        .run()
    )


def test_arguments_of_execute_wait_until_it_is_certain_which_statement_they_are_for() -> None:
    """The client had sent all this before anyone could know that its Close was skipped, or its PREPARE failed."""
    (
        Playbook()
        .client(Parse(b"a", b"select tokens"), SYNC_MESSAGE)
        .back(PARSED, IDLE)
        .client(Describe(b"S", b"nobody"), Close(b"S", b"a"), Parse(b"a", b"select 1"), SYNC_MESSAGE)
        .client(Query(b"execute a guess"))
        .to_upstream()
        .upstream(error("26000"), IDLE)
        .to_upstream(Query(b"execute a guess"))
        .upstream(_TWO, row(b"lit:guess", b"z"), done("SELECT 1"), IDLE)
        .to_client(_TWO, row(b"guess", b"z"), done("SELECT 1"), IDLE)
        .client(Query(b"prepare a as select 1"), Parse(b"e", b"execute a tok:x"), SYNC_MESSAGE)
        .to_upstream(Query(b"prepare a as select 1"))
        .upstream(error("42P05"), IDLE)
        .to_upstream(Parse(b"e", b"execute a x"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .run()
    )


def test_arguments_are_not_given_to_a_statement_that_was_made_since() -> None:
    """EXECUTE looks up the name when it runs, and what its arguments stand for would come back."""
    (
        Playbook()
        .client(Parse(b"a", b"select tokens"), Parse(b"e", b"execute a tok:x"), Bind(b"p", b"e", _NOTHING))
        .client(Close(b"S", b"a"), Parse(b"a", b"select 1"), Execute(b"p"), SYNC_MESSAGE)
        .upstream(PARSED, PARSED, BOUND, CLOSED, PARSED, error("34000"), IDLE)
        .to_upstream()
        .refuses("stale_plan")
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
