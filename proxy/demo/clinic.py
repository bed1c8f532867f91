"""Puts the made-up clinic into a database, and reads from it.

Owns: creating the database, its schema and rows, the login that the proxy uses, and asking a server one question.
Must not know: how the rows are made up, policies, the proxy. Invariant: the same number of patients and seed give the
same database.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from ssl import SSLContext
from typing import TypedDict

import asyncpg

from proxy.demo.binaries import EmbeddedPostgresError
from proxy.demo.people import MOST_PATIENTS
from proxy.demo.records import COLUMNS, Batch, Row, make_code_lists, make_orders, make_patients

DATABASE = "clinic"
LOGIN = "pgveil"
SEED = 20261031
CHUNK = 250

Progress = Callable[[int, int], None]


class Server(TypedDict, total=False):
    """Where the server is and who logs in, as ``asyncpg.connect`` names it; ``user`` may create databases."""

    host: str
    port: int
    user: str
    password: str
    ssl: SSLContext | str | bool


async def load_clinic(
    server: Server,
    *,
    login_password: str,
    patients: int = 5000,
    database: str = DATABASE,
    seed: int = SEED,
    progress: Progress | None = None,
) -> None:
    """Create ``database``, fill it with ``patients`` patients, and give the login ``pgveil`` its rights and password.

    ``progress`` is called with the patients done so far and all of them. Raises EmbeddedPostgresError where the server
    cannot be reached or has the database already.
    """
    if not 1 <= patients <= MOST_PATIENTS:
        raise EmbeddedPostgresError(f"the clinic has between 1 and {MOST_PATIENTS} patients, not {patients}")
    try:
        async with _connected(server, "postgres") as admin:
            await admin.execute(f'CREATE DATABASE "{_identifier(database)}"')
        async with _connected(server, database) as connection:
            await connection.execute(files("proxy.demo").joinpath("schema.sql").read_text())
            await _fill(connection, patients, seed, progress)
            await _grant(connection, login_password)
            await connection.execute("REFRESH MATERIALIZED VIEW clinic.patients_per_zip")
            await connection.execute("VACUUM ANALYZE")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise EmbeddedPostgresError(f"the clinic could not be loaded: {error}") from error


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets to see: column names and rows, or the error's text in place of both."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    error: str | None = None


async def ask(server: Server, sql: str, database: str = DATABASE) -> Answer:
    """Run one statement as an ordinary client does, with a prepared statement and binary results."""
    try:
        async with _connected(server, database) as connection:
            statement = await connection.prepare(sql)
            rows = await statement.fetch()
            columns = tuple(attribute.name for attribute in statement.get_attributes())
            return Answer(columns, tuple(tuple(row) for row in rows))
    except asyncpg.PostgresError as error:
        return Answer(error=f"{error.sqlstate}: {error}")
    except (OSError, asyncpg.InterfaceError) as error:
        return Answer(error=f"no answer: {error}")


@contextlib.asynccontextmanager
async def _connected(server: Server, database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**server, database=database, timeout=20)
    try:
        yield connection
    finally:
        await connection.close()


async def _fill(connection: asyncpg.Connection, patients: int, seed: int, progress: Progress | None) -> None:
    async with connection.transaction():
        await _copy(connection, make_code_lists(seed))
        for first in range(1, patients + 1, CHUNK):
            last = min(first + CHUNK - 1, patients)
            await _copy(connection, make_patients(first, last, seed))
            if progress is not None:
                progress(last, patients)
            await asyncio.sleep(0)
        await _copy(connection, make_orders(seed))
        await connection.execute("SELECT setval('clinic.encounter_id_seq', max(encounter_id)) FROM clinic.encounters")


async def _copy(connection: asyncpg.Connection, batch: Batch) -> None:
    for table, rows in batch.rows.items():
        if rows:
            await _copy_rows(connection, table, rows)


async def _copy_rows(connection: asyncpg.Connection, table: str, rows: Sequence[Row]) -> None:
    schema, name = table.split(".")
    await connection.copy_records_to_table(name, schema_name=schema, columns=COLUMNS[table], records=rows)


async def _grant(connection: asyncpg.Connection, password: str) -> None:
    """The proxy's login reads everything, writes encounters, owns nothing and creates nothing."""
    async with connection.transaction():
        # Two clinics may be loaded into one server at once; roles belong to the server.
        await connection.execute("SELECT pg_advisory_xact_lock(7062651)")
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", LOGIN):
            await connection.execute(f"CREATE ROLE {LOGIN} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
        statement = await connection.fetchval(f"SELECT format('ALTER ROLE {LOGIN} PASSWORD %L', $1::text)", password)
        await connection.execute(statement)
        await connection.execute(GRANTS)


GRANTS = """
    GRANT USAGE ON SCHEMA clinic, sales, reference TO pgveil;
    GRANT SELECT ON ALL TABLES IN SCHEMA clinic, sales, reference TO pgveil;
    GRANT INSERT, UPDATE, DELETE ON clinic.encounters TO pgveil;
    GRANT USAGE ON SEQUENCE clinic.encounter_id_seq TO pgveil;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
"""


def _identifier(name: str) -> str:
    return name.replace('"', '""')
