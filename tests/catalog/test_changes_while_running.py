"""A catalog that changes under sessions: by views, names and columns that come to stand for something protected.

Must not know: how a change is noticed. Invariant: where each statement is checked nothing leaks, from the first
statement after the change; where changes are noticed in time, nothing leaks after that time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import Clinic
from tests.support.proxy_process import Connection, ProxyProcess, copied_database, run_proxy

CANARY = "canary-4711"
POLICY = """
version: 1
kinds:
  key: {mask: clear}
  secret: {mask: nullify}
tables:
  app.people: {columns: {id: key, ssn: secret, sex: clear}}
  app.codes: {columns: clear}
  app.listed: {columns: {id: key, label: clear}}
  open.*: {columns: clear}
roles:
  analyst: {reads: [app.*, open.*]}
"""
STRUCTURE = f"""
DROP SCHEMA IF EXISTS app, open, old, elsewhere CASCADE;
CREATE SCHEMA app;
CREATE SCHEMA open;
CREATE TABLE app.people (id int, ssn text, sex text);
CREATE TABLE app.codes (id int, label text);
CREATE TABLE app.listed (id int, label text);
CREATE TABLE open.other (a int);
CREATE TABLE open.old_people () INHERITS (app.people);
CREATE TABLE open.everybody (id int, ssn text);
CREATE TABLE open.parted (id int, ssn text, sex text) PARTITION BY LIST (sex);
CREATE TYPE open.colour AS ENUM ('red');
CREATE TABLE open.tints (tint open.colour);
INSERT INTO open.tints VALUES ('red');
CREATE VIEW app.front AS SELECT id, label AS x FROM app.codes;
CREATE VIEW app.behind AS SELECT lower(x) AS y FROM app.front;
INSERT INTO app.people VALUES (1, '{CANARY}', 'f');
INSERT INTO open.old_people VALUES (2, '{CANARY}', 'm');
INSERT INTO app.codes VALUES (1, 'one');
INSERT INTO app.listed VALUES (1, 'one');
"""


@dataclass(frozen=True, slots=True)
class Attack:
    """A statement that is harmless before the change. ``path``: the session's search path."""

    statement: str
    change: str
    path: str = "app, open"


