"""The proof that a statement ran on the catalog that it was planned for.

Owns: the comparison of that catalog with the newest one, and the words for a session that must end.
Must not know: sockets, how a catalog is looked at, what waits for the proof.
Invariant: a doubt is a failure: a session is never told that something is proven that was not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.catalog.snapshot import Snapshot
from proxy.catalog.store import CatalogStore
from proxy.errors import CatalogError, ProxyError, SessionEndedError
from proxy.planner.planner import Planner
from proxy.session.unproven import Unproven

_SERIALIZATION_FAILURE: Final = "40001"  # what retrying clients know


class CatalogProof:
    """Proofs for sessions on one database (implements ``net.ports.Proving``)."""

    def __init__(self, catalogs: CatalogStore, database: str) -> None:
        self._catalogs = catalogs
        self._database = database

    def prove(self, unproven: Unproven, done: Callable[[ProxyError | None], None]) -> None:
        """See ``Proving``."""
        self._catalogs.check(self._database, lambda found: done(_failure(unproven, found)))


def _failure(unproven: Unproven, found: Snapshot | CatalogError) -> ProxyError | None:
    if isinstance(found, CatalogError):
        return found
    planner = unproven.since
    if isinstance(planner, Planner) and planner.snapshot.agrees(found, unproven.relations):
        return None
    return SessionEndedError(
        "terminating connection because the catalog changed while a statement ran",
        sqlstate=_SERIALIZATION_FAILURE,
        detail="What the statement names is no longer what it was planned for, so its result was not delivered.",
        hint="Connect again and send it again.",
    )
