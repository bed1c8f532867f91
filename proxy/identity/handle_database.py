"""Handles in a PostgreSQL schema of their own, which proxies on several hosts share.

Owns: the schema and its versions, the connections to it, and that what has expired is removed. Must not know: what a
handle looks like, who may have one, the databases that are proxied.
Invariant: every answer is the database's own of that moment (nothing is remembered here); where there is none, it is
HandlesUnavailableError.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Final, TypeVar

import asyncpg

from proxy.errors import SettingsFileError
from proxy.identity.handle_store import HandlesUnavailableError, StoredHandle, identity_text, stored_handle

SCHEMA: Final = "pgveil_handles"
_VERSION: Final = 1
_CONNECTIONS: Final = 4
_SECONDS: Final = 5.0
_IDLE_SECONDS: Final = 60.0
_CLOCKS_DIFFER: Final = 3600.0  # rows are removed so long after their end, since another host's clock may be behind
_LOCK: Final = 7_236_113_940_912  # ours among advisory locks, for those who make the schema at once
_COLUMNS: Final = ("id", "identity", "signing_key", "issued_at")

# What makes version n out of n - 1.
_MIGRATIONS: Final = (
    """
CREATE SCHEMA IF NOT EXISTS pgveil_handles;
REVOKE ALL ON SCHEMA pgveil_handles FROM PUBLIC;
CREATE TABLE pgveil_handles.version (number integer NOT NULL);
INSERT INTO pgveil_handles.version VALUES (1);
CREATE TABLE pgveil_handles.handles (
    digest bytea PRIMARY KEY,
    id text NOT NULL UNIQUE,
    issuer text NOT NULL,
    name text NOT NULL,
    identity text NOT NULL,
    signing_key text NOT NULL,
    issued_at double precision NOT NULL,
    expires_at double precision NOT NULL
);
CREATE INDEX handles_of ON pgveil_handles.handles (issuer, name);
CREATE INDEX handles_until ON pgveil_handles.handles (expires_at);
""",
)
_GRANTS: Final = """GRANT USAGE ON SCHEMA pgveil_handles TO {user};
GRANT SELECT ON pgveil_handles.version TO {user};
GRANT SELECT, INSERT, DELETE ON pgveil_handles.handles TO {user};
"""

_FIND: Final = "SELECT * FROM pgveil_handles.handles WHERE digest = $1 AND expires_at > $2"
_LIVE: Final = "SELECT * FROM pgveil_handles.handles WHERE expires_at > $1 ORDER BY issued_at DESC"
_PURGE: Final = "DELETE FROM pgveil_handles.handles WHERE expires_at <= $1"
_ALONE: Final = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext($1), pg_catalog.hashtext($2))"
_COUNT: Final = "SELECT count(*) FROM pgveil_handles.handles WHERE issuer = $1 AND name = $2 AND expires_at > $3"
_ADD: Final = "INSERT INTO pgveil_handles.handles VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
_REVOKE: Final = "DELETE FROM pgveil_handles.handles WHERE id = $1 RETURNING *"
_REVOKE_ALL: Final = "DELETE FROM pgveil_handles.handles WHERE issuer = $1 AND name = $2 RETURNING *"
_MADE: Final = "SELECT pg_catalog.to_regclass('pgveil_handles.version') IS NOT NULL"
_NUMBER: Final = "SELECT number FROM pgveil_handles.version"

_MISSING: Final = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError)
_LOST: Final = (
    asyncpg.ConnectionDoesNotExistError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError,
    asyncpg.InterfaceError, ConnectionError,
)  # fmt: skip
_FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, TypeError, KeyError)

_NO_SCHEMA: Final = f"there is no schema {SCHEMA} of this version that this account may use"
_NEWER: Final = f"the schema {SCHEMA} was made by a newer version of pgveil"
_HOW: Final = "Make it with: pgveil handles init --config FILE"

_T = TypeVar("_T")
_Work = Callable[[Any], Awaitable[_T]]


class _UnfitError(HandlesUnavailableError):
    """The database has not what is needed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is. ``host`` may be the folder of a Unix socket; ``ssl`` False is none."""

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(default=None, repr=False)
    ssl: SSLContext | bool = False

    def parameters(self) -> dict[str, Any]:
        """As asyncpg names them."""
        return {
            "host": self.host, "port": self.port, "database": self.database, "user": self.user,
            "password": self.password or "", "ssl": self.ssl, "timeout": _SECONDS, "command_timeout": _SECONDS,
            "statement_cache_size": 0,  # a pooler in between may be in transaction mode
            "server_settings": {"application_name": "pgveil handles"},
        }  # fmt: skip


class HandleDatabase:
    """The store (see ``HandleStore``)."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._opening = asyncio.Lock()
        self._pool: Any = None
        self._closed = False

    async def prepare(self) -> None:
        """See ``HandleStore``."""
        try:
            await self._ask(lambda connection: connection.fetchval(_NUMBER), again=True)
        except _UnfitError as problem:
            raise SettingsFileError(f"handles.database: {problem}", hint=_HOW) from None

    async def add(self, digest: bytes, handle: StoredHandle, *, most: int) -> bool:
        """See ``HandleStore``."""
        who = (handle.identity.issuer, handle.identity.name)
        row = (identity_text(handle), handle.signing_key, handle.issued_at, handle.identity.expires_at)

        async def work(connection: Any) -> bool:
            async with connection.transaction():
                await connection.execute(_ALONE, *who)
                await connection.execute(_PURGE, handle.issued_at - _CLOCKS_DIFFER)
                if await connection.fetchval(_COUNT, *who, handle.issued_at) >= most:
                    return False
                await connection.execute(_ADD, digest, handle.handle_id, *who, *row)
            return True

        return await self._ask(work)

    async def find(self, digest: bytes, now: float) -> StoredHandle | None:
        """See ``HandleStore``."""
        found = await self._rows(_FIND, digest, now)
        return found[0] if found else None

    async def live(self, now: float) -> list[StoredHandle]:
        """See ``HandleStore``."""
        return await self._rows(_LIVE, now)

    async def revoke(self, handle_id: str, now: float) -> StoredHandle | None:
        """See ``HandleStore``."""
        found = await self._deleted(now, _REVOKE, handle_id)
        return found[0] if found else None

    async def revoke_all(self, issuer: str, name: str, now: float) -> list[StoredHandle]:
        """See ``HandleStore``."""
        return await self._deleted(now, _REVOKE_ALL, issuer, name)

    async def close(self) -> None:
        """See ``HandleStore``."""
        self._closed = True
        if self._pool is not None:
            self._pool.terminate()  # what is under way is a matter of milliseconds, and of logins that end now anyway

    async def _rows(self, text: str, *values: object) -> list[StoredHandle]:
        rows = await self._ask(lambda connection: connection.fetch(text, *values), again=True)
        return _stored(rows)

    async def _deleted(self, now: float, text: str, *values: object) -> list[StoredHandle]:
        rows = await self._ask(lambda connection: connection.fetch(text, *values))
        return _stored([row for row in rows if row["expires_at"] > now])

    async def _ask(self, work: _Work[_T], *, again: bool = False) -> _T:
        """``again``: once more where the connection turns out to be gone, which is good for what only reads."""
        try:
            async with (await self._opened()).acquire(timeout=_SECONDS) as connection:
                return await work(connection)
        except _LOST as problem:
            failure = problem
        except _MISSING:
            raise _UnfitError(_NO_SCHEMA) from None
        except _FAILURES as problem:
            raise HandlesUnavailableError(_in_words(problem)) from None
        if again and not self._closed:
            return await self._ask(work)
        raise HandlesUnavailableError(_in_words(failure))

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                if self._closed:
                    raise HandlesUnavailableError("closed")
                # No connection is opened here: each is, and is checked, when it is needed.
                self._pool = await asyncpg.create_pool(
                    **self._address.parameters(), min_size=0, max_size=_CONNECTIONS, init=_check_version,
                    max_inactive_connection_lifetime=_IDLE_SECONDS,
                )  # fmt: skip
        return self._pool


