"""A real PostgreSQL for the tests, and the clinic in it.

Owns: the fixtures ``postgres``, ``clinic`` and ``new_database``. Must not know: what is tested with them.
Invariant: one server and one load of the clinic for each run; a run in CI without a server fails instead of skipping.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import psycopg
import pytest
from psycopg import sql

from proxy.demo.binaries import EmbeddedPostgresError
from proxy.demo.clinic import DATABASE, LOGIN, Server, load_clinic
from proxy.demo.postgres import EmbeddedPostgres

PATIENTS = 400  # holds everything that all 5,000 have: people over 89, sparse ZIP areas, names in other scripts
TEMPLATE_DATABASE = "clinic_template"  # a database with connections cannot be copied, and to this one nobody connects
VERSION = int(os.environ.get("PGVEIL_TEST_PG_VERSION", "16"))  # of the server


@dataclass(frozen=True, slots=True)
class Clinic:
    """The loaded database ``clinic`` and the two logins to it: the superuser's, and pgveil's own."""

    server: EmbeddedPostgres
    login_password: str
    database: str = DATABASE
    login: str = LOGIN

    def superuser(self) -> Server:
        """Connection parameters as asyncpg and psycopg name them, over the Unix socket; ``database`` not included."""
        return Server(
            host=self.server.host,
            port=self.server.port,
            user=self.server.user,
            password=self.server.password,
        )

    def proxy_login(self) -> Server:
        """The same for the login that the proxy uses upstream."""
        return Server(host=self.server.host, port=self.server.port, user=self.login, password=self.login_password)

    def connect(self, *, database: str | None = None, superuser: bool = True) -> psycopg.Connection:
        """An autocommit connection to the clinic or another database; use it as a context manager."""
        where = self.superuser() if superuser else self.proxy_login()
        return psycopg.connect(
            host=where["host"],
            port=where["port"],
            user=where["user"],
            password=where["password"],
            dbname=database or self.database,
            autocommit=True,
        )


class NewDatabase(Protocol):
    """What the fixture ``new_database`` gives."""

    def __call__(self, template: str = TEMPLATE_DATABASE) -> str:
        """Make a database and return its name."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A running server, on its Unix socket and on a port of 127.0.0.1."""
    server = EmbeddedPostgres(version=VERSION, tcp_port=0)
    try:
        server.start()
    except EmbeddedPostgresError as error:
        why = f"{error.message}; {error.detail or error.hint or ''}"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def clinic(postgres: EmbeddedPostgres) -> Clinic:
    """The clinic with its first 400 patients. Tests leave it as they found it; ``new_database`` gives a copy."""
    loaded = Clinic(postgres, login_password=secrets.token_urlsafe(12))
    asyncio.run(
        load_clinic(
            loaded.superuser(), login_password=loaded.login_password, patients=PATIENTS, database=TEMPLATE_DATABASE
        )
    )
    _copy_database(loaded, TEMPLATE_DATABASE, DATABASE)
    return loaded


def _copy_database(clinic: Clinic, template: str, name: str) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with clinic.connect(database="postgres") as connection:
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


_numbers = count(1)


@pytest.fixture
def new_database(clinic: Clinic) -> Iterator[NewDatabase]:
    """A function that makes a database and returns its name: a copy of ``template``, by default the loaded clinic.

    Nobody may be connected to the template meanwhile. The databases are dropped after the test.
    """
    made: list[str] = []

    def make(template: str = TEMPLATE_DATABASE) -> str:
        name = f"test_{next(_numbers)}"
        _copy_database(clinic, template, name)
        made.append(name)
        return name

    yield make
    with clinic.connect(database="postgres") as connection:
        for name in made:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
