"""What a made-up expression can name: columns by their class of type.

Owns: classes of types, columns in scope, and reading both off a catalog for a role. Must not know: SQL's grammar.
Invariant: a column whose type is in no class is never named by itself (only by a star or a whole row).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot
from proxy.policy.bound import BoundRole
from proxy.policy.masks import Deny, Hidden, Token


class Kind(Enum):
    """Types that the same operators take; the value is the type that a cast makes of it."""

    TEXT = "text"
    INTEGER = "bigint"
    NUMBER = "numeric"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    BOOLEAN = "boolean"
    ARRAY = "text[]"
    JSON = "jsonb"


_KINDS = {
    "text": Kind.TEXT,
    "smallint": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "bigint": Kind.INTEGER,
    "numeric": Kind.NUMBER,
    "date": Kind.DATE,
    "timestamp without time zone": Kind.TIMESTAMP,
    "timestamp with time zone": Kind.TIMESTAMPTZ,
    "boolean": Kind.BOOLEAN,
    "text[]": Kind.ARRAY,
    "jsonb": Kind.JSON,
}
_READABLE = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE, RelationKind.VIEW})


@dataclass(frozen=True, slots=True)
class Named:
    """A column that can be named; ``alias`` is its FROM item's."""

    alias: str
    name: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.alias}.{self.name}"


@dataclass(frozen=True, slots=True)
class Table:
    """A relation for the generator: ``name`` is qualified, ``columns`` are those that exist for the role."""

    name: str
    columns: tuple[tuple[str, Kind], ...]

    def under(self, alias: str) -> list[Named]:
        """Its columns behind an alias."""
        return [Named(alias, name, kind) for name, kind in self.columns]


def tables(snapshot: Snapshot, role: BoundRole) -> list[Table]:
    """The tables and views of the user's schemas that the role reads, without columns of tokens.

    Most of what is made up here cannot be done with tokens: they have made-up statements of their own.
    """
    tokens = {d.column.name for r in snapshot.relations for d in role.access(r).columns if isinstance(d.mask, Token)}
    found = []
    for relation in snapshot.relations:
        if relation.kind in _READABLE and role.access(relation).readable:
            columns = tuple((n, kind) for n, kind in _columns(relation, role) if n not in tokens)
            if len(columns) > 1:
                found.append(Table(relation.qualified_name, columns))
    return found


def _columns(relation: Relation, role: BoundRole) -> list[tuple[str, Kind]]:
    hidden = {d.column.name for d in role.access(relation).columns if isinstance(d.mask, Deny | Hidden)}
    kinds = ((c.name, _kind(c.type.sql)) for c in relation.columns if c.name not in hidden)
    return [(name, kind) for name, kind in kinds if kind is not None]


def _kind(type_name: str) -> Kind | None:
    bare = type_name.partition("(")[0]
    return Kind.TEXT if bare in ("character", "character varying") else _KINDS.get(bare)


def pick(rng: Random, scope: list[Named], kind: Kind) -> Named | None:
    """A column of that class, or None."""
    fitting = [column for column in scope if column.kind is kind]
    return rng.choice(fitting) if fitting else None
