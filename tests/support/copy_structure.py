"""The structure of a masked copy: what exists for a role, and constraints that masks leave standing.

Owns: the DDL that turns a copied database into one that can hold masked values. Must not know: masks' values, the
proxy. Invariant: names, columns, types and attribute numbers stay the original's; OIDs do too, except where ``loosen``
must make a relation anew.

Two kinds of relations cannot hold what a role sees as they are. A partition's rows must fit its bounds, and a row stays
in its partition whatever its key looks like through a mask: a table that is partitioned by a masked column becomes the
parent of its partitions by inheritance. A materialized view is whatever its query says: it becomes a table.
Columns of char(n) and varchar(n) that hold tokens of format text become text, since tokens are longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from proxy.catalog.snapshot import Relation, RelationKind, Snapshot
from proxy.policy.bound import BoundRole, ColumnDecision, RelationAccess
from proxy.policy.fit import stored_type
from proxy.policy.masks import Clear, Deny, Hidden, Token
from proxy.tokens.types import StoredType, TokenFormat, TokenType

OUT_OF_REACH = "out of reach"
_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})


def loosen(copy: psycopg.Connection, snapshot: Snapshot, role: BoundRole) -> None:
    """Drop every constraint that masked values could break, and make anew what could not hold them."""
    _drop_constraints(copy, snapshot)
    for relation in snapshot.relations:
        access = role.access(relation)
        masked = masked_names(access)
        if relation.kind is RelationKind.PARTITIONED_TABLE and masked & _partition_key(copy, relation):
            _inherit_instead(copy, snapshot, relation)
        if relation.kind is RelationKind.MATERIALIZED_VIEW and exists(access) and not access.clear:
            _make_table(copy, relation)
    _retype(copy, snapshot, role)
    tables = [(r, _changed_names(role.access(r))) for r in snapshot.relations if r.kind in _TABLES]
    for relation, masked in tables:
        _drop_primary_key(copy, relation, masked)
    # A child cannot drop what its parent keeps, and what it has of its own stays when the parent drops it.
    for relation, masked in sorted(tables, key=lambda item: len(list(_ancestors(snapshot, item[0])))):
        parents = [snapshot.by_oid[oid] for oid in relation.parents]
        kept = {c.name for p in parents for c in p.columns if c.name not in _changed_names(role.access(p))}
        for column in sorted(masked - kept):
            _alter(copy, relation, sql.SQL("ALTER COLUMN {} DROP NOT NULL").format(sql.Identifier(column)))


def remove_what_is_hidden(copy: psycopg.Connection, snapshot: Snapshot, role: BoundRole) -> None:
    """Drop relations that the role does not read (with the views on them) and columns that it must not name.

    A child of a table that the role reads stays, since its rows belong to the parent, but under a name out of reach.
    """
    for relation in snapshot.relations:
        access = role.access(relation)
        if exists(access):
            _drop_columns(copy, relation, access)
        elif any(exists(role.access(parent)) for parent in _ancestors(snapshot, relation)):
            _alter(copy, relation, sql.SQL("RENAME TO {}").format(sql.Identifier(f"{OUT_OF_REACH} {relation.oid}")))
        elif (kind := _kind(relation)) is not None:
            copy.execute(sql.SQL("DROP {} IF EXISTS {} CASCADE").format(sql.SQL(kind), name_of(relation)))


def original_oids(copy: psycopg.Connection, snapshot: Snapshot) -> dict[int, int]:
    """The original's OID for each relation and row type of the copy, by the copy's."""
    oids: dict[int, int] = {}
    find = "SELECT c.oid::bigint, c.reltype::bigint, c.relnamespace::regnamespace::text, c.relname FROM pg_class c"
    for oid, row_type, schema, name in copy.execute(find):
        relation = snapshot.by_name.get((schema, name))
        if relation is not None:
            oids |= {oid: relation.oid, row_type: relation.row_type_oid}
    return oids


def exists(access: RelationAccess) -> bool:
    """Whether a relation exists for the role."""
    return access.readable and access.known


def masked_names(access: RelationAccess) -> frozenset[str]:
    """The columns that are not shown as they are stored."""
    return frozenset(d.column.name for d in access.columns if not isinstance(d.mask, Clear))


def _changed_names(access: RelationAccess) -> frozenset[str]:
    """The columns whose values may be NULL or alike where the stored ones are not. Tokens are as good a key."""
    return masked_names(access) - {d.column.name for d in access.columns if isinstance(d.mask, Token)}


def token_type_of(decision: ColumnDecision) -> TokenType | None:
    """What kind of tokens a column holds; None where it holds none."""
    stored = stored_type(decision.column.type)
    if not isinstance(decision.mask, Token) or stored is None:
        return None
    mask = decision.mask
    return TokenType(mask.domain, mask.format, StoredType.TEXT if mask.format is TokenFormat.TEXT else stored)


def name_of(relation: Relation) -> sql.Identifier:
    """The relation's qualified name in SQL."""
    return sql.Identifier(relation.schema, relation.name)


