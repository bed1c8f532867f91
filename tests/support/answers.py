"""Asking a server one statement in each of the protocol's ways, and saying how two answers differ.

Owns: the ``Answer`` value and the comparison of two. Must not know: policies, masks, which server is which.
Invariant: everything that a client can see of an answer is in it, as bytes, so that nothing is lost in decoding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from psycopg import pq

from tests.support.corpus import CorpusStatement, Order

_SHOWN_ROWS = 3


class Way(Enum):
    """How a statement is sent and its rows come back."""

    SIMPLE = "simple"
    EXTENDED_TEXT = "extended, text"
    EXTENDED_BINARY = "extended, binary"


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """One column of a RowDescription (manual, 54.7)."""

    name: str
    table_oid: int
    attribute_number: int
    type_oid: int
    type_size: int
    type_modifier: int
    format: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, or a failure (``sqlstate`` and ``message`` are None where there is none).

    ``parameter_types`` are known only where the statement was described by itself.
    """

    columns: tuple[ShownColumn, ...] = ()
    rows: tuple[tuple[bytes | None, ...], ...] = ()
    tag: str = ""
    parameter_types: tuple[int, ...] = ()
    sqlstate: str | None = None
    message: str | None = None


def ask(connection: pq.abc.PGconn, statement: CorpusStatement, way: Way) -> Answer:
    """Run a statement; its transaction is over afterwards (raises AssertionError otherwise)."""
    answer = ask_in_transaction(connection, statement, way)
    assert connection.transaction_status == pq.TransactionStatus.IDLE, "the session is not idle after the statement"
    return answer


def ways_of(statement: CorpusStatement) -> tuple[Way, ...]:
    """A simple Query has no parameters."""
    return tuple(Way) if not statement.parameters else (Way.EXTENDED_TEXT, Way.EXTENDED_BINARY)


def differences(statement: CorpusStatement, expected: Answer, actual: Answer) -> Iterator[str]:
    """One line for each way in which ``actual`` is not ``expected``."""
    if expected.sqlstate is not None or actual.sqlstate is not None:
        if expected.sqlstate != actual.sqlstate:
            yield f"expected {_outcome(expected)}, got {_outcome(actual)}"
        return
    if expected.parameter_types != actual.parameter_types:
        yield f"parameter types: expected {expected.parameter_types}, got {actual.parameter_types}"
    yield from _column_differences(expected, actual)
    if expected.tag != actual.tag:
        yield f"command tag: expected {expected.tag}, got {actual.tag}"
    yield from _row_differences(statement.order, expected, actual)


def _outcome(answer: Answer) -> str:
    return f"{len(answer.rows)} rows" if answer.sqlstate is None else f"{answer.sqlstate} ({answer.message})"


def _column_differences(expected: Answer, actual: Answer) -> Iterator[str]:
    if len(expected.columns) != len(actual.columns):
        names = [c.name for c in expected.columns], [c.name for c in actual.columns]
        yield f"columns: expected {names[0]}, got {names[1]}"
        return
    for position, (wanted, got) in enumerate(zip(expected.columns, actual.columns, strict=True), 1):
        if wanted != got:
            yield f"column {position}: expected {wanted}, got {got}"


def _row_differences(order: Order, expected: Answer, actual: Answer) -> Iterator[str]:
    if len(expected.rows) != len(actual.rows):
        yield f"expected {len(expected.rows)} rows, got {len(actual.rows)}"
    if order is Order.SAMPLE:
        return
    missing, surplus = Counter(expected.rows), Counter(actual.rows)
    missing.subtract(actual.rows)
    surplus.subtract(expected.rows)
    for row in list(+missing)[:_SHOWN_ROWS]:
        yield f"missing row {row}"
    for row in list(+surplus)[:_SHOWN_ROWS]:
        yield f"surplus row {row}"
    if order is Order.TOTAL and not +missing and not +surplus and expected.rows != actual.rows:
        place = next(i for i, (a, b) in enumerate(zip(expected.rows, actual.rows, strict=True)) if a != b)
        yield f"the order differs from row {place + 1} on: expected {expected.rows[place]}, got {actual.rows[place]}"


def ask_in_transaction(connection: pq.abc.PGconn, statement: CorpusStatement, way: Way) -> Answer:
    """Run a statement, which may begin a transaction, be part of one, or end it."""
    text = statement.text_for((connection.db or b"").decode()).encode()
    values = [None if value is None else value.encode() for value in statement.parameters]
    match way:
        case Way.SIMPLE:
            return answer_of(connection, connection.exec_(text))
        case Way.EXTENDED_BINARY:
            return answer_of(connection, connection.exec_params(text, values, result_format=pq.Format.BINARY))
        case Way.EXTENDED_TEXT:
            parsed = connection.prepare(b"", text)
            if parsed.status != pq.ExecStatus.COMMAND_OK:
                return answer_of(connection, parsed)
            described = connection.describe_prepared(b"")
            if described.status != pq.ExecStatus.COMMAND_OK:
                return answer_of(connection, described)
            types = tuple(described.param_type(n) for n in range(described.nparams))
            ran = connection.exec_prepared(b"", values)  # type: ignore[arg-type]  # NULL is missing there
            answer = answer_of(connection, ran)
            if answer.sqlstate is None:
                assert _columns(described) == answer.columns, "the statement and its portal are described differently"
            return Answer(answer.columns, answer.rows, answer.tag, types, answer.sqlstate, answer.message)


def answer_of(connection: pq.abc.PGconn, result: pq.abc.PGresult) -> Answer:
    """The answer in a result; the lines (or binary pieces) of COPY are its rows, of one cell each."""
    match result.status:
        case pq.ExecStatus.COPY_OUT:
            lines: list[tuple[bytes | None, ...]] = []
            while (piece := connection.get_copy_data(0))[0] > 0:
                lines.append((bytes(piece[1]),))
            ended = connection.get_result()
            assert ended is not None, "COPY has no end"
            assert connection.get_result() is None, "COPY is followed by another result"
            return replace(answer_of(connection, ended), rows=tuple(lines))
        case pq.ExecStatus.TUPLES_OK | pq.ExecStatus.COMMAND_OK:
            rows = tuple(
                tuple(result.get_value(row, column) for column in range(result.nfields))
                for row in range(result.ntuples)
            )
            return Answer(_columns(result), rows, (result.command_status or b"").decode())
        case pq.ExecStatus.FATAL_ERROR:
            state = result.error_field(pq.DiagnosticField.SQLSTATE) or b"(none)"
            message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message
            return Answer(sqlstate=state.decode(), message=message.decode())
        case status:
            raise AssertionError(f"unexpected answer: {pq.ExecStatus(status).name}")


def _columns(result: pq.abc.PGresult) -> tuple[ShownColumn, ...]:
    return tuple(
        ShownColumn(
            name=(result.fname(n) or b"").decode(),
            table_oid=result.ftable(n),
            attribute_number=result.ftablecol(n),
            type_oid=result.ftype(n),
            type_size=result.fsize(n),
            type_modifier=result.fmod(n),
            format=result.fformat(n),
        )
        for n in range(result.nfields)
    )
