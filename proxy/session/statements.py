"""Prepared statements and portals: what each name stands for upstream.

Owns: the two name spaces, which the protocol and SQL share (PREPARE, DEALLOCATE, DECLARE, CLOSE).
Must not know: how messages are framed, how a plan is made.
Invariant: ``confirmed`` and ``portals`` change only when the server's reply says so, in the order of its replies, so
they are what the server has; what was sent and not yet answered is kept apart, and dropped where the server skips it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from proxy.planner.plan import Plan, StatementKind
from proxy.session.edge import AS_IT_IS, Edge, Untreated

if TYPE_CHECKING:
    from proxy.session.replies import Owed

# The result of these is fixed when they are prepared ("cached plan must not change result type"). That of the others
# depends on something else: FETCH on what its cursor is when it runs, EXECUTE on another prepared statement.
_FIXED_RESULT: Final = frozenset({StatementKind.SELECT, StatementKind.WRITE})
NEVER: Final = -1


class Statement:
    """One prepared statement.

    ``text``: the client's. ``sent``: the text that was sent upstream, None where the server has none now.
    ``parameter_types``: the end of the Parse message, as sent. ``plan``: None for an empty text.
    ``epoch``: the conversation's when it was planned; NEVER makes it be planned again.
    ``checked``: its result's columns were seen and may be shown. ``has_rows``: they are at least one, and ``edge`` is
    how its rows are treated.
    ``plain``: its messages and rows pass as they are, and running it changes nothing else that the session keeps.
    ``described_in``: the flight in which a Describe of it was last sent.
    """

    __slots__ = (
        "bind_entry",
        "changes_path",
        "checked",
        "described_in",
        "edge",
        "ends_transaction",
        "epoch",
        "fixed_result",
        "has_rows",
        "name",
        "parameter_types",
        "plain",
        "plan",
        "protected",
        "sent",
        "text",
    )

    def __init__(
        self, name: bytes, text: bytes, parameter_types: bytes, plan: Plan | None, sent: bytes | None, epoch: int
    ) -> None:
        self.name = name
        self.text = text
        self.parameter_types = parameter_types
        self.sent = sent
        self.plan = plan
        self.epoch = epoch
        self.checked = plan is None
        self.has_rows = False
        self.edge: Edge | Untreated = AS_IT_IS
        self.described_in = NEVER
        # With tokens in it, the formats must be known, which are the portal's own.
        self.fixed_result = plan is None or (plan.kind in _FIXED_RESULT and not plan.tokens)
        self.protected = plan is not None and plan.touches_protected
        self.changes_path = plan is not None and plan.effects.search_path
        self.ends_transaction = plan is not None and plan.kind is StatementKind.TRANSACTION
        self.plain = (
            plan is not None and self.fixed_result and not (self.changes_path or plan.tokens or plan.token_parameters)
        )
        self.bind_entry: Owed | None = None

    @property
    def rewritten(self) -> bool:
        """Whether positions in the text that the server has are not those of the client's."""
        return self.sent != self.text

    def lose(self) -> None:
        """The server no longer has it, though the client was not told: prepare it again when it is next used."""
        self.sent = None
        self.epoch = NEVER

    def for_portal(self) -> Statement:
        """What a portal of this statement refers to: a copy where each portal's result must be checked by itself."""
        if self.fixed_result:
            return self
        return Statement(self.name, self.text, self.parameter_types, self.plan, self.sent, self.epoch)


class Statements:
    """The names. ``change``, then, when the reply comes, ``apply`` or ``drop``, once for each change and in order."""

    __slots__ = ("_in_flight", "confirmed", "portals")

    def __init__(self) -> None:
        self.confirmed: dict[bytes, Statement] = {}
        self.portals: dict[bytes, Statement] = {}
        self._in_flight: dict[bytes, deque[Statement | None]] = {}

    def expected(self, name: bytes) -> Statement | None:
        """What the name stands for once all that was sent has succeeded."""
        if self._in_flight:
            changes = self._in_flight.get(name)
            if changes:
                return changes[-1]
        return self.confirmed.get(name)

    def change(self, name: bytes, statement: Statement | None) -> None:
        """A Parse of this statement was sent, or (None) a Close of the name."""
        changes = self._in_flight.get(name)
        if changes is None:
            changes = self._in_flight[name] = deque()
        changes.append(statement)

    def apply(self, name: bytes) -> None:
        """The oldest change of this name has happened."""
        statement = self.drop(name)
        if statement is None:
            self.confirmed.pop(name, None)
        else:
            self.confirmed[name] = statement

    def drop(self, name: bytes) -> Statement | None:
        """The oldest change of this name will not happen; it is returned."""
        changes = self._in_flight[name]
        statement = changes.popleft()
        if not changes:
            del self._in_flight[name]
        return statement

    def replace(self, old: Statement, new: Statement) -> None:
        """A statement was planned again, to the same upstream text. Portals that are open keep the old one."""
        changes = self._in_flight.get(old.name)
        if changes:
            changes[-1] = new
        elif self.confirmed.get(old.name) is old:
            self.confirmed[old.name] = new

    def lose(self, name: bytes) -> None:
        """Our own Close of this name has happened: the client still believes in the statement."""
        self.drop(name)
        statement = self.confirmed.get(name)
        if statement is not None:
            statement.lose()

    def drops_unnamed(self) -> bool:
        """Note that a Query is on its way, which drops the unnamed statement; False where there is none to drop."""
        if b"" in self.confirmed or b"" in self._in_flight:
            self.change(b"", None)
            return True
        return False

    def forget_unnamed(self, *, lost: bool) -> None:
        """A Parse of the unnamed statement that failed has dropped it (``lost``: unseen by the client)."""
        if lost:
            statement = self.confirmed.get(b"")
            if statement is not None:
                statement.lose()
        else:
            self.confirmed.pop(b"", None)

    def deallocate(self, name: str) -> None:
        """DEALLOCATE has run; ``"*"`` for all, which spares the unnamed one."""
        if name == "*":
            unnamed = self.confirmed.get(b"")
            self.confirmed.clear()
            if unnamed is not None:
                self.confirmed[b""] = unnamed
        else:
            self.confirmed.pop(name.encode(), None)

    def close(self, name: str) -> None:
        """CLOSE has run; ``"*"`` for all."""
        if name == "*":
            self.portals.clear()
        else:
            self.portals.pop(name.encode(), None)
