"""What happens to plans when the search path, the policy or the catalog change, replayed at every cut."""

from __future__ import annotations

import pytest

from proxy.errors import PolicyRefusal, UnsupportedRefusal, UpstreamProtocolError
from proxy.wire.backend import ErrorResponse, ParameterStatus
from proxy.wire.frontend import (
    FLUSH_MESSAGE,
    SYNC_MESSAGE,
    TERMINATE_MESSAGE,
    Bind,
    Close,
    Describe,
    Execute,
    Parse,
    Query,
)
from tests.support.fake_planning import PATIENTS, SSN
from tests.support.playbook import (
    BOUND,
    CLOSED,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    NO_PARAMETERS,
    NO_ROWS,
    OUTDATED,
    PARSED,
    REFUSED_TEXT,
    SUSPENDED,
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

_NOTHING = bytes(6)
_SET = Query(b"set search_path = clinic")
_RESULT = (columns((0, 0)), done("SELECT 0"))
_RUN = (Bind(b"", b"s1", _NOTHING), Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
_FAILING_RUN = (Bind(b"", b"pgveil: statement refused", _NOTHING), *_RUN[1:])
_AFTER_CHANGE = ErrorResponse(
    {
        "S": "ERROR",
        "V": "ERROR",
        "C": "0A000",
        "M": "a statement that names relations cannot follow a change of search_path in the same message",
        "D": "Which relation a name stands for would be known only after the change.",
        "H": "Send the statements one at a time.",
    }
)


def _new_policy(stage: Stage) -> None:
    stage.planning.policy += 1


def _forbids(text: str) -> Act:
    def forbid(stage: Stage) -> None:
        stage.planning.policy += 1
        stage.planning.forbidden.add(text)

    return forbid


def test_the_path_is_asked_for_before_the_next_statement_that_needs_it() -> None:
    """Not before: a SET costs nothing by itself. The answer is used until the next change."""
    (
        Playbook()
        .through(_SET)
        .back(done("SET"), IDLE)
        .client(Query(b"select a path"))
        .to_upstream(Question(1))
        .upstream(*answer(b"clinic", b"public"), IDLE)
        .to_client()
        .to_upstream(Query(b"select a path under clinic+public"))
        .back(*_RESULT, IDLE)
        .client(Query(b"select a path"))
        .to_upstream(Query(b"select a path under clinic+public"))
        .back(*_RESULT, IDLE)
        .run()
    )


def test_what_means_the_same_under_every_path_does_not_wait() -> None:
    """Transactions, settings and empty texts go through without a question."""
    (
        Playbook()
        .through(_SET, Query(b"begin"), Query(b"show x"), Query(b""), Parse(b"", b"commit"), SYNC_MESSAGE)
        .upstream(done("SET"), IDLE, done("BEGIN"), IN_TRANSACTION)
        .unfinished()
        .run()
    )


def test_a_pipelined_statement_waits_for_the_change_to_be_answered() -> None:
    """Nothing is planned under a path that is no longer in force, and order is kept."""
    (
        Playbook()
        .client(_SET, Query(b"select a path"), Query(b"select 2"))
        .to_upstream(_SET)
        .upstream(done("SET"), IDLE)
        .to_client(done("SET"), IDLE)
        .to_upstream(Question(1))
        .client(Query(b"select 3"))
        .to_upstream()
        .upstream(*answer(b"clinic"), IDLE)
        .to_client()
        .to_upstream(Query(b"select a path under clinic"), Query(b"select 2"), Query(b"select 3"))
        .back(*_RESULT, IDLE, *_RESULT, IDLE, *_RESULT, IDLE)
        .run()
    )


def test_a_change_inside_a_flight_is_asked_for_with_flush() -> None:
    """A Sync of ours would commit the client's implicit transaction; and what it set locally ends with its own Sync."""
    change = (Parse(b"", b"set local search_path = x"), Bind(b"", b"", _NOTHING), Execute(b""))
    described = (*change[:2], Describe(b"P", b""), change[2])
    (
        Playbook()
        .client(*change, Parse(b"", b"select a path"), Bind(b"", b"", _NOTHING), *_RUN[1:])
        .to_upstream(*described, FLUSH_MESSAGE)
        .upstream(PARSED, BOUND, NO_ROWS, done("SET"))
        .to_client(PARSED, BOUND, done("SET"))
        .to_upstream(Question(1, in_flight=True))
        .upstream(*answer(b"x"))
        .to_client()
        .to_upstream(Parse(b"", b"select a path under x"), Bind(b"", b"", _NOTHING), *_RUN[1:])
        .back(PARSED, BOUND, *_RESULT, IDLE)
        .client(Query(b"select a path"))
        .to_upstream(Question(2))
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(Query(b"select a path under public"))
        .back(*_RESULT, IDLE)
        .run()
    )


def test_a_flight_that_has_only_closed_and_parsed_is_asked_for_with_sync() -> None:
    """No Execute of ours makes an implicit transaction of what follows, as it would on PostgreSQL 18."""
    prepared = (Close(b"S", b"s"), Parse(b"t", b"fetch 1 from c"))
    (
        Playbook()
        .through(_SET)
        .back(done("SET"), IDLE)
        .client(*prepared, Query(b"select a path"))
        .to_upstream(*prepared, FLUSH_MESSAGE)
        .upstream(CLOSED, PARSED)
        .to_client(CLOSED, PARSED)
        .to_upstream(Question(1))
        .upstream(*answer(b"x"), IDLE)
        .to_client()
        .to_upstream(Query(b"select a path under x"))
        .back(*_RESULT, IDLE)
        .run()
    )


def test_an_error_in_the_flight_frees_what_waits() -> None:
    """When the change itself fails, the server skips to Sync, and what was held is dropped like the rest."""
    change = (Parse(b"", b"set search_path = x"), Bind(b"", b"", _NOTHING), Execute(b""))
    (
        Playbook()
        .client(*change, Parse(b"", b"select a path"), SYNC_MESSAGE)
        .to_upstream(*change[:2], Describe(b"P", b""), change[2], FLUSH_MESSAGE)
        .upstream(PARSED, BOUND, error("42704"))
        .to_client(PARSED, BOUND, error("42704"))
        .to_upstream(SYNC_MESSAGE)
        .back(IDLE)
        .run()
    )


def test_a_question_that_fails_in_a_flight_fails_the_flight() -> None:
    """The error is the client's to see (a cancel, say), and the rest of its flight is skipped."""
    change = (Parse(b"", b"set search_path = x"), Bind(b"", b"", _NOTHING), Describe(b"P", b""), Execute(b""))
    (
        Playbook()
        .client(*change, Parse(b"", b"select a path"), SYNC_MESSAGE)
        .upstream(PARSED, BOUND, NO_ROWS, done("SET"))
        .to_upstream(Question(1, in_flight=True))
        .upstream(PARSED, error("57014", "canceled"))
        .to_client(error("57014", "canceled"))
        .to_upstream(SYNC_MESSAGE)
        .back(IDLE)
        .run()
    )


def test_a_question_that_fails_refuses_what_waits() -> None:
    """Outside a flight the statement is refused in step, once; the next one asks again."""
    (
        Playbook()
        .through(_SET)
        .back(done("SET"), IDLE)
        .client(Query(b"select a path"))
        .upstream(PARSED, BOUND, row(b"clinic"), error("57014"), IDLE)
        .to_client()
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), IDLE)
        .to_client(UNKNOWN_PATH, IDLE)
        .client(Parse(b"", b"select a path"), SYNC_MESSAGE)
        .to_upstream(Question(2))
        .upstream(error("57014"), IDLE)
        .to_upstream(Parse(b"", REFUSED_TEXT), SYNC_MESSAGE)
        .upstream(error("42883"), IDLE)
        .to_client(UNKNOWN_PATH, IDLE)
        .client(Query(b"select a path"))
        .to_upstream(Question(3))
        .upstream(*answer(b"clinic"), IDLE)
        .to_upstream(Query(b"select a path under clinic"))
        .back(*_RESULT, IDLE)
        .refuses("search_path", "search_path")
        .run()
    )


