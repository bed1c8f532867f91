"""Which planner is in force: one for each database and role, made anew when the policy or the catalog changes.

Owns: the current policy, its binding to each database's catalog, and the planners made from them.
Must not know: sockets, files, how catalogs are read. Invariant: a statement is planned with the newest policy and
catalog that fit each other; where they do not fit, every statement on that database is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.catalog.snapshot import Snapshot
from proxy.errors import PolicyFileError, PolicyRefusal, ProxyError
from proxy.planner.plan import Plan
from proxy.planner.planner import Planner
from proxy.policy.bound import BoundPolicy, bind
from proxy.policy.model import Policy


class Scopes:
    """The planners of this process. ``observe_cache`` is told "hit" or "miss" for each plan looked up."""

    def __init__(self, policy: Policy, *, observe_cache: Callable[[str], None]) -> None:
        self._policy = policy
        self._observe_cache = observe_cache
        self._snapshots: dict[str, Snapshot] = {}
        self._bound: dict[str, BoundPolicy | PolicyFileError] = {}
        self._planners: dict[tuple[str, str], Planner] = {}

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    def replace_policy(self, policy: Policy) -> None:
        """Put another policy in force on every known database, or on none.

        Raises PolicyFileError where it does not fit one of their catalogs; then nothing has changed.
        """
        bound = {database: bind(policy, snapshot) for database, snapshot in self._snapshots.items()}
        self._policy = policy
        self._bound = dict(bound)
        self._planners.clear()

    def update_catalog(self, snapshot: Snapshot) -> PolicyFileError | None:
        """Take a database's newest catalog. Returns what does not fit the policy, if anything."""
        database = snapshot.database
        known = self._snapshots.get(database)
        if known is not None and known.version == snapshot.version:
            return None
        self._snapshots[database] = snapshot
        try:
            self._bound[database] = bind(self._policy, snapshot)
        except PolicyFileError as error:
            self._bound[database] = error
        for key in [k for k in self._planners if k[0] == database]:
            del self._planners[key]
        current = self._bound[database]
        return current if isinstance(current, PolicyFileError) else None

    def planner(self, database: str, role: str) -> Planner:
        """The planner in force (raises PolicyRefusal where the policy does not fit or has no such role)."""
        planner = self._planners.get((database, role))
        if planner is None:
            planner = self._make(database, role)
            self._planners[(database, role)] = planner
        return planner

    def _make(self, database: str, role: str) -> Planner:
        bound = self._bound.get(database)
        if bound is None or isinstance(bound, PolicyFileError):
            raise PolicyRefusal(
                f'the policy does not fit the catalog of database "{database}"',
                reason="policy",
                detail="The database's structure has changed in a way that the policy does not cover.",
                hint="The log of pgveil lists what is missing; `pgveil policy check` shows it too.",
            )
        bound_role = bound.role(role)
        if bound_role is None:
            raise PolicyRefusal(f'role "{role}" does not exist', sqlstate="28000", reason="role")
        return Planner(bound, bound_role, observe=self._observe_cache)


class LivePlanning:
    """The planner of one session, whatever is in force when it is asked (implements ``session.ports.Planning``)."""

    def __init__(self, scopes: Scopes, database: str, role: str) -> None:
        self._scopes = scopes
        self._database = database
        self._role = role

    @property
    def generation(self) -> object:
        """The planner in force, or a new object where there is none, so that nothing planned before is used."""
        try:
            return self._scopes.planner(self._database, self._role)
        except ProxyError:
            return object()

    def split(self, text: str) -> tuple[str, ...]:
        """See ``Planner.split``."""
        return self._scopes.planner(self._database, self._role).split(text)

    def plan(self, text: str, search_path: tuple[str, ...]) -> Plan:
        """See ``Planner.plan``."""
        return self._scopes.planner(self._database, self._role).plan(text, search_path)

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        """See ``Planner.is_protected``; everything is protected where no planner is in force."""
        try:
            planner = self._scopes.planner(self._database, self._role)
        except ProxyError:
            return True
        return planner.is_protected(table_oid, attribute_number)
