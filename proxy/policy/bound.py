"""A policy bound to one database's catalog: what a role may see of each column.

Owns: the decision for (role, column), and which stored values must not reach a role. Must not know: SQL, the wire.
Invariant: whatever is in doubt is hidden: a column without a kind, a mask that does not fit its column, a relation that
the policy or the catalog does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from proxy.catalog.snapshot import Column, Relation, RelationKind, Snapshot
from proxy.errors import PolicyFileError
from proxy.policy.catalog_check import catalog_problems, covers_anything
from proxy.policy.coverage import STORED, Coverage, CoveredColumn
from proxy.policy.fit import relation_misfit
from proxy.policy.masks import Clear, Hidden, Mask, Shift
from proxy.policy.model import Policy, Role
from proxy.policy.precedence import own_rule, role_rule
from proxy.policy.remembered import NOTHING, Memory

_FIRST_USER_OID: Final = 16384  # FirstNormalObjectId: smaller oids are the system's
_HIDDEN: Final = Hidden()
_CLEAR: Final = Clear()

# The secret of a domain's date shifts; without a keyring, None.
ShiftSecret: TypeAlias = Callable[[str], str | None]


def without_keyring(_domain: str) -> None:
    """No domain has a secret: decisions can be read, and no date be shifted."""


@dataclass(frozen=True, slots=True)
class ColumnDecision:
    """What a role sees of one column, why, and by which rule.

    ``mask`` is ``Hidden`` for a column that the policy does not know. ``kind`` is ``clear`` for columns without
    protection and empty where there is none. ``rule`` reads like ``roles.analyst.masks.zip (clinic.yaml:31)``.
    """

    column: Column
    kind: str
    mask: Mask
    rule: str
    safe_harbor: str | None = None


@dataclass(frozen=True, slots=True)
class RelationAccess:
    """What a role may do with one relation. ``columns`` has every live column, in the order of attribute numbers.

    ``known``: the policy has an entry for it, or it is a plain view, which is decided by what it reads: its columns are
    hidden here, since a view is never read as it is unless everything under it is clear. ``clear``: readable, and every
    column is shown as stored.
    """

    readable: bool
    writable: bool
    columns: tuple[ColumnDecision, ...]
    clear: bool
    known: bool


class BoundRole:
    """One role on one catalog. Decisions are made when first asked for, and kept."""

    __slots__ = (
        "_access",
        "_attributes",
        "_coverage",
        "_policy",
        "_restricted",
        "_role",
        "_shift_secret",
        "_snapshot",
        "functions",
        "name",
    )

    def __init__(
        self, policy: Policy, snapshot: Snapshot, coverage: Coverage, role: Role, shift_secret: ShiftSecret
    ) -> None:
        self.name: str = role.name
        self.functions: frozenset[str] = frozenset(f"{f.schema}.{f.name}" for f in role.functions)
        self._policy = policy
        self._snapshot = snapshot
        self._coverage = coverage
        self._role = role
        self._shift_secret = shift_secret
        self._access: dict[int, RelationAccess] = {}
        self._attributes: dict[int, frozenset[int] | None] = {}
        self._restricted: bool | None = None

    def __repr__(self) -> str:
        return f"BoundRole({self.name!r}, database={self._snapshot.database!r})"

    @property
    def restricted(self) -> bool:
        """Whether some column of some relation of this catalog is masked, hidden or unreadable for the role.

        A readable view counts by the tables under it, which are relations of the catalog themselves.
        """
        if self._restricted is None:
            self._restricted = any(self._restricts(relation) for relation in self._snapshot.relations)
        return self._restricted

    def _restricts(self, relation: Relation) -> bool:
        if relation.kind in STORED:
            return not self.access(relation).clear
        return relation.kind is RelationKind.VIEW and not self.access(relation).readable

    def access(self, relation: Relation) -> RelationAccess:
        """What the role may do with ``relation``, which is one of the bound catalog's (else it is out of reach)."""
        if self._snapshot.by_oid.get(relation.oid) is not relation:
            return _out_of_reach(relation)
        known = self._access.get(relation.oid)
        if known is None:
            known = self._access[relation.oid] = self._decide(relation)
        return known

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        """Whether the stored value of this column must never reach the role.

        Oids below 16384 are system catalogs, 0 is no table at all: not protected here. An unknown table or column is.
        A system column (attribute number below 0) is protected where its table is not readable.
        """
        if table_oid < _FIRST_USER_OID:
            return False
        try:
            shown = self._attributes[table_oid]
        except KeyError:
            shown = self._attributes[table_oid] = self._shown_attributes(table_oid)
        return shown is None or (attribute_number >= 0 and attribute_number not in shown)

    def _shown_attributes(self, table_oid: int) -> frozenset[int] | None:
        """The attribute numbers whose stored value the role may see; None where it may not read the relation."""
        relation = self._snapshot.by_oid.get(table_oid)
        if relation is None:
            return None
        access = self.access(relation)
        if not access.readable:
            return None
        if relation.kind is RelationKind.VIEW:
            # It goes upstream under its own name only where all that it reads is clear for the role.
            return frozenset(column.number for column in relation.columns)
        return frozenset(d.column.number for d in access.columns if isinstance(d.mask, Clear))

    def _decide(self, relation: Relation) -> RelationAccess:
        reads = any(grant.pattern.matches(relation) for grant in self._role.reads)
        if relation.kind is RelationKind.VIEW:
            rule = f"{relation.qualified_name} is a view: the tables under it decide"
            columns = tuple(ColumnDecision(c, "", _HIDDEN, rule) for c in relation.columns)
            return RelationAccess(readable=reads, writable=False, columns=columns, clear=False, known=True)
        covered = self._coverage.of(relation)
        if covered is None:
            return _out_of_reach(relation)
        writes = any(grant.pattern.matches(relation) for grant in self._role.writes)
        if reads:
            columns = tuple(self._column(relation, c, covered.get(c.name)) for c in relation.columns)
        else:
            rule = f"roles.{self.name}.reads ({self._role.location.short}) does not name {relation.qualified_name}"
            kinds = {name: column.kind for name, column in covered.items()}
            columns = tuple(ColumnDecision(c, kinds.get(c.name, ""), _HIDDEN, rule) for c in relation.columns)
        clear = reads and all(isinstance(d.mask, Clear) for d in columns)
        return RelationAccess(readable=reads, writable=writes, columns=columns, clear=clear, known=True)

    def _column(self, relation: Relation, column: Column, covered: CoveredColumn | None) -> ColumnDecision:
        if covered is None:
            rule = f"the policy gives {relation.qualified_name}.{column.name}, as it is now, no kind"
            return ColumnDecision(column, "", _HIDDEN, rule)
        kind = self._policy.kinds.get(covered.kind)
        found = role_rule(self._role, covered, column.name) or own_rule(self._policy, covered)
        safe_harbor = kind.safe_harbor if kind is not None else None
        why = relation_misfit(found.mask, column.name, relation)
        if why is not None:
            return ColumnDecision(column, covered.kind, _HIDDEN, f"{found}: {why}", safe_harbor)
        return ColumnDecision(column, covered.kind, self._with_secret(found.mask), str(found), safe_harbor)

    def _with_secret(self, mask: Mask) -> Mask:
        return replace(mask, secret=self._shift_secret(mask.domain)) if isinstance(mask, Shift) else mask