def test_a_question_that_fails_before_a_query_in_a_flight_leaves_the_query_its_own_answer() -> None:
    """The server skips to a Sync of ours, and then the Query fails by itself, as it would have."""
    change = (Parse(b"", b"set search_path = x"), Bind(b"", b"", _NOTHING), Describe(b"P", b""), Execute(b""))
    (
        Playbook()
        .client(*change, Query(b"select a path"), SYNC_MESSAGE)
        .to_upstream(*change, FLUSH_MESSAGE)
        .upstream(PARSED, BOUND, NO_ROWS, done("SET"))
        .to_upstream(Question(1, in_flight=True))
        .upstream(error("57014", "canceled"))
        .to_client()
        .to_upstream(SYNC_MESSAGE)
        .upstream(IDLE)
        .to_client()
        .to_upstream(Query(REFUSED_TEXT), SYNC_MESSAGE)
        .upstream(error("42883"), IDLE, IDLE)
        .to_client(UNKNOWN_PATH, IDLE, IDLE)
        .run()
    )


def test_a_client_that_leaves_while_its_message_is_held_still_has_it_run() -> None:
    """Terminate goes upstream behind what was held."""
    (
        Playbook()
        .client(_SET, Query(b"select a path"))
        .act(lambda stage: stage.conversation.client_closed())
        .upstream(done("SET"), IDLE)
        .to_upstream(Question(1))
        .upstream(*answer(b"x"), IDLE)
        .to_upstream(Query(b"select a path under x"), TERMINATE_MESSAGE)
        .back(*_RESULT, IDLE)
        .run()
    )


