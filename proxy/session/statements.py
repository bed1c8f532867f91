"""Prepared statements and portals: what each name stands for upstream.

Owns: the two name spaces, which the protocol and SQL share (PREPARE, DEALLOCATE, DECLARE, CLOSE).
Must not know: how messages are framed, how a plan is made.
Invariant: ``confirmed`` and ``portals`` change only when the server's reply says so, in the order of its replies, so
they are what the server has; what was sent and not yet answered is kept apart, and dropped where the server skips it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from proxy.errors import ProxyError, Refusal, UnsupportedRefusal
from proxy.planner.plan import Plan, StatementKind, TokenCells
from proxy.session.edge import AS_IT_IS, Edge, Untreated
from proxy.wire.sqlstate import IN_FAILED_SQL_TRANSACTION, INVALID_CURSOR_NAME

if TYPE_CHECKING:
    from proxy.session.replies import Owed

# The result of these is fixed when they are prepared ("cached plan must not change result type"). That of the others
# depends on something else: FETCH on what its cursor is when it runs, EXECUTE on another prepared statement.
_FIXED_RESULT: Final = frozenset({StatementKind.SELECT, StatementKind.WRITE})
# The server looks up what these name when they are executed, not when their portal is bound.
_LATE: Final = frozenset({StatementKind.COPY_OUT, StatementKind.PREPARE, StatementKind.EXECUTE, StatementKind.LOCK})
_MAX_CHAIN: Final = 4
MAX_NAME: Final = 63  # bytes of a name that the server tells names apart by (NAMEDATALEN less one)
NEVER: Final = -1


class Statement:
    """One prepared statement.

    ``text``: the client's, with its hint. ``sent``: the text that went upstream, None where the server has none now.
    ``parameter_types``: the end of the Parse message, as sent. ``plan``: None for an empty text.
    ``epoch``: the conversation's when it was planned; NEVER makes it be planned again.
    ``checked``: its result's columns were seen and may be shown. ``has_rows``: they are at least one, and ``edge`` is
    how its rows are treated, which were those of the plan ``described_by``.
    ``plain``: its messages and rows pass as they are, and running it changes nothing else that the session keeps.
    ``described_in``: the flight in which a Describe of it was last sent; ``parsed_in``: the one in which its Parse was.
    ``late``: it depends on the search path, or on another statement, until it is executed.
    ``by_sql``: PREPARE made it; ``text`` and ``sent`` are PREPARE's, ``plan`` is that of the query in it.
    """

    __slots__ = (
        "bind_entry",
        "by_sql",
        "changes_path",
        "checked",
        "described_by",
        "described_in",
        "edge",
        "ends_transaction",
        "epoch",
        "fixed_result",
        "has_rows",
        "late",
        "name",
        "parameter_types",
        "parsed_in",
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
        self.described_by: Plan | None = None
        self.described_in = self.parsed_in = NEVER
        # With tokens in it, the formats must be known, which are the portal's own.
        self.fixed_result = plan is None or (plan.kind in _FIXED_RESULT and not plan.tokens)
        self.protected = plan is not None and plan.touches_protected
        self.changes_path = plan is not None and plan.effects.search_path
        self.ends_transaction = plan is not None and plan.kind is StatementKind.TRANSACTION
        self.plain = (
            plan is not None and self.fixed_result and not (self.changes_path or plan.tokens or plan.token_parameters)
        )
        self.late = plan is not None and plan.kind in _LATE
        self.by_sql = False
        self.bind_entry: Owed | None = None

    @property
    def token_parameters(self) -> tuple[TokenCells | None, ...]:
        """See ``Plan.token_parameters``."""
        return self.plan.token_parameters if self.plan is not None else ()

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


def prepared_by_sql(plan: Plan, text: bytes, epoch: int) -> Statement:
    """What the statement PREPARE (``plan``, of the client's ``text``) makes."""
    name = (plan.effects.prepares or "").encode()
    made = Statement(name, text, b"", plan.inner, plan.text.encode(), epoch)
    made.by_sql = True
    return made


class Statements:
    """The names. ``change``, then, when the reply comes, ``apply`` or ``drop``, once for each change and in order.

    ``portals``: what the rows of each are treated by; cursors of SQL are among them. ``outdated``: portals that we had
    closed, since policy or catalog have changed. ``doomed``: those that the server may still have, because it skipped
    our Close. ``held``: cursors WITH HOLD.
    """

    __slots__ = ("_in_flight", "confirmed", "doomed", "held", "outdated", "portals")

    def __init__(self) -> None:
        self.confirmed: dict[bytes, Statement] = {}
        self.portals: dict[bytes, Statement] = {}
        self.outdated: set[bytes] = set()
        self.doomed: set[bytes] = set()
        self.held: dict[bytes, Statement] = {}
        self._in_flight: dict[bytes, deque[Statement | None]] = {}

    def expected(self, name: bytes) -> Statement | None:
        """What the name stands for once all that was sent has succeeded."""
        if self._in_flight:
            changes = self._in_flight.get(name)
            if changes:
                return changes[-1]
        return self.confirmed.get(name)

    def certain(self, name: bytes, flight: int) -> bool:
        """Whether values may be sent now to what the name is expected to stand for.

        Not where an earlier flight or Query, which may have failed, was to change it, and tokens are parameters of
        something that it may stand for: one statement would be given what was meant for another. A Parse in this
        ``flight`` that fails has the server skip what follows.
        """
        changes = self._in_flight.get(name)
        if not changes:
            return True
        last = changes[-1]
        if last is not None and last.parsed_in == flight:
            return True
        candidates = (self.confirmed.get(name), *changes)
        return not any(candidate is not None and candidate.token_parameters for candidate in candidates)

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
        new.parsed_in = old.parsed_in
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

    # portals --------------------------------------------------------------------------------------------------------

    def declare(self, plan: Plan, epoch: int) -> None:
        """DECLARE has run."""
        name = (plan.effects.declares or "").encode()
        self.renamed(name)
        cursor = Statement(name, b"", b"", plan.inner, b"", epoch)
        self.portals[name] = cursor
        if plan.effects.holdable:
            self.held[name] = cursor

    def close(self, name: str) -> None:
        """CLOSE has run; ``"*"`` for all."""
        if name == "*":
            self.portals.clear()
            self.held.clear()
        else:
            self.portals.pop(name.encode(), None)
            self.held.pop(name.encode(), None)

    def closed(self, name: bytes, *, own: bool) -> None:
        """A Close of this portal is complete (``own``: unseen by the client)."""
        self.portals.pop(name, None)
        self.held.pop(name, None)
        self.doomed.discard(name)
        if own:
            self.outdated.add(name)

    def renamed(self, name: bytes) -> None:
        """A new portal has this name; what had it before is gone."""
        self.held.pop(name, None)
        self.outdated.discard(name)
        self.doomed.discard(name)

    def end_transaction(self) -> None:
        """Only cursors WITH HOLD outlive it (also those that a rollback dropped: the server knows better)."""
        self.portals.clear()
        if self.held:
            self.portals.update(self.held)

    def shown_by(self, plan: Plan | None, epoch: int) -> Plan | None:
        """The plan that says how the rows of ``plan`` are treated: for FETCH its cursor's, for EXECUTE its statement's.

        None where a portal was not made by a statement that we know. ``epoch``: when ``plan`` was sent.
        Raises UnsupportedRefusal where what it names belongs to an older epoch than it may, or is not the statement
        that the arguments of EXECUTE were for.
        """
        for _ in range(_MAX_CHAIN):
            if plan is None:
                return None
            if plan.portal is not None:
                name = plan.portal.encode()
                if name in self.doomed:
                    raise stale_portal(name)
                source = self.portals.get(name)
            elif plan.prepared is not None:
                source = self.confirmed.get(plan.prepared.encode())
                if source is not None and source.epoch < epoch:
                    raise stale_statement(source.name)
                if source is not None and source.token_parameters != plan.arguments:
                    raise stale_statement(source.name)
            else:
                return plan
            plan = source.plan if source is not None else None
        raise UnsupportedRefusal("a cursor of a cursor of a cursor is not supported", reason="cursor")


def stale_portal(name: bytes) -> Refusal:
    """The refusal of rows of a portal that an older policy or catalog version made."""
    return UnsupportedRefusal(
        f'cursor "{name.decode(errors="replace")}" is closed',
        reason="stale_plan",
        sqlstate=INVALID_CURSOR_NAME,
        detail="The policy or the database's structure has changed since it was opened.",
        hint="Open it again.",
    )


def aborted() -> ProxyError:
    """The server's own refusal of what is not the end of a failed transaction."""
    return ProxyError(
        "current transaction is aborted, commands ignored until end of transaction block",
        sqlstate=IN_FAILED_SQL_TRANSACTION,
    )


def stale_statement(name: bytes) -> Refusal:
    """The refusal of a prepared statement that would be another one by now."""
    return UnsupportedRefusal(
        f'prepared statement "{name.decode(errors="replace")}" has to be prepared again',
        reason="stale_plan",
        detail="The policy, the search path or the database's structure has changed since it was prepared.",
        hint="Use DEALLOCATE, then PREPARE.",
    )
