"""Writes to a clear table that ask hidden ones by foreign keys, change them, or run functions that read them.

Must not know: how the proxy decides. Invariant: an attack's answer depends on a hidden row on bare Postgres, or changes
one, and through the proxy it does not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
import pytest

from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, copied_database, run_proxy

POLICY = """
version: 1
kinds:
  key: {mask: clear}
  secret: {mask: nullify}
tables:
  app.people: {columns: {id: key, ssn: secret}}
  app.sick: {columns: {id: key, item: secret}}
  app.bound: {columns: {id: key, item: key, word: secret}}
  open.*: {columns: clear}
roles:
  writer: {reads: [app.*, open.*], writes: [open.*], functions: [open.stamp]}
"""
STRUCTURE = """
CREATE SCHEMA app;
CREATE SCHEMA open;
CREATE TABLE app.people (id int PRIMARY KEY, ssn text UNIQUE);
INSERT INTO app.people VALUES (1, 'known');
CREATE TABLE open.items (id int PRIMARY KEY, label text);
INSERT INTO open.items SELECT i, 'item ' || i FROM generate_series(1, 9) i;
CREATE TABLE app.sick (id int PRIMARY KEY, item int REFERENCES open.items ON UPDATE SET NULL);
INSERT INTO app.sick VALUES (1, 2);
CREATE TABLE open.lots (id int PRIMARY KEY);
INSERT INTO open.lots VALUES (1), (2);
CREATE TABLE app.bound (id int PRIMARY KEY, item int REFERENCES open.lots ON DELETE CASCADE, word text);
INSERT INTO app.bound VALUES (1, 1, 'x'), (2, 2, 'y');
CREATE TABLE open.letters (id serial PRIMARY KEY, ssn text REFERENCES app.people (ssn), body text);
CREATE TABLE open.seats (id int REFERENCES app.people, told text, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE open.seats_2024 PARTITION OF open.seats (FOREIGN KEY (told) REFERENCES app.people (ssn))
    FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE open.seats_2025 PARTITION OF open.seats FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE FUNCTION app.knows(which text) RETURNS boolean LANGUAGE plpgsql
    AS 'BEGIN RETURN EXISTS (SELECT FROM app.people WHERE ssn = which); END';
CREATE TABLE open.checked (ssn text CHECK (app.knows(ssn)));
CREATE DOMAIN open.known AS text CHECK (app.knows(VALUE));
CREATE DOMAIN open.well_known AS open.known;
CREATE TABLE open.typed (ssn open.well_known);
CREATE FUNCTION app.copies() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN NEW.told := (SELECT min(ssn) FROM app.people); RETURN NEW; END';
CREATE TABLE open.told (id int, told text);
CREATE TRIGGER copies BEFORE INSERT ON open.told FOR EACH ROW EXECUTE FUNCTION app.copies();
CREATE TABLE open.given (id int, told boolean DEFAULT app.knows('known'));
CREATE TABLE open.fresh_1 (id int, ssn text);
CREATE TABLE open.fresh_2 (id int, ssn text);
CREATE TABLE open.fresh_3 (id int, ssn text);
CREATE TABLE open.fresh_4 (id int, ssn text);
CREATE FUNCTION app.never(a text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION open.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := DATE ''2024-01-01''; RETURN NEW; END';
CREATE TABLE open.stamped (id int, at date);
CREATE TRIGGER stamps BEFORE INSERT ON open.stamped FOR EACH ROW EXECUTE FUNCTION open.stamp();
"""


@dataclass(frozen=True, slots=True)
class Attack:
    """``change``: what the role cannot see, and on which the statement's answer depends or which it changes."""

    statement: str
    change: str


_ANOTHER = "UPDATE app.people SET ssn = 'other'"
ATTACKS = {
    "a key into a masked column": Attack("INSERT INTO open.letters (ssn) VALUES ('known')", _ANOTHER),
    "the same inside WITH": Attack(
        "WITH x AS (INSERT INTO open.letters (ssn) VALUES ('known') RETURNING id) SELECT count(*) FROM x", _ANOTHER
    ),
    "a key of one partition": Attack("INSERT INTO open.seats VALUES (1, 'known', '2024-05-05')", _ANOTHER),
    "a key from a masked column": Attack("DELETE FROM open.items WHERE id = 2", "UPDATE app.sick SET item = 3"),
    "a key from a masked column that is set": Attack(
        "UPDATE open.items SET id = 20 WHERE id = 2", "UPDATE app.sick SET item = 3"
    ),
    "rows that go along": Attack("DELETE FROM open.lots WHERE id = 1", "DELETE FROM app.bound"),
    "a constraint that calls": Attack("INSERT INTO open.checked VALUES ('known')", _ANOTHER),
    "a domain under a domain": Attack("INSERT INTO open.typed VALUES ('known')", _ANOTHER),
    "a trigger": Attack("INSERT INTO open.told (id) VALUES (1) RETURNING told", _ANOTHER),
    "a default": Attack("INSERT INTO open.given (id) VALUES (1) RETURNING told", _ANOTHER),
}
ALLOWED = (
    "INSERT INTO open.seats_2025 VALUES (1, 'x', '2025-05-05')",
    "INSERT INTO open.items VALUES (100, 'new')",
    "UPDATE open.items SET label = 'x' WHERE id = 2",
    "DELETE FROM open.letters",
    "UPDATE open.letters SET body = 'x' WHERE id = 1",
    "INSERT INTO open.lots VALUES (100)",
    "INSERT INTO open.stamped (id) VALUES (1) RETURNING at",
)


LEFT = "SELECT (SELECT count(*) FROM app.bound), (SELECT count(item) FROM app.sick)"
Outcome: TypeAlias = list[tuple[Any, ...]] | int | str


@dataclass(frozen=True, slots=True)
class Place:
    """The proxy, and the server behind it."""

    clinic: Clinic
    proxy: ProxyProcess

    def bare(self, *statements: str) -> tuple[Outcome, Outcome]:
        """The last statement's outcome as the superuser, and what it left in masked tables; rolled back."""
        with self.clinic.connect(database=self.proxy.database) as connection:
            connection.autocommit = False
            try:
                return outcome(connection, *statements), outcome(connection, LEFT)
            finally:
                connection.rollback()


def outcome(connection: psycopg.Connection, *statements: str) -> Outcome:
    """The SQLSTATE, or the last one's rows or their number."""
    try:
        for statement in statements:
            answer = connection.execute(statement.encode())
        return answer.fetchall() if answer.description else answer.rowcount
    except psycopg.Error as error:
        return str(error.sqlstate)


@pytest.fixture(scope="module")
def place(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A database of its own; the proxy's login upstream may write all of it."""
    folder = tmp_path_factory.mktemp("write_effects")
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    with copied_database(clinic, "write_effects") as database:
        with clinic.connect(database=database) as connection:
            connection.execute(STRUCTURE.encode())
            for schema in ("app", "open"):
                connection.execute(f"GRANT ALL ON SCHEMA {schema} TO {clinic.login}".encode())
                connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {clinic.login}".encode())
                connection.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO {clinic.login}".encode())
        with run_proxy(folder / "proxy", clinic, policy=policy, database=database) as running:
            yield Place(clinic, running)


@pytest.mark.parametrize("name", ATTACKS)
def test_it_depends_on_hidden_rows_on_bare_postgres(place: Place, name: str) -> None:
    """The same write ends otherwise after a change that the role cannot see."""
    attack = ATTACKS[name]
    assert place.bare(attack.statement) != place.bare(attack.change, attack.statement)


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused(place: Place, name: str) -> None:
    """Before anything is asked or changed, with the reason; the session goes on."""
    with place.proxy.connect("writer") as connection:
        with pytest.raises(psycopg.Error) as error:
            connection.execute(ATTACKS[name].statement.encode())
        assert error.value.sqlstate in ("0A000", "42501")
        assert "cannot be written by the role writer" in str(error.value)
        assert connection.execute("SELECT count(*) FROM app.bound").fetchall() == [(2,)]


@pytest.mark.parametrize("statement", ALLOWED)
def test_what_tells_nothing_is_done(place: Place, statement: str) -> None:
    """As on bare Postgres."""
    expected, _ = place.bare(statement)
    with place.proxy.connect("writer", autocommit=False) as connection:
        assert outcome(connection, statement) == expected
        connection.rollback()


def test_a_new_key_is_noticed(place: Place) -> None:
    """A statement that was allowed is judged anew once its table has a key, trigger, default or index that tells."""
    changes = {
        "ALTER TABLE open.fresh_1 ADD FOREIGN KEY (ssn) REFERENCES app.people (ssn)": "0A000",
        "CREATE TRIGGER c BEFORE INSERT ON open.fresh_2 EXECUTE FUNCTION app.copies()": "42501",
        "ALTER TABLE open.fresh_3 ALTER id SET DEFAULT app.knows('x')::int": "42501",
        "CREATE INDEX ON open.fresh_4 (id) WHERE app.never(ssn)": "42501",
    }
    with place.clinic.connect(database=place.proxy.database) as owner, place.proxy.connect("writer") as connection:
        for number, (change, sqlstate) in enumerate(changes.items(), 1):
            statement = f"INSERT INTO open.fresh_{number} (ssn) VALUES (NULL)"
            connection.execute(statement.encode())
            owner.execute(change.encode())
            until(connection, statement, sqlstate)


def until(connection: psycopg.Connection, statement: str, sqlstate: str) -> None:
    """Ask until that is the answer; the test's time limit ends it."""
    while outcome(connection, statement) != sqlstate:
        time.sleep(0.1)
