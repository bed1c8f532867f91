"""Tokens in rows and parameters, replayed at every cut."""

from __future__ import annotations

from struct import pack

from proxy.errors import PolicyRefusal, UpstreamProtocolError
from proxy.wire.backend import COPY_DATA, RowDescription, RowField
from proxy.wire.frames import frame
from proxy.wire.frontend import SYNC_MESSAGE, Bind, Close, Describe, Execute, Parse, Query
from tests.support.fake_planning import PATIENTS, SSN
from tests.support.playbook import (
    BOUND,
    CLOSED,
    COPY_ENDED,
    IDLE,
    IN_TRANSACTION,
    NO_PARAMETERS,
    PARSED,
    SUSPENDED,
    Playbook,
    columns,
    done,
    error,
    row,
)

_DESCRIBED = columns((PATIENTS, SSN), (0, 0))
_SELECT = b"select tokens"


def _values(*cells: bytes, result_formats: bytes = b"\0\0") -> bytes:
    cells_sent = b"".join(pack("!i", len(cell)) + cell for cell in cells)
    return b"\0\0" + pack("!H", len(cells)) + cells_sent + result_formats


def _binary(description_of_text: bytes) -> bytes:
    fields = (RowField("c1", PATIENTS, SSN, 25, -1, -1, 1), RowField("c2", 0, 0, 25, -1, -1, 1))
    assert RowDescription((RowField("c1", PATIENTS, SSN, 25, -1, -1), RowField("c2", 0, 0, 25, -1, -1))).encode() == (
        description_of_text
    )
    return RowDescription(fields).encode()


def test_rows_of_a_query_leave_with_tokens() -> None:
    """In the column that the plan names, and in no other; the next statement's rows pass as they are."""
    (
        Playbook()
        .through(Query(b"select tokens; select 1"))
        .upstream(
            _DESCRIBED, row(b"a", b"b"), row(None, b"c"), done("SELECT 2"), columns((5, 1)), row(b"a"), done("SELECT 1")
        )
        .to_client(
            _DESCRIBED,
            row(b"tok:a", b"b"),
            row(None, b"c"),
            done("SELECT 2"),
            columns((5, 1)),
            row(b"a"),
            done("SELECT 1"),
        )
        .back(IDLE)
        .records(("select tokens", 2, None), ("select 1", 1, None))
        .run()
    )


def test_a_query_that_is_answered_at_once_is_treated_too() -> None:
    """Its second run finds the columns already checked, and its rows must be treated all the same."""
    answer = (_DESCRIBED, row(b"a", b"b"), done("SELECT 1"), IDLE)
    shown = (_DESCRIBED, row(b"tok:a", b"b"), done("SELECT 1"), IDLE)
    (
        Playbook()
        .through(Query(_SELECT))
        .upstream(*answer)
        .to_client(*shown)
        .through(Query(_SELECT))
        .upstream(*answer)
        .to_client(*shown)
        .run()
    )


def test_each_portal_is_treated_in_its_own_format() -> None:
    """The server's description of the portal says which, so it is asked for where the client does not ask."""
    bind = Bind(b"", b"s", _values())
    describe = Describe(b"P", b"")
    (
        Playbook()
        .through(Parse(b"s", _SELECT), Describe(b"S", b"s"), SYNC_MESSAGE)
        .back(PARSED, NO_PARAMETERS, _DESCRIBED, IDLE)
        .client(bind, Execute(b""), SYNC_MESSAGE)
        .to_upstream(bind, describe, Execute(b""), SYNC_MESSAGE)
        .upstream(BOUND, _DESCRIBED, row(b"a", b"b"), done("SELECT 1"), IDLE)
        .to_client(BOUND, row(b"tok:a", b"b"), done("SELECT 1"), IDLE)
        .through(bind, describe, Execute(b""), SYNC_MESSAGE)
        .upstream(BOUND, _binary(_DESCRIBED), row(b"a", b"b"), done("SELECT 1"), IDLE)
        .to_client(BOUND, _binary(_DESCRIBED), row(b"tokb:a", b"b"), done("SELECT 1"), IDLE)
        .run()
    )


def test_a_suspended_portal_goes_on_with_tokens() -> None:
    """However many Executes its rows take."""
    (
        Playbook()
        .through(Query(b"begin"))
        .back(done("BEGIN"), IN_TRANSACTION)
        .through(Parse(b"", _SELECT), Bind(b"p", b"", _values()), Describe(b"P", b"p"), Execute(b"p", 1), SYNC_MESSAGE)
        .upstream(PARSED, BOUND, _DESCRIBED, row(b"a", b"b"), SUSPENDED, IN_TRANSACTION)
        .to_client(PARSED, BOUND, _DESCRIBED, row(b"tok:a", b"b"), SUSPENDED, IN_TRANSACTION)
        .through(Execute(b"p", 1), SYNC_MESSAGE)
        .upstream(row(b"c", b"d"), done("SELECT 1"), IN_TRANSACTION)
        .to_client(row(b"tok:c", b"d"), done("SELECT 1"), IN_TRANSACTION)
        .run()
    )