class BoundPolicy:
    """A policy on one catalog. ``version`` is the policy's digest (12 hexadecimal digits).

    ``memory``: what its columns are, for the next catalog that this policy is bound to.
    """

    __slots__ = (
        "_bound",
        "_coverage",
        "_policy",
        "_roles",
        "_shift_secret",
        "memory",
        "problems",
        "snapshot",
        "version",
    )

    def __init__(self, coverage: Coverage, problems: tuple[str, ...], shift_secret: ShiftSecret) -> None:
        policy, snapshot = coverage.policy, coverage.snapshot
        self.version: str = policy.version
        self.snapshot: Snapshot = snapshot
        self.problems: tuple[str, ...] = problems
        self.memory: Memory = coverage.remember()
        self._policy = policy
        self._coverage = coverage
        self._roles: Mapping[str, Role] = policy.roles
        self._shift_secret = shift_secret
        self._bound: dict[str, BoundRole] = {}

    def __repr__(self) -> str:
        return f"BoundPolicy(version={self.version!r}, database={self.snapshot.database!r})"

    @property
    def role_names(self) -> tuple[str, ...]:
        """The roles of the policy, in alphabetical order."""
        return tuple(sorted(self._roles))

    def role(self, name: str) -> BoundRole | None:
        """The role of that name, the same object each time; None where the policy has none."""
        bound = self._bound.get(name)
        if bound is None and name in self._roles:
            bound = BoundRole(self._policy, self.snapshot, self._coverage, self._roles[name], self._shift_secret)
            self._bound[name] = bound
        return bound


def bind(
    policy: Policy,
    snapshot: Snapshot,
    *,
    strict: bool = True,
    shift_secret: ShiftSecret = without_keyring,
    memory: Memory = NOTHING,
) -> BoundPolicy:
    """The policy on that catalog. ``shift_secret`` gives the secret of a domain's date shifts.

    Raises PolicyFileError with one ``file:line: message`` for each table, column, schema or function of the policy that
    the catalog lacks, each column of a listed table that has no kind, and each mask that does not fit its column. With
    ``strict`` False these are kept in ``problems`` instead, and what they are about is hidden: a table's new column
    need not stop a running proxy. A database that has none of the policy's tables has nothing that a role may read.
    ``memory`` is what the same policy was bound to before, if it was.
    """
    coverage = Coverage(policy, snapshot, memory)
    problems = catalog_problems(coverage) if covers_anything(policy, snapshot) else ()
    if problems and strict:
        raise PolicyFileError(problems)
    return BoundPolicy(coverage, problems, shift_secret)


def _out_of_reach(relation: Relation) -> RelationAccess:
    rule = f"the policy does not list {relation.qualified_name}"
    columns = tuple(ColumnDecision(c, "", _HIDDEN, rule) for c in relation.columns)
    return RelationAccess(readable=False, writable=False, columns=columns, clear=False, known=False)
