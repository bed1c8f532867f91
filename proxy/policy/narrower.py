"""Whether one role may see no more than another.

Owns: the comparison of two roles on one catalog. Must not know: who asks, SQL, the wire.
Invariant: whatever is not provably narrower is wider: masks are compared as equal or not, and only ``clear`` on the one
side or nothing at all on the other stand above that.
"""

from __future__ import annotations

from typing import Final

from proxy.catalog.snapshot import Snapshot
from proxy.policy.bound import BoundRole, ColumnDecision, RelationAccess
from proxy.policy.masks import Clear, Deny, Hidden, Nullify

_NOTHING: Final = (Nullify, Deny, Hidden)


def wider(role: BoundRole, than: BoundRole, snapshot: Snapshot) -> str | None:
    """The first thing that ``role`` may and ``than`` may not, in words; None where there is none.

    Both are bound to ``snapshot``. Rights to turn back tokens are not compared: they are not used by statements.
    """
    for relation in snapshot.relations:
        mine, theirs = role.access(relation), than.access(relation)
        what = _wider_access(mine, theirs)
        if what is not None:
            return f"{what} {relation.qualified_name}"
        if mine.readable:
            for column, other in zip(mine.columns, theirs.columns, strict=True):
                if not _no_wider(column, other):
                    return f"sees more of {relation.qualified_name}.{column.column.name}"
    more = sorted(role.functions - than.functions)
    return f"calls the function {more[0]}" if more else None


def _wider_access(mine: RelationAccess, theirs: RelationAccess) -> str | None:
    if mine.readable and not theirs.readable:
        return "reads"
    return "writes" if mine.writable and not theirs.writable else None


def _no_wider(mine: ColumnDecision, theirs: ColumnDecision) -> bool:
    return isinstance(theirs.mask, Clear) or isinstance(mine.mask, _NOTHING) or mine.mask == theirs.mask
