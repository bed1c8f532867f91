"""Whether a database's catalog is still what it was, asked cheaply.

Owns: the two questions (has any transaction been committed, has one changed the catalog) and when the second is asked.
Must not know: what a snapshot holds, policy, when it is asked.
Invariant: two readings have the same digest only if nothing that a snapshot is made of differs between them. What was
made and dropped again between two readings has left no row, and is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from proxy.catalog import queries


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``moment``: the transactions visible then, None where that says nothing. ``digest``: of the catalog's rows."""

    moment: str | None
    digest: str


class FingerprintReader:
    """Reads fingerprints on one connection, with statements prepared once."""

    def __init__(self, moment: PreparedStatement, digest: PreparedStatement) -> None:
        self._moment = moment
        self._digest = digest

    @classmethod
    async def on(cls, connection: asyncpg.Connection) -> FingerprintReader:
        """A reader on that connection. Raises what asyncpg does."""
        return cls(await connection.prepare(queries.MOMENT), await connection.prepare(queries.FINGERPRINT))

    async def read(self, known: Fingerprint | None) -> Fingerprint:
        """The fingerprint now; ``known`` itself where no transaction was committed since. Raises what asyncpg does."""
        if known is not None and known.moment is not None and await self._moment.fetchval() == known.moment:
            return known
        row = await self._digest.fetchrow()
        if row is None:
            raise asyncpg.InterfaceError("the catalog's fingerprint is not one row")
        return Fingerprint(row["moment"], row["digest"])
