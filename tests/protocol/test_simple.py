"""The simple query protocol, replayed at every cut."""

from __future__ import annotations

from proxy.errors import JournalError, PolicyRefusal, UpstreamProtocolError
from proxy.planner.plan import Origin
from proxy.wire.backend import ErrorResponse, ParameterStatus
from proxy.wire.frames import frame
from proxy.wire.frontend import FLUSH_MESSAGE, SYNC_MESSAGE, Bind, CopyData, Execute, FunctionCall, Parse, Query
from tests.support.fake_planning import PATIENTS, SSN
from tests.support.playbook import (
    BOUND,
    COPY_ENDED,
    EMPTY,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    PARSED,
    REFUSAL,
    REFUSED_TEXT,
    Playbook,
    columns,
    done,
    error,
    notice,
    refusal_at,
    row,
)


def test_a_passed_query_goes_as_it_came() -> None:
    """The client's bytes go upstream, the rows come back, and the statement is recorded with its row count."""
    (
        Playbook()
        .through(Query(b"select 1 from t;  -- end"))
        .back(columns((5, 1)), row(b"1"), row(None), done("SELECT 2"), IDLE)
        .records(("select 1 from t", 2, None))
    )
    (
        Playbook()
        .through(Query(b"select 1 from t"))
        .back(columns((5, 1)), row(b"1"), row(None), done("SELECT 2"), IDLE)
        .records(("select 1 from t", 2, None))
        .run()
    )


def test_a_rewritten_query_is_sent_in_its_place_with_its_comments() -> None:
    """The plan's text goes upstream, after the comments that the client's text begins with."""
    (
        Playbook()
        .client(Query(b"/* job 7 */ -- x\nselect a masked"))
        .to_upstream(Query(b"/* job 7 */ -- x\n\n/* job 7 */ -- x\nselect a masked under 1"))
        .back(columns((0, 0)), row(b"*"), done("SELECT 1"), IDLE)
        .run()
    )


def test_several_statements_are_one_message() -> None:
    """Each result belongs to its own statement, and the implicit transaction stays one."""
    (
        Playbook()
        .client(Query(b"select a masked; begin; select b"))
        .to_upstream(Query(b"select a masked under 1\n;\nbegin\n;\nselect b"))
        .back(
            columns((0, 0)),
            row(b"*"),
            done("SELECT 1"),
            done("BEGIN"),
            columns((9, 1)),
            done("SELECT 0"),
            IN_TRANSACTION,
        )
        .records(("select a masked", 1, None), ("begin", None, None), ("select b", 0, None))
        .run()
    )


def test_an_empty_query_is_forwarded() -> None:
    """EmptyQueryResponse comes from the server, also for blanks and semicolons."""
    Playbook().through(Query(b" ; ")).back(EMPTY, IDLE).records().run()


def test_queries_may_be_pipelined() -> None:
    """Each Query has its own ReadyForQuery, in order."""
    (
        Playbook()
        .through(Query(b"select 1"), Query(b"begin"), Query(b"select 2"))
        .back(columns((0, 0)), row(b"1"), done("SELECT 1"), IDLE, done("BEGIN"), IN_TRANSACTION)
        .back(error("57014"), FAILED)
        .records(("select 1", 1, None), ("begin", None, None), ("select 2", None, "57014"))
        .run()
    )


def test_a_refused_query_fails_upstream_in_its_place() -> None:
    """The server fails in step, and its error's text is replaced by the refusal's."""
    (
        Playbook()
        .client(Query(b"select denied"))
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), IDLE)
        .to_client(refusal_at(8), IDLE)
        .refuses("relation")
        .records()
        .run()
    )


def test_what_precedes_a_refused_statement_runs_and_what_follows_does_not() -> None:
    """A refused statement aborts the transaction as an error there would; its position counts from the text's start."""
    (
        Playbook()
        .client(Query(b"begin; select denied; select 2"))
        .to_upstream(Query(b"begin\n;\n" + REFUSED_TEXT))
        .upstream(done("BEGIN"), error("42883"), FAILED)
        .to_client(done("BEGIN"), refusal_at(15), FAILED)
        .records(("begin", None, None))
        .run()
    )


