"""Every kind of relation, and every way of naming one: answered as on a copy where the secrets are gone, or refused.

Must not know: how names are resolved. Invariant: a refusal says which permission or support is missing, in SQLSTATE
42501 or 0A000 (42P01 for what does not exist), and no way tells a stored secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from proxy.catalog.introspect import ConnectParameters, introspect
from tests.support.postgres import VERSION, Clinic
from tests.support.proxy_process import Connection, ProxyProcess, copied_database, run_proxy

CANARY = "canary-4711"
LONG = "long_" + "x" * 58  # 63 bytes, the longest name; what is longer is cut by the server
POLICY = f"""
version: 1
kinds:
  key: {{mask: clear}}
  secret: {{mask: nullify}}
tables:
  app.people: {{columns: {{id: key, ssn: secret, sex: clear}}}}
  app.events: {{columns: {{id: key, ssn: secret}}}}
  'app."Mixed Case"': {{columns: {{id: key, The SSN: secret}}}}
  app.{LONG}: {{columns: {{id: key, ssn: secret}}}}
  app.kept: {{columns: {{id: key, ssn: secret}}}}
  app.far: {{columns: {{id: key, ssn: secret}}}}
  app.derived: {{columns: {{id: key, ssn: secret, ending: secret}}}}
  open.*: {{columns: clear}}
roles:
  analyst: {{reads: [app.*, open.*]}}
  everyone: {{reads: ["*"], masks: {{"*": clear}}}}
"""
COMPUTED = "VIRTUAL" if VERSION >= 18 else "STORED"  # when it is read, or when its row is written
STRUCTURE = f"""
CREATE SCHEMA app;
CREATE SCHEMA open;
CREATE SCHEMA nobody;
CREATE TABLE app.people (id int PRIMARY KEY, ssn text, sex text);
INSERT INTO app.people VALUES (1, 'SECRET', 'f'), (2, 'SECRET', 'm'), (3, NULL, 'f');
CREATE TABLE app.events (id int, ssn text) PARTITION BY RANGE (id);
CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM (0) TO (10);
CREATE TABLE open.events_2 PARTITION OF app.events FOR VALUES FROM (10) TO (20);
INSERT INTO app.events VALUES (1, 'SECRET'), (11, 'SECRET');
CREATE TABLE open.people_child (extra text) INHERITS (app.people);
INSERT INTO open.people_child VALUES (9, 'SECRET', 'f', 'SECRET');
CREATE TABLE app."Mixed Case" (id int, "The SSN" text);
INSERT INTO app."Mixed Case" VALUES (1, 'SECRET');
CREATE TABLE app.{LONG} (id int, ssn text);
INSERT INTO app.{LONG} VALUES (1, 'SECRET');
CREATE TABLE app.derived (id int, ssn text, ending text GENERATED ALWAYS AS (right(ssn, 4)) {COMPUTED});
INSERT INTO app.derived VALUES (1, 'SECRET'), (2, NULL);
CREATE TABLE open.people (id int, ssn text);
INSERT INTO open.people VALUES (1, 'open');
CREATE TABLE nobody.people (id int, ssn text);
INSERT INTO nobody.people VALUES (1, 'SECRET');
CREATE VIEW app.renamed (number, secret) AS SELECT id, ssn FROM app.people;
CREATE VIEW app.over AS SELECT secret AS s, count(*) AS n, max(secret || '!') AS top FROM app.renamed GROUP BY secret;
CREATE VIEW app.united AS SELECT ssn AS v FROM app.people UNION SELECT s FROM app.over EXCEPT SELECT 'x';
CREATE VIEW app.with_own AS WITH people AS (SELECT ssn AS sex FROM app.people) SELECT p.sex, q.id
    FROM people p, app.people q WHERE q.id < 3;
CREATE RECURSIVE VIEW app.chain (id, ssn) AS
    SELECT id, ssn FROM app.people WHERE id = 1
    UNION ALL SELECT p.id, c.ssn FROM app.people p JOIN chain c ON p.id = c.id + 1;
