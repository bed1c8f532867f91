"""Hints before statements: who is asking may be narrowed, and nothing else can be done with them.

Must not know: how the proxy works. Invariant: whatever is put before, into or around a statement, no role sees more
than the login's own, no token reaches the server, the log, the journal or the metrics, and each statement is on
somebody's record.
"""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import product
from typing import Any

import psycopg
import pytest

from tests.attacks.asking import NARROWER, QUERY, ROLES
from tests.support.postgres import Clinic
from tests.support.proxy_process import Connection, ProxyProcess


def hint(proxy: ProxyProcess, *roles: str, subject: str = "ada@example.org", said: str = "", **more: Any) -> str:
    """A hint with a fresh token."""
    token = proxy.issuer.mint(subject=subject, roles=roles, **more)
    return f"/* pgveil: {said}{token} */ "


def rows(connection: Connection, text: str, **options: Any) -> list[tuple[Any, ...]]:
    """All rows of a statement that the test has put together."""
    return connection.execute(text.encode(), **options).fetchall()


def refused(connection: Connection, text: str) -> str:
    """Message and detail of the refusal with 42501."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        connection.execute(text.encode())
    assert "eyJ" not in str(caught.value)
    return f"{caught.value.diag.message_primary} {caught.value.diag.message_detail}"


@pytest.mark.parametrize(("own", "named"), list(product(NARROWER, ROLES)))
def test_a_hint_never_widens(hinting: ProxyProcess, own: str, named: str) -> None:
    """With a hint a session sees exactly what a login of that role sees, or is told which column would be wider."""
    with hinting.connect(named) as direct, hinting.connect(own) as session:
        text = hint(hinting, named) + QUERY
        if named not in NARROWER[own]:
            assert "can only narrow" in refused(session, text)
            return
        if named == "billing":  # a login of its own needs a hint too
            assert rows(session, text) == rows(direct, hint(hinting, "billing") + QUERY)
        else:
            assert rows(session, text) == rows(direct, QUERY)
        assert rows(session, text, prepare=True) == rows(session, text, prepare=True)


def test_from_one_statement_to_the_next(hinting: ProxyProcess, login: Connection) -> None:
    """Each statement is its own hint's; prepared ones are prepared again for the next person."""
    with hinting.connect("analyst") as direct:
        masked = rows(direct, QUERY)
    clear = rows(login, QUERY)
    assert clear != masked
    narrow = hint(hinting, "analyst") + QUERY
    for options in ({}, {"prepare": True}, {"binary": True}):
        for text, expected in ((QUERY, clear), (narrow, masked), (narrow, masked), (QUERY, clear)) * 2:
            assert rows(login, text, **options) == expected
    with login.pipeline():
        cursors = [login.execute(text.encode()) for text in (QUERY, narrow, QUERY, narrow)]
        assert [c.fetchall() for c in cursors] == [clear, masked, clear, masked]


def test_who_is_on_the_record(hinting: ProxyProcess, login: Connection) -> None:
    """The journal has the person of the hint with the login beside it, and without a hint the login."""
    said = hint(hinting, "analyst", subject="eve@example.org", purpose="audit")
    rows(login, said + QUERY)
    rows(login, QUERY)
    last, own = [r for r in hinting.journal() if r["type"] == "statement"][-2:]
    assert (last["principal"], last["login"], last["role"], last["purpose"]) == (
        "eve@example.org", "dana@example.org", "analyst", "audit",
    )  # fmt: skip
    assert (own["principal"], own["login"], own["role"]) == ("dana@example.org", None, "clinician")
    rows(login, hint(hinting, "clinician", subject="eve@example.org") + QUERY)
    same = [r for r in hinting.journal() if r["type"] == "statement"][-1]
    assert (same["principal"], same["role"]) == ("eve@example.org", "clinician")


