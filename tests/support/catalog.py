"""Hand-made catalogs for tests without a server.

Owns: short ways to write relations. Must not know: what is tested with them.
Invariant: oids are given in order from 20000, row types from 30000.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxy.catalog.snapshot import Column, ColumnType, Relation, RelationKind, Snapshot

FIRST_OID = 20000


def relation(
    name: str,
    columns: dict[str, ColumnType],
    *,
    kind: RelationKind = RelationKind.TABLE,
    parents: tuple[str, ...] = (),
) -> tuple[str, dict[str, ColumnType], RelationKind, tuple[str, ...]]:
    """One relation of a catalog, ``schema.name``; parents stand before their children."""
    return name, columns, kind, parents


def catalog(
    relations: Iterable[tuple[str, dict[str, ColumnType], RelationKind, tuple[str, ...]]],
    *,
    functions: Iterable[tuple[str, str]] = (),
    schemas: Iterable[str] = (),
) -> Snapshot:
    """A snapshot of those relations; each second attribute number is a gap."""
    made: dict[str, Relation] = {}
    for name, columns, kind, parents in relations:
        schema, table = name.split(".")
        made[name] = Relation(
            oid=FIRST_OID + len(made),
            schema=schema,
            name=table,
            kind=kind,
            columns=tuple(Column(c, 2 * i + 1, t) for i, (c, t) in enumerate(columns.items())),
            row_type_oid=30000 + len(made),
            parents=tuple(made[p].oid for p in parents),
        )
    return Snapshot(
        database="clinic",
        version="1",
        server_version_num=160000,
        relations=tuple(made.values()),
        schemas=frozenset({*schemas, *(r.schema for r in made.values())}),
        functions=frozenset(functions),
    )