def test_in_a_failed_transaction_nothing_is_asked() -> None:
    """The server answers 25P02 whatever the path is; after ROLLBACK the path is asked for."""
    (
        Playbook()
        .through(Query(b"begin"), _SET)
        .back(done("BEGIN"), IN_TRANSACTION, done("SET"), IN_TRANSACTION)
        .client(Query(b"select a path"))
        .to_upstream(Question(1))
        .upstream(error("57014"), FAILED)
        .to_client()
        .to_upstream(Query(REFUSED_TEXT))
        .back(error("25P02"), FAILED)
        .through(Parse(b"", b"select 1"), SYNC_MESSAGE)
        .back(error("25P02"), FAILED)
        .through(Query(b"rollback"))
        .back(done("ROLLBACK"), IDLE)
        .client(Query(b"select a path"))
        .to_upstream(Question(2))
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(Query(b"select a path under public"))
        .back(*_RESULT, IDLE)
        .run()
    )


def test_the_end_of_a_transaction_matters_only_after_a_change_in_it() -> None:
    """ROLLBACK and COMMIT undo SET and SET LOCAL; without one they cost nothing."""
    (
        Playbook()
        .through(Query(b"begin"), Query(b"rollback"), Query(b"select 1"))
        .back(done("BEGIN"), IN_TRANSACTION, done("ROLLBACK"), IDLE, *_RESULT, IDLE)
        .through(Query(b"begin"), _SET)
        .back(done("BEGIN"), IN_TRANSACTION, done("SET"), IN_TRANSACTION)
        .client(Query(b"select a path"))
        .upstream(*answer(b"clinic"), IN_TRANSACTION)
        .to_upstream(Query(b"select a path under clinic"))
        .back(*_RESULT, IN_TRANSACTION)
        .through(Query(b"commit"))
        .back(done("COMMIT"), IDLE)
        .client(Query(b"select a path"))
        .to_upstream(Question(2))
        .upstream(*answer(b"clinic"), IDLE)
        .to_upstream(Query(b"select a path under clinic"))
        .back(*_RESULT, IDLE)
        .through(Query(b"begin"), Query(b"rollback"), Query(b"select 1"))
        .back(done("BEGIN"), IN_TRANSACTION, done("ROLLBACK"), IDLE, *_RESULT, IDLE)
        .run()
    )


def test_a_statement_after_a_change_in_the_same_message_is_refused() -> None:
    """Unless the change is the end of a transaction that changed nothing; statements that name nothing may follow."""
    (
        Playbook()
        .client(Query(b"set search_path = x; select 1 from t"))
        .to_upstream(Query(b"set search_path = x\n;\n" + REFUSED_TEXT))
        .upstream(done("SET"), error("42883"), IDLE)
        .to_client(done("SET"), _AFTER_CHANGE, IDLE)
        .through(Query(b"set search_path = x; show y; commit"))
        .back(done("SET"), columns((0, 0)), done("SHOW"), done("COMMIT"), IDLE)
        .refuses("search_path")
        .run()
    )
    (
        Playbook()
        .through(Query(b"rollback; select 1 from t"))
        .back(done("ROLLBACK"), *_RESULT, IDLE)
        .through(Query(b"begin"), _SET)
        .back(done("BEGIN"), IN_TRANSACTION, done("SET"), IN_TRANSACTION)
        .client(Query(b"rollback; select 1 from t"))
        .to_upstream(Question(1))
        .upstream(*answer(b"clinic"), IN_TRANSACTION)
        .to_upstream(Query(b"rollback\n;\n" + REFUSED_TEXT))
        .upstream(done("ROLLBACK"), error("42883"), IDLE)
        .to_client(done("ROLLBACK"), _AFTER_CHANGE, IDLE)
        .run()
    )


