"""Handles in a SQLite file that all proxies of one host share.

Owns: the file, its schema and permissions, and that what has expired is removed. Must not know: what a handle looks
like, who may have one. Invariant: nobody but the owner can read or write the file.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from proxy.errors import SettingsFileError
from proxy.identity.handle_store import HandlesUnavailableError, StoredHandle, identity_text, stored_handle

_VERSION: Final = 1
_BUSY_SECONDS: Final = 2.0
_FORBIDDEN: Final = stat.S_IRWXG | stat.S_IRWXO
_SCHEMA: Final = """
CREATE TABLE handles (
    digest BLOB PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    name TEXT NOT NULL,
    identity TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    issued_at REAL NOT NULL,
    expires_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX handles_of ON handles (issuer, name);
CREATE INDEX handles_until ON handles (expires_at);
"""
_COLUMNS: Final = "id, identity, signing_key, issued_at"


_T = TypeVar("_T")


class HandleFile:
    """The store (see ``HandleStore``). The file is read and written in a thread of its own."""

    def __init__(self, path: Path) -> None:
        """Make the file where it is missing. Raises SettingsFileError where it cannot be used."""
        self._file = _File(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="handles")

    async def prepare(self) -> None:
        """See ``HandleStore``."""
        await self._in_thread(lambda: self._file.live(float("inf")))

    async def add(self, digest: bytes, handle: StoredHandle, *, most: int) -> bool:
        """See ``HandleStore``."""
        return await self._in_thread(lambda: self._file.add(digest, handle, most=most))

    async def find(self, digest: bytes, now: float) -> StoredHandle | None:
        """See ``HandleStore``."""
        return await self._in_thread(lambda: self._file.find(digest, now))

    async def live(self, now: float) -> list[StoredHandle]:
        """See ``HandleStore``."""
        return await self._in_thread(lambda: self._file.live(now))

    async def revoke(self, handle_id: str, now: float) -> StoredHandle | None:
        """See ``HandleStore``."""
        return await self._in_thread(lambda: self._file.revoke(handle_id, now))

    async def revoke_all(self, issuer: str, name: str, now: float) -> list[StoredHandle]:
        """See ``HandleStore``."""
        return await self._in_thread(lambda: self._file.revoke_all(issuer, name, now))

    async def close(self) -> None:
        """See ``HandleStore``."""
        await asyncio.to_thread(self._thread.shutdown)
        self._file.close()

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError:
            raise HandlesUnavailableError("closed") from None


class _File:
    """The open file. Each call may block for some milliseconds and raise HandlesUnavailableError; one call at a time,
    from any thread.
    """

    def __init__(self, path: Path) -> None:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            if path.stat().st_mode & _FORBIDDEN:
                raise SettingsFileError(
                    f"{path}: other users may read or write this file, and who writes it can log in as anybody",
                    hint=f"chmod 600 {path}",
                )
            self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._prepare(path)
        except OSError as problem:
            raise SettingsFileError(f"{path}: cannot be opened: {problem.strerror}") from None
        except sqlite3.Error as problem:
            raise SettingsFileError(f"{path}: cannot be used ({type(problem).__name__})") from None

    def _prepare(self, path: Path) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")  # a revocation must survive a power cut
        self._database.execute("PRAGMA secure_delete = ON")
        with self._transaction():
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise SettingsFileError(f"{path}: was written by another version of pgveil")

    def close(self) -> None:
        self._database.close()

    def add(self, digest: bytes, handle: StoredHandle, *, most: int) -> bool:
        who = (handle.identity.issuer, handle.identity.name)
        with self._transaction():
            self._database.execute("DELETE FROM handles WHERE expires_at <= ?", (handle.issued_at,))
            (count,) = self._database.execute(
                "SELECT count(*) FROM handles WHERE issuer = ? AND name = ?", who
            ).fetchone()
            if count >= most:
                return False
            self._database.execute(
                "INSERT INTO handles VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    digest,
                    handle.handle_id,
                    *who,
                    identity_text(handle),
                    handle.signing_key,
                    handle.issued_at,
                    handle.identity.expires_at,
                ),
            )
        return True

    def find(self, digest: bytes, now: float) -> StoredHandle | None:
        found = self._rows("digest = ? AND expires_at > ?", digest, now)
        return found[0] if found else None

    def live(self, now: float) -> list[StoredHandle]:
        return self._rows("expires_at > ? ORDER BY issued_at DESC", now)

    def revoke(self, handle_id: str, now: float) -> StoredHandle | None:
        with self._transaction():
            found = self._rows("id = ? AND expires_at > ?", handle_id, now)
            self._database.execute("DELETE FROM handles WHERE id = ?", (handle_id,))
        return found[0] if found else None

    def revoke_all(self, issuer: str, name: str, now: float) -> list[StoredHandle]:
        with self._transaction():
            found = self._rows("issuer = ? AND name = ? AND expires_at > ?", issuer, name, now)
            self._database.execute("DELETE FROM handles WHERE issuer = ? AND name = ?", (issuer, name))
        return found

    def _rows(self, condition: str, *values: object) -> list[StoredHandle]:
        try:
            rows = self._database.execute(f"SELECT {_COLUMNS} FROM handles WHERE {condition}", values)  # noqa: S608
            return [stored_handle(*row) for row in rows]
        except (sqlite3.Error, ValueError, TypeError, KeyError) as problem:
            raise HandlesUnavailableError(type(problem).__name__) from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as problem:
            raise HandlesUnavailableError(type(problem).__name__) from None