_SSN_AS = "SELECT id, ssn AS {} FROM app.people"
ATTACKS = {
    "view replaced": Attack(
        "SELECT upper(x) FROM app.front", f"CREATE OR REPLACE VIEW app.front AS {_SSN_AS.format('x')}"
    ),
    "view under a view replaced": Attack(
        "SELECT upper(y) FROM app.behind", f"CREATE OR REPLACE VIEW app.front AS {_SSN_AS.format('x')}"
    ),
    "view made anew": Attack(
        "SELECT upper(x) FROM app.front",
        f"DROP VIEW app.front CASCADE; CREATE VIEW app.front AS {_SSN_AS.format('x')}",
    ),
    "view made a materialized one": Attack(
        "SELECT upper(x) FROM app.front",
        f"DROP VIEW app.front CASCADE; CREATE MATERIALIZED VIEW app.front AS {_SSN_AS.format('x')}",
    ),
    "table made a view": Attack(
        "SELECT upper(label) FROM app.codes",
        f"ALTER TABLE app.codes RENAME TO old_codes; CREATE VIEW app.codes AS {_SSN_AS.format('label')}",
    ),
    "another table in its place": Attack(
        "SELECT upper(label) FROM app.codes",
        "ALTER TABLE app.codes RENAME TO old_codes; ALTER TABLE app.people RENAME ssn TO label;"
        "ALTER TABLE app.people RENAME TO codes",
    ),
    "column renamed": Attack(
        "SELECT upper(sex) FROM app.people", "ALTER TABLE app.people DROP sex; ALTER TABLE app.people RENAME ssn TO sex"
    ),
    "columns swapped": Attack(
        "SELECT upper(sex) FROM app.people",
        "ALTER TABLE app.people RENAME ssn TO x; ALTER TABLE app.people RENAME sex TO ssn;"
        "ALTER TABLE app.people RENAME x TO sex",
    ),
    "columns swapped, as a row": Attack(
        "SELECT row_to_json(p)::text FROM app.people p",
        "ALTER TABLE app.people RENAME ssn TO x; ALTER TABLE app.people RENAME sex TO ssn;"
        "ALTER TABLE app.people RENAME x TO sex",
    ),
    "column added to a clear table": Attack(
        "SELECT row_to_json(l)::text FROM app.listed l", f"ALTER TABLE app.listed ADD extra text DEFAULT '{CANARY}'"
    ),
    "column added, star": Attack(
        "SELECT * FROM app.listed", f"ALTER TABLE app.listed ADD extra text DEFAULT '{CANARY}'"
    ),
    "column added to a masked table": Attack(
        "SELECT row_to_json(p)::text FROM app.people p", f"ALTER TABLE app.people ADD extra text DEFAULT '{CANARY}'"
    ),
    "child let go": Attack(
        "SELECT upper(ssn) FROM open.old_people", "ALTER TABLE open.old_people NO INHERIT app.people"
    ),
    "child of a clear table": Attack(
        "SELECT upper(ssn) FROM open.everybody", "ALTER TABLE app.people INHERIT open.everybody"
    ),
    "child of a clear table, star": Attack(
        "SELECT * FROM open.everybody", "ALTER TABLE app.people INHERIT open.everybody"
    ),
    "grandchild of a clear table": Attack(
        "SELECT upper(ssn) FROM open.everybody",
        "ALTER TABLE open.old_people NO INHERIT app.people; CREATE TABLE open.middle () INHERITS (open.everybody);"
        "ALTER TABLE open.middle ADD sex text; ALTER TABLE open.old_people INHERIT open.middle",
    ),
    "child of a masked table and a clear one": Attack(
        "SELECT upper(ssn) FROM open.everybody", "ALTER TABLE open.old_people INHERIT open.everybody"
    ),
    "partition of a clear table": Attack(
        "SELECT upper(ssn) FROM open.parted",
        "DROP TABLE open.old_people; ALTER TABLE open.parted ATTACH PARTITION app.people DEFAULT",
    ),
    "partition attached and let go": Attack(
        "SELECT upper(ssn) FROM app.people",
        "DROP TABLE open.old_people; ALTER TABLE open.parted ATTACH PARTITION app.people DEFAULT;"
        "ALTER TABLE open.parted DETACH PARTITION app.people",
    ),
    "masked column of another type": Attack(
        "SELECT upper(ssn::text) FROM app.people", "ALTER TABLE app.people ALTER ssn TYPE varchar(40)"
    ),
    "cast made": Attack(
        "SELECT upper(tint) FROM open.tints",
        "CREATE FUNCTION open.f(open.colour) RETURNS text LANGUAGE sql AS 'SELECT min(ssn) FROM app.people';"
        "CREATE CAST (open.colour AS text) WITH FUNCTION open.f AS IMPLICIT",
    ),
    "aggregate ahead in the path": Attack(
        "SELECT max(label) FROM app.codes",
        "CREATE FUNCTION open.f(text, text) RETURNS text LANGUAGE sql AS 'SELECT min(ssn) FROM app.people';"
        "CREATE AGGREGATE open.max(text) (SFUNC = open.f, STYPE = text, INITCOND = '')",
        path="open, pg_catalog",
    ),
    "column named like a function": Attack(
        "SELECT upper(sex), p.lower FROM app.people p",
        "ALTER TABLE app.people DROP sex; ALTER TABLE app.people RENAME ssn TO lower;"
        "ALTER TABLE app.people ADD sex text",
    ),
    "schema renamed": Attack(
        "SELECT upper(label) FROM open.codes",
        "ALTER TABLE app.people RENAME ssn TO label; ALTER TABLE app.people RENAME TO x;"
        "ALTER TABLE app.codes RENAME TO y; ALTER TABLE app.x RENAME TO codes;"
        "ALTER SCHEMA open RENAME TO old; ALTER SCHEMA app RENAME TO open",
    ),
    "table moved to a clear schema": Attack(
        "SELECT upper(ssn) FROM open.people", "ALTER TABLE app.people SET SCHEMA open"
    ),
    "view ahead in the path": Attack(
        "SELECT upper(label) FROM codes", f"CREATE VIEW open.codes AS {_SSN_AS.format('label')}", path="open, app"
    ),
    "schema ahead in the path": Attack(
        "SELECT upper(label) FROM codes",
        f"CREATE SCHEMA elsewhere; CREATE VIEW elsewhere.codes AS {_SSN_AS.format('label')};"
        "GRANT USAGE ON SCHEMA elsewhere TO PUBLIC; GRANT SELECT ON elsewhere.codes TO PUBLIC",
        path="elsewhere, app",
    ),
    "function ahead in the path": Attack(
        "SELECT upper(label) FROM app.codes",
        "CREATE FUNCTION open.upper(text) RETURNS text LANGUAGE sql AS 'SELECT min(ssn) FROM app.people'",
        path="open, pg_catalog",
    ),
    "operator ahead in the path": Attack(
        "SELECT label || 'x' FROM app.codes",
        "CREATE FUNCTION open.f(text, text) RETURNS text LANGUAGE sql AS 'SELECT min(ssn) FROM app.people';"
        "CREATE OPERATOR open.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = open.f)",
        path="open, pg_catalog",
    ),
}
WAYS = ("simple", "prepared", "read committed", "repeatable read", "in a transaction that read")
_markers = count(1)


