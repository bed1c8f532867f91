"""PREPARE, EXECUTE and DEALLOCATE, which share their names with the protocol's statements, replayed at every cut."""

from __future__ import annotations

from proxy.errors import UnsupportedRefusal, UpstreamProtocolError
from proxy.planner.plan import Origin
from proxy.wire.backend import ErrorResponse
from proxy.wire.frontend import SYNC_MESSAGE, Bind, Describe, Execute, Parse, Query
from tests.support.fake_planning import PATIENTS, SSN
from tests.support.playbook import (
    BOUND,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    NO_PARAMETERS,
    NO_ROWS,
    PARSED,
    REFUSED_TEXT,
    UNKNOWN_PATH,
    Act,
    Playbook,
    Question,
    Stage,
    answer,
    columns,
    done,
    error,
    row,
)

_ORIGINS = (Origin(PATIENTS, SSN),)
_HIDDEN, _SHOWN = columns((0, 0)), columns((PATIENTS, SSN))
_NOTHING = bytes(6)
_ROWS = (row(b"*"), done("SELECT 1"))
_PREPARE = b"prepare q as select a masked"
_STALE = ErrorResponse(
    {
        "S": "ERROR",
        "V": "ERROR",
        "C": "0A000",
        "M": 'prepared statement "q" has to be prepared again',
        "D": "The policy, the search path or the database's structure has changed since it was prepared.",
        "H": "Use DEALLOCATE, then PREPARE.",
    }
)


def _new_policy(stage: Stage) -> None:
    stage.planning.policy += 1


def _prepared(*names: bytes) -> Act:
    def check(stage: Stage) -> None:
        assert set(stage.conversation._state.statements.confirmed) == set(names)
        assert not stage.conversation._state.statements._in_flight

    return check


def _begun() -> Playbook:
    return (
        Playbook(origins=_ORIGINS)
        .client(Query(_PREPARE))
        .to_upstream(Query(_PREPARE + b" under 1"))
        .back(done("PREPARE"), IDLE)
        .act(_prepared(b"q"))
    )


def test_the_rows_of_execute_are_shown_by_the_plan_of_the_statement() -> None:
    """Origins are put back, and the journal names the prepared statement with its rows."""
    (
        _begun()
        .through(Query(b"execute q (1)"))
        .upstream(_HIDDEN, *_ROWS, IDLE)
        .to_client(_SHOWN, *_ROWS, IDLE)
        .through(Query(b"deallocate q"))
        .back(done("DEALLOCATE"), IDLE)
        .act(_prepared())
        .through(Query(b"execute q (1)"))
        .back(error("26000"), IDLE)
        .records(
            (_PREPARE.decode(), None, None),
            (_PREPARE.decode(), 1, None),
            ("deallocate q", None, None),
            ("execute q (1)", None, "26000"),
        )
        .run()
    )


def test_prepare_and_execute_may_be_one_message() -> None:
    """The plan is that of the PREPARE before it."""
    (
        Playbook(origins=_ORIGINS)
        .client(Query(_PREPARE + b"; execute q"))
        .to_upstream(Query(_PREPARE + b" under 1\n;\nexecute q"))
        .upstream(done("PREPARE"), _HIDDEN, *_ROWS, IDLE)
        .to_client(done("PREPARE"), _SHOWN, *_ROWS, IDLE)
        .run()
    )