def test_parameters_enter_as_stored_values() -> None:
    """A token as what it stands for, anything else marked; the other parameters as they came."""
    bind = Bind(b"", b"s", _values(b"tok:a", b"tok:b", result_formats=b"\0\1\0\1"))
    entered = Bind(b"", b"s", _values(b"a", b"tok:b", result_formats=b"\0\1\0\1"))
    guess = Bind(b"", b"s", _values(b"guess", b"b"))
    marked = Bind(b"", b"s", _values(b"lit:guess", b"b"))
    run = (Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
    (
        Playbook()
        .through(Parse(b"s", _SELECT), SYNC_MESSAGE)
        .back(PARSED, IDLE)
        .client(bind, *run)
        .to_upstream(entered, *run)
        .upstream(BOUND, _DESCRIBED, done("SELECT 0"), IDLE)
        .client(guess, *run)
        .to_upstream(marked, *run)
        .upstream(BOUND, _DESCRIBED, row(b"lit:guess", b"x"), done("SELECT 1"), IDLE)
        .to_client(BOUND, _DESCRIBED, row(b"guess", b"x"), done("SELECT 1"), IDLE)
        .run()
    )


def test_a_value_waits_until_it_is_certain_which_statement_it_is_for() -> None:
    """What was to make or drop the name has failed: the value goes to the statement that has it, as one of its own.

    Within one flight nothing waits, since the server skips what follows a failed Parse.
    """
    token = Bind(b"", b"s", _values(b"tok:a", b"b"))
    guess = Bind(b"", b"s", _values(b"guess", b"b"))
    marked = Bind(b"", b"s", _values(b"lit:guess", b"b"))
    run = (Describe(b"P", b""), Execute(b""), SYNC_MESSAGE)
    (
        Playbook()
        .through(Parse(b"s", b"select 1"), SYNC_MESSAGE)
        .back(PARSED, IDLE)
        .client(Describe(b"S", b"nobody"), Close(b"S", b"s"), Parse(b"s", _SELECT), SYNC_MESSAGE, token, *run)
        .to_upstream(Describe(b"S", b"nobody"), Close(b"S", b"s"), Parse(b"s", _SELECT), SYNC_MESSAGE)
        .upstream(error("26000"), IDLE)
        .to_upstream(token, *run)
        .upstream(BOUND, columns((0, 0)), done("SELECT 0"), IDLE)
        .client(Close(b"S", b"s"), Parse(b"s", _SELECT), token, *run)
        .to_upstream(Close(b"S", b"s"), Parse(b"s", _SELECT), Bind(b"", b"s", _values(b"a", b"b")), *run)
        .upstream(CLOSED, PARSED, BOUND, _DESCRIBED, done("SELECT 0"), IDLE)
        .client(Describe(b"S", b"nobody"), Close(b"S", b"s"), SYNC_MESSAGE, guess, *run)
        .to_upstream(Describe(b"S", b"nobody"), Close(b"S", b"s"), SYNC_MESSAGE)
        .upstream(error("26000"), IDLE)
        .to_upstream(marked, *run)
        .upstream(BOUND, _DESCRIBED, done("SELECT 0"), IDLE)
        .client(Query(b"prepare s as select 1"), guess, *run)
        .to_upstream(Query(b"prepare s as select 1"))
        .upstream(error("42P05"), IDLE)
        .to_upstream(marked, *run)
        .upstream(BOUND, _DESCRIBED, done("SELECT 0"), IDLE)
        .run()
    )


def test_rows_of_copy_leave_with_tokens() -> None:
    """Each field in its place."""
    response = frame(ord("H"), b"\0\0\2\0\0\0\0")
    (
        Playbook()
        .through(Query(b"copy tokens"))
        .upstream(
            response, frame(COPY_DATA, b"a\tb\n"), frame(COPY_DATA, b"\\N\tb\n"), COPY_ENDED, done("COPY 2"), IDLE
        )
        .to_client(
            response, frame(COPY_DATA, b"tok:a\tb\n"), frame(COPY_DATA, b"\\N\tb\n"), COPY_ENDED, done("COPY 2"), IDLE
        )
        .run()
    )


def test_a_protected_column_beside_the_tokens_ends_the_session() -> None:
    """Only the position that is treated may name one."""
    (
        Playbook()
        .through(Query(_SELECT))
        .upstream(columns((0, 0), (PATIENTS, SSN)))
        .to_client()
        .ends(PolicyRefusal)
        .run()
    )


def test_rows_of_another_shape_end_the_session() -> None:
    """Before anything of them leaves."""
    for description in (columns((0, 0)), columns((0, 0), (0, 0), (0, 0))):
        Playbook().through(Query(_SELECT)).upstream(description).to_client().ends(UpstreamProtocolError).run()
    (
        Playbook()
        .through(Query(_SELECT))
        .back(_DESCRIBED)
        .upstream(row(b"a"))
        .to_client()
        .ends(UpstreamProtocolError)
        .run()
    )