CREATE VIEW open.on_nobody AS SELECT ssn FROM nobody.people;
CREATE MATERIALIZED VIEW app.kept AS SELECT id, ssn FROM app.people;
CREATE MATERIALIZED VIEW app.unlisted AS SELECT id, ssn FROM app.people;
CREATE FOREIGN DATA WRAPPER without_handler;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER without_handler;
CREATE FOREIGN TABLE app.far (id int, ssn text) SERVER elsewhere;
"""
SAME = {
    "renamed columns": "SELECT number, secret FROM app.renamed ORDER BY 1",
    "a view over a view, aggregated": "SELECT s, n, top FROM app.over ORDER BY n",
    "set operations": "SELECT count(*), count(v) FROM app.united",
    "a view's own CTE, named like a table": "SELECT sex, id FROM app.with_own ORDER BY 1, 2",
    "a recursive view": "SELECT id, ssn FROM app.chain ORDER BY 1",
    "a partition": "SELECT id, upper(ssn) FROM app.events_1",
    "a partition in a clear schema": "SELECT id, upper(ssn) FROM open.events_2",
    "a child in a clear schema": "SELECT id, ssn, sex FROM open.people_child",
    "a materialized view by policy": "SELECT id, upper(ssn) FROM app.kept ORDER BY 1",
    "ONLY": "SELECT id, upper(ssn) FROM ONLY app.people ORDER BY 1",
    "ONLY in parentheses": "SELECT id, upper(ssn) FROM ONLY (app.people) ORDER BY 1",
    "a star behind the name": "SELECT id, upper(ssn) FROM app.people * ORDER BY 1",
    "TABLE": "TABLE app.people ORDER BY id",
    "TABLESAMPLE": "SELECT id, upper(ssn) FROM app.people TABLESAMPLE BERNOULLI (100) REPEATABLE (1) ORDER BY 1",
    "ROWS FROM": "SELECT p.id, f.a, f.b FROM app.people p, ROWS FROM (unnest(ARRAY[p.ssn]), generate_series(1, 2))"
    " AS f(a, b) ORDER BY 1, 3",
    "WITH ORDINALITY": "SELECT p.id, u.v, u.n FROM app.people p, unnest(ARRAY[p.ssn, 'x']) WITH ORDINALITY u(v, n)"
    " ORDER BY 1, 3",
    "an alias named like a table": "SELECT events.ssn, events.id FROM app.people AS events ORDER BY 2",
    "columns renamed by an alias": "SELECT sex, ssn FROM app.people AS p(sex, id, ssn) ORDER BY 1",
    "a CTE named like a table": "WITH people AS (SELECT 7 AS ssn) SELECT ssn FROM people",
    "a CTE over the table of its name": "WITH people AS (SELECT ssn, id FROM app.people)"
    " SELECT * FROM people ORDER BY 2",
    "a CTE and the qualified table": "WITH people AS (SELECT 1 AS id) SELECT p.id, q.ssn FROM people p"
    " JOIN app.people q USING (id)",
    "mixed case": 'SELECT id, upper("The SSN") FROM app."Mixed Case"',
    "Unicode escapes": 'SELECT id, upper(U&"s\\0073n") FROM U&"\\0061pp".U&"peopl\\0065" ORDER BY 1',
    "Unicode escapes of another sign": "SELECT id, upper(U&\"s!0073n\" UESCAPE '!') FROM app.people ORDER BY 1",
    "an over-long name": f"SELECT id, upper(ssn) FROM app.{LONG}_and_more",
    "an over-long quoted name": f'SELECT id, upper(ssn) FROM app."{LONG}_and_more"',
    "another schema": "SELECT id, upper(ssn) FROM open.people",
    "a generated column": "SELECT id, upper(ending), ending IS NULL FROM app.derived WHERE ending IS NULL ORDER BY id",
    "a generated column by a star": "SELECT * FROM app.derived ORDER BY id",
    "a row with a generated column": "SELECT to_json(d)::text, d FROM app.derived d ORDER BY id",
    "folded case": "SELECT ID, UPPER(SSN) FROM App.PEOPLE ORDER BY 1",
}
REFUSED = {
    "a materialized view that is not listed": ("SELECT * FROM app.unlisted", "42501"),
    "a view over what is not read": ("SELECT upper(ssn) FROM open.on_nobody", "42501"),
    "a relation that is not read": ("SELECT upper(ssn) FROM nobody.people", "42501"),
    "another case": ('SELECT * FROM app."People"', "42P01"),
    "a temporary table": ("CREATE TEMP TABLE people AS SELECT * FROM app.people", "0A000"),
    "a temporary view": ("CREATE TEMP VIEW p AS SELECT * FROM app.people", "0A000"),
    "SELECT INTO": ("SELECT * INTO TEMP p FROM app.people", "0A000"),
}
PATHS = {
    "SET": ("SET search_path = {}",),
    "SET TO": ("SET search_path TO {}",),
    "SET LOCAL": ("BEGIN", "SET LOCAL search_path = {}"),
    "set_config": ("SELECT set_config('search_path', '{}', false)",),
    "set_config for the transaction": ("BEGIN", "SELECT set_config('search_path', '{}', true)"),
    "SET SCHEMA": ("SET SCHEMA '{}'",),
    "rolled back": ("SET search_path = {}", "BEGIN", "SET search_path = nobody", "ROLLBACK"),
    "to a savepoint": ("SET search_path = {}", "BEGIN", "SAVEPOINT a", "SET search_path = nobody", "ROLLBACK TO a"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A proxy on a database, and a copy of it without the secrets."""

    clinic: Clinic
    proxy: ProxyProcess
    copy: str

    def direct(self, database: str) -> Connection:
        """A session without the proxy."""
        return self.clinic.connect(database=database)


def answer(connection: Connection, statement: str, *, prepare: bool = False) -> str:
    """Rows, or the SQLSTATE with all that is said."""
    try:
        return str(connection.execute(statement.encode(), prepare=prepare).fetchall())
    except psycopg.Error as error:
        return f"{error.sqlstate} {error} {error.diag.message_detail}"