def test_the_protocol_binds_what_sql_prepared() -> None:
    """And SQL executes what the protocol prepared."""
    run = (Bind(b"", b"q", _NOTHING), Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
    (
        _begun()
        .through(*run)
        .upstream(BOUND, _HIDDEN, *_ROWS, IDLE)
        .to_client(BOUND, _SHOWN, *_ROWS, IDLE)
        .client(Parse(b"s", b"select a masked"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .through(Query(b"execute s"))
        .upstream(_HIDDEN, *_ROWS, IDLE)
        .to_client(_SHOWN, *_ROWS, IDLE)
        .run()
    )


def test_a_failed_prepare_makes_nothing() -> None:
    """Nor do the statements after it; what was prepared before it stays."""
    (
        _begun()
        .client(Query(b"prepare a as select 1; prepare q as select 2; prepare b as select 3"))
        .upstream(done("PREPARE"), error("42P05"), IDLE)
        .act(_prepared(b"q", b"a"))
        .through(Query(b"execute q"))
        .upstream(_HIDDEN, *_ROWS, IDLE)
        .to_client(_SHOWN, *_ROWS, IDLE)
        .run()
    )


def test_a_refused_prepare_makes_nothing() -> None:
    """It fails upstream in its place."""
    (
        Playbook()
        .client(Query(b"prepare a as select 1; prepare q as select denied"))
        .to_upstream(Query(b"prepare a as select 1\n;\n" + REFUSED_TEXT))
        .upstream(done("PREPARE"), error("42883"), IDLE)
        .act(_prepared(b"a"))
        .run()
    )


def test_a_statement_that_would_be_another_by_now_is_not_executed() -> None:
    """EXECUTE and Bind of it are refused in step; prepared anew it runs."""
    (
        _begun()
        .through(Query(b"begin"))
        .back(done("BEGIN"), IN_TRANSACTION)
        .act(_new_policy)
        .client(Query(b"select 1; execute q; select 2"))
        .upstream(*answer(b"public"), IN_TRANSACTION)
        .to_upstream(Query(b"select 1\n;\n" + REFUSED_TEXT))
        .upstream(columns((0, 0)), done("SELECT 0"), error("42883"), FAILED)
        .to_client(columns((0, 0)), done("SELECT 0"), _STALE, FAILED)
        .through(Query(b"rollback"))
        .back(done("ROLLBACK"), IDLE)
        .client(Bind(b"", b"q", _NOTHING), Execute(b""), SYNC_MESSAGE)
        .to_upstream(Bind(b"", b"pgveil: statement refused", _NOTHING), Execute(b""), SYNC_MESSAGE)
        .upstream(error("26000"), IDLE)
        .to_client(_STALE, IDLE)
        .client(Query(b"deallocate q; " + _PREPARE))
        .to_upstream(Query(b"deallocate q\n;\n" + _PREPARE + b" under 2"))
        .back(done("DEALLOCATE"), done("PREPARE"), IDLE)
        .through(Query(b"execute q"))
        .upstream(_HIDDEN, *_ROWS, IDLE)
        .to_client(_SHOWN, *_ROWS, IDLE)
        .refuses("stale_plan", "stale_plan")
        .run()
    )


def test_a_statement_that_is_still_the_same_goes_on() -> None:
    """It was planned again, to the text that the server has."""
    (
        Playbook()
        .through(Query(b"prepare q as select 1"))
        .back(done("PREPARE"), IDLE)
        .act(_new_policy)
        .client(Query(b"execute q"))
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(Query(b"execute q"))
        .back(columns((0, 0)), done("SELECT 0"), IDLE)
        .through(Query(b"set search_path = x"))
        .back(done("SET"), IDLE)
        .client(Bind(b"", b"q", _NOTHING), Execute(b""), SYNC_MESSAGE)
        .upstream(*answer(b"x"), IDLE)
        .to_upstream(Bind(b"", b"q", _NOTHING), Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
        .upstream(BOUND, columns((0, 0)), done("SELECT 0"), IDLE)
        .run()
    )


def test_another_search_path_makes_another_statement() -> None:
    """Also one that was parsed by a message: SQL cannot have it planned again."""
    (
        Playbook()
        .client(Parse(b"s", b"select a path"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .client(Query(b"prepare q as select a path"))
        .back(done("PREPARE"), IDLE)
        .through(Query(b"set search_path = x"))
        .back(done("SET"), IDLE)
        .client(Query(b"execute q"))
        .upstream(*answer(b"x"), IDLE)
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), IDLE)
        .to_client(_STALE, IDLE)
        .client(Query(b"execute s"))
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), IDLE)
        .run()
    )


def test_execute_cannot_follow_a_change_of_the_path_in_one_message() -> None:
    """What the statement names would be looked up after the change."""
    (
        _begun()
        .client(Query(b"set search_path = x; execute q"))
        .to_upstream(Query(b"set search_path = x\n;\n" + REFUSED_TEXT))
        .upstream(done("SET"), error("42883"), IDLE)
        .refuses("search_path")
        .run()
    )


def test_what_is_looked_up_late_is_not_executed_after_a_change_of_the_path() -> None:
    """COPY, PREPARE and EXECUTE find their relations when they run, whatever the path was when they were bound."""
    for text in (b"copy t to stdout", b"prepare p as select 1", b"execute q"):
        (
            Playbook()
            .client(Parse(b"", text), Bind(b"late", b"", _NOTHING))
            .client(Parse(b"", b"set search_path = x"), Bind(b"", b"", _NOTHING), Execute(b""))
            .client(Execute(b"late"), SYNC_MESSAGE)
            .to_upstream(Execute(b"pgveil: statement refused"), SYNC_MESSAGE)
            .upstream(PARSED, BOUND, PARSED, BOUND, NO_ROWS, done("SET"), error("34000"), IDLE)
            .to_client(
                *(PARSED, BOUND, PARSED, BOUND, done("SET")),
                ErrorResponse(
                    {
                        "S": "ERROR",
                        "V": "ERROR",
                        "C": "0A000",
                        "M": "the statement has to be bound again",
                        "D": "The policy, the search path or the database's structure may have changed since it was "
                        "bound.",
                        "H": "Send Bind and Execute after the change is complete.",
                    }
                ),
                IDLE,
            )
            .refuses("stale_plan")
            .run()
        )


def test_prepare_and_execute_by_the_extended_protocol() -> None:
    """The name stands for the statement when the Execute is complete, and not where it fails or is skipped."""
    prepare = (Parse(b"", _PREPARE), Bind(b"", b"", _NOTHING), Execute(b""), SYNC_MESSAGE)
    run = (Parse(b"", b"execute q"), Bind(b"", b"", _NOTHING), Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
    (
        Playbook(origins=_ORIGINS)
        .client(*prepare)
        .upstream(PARSED, BOUND, NO_ROWS, done("PREPARE"), IDLE)
        .to_client(PARSED, BOUND, done("PREPARE"), IDLE)
        .through(*run)
        .upstream(PARSED, BOUND, _HIDDEN, *_ROWS, IDLE)
        .to_client(PARSED, BOUND, _SHOWN, *_ROWS, IDLE)
        .client(*prepare)
        .upstream(PARSED, BOUND, NO_ROWS, error("42P05"), IDLE)
        .act(_prepared(b"", b"q"))
        .client(Describe(b"S", b"nobody"), *prepare)
        .upstream(error("26000"), IDLE)
        .act(_prepared(b"", b"q"))
        .client(Describe(b"S", b"nobody"), Query(_PREPARE), SYNC_MESSAGE)
        .upstream(error("26000"), IDLE)
        .act(_prepared(b"", b"q"))
        .run()
    )


def test_a_portal_of_execute_gives_no_rows_of_another_statement() -> None:
    """It was described by the statement that had the name before."""
    (
        _begun()
        .through(Query(b"begin"))
        .back(done("BEGIN"), IN_TRANSACTION)
        .client(Parse(b"", b"execute q"), Bind(b"e", b"", _NOTHING), Describe(b"P", b"e"), SYNC_MESSAGE)
        .upstream(PARSED, BOUND, _HIDDEN, IN_TRANSACTION)
        .through(Query(b"deallocate q; prepare q as select 1"))
        .back(done("DEALLOCATE"), done("PREPARE"), IN_TRANSACTION)
        .client(Execute(b"e"), SYNC_MESSAGE)
        .upstream(row(b"1"))
        .to_client()
        .ends(UpstreamProtocolError)
        .run()
    )


def test_a_stale_statement_that_the_server_still_has_ends_the_session() -> None:
    """The client had sent all this before anyone could know that the new one was never made."""
    (
        Playbook(origins=_ORIGINS)
        .client(Query(_PREPARE))
        .back(done("PREPARE"), IDLE)
        .through(Query(b"set search_path = x"))
        .back(done("SET"), IDLE)
        .client(Query(b"select 1"))
        .upstream(*answer(b"x"), IDLE)
        .upstream(columns((0, 0)), done("SELECT 0"), IDLE)
        .client(Query(_PREPARE), Query(b"execute q"))
        .upstream(error("42P05"), IDLE, _HIDDEN)
        .to_client(error("42P05"), IDLE)
        .ends(UnsupportedRefusal)
        .run()
    )


def test_names_are_told_apart_by_63_bytes() -> None:
    """As the server does: a longer name stands for the statement of its beginning."""
    long, other = b"n" * 64, b"n" * 63 + b"x"
    (
        Playbook(origins=_ORIGINS)
        .client(Parse(long, b"select a masked"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .client(Bind(b"", other, _NOTHING), Describe(b"P", b""), Describe(b"S", other), Execute(b""), SYNC_MESSAGE)
        .upstream(BOUND, _HIDDEN, NO_PARAMETERS, _HIDDEN, *_ROWS, IDLE)
        .to_client(BOUND, _SHOWN, NO_PARAMETERS, _SHOWN, *_ROWS, IDLE)
        .run()
    )


def test_without_the_path_no_statement_of_sql_is_bound() -> None:
    """Where the question about it fails, it cannot be said whether the statement is still the same; the next Bind asks
    again.
    """
    (
        _begun()
        .through(Query(b"set search_path = x"))
        .back(done("SET"), IDLE)
        .client(Bind(b"", b"q", _NOTHING), SYNC_MESSAGE)
        .to_upstream(Question(1))
        .upstream(error("57014"), IDLE)
        .to_client()
        .to_upstream(Bind(b"", b"pgveil: statement refused", _NOTHING), SYNC_MESSAGE)
        .upstream(error("26000"), IDLE)
        .to_client(UNKNOWN_PATH, IDLE)
        .client(Bind(b"", b"q", _NOTHING), SYNC_MESSAGE)
        .to_upstream(Question(2))
        .upstream(*answer(b"x"), IDLE)
        .to_client()
        .to_upstream(Bind(b"", b"q", _NOTHING), SYNC_MESSAGE)
        .back(BOUND, IDLE)
        .refuses("search_path")
        .run()
    )
