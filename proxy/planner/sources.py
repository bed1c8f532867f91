"""What each relation of a statement is for one role: clear, masked, a view to expand, or out of reach.

Owns: name resolution along the search path, and the refusal of relations that the role may not read.
Must not know: SQL text, sqlglot, the wire. Invariant: a reference that cannot be resolved for sure is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot
from proxy.errors import PolicyRefusal, UnsupportedRefusal
from proxy.planner import allowlist
from proxy.planner.references import RelationReference
from proxy.policy.bound import BoundRole, RelationAccess

SYSTEM_SCHEMAS: Final = frozenset({"pg_catalog", "information_schema"})
_TEMPORARY: Final = "pg_temp_"
_READABLE: Final = frozenset(
    {
        RelationKind.VIEW,
        RelationKind.TABLE,
        RelationKind.PARTITIONED_TABLE,
        RelationKind.MATERIALIZED_VIEW,
        RelationKind.FOREIGN_TABLE,
    }
)


class Treatment(Enum):
    """What happens to a table reference of the statement."""

    SYSTEM = "system"
    CLEAR = "clear"
    MASK = "mask"
    EXPAND = "expand"


@dataclass(frozen=True, slots=True)
class Source:
    """A resolved reference. ``relation`` and ``access`` are None for system catalogs."""

    schema: str
    name: str
    treatment: Treatment
    relation: Relation | None = None
    access: RelationAccess | None = None

    def of_user(self) -> tuple[Relation, RelationAccess]:
        """The relation and what the role may see of it. Raises UnsupportedRefusal for a system catalog."""
        if self.relation is None or self.access is None:
            raise UnsupportedRefusal("a system catalog cannot be masked", reason="relation")
        return self.relation, self.access

    @property
    def needs_rewrite(self) -> bool:
        """Whether the reference must be replaced before it goes upstream."""
        return self.treatment in (Treatment.MASK, Treatment.EXPAND)


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves references for one role on one catalog.

    ``view_is_clear`` says whether everything under a view is clear for the role; it may raise a refusal.
    """

    snapshot: Snapshot
    role: BoundRole
    search_path: tuple[str, ...]
    view_is_clear: Callable[[Relation], bool]

    def resolve(self, reference: RelationReference) -> Source:
        """The source behind ``reference``.

        Raises PolicyRefusal (42501, or 42P01 for a relation that is not there), UnsupportedRefusal.
        """
        if reference.database is not None and reference.database != self.snapshot.database:
            raise UnsupportedRefusal(
                f"cross-database references are not implemented: {reference.database}.{reference}", reason="relation"
            )
        schema = self._schema(reference)
        if schema is not None and (schema in SYSTEM_SCHEMAS or schema.startswith("pg_")):
            return self._system(schema, reference.name)
        relation = self.snapshot.by_name.get((schema, reference.name)) if schema is not None else None
        if relation is not None and reference.schema is None:
            self._check_not_temporary(reference)
        if relation is None:
            raise PolicyRefusal(f'relation "{reference}" does not exist', sqlstate="42P01", reason="relation")
        return self._user(relation)

    def _schema(self, reference: RelationReference) -> str | None:
        """The schema that holds the name (manual, 5.10.5: pg_catalog comes first unless the path names it)."""
        if reference.schema is not None:
            return reference.schema
        path = self.search_path if "pg_catalog" in self.search_path else ("pg_catalog", *self.search_path)
        for schema in path:
            if schema == "pg_catalog" and reference.name in self.snapshot.system_relations:
                return schema
            if schema == "information_schema" and allowlist.is_information_schema_relation(reference.name):
                return schema
            if (schema, reference.name) in self.snapshot.by_name:
                return schema
        return None

    def _check_not_temporary(self, reference: RelationReference) -> None:
        """A function of the database's own may have made temporary relations, which no snapshot has."""
        if any(schema.startswith(_TEMPORARY) for schema in self.search_path):
            raise UnsupportedRefusal(
                f"{reference} could be a temporary relation of this session",
                reason="relation",
                detail="Temporary relations are found before others, and pgveil does not see what they hold.",
                hint="Write the relation's schema before its name.",
            )

    def _system(self, schema: str, name: str) -> Source:
        if not allowlist.is_system_relation_allowed(schema, name):
            raise PolicyRefusal(
                f"permission denied for {schema}.{name}",
                reason="system_relation",
                detail="This catalog holds data, statistics or statements of others, or is not known to pgveil.",
            )
        return Source(schema, name, Treatment.SYSTEM)

    def _user(self, relation: Relation) -> Source:
        if relation.kind not in _READABLE:
            raise PolicyRefusal(
                f"{relation.qualified_name} is a {relation.kind.name.lower()}; only tables and views can be read",
                reason="relation",
            )
        access = self.role.access(relation)
        if not access.known:
            raise PolicyRefusal(
                f"permission denied for {relation.qualified_name}",
                reason="relation",
                detail="The policy does not list this relation, so it is out of reach for everyone.",
                hint="List it, with a kind for each column, under tables.",
            )
        if not access.readable:
            raise PolicyRefusal(
                f"permission denied for {relation.qualified_name}",
                reason="relation",
                detail=f"The role {self.role.name} does not read it.",
                hint=f"A policy can list it under roles.{self.role.name}.reads.",
            )
        if relation.kind is RelationKind.VIEW:
            treatment = Treatment.CLEAR if self.view_is_clear(relation) else Treatment.EXPAND
            return Source(relation.schema, relation.name, treatment, relation, access)
        treatment = Treatment.CLEAR if access.clear else Treatment.MASK
        return Source(relation.schema, relation.name, treatment, relation, access)