def statements(user: str) -> str:
    """The SQL that makes the schema, for an administrator to run, with the rights that ``user`` needs."""
    quoted = '"' + user.replace('"', '""') + '"'
    return "BEGIN;" + "".join(_MIGRATIONS) + _GRANTS.format(user=quoted) + "COMMIT;\n"


async def make_schema(address: Address) -> bool:
    """Make what is missing of the schema; False where nothing was. Raises SettingsFileError where that cannot be."""
    try:
        connection = await asyncpg.connect(**address.parameters())
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_catalog.pg_advisory_xact_lock($1)", _LOCK)
                there = await connection.fetchval(_NUMBER) if await connection.fetchval(_MADE) else 0
                if there > _VERSION:
                    raise SettingsFileError(f"handles.database: {_NEWER}")
                for migration in _MIGRATIONS[there:]:
                    await connection.execute(migration)
                return bool(there < _VERSION)
        finally:
            await connection.close(timeout=_SECONDS)
    except asyncpg.InsufficientPrivilegeError:
        raise SettingsFileError(
            f"handles.database: the account {address.user} may not make the schema {SCHEMA}",
            hint="Have an administrator run what this prints: pgveil handles init --sql --config FILE",
        ) from None
    except _FAILURES as problem:
        raise SettingsFileError(f"handles.database: the schema cannot be made: {_in_words(problem)}") from None


async def _check_version(connection: Any) -> None:
    number = await connection.fetchval(_NUMBER)
    if number != _VERSION:
        raise _UnfitError(_NEWER if number is not None and number > _VERSION else _NO_SCHEMA)


def _stored(rows: Sequence[Any]) -> list[StoredHandle]:
    try:
        return [stored_handle(*(row[name] for name in _COLUMNS)) for row in rows]
    except (ValueError, TypeError, KeyError) as problem:
        raise HandlesUnavailableError(_in_words(problem)) from None


def _in_words(problem: BaseException) -> str:
    """The kind of a failure: a server's text may hold values."""
    sqlstate = getattr(problem, "sqlstate", None)
    return f"SQLSTATE {sqlstate}" if isinstance(sqlstate, str) else type(problem).__name__