def grant(connection: psycopg.Connection, login: str) -> None:
    """Let pgveil's own login read whatever there is."""
    there = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname IN ('app', 'open', 'old')").fetchall()
    for (schema,) in there:
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {login}".encode())
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {login}".encode())


@dataclass(frozen=True, slots=True)
class Place:
    """A proxy and the database behind it."""

    clinic: Clinic
    proxy: ProxyProcess

    def change(self, text: str) -> None:
        """Change the structure, as a superuser; pgveil's login may read all of it afterwards."""
        with self.clinic.connect(database=self.proxy.database) as connection, connection.transaction():
            connection.execute(text.encode())
            grant(connection, self.clinic.login)

    def begin(self) -> None:
        """The structure as it was, known to the proxy: it has seen a table that is made last."""
        marker = f"open.marker_{next(_markers)}"
        self.change(f"{STRUCTURE}; CREATE TABLE {marker} ()")
        self.wait_for(f"SELECT FROM {marker}")

    def wait_for(self, statement: str, seconds: float = 20.0) -> None:
        """Ask until the statement succeeds."""
        until = time.monotonic() + seconds
        while True:
            with suppress(psycopg.Error), self.proxy.connect("analyst") as connection:
                connection.execute(statement.encode())
                return
            assert time.monotonic() < until, statement
            time.sleep(0.02)

    def bare(self, attack: Attack) -> str:
        """What the statement tells without the proxy."""
        with self.clinic.connect(database=self.proxy.database) as connection:
            connection.execute(f"SET search_path = {attack.path}".encode())
            return str(connection.execute(attack.statement.encode()).fetchall())


def heard(connection: Connection, statement: str, *, prepare: bool = False) -> str:
    """Everything that the session is told, lower case."""
    try:
        return str(connection.execute(statement.encode(), prepare=prepare).fetchall()).lower()
    except psycopg.Error as error:
        return f"{error} {error.diag.message_detail} {error.sqlstate}".lower()


def prepared_for(connection: Connection, attack: Attack, way: str) -> None:
    """Bring the session to where it is when the change comes: the statement is known and its plan is kept."""
    connection.execute(f"SET search_path = {attack.path}".encode())
    for _ in range(2):
        assert CANARY not in heard(connection, attack.statement, prepare=way == "prepared")
    if way == "in a transaction that read":
        connection.execute("BEGIN")
        connection.execute("SELECT sum(a) FROM open.other")
    elif way not in ("simple", "prepared"):
        connection.execute(f"BEGIN ISOLATION LEVEL {way}".encode())
        connection.execute("SELECT 1")


@pytest.fixture(scope="module")
def checked(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Every statement is checked, and catalogs are looked at for nothing else."""
    upstream = {"catalog_check": "statement", "catalog_refresh_seconds": 3600}
    yield from _place(clinic, tmp_path_factory.mktemp("checked"), "checked_catalog", upstream)


@pytest.fixture(scope="module")
def in_time(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Catalogs are looked at as often as by default."""
    yield from _place(clinic, tmp_path_factory.mktemp("in_time"), "catalog_in_time", {})


def _place(clinic: Clinic, folder: Path, database: str, upstream: dict[str, object]) -> Iterator[Place]:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    with copied_database(clinic, database):
        with clinic.connect(database=database) as connection:
            connection.execute(STRUCTURE.encode())
            grant(connection, clinic.login)
        with run_proxy(folder / "proxy", clinic, policy=policy, database=database, upstream=upstream) as running:
            yield Place(clinic, running)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_checked_statements_never_leak(checked: Place, attack: Attack, way: str) -> None:
    """The first statement after the change tells nothing, nor does any later one."""
    checked.begin()
    with checked.proxy.connect("analyst") as connection:
        prepared_for(connection, attack, way)
        checked.change(attack.change)
        assert CANARY in checked.bare(attack).lower()
        for _ in range(3):
            assert CANARY not in heard(connection, attack.statement, prepare=way == "prepared")
    with checked.proxy.connect("analyst") as connection:
        connection.execute(f"SET search_path = {attack.path}".encode())
        for _ in range(2):
            assert CANARY not in heard(connection, attack.statement)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_noticed_changes_never_leak(in_time: Place, attack: Attack) -> None:
    """Two of the default intervals after the change nothing is told, in an old session or a new one."""
    in_time.begin()
    with in_time.proxy.connect("analyst") as connection:
        prepared_for(connection, attack, "prepared")
        in_time.change(attack.change)
        time.sleep(2.2)
        with in_time.proxy.connect("analyst") as fresh:
            fresh.execute(f"SET search_path = {attack.path}".encode())
            for session in (connection, fresh):
                assert CANARY not in heard(session, attack.statement, prepare=True)