@pytest.fixture(scope="module")
def place(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Both databases, and the proxy on the first."""
    folder = tmp_path_factory.mktemp("kinds")
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    with copied_database(clinic, "kinds") as database, copied_database(clinic, "kinds_masked") as copy:
        for name, structure in (
            (database, STRUCTURE.replace("SECRET", CANARY)),
            (copy, STRUCTURE.replace("'SECRET'", "NULL")),
        ):
            with clinic.connect(database=name) as connection:
                connection.execute(structure.encode())
                for schema in ("app", "open", "nobody"):
                    connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {clinic.login}".encode())
                    connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {clinic.login}".encode())
        with run_proxy(folder / "proxy", clinic, policy=policy, database=database, upstream={"spares": 0}) as running:
            yield Place(clinic, running, copy)


@pytest.mark.parametrize("prepare", [False, True], ids=["simple", "prepared"])
@pytest.mark.parametrize("statement", SAME.values(), ids=SAME.keys())
def test_answered_as_on_the_copy(place: Place, statement: str, prepare: bool) -> None:
    """The rows are those of the copy, and the stored secret is in none."""
    with place.direct(place.copy) as direct, place.proxy.connect("analyst") as session:
        expected = answer(direct, statement)
        assert expected.startswith("[")
        for _ in range(2):
            assert answer(session, statement, prepare=prepare) == expected


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_refused(place: Place, case: tuple[str, str]) -> None:
    """The refusal has its code, tells no secret, and the session goes on."""
    statement, sqlstate = case
    with place.proxy.connect("analyst") as session:
        told = answer(session, statement)
        assert told.startswith(sqlstate)
        assert CANARY not in told
        assert answer(session, "SELECT 1") == "[(1,)]"


@pytest.mark.parametrize("statements", PATHS.values(), ids=PATHS.keys())
@pytest.mark.parametrize("schema", ["app", "open", "nobody"])
def test_every_way_to_set_the_path(place: Place, schema: str, statements: tuple[str, ...]) -> None:
    """An unqualified name, prepared before and after, is what the server would find."""
    query = "SELECT id, upper(ssn) FROM people ORDER BY 1"
    with place.direct(place.copy) as direct, place.proxy.connect("analyst") as session:
        for connection in (direct, session):
            connection.execute("SET search_path = open")
        assert answer(session, query, prepare=True) == answer(direct, query)
        for statement in statements:
            for connection in (direct, session):
                connection.execute(statement.format(schema).encode())
        told = answer(session, query, prepare=True)
        if schema == "nobody":
            assert told.startswith("42501")
        else:
            assert told == answer(direct, query)


@pytest.mark.parametrize("path", ["app, open", "open, app", '"$user", app', "pg_temp, app", "app, pg_catalog"])
def test_paths_from_outside(place: Place, path: str) -> None:
    """A path from the start-up packet, or from ALTER ROLE … IN DATABASE, is the one that names are resolved by."""
    query = "SELECT id, upper(ssn) FROM people ORDER BY 1"
    login, database = place.clinic.login, place.proxy.database
    with place.direct(place.copy) as direct:
        direct.execute(f"SET search_path = {path}".encode())
        expected = answer(direct, query)
    parameters = place.proxy.parameters("analyst") | {"options": f"-c search_path={path.replace(' ', '')}"}
    with psycopg.connect(**parameters, autocommit=True) as session:  # type: ignore[arg-type]
        assert answer(session, query) == expected
    with place.direct(database) as owner:
        owner.execute(f"ALTER ROLE {login} IN DATABASE {database} SET search_path = {path}".encode())
        try:
            with place.proxy.connect("analyst") as session:
                assert answer(session, query) == expected
        finally:
            owner.execute(f"ALTER ROLE {login} IN DATABASE {database} RESET search_path".encode())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id, upper(ssn) FROM app.far",
        "SELECT count(*) FROM app.far",
        "SELECT extra FROM app.far",
        "SELECT x.v FROM app.people p, XMLTABLE('/a' PASSING xmlelement(name a, p.ssn) COLUMNS v text PATH '.') x",
    ],
)
def test_fails_as_on_the_copy(place: Place, statement: str) -> None:
    """What the server was not built for (a foreign table's source, XML) is masked, passed on, and fails there."""
    with place.direct(place.copy) as direct, place.proxy.connect("analyst") as session:
        assert answer(session, statement)[:5] == answer(direct, statement)[:5]


def test_a_database_that_takes_anothers_place(place: Place) -> None:
    """OIDs mean something in one database only, which a snapshot therefore names."""
    login = place.clinic.proxy_login()
    parameters = ConnectParameters(
        host=login["host"], port=login["port"], user=login["user"], password=login["password"], ssl=False
    )
    found = [asyncio.run(introspect(parameters, name)).database_oid for name in (place.proxy.database, place.copy)]
    assert len(set(found)) == 2
