"""The SQL that reads a database's catalog.

Owns: the texts. Must not know: who sends them. Invariant: each runs as any login on PostgreSQL 15 and later, with
``search_path`` set to ``pg_catalog``, so that format_type, pg_get_viewdef and kin qualify every other name.
"""

# ruff: noqa: S608 - every text is put together from constants of this file

from __future__ import annotations

from typing import Final

# Temporary relations belong to one session and are never found by a snapshot; toast tables are nobody's to name.
_USER_SCHEMA: Final = """
    n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND n.nspname !~ '^pg_(toast_)?temp_'
"""

SERVER: Final = """
    SELECT current_database() AS database, current_setting('server_version_num')::int AS version_num,
           current_setting('server_encoding') AS encoding
"""

SCHEMAS: Final = f"SELECT n.nspname AS name FROM pg_namespace n WHERE {_USER_SCHEMA}"

RELATIONS: Final = f"""
    SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.reltype AS row_type,
           CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND {_USER_SCHEMA}
    ORDER BY c.oid
"""

COLUMNS: Final = f"""
    SELECT a.attrelid AS relation, a.attname AS name, a.attnum::int AS number, a.atttypid AS type,
           a.atttypmod AS typmod, format_type(a.atttypid, a.atttypmod) AS sql
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND {_USER_SCHEMA}
    ORDER BY a.attrelid, a.attnum
"""

# Domains, and the one base type that has no fixed oid (an extension's).
TYPES: Final = """
    SELECT t.oid, t.typname AS name, t.typtype::text = 'd' AS is_domain, t.typbasetype AS base,
           t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid) AS constrained
    FROM pg_type t
    WHERE t.typtype = 'd' OR (t.typtype = 'b' AND t.typname = 'citext')
"""

PRIMARY_KEYS: Final = """
    SELECT k.conrelid AS relation, array_agg(a.attname::text ORDER BY p.place) AS columns
    FROM pg_constraint k
    CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS p (number, place)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.number
    WHERE k.contype = 'p' AND NOT k.condeferrable
    GROUP BY k.conrelid
"""

PARENTS: Final = """
    SELECT i.inhrelid AS relation, array_agg(i.inhparent ORDER BY i.inhseqno) AS parents
    FROM pg_inherits i
    GROUP BY i.inhrelid
"""

FUNCTIONS: Final = f"""
    SELECT DISTINCT n.nspname AS schema, p.proname AS name
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {_USER_SCHEMA}
"""

# Types that run functions unnamed: by CREATE CAST or a domain's constraint, also through what is made of such types. An
# extension's own casts do not count: they are part of its types.
TYPE_CALLS: Final = f"""
    WITH RECURSIVE called AS (
        SELECT t.type, c.castfunc AS function
        FROM pg_cast c CROSS JOIN LATERAL (VALUES (c.castsource), (c.casttarget)) AS t (type)
        UNION
        SELECT k.contypid, coalesce(o.oprcode::oid, d.refobjid)
        FROM pg_constraint k
        JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid
        LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
        WHERE k.contypid <> 0 AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
    ), reached AS (
        SELECT c.type, c.function FROM called c
        WHERE c.type IN (SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {_USER_SCHEMA})
        AND EXISTS (
            SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE p.oid = c.function AND {_USER_SCHEMA}
        ) AND NOT EXISTS (
            SELECT FROM pg_depend e
            WHERE e.classid = 'pg_proc'::regclass AND e.objid = c.function AND e.deptype = 'e'
        )
        UNION
        SELECT t.oid, r.function
        FROM reached r
        CROSS JOIN pg_type t
        WHERE r.type IN (t.typbasetype, t.typelem)
           OR t.typrelid IN (SELECT a.attrelid FROM pg_attribute a WHERE a.atttypid = r.type AND a.attnum > 0)
    )
    SELECT DISTINCT n.nspname AS schema, t.typname AS name, f.nspname AS function_schema, p.proname AS function
    FROM reached r
    JOIN pg_type t ON t.oid = r.type JOIN pg_namespace n ON n.oid = t.typnamespace
    JOIN pg_proc p ON p.oid = r.function JOIN pg_namespace f ON f.oid = p.pronamespace
    WHERE {_USER_SCHEMA}
"""

OPERATORS: Final = f"""
    SELECT DISTINCT n.nspname AS schema, o.oprname AS name
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
    WHERE {_USER_SCHEMA}
"""

SYSTEM_RELATIONS: Final = """
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
"""

SYSTEM_FUNCTIONS: Final = """
    SELECT DISTINCT p.proname AS name
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'pg_catalog'
"""

# Every change of a catalog row makes a new row version, with another place or another transaction; a removed row lowers
# the count. The aggregate takes a few milliseconds where the reading takes tens. Temporary tables change these catalogs
# too; the reading after such a change finds nothing new.
FINGERPRINT: Final = " UNION ALL ".join(
    f"SELECT '{table}' AS name, count(*) AS rows, "
    f"coalesce(sum(hashtextextended(xmin::text || ctid::text, 0)), 0)::text AS digest FROM {table}"
    for table in (
        *("pg_class", "pg_attribute", "pg_inherits", "pg_rewrite", "pg_type", "pg_proc", "pg_namespace"),
        *("pg_constraint", "pg_operator", "pg_cast"),
    )
)
