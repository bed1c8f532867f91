"""Where handles are kept: a SQLite file that all proxies of one host share.

Owns: the file, its schema and permissions, and that what has expired is removed. Must not know: what a handle looks
like (only its digest comes here), who may have one. Invariant: nothing in the file lets anybody log in who reads it,
and nobody but the owner can write it; a row is never found after its expiry or its revocation, in whichever process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from proxy.errors import SettingsFileError
from proxy.identity.claims import Identity

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


class HandlesUnavailableError(Exception):
    """The file cannot be read or written now; the text says why and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class StoredHandle:
    """What a handle stands for. ``handle_id`` names it in public; ``signing_key`` is the thumbprint of the key that
    verified its token. Times are seconds since the epoch; the identity's ``expires_at`` is the handle's.
    """

    handle_id: str
    identity: Identity
    signing_key: str
    issued_at: float


class HandleStore:
    """The open file. Each call may block for some milliseconds and raise HandlesUnavailableError; one call at a time,
    from any thread.
    """

    def __init__(self, path: Path) -> None:
        """Make the file where it is missing. Raises SettingsFileError where it cannot be used."""
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
        """Close the file."""
        self._database.close()

    def add(self, digest: bytes, handle: StoredHandle, *, most: int) -> bool:
        """Keep a handle; False where the same person has ``most`` already."""
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
                    json.dumps(asdict(handle.identity)),
                    handle.signing_key,
                    handle.issued_at,
                    handle.identity.expires_at,
                ),
            )
        return True

    def find(self, digest: bytes, now: float) -> StoredHandle | None:
        """The live handle of this digest."""
        found = self._rows("digest = ? AND expires_at > ?", digest, now)
        return found[0] if found else None

    def live(self, now: float) -> list[StoredHandle]:
        """All that have not expired, the newest first."""
        return self._rows("expires_at > ? ORDER BY issued_at DESC", now)

    def revoke(self, handle_id: str, now: float) -> StoredHandle | None:
        """End a handle; returns what it was, None where there is none of this id."""
        with self._transaction():
            found = self._rows("id = ? AND expires_at > ?", handle_id, now)
            self._database.execute("DELETE FROM handles WHERE id = ?", (handle_id,))
        return found[0] if found else None

    def revoke_all(self, issuer: str, name: str, now: float) -> list[StoredHandle]:
        """End all of one person's; returns what they were."""
        with self._transaction():
            found = self._rows("issuer = ? AND name = ? AND expires_at > ?", issuer, name, now)
            self._database.execute("DELETE FROM handles WHERE issuer = ? AND name = ?", (issuer, name))
        return found

    def _rows(self, condition: str, *values: object) -> list[StoredHandle]:
        try:
            rows = self._database.execute(f"SELECT {_COLUMNS} FROM handles WHERE {condition}", values)  # noqa: S608
            return [_stored(*row) for row in rows]
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


def _stored(handle_id: str, identity: str, signing_key: str, issued_at: float) -> StoredHandle:
    fields = json.loads(identity)
    return StoredHandle(handle_id, Identity(**fields | {"roles": tuple(fields["roles"])}), signing_key, issued_at)
