"""The stored values that must not come out, and everything that a session was told.

Owns: the canaries, and a session that keeps all that it hears. Must not know: any attack.
Invariant: a canary is long enough never to stand in an answer by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import pq

from tests.support.postgres import Clinic
from tests.support.proxy_process import Connection, ProxyProcess

_SHORTEST = 6


def stored_canaries(clinic: Clinic) -> frozenset[str]:
    """The stored social security numbers, telephone numbers and longer names of the clinic's patients."""
    text = "SELECT unnest(ARRAY[ssn, phone, last_name]) FROM clinic.patients"
    with clinic.connect() as connection:
        rows = connection.execute(text).fetchall()
    return frozenset(value for (value,) in rows if value is not None and len(value) >= _SHORTEST)


@dataclass(slots=True)
class Listener:
    """One session as an analyst. ``heard`` is the text of all results, errors and notices."""

    connection: Connection
    heard: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def connect(cls, proxy: ProxyProcess, role: str = "analyst") -> Iterator[Listener]:
        """A new session, which ends with the block."""
        with proxy.connect(role) as connection:
            listener = cls(connection)
            connection.add_notice_handler(listener._notice)
            yield listener

    def ask(self, text: str) -> str:
        """Send one Query; returns the last statement's SQLSTATE, or its command tag."""
        result = self.connection.pgconn.exec_(text.encode())
        for row in range(result.ntuples):
            self.heard += [str(result.get_value(row, column)) for column in range(result.nfields)]
        said = [result.error_field(part) for part in pq.DiagnosticField]
        self.heard += [part.decode() for part in said if part is not None]
        code = result.error_field(pq.DiagnosticField.SQLSTATE)
        return (code or result.command_status or b"").decode()

    def leaked(self, canaries: frozenset[str], proxy: ProxyProcess) -> list[str]:
        """The canaries among all that was heard, or that the proxy has written, without regard to case."""
        everything = "\n".join([*self.heard, proxy.log(), str(proxy.journal()), proxy.metrics()]).lower()
        return sorted(canary for canary in canaries if canary.lower() in everything)

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self.heard += [str(diagnostic.message_primary), str(diagnostic.message_detail), str(diagnostic.context)]
