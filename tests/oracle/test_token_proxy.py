"""Tokens end to end: a real proxy with a keyring, compared with the masked copy, and what only a session shows.

Must not know: how tokens are made. Invariant: no stored value is in anything that a client, a file or another session
can read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.answers import Way
from tests.support.corpus import CorpusStatement, Order, load_corpus
from tests.support.postgres import Clinic
from tests.support.raw_stream import answer, extended, raw_stream, simple
from tests.support.token_oracle import CANARY
from tests.support.token_proxy import POLICY, TokenProxy, token_proxy

ALLOWED = [s for s in load_corpus("tokens") if s.sqlstate is None]
WAIT_SECONDS = 10.0
_MANY = "SELECT p.mrn, p.account, n, repeat('x', 150) AS pad FROM patients p CROSS JOIN generate_series(1, 5000) n"
_MANY_WAYS = {
    "simple": simple(_MANY),
    "extended in text": extended(_MANY, binary=False),
    "extended in binary": extended(_MANY, binary=True),
    **{f"COPY in {form}": simple(f"COPY ({_MANY}) TO STDOUT (FORMAT {form})") for form in ("text", "csv", "binary")},
}
_BOUND_MIB = 12  # a dozen times what is read at once


@pytest.fixture(scope="module")
def tokens(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenProxy]:
    """The token clinic behind its proxy; no canary is left in its files in the end."""
    with token_proxy(clinic, tmp_path_factory.mktemp("token_proxy")) as made:
        yield made
        written = made.proxy.log() + str(made.proxy.journal()) + made.proxy.metrics()
        assert CANARY not in written


@pytest.fixture
def session(tokens: TokenProxy) -> Iterator[psycopg.Connection[Any]]:
    """The analyst's."""
    with tokens.proxy.connect("analyst") as connection:
        connection.execute("SET search_path TO clinic")
        yield connection


@pytest.mark.parametrize("role", ["analyst", "partner"])
@pytest.mark.parametrize("statement", ALLOWED, ids=lambda s: s.name)
def test_the_proxy_answers_as_the_masked_copy(tokens: TokenProxy, statement: CorpusStatement, role: str) -> None:
    """Rows, order, names, types and origins, in every way of asking; and no stored value is among them."""
    found = tokens.oracle.compare(tokens.statement(statement, role), role)
    assert not found, "\n".join([f"as {role}:", statement.text, "", *found])


@pytest.mark.parametrize("binary", [False, True])
def test_a_prepared_statement_is_bound_again_with_other_tokens(
    tokens: TokenProxy, session: psycopg.Connection[Any], binary: bool
) -> None:
    """Each finds its own patient; what is no token, or is a stored value, finds nobody."""
    cursor = session.cursor(binary=binary)
    text = f"SELECT id, mrn FROM patients WHERE mrn = %{'b' if binary else 's'}"
    for number in (1, 2, 7):
        token = tokens.mrn(number)
        assert cursor.execute(text, (token,), prepare=True).fetchall() == [(number, token)]
    for guess in (f"{CANARY}01", "", tokens.mrn(1, "partner"), tokens.mrn(1)[:-1]):
        assert cursor.execute(text, (guess,), prepare=True).fetchall() == []


@pytest.mark.parametrize("binary", [False, True])
def test_arrays_of_tokens_are_parameters(tokens: TokenProxy, session: psycopg.Connection[Any], binary: bool) -> None:
    """With NULLs and with what is no token among them."""
    text = f"SELECT id FROM patients WHERE mrn = ANY(%{'b' if binary else 's'}) ORDER BY id"
    given = [tokens.mrn(3), None, "nobody", tokens.mrn(1), f"{CANARY}02"]
    assert session.execute(text, (given,)).fetchall() == [(1,), (3,)]
    accounts = [row[0] for row in session.execute("SELECT account FROM patients WHERE id IN (4, 5) ORDER BY id")]
    text = f"SELECT id FROM patients WHERE account = ANY(%{'b' if binary else 's'}) ORDER BY id"
    assert session.execute(text, (accounts,)).fetchall() == [(4,), (5,)]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("withhold", [False, True])
def test_cursors_carry_tokens(
    tokens: TokenProxy, session: psycopg.Connection[Any], binary: bool, withhold: bool
) -> None:
    """In pieces, back and forth, and beyond their transaction."""
    expected = [(n, tokens.mrn(n)) for n in range(1, 13)]
    with session.cursor("held", binary=binary, withhold=withhold, scrollable=True) as cursor:
        with session.transaction():
            cursor.execute("SELECT id, mrn FROM patients ORDER BY id")
            assert cursor.fetchmany(5) == expected[:5]
            cursor.scroll(-2)
            assert cursor.fetchmany(3) == expected[3:6]
        if withhold:
            assert cursor.fetchall() == expected[6:]


