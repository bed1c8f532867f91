"""Which of the replies still owed depend on a catalog that may have changed under their plans.

Owns: what must be proven before bytes from upstream may be read, and the argument why that is enough. Must not know:
sockets, how a catalog is looked at.
Invariant: of a restricted principal's statement that names relations no reply is read before a look at the catalog,
begun after its first reply had come, has found what the statement was planned for.

The argument. Let a statement be planned for the catalog C, and its first reply arrive at time t. Then the server has
resolved its names before t. What it found there is the catalog of some moment m before t: name look-ups use the newest
catalog and never the transaction's snapshot, so the isolation level does not matter (manual, 13.6). A look that begins
after t sees every change that the server could see at m, since what one snapshot sees all later ones on the same server
see; that holds on a hot standby too, where changes become visible in the order of the log. If it finds C, then no
change was committed before m that C does not have. The other way round, a server's caches may be older than C; they are
brought up to date when a transaction begins and when a lock is newly taken, and a change's messages are sent before its
locks are released. So m is not before the begin of the transaction, and what must not have changed is everything since
then: ``State.since`` is the catalog in force when the connection was last at rest. A change in between of what the
statement names, even one that was undone, shows in the stamps of relations.

A prepared statement is resolved again at Bind, where its locks are taken; its portal keeps what was found there for
all its rows, since no change of these relations can be committed before its transaction ends. So Execute needs no proof
of its own. Utility statements are resolved when they run.

What this cannot see: a relation that was made and dropped again between two looks, and upstreams that are several
servers behind one address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from proxy.planner.plan import Plan, StatementKind
from proxy.session.replies import Owed, OwedFlight, OwedRows, OwedScript, Request
from proxy.session.state import State

_INDEPENDENT: Final = frozenset({StatementKind.TRANSACTION, StatementKind.SETTING})
_RESOLVED_AT_BIND: Final = frozenset({StatementKind.SELECT, StatementKind.WRITE})


@dataclass(frozen=True, slots=True)
class Unproven:
    """``since``: the planner's generation whose catalog must still hold. ``relations``: qualified names."""

    since: object
    relations: frozenset[str]


def unproven(state: State) -> Unproven | None:
    """What must be proven before more bytes are read, None where nothing must."""
    plans = [plan for entry in state.owed for plan in _plans(entry, state)]
    if not plans or not state.planning.restricted:
        return None
    return Unproven(state.since, frozenset(name for plan in plans for name in plan.relations))


def _named(plan: Plan, state: State) -> Iterator[Plan]:
    """A plan, and that of the prepared statement which it executes: its names are looked up again then."""
    yield plan
    if plan.prepared is not None:
        statement = state.statements.expected(plan.prepared.encode())
        if statement is not None and statement.plan is not None:
            yield statement.plan


def _plans(entry: Owed, state: State) -> Iterator[Plan]:
    """The plans that the server may resolve, or have resolved, while it answers this entry for the first time."""
    if isinstance(entry, OwedScript):
        begun = entry.index + 1 if entry.described or entry.copying else entry.index
        yield from (p for q in entry.script.plans[begun:] if q.kind not in _INDEPENDENT for p in _named(q, state))
    elif isinstance(entry, OwedRows):
        statement = state.statements.portals.get(entry.name)
        if statement is not None and statement.plan is not None and not entry.copying:
            plan = statement.plan
            if plan.kind not in _INDEPENDENT and plan.kind not in _RESOLVED_AT_BIND:
                yield from _named(plan, state)
    elif isinstance(entry, OwedFlight):
        if entry.used.plan is not None:  # pragma: no branch - only a plan makes a statement plain
            yield entry.used.plan  # which reads or writes
    elif entry.request is Request.BIND:
        # Where a Parse before it fails, it is bound to the statement that has the name until then.
        for bound in (entry.opened, state.statements.confirmed.get(entry.statement_name)):
            if bound is not None and bound.plan is not None and bound.plan.kind not in _INDEPENDENT:
                yield bound.plan
