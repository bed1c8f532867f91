"""Runs a mask's expression on a real Postgres and gives what it shows.

Owns: the statement around the expression. Must not know: what is right.
Invariant: values go in and come out as Postgres' own text, so that no driver's idea of a type stands between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from proxy.catalog.snapshot import Column, ColumnType, TypeCategory
from proxy.policy.mask_sql import scan_expression
from proxy.policy.masks import Mask
from proxy.policy.sql_text import type_name

TEXT = ColumnType(25, -1, "text", TypeCategory.TEXT)
CHAR11 = ColumnType(1042, 15, "character(11)", TypeCategory.TEXT, blank_padded=True)
VARCHAR20 = ColumnType(1043, 24, "character varying(20)", TypeCategory.TEXT)
NAME = ColumnType(19, -1, "name", TypeCategory.TEXT)
DATE = ColumnType(1082, -1, "date", TypeCategory.DATE)
TIMESTAMP = ColumnType(1114, -1, "timestamp without time zone", TypeCategory.TIMESTAMP)
TIMESTAMP0 = ColumnType(1114, 0, "timestamp(0) without time zone", TypeCategory.TIMESTAMP)
TIMESTAMPTZ = ColumnType(1184, -1, "timestamp with time zone", TypeCategory.TIMESTAMPTZ)
SMALLINT = ColumnType(21, -1, "smallint", TypeCategory.INTEGER)
INTEGER = ColumnType(23, -1, "integer", TypeCategory.INTEGER)
BIGINT = ColumnType(20, -1, "bigint", TypeCategory.INTEGER)
NUMERIC = ColumnType(1700, -1, "numeric", TypeCategory.NUMBER)
NUMERIC_5_2 = ColumnType(1700, ((5 << 16) | 2) + 4, "numeric(5,2)", TypeCategory.NUMBER)
REAL = ColumnType(700, -1, "real", TypeCategory.NUMBER)
DOUBLE = ColumnType(701, -1, "double precision", TypeCategory.NUMBER)
BOOLEAN = ColumnType(16, -1, "boolean", TypeCategory.BOOLEAN)
UUID = ColumnType(2950, -1, "uuid", TypeCategory.UUID)
JSONB = ColumnType(3802, -1, "jsonb", TypeCategory.OTHER)


@dataclass(frozen=True, slots=True)
class Shown:
    """What came out, as text, and the type that RowDescription names."""

    values: list[str | None]
    type_oid: int
    typmod: int


def shown(connection: psycopg.Connection, mask: Mask, column_type: ColumnType, values: Sequence[str | None]) -> Shown:
    """``values`` as a column of the type, seen through ``mask``."""
    expression = scan_expression(mask, Column('the "value"', 1, column_type))
    values_as_column = (
        f'SELECT CAST(u AS {type_name(column_type.sql)}) AS "the ""value""", n '
        "FROM pg_catalog.unnest($1::pg_catalog._text) WITH ORDINALITY AS t (u, n) OFFSET 0"
    )
    query = f"SELECT x FROM (SELECT {expression} AS x, n FROM ({values_as_column}) s) p ORDER BY n"
    array = "{" + ",".join("NULL" if v is None else _quoted(v) for v in values) + "}"
    result = connection.pgconn.exec_params(query.encode(), [array.encode()])
    assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message.decode()
    cells = [result.get_value(row, 0) for row in range(result.ntuples)]
    return Shown([None if c is None else c.decode() for c in cells], result.ftype(0), result.fmod(0))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
