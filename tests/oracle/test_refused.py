"""What is refused, how, and that a refusal leaves the session as an error of the server would.

Must not know: the refusals' texts. Invariant: after each refusal client and server agree on the transaction's status.
"""

from __future__ import annotations

import pytest
from psycopg import pq

from tests.support.answers import Way, ask
from tests.support.corpus import CorpusStatement, load_corpus
from tests.support.oracle import Oracle
from tests.support.proxy_process import ProxyProcess

STATEMENTS = load_corpus("refused")
ONE = CorpusStatement("refused", "a look at the session", "SELECT 1")


@pytest.mark.parametrize("way", Way, ids=lambda w: w.value)
@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.name)
def test_the_statement_is_refused(oracle: Oracle, statement: CorpusStatement, way: Way) -> None:
    """It fails with the stated SQLSTATE in every way of asking, and the next statement works."""
    session = oracle.proxy_session(statement.role)
    answer = ask(session, statement, way)
    assert answer.sqlstate == statement.sqlstate, f"{statement.text}\n{answer}"
    assert answer.message
    assert ask(session, ONE, way).rows, "the session is of no use after the refusal"


@pytest.mark.parametrize("way", Way, ids=lambda w: w.value)
@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.name)
def test_a_refusal_aborts_the_transaction(oracle: Oracle, statement: CorpusStatement, way: Way) -> None:
    """Inside a transaction a refusal is an error: only ROLLBACK is accepted then, and COMMIT rolls back."""
    session = oracle.proxy_session(statement.role)
    assert session.exec_(b"BEGIN").status == pq.ExecStatus.COMMAND_OK
    try:
        with pytest.raises(AssertionError, match="not idle"):
            ask(session, statement, way)
        assert session.transaction_status == pq.TransactionStatus.INERROR
        again = session.exec_(b"SELECT 1")
        assert again.error_field(pq.DiagnosticField.SQLSTATE) == b"25P02"
    finally:
        ended = session.exec_(b"COMMIT")
    assert ended.command_status == b"ROLLBACK"
    assert session.transaction_status == pq.TransactionStatus.IDLE


def test_the_reasons_are_in_the_journal(oracle: Oracle, proxy: ProxyProcess) -> None:
    """Each refusal leaves a record with its reason and SQLSTATE, and without the statement."""
    stated = [s for s in STATEMENTS if s.reason is not None]
    before = len(proxy.journal())
    for statement in stated:
        ask(oracle.proxy_session(statement.role), statement, Way.SIMPLE)
    records = [r for r in proxy.journal()[before:] if r["type"] == "refusal"]
    noted = [(r["role"], r["reason"], r["sqlstate"]) for r in records]
    expected = [(s.role, s.reason, s.sqlstate) for s in stated]
    wrong = [f"{s.name}: {n}" for s, e, n in zip(stated, expected, noted, strict=True) if e != n]
    assert not wrong, "\n".join(wrong)
    assert all(s.text not in str(r) for s, r in zip(stated, records, strict=True))


def test_reads_go_on_after_all_refusals(oracle: Oracle) -> None:
    """The masked table can still be read in the same session."""
    text = "SELECT count(*) FROM clinic.patients"
    answer = ask(oracle.proxy_session("analyst"), CorpusStatement("refused", "after", text), Way.EXTENDED_TEXT)
    assert answer.tag == "SELECT 1"
