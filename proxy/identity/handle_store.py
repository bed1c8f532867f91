"""Where handles are kept, as all who need them see it.

Owns: the questions that may be asked of a store, and what is kept of a handle. Must not know: where that is (a file, a
database), what a handle looks like (only its digest comes here), who may have one.
Invariant: nothing that a store keeps lets anybody log in who reads it; a row is never found after its expiry or its
revocation, whichever process asks.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Protocol

from proxy.identity.claims import Identity


class HandlesUnavailableError(Exception):
    """The store cannot be read or written now; the text says why and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class StoredHandle:
    """What a handle stands for. ``handle_id`` names it in public; ``signing_key`` is the thumbprint of the key that
    verified its token. Times are seconds since the epoch; the identity's ``expires_at`` is the handle's.
    """

    handle_id: str
    identity: Identity
    signing_key: str
    issued_at: float


class HandleStore(Protocol):
    """A store. Belongs to one event loop; every call but ``close`` may raise HandlesUnavailableError."""

    async def prepare(self) -> None:
        """Return if the store can be used now. Raises SettingsFileError where an administrator has to make it first."""

    async def add(self, digest: bytes, handle: StoredHandle, *, most: int) -> bool:
        """Keep a handle; False where the same person has ``most`` already."""

    async def find(self, digest: bytes, now: float) -> StoredHandle | None:
        """The live handle of this digest."""

    async def live(self, now: float) -> list[StoredHandle]:
        """All that have not expired, the newest first."""

    async def revoke(self, handle_id: str, now: float) -> StoredHandle | None:
        """End a handle; returns what it was, None where there is none of this id."""

    async def revoke_all(self, issuer: str, name: str, now: float) -> list[StoredHandle]:
        """End all of one person's; returns what they were."""

    async def close(self) -> None:
        """Finish what is under way."""


def identity_text(handle: StoredHandle) -> str:
    """The identity as a store keeps it (JSON)."""
    return json.dumps(asdict(handle.identity))


def stored_handle(handle_id: str, identity: str, signing_key: str, issued_at: float) -> StoredHandle:
    """A handle as it was kept. Raises ValueError, TypeError or KeyError where it was not kept by us."""
    fields = json.loads(identity)
    found = Identity(**fields | {"roles": tuple(fields["roles"])})
    texts = (found.issuer, found.name, *found.roles)
    optional = (found.subject, found.purpose, found.contract)
    if not (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(text, str | None) for text in optional)
        and isinstance(found.expires_at, float | int)
    ):
        raise TypeError("no identity")
    return StoredHandle(handle_id, found, signing_key, issued_at)