def test_a_reported_search_path_is_believed_to_have_changed() -> None:
    """PostgreSQL 18 reports it, also where no statement that we know of changed it."""
    (
        Playbook()
        .back(ParameterStatus("search_path", "x"))
        .client(Query(b"select a path"))
        .to_upstream(Question(1))
        .upstream(*answer(b"x"), IDLE)
        .to_upstream(Query(b"select a path under x"))
        .back(*_RESULT, IDLE)
        .run()
    )


def test_an_answer_that_is_none_ends_the_session() -> None:
    """More than one cell, NULL, or bytes that are no text."""
    for cells in ((b"a", b"b"), (None,), (b"\xff",)):
        (
            Playbook()
            .through(_SET)
            .back(done("SET"), IDLE)
            .client(Query(b"select 1"))
            .upstream(PARSED, BOUND, row(None), row(*cells))
            .to_client()
            .ends(UpstreamProtocolError)
            .run()
        )


def test_a_prepared_statement_is_planned_again_under_another_path() -> None:
    """With the same outcome it goes on as it is; with another it is parsed again under its name, unseen."""
    prepare = (Parse(b"s1", b"select a path", (23,)), Describe(b"S", b"s1"), SYNC_MESSAGE)
    (
        Playbook()
        .client(*prepare)
        .to_upstream(Parse(b"s1", b"select a path under public", (23,)), *prepare[1:])
        .back(PARSED, NO_PARAMETERS, columns((0, 0)), IDLE)
        .through(_SET)
        .back(done("SET"), IDLE)
        .client(*_RUN)
        .to_upstream(Question(1))
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(*_RUN)
        .back(BOUND, *_RESULT, IDLE)
        .through(_SET)
        .back(done("SET"), IDLE)
        .client(*_RUN)
        .upstream(*answer(b"clinic"), IDLE)
        .to_upstream(Close(b"S", b"s1"), Parse(b"s1", b"select a path under clinic", (23,)), *_RUN)
        .upstream(CLOSED, PARSED, BOUND, *_RESULT, IDLE)
        .to_client(BOUND, *_RESULT, IDLE)
        .through(*_RUN)
        .back(BOUND, *_RESULT, IDLE)
        .run()
    )


