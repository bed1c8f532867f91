"""Keeps the newest snapshot of each database that sessions use.

Owns: when a catalog is looked at and read again. Must not know: policy, sessions, how a catalog is read.
Invariant: a database's first reader waits for a snapshot or fails; afterwards there is always one, at worst an old one.
An answer to ``check`` comes from a look that began after the question. For each database one look runs at a time; all
who ask while it runs are answered by the next one together.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg

from proxy.catalog.fingerprint import Fingerprint, FingerprintReader
from proxy.catalog.introspect import (
    CONNECTION_ERRORS,
    ConnectParameters,
    Servers,
    catalog_error,
    connect,
    read_snapshot,
)
from proxy.catalog.snapshot import Snapshot
from proxy.errors import CatalogError

log = logging.getLogger(__name__)

OnChange = Callable[[Snapshot], None]
OnChecked = Callable[[Snapshot | CatalogError], None]

REFRESH_SECONDS = 1.0


@dataclass(slots=True)
class _Watched:
    """One database: its newest snapshot, the connection kept for looking again, the task that does, and who waits."""

    database: str
    connection: asyncpg.Connection | None = None
    reader: FingerprintReader | None = None
    fingerprint: Fingerprint | None = None
    snapshot: Snapshot | None = None
    waiting: list[OnChecked] = field(default_factory=list)
    failure: CatalogError | None = None
    kicked: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class CatalogStore:
    """Snapshots by database, refreshed in the background every ``refresh_seconds``.

    ``on_change`` is called in the event loop with each new snapshot that differs from the one before (the first one
    included); what it raises is logged. All methods belong to one event loop.
    """

    def __init__(
        self,
        parameters: ConnectParameters | Servers,
        *,
        refresh_seconds: float = REFRESH_SECONDS,
        on_change: OnChange | None = None,
    ) -> None:
        self._parameters = parameters
        self._refresh_seconds = refresh_seconds
        self._on_change = on_change
        self._watched: dict[str, _Watched] = {}
        self._first: dict[str, asyncio.Task[Snapshot]] = {}
        self._closed = False

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases that are watched."""
        return tuple(self._watched)

    async def get(self, database: str) -> Snapshot:
        """The newest snapshot; the first use of a database reads it, once for all who ask meanwhile.

        Raises CatalogError when it has never been read and cannot be now (3D000 for an unknown database).
        """
        if self._closed:
            raise _shutting_down()
        watched = self._watched.get(database)
        if watched is not None and watched.snapshot is not None:
            return watched.snapshot
        task = self._first.get(database)
        if task is None:
            task = asyncio.create_task(self._read_first(database), name=f"catalog of {database}")
            self._first[database] = task
            task.add_done_callback(lambda done: self._first_done(database, done))
        # A caller that gives up must not take the others' reading with it.
        return await asyncio.shield(task)

    def kick(self, database: str) -> None:
        """Look again now (for instance after a statement failed on a name that the snapshot has)."""
        watched = self._watched.get(database)
        if watched is not None:
            watched.kicked.set()

    def check(self, database: str, done: OnChecked) -> None:
        """Call ``done`` with the newest snapshot as a look finds it that begins after this call, or with the failure.

        ``done`` is called from the event loop, after ``on_change`` where the catalog has changed.
        """
        watched = self._watched.get(database)
        if watched is None:
            done(CatalogError(f'the catalog of database "{database}" is not known'))
            return
        watched.waiting.append(done)
        watched.kicked.set()

    async def close(self) -> None:
        """End all background work and connections."""
        self._closed = True
        tasks = [w.task for w in self._watched.values() if w.task is not None]
        running: list[asyncio.Task[None] | asyncio.Task[Snapshot]] = [*tasks, *self._first.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for watched in self._watched.values():
            await self._disconnect(watched)
            for done in watched.waiting:
                done(_shutting_down())
        self._watched.clear()

    async def _read_first(self, database: str) -> Snapshot:
        watched = _Watched(database)
        try:
            snapshot = await self._look(watched)
        except BaseException as error:
            await self._disconnect(watched)
            if isinstance(error, CONNECTION_ERRORS):
                raise catalog_error(database, error) from error
            raise
        self._watched[database] = watched
        watched.task = asyncio.create_task(self._watch(watched), name=f"refresh of {database}")
        return snapshot

    def _first_done(self, database: str, done: asyncio.Task[Snapshot]) -> None:
        self._first.pop(database, None)
        if not done.cancelled():
            done.exception()  # marks it as seen where every caller has gone

    async def _watch(self, watched: _Watched) -> None:
        """Look again and again; a failure keeps what we have."""
        while watched.database in self._watched:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._refresh_seconds):
                    await watched.kicked.wait()
            watched.kicked.clear()
            waiting, watched.waiting = watched.waiting, []
            found = await self._look_again(watched)
            for done in waiting:
                asyncio.get_running_loop().call_soon(done, found)

    async def _look_again(self, watched: _Watched) -> Snapshot | CatalogError:
        try:
            return await self._look(watched)
        except asyncpg.InvalidCatalogNameError as error:
            # Dropped: no session can be in it any more, and a new database of that name starts afresh.
            log.info("database %s is gone", watched.database)
            await self._disconnect(watched)
            self._watched.pop(watched.database, None)
            return catalog_error(watched.database, error)
        except CONNECTION_ERRORS as error:
            return await self._failed(watched, error)
        except Exception as error:
            log.exception("the catalog of database %s could not be understood", watched.database)
            return await self._failed(watched, error)

    async def _look(self, watched: _Watched) -> Snapshot:
        """Read the catalog if its fingerprint says so, and make the result the newest snapshot."""
        fingerprint = await self._fingerprint(watched)
        snapshot, known = watched.snapshot, watched.fingerprint
        if snapshot is None or known is None or fingerprint.digest != known.digest:
            snapshot = await read_snapshot(await self._connected(watched))
        # Read before the catalog: a change in between is then seen again at the next look, never missed.
        watched.fingerprint = fingerprint
        if watched.failure is not None:
            log.info("the catalog of database %s is readable again", watched.database)
            watched.failure = None
        before = watched.snapshot
        if before is not None and before.version == snapshot.version:
            return before
        watched.snapshot = snapshot
        self._announce(snapshot)
        return snapshot

    async def _fingerprint(self, watched: _Watched) -> Fingerprint:
        if watched.connection is not None:
            try:
                return await self._read_fingerprint(watched)
            except CONNECTION_ERRORS:
                await self._disconnect(watched)  # the server may have been restarted since the last look
        return await self._read_fingerprint(watched)

    async def _read_fingerprint(self, watched: _Watched) -> Fingerprint:
        connection = await self._connected(watched)
        if watched.reader is None:
            watched.reader = await FingerprintReader.on(connection)
        return await watched.reader.read(watched.fingerprint)

    async def _connected(self, watched: _Watched) -> asyncpg.Connection:
        if watched.connection is None or watched.connection.is_closed():
            await self._disconnect(watched)
            watched.connection = await connect(self._parameters, watched.database)
        return watched.connection

    def _announce(self, snapshot: Snapshot) -> None:
        if self._on_change is None:
            return
        try:
            self._on_change(snapshot)
        except Exception:
            log.exception("a change of the catalog of database %s was not taken over", snapshot.database)

    async def _failed(self, watched: _Watched, error: Exception) -> CatalogError:
        failure = catalog_error(watched.database, error)
        if watched.failure is None:
            log.warning("%s; the last snapshot stays in use. %s", failure.message, failure.detail)
        watched.failure = failure
        await self._disconnect(watched)
        return failure

    async def _disconnect(self, watched: _Watched) -> None:
        connection, watched.connection, watched.reader = watched.connection, None, None
        # What was visible to another connection may have been visible on another server.
        watched.fingerprint = None
        if connection is not None:
            with contextlib.suppress(*CONNECTION_ERRORS):
                await connection.close(timeout=2.0)


def _shutting_down() -> CatalogError:
    return CatalogError("the proxy is shutting down", sqlstate="57P01")
