"""Cursors of SQL: whose plan the rows of FETCH are checked and shown by, replayed at every cut."""

from __future__ import annotations

from proxy.errors import PolicyRefusal, UnsupportedRefusal, UpstreamProtocolError
from proxy.planner.plan import Origin
from proxy.wire.frontend import SYNC_MESSAGE, Bind, Close, Describe, Execute, Parse, Query
from tests.support.fake_planning import PATIENTS, SSN
from tests.support.playbook import (
    BOUND,
    CLOSED,
    FAILED,
    IDLE,
    IN_TRANSACTION,
    NO_ROWS,
    OUTDATED,
    PARSED,
    REFUSED_TEXT,
    Act,
    Playbook,
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
_DECLARED = done("DECLARE CURSOR")
_ROWS = (row(b"*"), done("FETCH 1"))


def _new_policy(stage: Stage) -> None:
    stage.planning.policy += 1


def _names(*expected: bytes) -> Act:
    def check(stage: Stage) -> None:
        assert set(stage.conversation._state.statements.portals) == set(expected)

    return check


def _begun() -> Playbook:
    return Playbook(origins=_ORIGINS).through(Query(b"begin")).back(done("BEGIN"), IN_TRANSACTION)


def _declared(text: bytes = b"declare c cursor for select a masked") -> Playbook:
    return (
        _begun()
        .client(Query(text))
        .to_upstream(Query(text + (b" under 1" if b"masked" in text else b"")))
        .back(_DECLARED, IN_TRANSACTION)
    )


def test_the_rows_of_fetch_are_shown_by_the_plan_of_their_cursor() -> None:
    """Origins are put back, and journal records name the cursor's query with the rows that FETCH gave."""
    (
        _declared()
        .through(Query(b"fetch 1 from c"))
        .upstream(_HIDDEN, *_ROWS, IN_TRANSACTION)
        .to_client(_SHOWN, *_ROWS, IN_TRANSACTION)
        .through(Query(b"move 1 in c"))
        .back(done("MOVE 1"), IN_TRANSACTION)
        .through(Query(b"close c"))
        .back(done("CLOSE CURSOR"), IN_TRANSACTION)
        .act(_names())
        .records(
            ("begin", None, None),
            ("declare c cursor for select a masked", None, None),
            ("declare c cursor for select a masked", 1, None),
            ("declare c cursor for select a masked", 1, None),
            ("close c", None, None),
        )
        .run()
    )


def test_declare_and_fetch_may_be_one_message() -> None:
    """As psqlODBC sends them."""
    (
        Playbook(origins=_ORIGINS)
        .client(Query(b"begin;declare c cursor for select a masked;fetch 1 in c"))
        .to_upstream(Query(b"begin\n;\ndeclare c cursor for select a masked under 1\n;\nfetch 1 in c"))
        .upstream(done("BEGIN"), _DECLARED, _HIDDEN, *_ROWS, IN_TRANSACTION)
        .to_client(done("BEGIN"), _DECLARED, _SHOWN, *_ROWS, IN_TRANSACTION)
        .run()
    )


def test_a_protected_column_of_a_cursor_ends_the_session() -> None:
    """FETCH's own row description is checked like any other, also where the cursor is not known."""
    for text in (b"fetch 1 from c", b"fetch 1 from unknown"):
        _declared().through(Query(text)).upstream(_SHOWN).to_client().ends(PolicyRefusal).run()


def test_a_cursor_that_nobody_declared_is_checked_and_not_patched() -> None:
    """A function may have opened it; its columns are not those of any plan."""
    _begun().through(Query(b"fetch 1 from x")).back(columns((5, 1), (0, 0)), done("FETCH 0"), IN_TRANSACTION).run()


def test_only_holdable_cursors_outlive_their_transaction() -> None:
    """COMMIT drops the others, CLOSE ALL and DISCARD ALL drop all."""
    declared = _declared(b"declare h cursor with hold for select a masked").through(
        Query(b"declare c cursor for select 1")
    )
    kept = (
        declared.back(_DECLARED, IN_TRANSACTION)
        .act(_names(b"h", b"c"))
        .through(Query(b"commit"))
        .back(done("COMMIT"), IDLE)
        .act(_names(b"h"))
        .client(Query(b"fetch 1 from h"))
        .upstream(_HIDDEN, *_ROWS, IDLE)
        .to_client(_SHOWN, *_ROWS, IDLE)
    )
    kept.through(Query(b"close all")).back(done("CLOSE CURSOR ALL"), IDLE).act(_names()).run()


def test_a_failed_declare_opens_nothing() -> None:
    """And a name keeps standing for the cursor that has it."""
    (
        _declared()
        .client(Query(b"declare c cursor for select 1"))
        .upstream(error("42P03"), FAILED)
        .through(Query(b"rollback to a"))
        .back(done("ROLLBACK"), IN_TRANSACTION)
        .client(Query(b"fetch 1 from c"))
        .upstream(_HIDDEN, *_ROWS, IN_TRANSACTION)
        .to_client(_SHOWN, *_ROWS, IN_TRANSACTION)
        .run()
    )


def test_a_refused_declare_leaves_the_state_as_an_error_would() -> None:
    """Inside a transaction, and in a message with others."""
    (
        _begun()
        .client(Query(b"declare c cursor for select denied"))
        .to_upstream(Query(REFUSED_TEXT))
        .upstream(error("42883"), FAILED)
        .to_client(error("42501", "no access", D="why", H="what to do", P="29"), FAILED)
        .act(_names())
        .run()
    )


def test_a_cursor_does_not_outlive_the_policy_it_was_opened_under() -> None:
    """It is closed before the next message, so FETCH fails on the server too, and a new one may have its name."""
    (
        _declared()
        .act(_new_policy)
        .client(Query(b"fetch 1 from c"))
        .to_upstream(Close(b"P", b"c"), Query(b"fetch 1 from c"))
        .upstream(CLOSED, error("34000", 'cursor "c" does not exist'), FAILED)
        .to_client(OUTDATED, FAILED)
        .through(Query(b"rollback"))
        .back(done("ROLLBACK"), IDLE)
        .client(Query(b"declare c cursor with hold for select a masked"))
        .upstream(*answer(b"public"), IDLE)
        .to_upstream(Query(b"declare c cursor with hold for select a masked under 2"))
        .back(_DECLARED, IDLE)
        .client(Query(b"fetch 1 from c"))
        .upstream(_HIDDEN, *_ROWS, IDLE)
        .to_client(_SHOWN, *_ROWS, IDLE)
        .refuses("stale_plan")
        .run()
    )


def test_a_cursor_that_is_still_being_opened_is_closed_too() -> None:
    """DECLARE was sent under the old policy and is not answered yet when the new one comes."""
    (
        _begun()
        .client(Query(b"declare c cursor for select a masked"))
        .act(_new_policy)
        .client(Query(b"fetch 1 from c"))
        .to_upstream(Close(b"P", b"c"), Query(b"fetch 1 from c"))
        .upstream(_DECLARED, IN_TRANSACTION, CLOSED, error("34000"), FAILED)
        .to_client(_DECLARED, IN_TRANSACTION, OUTDATED, FAILED)
        .run()
    )


def test_a_close_that_the_server_has_skipped_is_sent_again() -> None:
    """It stood in a flight that had failed; and what was sent in the meantime gives no rows."""
    failing = (Parse(b"", b"select 1"), Describe(b"S", b"nobody"))
    started = (
        _declared()
        .through(*failing)
        .act(_new_policy)
        .client(Execute(b"p"), SYNC_MESSAGE)
        .to_upstream(Close(b"P", b"c"), Execute(b"p"), SYNC_MESSAGE)
    )
    (
        started.upstream(PARSED, error("26000"), FAILED)
        .client(Query(b"rollback to a"))
        .to_upstream(Close(b"P", b"c"), Query(b"rollback to a"))
        .upstream(CLOSED, done("ROLLBACK"), IN_TRANSACTION)
        .to_client(done("ROLLBACK"), IN_TRANSACTION)
        .run()
    )


def test_rows_of_a_cursor_whose_close_was_skipped_end_the_session() -> None:
    """The client had sent FETCH before anyone could know."""
    (
        _declared()
        .through(Parse(b"", b"select 1"), Describe(b"S", b"nobody"))
        .act(_new_policy)
        .client(Execute(b"p"), SYNC_MESSAGE, Query(b"fetch 1 from c"))
        .to_upstream(Close(b"P", b"c"), Execute(b"p"), SYNC_MESSAGE, Query(b"fetch 1 from c"))
        .upstream(PARSED, error("26000"), IN_TRANSACTION, _HIDDEN)
        .to_client(PARSED, error("26000"), IN_TRANSACTION)
        .ends(UnsupportedRefusal)
        .run()
    )


def test_fetch_by_the_extended_protocol_is_shown_by_its_cursor() -> None:
    """Each portal of FETCH is described, and its columns are those of the cursor."""
    run = (Parse(b"", b"fetch 1 from c"), Bind(b"", b"", _NOTHING))
    (
        _declared()
        .client(*run, Execute(b""), SYNC_MESSAGE)
        .to_upstream(*run, Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
        .upstream(PARSED, BOUND, _HIDDEN, *_ROWS, IN_TRANSACTION)
        .to_client(PARSED, BOUND, *_ROWS, IN_TRANSACTION)
        .run()
    )


def test_execute_reads_a_cursor_of_sql() -> None:
    """Cursors and portals share their names; the columns are described first."""
    (
        _declared()
        .client(Execute(b"c", 1), SYNC_MESSAGE)
        .to_upstream(Describe(b"P", b"c"), Execute(b"c", 1), SYNC_MESSAGE)
        .upstream(_HIDDEN, row(b"*"), done("SELECT 1"), IN_TRANSACTION)
        .to_client(row(b"*"), done("SELECT 1"), IN_TRANSACTION)
        .run()
    )


def test_fetch_reads_a_portal_of_the_protocol() -> None:
    """By the plan of the statement that it was bound to."""
    (
        _begun()
        .client(Parse(b"", b"select a masked"), Bind(b"p", b"", _NOTHING), SYNC_MESSAGE)
        .upstream(PARSED, BOUND, IN_TRANSACTION)
        .client(Query(b"fetch 1 from p"))
        .upstream(_HIDDEN, *_ROWS, IN_TRANSACTION)
        .to_client(_SHOWN, *_ROWS, IN_TRANSACTION)
        .run()
    )


def test_a_portal_of_fetch_gives_no_rows_of_another_cursor() -> None:
    """It was described by the cursor that had the name before."""
    (
        _declared()
        .client(Parse(b"", b"fetch 1 from c"), Bind(b"f", b"", _NOTHING), Describe(b"P", b"f"), SYNC_MESSAGE)
        .upstream(PARSED, BOUND, _HIDDEN, IN_TRANSACTION)
        .through(Query(b"close c; declare c cursor for select 1"))
        .back(done("CLOSE CURSOR"), _DECLARED, IN_TRANSACTION)
        .client(Execute(b"f"), SYNC_MESSAGE)
        .upstream(row(b"1"))
        .to_client()
        .ends(UpstreamProtocolError)
        .run()
    )


def test_a_cursor_of_cursors_has_a_limit() -> None:
    """Portals of FETCH may be fetched from, but not without end."""
    book = _declared()
    for number in range(4):
        source = b"c" if number == 0 else b"f%d" % (number - 1)
        book = book.client(
            Parse(b"", b"fetch 1 from " + source), Bind(b"f%d" % number, b"", _NOTHING), SYNC_MESSAGE
        ).upstream(PARSED, BOUND, IN_TRANSACTION)
    book.client(Query(b"fetch 1 from f3")).upstream(_HIDDEN).to_client().ends(UnsupportedRefusal).run()


def test_declare_by_the_extended_protocol_opens_a_cursor() -> None:
    """It is known when its Execute is complete."""
    run = (Parse(b"", b"declare c cursor for select a masked"), Bind(b"", b"", _NOTHING), Execute(b""), SYNC_MESSAGE)
    (
        _begun()
        .client(*run)
        .upstream(PARSED, BOUND, NO_ROWS, _DECLARED, IN_TRANSACTION)
        .to_client(PARSED, BOUND, _DECLARED, IN_TRANSACTION)
        .act(_names(b"", b"c"))
        .run()
    )


def test_the_search_path_leaves_cursors_open() -> None:
    """Their names were resolved when they were declared."""
    (
        _declared()
        .through(Query(b"set search_path = x"))
        .back(done("SET"), IN_TRANSACTION)
        .client(Query(b"select 1"))
        .upstream(*answer(b"x"), IN_TRANSACTION)
        .to_upstream(Query(b"select 1"))
        .back(columns((0, 0)), done("SELECT 0"), IN_TRANSACTION)
        .through(Query(b"fetch 1 from c"))
        .upstream(_HIDDEN, *_ROWS, IN_TRANSACTION)
        .to_client(_SHOWN, *_ROWS, IN_TRANSACTION)
        .run()
    )
