"""What each stored column was when the policy came into force, so that names cannot be moved to other columns.

Owns: the memory, and which columns no longer are what the policy was written for. Must not know: roles, masks' SQL.
Invariant: a column that had a kind, or that a role names, is never judged by another name or entry than it had: until
the policy is loaded again it is hidden instead. A new relation (another OID) or a new column is judged by its names.

So tables that are dropped and made again, or swapped by renaming, as migrations and dbt do daily, go on working; the
old one, under its new name, does not fall under the entry of a whole schema. What was ``clear`` may be renamed freely.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from proxy.catalog.snapshot import Relation

Name = tuple[str, str, str]  # schema, table, column, as policies name it


@dataclass(frozen=True, slots=True)
class WhatItWas:
    """A column's kind, and the name under which policies know it. ``fixed``: it may not be known as anything else."""

    kind: str
    name: Name
    fixed: bool

    def __str__(self) -> str:
        return ".".join(self.name)


@dataclass(frozen=True, slots=True)
class Memory:
    """By relation OID and attribute number. Immutable: ``with_columns`` makes the next one."""

    columns: Mapping[tuple[int, int], WhatItWas]

    def moved(self, oid: int, number: int, kind: str, name: Name) -> WhatItWas | None:
        """What the column was, where it may not be what it is now."""
        was = self.columns.get((oid, number))
        return was if was is not None and was.fixed and (was.kind, was.name) != (kind, name) else None

    def with_columns(self, relations: Collection[Relation], now: Mapping[tuple[int, int], WhatItWas]) -> Memory:
        """The memory after a look at the catalog: what is fixed stays while its relation exists."""
        live = {(r.oid, c.number) for r in relations for c in r.columns}
        return Memory({**now, **{key: was for key, was in self.columns.items() if was.fixed and key in live}})


NOTHING: Final = Memory({})
