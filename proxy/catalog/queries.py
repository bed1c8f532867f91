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

_FIRST_OID: Final = 16384  # FirstNormalObjectId: smaller oids are the system's

SERVER: Final = """
    SELECT current_database() AS database, current_setting('server_version_num')::int AS version_num,
           current_setting('server_encoding') AS encoding, d.oid AS database_oid
    FROM pg_database d WHERE d.datname = current_database()
"""

SCHEMAS: Final = f"SELECT n.nspname AS name FROM pg_namespace n WHERE {_USER_SCHEMA}"

RELATIONS: Final = f"""
    SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.reltype AS row_type,
           CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
           concat_ws(' ',
               (SELECT sum(hashtextextended(a.xmin::text, a.attnum)) FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attnum > 0),
               (SELECT sum(hashtextextended(w.xmin::text, 0)) FROM pg_rewrite w WHERE w.ev_class = c.oid)) AS stamp,
           EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type <> '1') AS has_write_rules
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND {_USER_SCHEMA}
    ORDER BY c.oid
"""

COLUMNS: Final = f"""
    SELECT a.attrelid AS relation, a.attname AS name, a.attnum::int AS number, a.atttypid AS type,
           a.atttypmod AS typmod, format_type(a.atttypid, a.atttypmod) AS sql, a.attgenerated <> '' AS generated
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

FOREIGN_KEYS: Final = """
    SELECT k.conname AS name, k.conrelid AS relation, k.confrelid AS referenced,
           k.confupdtype::text AS on_update, k.confdeltype::text AS on_delete,
           (SELECT array_agg(a.attname::text ORDER BY p.place)
               FROM unnest(k.conkey) WITH ORDINALITY AS p (number, place)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.number) AS columns,
           (SELECT array_agg(a.attname::text ORDER BY p.place)
               FROM unnest(k.confkey) WITH ORDINALITY AS p (number, place)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.number) AS referenced_columns
    FROM pg_constraint k
    WHERE k.contype = 'f'
    ORDER BY k.oid
"""

# What writing a relation may run unnamed. A dependency of the trigger, constraint or default names the function, or the
# operator that calls it. An extension's own functions do not count, as the system's do not.
WRITE_CALLS: Final = f"""
    WITH RECURSIVE held AS (
        SELECT a.attrelid AS relation, a.atttypid AS type
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE t.typtype = 'd' AND a.attnum > 0 AND NOT a.attisdropped
        UNION
        SELECT h.relation, t.typbasetype FROM held h JOIN pg_type t ON t.oid = h.type WHERE t.typtype = 'd'
    ), run AS (
        SELECT 'pg_trigger'::regclass AS class, t.oid, t.tgrelid AS relation
        FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
        UNION
        SELECT 'pg_constraint'::regclass, k.oid, k.conrelid FROM pg_constraint k WHERE k.contype IN ('c', 'x')
        UNION
        SELECT 'pg_constraint'::regclass, k.oid, h.relation FROM held h JOIN pg_constraint k ON k.contypid = h.type
        UNION
        SELECT 'pg_type'::regclass, h.type, h.relation FROM held h
        UNION
        SELECT 'pg_attrdef'::regclass, d.oid, d.adrelid FROM pg_attrdef d
        UNION
        SELECT 'pg_class'::regclass, i.indexrelid, i.indrelid
        FROM pg_index i WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
    )
    SELECT DISTINCT r.relation, n.nspname AS schema, p.proname AS name
    FROM run r
    JOIN pg_depend d ON d.classid = r.class AND d.objid = r.oid
    LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    JOIN pg_proc p ON p.oid = coalesce(o.oprcode::oid, d.refobjid)
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND {_USER_SCHEMA}
    AND NOT EXISTS (
        SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
    )
"""

# An aggregate is as volatile as the functions that it calls for each row and in the end.
FUNCTIONS: Final = f"""
    SELECT n.nspname AS schema, p.proname AS name,
           bool_or(p.provolatile = 'v' OR EXISTS (
               SELECT FROM pg_aggregate a
               JOIN pg_proc f ON f.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggmfinalfn)
               WHERE a.aggfnoid = p.oid AND f.provolatile = 'v'
           )) AS volatile
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {_USER_SCHEMA}
    GROUP BY n.nspname, p.proname
"""

# Types that run functions unnamed: by CREATE CAST or a domain's constraint, also through what is made of such types. An
# extension's own casts do not count: they are part of its types. ``by`` is ``pg_cast.castcontext``, or d for a domain.
TYPE_CALLS: Final = f"""
    WITH RECURSIVE called AS (
        SELECT t.type, c.castfunc AS function, c.castcontext::text AS by
        FROM pg_cast c CROSS JOIN LATERAL (VALUES (c.castsource), (c.casttarget)) AS t (type)
        UNION
        SELECT k.contypid, coalesce(o.oprcode::oid, d.refobjid), 'd'
        FROM pg_constraint k
        JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid
        LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
        WHERE k.contypid <> 0 AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
    ), reached AS (
        SELECT c.type, c.function, c.by FROM called c
        WHERE c.type IN (SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {_USER_SCHEMA})
        AND EXISTS (
            SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE p.oid = c.function AND {_USER_SCHEMA}
        ) AND NOT EXISTS (
            SELECT FROM pg_depend e
            WHERE e.classid = 'pg_proc'::regclass AND e.objid = c.function AND e.deptype = 'e'
        )
        UNION
        SELECT t.oid, r.function, r.by
        FROM reached r
        CROSS JOIN LATERAL (
            SELECT t.oid FROM pg_type t WHERE r.type IN (t.typbasetype, t.typelem)
            UNION ALL
            SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.atttypid = r.type AND a.attnum > 0 AND c.reltype <> 0
            UNION ALL
            SELECT unnest(ARRAY[g.rngtypid, g.rngmultitypid]) FROM pg_range g WHERE g.rngsubtype = r.type
        ) t
    )
    SELECT DISTINCT n.nspname AS schema, t.typname AS name, f.nspname AS function_schema, p.proname AS function,
           r.type AS oid, r.by
    FROM reached r
    JOIN pg_type t ON t.oid = r.type JOIN pg_namespace n ON n.oid = t.typnamespace
    JOIN pg_proc p ON p.oid = r.function JOIN pg_namespace f ON f.oid = p.pronamespace
    WHERE {_USER_SCHEMA}
