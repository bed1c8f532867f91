"""The same relay in front of a real PostgreSQL: SCRAM, cancel, termination, large statements and results.

The PostgreSQL that the tests bring with them has no TLS; ``test_tls`` has a server of its own for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from proxy.demo.postgres import EmbeddedPostgres
from proxy.session.upstream_login import Account
from tests.adversity.conftest import Proxy, StartProxy
from tests.support.certificates import ServerFiles


def _account(server: EmbeddedPostgres) -> Account:
    return Account(server.user, server.password)


@asynccontextmanager
async def _connected(running: Proxy, **parameters: str) -> AsyncIterator[psycopg.AsyncConnection]:
    given = {"host": "127.0.0.1", "user": "ada", "password": "ada", "dbname": "postgres", "sslmode": "disable"}
    where = make_conninfo("", port=running.port, **(given | parameters))
    connection = await psycopg.AsyncConnection.connect(where, autocommit=True)
    try:
        yield connection
    finally:
        await connection.close()


async def test_unix_socket(proxy: StartProxy, postgres: EmbeddedPostgres) -> None:
    """A session over the server's Unix socket, logged in by SCRAM, says in the server's own view who asks."""
    running = await proxy(postgres.port, host=postgres.host, account=_account(postgres))
    async with _connected(
        running, application_name="reports", options="-c search_path=pg_catalog,public"
    ) as connection:
        row = await (
            await connection.execute("SELECT current_setting('application_name'), current_schemas(false)")
        ).fetchone()
        assert row == ("pgveil/analyst:ada reports", ["pg_catalog", "public"])
        assert connection.info.parameter_status("application_name") == "reports"
        assert connection.info.parameter_status("session_authorization") == "ada"
        assert connection.info.parameter_status("TimeZone") == "UTC"


async def test_tls_towards_the_client(proxy: StartProxy, postgres: EmbeddedPostgres, server_files: ServerFiles) -> None:
    """A real driver verifies our certificate, and reads many rows through TLS."""
    running = await proxy(postgres.port, host=postgres.host, tls=True, account=_account(postgres))
    secure = {"host": "localhost", "sslmode": "verify-full", "sslrootcert": str(server_files.ca)}
    async with _connected(running, **secure) as connection:
        query = "SELECT length(repeat('x', 1000)) FROM generate_series(1, 5000)"
        total = 0
        async for (size,) in connection.cursor().stream(query):
            total += size
        assert total == 5_000_000


async def test_tcp(proxy: StartProxy, postgres: EmbeddedPostgres) -> None:
    """The upstream is reached over TCP as well."""
    running = await proxy(postgres.port, host="localhost", account=_account(postgres))
    async with _connected(running) as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


async def test_wrong_account(proxy: StartProxy, postgres: EmbeddedPostgres, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal of our account is 57P03 without a word about it; our log has the server's words, not the password."""
    account = Account(postgres.user, "canary-password")
    running = await proxy(postgres.port, host=postgres.host, account=account)
    with pytest.raises(psycopg.OperationalError, match="could not log in to the upstream") as caught:
        async with _connected(running):
            pass
    assert "28P01" not in str(caught.value)
    assert "28P01" in caplog.text
    assert "canary" not in caplog.text


async def test_missing_database(proxy: StartProxy, postgres: EmbeddedPostgres) -> None:
    """The server's own words about a missing database reach the client: tools match them."""
    running = await proxy(postgres.port, host=postgres.host, account=_account(postgres))
    with pytest.raises(psycopg.OperationalError, match='database "nowhere" does not exist'):
        async with _connected(running, dbname="nowhere"):
            pass


async def test_bad_setting(proxy: StartProxy, postgres: EmbeddedPostgres) -> None:
    """A setting that the server refuses, and one that we refuse, are told by name."""
    running = await proxy(postgres.port, host=postgres.host, account=_account(postgres))
    for options, text in (("-c timezone=Mars", 'parameter "TimeZone"'), ("-c role=postgres", '"role" may not be set')):
        with pytest.raises(psycopg.OperationalError, match=text):
            async with _connected(running, options=options):
                pass


async def test_cancel(proxy: StartProxy, postgres: EmbeddedPostgres) -> None:
    """A real client's cancel request, itself over TLS, stops a real query, and the session goes on."""
    running = await proxy(postgres.port, host=postgres.host, tls=True, account=_account(postgres))
    async with _connected(running, sslmode="require") as connection:
        sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(30)"))
        await asyncio.sleep(0.3)
        await connection.cancel_safe(timeout=5)
        with pytest.raises(psycopg.errors.QueryCanceled):
            await asyncio.wait_for(sleeping, 10)
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


async def test_terminated_session(proxy: StartProxy, postgres: EmbeddedPostgres) -> None:
    """A session that an administrator terminates upstream ends for the client with the server's own error."""
    running = await proxy(postgres.port, host=postgres.host, account=_account(postgres))
    async with _connected(running) as victim, _connected(running) as admin:
        sleeping = asyncio.create_task(victim.execute("SELECT pg_sleep(30)"))
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        await asyncio.sleep(0.3)
        await admin.execute(query)
        with pytest.raises(psycopg.errors.AdminShutdown):
            await asyncio.wait_for(sleeping, 10)
        await running.sessions_become(1)


async def test_large_statements_and_rows(proxy: StartProxy, postgres: EmbeddedPostgres) -> None:
    """Statements of 3 MB and rows of 5 MB pass, by simple and extended protocol."""
    running = await proxy(postgres.port, host=postgres.host, account=_account(postgres))
    async with _connected(running) as connection:
        text = "é" * 1_500_000
        assert await (await connection.execute(f"SELECT length('{text}')")).fetchone() == (1_500_000,)
        assert await (await connection.execute("SELECT length(%s)", [text])).fetchone() == (1_500_000,)
        rows = await (await connection.execute("SELECT repeat('x', 5000000) FROM generate_series(1, 3)")).fetchall()
        assert [len(row[0]) for row in rows] == [5_000_000] * 3


async def test_server_that_stops(proxy: StartProxy) -> None:
    """A server that shuts down tells its clients, and what tries to log in afterwards is told 57P03 by us."""
    with EmbeddedPostgres() as server:
        running = await proxy(server.port, host=server.host, account=_account(server))
        async with _connected(running) as connection:
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            with pytest.raises(psycopg.OperationalError):
                await connection.execute("SELECT pg_sleep(30)")
            await stopping
        with pytest.raises(psycopg.OperationalError, match="upstream database"):
            async with _connected(running):
                pass
        await running.sessions_become(0)
