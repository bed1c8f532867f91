"""Which mask holds: the role's by column, then by kind, then for all others, then the kind's own.

Owns: that order. Must not know: catalogs beyond a column's name, whether a mask fits.
Invariant: every covered column has exactly one rule for a role.
"""

from __future__ import annotations

from proxy.policy.coverage import CoveredColumn
from proxy.policy.masks import Clear
from proxy.policy.model import MaskRule, Policy, Role


def role_rule(role: Role, covered: CoveredColumn, column: str) -> MaskRule | None:
    """What the role says of the column; None where it leaves it to the kind."""
    return role.column_masks.get((*covered.owner, column)) or role.kind_masks.get(covered.kind) or role.other_masks


def own_rule(policy: Policy, covered: CoveredColumn) -> MaskRule:
    """What holds when a role says nothing: the kind's own mask, or clear for the kind ``clear``."""
    kind = policy.kinds.get(covered.kind)
    if kind is None:
        return MaskRule(Clear(), covered.entry, covered.location)
    return MaskRule(kind.mask, kind.rule, kind.location)
