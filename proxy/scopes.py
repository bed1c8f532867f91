"""Which planner is in force: one for each database and role, made anew when the policy or the catalog changes.

Owns: the current policy, its binding to each database's catalog, and the planners made from them.
Must not know: sockets, files, how catalogs are read. Invariant: a statement is planned with the newest policy, keys
and catalog; what of a catalog the policy does not cover is hidden from everyone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from proxy.catalog.snapshot import Snapshot
from proxy.errors import PolicyRefusal
from proxy.planner.plan import Plan, TokenCells
from proxy.planner.planner import Planner, PlanningMeter
from proxy.policy.bound import BoundPolicy, BoundRole, ShiftSecret, bind, without_keyring
from proxy.policy.model import Policy
from proxy.policy.narrower import wider
from proxy.policy.remembered import NOTHING
from proxy.session.ports import TokenCodec
from proxy.tokens.types import Vocabulary

_UNKNOWN_NAME: Final = frozenset({"42P01", "42883"})  # undefined_table, undefined_function


class Tokens(Vocabulary, TokenCodec, Protocol):
    """All that is done with keys: in planning, at the edge, and in masks."""

    def shift_secret(self, domain: str) -> str:
        """The secret from which the database computes the domain's date shifts, in hexadecimal digits."""


class Scopes:
    """The planners of this process. ``tokens`` is None where there are no keys for them.

    ``changes`` grows whenever planners in force go out of force: a new policy, other keys, a new catalog.
    """

    def __init__(self, policy: Policy, meter: PlanningMeter, tokens: Tokens | None = None) -> None:
        self._policy = policy
        self._meter = meter
        self._tokens = tokens
        self._snapshots: dict[str, Snapshot] = {}
        self._bound: dict[str, BoundPolicy] = {}
        self._planners: dict[tuple[str, str], Planner] = {}
        self._wider: dict[tuple[str, str, str], str | None] = {}
        self.changes = 0

    @property
    def tokens(self) -> Tokens:
        """What makes and reads tokens (raises PolicyRefusal where there are no keys; no plan has tokens then)."""
        if self._tokens is None:
            raise PolicyRefusal("there are no keys for tokens", reason="token")
        return self._tokens

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    def replace_policy(self, policy: Policy, tokens: Tokens | None = None) -> None:
        """Put another policy and its keys in force on every known database, or on none.

        Raises PolicyFileError where it does not fit one of their catalogs; then nothing has changed.
        """
        secret = _shift_secret(tokens)
        bound = {database: bind(policy, s, shift_secret=secret) for database, s in self._snapshots.items()}
        self._policy = policy
        self._tokens = tokens
        self._bound = bound
        self._changed()

    def update_catalog(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Take a database's newest catalog. Returns what does not fit the policy; all that this is about is hidden."""
        database = snapshot.database
        self._snapshots[database] = snapshot
        for key in [k for k in self._planners if k[0] == database]:
            del self._planners[key]
        self._wider.clear()
        self.changes += 1
        before = self._bound.get(database)
        known = before is not None and before.snapshot.database_oid == snapshot.database_oid
        memory = before.memory if before is not None and known else NOTHING
        secret = _shift_secret(self._tokens)
        self._bound[database] = bind(self._policy, snapshot, strict=False, memory=memory, shift_secret=secret)
        return self._bound[database].problems

    def problems(self, database: str) -> tuple[str, ...]:
        """What of the policy does not fit that database's catalog, one ``file:line: message`` each."""
        bound = self._bound.get(database)
        return bound.problems if bound is not None else ()

    def planner(self, database: str, role: str) -> Planner:
        """The planner in force (raises PolicyRefusal where there is no such role)."""
        planner = self._planners.get((database, role))
        if planner is None:
            planner = self._make(database, role)
            self._planners[(database, role)] = planner
        return planner

    def wider(self, database: str, role: str, than: str) -> str | None:
        """What ``role`` may do there and ``than`` may not, in words; None where it may do no more.

        Raises PolicyRefusal where there is no such role.
        """
        key = (database, role, than)
        if key not in self._wider:
            bound, one = self._role(database, role)
            self._wider[key] = wider(one, self._role(database, than)[1], bound.snapshot)
        return self._wider[key]

    def _changed(self) -> None:
        self._planners.clear()
        self._wider.clear()
        self.changes += 1

    def _make(self, database: str, role: str) -> Planner:
        bound, bound_role = self._role(database, role)
        return Planner(bound, bound_role, vocabulary=self._tokens, meter=self._meter)

    def _role(self, database: str, role: str) -> tuple[BoundPolicy, BoundRole]:
        bound = self._bound.get(database)
        if bound is None:
            raise PolicyRefusal(f'the catalog of database "{database}" is not known yet', reason="catalog")
        bound_role = bound.role(role)
        if bound_role is None:
            raise PolicyRefusal(f'role "{role}" does not exist', sqlstate="28000", reason="role")
        return bound, bound_role


def _shift_secret(tokens: Tokens | None) -> ShiftSecret:
    return tokens.shift_secret if tokens is not None else without_keyring


class LivePlanning:
    """The planner of one session, whatever is in force when it is asked (implements ``session.ports.Planning``).

    ``kick`` has the database's catalog looked at again: a statement named what the snapshot does not have.
    """

    def __init__(self, scopes: Scopes, database: str, role: str, kick: Callable[[str], None]) -> None:
        self._scopes = scopes
        self._database = database
        self._role = role
        self._kick = kick
        self._planner: Planner | None = None
        self._changes = -1

    def _in_force(self) -> Planner:
        """The planner in force (raises PolicyRefusal). Asked for each statement, so looked up only after a change."""
        if self._planner is None or self._changes != self._scopes.changes:
            self._planner = None
            self._planner = self._scopes.planner(self._database, self._role)
            self._changes = self._scopes.changes
        return self._planner

    @property
    def generation(self) -> object:
        """The planner in force, or something else where there is none, so that nothing planned before is used."""
        try:
            return self._in_force()
        except PolicyRefusal:
            return ("no planner", self._scopes.changes)

    @property
    def tokens(self) -> Tokens:
        """See ``Scopes.tokens``."""
        return self._scopes.tokens

    @property
    def restricted(self) -> bool:
        """Whether something is kept from the role (or no planner is in force)."""
        try:
            return self._in_force().restricted
        except PolicyRefusal:
            return True

    def split(self, text: str) -> tuple[str, ...]:
        """See ``Planner.split``."""
        return self._in_force().split(text)

    def plan(self, text: str, search_path: tuple[str, ...]) -> Plan:
        """See ``Planner.plan``."""
        try:
            return self._in_force().plan(text, search_path)
        except PolicyRefusal as refusal:
            if refusal.sqlstate in _UNKNOWN_NAME:
                self._kick(self._database)
            raise

    def with_arguments(self, plan: Plan, parameters: tuple[TokenCells | None, ...]) -> Plan:
        """See ``Planner.with_arguments``."""
        return self._in_force().with_arguments(plan, parameters)

    def check_parameters(self, type_oids: tuple[int, ...]) -> None:
        """See ``Planner.check_parameters``."""
        self._in_force().check_parameters(type_oids)

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        """See ``Planner.is_protected``; everything is protected where no planner is in force."""
        try:
            planner = self._in_force()
        except PolicyRefusal:
            return True
        return planner.is_protected(table_oid, attribute_number)
