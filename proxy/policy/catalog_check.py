"""Where a policy and a catalog disagree.

Owns: the search, and the sentences. Must not know: SQL, how a decision is used.
Invariant: a policy without findings binds to the catalog so that no column of a listed table is hidden by accident.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot
from proxy.policy.coverage import STORED, Coverage
from proxy.policy.fit import relation_misfit
from proxy.policy.model import Grant, Location, MaskRule, Policy, Role, Table
from proxy.policy.precedence import own_rule, role_rule
from proxy.policy.suggest import did_you_mean


def covers_anything(policy: Policy, snapshot: Snapshot) -> bool:
    """Whether the database has any of the policy's tables."""
    stored = [r for r in snapshot.relations if r.kind in STORED]
    return any((r.schema, r.name) in policy.tables or r.schema in policy.clear_schemas for r in stored)


def catalog_problems(coverage: Coverage) -> tuple[str, ...]:
    """One ``file:line: message`` for each disagreement, in the order of files and lines."""
    check = _Check(coverage.policy, coverage.snapshot, coverage)
    findings = {(where.path, where.line, message): None for where, message in check.run()}
    return tuple(f"{path}:{line}: {message}" for path, line, message in sorted(findings))


@dataclass(frozen=True, slots=True)
class _Check:
    policy: Policy
    snapshot: Snapshot
    coverage: Coverage

    def run(self) -> Iterator[tuple[Location, str]]:
        for table in self.policy.tables.values():
            yield from self._table(table)
        for schema, location in self.policy.clear_schemas.items():
            if schema not in self.snapshot.schemas:
                guess = did_you_mean(schema, self.snapshot.schemas)
                yield location, f"tables.{schema}.*: the database has no schema {schema}{guess}"
        for relation in self.snapshot.relations:
            if relation.kind in STORED:
                yield from self._children(relation)
                yield from self._own_masks(relation)
        for role in self.policy.roles.values():
            yield from self._role(role)
        for relation, column, was, covered in self.coverage.moved():
            where = f"{relation.qualified_name}.{column.name}"
            message = f"{where} was {was} when the policy was loaded; it is hidden until the policy is loaded again"
            yield covered.location, f"{covered.entry}: {message}"

    def _table(self, table: Table) -> Iterator[tuple[Location, str]]:
        path = f"tables.{table.qualified_name}"
        relation = self.snapshot.by_name.get((table.schema, table.name))
        if relation is None:
            names = [r.qualified_name for r in self.snapshot.relations if r.kind in STORED]
            guess = did_you_mean(table.qualified_name, names)
            yield table.location, f"{path}: the database has no such table{guess}"
        elif relation.kind is RelationKind.VIEW:
            yield table.location, f"{path}: this is a view: it shows what the tables under it show, and takes no entry"
        elif relation.kind not in STORED:
            yield table.location, f"{path}: this is a {relation.kind.name.lower().replace('_', ' ')}, not a table"
        elif table.columns is not None:
            have = {c.name for c in relation.columns}
            for name, column in table.columns.items():
                if name not in have:
                    yield column.location, f"{path}.columns: there is no column {name}{did_you_mean(name, have)}"
            for name in sorted(have - table.columns.keys()):
                yield table.location, f"{path}.columns: the column {name} has no kind"

    def _children(self, relation: Relation) -> Iterator[tuple[Location, str]]:
        """A partition or inheritance child holds rows that its parent shows too: both must say the same."""
        inherited = self.coverage.inherited(relation)
        if inherited is None:
            return
        table = self.coverage.listed(relation)
        for name, covers in inherited.items():
            first = covers[0]
            for other in covers[1:]:
                if other.kind != first.kind:
                    message = f"parents of {relation.qualified_name} disagree: {other.entry} says {other.kind}"
                    yield first.location, f"{first.entry}: {message}"
            own = table.columns.get(name) if table is not None and table.columns is not None else None
            listed_kind = own.kind if own is not None else "clear" if table is not None else first.kind
            if table is not None and listed_kind != first.kind and (own is not None or table.columns is None):
                where = own.location if own is not None else table.location
                message = (
                    f"should be {first.kind} as in {first.entry} ({first.location.short}), which shows the same rows"
                )
                yield where, f"tables.{relation.qualified_name}.columns.{name}: {message}"
        for role in self.policy.roles.values():
            for (schema, table_name, column), rule in role.column_masks.items():
                if (schema, table_name) == (relation.schema, relation.name) and column in inherited:
                    parent = ".".join(inherited[column][0].owner)
                    yield rule.location, f"{rule.rule}: name the column of {parent} instead, which shows the same rows"

    def _own_masks(self, relation: Relation) -> Iterator[tuple[Location, str]]:
        for column in relation.columns:
            covered = (self.coverage.of(relation) or {}).get(column.name)
            if covered is not None:
                rule = own_rule(self.policy, covered)
                yield from _misfit(rule, relation, column.name)

    def _role(self, role: Role) -> Iterator[tuple[Location, str]]:
        for grant in (*role.reads, *role.writes):
            yield from self._grant(grant)
        for function in role.functions:
            if (function.schema, function.name) not in self.snapshot.functions:
                names = [f"{schema}.{name}" for schema, name in self.snapshot.functions]
                written = f"{function.schema}.{function.name}"
                yield (
                    function.location,
                    f"{function.rule}: there is no function {written}{did_you_mean(written, names)}",
                )
        for (schema, name, column), rule in role.column_masks.items():
            relation = self.snapshot.by_name.get((schema, name))
            if relation is None and (schema, name) not in self.policy.tables:
                yield rule.location, f"{rule.rule}: the database has no table {schema}.{name}"
            elif relation is not None and relation.column(column) is None:
                guess = did_you_mean(column, [c.name for c in relation.columns])
                yield rule.location, f"{rule.rule}: {schema}.{name} has no column {column}{guess}"
        for relation in self.snapshot.relations:
            if relation.kind not in STORED or not any(g.pattern.matches(relation) for g in role.reads):
                continue
            covered = self.coverage.of(relation) or {}
            for column_name, column_kind in covered.items():
                found = role_rule(role, column_kind, column_name)
                if found is not None:
                    yield from _misfit(found, relation, column_name)

    def _grant(self, grant: Grant) -> Iterator[tuple[Location, str]]:
        schema, name = grant.pattern.schema, grant.pattern.name
        if schema is None:
            return
        if name is None:
            if schema not in self.snapshot.schemas:
                guess = did_you_mean(schema, self.snapshot.schemas)
                yield grant.location, f"{grant.rule}: the database has no schema {schema}{guess}"
        elif (schema, name) not in self.snapshot.by_name:
            guess = did_you_mean(f"{schema}.{name}", [r.qualified_name for r in self.snapshot.relations])
            yield grant.location, f"{grant.rule}: the database has no table or view {schema}.{name}{guess}"


def _misfit(rule: MaskRule, relation: Relation, column_name: str) -> Iterator[tuple[Location, str]]:
    why = relation_misfit(rule.mask, column_name, relation)
    if why is not None:
        yield rule.location, f"{rule.rule} does not fit {relation.qualified_name}.{column_name}: {why}"
