"""What ``pgveil policy check`` finds: problems, and a summary of who sees what.

Owns: gathering both. Must not know: terminals, how a catalog is read. Invariant: nothing is printed or raised here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proxy.catalog.snapshot import Relation, Snapshot
from proxy.errors import PolicyFileError
from proxy.policy.bound import BoundPolicy, bind
from proxy.policy.catalog_check import covers_anything
from proxy.policy.coverage import STORED
from proxy.policy.load import load_policy
from proxy.policy.masks import Clear
from proxy.policy.model import Policy


@dataclass(frozen=True, slots=True)
class RoleSummary:
    """One role on a catalog: how many relations with rows it reads and writes, and its columns by mask."""

    name: str
    reads: int
    writes: int
    masks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a policy holds. ``database`` and ``roles`` only where a catalog was given; ``covered`` whether that catalog
    has any of the policy's tables. ``columns`` counts those with a kind in the policy, ``clear`` for a whole table
    aside.
    """

    version: str
    kinds: int
    tables: int
    schemas: int
    columns: int
    role_names: tuple[str, ...]
    database: str | None = None
    covered: bool = False
    roles: tuple[RoleSummary, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``problems`` are ``file:line: message``; ``summary`` is None where the files do not load.

    ``warnings`` are written alike: what is allowed, and has no effect.
    """

    problems: tuple[str, ...]
    summary: Summary | None
    warnings: tuple[str, ...] = ()


def check(path: Path, snapshot: Snapshot | None = None) -> CheckResult:
    """Load the policy in ``path`` and, with a catalog, bind it; never raises for what is wrong with the policy."""
    try:
        policy = load_policy(path)
    except PolicyFileError as error:
        return CheckResult(error.problems, None)
    if snapshot is None:
        return CheckResult((), _summary(policy))
    bound = bind(policy, snapshot, strict=False)
    return CheckResult(bound.problems, _summary(policy, bound), _vain_writes(policy, bound))


def _summary(policy: Policy, bound: BoundPolicy | None = None) -> Summary:
    return Summary(
        version=policy.version,
        kinds=len(policy.kinds),
        tables=len(policy.tables),
        schemas=len(policy.clear_schemas),
        columns=sum(len(t.columns) for t in policy.tables.values() if t.columns is not None),
        role_names=tuple(sorted(policy.roles)),
        database=bound.snapshot.database if bound is not None else None,
        covered=bound is not None and covers_anything(policy, bound.snapshot),
        roles=tuple(_role(bound, name) for name in bound.role_names) if bound is not None else (),
    )


def _vain_writes(policy: Policy, bound: BoundPolicy) -> tuple[str, ...]:
    """The ``writes`` by which a role can write nothing."""
    found: list[tuple[str, int, str]] = []
    for role in policy.roles.values():
        for grant in role.writes:
            reasons = [_why_not(bound, role.name, r) for r in bound.snapshot.relations if grant.pattern.matches(r)]
            named = grant.pattern.name is not None
            if reasons and all(reasons):
                why = reasons[0] if named else "nothing that it matches can be written by this role"
                found.append((grant.location.path, grant.location.line, f"{grant.rule}: {why}"))
    return tuple(f"{path}:{line}: {message}" for path, line, message in sorted(found))


def _why_not(bound: BoundPolicy, name: str, relation: Relation) -> str | None:
    """Why the role cannot write the relation, in words; None where it can."""
    role = bound.role(name)
    access = role.access(relation) if role is not None else None
    if access is None or relation.kind not in STORED:
        return f"{relation.qualified_name} is no table, and only tables can be written"
    if not access.readable:
        return f"{relation.qualified_name} can be written only by a role that reads it"
    masked = [d.column.name for d in access.columns if not isinstance(d.mask, Clear)]
    if masked:
        return f"{relation.qualified_name} cannot be written: it has columns masked for this role ({', '.join(masked)})"
    return None


def _role(bound: BoundPolicy, name: str) -> RoleSummary:
    role = bound.role(name)
    if role is None:
        raise LookupError(name)
    accesses = [role.access(r) for r in bound.snapshot.relations if r.kind in STORED]
    readable = [a for a in accesses if a.readable]
    masks = Counter(d.mask.name for a in readable for d in a.columns)
    return RoleSummary(name, len(readable), sum(a.writable for a in accesses), dict(sorted(masks.items())))
