"""What must hold between masks with keys and the rest of a policy.

Owns: the domains and columns that ``token`` and ``shift`` name. Must not know: catalogs, files, keys.
Invariant: in a policy without findings every mask names a domain of the policy, and a shift a listed column beside its
own; what only the catalog knows is left to ``fit.relation_misfit``.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.policy.masks import Mask, Shift, Token
from proxy.policy.model import Location, Policy, Table
from proxy.policy.suggest import did_you_mean


def domain_problems(policy: Policy) -> Iterator[tuple[Location, str]]:
    """One finding for each mask that names what is not there."""
    for rule in policy.masks:
        if isinstance(rule.mask, Token | Shift) and rule.mask.domain not in policy.domains:
            guess = did_you_mean(rule.mask.domain, policy.domains) or " (list it under domains:)"
            yield rule.location, f'{rule.rule}: unknown domain "{rule.mask.domain}"{guess}'
    for table in policy.tables.values():
        for name, column in (table.columns or {}).items():
            kind = policy.kinds.get(column.kind)
            if kind is not None:
                yield from _shift(table, name, kind.mask, column.location, kind.rule)
    for role in policy.roles.values():
        for (schema, table_name, name), rule in role.column_masks.items():
            listed = policy.tables.get((schema, table_name))
            if listed is not None:
                yield from _shift(listed, name, rule.mask, rule.location, rule.rule)


def used_domains(policy: Policy) -> frozenset[str]:
    """The domains that keys are needed for: those of the masks, and those of ``detokenize``."""
    masks = frozenset(rule.mask.domain for rule in policy.masks if isinstance(rule.mask, Token | Shift))
    return masks.union(*(role.detokenize for role in policy.roles.values()))


def _shift(table: Table, name: str, mask: Mask, where: Location, rule: str) -> Iterator[tuple[Location, str]]:
    if not isinstance(mask, Shift) or table.columns is None:
        return
    if mask.by == name:
        yield where, f"{rule}: {table.qualified_name}.{name} cannot be shifted by itself"
    elif mask.by not in table.columns:
        guess = did_you_mean(mask.by, table.columns)
        yield where, f"{rule}: {table.qualified_name} has no column {mask.by} to shift {name} by{guess}"
