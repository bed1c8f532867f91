"""Attacks on token columns by way of what a statement says beside its rows: errors, notices, activity, files.

Must not know: how tokens are made, how texts are withheld. Invariant: each attack shows a stored value on bare
Postgres, where the stored value stands in the place of its token, as it does in what the proxy sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from proxy.wire.frontend import Query
from tests.support.postgres import Clinic
from tests.support.token_oracle import CANARY, PEOPLE, with_tokens
from tests.support.token_proxy import TokenProxy, token_proxy
from tests.support.wire_session import wire_session

_WAIT_SECONDS = 10.0
_STORED = [
    CANARY,
    *(str(77_000_000 + n) for n in range(1, PEOPLE + 1)),
    *(f"9177{n:06d}" for n in range(1, PEOPLE + 1)),
    "000ca110-0000-0000",
]
# Errors whose text the class of their code lets through: they name objects, and here the object is a stored value.
NAMES = [
    "SELECT mrn::regclass FROM patients",
    "SELECT coalesce(mrn, 'x')::regclass FROM patients",
    "SELECT (CASE WHEN mrn = 'TOK1' THEN mrn ELSE 'patients' END)::regclass FROM patients",
    "SELECT (SELECT mrn FROM visits WHERE mrn = 'TOK1' LIMIT 1)::text::regtype",
    "SELECT (array_agg(mrn))[1]::regproc FROM patients WHERE mrn IN ('TOK1', 'TOK2')",
    "SELECT min(mrn)::regnamespace FROM patients",
    "SELECT nullif(mrn, 'TOK2')::regrole FROM patients",
    "SELECT (p).mrn::regconfig FROM patients p",
    "SELECT who::regcollation FROM front",
    "WITH c AS (SELECT mrn AS m FROM patients WHERE mrn = 'TOK1') SELECT m::regdictionary FROM c",
    "SELECT unnest(array_agg(mrn))::regclass FROM patients",
    "SELECT current_setting(mrn) FROM patients",
    "SELECT set_config(mrn, 'x', false) FROM patients WHERE mrn = 'TOK1'",
    "SELECT has_table_privilege(mrn, 'select') FROM patients",
    "SELECT nextval(mrn) FROM patients",
    "SELECT pg_get_serial_sequence(mrn, 'id') FROM patients",
    "SELECT id FROM patients WHERE mrn::regclass = 'TOK1'",
    "SELECT id FROM patients ORDER BY mrn::regclass",
    "COPY (SELECT mrn::regclass FROM patients) TO STDOUT",
    "PREPARE q (varchar) AS SELECT $1::regclass FROM patients WHERE mrn = $1; EXECUTE q ('TOK1')",
]
# Errors about values: casts, ranges, arguments, and constraints of a clear table that is written from masked ones.
VALUES = [
    "SELECT mrn::int FROM patients",
    "SELECT id FROM patients WHERE mrn = 'TOK1' AND mrn::int > 0",
    "SELECT id FROM patients WHERE mrn::varchar(20)::uuid IN ('DEV1')",
    "SELECT id FROM patients WHERE mrn IN ('TOK1', 'TOK2') AND mrn::date > '2020-01-01'",
    "SELECT id FROM patients WHERE 1 / (mrn::numeric) = 1",
    "SELECT number::smallint FROM patients",
    "SELECT id FROM patients WHERE number = 'NUM1' AND number::smallint = 1",
    "SELECT device::text::int FROM patients WHERE device = 'DEV1'",
    "SELECT id FROM patients WHERE account = 'ACC1' AND account::text::date > now()",
    "SELECT id FROM patients WHERE mrn = ANY ('{TOK1')",
    "SELECT id FROM patients WHERE (mrn, account) = ('TOK1', 'ACC1x')",
    "SELECT id FROM patients WHERE account IN ('ACC1', 'ACC2000000000000000000000')",
    "SELECT id FROM patients WHERE device = 'DEV1-'",
    "PREPARE q AS SELECT id FROM patients WHERE mrn = $1 AND $1::int > 0; EXECUTE q ('TOK1')",
    "PREPARE q AS SELECT id FROM patients WHERE account = $1; EXECUTE q ('ACC1x')",
    "PREPARE q AS SELECT id FROM patients WHERE mrn = ANY ($1); EXECUTE q ('{TOK1')",
    "COPY (SELECT mrn::int FROM patients WHERE mrn = 'TOK1') TO STDOUT",
    "INSERT INTO codes SELECT 'c', 'C', mrn FROM patients WHERE mrn = 'TOK1'",
    "INSERT INTO codes SELECT 'c', mrn, 'x' FROM patients WHERE mrn = 'TOK1'",
    "INSERT INTO codes SELECT mrn, NULL, 'm' FROM visits WHERE mrn IS NOT NULL",
    "UPDATE codes SET mrn = p.mrn FROM patients p WHERE p.mrn IN ('TOK1')",
    "DELETE FROM codes WHERE code = (SELECT mrn FROM patients WHERE mrn = 'TOK1')::int::text",
    "DO $$ BEGIN RAISE NOTICE '%', (SELECT mrn FROM clinic.patients WHERE mrn = 'TOK1'); END $$",
    "DO $$ BEGIN PERFORM 1 / (id - id) FROM clinic.patients WHERE mrn = 'TOK1'; END $$",
    "EXPLAIN SELECT id FROM patients WHERE mrn = 'TOK1'",
]
# With a parameter: the server's context of an error has it where the session asks for that (manual, 20.8.3).
PARAMETERS = [
    "SELECT 1 / (id - id) FROM patients WHERE mrn = $1",
    "SELECT 1 / (id - id) FROM patients WHERE mrn IN ($1, 'TOK2')",
    "SELECT (id - id - 1)::text::date FROM patients WHERE mrn = $1",
    "SELECT power(id::float8 * 1e300, 9) FROM patients WHERE mrn = $1",
]
ACTIVITY = [
    "SELECT query FROM pg_stat_activity",
    "SELECT a FROM pg_catalog.pg_stat_activity a",
    "SELECT * FROM pg_stat_get_activity(NULL)",
    "SELECT pg_stat_get_backend_activity(i) FROM pg_stat_get_backend_idset() i",
    "COPY (SELECT query FROM pg_stat_activity) TO STDOUT",
    "DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(query, '') FROM pg_stat_activity); END $$",
    "DECLARE c CURSOR WITH HOLD FOR SELECT query FROM pg_stat_activity; FETCH ALL FROM c",
]


@pytest.fixture(scope="module")
def tokens(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenProxy]:
    """The token clinic, whose clear table has constraints, behind its proxy; no stored value is in its files."""
    with token_proxy(clinic, tmp_path_factory.mktemp("token_errors")) as made:
        with clinic.connect(database=made.proxy.database) as owner:
            owner.execute(
                "SET search_path TO clinic; GRANT INSERT, UPDATE, DELETE ON codes TO pgveil;"
                "ALTER TABLE codes ADD PRIMARY KEY (code), ADD CHECK (length(mrn) < 2);"
                "ALTER TABLE codes ADD FOREIGN KEY (label) REFERENCES codes (code) NOT VALID"
            )
        yield made
        written = made.proxy.log() + str(made.proxy.journal()) + made.proxy.metrics()
        assert not _stored_in(written)


@pytest.fixture
def bare(tokens: TokenProxy, clinic: Clinic) -> Iterator[psycopg.Connection[Any]]:
    """Past the proxy, in a transaction that does not last."""
    with clinic.connect(database=tokens.proxy.database) as session:
        session.execute("SET search_path TO clinic; BEGIN")
        yield session
        session.execute("ROLLBACK")


@pytest.fixture
def session(tokens: TokenProxy) -> Iterator[psycopg.Connection[Any]]:
    """The scribe's, who sees tokens and writes the clear table; in a transaction as well."""
    with tokens.proxy.connect("scribe") as opened:
        opened.execute("SET search_path TO clinic")
        opened.execute("BEGIN")
        yield opened