"""

# The same for casts between types that are all built-in: only superusers make them, and any text may run them. The
# array of a type and the domains over it are cast by the same function. ``context`` is ``pg_cast.castcontext``.
BUILT_IN_CASTS: Final = """
    SELECT DISTINCT n.nspname AS schema, t.typname AS name, f.nspname AS function_schema, p.proname AS function,
           c.castcontext::text AS context
    FROM pg_cast c
    JOIN pg_proc p ON p.oid = c.castfunc
    JOIN pg_namespace f ON f.oid = p.pronamespace AND f.nspname NOT IN ('pg_catalog', 'information_schema')
    JOIN pg_type s ON s.oid = c.castsource AND s.typnamespace = 'pg_catalog'::regnamespace
    JOIN pg_type b ON b.oid = c.casttarget AND b.typnamespace = 'pg_catalog'::regnamespace
    JOIN pg_type t ON b.oid IN (t.oid, t.typelem, t.typbasetype)
    JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE NOT EXISTS (
        SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
    )
"""

OPERATORS: Final = f"""
    SELECT n.nspname AS schema, o.oprname AS name, coalesce(bool_or(p.provolatile = 'v'), false) AS volatile
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace LEFT JOIN pg_proc p ON p.oid = o.oprcode
    WHERE {_USER_SCHEMA}
    GROUP BY n.nspname, o.oprname
"""

SYSTEM_RELATIONS: Final = """
    SELECT c.relname AS name FROM pg_class c
    WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
"""

SYSTEM_FUNCTIONS: Final = """
    SELECT DISTINCT p.proname AS name
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'pg_catalog'
"""

# What transactions are visible. Two equal answers mean that no change was committed between them; NULL where that does
# not hold: a standby does not list the transactions in progress.
MOMENT: Final = """
    SELECT CASE WHEN pg_is_in_recovery() AND pg_snapshot_xmin(s) <> pg_snapshot_xmax(s) THEN NULL ELSE s::text END
    FROM pg_current_snapshot() AS s
"""

# The digest of all that a snapshot is made of, in one row. A change by a transaction adds rows that bear its number as
# their xmin, or only takes rows away; so the xmins of a table's rows, as a multiset, are never again what they were.
# pg_class and pg_namespace are told by their content instead: TRUNCATE, GRANT and the like make new row versions there
# that mean nothing to us. Temporary tables and indexes are left out.
FINGERPRINT: Final = f"""
    WITH r AS MATERIALIZED (
        SELECT c.oid, c.relname, c.relkind, c.relnamespace, c.reltype FROM pg_class c
        WHERE c.oid >= {_FIRST_OID} AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    )
    SELECT ({MOMENT}) AS moment, jsonb_build_array(
        (SELECT sum(hashtextextended(concat_ws(' ', r.relname, r.relkind, r.relnamespace, r.reltype), r.oid::bigint))
            FROM r),
        (SELECT sum(hashtextextended(a.xmin::text, a.attrelid::bigint))
            FROM pg_attribute a JOIN r ON r.oid = a.attrelid WHERE a.attnum > 0),
        (SELECT sum(hashtextextended(w.xmin::text, w.oid::bigint)) FROM pg_rewrite w WHERE w.oid >= {_FIRST_OID}),
        (SELECT sum(hashtextextended(concat_ws(' ', i.xmin, i.inhparent), i.inhrelid::bigint))
            FROM pg_inherits i JOIN r ON r.oid = i.inhrelid),
        (SELECT sum(hashtextextended(n.nspname, n.oid::bigint)) FROM pg_namespace n WHERE {_USER_SCHEMA}),
        (SELECT sum(hashtextextended(p.xmin::text, p.oid::bigint)) FROM pg_proc p WHERE p.oid >= {_FIRST_OID}),
        (SELECT sum(hashtextextended(o.xmin::text, o.oid::bigint)) FROM pg_operator o WHERE o.oid >= {_FIRST_OID}),
        (SELECT sum(hashtextextended(c.xmin::text, c.oid::bigint)) FROM pg_cast c WHERE c.oid >= {_FIRST_OID}),
        (SELECT sum(hashtextextended(t.xmin::text, t.oid::bigint)) FROM pg_type t
            WHERE t.oid >= {_FIRST_OID} AND (t.typtype = 'd' OR t.typname = 'citext')),
        (SELECT sum(hashtextextended(k.xmin::text, k.oid::bigint)) FROM pg_constraint k
            WHERE k.contypid <> 0 OR k.conrelid IN (SELECT r.oid FROM r)),
        (SELECT sum(hashtextextended(t.xmin::text, t.oid::bigint)) FROM pg_trigger t JOIN r ON r.oid = t.tgrelid
            WHERE NOT t.tgisinternal),
        (SELECT sum(hashtextextended(d.xmin::text, d.oid::bigint)) FROM pg_attrdef d JOIN r ON r.oid = d.adrelid),
        (SELECT sum(hashtextextended(i.indrelid::text, i.indexrelid::bigint)) FROM pg_index i
            JOIN r ON r.oid = i.indrelid WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
    )::text AS digest
"""