def test_the_unnamed_statement_is_parsed_again_in_place() -> None:
    """It needs no Close; and a Describe of it sees the new one too."""
    run = (Bind(b"", b"", _NOTHING), *_RUN[1:])
    (
        Playbook()
        .client(Parse(b"", b"select a masked"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .act(_new_policy)
        .client(Describe(b"S", b""), SYNC_MESSAGE)
        .to_upstream(Question(1))
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(Parse(b"", b"select a masked under 2"), Describe(b"S", b""), SYNC_MESSAGE)
        .upstream(PARSED, NO_PARAMETERS, columns((0, 0)), IDLE)
        .to_client(NO_PARAMETERS, columns((0, 0)), IDLE)
        .through(*run)
        .back(BOUND, *_RESULT, IDLE)
        .run()
    )


def test_a_statement_that_a_new_policy_forbids_is_refused_when_it_is_used() -> None:
    """At Bind and at Describe, in step; and allowed again it runs."""

    def allow(stage: Stage) -> None:
        stage.planning.policy += 1
        stage.planning.forbidden.clear()

    refused = ErrorResponse({"S": "ERROR", "V": "ERROR", "C": "42501", "M": "no access", "D": "why", "H": "what to do"})
    (
        Playbook()
        .through(Parse(b"s1", b"select 1"), SYNC_MESSAGE)
        .back(PARSED, IDLE)
        .act(_forbids("select 1"))
        .client(*_RUN)
        .to_upstream(Question(1))
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(*_FAILING_RUN)
        .upstream(error("26000"), IDLE)
        .to_client(refused, IDLE)
        .client(Describe(b"S", b"s1"), SYNC_MESSAGE)
        .to_upstream(Describe(b"S", b"pgveil: statement refused"), SYNC_MESSAGE)
        .upstream(error("26000"), IDLE)
        .to_client(refused, IDLE)
        .act(allow)
        .client(*_RUN)
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(*_RUN)
        .back(BOUND, *_RESULT, IDLE)
        .refuses("relation", "relation")
        .run()
    )


def test_a_statement_that_could_not_be_parsed_again_is_tried_again() -> None:
    """The client was never told that its statement is gone, so the next use prepares it anew."""
    again = (Close(b"S", b"s1"), Parse(b"s1", b"select a masked under 2"))
    (
        Playbook()
        .client(Parse(b"s1", b"select a masked"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .act(_new_policy)
        .client(*_RUN)
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(*again, *_RUN)
        .upstream(CLOSED, error("42703", "column", P="3"), IDLE)
        .to_client(error("42703", "column"), IDLE)
        .client(*_RUN)
        .to_upstream(*again, *_RUN)
        .upstream(CLOSED, PARSED, BOUND, *_RESULT, IDLE)
        .to_client(BOUND, *_RESULT, IDLE)
        .run()
    )


def test_a_new_policy_checks_columns_again() -> None:
    """A result that was checked under the old policy is described again before its next row."""
    (
        Playbook()
        .through(Parse(b"s1", b"select 1"), Describe(b"S", b"s1"), SYNC_MESSAGE)
        .back(PARSED, NO_PARAMETERS, columns((5, 1)), IDLE)
        .act(_new_policy)
        .client(Bind(b"", b"s1", _NOTHING), Execute(b""), SYNC_MESSAGE)
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(Bind(b"", b"s1", _NOTHING), Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
        .upstream(BOUND, columns((PATIENTS, SSN)), row(b"901-42-0042"))
        .to_client(BOUND)
        .ends(PolicyRefusal)
        .run()
    )


def test_a_portal_does_not_outlive_the_policy_it_was_bound_under() -> None:
    """It is closed before the next message that could read from it, and the server's own error says so more clearly."""
    limited = (Bind(b"c", b"s1", _NOTHING), Describe(b"P", b"c"), Execute(b"c", 1), SYNC_MESSAGE)
    (
        Playbook()
        .through(Query(b"begin"), Parse(b"s1", b"select 1"), *limited)
        .back(done("BEGIN"), IN_TRANSACTION, PARSED, BOUND, columns((5, 1)), row(b"1"), SUSPENDED, IN_TRANSACTION)
        .act(_new_policy)
        .client(Execute(b"c", 1), SYNC_MESSAGE)
        .to_upstream(Close(b"P", b"c"), Describe(b"P", b"c"), Execute(b"c", 1), SYNC_MESSAGE)
        .upstream(CLOSED, error("34000", 'portal "c" does not exist'), FAILED)
        .to_client(OUTDATED, FAILED)
        .refuses("stale_plan")
        .run()
    )


def test_a_stale_statement_that_a_failed_close_left_ends_the_session() -> None:
    """A flight on its way uses a name that we believed gone, whose plan no longer holds: doubt."""
    (
        Playbook()
        .through(Parse(b"s1", b"select 1"), SYNC_MESSAGE)
        .back(PARSED, IDLE)
        .client(Describe(b"S", b"nobody"), Close(b"S", b"s1"), SYNC_MESSAGE, *_RUN)
        .act(_new_policy)
        .client(Query(b"begin"))
        .upstream(error("26000"), IDLE, BOUND)
        .to_client(error("26000"), IDLE)
        .ends(UnsupportedRefusal)
        .run()
    )


_ABORTED = error("25P02", "current transaction is aborted, commands ignored until end of transaction block")
_JOURNAL = error(
    "58030",
    "the journal cannot be written",
    D="Statements on protected relations run only while they can be recorded.",
)


def _without_journal(stage: Stage) -> None:
    stage.watching.works = False


def test_a_refusal_in_a_failed_transaction_is_the_servers_own() -> None:
    """Whatever we would say of a Bind, the server says first that the transaction has failed."""
    failing = Bind(b"", b"pgveil: statement refused", _NOTHING)
    run = (Execute(b""), SYNC_MESSAGE)
    (
        Playbook()
        .client(Parse(b"s1", b"select a masked"), Parse(b"end", b"rollback"), SYNC_MESSAGE)
        .upstream(PARSED, PARSED, IDLE)
        .through(Query(b"begin"))
        .back(done("BEGIN"), IN_TRANSACTION)
        .through(Query(b"select b"))
        .back(error("42703"), FAILED)
        .act(_without_journal)
        .client(Bind(b"", b"s1", _NOTHING), *run)
        .to_upstream(failing, *run)
        .upstream(error("26000"), FAILED)
        .to_client(_ABORTED, FAILED)
        .client(Bind(b"", b"end", _NOTHING), Execute(b""), Bind(b"", b"s1", _NOTHING), *run)
        .to_upstream(Bind(b"", b"end", _NOTHING), Describe(b"P", b""), Execute(b""), failing, *run)
        .upstream(BOUND, NO_ROWS, done("ROLLBACK"), error("26000"), IDLE)
        .to_client(BOUND, done("ROLLBACK"), _JOURNAL, IDLE)
        .run()
    )


def test_a_statement_lost_in_a_failed_transaction_is_not_missed_there() -> None:
    """It could not be prepared again, which the client never asked for: what it uses it in has failed anyhow.

    Its name stays taken, and after the transaction it is there as if nothing had been.
    """
    uses = (Bind(b"", b"s1", _NOTHING), SYNC_MESSAGE, Bind(b"", b"s1", _NOTHING), SYNC_MESSAGE)
    last = (Describe(b"S", b"s1"), SYNC_MESSAGE)
    (
        Playbook()
        .client(Parse(b"s1", b"select a masked"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .act(_new_policy)
        .client(Query(b"select a path"))
        .to_upstream(Question(1))
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(Query(b"select a path under public"))
        .upstream(*_RESULT, IDLE)
        .client(Query(b"begin"), Query(b"select b"), *uses, *last)
        .to_upstream(
            Query(b"begin"),
            Query(b"select b"),
            Close(b"S", b"s1"),
            Parse(b"s1", b"select a masked under 2"),
            *uses,
            *last,
        )
        .upstream(done("BEGIN"), IN_TRANSACTION, error("42703"), FAILED)
        .upstream(CLOSED, error("25P02", "aborted"), FAILED)
        .to_client(error("25P02", "aborted"), FAILED)
        .upstream(error("26000"), FAILED, error("26000"), FAILED)
        .to_client(_ABORTED, FAILED, _ABORTED, FAILED)
        .client(*uses[:2])
        .to_upstream(_FAILING_RUN[0], SYNC_MESSAGE)
        .upstream(error("26000"), FAILED)
        .to_client(_ABORTED, FAILED)
        .through(Query(b"rollback"))
        .back(done("ROLLBACK"), IDLE)
        .client(Parse(b"s1", b"select 1"), SYNC_MESSAGE)
        .to_upstream(Parse(b"s1", REFUSED_TEXT), SYNC_MESSAGE)
        .upstream(error("42883"), IDLE)
        .to_client(error("42P05", 'prepared statement "s1" already exists'), IDLE)
        .client(*uses[:2])
        .to_upstream(Close(b"S", b"s1"), Parse(b"s1", b"select a masked under 2"), *uses[:2])
        .upstream(CLOSED, PARSED, BOUND, IDLE)
        .to_client(BOUND, IDLE)
        .run()
    )


@pytest.mark.parametrize(
    ("setting", "ends"),
    [
        (ParameterStatus("standard_conforming_strings", "off"), True),
        (ParameterStatus("client_encoding", "LATIN1"), True),
        (ParameterStatus("client_encoding", "UNICODE"), False),
        (ParameterStatus("client_encoding", "UTF8"), False),
    ],
)
def test_texts_are_read_as_they_were_at_the_start_or_not_at_all(setting: ParameterStatus, ends: bool) -> None:
    """A function of the database may set what says how a text is read: then nothing more is read."""
    book = Playbook().through(Query(b"select 1"))
    if ends:
        book.upstream(setting).to_client().ends(UpstreamProtocolError).run()
    else:
        book.back(setting, *_RESULT, IDLE).run()