def test_an_earlier_error_hides_a_refusal() -> None:
    """Where a statement before the refused one fails, its own error is shown."""
    (
        Playbook()
        .client(Query(b"select 1; select denied"))
        .to_upstream(Query(b"select 1\n;\n" + REFUSED_TEXT))
        .upstream(error("42883", "no such function", P="9"), IDLE)
        .to_client(error("42883", "no such function"), IDLE)
        .records(("select 1", None, "42883"))
        .run()
    )


def test_in_a_failed_transaction_the_servers_own_error_is_shown() -> None:
    """A refused statement in an aborted transaction gives 25P02, as the server says."""
    (
        Playbook()
        .client(Query(b"select denied"))
        .to_upstream(Query(REFUSED_TEXT))
        .back(error("25P02", "current transaction is aborted"), FAILED)
        .run()
    )


def test_a_statement_made_to_fail_that_succeeds_ends_the_session() -> None:
    """If the server ran it, nothing that follows can be trusted."""
    for reply in (done("SELECT 1"), columns((0, 0)), IDLE):
        (Playbook().client(Query(b"select denied")).upstream(reply).to_client().ends(UpstreamProtocolError).run())


def test_a_syntax_error_refuses_the_whole_text() -> None:
    """Nothing of a text that does not parse runs, as in PostgreSQL."""
    (
        Playbook()
        .client(Query(b"begin; syntax"))
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), IDLE)
        .to_client(error("42601", "syntax error", P="8"), IDLE)
        .refuses("syntax")
        .run()
    )


def test_bytes_that_are_no_text_are_refused_in_step() -> None:
    """Invalid UTF-8 is 22021, and the session goes on."""
    (
        Playbook()
        .client(Query(b"select '\xff'"))
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), IDLE)
        .to_client(error("22021", "invalid byte sequence for encoding UTF8"), IDLE)
        .refuses("encoding")
        .through(Query(b"select 1"))
        .back(columns((0, 0)), done("SELECT 0"), IDLE)
        .run()
    )


def test_a_function_call_is_refused_in_step() -> None:
    """The fast path is answered like a Query: an error and ReadyForQuery."""
    (
        Playbook()
        .client(FunctionCall(1598, bytes(6)))
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), IDLE)
        .to_client(
            error("0A000", "the function call message is not supported", H="Call the function in a SELECT statement."),
            IDLE,
        )
        .refuses("function_call")
        .run()
    )


def test_origins_are_put_back() -> None:
    """A masked column is shown with the table and column that it came from; other bytes stay."""
    origin = Origin(PATIENTS, SSN)
    (
        Playbook(origins=(None, origin))
        .client(Query(b"select a masked"))
        .upstream(columns((7, 2), (0, 0)), row(b"x", b"*"), done("SELECT 1"), IDLE)
        .to_client(columns((7, 2), (PATIENTS, SSN)), row(b"x", b"*"), done("SELECT 1"), IDLE)
        .run()
    )


def test_a_view_column_is_shown_as_the_views() -> None:
    """Of an expanded view the server names the table underneath; the client is shown the view."""
    (
        Playbook(origins=(Origin(9, 1),))
        .client(Query(b"select a masked"))
        .upstream(columns((7, 2)), row(b"x"), done("SELECT 1"), IDLE)
        .to_client(columns((9, 1)), row(b"x"), done("SELECT 1"), IDLE)
        .run()
    )


def test_a_protected_column_ends_the_session_before_its_first_row() -> None:
    """Where the server names a protected column as an output's origin, no row passes."""
    (
        Playbook()
        .through(Query(b"select ssn from view"))
        .upstream(columns((7, 2), (PATIENTS, SSN)), row(b"x", b"901-42-0042"), done("SELECT 1"), IDLE)
        .to_client()
        .ends(PolicyRefusal)
        .refuses("row_description")
        .run()
    )


