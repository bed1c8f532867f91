"""What the database looks like: an immutable snapshot of relations, columns, views and functions.

Owns: the values, and when two are the same for a statement. Must not know: policy, sockets, how it was read.
Invariant: a snapshot never changes; ``version`` differs whenever anything in it differs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class RelationKind(Enum):
    """``pg_class.relkind`` (manual, 53.11)."""

    TABLE = "r"
    PARTITIONED_TABLE = "p"
    VIEW = "v"
    MATERIALIZED_VIEW = "m"
    FOREIGN_TABLE = "f"
    SEQUENCE = "S"
    COMPOSITE_TYPE = "c"


class TypeCategory(Enum):
    """What a mask must know of a type; domains count as their base type."""

    TEXT = "text"  # text, varchar, char(n), name, citext
    INTEGER = "integer"  # smallint, integer, bigint
    NUMBER = "number"  # numeric, real, double precision
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    BOOLEAN = "boolean"
    UUID = "uuid"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type. ``sql`` is what ``format_type`` prints (schema-qualified unless in pg_catalog), with typmod.

    ``constrained``: it is a domain that a mask's value might violate (a CHECK, or NOT NULL, also of a domain below it).
    """

    oid: int
    typmod: int
    sql: str
    category: TypeCategory
    blank_padded: bool = False  # character(n): the padding is not part of the value
    constrained: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One live column; ``number`` is ``pg_attribute.attnum`` (from 1, with gaps where columns were dropped).

    ``generated``: it is computed from other columns of its row (manual, 5.4).
    """

    name: str
    number: int
    type: ColumnType
    generated: bool = False


class ReferentialAction(Enum):
    """What happens to rows whose referenced row goes: ``pg_constraint.confdeltype`` (manual, 53.13)."""

    NO_ACTION = "a"
    RESTRICT = "r"
    CASCADE = "c"
    SET_NULL = "n"
    SET_DEFAULT = "d"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """``columns`` of the relation ``table`` refer to ``referenced_columns`` of the relation ``referenced`` (oids)."""

    name: str
    table: int
    columns: tuple[str, ...]
    referenced: int
    referenced_columns: tuple[str, ...]
    on_update: ReferentialAction = ReferentialAction.NO_ACTION
    on_delete: ReferentialAction = ReferentialAction.NO_ACTION


@dataclass(frozen=True, slots=True)
class ValueCall:
    """A function that values of a type may run though no text names the type (``type_oid``).

    ``by_cast``: where they are cast (``asked``: only where the text has a cast, or a row is written); else where a
    value is made, as from a parameter or by ``jsonb_populate_record``: the constraint of a domain.
    """

    type_oid: int
    schema: str
    function: str
    by_cast: bool
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or the like. ``definition`` is the view's query, with every name schema-qualified.

    ``parents`` are the oids of the relations it is a partition or an inheritance child of; ``primary_key`` the column
    names of its (not deferrable) primary key, empty where there is none. ``row_type_oid`` is ``pg_class.reltype``.
    ``stamp`` is another after each change of its columns or definition, also where a change was undone.
    ``has_write_rules``: INSERT, UPDATE or DELETE on it runs rules (manual, 41.4).
    ``foreign_keys`` are those of the relation and those that refer to it. ``write_calls`` are (schema, name) of the
    functions outside pg_catalog that writing it may run unasked: of triggers, constraints, defaults and indexes.
    """

    oid: int
    schema: str
    name: str
    kind: RelationKind
    columns: tuple[Column, ...]
    row_type_oid: int = 0
    primary_key: tuple[str, ...] = ()
    parents: tuple[int, ...] = ()
    definition: str | None = None
    stamp: str = ""
    has_write_rules: bool = False
    foreign_keys: tuple[ForeignKey, ...] = ()
    write_calls: frozenset[tuple[str, str]] = frozenset()

    @property
    def qualified_name(self) -> str:
        """``schema.name`` as policies and messages write it (unquoted)."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        """The column of that exact name, or None."""
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One database's catalog at one moment. User-defined relations and functions only (no pg_catalog, no toast).

    ``functions`` are (schema, name) of every function, aggregate and procedure outside pg_catalog and
    information_schema; ``operators`` likewise; ``type_calls`` are (schema, type, schema, function): what a cast to or
    from a type runs without naming it; ``unasked_calls`` are (schema, function, anywhere) of casts between built-in
    types that no text need ask for: in any expression, or only where a row is written; ``server_version_num`` is the
    upstream's, for instance 160004.
    ``system_relations`` are the names of the relations in pg_catalog (they are found before the search path), and
    ``system_functions`` those of its functions. OIDs mean the same as long as ``database_oid`` is the same.
    """

    database: str
    version: str
    server_version_num: int
    relations: tuple[Relation, ...]
    schemas: frozenset[str]
    functions: frozenset[tuple[str, str]] = frozenset()
    operators: frozenset[tuple[str, str]] = frozenset()
    type_calls: frozenset[tuple[str, str, str, str]] = frozenset()
    unasked_calls: frozenset[tuple[str, str, bool]] = frozenset()
    value_calls: frozenset[ValueCall] = frozenset()
    volatile: frozenset[tuple[str, str]] = frozenset()
    system_relations: frozenset[str] = frozenset()
    system_functions: frozenset[str] = frozenset()
    database_oid: int = 0
    by_oid: Mapping[int, Relation] = field(init=False, repr=False, compare=False)
    by_name: Mapping[tuple[str, str], Relation] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_oid", {r.oid: r for r in self.relations})
        object.__setattr__(self, "by_name", {(r.schema, r.name): r for r in self.relations})

    def agrees(self, other: Snapshot, relations: Collection[str]) -> bool:
        """Whether a statement on these relations (qualified names) means the same on ``other``, and on all in between.

        That is so where they are the same down to their stamps, with all their children, no relation of one of their
        names has come or gone in any schema, and no function, operator, cast, type or schema has.
        """
        if self is other:
            return True
        names = {r.name for r in (*self.relations, *other.relations) if r.qualified_name in relations}
        return self._surroundings() == other._surroundings() and self._named(names) == other._named(names)

    def family(self, relations: Iterable[Relation]) -> dict[int, Relation]:
        """The relations, their partitions and inheritance children, and theirs, by oid and in this order."""
        family = {relation.oid: relation for relation in relations}
        grown = bool(family)
        while grown:
            found = [r for r in self.relations if r.oid not in family and not family.keys().isdisjoint(r.parents)]
            family.update((r.oid, r) for r in found)
            grown = bool(found)
        return family

    def _surroundings(self) -> tuple[object, ...]:
        calls = (self.type_calls, self.unasked_calls, self.value_calls, self.volatile)
        return self.schemas, self.functions, self.operators, *calls, self.system_functions

    def _named(self, names: Collection[str]) -> set[Relation]:
        return set(self.family(r for r in self.relations if r.name in names).values())
