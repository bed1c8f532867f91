"""Which kind each column of a catalog has, whatever the role.

Owns: listed tables, ``schema.*`` entries, and what partitions and inheritance children take from their parents.
Must not know: roles, masks' SQL. Invariant: a column has a kind only where the policy gives it one and nothing in the
policy contradicts it; two parents that disagree, or a child listed otherwise than its parent, leave it without (the
parent's too, which shows the child's rows), and so does a name that has come to stand for another column than the
policy was written for (``remembered``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.catalog.snapshot import Column, Relation, RelationKind, Snapshot
from proxy.policy.model import CLEAR_KIND, Location, Policy, Table
from proxy.policy.remembered import NOTHING, Memory, WhatItWas

# The relations that hold rows of their own (or of another server): these need an entry. Views are shown as the tables
# under them; sequences and composite types are out of reach.
STORED: Final = frozenset(
    {
        RelationKind.TABLE,
        RelationKind.PARTITIONED_TABLE,
        RelationKind.MATERIALIZED_VIEW,
        RelationKind.FOREIGN_TABLE,
    }
)


@dataclass(frozen=True, slots=True)
class CoveredColumn:
    """A column's kind. ``owner`` is the (schema, table) by which roles name the column: the topmost parent's.

    ``entry`` is the path of the policy entry that says so.
    """

    kind: str
    owner: tuple[str, str]
    entry: str
    location: Location


@dataclass(slots=True)
class Coverage:
    """The kinds of all relations of one catalog, found when first asked for."""

    policy: Policy
    snapshot: Snapshot
    memory: Memory = NOTHING
    _done: dict[int, Mapping[str, CoveredColumn] | None] = field(default_factory=dict)
    _said: dict[int, Mapping[str, CoveredColumn] | None] = field(default_factory=dict)

    def of(self, relation: Relation) -> Mapping[str, CoveredColumn] | None:
        """The kind of each column that has one, by name; None for a relation that the policy does not know."""
        if relation.oid not in self._done:
            said = self._of_itself(relation)
            self._done[relation.oid] = None if said is None else self._uncontradicted(relation, said)
        return self._done[relation.oid]

    def _of_itself(self, relation: Relation) -> Mapping[str, CoveredColumn] | None:
        """The same, without regard to the relation's children."""
        if relation.oid not in self._said:
            found = self._find(relation)
            self._said[relation.oid] = None if found is None else self._unmoved(relation, found)
        return self._said[relation.oid]

    def _uncontradicted(self, relation: Relation, said: Mapping[str, CoveredColumn]) -> Mapping[str, CoveredColumn]:
        """Without the columns of which a child, whose rows the relation shows too, has other kinds or masks."""
        contradicted: set[str] = set()
        for child in self.snapshot.family([relation]).values():
            if child is not relation:
                contradicted.update(n for n in said if self._contradicts(child, n, said[n]))
        return {name: c for name, c in said.items() if name not in contradicted} if contradicted else said

    def _contradicts(self, child: Relation, name: str, said: CoveredColumn) -> bool:
        """Whether the child's column is, was, or is by another parent, something else than ``said``, and not clear."""
        column = child.column(name)
        was = self.memory.columns.get((child.oid, column.number)) if column is not None else None
        own = (self._own(child) or {}).get(name)
        claims = [*(self.inherited(child) or {}).get(name, ()), *([own] if own is not None else [])]
        kinds = {claim.kind for claim in claims} | ({was.kind} if was is not None and was.fixed else set())
        masked = own is not None and own.owner != said.owner and (*own.owner, name) in self._named_by_roles()
        return masked or not kinds <= {CLEAR_KIND, said.kind}

    def _named_by_roles(self) -> frozenset[tuple[str, str, str]]:
        return frozenset(name for role in self.policy.roles.values() for name in role.column_masks)

    def moved(self) -> Iterator[tuple[Relation, Column, WhatItWas, CoveredColumn]]:
        """The columns that are hidden because they were something else when the policy came into force."""
        for relation in self.snapshot.relations:
            found = self._find(relation) or {}
            for column in relation.columns:
                was = self.moved_from(relation, column, found.get(column.name))
                if was is not None:
                    yield relation, column, was, found[column.name]

    def moved_from(self, relation: Relation, column: Column, covered: CoveredColumn | None) -> WhatItWas | None:
        """What the column was, where it may not be ``covered``."""
        if covered is None:
            return None
        return self.memory.moved(relation.oid, column.number, covered.kind, (*covered.owner, column.name))

    def remember(self) -> Memory:
        """The memory for the next catalog."""
        named = self._named_by_roles()
        now: dict[tuple[int, int], WhatItWas] = {}
        for relation in self.snapshot.relations:
            for column in relation.columns:
                covered = (self.of(relation) or {}).get(column.name)
                if covered is not None:
                    name = (*covered.owner, column.name)
                    fixed = covered.kind != CLEAR_KIND or name in named
                    now[relation.oid, column.number] = WhatItWas(covered.kind, name, fixed)
        return self.memory.with_columns(self.snapshot.relations, now)

    def _unmoved(self, relation: Relation, found: Mapping[str, CoveredColumn]) -> Mapping[str, CoveredColumn]:
        moved = {c.name for c in relation.columns if self.moved_from(relation, c, found.get(c.name)) is not None}
        return {name: covered for name, covered in found.items() if name not in moved} if moved else found

    def listed(self, relation: Relation) -> Table | None:
        """The relation's own entry."""
        return self.policy.tables.get((relation.schema, relation.name))

    def inherited(self, relation: Relation) -> dict[str, list[CoveredColumn]] | None:
        """What each parent that the policy knows says of the columns it shares; None where it knows no parent."""
        parents = [p for oid in relation.parents if (p := self.snapshot.by_oid.get(oid)) is not None]
        known = [(parent, covered) for parent in parents if (covered := self._of_itself(parent)) is not None]
        if not known:
            return None
        found: dict[str, list[CoveredColumn]] = {}
        for parent, covered in known:
            for column in parent.columns:
                if column.name in covered:
                    found.setdefault(column.name, []).append(covered[column.name])
        return found

    def shared_names(self, relation: Relation) -> frozenset[str]:
        """The columns that come from a parent that the policy knows, with or without a kind there."""
        parents = (self.snapshot.by_oid.get(oid) for oid in relation.parents)
        return frozenset(c.name for p in parents if p is not None and self._of_itself(p) is not None for c in p.columns)

    def _find(self, relation: Relation) -> Mapping[str, CoveredColumn] | None:
        if relation.kind not in STORED:
            return None
        own = self._own(relation)
        inherited = self.inherited(relation)
        if inherited is None:
            return own if own is not None else self._of_schema(relation)
        found = {name: covers[0] for name, covers in inherited.items() if len({c.kind for c in covers}) == 1}
        if own is None:
            return found
        shared = self.shared_names(relation)
        agreeing = {name: c for name, c in found.items() if name not in own or own[name].kind == c.kind}
        return {name: c for name, c in own.items() if name not in shared} | agreeing

    def _own(self, relation: Relation) -> dict[str, CoveredColumn] | None:
        table = self.listed(relation)
        if table is None:
            return None
        owner, path = (relation.schema, relation.name), f"tables.{table.qualified_name}"
        if table.columns is None:
            return {c.name: CoveredColumn(CLEAR_KIND, owner, path, table.location) for c in relation.columns}
        return {
            name: CoveredColumn(column.kind, owner, f"{path}.columns.{name}", column.location)
            for name, column in table.columns.items()
        }

    def _of_schema(self, relation: Relation) -> dict[str, CoveredColumn] | None:
        location = self.policy.clear_schemas.get(relation.schema)
        if location is None:
            return None
        owner, path = (relation.schema, relation.name), f"tables.{relation.schema}.*"
        return {c.name: CoveredColumn(CLEAR_KIND, owner, path, location) for c in relation.columns}