def test_a_result_that_does_not_fit_its_plan_ends_the_session() -> None:
    """Another number of columns than the plan's is doubt."""
    for described in (columns((0, 0)), columns((0, 0), (0, 0), (0, 0))):
        (
            Playbook(origins=(None, Origin(7, 8)))
            .client(Query(b"select a masked"))
            .upstream(described, row(b"x", b"y"))
            .to_client()
            .ends(UpstreamProtocolError)
            .run()
        )


def test_rows_without_a_description_end_the_session() -> None:
    """A row passes only under a description that was checked, for that very statement."""
    (
        Playbook()
        .through(Query(b"select 1; select 2"))
        .upstream(columns((0, 0)), row(b"1"), done("SELECT 1"), row(b"2"))
        .to_client(columns((0, 0)), row(b"1"), done("SELECT 1"))
        .ends(UpstreamProtocolError)
        .run()
    )


def test_copy_out_passes_where_the_plan_says_so() -> None:
    """COPY data streams through for a COPY plan."""
    response = frame(ord("H"), b"\0\0\x01\0\0")
    data = (CopyData(b"1\n"), CopyData(b"2\n"))
    (
        Playbook()
        .through(Query(b"copy t to stdout"))
        .back(response, *data, COPY_ENDED, done("COPY 2"), IDLE)
        .records(("copy t to stdout", 2, None))
        .run()
    )
    (
        Playbook()
        .through(Query(b"copy t to stdout"))
        .back(response, data[0], error("57014"), IDLE)
        .records(("copy t to stdout", None, "57014"))
        .run()
    )


def test_copy_where_no_plan_says_so_ends_the_session() -> None:
    """COPY OUT of another statement, COPY IN, COPY BOTH, and COPY data on its own."""
    for reply in (b"H\0\0\0\x07\0\0\0", b"G\0\0\0\x07\0\0\0", b"W\0\0\0\x07\0\0\0", CopyData(b"x"), COPY_ENDED):
        Playbook().through(Query(b"select 1")).upstream(reply).to_client().ends(UpstreamProtocolError).run()


def test_copy_data_from_the_client_is_dropped() -> None:
    """Outside COPY FROM, which never starts, the server ignores these messages, and so do we."""
    Playbook().client(CopyData(b"x"), b"c\0\0\0\x04", b"f\0\0\0\x05\0", Query(b"")).to_upstream(Query(b"")).upstream(
        EMPTY, IDLE
    ).run()


def test_a_position_points_into_the_clients_text_or_is_dropped() -> None:
    """A restricted principal sees code, text and position; after a rewrite no position."""
    (
        Playbook()
        .through(Query(b"select x"))
        .upstream(error("42703", "column", P="8", H="hint", D="detail", W="where", q="sql", F="f.c"), IDLE)
        .to_client(error("42703", "column", P="8"), IDLE)
        .client(Query(b"select x masked"))
        .upstream(error("42703", "column", P="8"), IDLE)
        .to_client(error("42703", "column"), IDLE)
        .run()
    )


def test_texts_that_may_quote_a_value_are_withheld_from_the_restricted() -> None:
    """The code passes, the text does not; notices too."""
    stage = (
        Playbook()
        .through(Query(b"select x"))
        .upstream(
            notice("00000", "901-42-0042"), notice("42622", "truncated"), error("22P02", "invalid: 901-42-0042"), IDLE
        )
        .run()
    )
    assert b"901-42-0042" not in stage.got["client"]
    assert b"22P02" in stage.got["client"]
    assert b"truncated" in stage.got["client"]


def test_the_unrestricted_see_errors_as_they_are() -> None:
    """Nothing is taken from an error of a statement that passed."""
    (
        Playbook(restricted=False)
        .through(Query(b"select x"))
        .back(notice("00000", "hello", D="more"), error("22P02", "invalid: x", D="detail", P="3"), IDLE)
        .run()
    )