def _stored_in(text: str) -> list[str]:
    return [value for value in _STORED if value.lower() in text.lower()]


def _told(session: psycopg.Connection[Any], text: str, *parameters: str) -> str:
    """All that is said to a statement: its rows, what COPY sends, each field of its error and of each notice."""
    said: list[str] = []

    def diagnosed(diagnostic: psycopg.errors.Diagnostic) -> None:
        said.extend(str(getattr(diagnostic, name)) for name in dir(diagnostic) if not name.startswith("_"))

    session.add_notice_handler(diagnosed)
    try:
        if text.startswith("COPY"):
            with session.cursor().copy(text.encode()) as copy:
                said += [bytes(piece).decode() for piece in copy]
        elif parameters:
            said += [str(row) for row in psycopg.RawCursor(session).execute(text.encode(), parameters)]
        else:
            cursor = session.execute(text.encode())
            while cursor.nextset():
                pass
            said += map(str, cursor.fetchall() if cursor.description else [])
    except psycopg.Error as error:
        diagnosed(error.diag)
    finally:
        session.remove_notice_handler(diagnosed)
    return "\n".join(said)


def _with_tokens(tokens: TokenProxy, text: str) -> str:
    return with_tokens(text, tokens.oracle.stand_ins.token)


def _stored_instead(text: str) -> str:
    """The statement with what its tokens stand for."""
    return with_tokens(text, lambda _, stored: stored)