@pytest.mark.parametrize("way", _MANY_WAYS)
def test_memory_does_not_grow_with_a_result(tokens: TokenProxy, session: psycopg.Connection[Any], way: str) -> None:
    """Of sixty thousand rows of tokens, 12 MB and more, the proxy keeps a few pieces at a time."""
    process = Path(f"/proc/{tokens.proxy.process.pid}")
    with raw_stream(session) as stream:
        (process / "clear_refs").write_text("5")  # the peak is that since now (proc(5))
        before = _peak_mib(process)
        size = sum(len(piece) for piece in answer(stream, _MANY_WAYS[way]))
        grown = _peak_mib(process) - before
    assert size > 12_000_000
    assert grown < _BOUND_MIB


def _peak_mib(process: Path) -> float:
    (line,) = (line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


SCRIPTS = {
    "equality": [
        "PREPARE q AS SELECT id, mrn FROM patients WHERE mrn = $1",
        *(f"EXECUTE q ({a})" for a in ("'TOK1'", "'TOK2'::text", "NULL", "'nobody'", "'STORED1'", "''", "'x', 'y'")),
    ],
    "declared types": [
        "PREPARE q (varchar, int) AS SELECT id FROM visits WHERE mrn = $1 AND id > $2 ORDER BY id",
        "EXECUTE q ('TOK1', 3 + 4)",
        "EXECUTE q ('STORED1', 0)",
    ],
    "arrays": [
        "PREPARE q AS SELECT id FROM patients WHERE mrn = ANY ($1) ORDER BY id",
        *(f"EXECUTE q ({a})" for a in ("ARRAY['TOK1', 'x', NULL]", "'{TOK3,STORED4}'", "'{}'")),
    ],
    "numbers": [
        "PREPARE q AS SELECT id, account FROM patients WHERE account IN ($1, $2)",
        *(f"EXECUTE q ({a})" for a in ("ACC1, 'ACC3'", "7, 123456789012345678901234567890", "'x', 1", "8, 77000001")),
    ],
    "identifiers": [
        "PREPARE q AS SELECT id FROM patients WHERE device = $1",
        "EXECUTE q ('DEV2')",
        "EXECUTE q ('x')",
    ],
    "order": ["PREPARE q AS SELECT mrn FROM patients WHERE mrn > $1 ORDER BY mrn LIMIT 2", "EXECUTE q ('TOK4')"],
    "a constant that comes back": [
        "PREPARE q AS SELECT coalesce(mrn, $1) FROM visits ORDER BY id",
        "EXECUTE q ('none')",
    ],
    "another statement of the name": [
        "BEGIN",
        "PREPARE q AS SELECT id FROM patients WHERE mrn = $1",
        "EXECUTE q ('TOK5')",
        "DEALLOCATE q",
        "PREPARE q AS SELECT $1::text",
        "EXECUTE q ('TOK5')",
        "EXECUTE q ('STORED5')",
        "ROLLBACK",
    ],
}


@pytest.mark.parametrize("role", ["analyst", "partner"])
@pytest.mark.parametrize("title", SCRIPTS)
def test_execute_takes_tokens(tokens: TokenProxy, title: str, role: str) -> None:
    """As the masked copy does, however PREPARE and EXECUTE are sent; a stored value finds nobody."""
    text = ";\n".join(SCRIPTS[title])
    script = tokens.statement(CorpusStatement("scripts", title, text, Order.TOTAL), role)
    for way in Way:
        found = tokens.oracle.compare_script(script, role, way)
        assert not found, "\n".join([f"as {role}, {way.value}:", text, "", *found])


def test_what_execute_takes_for_a_token_is_a_constant(tokens: TokenProxy, session: psycopg.Connection[Any]) -> None:
    """What is computed is no token, and a type of another width would cut what a token stands for."""
    session.execute("PREPARE q AS SELECT id FROM patients WHERE mrn = $1")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="argument 1 of EXECUTE"):
        session.execute("EXECUTE q (upper('x'))")
    for declared in ("name", '"char"', "text[]", "character"):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="parameter 1"):
            session.execute(f"PREPARE r ({declared}) AS SELECT id FROM patients WHERE mrn = $1")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="parameter 1"):
        session.execute("PREPARE r (int) AS SELECT id FROM patients WHERE account = $1")
    cursor = session.execute(f"PREPARE s AS SELECT id, mrn FROM patients WHERE mrn = $1; EXECUTE s ('{tokens.mrn(6)}')")
    assert cursor.nextset()
    assert cursor.fetchall() == [(6, tokens.mrn(6))]


