"""The extended query protocol, replayed at every cut."""

from __future__ import annotations

import pytest

from proxy.errors import ClientProtocolError, PolicyRefusal, UnsupportedRefusal, UpstreamProtocolError
from proxy.planner.plan import Origin
from proxy.wire.backend import ErrorResponse, ReadyForQuery
from proxy.wire.frames import frame
from proxy.wire.frontend import (
    FLUSH_MESSAGE,
    PARSE,
    SYNC_MESSAGE,
    Bind,
    Close,
    CopyData,
    Describe,
    Execute,
    Parse,
    Query,
)
from tests.support.fake_planning import PATIENTS, SSN
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
    REFUSED_TEXT,
    SUSPENDED,
    Playbook,
    columns,
    done,
    error,
    refusal_at,
    row,
)

_NOTHING = bytes(6)
_BIND = Bind(b"", b"", _NOTHING)
_RUN = (Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
_NOBODY = b"pgveil: statement refused"
_FAILING_BIND = Bind(b"", _NOBODY, _NOTHING)


def test_the_usual_flight_passes_as_it_came() -> None:
    """Parse, Bind, Describe, Execute, Sync, and again with the prepared statement."""
    (
        Playbook()
        .through(Parse(b"s1", b"select 1", (23,)), Bind(b"", b"s1", b"\0\0\0\1\0\0\0\4\0\0\0\7\0\0"), *_RUN)
        .back(PARSED, BOUND, columns((5, 1)), row(b"1"), done("SELECT 1"), IDLE)
        .through(Bind(b"", b"s1", _NOTHING), *_RUN)
        .back(BOUND, columns((5, 1)), row(b"1"), row(b"2"), done("SELECT 2"), IDLE)
        .through(Bind(b"", b"s1", _NOTHING), Execute(b""), SYNC_MESSAGE)
        .back(BOUND, row(b"1"), done("SELECT 1"), IDLE)
        .records(("select 1", 1, None), ("select 1", 2, None), ("select 1", 1, None))
        .run()
    )


def test_a_rewritten_statement_keeps_name_and_parameter_types() -> None:
    """The plan's text is parsed under the client's name, with the client's types; origins are put back twice."""
    described = columns((0, 0))
    shown = columns((PATIENTS, SSN))
    (
        Playbook(origins=(Origin(PATIENTS, SSN),))
        .client(Parse(b"s1", b"select $1 masked", (25, 0)), Describe(b"S", b"s1"), SYNC_MESSAGE)
        .to_upstream(Parse(b"s1", b"select $1 masked under 1", (25, 0)), Describe(b"S", b"s1"), SYNC_MESSAGE)
        .upstream(PARSED, NO_PARAMETERS, described, IDLE)
        .to_client(PARSED, NO_PARAMETERS, shown, IDLE)
        .through(Bind(b"", b"s1", _NOTHING), *_RUN)
        .upstream(BOUND, described, row(b"*"), done("SELECT 1"), IDLE)
        .to_client(BOUND, shown, row(b"*"), done("SELECT 1"), IDLE)
        .records(("select $1 masked", 1, None))
        .run()
    )


def test_a_refused_parse_fails_upstream_in_its_place() -> None:
    """The rest of the flight is skipped by the server, and the next flight works."""
    (
        Playbook()
        .client(Parse(b"s1", b"select denied"), Bind(b"", b"s1", _NOTHING), *_RUN)
        .to_upstream(Parse(b"s1", REFUSED_TEXT), Bind(b"", b"s1", _NOTHING), *_RUN)
        .upstream(error("42883"), IDLE)
        .to_client(refusal_at(8), IDLE)
        .through(Parse(b"s1", b"select 1"), Bind(b"", b"s1", _NOTHING), *_RUN)
        .back(PARSED, BOUND, columns((0, 0)), done("SELECT 0"), IDLE)
        .refuses("relation")
        .run()
    )


def test_a_refused_parse_in_a_failed_transaction_shows_the_servers_error() -> None:
    """25P02 comes from the server, since it fails before it looks at the text."""
    (
        Playbook()
        .client(Parse(b"", b"select denied"), SYNC_MESSAGE)
        .to_upstream(Parse(b"", REFUSED_TEXT), SYNC_MESSAGE)
        .back(error("25P02"), FAILED)
        .run()
    )


def test_a_refused_parse_that_succeeds_ends_the_session() -> None:
    """If the server accepted the failing statement, nothing that follows can be trusted."""
    (
        Playbook()
        .client(Parse(b"", b"select denied"), SYNC_MESSAGE)
        .upstream(PARSED)
        .to_client()
        .ends(UpstreamProtocolError)
        .run()
    )


def test_several_statements_cannot_be_prepared() -> None:
    """Postgres allows one; we say so in its words."""
    (
        Playbook()
        .client(Parse(b"", b"select 1; select 2"), SYNC_MESSAGE)
        .to_upstream(Parse(b"", REFUSED_TEXT), SYNC_MESSAGE)
        .upstream(error("42883"), IDLE)
        .to_client(error("42601", "cannot insert multiple commands into a prepared statement"), IDLE)
        .client(Query(b"select 1; select 2"))
        .upstream(columns((0, 0)), done("SELECT 0"), columns((0, 0)), done("SELECT 0"), IDLE)
        .client(Parse(b"", b"select 1; select 2"), SYNC_MESSAGE)
        .to_upstream(Parse(b"", REFUSED_TEXT), SYNC_MESSAGE)
        .upstream(error("42883"), IDLE)
        .run()
    )


def test_bytes_that_are_no_text_are_refused_in_step() -> None:
    """Invalid UTF-8 in a Parse is 22021."""
    (
        Playbook()
        .client(Parse(b"", b"select '\xe4'"), SYNC_MESSAGE)
        .upstream(error("42883"), IDLE)
        .to_client(error("22021", "invalid byte sequence for encoding UTF8"), IDLE)
        .run()
    )


def test_an_empty_statement_is_forwarded() -> None:
    """Parse, Describe and Execute of an empty text (drivers do this to see whether we live)."""
    (
        Playbook()
        .through(Parse(b"", b""), _BIND, Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
        .back(PARSED, BOUND, NO_ROWS, EMPTY, IDLE)
        .records()
        .run()
    )


def test_a_client_that_never_describes_has_its_columns_checked_all_the_same() -> None:
    """We describe the portal ourselves before its first Execute, once for each statement, and swallow the answer."""
    described = Describe(b"P", b"")
    (
        Playbook()
        .client(Parse(b"s1", b"select 1"), Bind(b"", b"s1", _NOTHING), Execute(b""), SYNC_MESSAGE)
        .to_upstream(Parse(b"s1", b"select 1"), Bind(b"", b"s1", _NOTHING), described, Execute(b""), SYNC_MESSAGE)
        .upstream(PARSED, BOUND, columns((5, 1)), row(b"1"), done("SELECT 1"), IDLE)
        .to_client(PARSED, BOUND, row(b"1"), done("SELECT 1"), IDLE)
        .through(Bind(b"", b"s1", _NOTHING), Execute(b""), SYNC_MESSAGE)
        .back(BOUND, row(b"1"), done("SELECT 1"), IDLE)
        .client(Parse(b"", b"insert x"), _BIND, Execute(b""), SYNC_MESSAGE)
        .to_upstream(Parse(b"", b"insert x"), _BIND, described, Execute(b""), SYNC_MESSAGE)
        .upstream(PARSED, BOUND, NO_ROWS, done("INSERT 0 1"), IDLE)
        .to_client(PARSED, BOUND, done("INSERT 0 1"), IDLE)
        .run()
    )


def test_a_protected_column_ends_the_session_before_its_first_row() -> None:
    """Whether the client describes or not."""
    for flight in (_RUN, (Execute(b""), SYNC_MESSAGE)):
        (
            Playbook()
            .client(Parse(b"", b"select ssn from view"), _BIND, *flight)
            .upstream(PARSED, BOUND, columns((PATIENTS, SSN)), row(b"901-42-0042"), done("SELECT 1"), IDLE)
            .to_client(PARSED, BOUND)
            .ends(PolicyRefusal)
            .run()
        )


def test_rows_that_were_not_described_end_the_session() -> None:
    """Rows after NoData, after no Describe at all, or for a portal that nobody opened."""
    (
        Playbook()
        .through(Parse(b"", b"select 1"), _BIND, *_RUN)
        .upstream(PARSED, BOUND, NO_ROWS, row(b"1"))
        .to_client(PARSED, BOUND, NO_ROWS)
        .ends(UpstreamProtocolError)
        .run()
    )
    Playbook().through(SYNC_MESSAGE).upstream(row(b"1")).to_client().ends(UpstreamProtocolError).run()
    Playbook().upstream(row(b"1")).to_client().ends(UpstreamProtocolError).run()
    Playbook().through(Execute(b"c"), SYNC_MESSAGE).upstream(row(b"1")).to_client().ends(UnsupportedRefusal).run()


def test_what_sql_prepares_is_described_each_time() -> None:
    """The result of FETCH depends on its cursor, so each portal of it is described."""
    fetch = (Bind(b"", b"f", _NOTHING), Execute(b""), SYNC_MESSAGE)
    described = (Bind(b"", b"f", _NOTHING), Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
    (
        Playbook()
        .through(Parse(b"f", b"fetch 1 from c"), Describe(b"S", b"f"), SYNC_MESSAGE)
        .back(PARSED, NO_PARAMETERS, NO_ROWS, IN_TRANSACTION)
        .client(*fetch)
        .to_upstream(*described)
        .upstream(BOUND, columns((5, 1)), row(b"1"), done("FETCH 1"), IN_TRANSACTION)
        .to_client(BOUND, row(b"1"), done("FETCH 1"), IN_TRANSACTION)
        .client(*fetch)
        .to_upstream(*described)
        .upstream(BOUND, columns((PATIENTS, SSN)), row(b"1"))
        .to_client(BOUND)
        .ends(PolicyRefusal)
        .run()
    )


def test_portals_are_suspended_and_go_on() -> None:
    """Row limits, Flush instead of Sync, and Execute across Sync inside a transaction."""
    named = Bind(b"C_1", b"s1", _NOTHING)
    (
        Playbook()
        .through(
            Query(b"begin"), Parse(b"s1", b"select 1"), named, Describe(b"P", b"C_1"), Execute(b"C_1", 2), FLUSH_MESSAGE
        )
        .back(done("BEGIN"), IN_TRANSACTION, PARSED, BOUND, columns((5, 1)), row(b"1"), row(b"2"), SUSPENDED)
        .through(SYNC_MESSAGE)
        .back(IN_TRANSACTION)
        .through(Execute(b"C_1", 2), SYNC_MESSAGE)
        .back(row(b"3"), row(b"4"), SUSPENDED, IN_TRANSACTION)
        .through(Query(b"move 1 in c_1"))
        .back(done("MOVE 1"), IN_TRANSACTION)
        .through(Execute(b"C_1", 2), Close(b"P", b"C_1"), SYNC_MESSAGE)
        .back(row(b"6"), done("SELECT 1"), CLOSED, IN_TRANSACTION)
        .through(Execute(b"C_1", 2), SYNC_MESSAGE)
        .back(error("34000"), FAILED)
        .records(
            ("begin", None, None),
            ("select 1", 2, None),
            ("select 1", 2, None),
            ("move 1 in c_1", 1, None),
            ("select 1", 1, None),
        )
        .run()
    )


def test_errors_skip_to_the_sync_that_is_on_its_way() -> None:
    """A deep pipeline of flights, some of which fail at different steps."""
    flight = (Parse(b"", b"select 1"), _BIND, *_RUN)
    good = (PARSED, BOUND, columns((5, 1)), done("SELECT 0"), IDLE)
    (
        Playbook(restricted=False)
        .through(*flight, *flight, *flight, *flight, *flight)
        .back(*good, error("42703"), IDLE, PARSED, error("22023"), IDLE, PARSED, BOUND, columns((5, 1)), row(b"1"))
        .back(ErrorResponse({"S": "ERROR", "C": "57014", "M": "cancelled"}), IDLE, *good)
        .run()
    )


def test_names_come_back_after_a_failed_parse() -> None:
    """A name that could not be parsed again still stands for the older statement, also in a flight on its way."""
    run = (Bind(b"", b"s1", _NOTHING), Execute(b""), SYNC_MESSAGE)
    (
        Playbook()
        .through(Parse(b"s1", b"select 1"), Describe(b"S", b"s1"), SYNC_MESSAGE)
        .back(PARSED, NO_PARAMETERS, columns((5, 1)), IDLE)
        .client(Parse(b"s1", b"select 2"), SYNC_MESSAGE, *run)
        .upstream(error("42P05"), IDLE, BOUND, columns((5, 1)), row(b"1"), done("SELECT 1"), IDLE)
        .to_client(error("42P05"), IDLE, BOUND, row(b"1"), done("SELECT 1"), IDLE)
        .through(*run)
        .back(BOUND, row(b"1"), done("SELECT 1"), IDLE)
        .records(("select 2", None, "42P05"), ("select 1", 1, None), ("select 1", 1, None))
        .run()
    )


def test_a_skipped_close_leaves_the_statement() -> None:
    """A Close that the server skipped has not happened; one that it did has."""
    run = (Bind(b"", b"s1", _NOTHING), *_RUN)
    (
        Playbook()
        .through(Parse(b"s1", b"select 1"), SYNC_MESSAGE)
        .back(PARSED, IDLE)
        .through(Describe(b"S", b"nobody"), Close(b"S", b"s1"), SYNC_MESSAGE, *run)
        .back(error("26000"), IDLE, BOUND, columns((5, 1)), done("SELECT 0"), IDLE)
        .through(Close(b"S", b"s1"), SYNC_MESSAGE, *run)
        .back(CLOSED, IDLE, error("26000"), IDLE)
        .through(Close(b"S", b"s1"), Close(b"P", b""), SYNC_MESSAGE)
        .back(CLOSED, CLOSED, IDLE)
        .run()
    )


def test_sql_deallocates_what_the_protocol_prepared() -> None:
    """DEALLOCATE name, DEALLOCATE ALL and DISCARD ALL drop statements; CLOSE drops portals."""
    prepare = (Parse(b"s1", b"select 1"), Describe(b"S", b"s1"), SYNC_MESSAGE)
    prepared = (PARSED, NO_PARAMETERS, columns((5, 1)), IDLE)
    run = (Bind(b"", b"s1", _NOTHING), *_RUN)
    for drop, tag in (
        (b"deallocate s1", "DEALLOCATE"),
        (b"deallocate all", "DEALLOCATE ALL"),
        (b"discard all", "DISCARD ALL"),
    ):
        stage = Playbook().through(*prepare).back(*prepared).through(Query(drop)).back(done(tag), IDLE).run()
        assert stage.conversation._state.statements.confirmed == {}
    Playbook().through(*prepare).back(*prepared).through(Query(b"deallocate s1")).back(
        done("DEALLOCATE"), IDLE
    ).through(*run).back(error("26000"), IDLE).run()


def test_sql_closes_portals() -> None:
    """CLOSE and CLOSE ALL drop portals, which share their names with cursors."""
    for close in (b"close c1", b"close all"):
        stage = (
            Playbook()
            .through(Query(b"begin"), Parse(b"", b"select 1"), Bind(b"c1", b"", _NOTHING), SYNC_MESSAGE, Query(close))
            .back(done("BEGIN"), IN_TRANSACTION, PARSED, BOUND, IN_TRANSACTION, done("CLOSE CURSOR"), IN_TRANSACTION)
            .run()
        )
        assert stage.conversation._state.statements.portals == {}


def test_a_cursor_of_sql_may_have_taken_a_portals_name() -> None:
    """After ROLLBACK TO, a DECLARE may reuse the name of a portal that it dropped: the rows are the cursor's then."""
    stage = (
        Playbook()
        .through(
            Query(b"begin"), Query(b"savepoint a"), Parse(b"", b"select 1"), Bind(b"c1", b"", _NOTHING), SYNC_MESSAGE
        )
        .back(done("BEGIN"), IN_TRANSACTION, done("SAVEPOINT"), IN_TRANSACTION, PARSED, BOUND, IN_TRANSACTION)
        .through(Query(b"rollback to a"))
        .back(done("ROLLBACK"), IN_TRANSACTION)
        .through(Query(b"declare c1 cursor for select 2"))
        .back(done("DECLARE CURSOR"), IN_TRANSACTION)
        .run()
    )
    plan = stage.conversation._state.statements.portals[b"c1"].plan
    assert plan is not None
    assert plan.fingerprint == "declare c1 cursor for select 2"


def test_no_portal_outlives_its_transaction() -> None:
    """When the server is idle again, all portals are gone."""
    stage = (
        Playbook()
        .through(Parse(b"", b"select 1"), Bind(b"c1", b"", _NOTHING), SYNC_MESSAGE)
        .back(PARSED, BOUND, IDLE)
        .run()
    )
    assert stage.conversation._state.statements.portals == {}
    assert stage.conversation._state.opening == {}


def test_a_describe_of_a_cursor_that_sql_made_is_checked() -> None:
    """There is no plan for it, so its columns pass as they are, unless one is protected."""
    describe = (Describe(b"P", b"c"), SYNC_MESSAGE)
    Playbook().through(*describe).back(columns((5, 1)), IN_TRANSACTION).run()
    Playbook().through(*describe).upstream(columns((PATIENTS, SSN))).to_client().ends(PolicyRefusal).run()


def test_copy_out_by_execute() -> None:
    """COPY in the extended protocol streams between Execute and CommandComplete."""
    response = b"H\0\0\0\x09\0\0\x01\0\0"
    (
        Playbook()
        .through(Parse(b"", b"copy t to stdout"), _BIND, *_RUN)
        .back(PARSED, BOUND, NO_ROWS, response, CopyData(b"1\n"), COPY_ENDED, done("COPY 1"), IDLE)
        .records(("copy t to stdout", 1, None))
        .run()
    )


def test_a_commit_that_fails_at_sync_is_shown() -> None:
    """A deferred constraint fails when the flight ends: an error, then ReadyForQuery."""
    (
        Playbook(restricted=False)
        .through(Parse(b"", b"insert x"), _BIND, *_RUN)
        .upstream(PARSED, BOUND, NO_ROWS, done("INSERT 0 1"), error("23505", "duplicate"), IDLE)
        .to_client(PARSED, BOUND, NO_ROWS, done("INSERT 0 1"), error("23505", "duplicate"), IDLE)
        .run()
    )


def test_a_position_passes_for_the_clients_own_text_only() -> None:
    """After a rewrite, and in a statement that we had parsed again, a position would point elsewhere."""
    (
        Playbook()
        .through(Parse(b"", b"select x"), SYNC_MESSAGE)
        .back(error("42703", "column", P="8"), IDLE)
        .client(Parse(b"", b"select x masked"), SYNC_MESSAGE)
        .upstream(error("42703", "column", P="8"), IDLE)
        .to_client(error("42703", "column"), IDLE)
        .records(("select x", None, "42703"), ("select x masked", None, "42703"))
        .run()
    )


def test_without_a_journal_a_protected_bind_is_refused_in_step() -> None:
    """A prepared statement on protected relations does not run while nothing can be recorded."""
    (
        Playbook()
        .client(Parse(b"s1", b"select a masked"), SYNC_MESSAGE)
        .upstream(PARSED, IDLE)
        .act(lambda stage: setattr(stage.watching, "works", False))
        .client(Bind(b"", b"s1", _NOTHING), *_RUN)
        .to_upstream(_FAILING_BIND, *_RUN)
        .upstream(error("26000"), IDLE)
        .to_client(
            error(
                "58030",
                "the journal cannot be written",
                D="Statements on protected relations run only while they can be recorded.",
            ),
            IDLE,
        )
        .run()
    )


def test_unknown_names_get_the_servers_own_errors() -> None:
    """26000 and 34000 come from upstream, in step."""
    (
        Playbook()
        .through(
            Bind(b"", b"nobody", _NOTHING), *_RUN, Describe(b"S", b"nobody"), SYNC_MESSAGE, Execute(b"no"), SYNC_MESSAGE
        )
        .back(error("26000"), IDLE, error("26000"), IDLE, error("34000"), IDLE)
        .run()
    )


def test_malformed_messages_end_the_session() -> None:
    """What the protocol does not allow is 08P01, after all that was right before it was sent."""
    for message in (
        b"Q\0\0\0\x04",
        b"Q\0\0\0\x05x",
        b"Q\0\0\0\x07\0x\0",
        b"P\0\0\0\x05\0",
        b"B\0\0\0\x05\0",
        b"D\0\0\0\x06X\0",
        b"D\0\0\0\x05\0",
        b"C\0\0\0\x06X\0",
        b"E\0\0\0\x05\0",
        b"p\0\0\0\x05\0",
        b"?\0\0\0\x04",
        b"S\0\0\0\x03",
        b"Q\x7f\0\0\0",
        b"Q\xff\xff\xff\xff",
    ):
        (
            Playbook(restricted=False)
            .client(Query(b""), message)
            .to_upstream(Query(b""))
            .to_client()
            .ends(ClientProtocolError)
            .run()
        )


def test_replies_out_of_step_end_the_session() -> None:
    """A reply to something else than the oldest request, or an unknown message, is never guessed at."""
    sent = (Parse(b"", b"select 1"), _BIND, Describe(b"S", b""), *_RUN)
    before = (PARSED, BOUND, NO_PARAMETERS, columns((5, 1)), columns((5, 1)))
    wrong = (
        PARSED,
        BOUND,
        CLOSED,
        NO_ROWS,
        NO_PARAMETERS,
        columns((5, 1)),
        IDLE,
        COPY_ENDED,
        b"V\0\0\0\x04",
        b"K\0\0\0\x04",
    )
    right = (b"1", b"2", b"t", b"T", b"T")
    for position in range(len(right) + 1):
        for message in wrong:
            expected = right[position] if position < len(right) else b""
            described = (NO_ROWS, NO_PARAMETERS, columns((5, 1)))  # the two halves of an answer, in any order
            if (
                message[:1] == expected
                or (position in {2, 3} and message in described)
                or (position, message) == (4, NO_ROWS)
            ):
                continue
            (
                Playbook()
                .client(*sent)
                .upstream(*before[:position], message)
                .to_client(*before[:position])
                .ends(UpstreamProtocolError)
                .run()
            )


@pytest.mark.parametrize("types", [b"\0\2\0\0\0\x19", b"\0\0\0\0\0\x19", b"\0\1\0\0\x19", b"\1"])
def test_parameter_types_that_are_cut_off_are_refused_in_step(types: bytes) -> None:
    """Their types could not be checked."""
    (
        Playbook()
        .client(frame(PARSE, b"s\0select 1\0" + types), SYNC_MESSAGE)
        .to_upstream(Parse(b"s", REFUSED_TEXT), SYNC_MESSAGE)
        .upstream(error("42883"), IDLE)
        .to_client(error("08P01", "malformed Parse message"), IDLE)
        .run()
    )


def test_what_is_the_servers_own_affair_is_not_recorded() -> None:
    """The ends of what no client has named a statement for, which had no rows, pass and leave no trace."""
    flight = (Bind(b"p", b"nobody", _NOTHING), Describe(b"P", b"p"), Execute(b"p", 1), SYNC_MESSAGE)
    (
        Playbook()
        .through(*flight)
        .back(BOUND, NO_ROWS, SUSPENDED, IDLE)
        .through(*flight)
        .back(BOUND, NO_ROWS, done("SELECT 0"), IDLE)
        .records()
        .run()
    )


def test_a_query_that_the_server_skips_never_ran() -> None:
    """The flight that it stood in had failed; nothing of it is recorded."""
    (
        Playbook()
        .through(Describe(b"S", b"nobody"), Query(b"select 1"), SYNC_MESSAGE)
        .back(error("26000"), IDLE)
        .records()
        .run()
    )


def test_replies_that_nothing_asked_for_end_the_session() -> None:
    """Nothing is owed, or something else; a message may be too short to be one, or of no known status."""
    malformed = b"D\0\0\0\3", b"Z\0\0\0\4"
    for reply in (
        columns((5, 1)),
        CLOSED,
        NO_ROWS,
        EMPTY,
        SUSPENDED,
        error("22012"),
        done("SELECT 1"),
        IDLE,
        *malformed,
    ):
        Playbook().upstream(reply).to_client().ends(UpstreamProtocolError).run()
    for reply in (b"H\0\0\0\7\0\0\0", ReadyForQuery(b"X").encode(), *malformed):
        Playbook().through(SYNC_MESSAGE).upstream(reply).to_client().ends(UpstreamProtocolError).run()
    failed = Playbook(restricted=False).through(Query(b"select 1")).back(error("22012"))
    failed.upstream(error("22012")).to_client().ends(UpstreamProtocolError).run()
