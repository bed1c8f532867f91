"""What the conversation knows of the session's effective search path.

Owns: when the path must be asked for again, and the question. Must not know: policy, how statements are planned.
Invariant: ``known`` is True only while ``current`` is what the server would answer after every statement that was sent
and may have changed it; a change is noted when it is sent, not when it is answered.
"""

from __future__ import annotations

from typing import Final

from proxy.errors import UpstreamProtocolError
from proxy.planner.plan import Plan, StatementKind
from proxy.wire.frontend import Bind, Close, Execute, Parse

# One row for each schema, in order, so that no array literal has to be taken apart.
_QUESTION: Final = (
    b"SELECT u.s FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS u(s, n) ORDER BY u.n"
)
_NO_PARAMETERS: Final = bytes(6)  # no formats, no values, no result formats


class SearchPath:
    """The path, as ``current_schemas(false)`` gives it.

    ``touched``: the session changed it, and the end of a transaction may change it back. ``failed``: the last question
    was not answered. ``asked_in_flight``: the answer was given inside an implicit transaction that is still open.
    ``for_query``: a Query waits for the answer. ``needs_sync``: the question failed inside the client's flight, and a
    Sync of ours must end the server's skipping before that Query.
    """

    __slots__ = ("_rows", "asked_in_flight", "current", "failed", "for_query", "known", "needs_sync", "touched")

    def __init__(self, current: tuple[str, ...]) -> None:
        self.current = current
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
        """One schema of the answer. Raises UpstreamProtocolError where it cannot be one."""
        if len(cells) != 1 or cells[0] is None:
            raise UpstreamProtocolError("unexpected answer to the question about the search path")
        try:
            self._rows.append(cells[0].decode())
        except UnicodeDecodeError:
            raise UpstreamProtocolError("a schema's name is not UTF-8") from None

    def answered(self, *, in_flight: bool, in_transaction: bool) -> bool:
        """The answer is complete; says whether the path is another than before."""
        path, self._rows = tuple(self._rows), []
        changed = path != self.current
        self.current = path
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
