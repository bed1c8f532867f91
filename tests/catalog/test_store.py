"""The store of snapshots against a real server: one reading for many, refresh, and a server that comes and goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from psycopg import sql

from proxy.catalog.introspect import ConnectParameters
from proxy.catalog.snapshot import Snapshot
from proxy.catalog.store import CatalogStore
from proxy.errors import CatalogError
from tests.support.postgres import Clinic, NewDatabase


class Seen:
    """Takes the announcements of a store, and can wait for the next one."""

    def __init__(self) -> None:
        self.snapshots: asyncio.Queue[Snapshot] = asyncio.Queue()

    def __call__(self, snapshot: Snapshot) -> None:
        self.snapshots.put_nowait(snapshot)

    async def next(self) -> Snapshot:
        """The next announcement, within ten seconds."""
        async with asyncio.timeout(10):
            return await self.snapshots.get()


def parameters_of(clinic: Clinic) -> ConnectParameters:
    """The proxy's own login."""
    where = clinic.proxy_login()
    return ConnectParameters(host=where["host"], port=where["port"], user=where["user"], password=where["password"])


@pytest.fixture
def seen() -> Seen:
    """Announcements."""
    return Seen()


@pytest.fixture
async def store(clinic: Clinic, seen: Seen) -> AsyncIterator[CatalogStore]:
    """A store that looks again only when it is kicked."""
    made = CatalogStore(parameters_of(clinic), refresh_seconds=3600, on_change=seen)
    yield made
    await made.close()


async def test_one_reading_for_all_who_ask(clinic: Clinic, store: CatalogStore, seen: Seen) -> None:
    """Callers that come while the first reading runs get its result."""
    found = await asyncio.gather(*(store.get(clinic.database) for _ in range(20)))
    assert all(snapshot is found[0] for snapshot in found)
    assert await seen.next() is found[0]
    assert seen.snapshots.empty()
    assert store.latest(clinic.database) is found[0]
    assert store.healthy


async def test_a_caller_that_gives_up_takes_nothing_along(clinic: Clinic, store: CatalogStore) -> None:
    """Cancelling one of the callers leaves the reading to the others."""
    first = asyncio.create_task(store.get(clinic.database))
    second = asyncio.create_task(store.get(clinic.database))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).database == clinic.database
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_kick_reads_a_change(clinic: Clinic, new_database: NewDatabase, store: CatalogStore, seen: Seen) -> None:
    """After a kick the changed catalog is announced, and it is what the next reader gets."""
    database = new_database()
    before = await store.get(database)
    assert await seen.next() is before
    with clinic.connect(database=database) as connection:
        connection.execute("CREATE TABLE sales.fresh (a int)")
    store.kick(database)
    after = await seen.next()
    assert ("sales", "fresh") in after.by_name
    assert after.version != before.version
    assert await store.get(database) is after


async def test_regular_refresh(clinic: Clinic, new_database: NewDatabase, seen: Seen) -> None:
    """A change is found without a kick; where nothing changed nothing is announced."""
    database = new_database()
    store = CatalogStore(parameters_of(clinic), refresh_seconds=0.05, on_change=seen)
    try:
        await store.get(database)
        await seen.next()
        with clinic.connect(database=database) as connection:
            connection.execute("ALTER TABLE sales.orders RENAME COLUMN amount TO total")
        renamed = await seen.next()
        assert renamed.by_name["sales", "orders"].column("total") is not None
        assert seen.snapshots.empty()
    finally:
        await store.close()


async def test_a_lost_connection_is_made_again(
    clinic: Clinic, new_database: NewDatabase, store: CatalogStore, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    """While the server refuses us the last snapshot stays and the store says so; afterwards changes are seen again."""
    caplog.set_level(logging.INFO)
    database = new_database()
    before = await store.get(database)
    await seen.next()
    with clinic.connect(database="postgres") as connection:
        connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false'.encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
    store.kick(database)
    await until_health(store, healthy=False)
    assert await store.get(database) is before
    assert "stays in use" in caplog.text
    assert clinic.login_password not in caplog.text
    with clinic.connect(database="postgres") as connection:
        connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true'.encode())
    with clinic.connect(database=database) as connection:
        connection.execute("CREATE TABLE sales.fresh (a int)")
    store.kick(database)
    assert ("sales", "fresh") in (await seen.next()).by_name
    assert store.healthy


async def test_a_dropped_database_is_forgotten(clinic: Clinic, new_database: NewDatabase, store: CatalogStore) -> None:
    """A database that is gone does not make the store unhealthy, and asking for it says that it does not exist."""
    database = new_database()
    await store.get(database)
    with clinic.connect(database="postgres") as connection:
        connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)'.encode())
    async with asyncio.timeout(10):
        while database in store.databases:
            store.kick(database)
            await asyncio.sleep(0.01)
    assert store.healthy
    with pytest.raises(CatalogError) as raised:
        await store.get(database)
    assert raised.value.sqlstate == "3D000"


async def test_a_failed_first_reading_is_tried_again(clinic: Clinic, new_database: NewDatabase) -> None:
    """A database that could not be read at first can be, once it exists."""
    store = CatalogStore(parameters_of(clinic))
    try:
        with pytest.raises(CatalogError):
            await store.get("not_yet")
        with clinic.connect(database="postgres") as connection:
            connection.execute("CREATE DATABASE not_yet")
        assert (await store.get("not_yet")).relations == ()
    finally:
        await store.close()
        with clinic.connect(database="postgres") as connection:
            connection.execute("DROP DATABASE IF EXISTS not_yet")


async def test_a_listener_that_fails_is_logged(clinic: Clinic, caplog: pytest.LogCaptureFixture) -> None:
    """A listener's exception neither reaches the reader nor stops the refresh."""

    def fail(_: Snapshot) -> None:
        raise RuntimeError("does not fit")

    store = CatalogStore(parameters_of(clinic), on_change=fail)
    try:
        assert (await store.get(clinic.database)).database == clinic.database
    finally:
        await store.close()
    assert "was not taken over" in caplog.text


async def test_closed_store_refuses(clinic: Clinic, store: CatalogStore) -> None:
    """After close nothing is read and no connection is left."""
    await store.get(clinic.database)
    await store.close()
    with pytest.raises(CatalogError):
        await store.get(clinic.database)
    with clinic.connect(database="postgres") as connection:
        count = sql.SQL(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgveil catalog' AND datname = {}"
        ).format(clinic.database)  # a proxy of other tests may watch databases of its own
        async with asyncio.timeout(10):
            while connection.execute(count).fetchone() != (0,):  # noqa: ASYNC110 - the server ends them in its own time
                await asyncio.sleep(0.01)


async def until_health(store: CatalogStore, *, healthy: bool) -> None:
    """Wait until the store says so, ten seconds at most."""
    async with asyncio.timeout(10):
        while store.healthy is not healthy:  # noqa: ASYNC110 - the store tells nobody, it is asked
            await asyncio.sleep(0.01)
