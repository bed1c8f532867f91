"""Journal and metrics together: what a proxy writes down and counts of its logins and statements.

Owns: which event becomes which record and which count. Must not know: the journal's file, the wire, SQL.
Invariant: a statement on a protected relation whose record cannot be written raises; anything else goes on, and its
record waits until the journal can be written again.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from proxy.allowances import Allowances
from proxy.audit import records
from proxy.audit.journal import Journal
from proxy.audit.records import SessionFacts
from proxy.errors import AuthenticationError, JournalError, ProxyError, Refusal
from proxy.identity.principal import Principal
from proxy.metrics import Metrics, StatementMeter
from proxy.planner.plan import Plan

_PLANS_KEPT: Final = 4096
# Records of refused logins in a minute, for each client and for all: whoever reaches the port can cause them, and must
# not be able to fill the disk.
_REFUSED_BY_ONE: Final = 60
_REFUSED_BY_ALL: Final = 600

# By identity: plans come from a cache, and hashing one costs more than everything done here. The plan is kept with
# its entry, so that its identity cannot be given to another.
_BoundPlan = tuple[Plan, StatementMeter, bytes]
_BoundPlans = dict[int, _BoundPlan]


class Watch:
    """The journal and the metrics of one proxy. Belongs to one event loop."""

    def __init__(self, journal: Journal, metrics: Metrics, *, clock: Callable[[], float] = time.time) -> None:
        """``clock`` gives seconds since the epoch."""
        self.journal = journal
        self.metrics = metrics
        self._clock = clock
        self._policy_version: str | None = None
        self._plans: dict[str, _BoundPlans] = {}
        self._refused_by_one = Allowances(_REFUSED_BY_ONE, clock=clock)
        self._refused_by_all = Allowances(_REFUSED_BY_ALL, clock=clock)
        self._unrecorded = 0
        metrics.watch_journal(lambda: (journal.written, journal.backlog))

    def policy_loaded(self, version: str, *, reloaded: bool = False) -> None:
        """This policy is in force from now on."""
        self._policy_version = version
        for plans in self._plans.values():
            plans.clear()
        self.metrics.policy(version)
        if reloaded:
            self.metrics.policy_reloaded(accepted=True)
        self.note(records.policy(self._clock(), event="reloaded" if reloaded else "loaded", version=version))

    def policy_refused(self, problems: int) -> None:
        """A policy was not taken over; the one before stays in force."""
        self.metrics.policy_reloaded(accepted=False)
        self.note(
            records.policy(self._clock(), event="refused", version=self._policy_version, problems=max(problems, 1))
        )

    def login_refused(
        self, error: ProxyError, *, user: str | None = None, database: str | None = None, client: str | None = None
    ) -> None:
        """A login came to nothing: its token (refused), or the upstream or a limit (failed).

        Each is counted; of very many only some are recorded, the next of which says how many were not.
        """
        self.metrics.login("refused" if isinstance(error, AuthenticationError) else "failed")
        if self._refused_by_one.spend(client) or self._refused_by_all.spend(None):
            self._unrecorded += 1
            return
        unrecorded, self._unrecorded = self._unrecorded, 0
        self.note(
            records.login_refused(
                self._clock(), error, user=user, database=database, client=client, unrecorded=unrecorded
            )
        )

    def session(
        self,
        principal: Principal,
        *,
        database: str,
        client: str | None = None,
        application: str | None = None,
        session_id: str | None = None,
    ) -> SessionWatch:
        """The watch of one session; ``opened`` and ``closed`` are to be called on it."""
        facts = SessionFacts(session_id or secrets.token_hex(8), principal, database, client, application)
        return SessionWatch(self, facts, self._clock)

    def note(self, record: bytes) -> None:
        """Write a record whose absence stops nobody; it is kept while the journal cannot be written."""
        with contextlib.suppress(JournalError):
            self.journal.append(record)

    def policy_version(self) -> str | None:
        """The version of the policy in force."""
        return self._policy_version

    def bound_plans(self, role: str) -> _BoundPlans:
        """What is known of plans that ran in this role, shared by its sessions."""
        return self._plans.setdefault(role, {})


@dataclass(slots=True)
class _Tally:
    """How many statements a session has run, whoever asked."""

    statements: int = 0


class SessionWatch:
    """The journal and the metrics for one session (``session.ports.Watching``)."""

    def __init__(self, watch: Watch, facts: SessionFacts, clock: Callable[[], float]) -> None:
        self._watch = watch
        self._facts = facts
        self._role = facts.principal.role
        self._part = records.session_part(facts)
        self._plans = watch.bound_plans(facts.principal.role)
        self._journal = watch.journal
        self._clock = clock
        self._opened_at: float | None = None
        self._tally = _Tally()

    @property
    def facts(self) -> SessionFacts:
        """Whose session it is."""
        return self._facts

    def asked_by(self, principal: Principal) -> SessionWatch:
        """The watch of the statements of this session that a hint says are somebody's. They count as the session's."""
        login = self._facts.principal.name
        other = SessionWatch(self._watch, replace(self._facts, principal=principal, login=login), self._clock)
        other._tally = self._tally
        return other

    def opened(self) -> None:
        """The login succeeded and the session begins."""
        self._opened_at = self._clock()
        self._watch.metrics.session_opened()
        self._watch.metrics.login("accepted")
        self._watch.note(records.login(self._opened_at, self._facts))

    def closed(self) -> None:
        """The session is over. Without effect on one that was not opened or is closed already."""
        if self._opened_at is None:
            return
        now = self._clock()
        self._watch.metrics.session_closed()
        self._watch.note(
            records.logout(now, self._facts, seconds=max(now - self._opened_at, 0.0), statements=self._tally.statements)
        )
        self._opened_at = None

    def require_journal(self) -> None:
        """Raise JournalError unless a record can be written now."""
        self._journal.require()

    def statement(self, plan: Plan, *, rows: int | None, seconds: float, sqlstate: str | None) -> None:
        """A statement ended. Raises JournalError where it read a protected relation and cannot be recorded."""
        plan = plan.identity
        _, meter, of_plan = self._plans.get(id(plan)) or self._bind(plan)
        self._tally.statements += 1
        meter.statement(rows, seconds)
        if sqlstate is not None:
            self._watch.metrics.upstream_error(sqlstate)
        record = records.statement(self._clock(), self._part, of_plan, rows, seconds, sqlstate)
        try:
            self._journal.append(record)
        except JournalError:
            if plan.touches_protected:
                raise

    def _bind(self, plan: Plan) -> _BoundPlan:
        """The plan's counts and its part of a record."""
        if len(self._plans) >= _PLANS_KEPT:
            self._plans.clear()
        bound = (plan, self._watch.metrics.meter(self._role, plan), records.plan_part(plan))
        self._plans[id(plan)] = bound
        return bound

    def refused(self, refusal: Refusal) -> None:
        """A statement was refused by us, which needs no journal to hold."""
        self._tally.statements += 1
        self._watch.metrics.refused(self._role, refusal.reason)
        self._watch.note(records.refusal(self._clock(), self._facts, refusal, self._watch.policy_version()))