def test_asynchronous_messages_pass_at_any_time() -> None:
    """Notices, notifications and parameters come while idle and in the middle of a result."""
    others = (notice("57014", "n"), frame(ord("A"), b"\0\0\0\x01ch\0\0"), ParameterStatus("TimeZone", "UTC"))
    (
        Playbook(restricted=False)
        .back(*others)
        .through(Query(b"select 1"))
        .back(*others, columns((0, 0)), *others, row(b"1"), *others, done("SELECT 1"), IDLE, *others)
        .run()
    )


def test_without_a_journal_protected_statements_are_refused_and_others_run() -> None:
    """What is rewritten does not run without a journal; what is before it in the text does."""
    (
        Playbook()
        .act(lambda stage: setattr(stage.watching, "works", False))
        .through(Query(b"select 1"))
        .back(columns((0, 0)), done("SELECT 0"), IDLE)
        .client(Query(b"select 1; select a masked"))
        .to_upstream(Query(b"select 1\n;\n" + REFUSED_TEXT))
        .upstream(columns((0, 0)), done("SELECT 0"), error("42883"), IDLE)
        .to_client(
            columns((0, 0)),
            done("SELECT 0"),
            error(
                "58030",
                "the journal cannot be written",
                D="Statements on protected relations run only while they can be recorded.",
            ),
            IDLE,
        )
        .run()
    )


def test_a_journal_that_fails_in_the_middle_ends_the_session_before_completion() -> None:
    """A protected statement that cannot be recorded is never complete for the client."""
    (
        Playbook()
        .client(Query(b"select a masked"))
        .back(columns((0, 0)), row(b"*"))
        .act(lambda stage: setattr(stage.watching, "works", False))
        .upstream(done("SELECT 1"), IDLE)
        .to_client()
        .ends(JournalError)
        .run()
    )


def test_a_query_inside_an_extended_flight_keeps_its_place() -> None:
    """Query and extended messages may be mixed; an error in the flight skips the Query too."""
    flight = (Parse(b"", b"select 1"), Bind(b"", b"", bytes(6)), Query(b"select 2"), SYNC_MESSAGE)
    (
        Playbook()
        .through(*flight)
        .back(PARSED, BOUND, columns((0, 0)), done("SELECT 0"), IDLE, IDLE)
        .through(*flight)
        .back(PARSED, error("42P03"), IDLE)
        .run()
    )


def test_a_skipping_server_gets_nothing_before_the_sync() -> None:
    """After an error without a Sync in flight, all is dropped until the client sends one; refusals are not planned."""
    (
        Playbook()
        .through(Parse(b"", b"select 1"), FLUSH_MESSAGE)
        .back(error("42703"))
        .client(Query(b"select denied"), Execute(b""), FLUSH_MESSAGE)
        .to_upstream()
        .through(SYNC_MESSAGE)
        .back(IDLE)
        .refuses()
        .run()
    )


def test_a_refusal_without_a_position_has_none() -> None:
    """A refusal of a whole statement carries what, why and what to do."""
    (
        Playbook()
        .client(Query(b"vacuum"))
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), IDLE)
        .to_client(REFUSAL, IDLE)
        .run()
    )


def test_an_error_that_masking_has_caused_is_a_refusal() -> None:
    """By either protocol; the same error of a text that went as it was stays the server's."""
    refused = ErrorResponse(
        {
            "S": "ERROR",
            "V": "ERROR",
            "C": "0A000",
            "M": "the system column ctid of a relation with masked columns is not shown",
            "D": "It tells where and when the stored row was written.",
            "H": "Use the primary key.",
        }
    ).encode()
    (
        Playbook()
        .client(Query(b"select x masked"))
        .upstream(error("42703", 'column "ctid" does not exist'), IDLE)
        .to_client(refused, IDLE)
        .client(Parse(b"", b"select x masked"), SYNC_MESSAGE)
        .upstream(error("42703", 'column "ctid" does not exist'), IDLE)
        .to_client(refused, IDLE)
        .through(Query(b"select x"))
        .back(error("42703", 'column "ctid" does not exist'), IDLE)
        .refuses("system_column", "system_column")
        .run()
    )
