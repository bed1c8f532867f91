"""What the conversation knows of the settings that planning depends on: the search path, and who was set to ask.

Owns: when they must be asked for again, and the question. Must not know: policy, how statements are planned.
Invariant: ``known`` is True only while ``current`` and ``asker`` are what the server would answer after every statement
that was sent and may have changed them; a change is noted when it is sent, not when it is answered.
"""

from __future__ import annotations

from typing import Final

from proxy.errors import UpstreamProtocolError
from proxy.planner.plan import Plan, StatementKind
from proxy.wire.frontend import Bind, Close, Execute, Parse

# ``current_schemas(true)``, as an array of texts. The schema of the session's temporary relations stays in the path
# when they are gone; it is left out where it is empty.
SCHEMAS: Final = (
    "ARRAY(SELECT p.s::pg_catalog.text"
    " FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS p(s, n)"
    " WHERE CASE WHEN pg_catalog.starts_with(p.s::pg_catalog.text, 'pg_temp_') THEN EXISTS (SELECT FROM"
    " pg_catalog.pg_class c WHERE c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema())"
    " ELSE true END ORDER BY p.n)"
)
# First the token's reference, then one row for each schema, in order, so that no array literal has to be taken apart.
_QUESTION: Final = (
    "SELECT u.s FROM pg_catalog.unnest(pg_catalog.array_prepend(pg_catalog.current_setting('pgveil.token', true),"  # noqa: S608 - constants only
    f" {SCHEMAS})) WITH ORDINALITY AS u(s, n) ORDER BY u.n"
).encode()
_NO_PARAMETERS: Final = bytes(6)  # no formats, no values, no result formats


class SearchPath:
    """The path, as ``current_schemas(true)`` gives it, and ``asker``, the reference that ``pgveil.token`` is set to.

    ``touched``: the session changed them, and the end of a transaction may change them back. ``failed``: the last
    question was not answered. ``asked_in_flight``: the answer was given inside an implicit transaction that is still
    open. ``for_query``: a Query waits for the answer. ``needs_sync``: the question failed inside the client's flight,
    and a Sync of ours must end the server's skipping before that Query.
    """

    __slots__ = (
        "_rows",
        "asked_in_flight",
        "asker",
        "current",
        "failed",
        "for_query",
        "known",
        "needs_sync",
        "touched",
    )

    def __init__(self, current: tuple[str, ...]) -> None:
        self.current = current
        self.asker = ""
        self.known = True
        self.touched = False
        self.failed = False
        self.asked_in_flight = False
        self.for_query = False
        self.needs_sync = False
        self._rows: list[str] = []

    def sent(self, plan: Plan) -> None:
        """A statement that may change the path (``effects.search_path``) is on its way."""
        if plan.kind is not StatementKind.TRANSACTION:
            self.touched = True
        if self.touched:
            # The end of a transaction undoes SET LOCAL, and ROLLBACK any SET; without one it changes nothing.
            self.known = False

    def reported(self) -> None:
        """The server reported a new search_path (PostgreSQL 18 and later)."""
        self.touched = True
        self.known = False

    def flight_ended(self) -> None:
        """A Sync is on its way: what an implicit transaction set locally ends with it."""
        if self.asked_in_flight:
            self.asked_in_flight = False
            self.known = False

    def row(self, cells: tuple[bytes | None, ...]) -> None:
        """One row of the answer. Raises UpstreamProtocolError where it cannot be one."""
        if len(cells) != 1 or (cells[0] is None and self._rows):
            raise UpstreamProtocolError("unexpected answer to the question about the search path")
        try:
            self._rows.append((cells[0] or b"").decode())
        except UnicodeDecodeError:
            raise UpstreamProtocolError("a schema's name is not UTF-8") from None

    def answered(self, *, in_flight: bool, in_transaction: bool) -> tuple[bool, bool]:
        """The answer is complete; says whether the path, and whether who asks, is another than before.

        Raises UpstreamProtocolError.
        """
        rows, self._rows = self._rows, []
        if not rows:
            raise UpstreamProtocolError("unexpected answer to the question about the search path")
        asker, path = rows[0], tuple(rows[1:])
        changed = (path != self.current, asker != self.asker)
        self.current, self.asker = path, asker
        self.known = True
        self.failed = False
        self.asked_in_flight = in_flight and not in_transaction
        # Outside any transaction nothing is left that its end could undo.
        if not in_flight and not in_transaction:
            self.touched = False
        return changed

    def unanswered(self, *, final: bool) -> None:
        """The question failed; ``final``: do not ask again for the message that waits."""
        self._rows = []
        self.failed = final


def question(name: bytes) -> bytes:
    """The messages that ask for the path: Parse, Bind, Execute, Close of the portal and of the statement."""
    return b"".join(
        (
            Parse(name, _QUESTION).encode(),
            Bind(name, name, _NO_PARAMETERS).encode(),
            Execute(name).encode(),
            Close(b"P", name).encode(),
            Close(b"S", name).encode(),
        )
    )
