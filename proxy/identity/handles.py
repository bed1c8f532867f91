"""Handles: short passwords that stand for a verified token, for tools that cut long ones.

Owns: what a handle looks like, making, finding and ending them. Must not know: HTTP, the journal, who is let in.
Invariant: a handle lives no longer than its token; it is random, is known whole to its holder only (the store has a
digest), and no error, log line or ``repr`` holds any part of it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from proxy.identity.claims import Identity
from proxy.identity.handle_store import HandleStore, StoredHandle

PREFIX: Final = "pgv1_"
_RANDOM_BYTES: Final = 32  # so many that a plain digest of them cannot be searched for
_SHAPE: Final = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}", re.ASCII)
_ID_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Issued:
    """A new handle, told once."""

    handle: str = field(repr=False)
    stored: StoredHandle


class Handles:
    """The handles of one store. Belongs to one event loop.

    Every call but ``close`` may raise HandlesUnavailableError.
    """

    def __init__(
        self,
        store: HandleStore,
        *,
        max_lifetime: float,
        max_per_principal: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``max_lifetime`` in seconds; ``clock`` gives seconds since the epoch."""
        self._store = store
        self._max_lifetime = max_lifetime
        self._most = max_per_principal
        self._clock = clock

    async def prepare(self) -> None:
        """Return if handles can be looked up now. Raises SettingsFileError where the store has to be made first."""
        await self._store.prepare()

    async def close(self) -> None:
        """Finish what is under way and close the store."""
        await self._store.close()

    async def issue(self, identity: Identity, signing_key: str, lifetime: float | None = None) -> Issued | None:
        """A new handle for a verified identity; None where its bearer has too many.

        It lives ``lifetime`` seconds, or less where the settings or the token say so.
        """
        now = self._clock()
        longest = min(self._max_lifetime, self._max_lifetime if lifetime is None else lifetime)
        handle = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        digest = _digest(handle)
        limited = replace(identity, expires_at=min(identity.expires_at, now + longest))
        stored = StoredHandle(digest.hex()[:_ID_DIGITS], limited, signing_key, now)
        kept = await self._store.add(digest, stored, most=self._most)
        return Issued(handle, stored) if kept else None

    async def find(self, handle: str) -> StoredHandle | None:
        """What a handle stands for, None where it is unknown, expired or revoked."""
        if not _SHAPE.fullmatch(handle):
            return None
        return await self._store.find(_digest(handle), self._clock())

    async def revoke(self, handle_id: str) -> StoredHandle | None:
        """End the handle with this public id."""
        return await self._store.revoke(handle_id, self._clock())

    async def revoke_all(self, identity: Identity) -> list[StoredHandle]:
        """End all of one person's."""
        return await self._store.revoke_all(identity.issuer, identity.name, self._clock())


def is_handle(password: str) -> bool:
    """Whether a password means to be a handle. (A token has dots, and a handle has none.)"""
    return password.startswith(PREFIX)


def _digest(handle: str) -> bytes:
    return hashlib.sha256(handle.encode("ascii")).digest()
