"""What a session leaves in its server process, and whether the next session there finds it.

``DISCARD ALL`` is meant to make a connection as new. Each state below survives it on bare PostgreSQL. Connections that
sessions give back serve their own user's sessions again, so through the proxy nobody may find what others left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support.postgres import Clinic
from tests.support.proxy_process import Connection, ProxyProcess, run_proxy

# So long that the name which the database's logs show is the same for all who are called so: what goes upstream for
# their logins is the same, byte for byte.
CALLED = "a-department-with-a-very-long-name-in-a-hospital-with-a-longer-one."
WAIT_SECONDS = 20.0
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)


@dataclass(frozen=True, slots=True)
class Residue:
    """``leave`` it, and ``look`` for it: a statement that says whether it is there."""

    name: str
    leave: str
    look: str


RESIDUES = [
    Residue("seed", "SELECT setseed(0.25)", "SELECT (random() * 1e9)::bigint = {seeded}"),
    Residue("setting", "SET residue.note = 'left'", "SELECT current_setting('residue.note', true) IS NOT NULL"),
    Residue("temporary schema", "CREATE TEMP TABLE left_over (x int)", "SELECT pg_my_temp_schema() <> 0"),
    Residue("library", "DO 'BEGIN END'", "SELECT count(*) > 0 FROM pg_settings WHERE name LIKE 'plpgsql.%'"),
    Residue("process", "SELECT 1", "SELECT pg_backend_pid() = {process}"),
]


def look(connection: psycopg.Connection[Any], residue: Residue, facts: dict[str, int]) -> bool:
    """Whether it is found."""
    text = sql.SQL(residue.look).format(**{name: sql.Literal(value) for name, value in facts.items()})
    row = connection.execute(text).fetchone()
    assert row is not None
    return bool(row[0])


def facts_of(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """What a look needs to know of the connection that left something; its seed is then what it was set to."""
    row = connection.execute("SELECT pg_backend_pid(), setseed(0.25), (random() * 1e9)::bigint").fetchone()
    assert row is not None
    connection.execute("SELECT setseed(0.25)")
    return {"process": row[0], "seeded": row[2]}


@pytest.mark.parametrize("residue", RESIDUES, ids=lambda residue: residue.name)
def test_it_survives_on_bare_postgres(clinic: Clinic, residue: Residue) -> None:
    """After DISCARD ALL it is there, in a new connection it is not."""
    with clinic.connect() as connection:
        connection.prepare_threshold = None
        facts = facts_of(connection)
        connection.execute(residue.leave)
        connection.execute("DISCARD ALL")
        assert look(connection, residue, facts)
    with clinic.connect() as connection:
        assert not look(connection, residue, facts)


@pytest.fixture(scope="module")
def reusing(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy that keeps connections, with the superuser's login, so that nothing fails for want of a right."""
    owner = clinic.superuser()
    upstream = {"user": owner["user"], "password": owner["password"], "spares": 3}
    folder: Path = tmp_path_factory.mktemp("reusing")
    with run_proxy(folder, clinic, database="postgres", upstream={**upstream, "databases": []}) as proxy:
        yield proxy


def session(proxy: ProxyProcess, person: str, role: str = "clinician") -> Connection:
    """A session of this person, whose name the database's logs cannot tell from others'."""
    given = proxy.parameters(role) | {"password": proxy.token(role, subject=CALLED + person)}
    return psycopg.connect(**given, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]


def until_used_again(proxy: ProxyProcess, person: str, process: int) -> Connection:
    """A session of this person in that process (raises AssertionError where none gets there in time)."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        connection = session(proxy, person)
        if facts_of_process(connection) == process:
            return connection
        connection.close()
    raise AssertionError("the connection was not used again")


def facts_of_process(connection: Connection) -> int:
    """The server process of a session."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("residue", RESIDUES, ids=lambda residue: residue.name)
def test_nobody_finds_what_others_left(reusing: ProxyProcess, residue: Residue) -> None:
    """Whatever of it the proxy lets a session do: another person's sessions never get that process."""
    with session(reusing, "ada") as connection:
        facts = facts_of(connection)
        with suppress(*REFUSED):
            connection.execute(residue.leave.encode())
    until_used_again(reusing, "ada", facts["process"]).close()
    for _ in range(4):
        with session(reusing, "grace") as other, suppress(*REFUSED):
            assert not look(other, residue, facts)


def test_the_seed_is_not_found_by_its_own_user(reusing: ProxyProcess) -> None:
    """random() is not what it was made to be in the session before, in the same process."""
    with session(reusing, "mary") as connection:
        facts = facts_of(connection)
    with until_used_again(reusing, "mary", facts["process"]) as again:
        assert not look(again, RESIDUES[0], facts)


def test_a_session_begins_as_its_login_asked(reusing: ProxyProcess, clinic: Clinic) -> None:
    """Settings, prepared statements and locks of the session before are gone, and the client is told no old setting."""
    statements = ("SET TimeZone = 'Asia/Tokyo'", "SET search_path = pg_catalog", "PREPARE p AS SELECT 1",
                  "SELECT pg_advisory_lock(4711)")  # fmt: skip
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = %s"
    with session(reusing, "emmy") as connection:
        process = facts_of_process(connection)
        for statement in statements:
            with suppress(*REFUSED):
                connection.execute(statement.encode())
        assert connection.info.parameter_status("TimeZone") == "Asia/Tokyo"
    with until_used_again(reusing, "emmy", process) as again:
        assert again.info.parameter_status("TimeZone") == "UTC"
        assert again.execute("SHOW TimeZone").fetchone() == ("UTC",)
        assert again.execute("SHOW search_path").fetchone() == ('"$user", public',)
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            again.execute("EXECUTE p")
        with clinic.connect() as owner:
            assert owner.execute(locks, [process]).fetchone() == (0,)