def _drop_constraints(copy: psycopg.Connection, snapshot: Snapshot) -> None:
    """Foreign keys, checks and secondary keys everywhere: no answer depends on them."""
    found = copy.execute(
        """
        SELECT c.conrelid::bigint, c.conname FROM pg_catalog.pg_constraint c
        WHERE c.conrelid <> 0 AND c.contype IN ('f', 'c', 'u') AND c.conparentid = 0 AND c.coninhcount = 0
        ORDER BY c.contype <> 'f'
        """
    ).fetchall()
    for oid, name in found:
        if oid in snapshot.by_oid:
            _alter(copy, snapshot.by_oid[oid], sql.SQL("DROP CONSTRAINT IF EXISTS {}").format(sql.Identifier(name)))


def _drop_primary_key(copy: psycopg.Connection, relation: Relation, masked: frozenset[str]) -> None:
    """Only one with a masked column in it: answers depend on primary keys (GROUP BY)."""
    if masked.intersection(relation.primary_key):
        find = "SELECT conname FROM pg_catalog.pg_constraint WHERE contype = 'p' AND coninhcount = 0 AND conrelid = {}"
        for (name,) in copy.execute(sql.SQL(find).format(_oid(relation))).fetchall():
            _alter(copy, relation, sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)))


def _drop_columns(copy: psycopg.Connection, relation: Relation, access: RelationAccess) -> None:
    if relation.parents or relation.kind is RelationKind.VIEW:
        return
    for decision in access.columns:
        if isinstance(decision.mask, Deny | Hidden):
            _alter(copy, relation, sql.SQL("DROP COLUMN {} CASCADE").format(sql.Identifier(decision.column.name)))


def _partition_key(copy: psycopg.Connection, relation: Relation) -> frozenset[str]:
    find = """
        SELECT a.attname FROM pg_catalog.pg_partitioned_table p
        JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)
        WHERE p.partrelid = {}
    """
    return frozenset(name for (name,) in copy.execute(sql.SQL(find).format(_oid(relation))).fetchall())


def _inherit_instead(copy: psycopg.Connection, snapshot: Snapshot, parent: Relation) -> None:
    children = [r for r in snapshot.relations if parent.oid in r.parents]
    for sequence in snapshot.relations:
        if sequence.kind is RelationKind.SEQUENCE:
            copy.execute(sql.SQL("ALTER SEQUENCE {} OWNED BY NONE").format(name_of(sequence)))
    for child in children:
        _alter(copy, parent, sql.SQL("DETACH PARTITION {}").format(name_of(child)))
    plain = sql.Identifier(parent.schema, f"{parent.name} (new)")
    copy.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS)").format(plain, name_of(parent)))
    with _views_kept(copy, snapshot):
        copy.execute(sql.SQL("DROP TABLE {} CASCADE").format(name_of(parent)))
        copy.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(plain, sql.Identifier(parent.name)))
    for child in children:
        _alter(copy, child, sql.SQL("INHERIT {}").format(name_of(parent)))