def test_no_one_sees_the_stored_value_of_a_literal(tokens: TokenProxy, session: psycopg.Connection[Any]) -> None:
    """What the server is sent is not for the role to read, and an error about it says nothing of it."""
    for view in ("pg_stat_activity", "pg_prepared_statements", "pg_cursors"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(f"SELECT * FROM {view}")
    for failing in ("1 / (id - id)", "nothing", "id +"):
        with pytest.raises(psycopg.Error) as failed:
            session.execute(f"SELECT {failing} FROM clinic.patients WHERE mrn = '{tokens.mrn(1)}'")
        told = [str(getattr(failed.value.diag, name)) for name in dir(failed.value.diag) if not name.startswith("_")]
        assert CANARY not in str(failed.value) + "".join(told)


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("mrn = '{token}'", "visits_mrn_idx"),
        ("mrn = $1", "visits_mrn_idx"),
        ("mrn IN ('{token}', 'nobody')", "visits_mrn_idx"),
        ("mrn = ANY ($1)", "visits_mrn_idx"),
    ],
)
def test_an_index_is_used_for_equality(tokens: TokenProxy, clinic: Clinic, condition: str, index: str) -> None:
    """What goes upstream compares the column itself with stored values."""
    text = f"SELECT id FROM visits WHERE {condition.format(token=tokens.mrn(1))}"
    plan = tokens.oracle.planner("analyst").plan(text, ("clinic",))
    with clinic.connect(database=tokens.proxy.database) as superuser:
        superuser.execute("SET enable_seqscan = off")
        explained = psycopg.RawCursor(superuser).execute(f"EXPLAIN (GENERIC_PLAN) {plan.text}").fetchall()
    assert index in str(explained)
    assert "Index Cond" in str(explained)


def test_a_domain_is_one_everywhere_and_alone(tokens: TokenProxy, session: psycopg.Connection[Any]) -> None:
    """One patient has one token in every table and type; a partner's are others; two domains cannot be compared."""
    text = "SELECT DISTINCT {} FROM clinic.{} WHERE {} IS NOT NULL"
    places = [("mrn", "patients"), ("card", "patients"), ("mrn", "visits"), ("mrn", "old_visits")]
    seen = {role: set[str]() for role in ("analyst", "partner")}
    for role, found in seen.items():
        with tokens.proxy.connect(role) as connection:
            for column, table in places:
                found |= {row[0] for row in connection.execute(text.format(column, table, column))}
    assert {role: len(found) for role, found in seen.items()} == {"analyst": 12, "partner": 12}
    assert not seen["analyst"] & seen["partner"]
    assert seen["analyst"] == {tokens.mrn(n) for n in range(1, 13)}
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="domain provider"):
        session.execute("SELECT 1 FROM visits WHERE mrn = provider")


def test_a_value_without_a_token_ends_its_statement(tokens: TokenProxy, clinic: Clinic) -> None:
    """The row does not leave, nor does the value; the error says which format has no room for it."""
    with clinic.connect(database=tokens.proxy.database) as owner:
        owner.execute("INSERT INTO clinic.patients (id, mrn, number) VALUES (99, 'CANARY99', '9')")
    try:
        with tokens.proxy.connect("analyst") as session:
            with pytest.raises(psycopg.Error, match="no token of format digits") as failed:
                session.execute("SELECT number FROM clinic.patients WHERE id > 10 ORDER BY id")
            assert failed.value.sqlstate == "0A000"
            assert failed.value.pgresult is not None
            assert failed.value.pgresult.ntuples == 0
    finally:
        with clinic.connect(database=tokens.proxy.database) as owner:
            owner.execute("DELETE FROM clinic.patients WHERE id = 99")


def test_keys_and_policy_change_while_a_session_runs(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> None:
    """After a rotation new tokens come and old ones are understood, until they are retired; a new domain shows."""
    with token_proxy(clinic, tmp_path_factory.mktemp("token_change")) as made, made.proxy.connect("analyst") as session:
        read = "SELECT mrn FROM clinic.patients WHERE id = 1"
        count = "SELECT count(*) FROM clinic.patients WHERE mrn = %s"
        old = session.execute(read, prepare=True).fetchall()[0][0]
        assert session.execute(count, (old,), prepare=True).fetchall() == [(1,)]
        made.proxy.keys("rotate", "patient")
        made.proxy.reload()
        new = _other(session, read, old)
        assert new.startswith("patient_2_")
        for token in (old, new):
            assert session.execute(count, (token,), prepare=True).fetchall() == [(1,)]
        made.proxy.keys("retire", "patient", "1", "--yes")
        made.proxy.reload()
        _until(lambda: session.execute(count, (old,), prepare=True).fetchall() == [(0,)])
        assert session.execute(count, (new,), prepare=True).fetchall() == [(1,)]
        made.proxy.policy.write_text(
            POLICY.replace("mrn: {mask: {token: {domain: patient}}}", "mrn: {mask: {token: {domain: acme}}}")
        )
        made.proxy.reload()
        assert _other(session, read, new).startswith("acme_1_")
        assert CANARY not in made.proxy.log()


def _other(session: psycopg.Connection[Any], read: str, before: str) -> str:
    """The first token that is not the one from before."""
    seen = [before]
    _until(lambda: seen.append(session.execute(read, prepare=True).fetchall()[0][0]) or seen[-1] != before)  # type: ignore[func-returns-value]
    return seen[-1]


def _until(holds: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the proxy has not taken the change over"
        time.sleep(0.05)
