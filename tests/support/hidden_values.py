"""The stored texts that a role may not see, as canaries.

Owns: their choice. Must not know: statements, the proxy. Invariant: no text that the role's masked copy holds anywhere
is one of them, so that finding one in an answer means that it came from where the role does not see.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from proxy.catalog.snapshot import RelationKind, Snapshot, TypeCategory
from proxy.policy.bound import BoundRole
from proxy.policy.masks import Clear
from tests.support.copy_structure import exists, name_of
from tests.support.disguises import Canaries

_TABLES = frozenset({RelationKind.TABLE, RelationKind.MATERIALIZED_VIEW})
_SHORTEST = 8  # a name of fewer letters may stand in a token by chance
_LONGEST = 24  # so much of a long text is enough to know it by
_OWN_TABLES = """
    SELECT c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n
    ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_|^information_schema$'
"""


def hidden_texts(
    original: psycopg.Connection, copy: psycopg.Connection, snapshot: Snapshot, role: BoundRole
) -> Canaries:
    """The texts of ``original`` that are not clear to ``role`` and not in its ``copy`` (both the superuser's)."""
    values: set[str] = set()
    for relation in snapshot.relations:
        access = role.access(relation)
        for decision in access.columns if relation.kind in _TABLES else ():
            if decision.column.type.category is TypeCategory.TEXT and not (
                exists(access) and isinstance(decision.mask, Clear)
            ):
                column = sql.Identifier(decision.column.name)
                text = sql.SQL("SELECT DISTINCT {}::text FROM ONLY {}").format(column, name_of(relation))
                values |= {value for (value,) in original.execute(text) if value is not None}
    values = {value[:_LONGEST] for value in values}
    shown = Canaries(values, shortest=_SHORTEST, looks=lambda value: (value.encode(),)).found(_rows(copy))
    return Canaries(values - set(shown), shortest=_SHORTEST)


def _rows(copy: psycopg.Connection) -> list[bytes]:
    """Every row of every table as a text."""
    copy.execute("SET search_path = ''")
    tables = [name for (name,) in copy.execute(_OWN_TABLES).fetchall()]
    return [row.encode() for name in tables for (row,) in copy.execute(f"SELECT t::text FROM ONLY {name} AS t")]
