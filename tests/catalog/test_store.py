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
    assert await store.get(clinic.database) is found[0]


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
    """While the server refuses us the last snapshot stays and checks fail; afterwards changes are seen again."""
    caplog.set_level(logging.INFO)
    database = new_database()
    before = await store.get(database)
    await seen.next()
    with clinic.connect(database="postgres") as connection:
        connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false'.encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
    assert isinstance(await looked(store, database), CatalogError)
    assert await store.get(database) is before
    assert "stays in use" in caplog.text
    assert clinic.login_password not in caplog.text
    with clinic.connect(database="postgres") as connection:
        connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true'.encode())
    with clinic.connect(database=database) as connection:
        connection.execute("CREATE TABLE sales.fresh (a int)")
    after = await looked(store, database)
    assert isinstance(after, Snapshot)
    assert ("sales", "fresh") in after.by_name
    assert await seen.next() is after
    assert "readable again" in caplog.text


async def test_a_dropped_database_is_forgotten(clinic: Clinic, new_database: NewDatabase, store: CatalogStore) -> None:
    """A database that is gone is watched no more, and asking for it says that it does not exist."""
    database = new_database()
    await store.get(database)
    with clinic.connect(database="postgres") as connection:
        connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)'.encode())
    async with asyncio.timeout(10):
        while database in store.databases:
            store.kick(database)
            await asyncio.sleep(0.01)
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


async def test_a_check_looks_after_the_question(
    clinic: Clinic, new_database: NewDatabase, store: CatalogStore, seen: Seen
) -> None:
    """A check sees what was committed before it was asked for, also where a look is under way."""
    database = new_database()
    before = await store.get(database)
    await seen.next()
    assert await looked(store, database) is before
    with clinic.connect(database=database) as connection:
        for number in range(20):
            store.kick(database)
            await asyncio.sleep(0.001 * (number % 4))
            connection.execute(f"ALTER TABLE sales.orders ADD COLUMN c{number} int".encode())
            found = await looked(store, database)
            assert isinstance(found, Snapshot)
            assert found.by_name["sales", "orders"].column(f"c{number}") is not None


async def test_checks_are_answered_together(clinic: Clinic, store: CatalogStore) -> None:
    """Many who ask at once are answered by one look."""
    before = await store.get(clinic.database)
    found = await asyncio.gather(*(looked(store, clinic.database) for _ in range(50)))
    assert all(snapshot is before for snapshot in found)


async def test_what_no_snapshot_holds_is_no_change(
    clinic: Clinic, new_database: NewDatabase, store: CatalogStore, seen: Seen
) -> None:
    """Temporary tables, indexes, privileges, TRUNCATE and statistics leave the snapshot as it is."""
    database = new_database()
    before = await store.get(database)
    await seen.next()
    with clinic.connect(database=database) as connection:
        for text in (
            "CREATE TEMP TABLE mine (a int PRIMARY KEY, b text)",
            "CREATE INDEX ON sales.orders (amount)",
            "GRANT SELECT ON sales.orders TO PUBLIC",
            "ANALYZE",
            "TRUNCATE sales.orders CASCADE",
        ):
            connection.execute(text.encode())
            assert await looked(store, database) is before
    assert seen.snapshots.empty()


@pytest.mark.parametrize(
    "changes",
    [
        ("ALTER TABLE sales.orders RENAME amount TO a", "ALTER TABLE sales.orders RENAME a TO amount"),
        ("ALTER TABLE sales.orders ADD extra int", "ALTER TABLE sales.orders DROP extra"),
        ("CREATE OR REPLACE VIEW sales.v AS SELECT 2 AS a", "CREATE OR REPLACE VIEW sales.v AS SELECT 1 AS a"),
    ],
)
async def test_a_change_that_was_undone_shows(
    clinic: Clinic, new_database: NewDatabase, store: CatalogStore, changes: tuple[str, str]
) -> None:
    """What was changed and changed back is not what it was, for the statements that name it and for no others."""
    database = new_database()
    with clinic.connect(database=database) as connection:
        connection.execute("CREATE VIEW sales.v AS SELECT 1 AS a")
        before = await store.get(database)
        for change in changes:
            connection.execute(change.encode())
    after = await looked(store, database)
    assert isinstance(after, Snapshot)
    assert not before.agrees(after, {"sales.orders", "sales.v"})
    assert before.agrees(after, {"sales.products"})


async def looked(store: CatalogStore, database: str) -> Snapshot | CatalogError:
    """What a check finds, within ten seconds."""
    found: asyncio.Future[Snapshot | CatalogError] = asyncio.get_running_loop().create_future()
    store.check(database, found.set_result)
    async with asyncio.timeout(10):
        return await found