def test_no_token_is_left_anywhere(hinting: ProxyProcess, login: Connection, clinic: Clinic) -> None:
    """Not in pg_stat_activity, for passed and rewritten statements, not in log, journal, metrics or errors."""
    said = hint(hinting, "analyst")
    for text in ("SELECT 1", QUERY, "SELECT 1/0", "SELEC", "SHOW work_mem", "BEGIN; SELECT 2; COMMIT"):
        for given in (said + text, f"{text} {said}", said + said + text, f"SELECT '{said}'"):
            with_error = ""
            try:
                login.execute(given.encode())
            except psycopg.Error as error:
                with_error = f"{error} {error.diag.message_detail} {error.diag.context}"
            login.rollback()
            assert "eyJ" not in with_error
        with clinic.connect() as superuser:
            running = superuser.execute("SELECT string_agg(query, ' ') FROM pg_stat_activity").fetchone()
        assert running is not None
        assert "eyJ" not in str(running)
    kept = hinting.log() + (hinting.folder / "journal.jsonl").read_text() + hinting.metrics()
    assert "eyJ" not in kept


def test_hints_that_are_not_accepted(hinting: ProxyProcess, login: Connection) -> None:
    """Another audience, a forged or expired token, a role that it lacks: none runs, and the login is on the record."""
    forged = hint(hinting, "analyst")[:-10] + "AAAAAA */ "
    expired = hint(hinting, "analyst", not_before=time.time() - 7200, lifetime=timedelta(hours=1))
    for said, words in (
        (hint(hinting, "analyst", audience="other"), "another audience"),
        (forged, "signature"),
        (expired, "has expired"),
        (hint(hinting, "analyst", said="billing "), "does not have the role"),
        (hint(hinting, "analyst", "billing"), "which role is meant"),
        (hint(hinting, "nobody"), "does not exist"),
    ):
        with pytest.raises(psycopg.Error) as caught:
            login.execute((said + QUERY).encode())
        assert words in f"{caught.value.diag.message_primary} {caught.value.diag.message_detail}"
    refusal = [r for r in hinting.journal() if r["type"] == "refusal"][-1]
    assert (refusal["principal"], refusal["reason"]) == ("dana@example.org", "role")
    named = hint(hinting, "analyst", "billing", said="analyst ")
    with hinting.connect("analyst") as direct:
        assert rows(login, named + QUERY) == rows(direct, QUERY)


def test_a_hint_that_expires_in_a_session(hinting: ProxyProcess, login: Connection) -> None:
    """The statement prepared with it runs no more, and its open cursor gives no more rows."""
    said = hint(hinting, "analyst", lifetime=timedelta(seconds=3))
    login.execute((said + "SELECT ssn FROM clinic.patients").encode(), prepare=True)
    login.execute("BEGIN")
    login.execute((said + "DECLARE c CURSOR FOR SELECT ssn FROM clinic.patients").encode())
    login.execute((said + "FETCH 1 FROM c").encode())
    time.sleep(3.2)
    with pytest.raises(psycopg.Error):
        login.execute("FETCH 1 FROM c")
    login.execute("ROLLBACK")
    assert "has expired" in refused(login, said + "SELECT ssn FROM clinic.patients")


def test_cursors_are_whose_they_were(hinting: ProxyProcess, login: Connection) -> None:
    """A cursor opened for one asker is closed for the next."""
    said = hint(hinting, "analyst")
    login.execute("BEGIN")
    login.execute("DECLARE wide CURSOR WITH HOLD FOR SELECT ssn FROM clinic.patients")
    with pytest.raises(psycopg.errors.InvalidCursorName):
        login.execute((said + "FETCH 1 FROM wide").encode())
    login.execute("ROLLBACK")


def test_required_hints(hinting: ProxyProcess) -> None:
    """A login that needs hints reads relations with one only, and still opens transactions and reads the catalogs."""
    with hinting.connect("billing") as session:
        for text in (QUERY, "TABLE clinic.claims", "TABLE reference.zip_areas", "PREPARE p AS TABLE clinic.patients"):
            assert "whom a hint names" in refused(session, text)
        session.execute("BEGIN")
        rows(session, "SELECT relname FROM pg_catalog.pg_class LIMIT 1")
        rows(session, "SHOW work_mem")
        session.execute("COMMIT")
        said = hint(hinting, "billing")
        assert len(rows(session, said + QUERY)) == 7
        assert "whom a hint names" in refused(session, QUERY)
        session.execute((said + "PREPARE p AS SELECT ssn FROM clinic.patients").encode())
        with pytest.raises(psycopg.Error):
            session.execute("EXECUTE p")
        assert rows(session, said + "EXECUTE p")