@pytest.mark.parametrize("text", [*NAMES, *VALUES])
def test_what_is_said_to_a_statement(
    tokens: TokenProxy, bare: psycopg.Connection[Any], session: psycopg.Connection[Any], text: str
) -> None:
    """An error names the token's column at most, never what is stored in it or what a token of the statement means."""
    assert _stored_in(_told(bare, _stored_instead(text)))
    told = _told(session, _with_tokens(tokens, text))
    assert not _stored_in(told)


@pytest.mark.parametrize("text", PARAMETERS)
def test_the_parameters_in_the_context_of_an_error(
    tokens: TokenProxy, bare: psycopg.Connection[Any], session: psycopg.Connection[Any], text: str
) -> None:
    """A token that is bound reaches the server as the stored value, and its context does not come back."""
    verbose = "SET log_parameter_max_length_on_error = -1"
    bare.execute(verbose)
    assert _stored_in(_told(bare, _stored_instead(text), f"{CANARY}01"))
    session.execute("ROLLBACK")
    _told(session, verbose)
    told = _told(session, _with_tokens(tokens, text), tokens.mrn(1))
    assert "withheld" in told
    assert not _stored_in(told)


def test_the_server_log_sent_to_the_client(tokens: TokenProxy, clinic: Clinic) -> None:
    """A server that logs slow statements tells them to a session that asks for its log; they are withheld."""
    asked = "SELECT id FROM clinic.patients WHERE mrn = 'TOK1'"
    with clinic.connect(database=tokens.proxy.database) as owner:
        owner.execute("ALTER SYSTEM SET log_min_duration_statement = 0")
        owner.execute("SELECT pg_reload_conf()")
        try:
            with clinic.connect(database=tokens.proxy.database) as bare, tokens.proxy.connect("scribe") as session:
                for verbose in ("SET client_min_messages = log", "SET debug_print_parse = on"):
                    bare.execute(verbose)
                    _told(session, verbose)
                _until(lambda: bool(_stored_in(_told(bare, _stored_instead(asked)))))
                assert _stored_in(_told(bare, "SELECT id FROM clinic.patients WHERE mrn = $1", f"{CANARY}01"))
                for ways in ((_with_tokens(tokens, asked),), (asked.replace("'TOK1'", "$1"), tokens.mrn(1))):
                    told = _told(session, *ways)
                    assert "(1,)" in told
                    assert not _stored_in(told)
        finally:
            owner.execute("ALTER SYSTEM RESET log_min_duration_statement")
            owner.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("role", ["analyst", "partner"])
def test_a_statement_that_runs_is_not_seen_by_others(tokens: TokenProxy, clinic: Clinic, role: str) -> None:
    """Whatever the account of all sessions may read of its own, while the statement waits with what its token means."""
    waiting = f"SELECT id FROM clinic.patients WHERE mrn = '{tokens.mrn(1)}'"
    seen = "SELECT string_agg(query, '') FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with clinic.connect(database=tokens.proxy.database) as owner, wire_session(tokens.proxy.connect("analyst")) as slow:
        with clinic.connect(database=tokens.proxy.database, superuser=False) as account:
            owner.execute("BEGIN; LOCK TABLE clinic.patients")
            try:
                slow.send(Query(waiting.encode()).encode())
                _until(lambda: bool(_stored_in(_told(account, seen))))
                with tokens.proxy.connect(role) as other:
                    for text in ACTIVITY:
                        other.execute("BEGIN")
                        assert not _stored_in(_told(other, text))
                        other.execute("ROLLBACK")
                for text in ACTIVITY:
                    assert _stored_in(_told(account, text))
            finally:
                owner.execute("ROLLBACK")
        assert ("C", b"SELECT 1\0") in slow.until("Z")


def _until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + _WAIT_SECONDS
    while not true():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)