def _retype(copy: psycopg.Connection, snapshot: Snapshot, role: BoundRole) -> None:
    """A text token is longer than what is stored."""
    columns = [
        (relation, decision.column.name)
        for relation in snapshot.relations
        if relation.kind in _TABLES and not relation.parents and exists(role.access(relation))
        for decision in role.access(relation).columns
        if (held := token_type_of(decision)) is not None and held.format is TokenFormat.TEXT
    ]
    if not columns:
        return
    with _views_kept(copy, snapshot):
        for view in snapshot.relations:
            if view.kind is RelationKind.VIEW:
                copy.execute(sql.SQL("DROP VIEW IF EXISTS {} CASCADE").format(name_of(view)))
        with _functions_kept(copy):
            for relation, name in columns:
                _alter(copy, relation, sql.SQL("ALTER COLUMN {} TYPE text").format(sql.Identifier(name)))


@contextmanager
def _functions_kept(copy: psycopg.Connection) -> Iterator[None]:
    """Drop the functions whose bodies the server keeps parsed (BEGIN ATOMIC), and make them once more."""
    find = "SELECT oid::regprocedure::text, pg_catalog.pg_get_functiondef(oid) FROM pg_catalog.pg_proc"
    functions = copy.execute(f"{find} WHERE prosqlbody IS NOT NULL AND oid >= 16384").fetchall()
    for name, _ in functions:
        copy.execute(sql.SQL("DROP FUNCTION {}").format(sql.SQL(name)))
    yield
    for _, definition in functions:
        copy.execute(definition)


def _make_table(copy: psycopg.Connection, view: Relation) -> None:
    """A table in place of a materialized view, empty."""
    columns = [sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.type.sql)) for c in view.columns]
    copy.execute(sql.SQL("DROP MATERIALIZED VIEW {}").format(name_of(view)))
    copy.execute(sql.SQL("CREATE TABLE {} ({})").format(name_of(view), sql.SQL(", ").join(columns)))


@contextmanager
def _views_kept(copy: psycopg.Connection, snapshot: Snapshot) -> Iterator[None]:
    """Make the views that are dropped meanwhile once more, with their options."""
    views = sorted((r for r in snapshot.relations if r.kind is RelationKind.VIEW), key=lambda r: r.oid)
    find = "SELECT coalesce(array_to_string(reloptions, ', '), '') FROM pg_catalog.pg_class WHERE oid = %s::regclass"
    names = {v.oid: name_of(v).as_string(copy) for v in views}
    options = {oid: copy.execute(find, [name]).fetchall()[0][0] for oid, name in names.items()}
    yield
    for view in views:
        gone = copy.execute("SELECT to_regclass(%s) IS NULL", [names[view.oid]]).fetchall()[0][0]
        if gone:
            made_with = sql.SQL("WITH ({})").format(sql.SQL(options[view.oid])) if options[view.oid] else sql.SQL("")
            columns = sql.SQL(", ").join(sql.Identifier(c.name) for c in view.columns)
            make = sql.SQL("CREATE VIEW {} ({}) {} AS {}")
            copy.execute(make.format(name_of(view), columns, made_with, sql.SQL(view.definition or "")))


def _kind(relation: Relation) -> str | None:
    match relation.kind:
        case RelationKind.VIEW:
            return "VIEW"
        case RelationKind.MATERIALIZED_VIEW:
            return "MATERIALIZED VIEW"
        case RelationKind.TABLE | RelationKind.PARTITIONED_TABLE:
            return "TABLE"
        case RelationKind.FOREIGN_TABLE:
            return "FOREIGN TABLE"
        case RelationKind.SEQUENCE | RelationKind.COMPOSITE_TYPE:
            return None


def _ancestors(snapshot: Snapshot, relation: Relation) -> Iterator[Relation]:
    for oid in relation.parents:
        yield snapshot.by_oid[oid]
        yield from _ancestors(snapshot, snapshot.by_oid[oid])


def _alter(copy: psycopg.Connection, relation: Relation, action: sql.Composable) -> None:
    copy.execute(sql.SQL("ALTER TABLE {} {}").format(name_of(relation), action))


def _oid(relation: Relation) -> sql.Literal:
    return sql.Literal(relation.oid)
