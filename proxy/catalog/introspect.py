"""Reads a database's catalog into a snapshot.

Owns: the connection that reads, and turning catalog rows into values. Must not know: policy, when to read.
Invariant: a snapshot shows one moment (one REPEATABLE READ transaction), or reading fails.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, TypedDict

import asyncpg

from proxy.catalog import queries
from proxy.catalog.snapshot import (
    Column,
    ColumnType,
    ForeignKey,
    ReferentialAction,
    Relation,
    RelationKind,
    Snapshot,
    TypeCategory,
    ValueCall,
)
from proxy.errors import CatalogError

CONNECT_SECONDS = 15.0
COMMAND_SECONDS = 60.0

# Base types by oid: they are fixed in pg_type.dat and never change.
CATEGORIES: Mapping[int, TypeCategory] = {
    16: TypeCategory.BOOLEAN,
    19: TypeCategory.TEXT,  # name
    20: TypeCategory.INTEGER,
    21: TypeCategory.INTEGER,
    23: TypeCategory.INTEGER,
    25: TypeCategory.TEXT,
    700: TypeCategory.NUMBER,
    701: TypeCategory.NUMBER,
    1042: TypeCategory.TEXT,  # character(n)
    1043: TypeCategory.TEXT,  # character varying
    1082: TypeCategory.DATE,
    1114: TypeCategory.TIMESTAMP,
    1184: TypeCategory.TIMESTAMPTZ,
    1700: TypeCategory.NUMBER,
    2950: TypeCategory.UUID,
}
_BLANK_PADDED = 1042
_OLDEST_VERSION = 150000


class ConnectParameters(TypedDict, total=False):
    """How to reach a server, as ``asyncpg.connect`` names it. ``host`` may be the folder of a Unix socket.

    ``ssl`` is a context, or one of libpq's ``sslmode`` words.
    """

    host: str
    port: int
    user: str
    password: str
    ssl: SSLContext | str | bool


@dataclass(frozen=True, slots=True)
class Servers:
    """Several servers in the order in which they are tried; ``target`` (target_session_attrs) says which will do."""

    parameters: tuple[ConnectParameters, ...]
    target: str


Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Types:
    """What a column's type needs beyond its own row: domains by oid, and the oids of extension types we know."""

    domains: Mapping[int, Row]
    citext: frozenset[int]

    def column_type(self, row: Row) -> ColumnType:
        base, constrained = row["type"], False
        while (domain := self.domains.get(base)) is not None:
            constrained = constrained or domain["constrained"]
            base = domain["base"]
        category = TypeCategory.TEXT if base in self.citext else CATEGORIES.get(base, TypeCategory.OTHER)
        padded = base == _BLANK_PADDED
        return ColumnType(
            row["type"], row["typmod"], row["sql"], category, blank_padded=padded, constrained=constrained
        )


@dataclass(frozen=True, slots=True)
class _Effects:
    """What writes do beside their table, by relation: its foreign keys both ways, and the functions they run."""

    keys: Mapping[int, tuple[ForeignKey, ...]]
    calls: Mapping[int, frozenset[tuple[str, str]]]

    @classmethod
    def of(cls, key_rows: Sequence[Row], call_rows: Sequence[Row]) -> _Effects:
        keys: defaultdict[int, tuple[ForeignKey, ...]] = defaultdict(tuple)
        for key in map(_foreign_key, key_rows):
            for oid in {key.table, key.referenced}:
                keys[oid] += (key,)
        calls: defaultdict[int, frozenset[tuple[str, str]]] = defaultdict(frozenset)
        for row in call_rows:
            calls[row["relation"]] |= {(row["schema"], row["name"])}
        return cls(keys, calls)


def _foreign_key(row: Row) -> ForeignKey:
    return ForeignKey(
        row["name"],
        row["relation"],
        tuple(row["columns"]),
        row["referenced"],
        tuple(row["referenced_columns"]),
        ReferentialAction(row["on_update"]),
        ReferentialAction(row["on_delete"]),
    )


async def introspect(parameters: ConnectParameters | Servers, database: str) -> Snapshot:
    """Connect and read the catalog of ``database``. Raises CatalogError, without the password, when that fails."""
    try:
        connection = await connect(parameters, database)
        try:
            return await read_snapshot(connection)
        finally:
            await connection.close(timeout=CONNECT_SECONDS)
    except CONNECTION_ERRORS as error:
        raise catalog_error(database, error) from error


async def connect(where: ConnectParameters | Servers, database: str) -> asyncpg.Connection:
    """A connection for reading the catalog. Raises what asyncpg does (one of CONNECTION_ERRORS)."""
    servers = where if isinstance(where, Servers) else Servers((where,), "any")
    seconds = CONNECT_SECONDS / len(servers.parameters)
    failure: Exception = asyncpg.InterfaceError("there is no server")
    for target in ("standby", "any") if servers.target == "prefer-standby" else (servers.target,):
        for parameters in servers.parameters:
            try:
                return await _connect(parameters, database, target, seconds)
            except _NEXT_SERVER as error:
                failure = error
    raise failure


async def _connect(parameters: ConnectParameters, database: str, target: str, seconds: float) -> asyncpg.Connection:
    connection = await asyncpg.connect(
        **parameters,
        database=database,
        target_session_attrs=target,
        timeout=seconds,
        command_timeout=COMMAND_SECONDS,
        statement_cache_size=0,
        server_settings={"application_name": "pgveil catalog"},
    )
    try:
        # Not at startup: a pooler may refuse them there, or take them and do nothing.
        await connection.execute("SET search_path = pg_catalog; SET jit = off")
    except BaseException:
        connection.terminate()
        raise
    return connection


# What says that another server may do: this one is not there, still starting, or not of the kind that is asked for.
_NEXT_SERVER = (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)


# What asyncpg raises when the server is away, refuses, or breaks off. asyncio's own timeout is an OSError.
CONNECTION_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


def catalog_error(database: str, error: BaseException) -> CatalogError:
    """The failure in words for a client: the server's SQLSTATE where it gave one, else the kind of failure."""
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return CatalogError(f'database "{database}" does not exist', sqlstate="3D000")
    what = f"SQLSTATE {error.sqlstate}" if isinstance(error, asyncpg.PostgresError) else type(error).__name__
    return CatalogError(
        f'the catalog of database "{database}" could not be read',
        detail=f"The upstream answered with {what}.",
        hint="Try again when the upstream is reachable.",
    )


async def read_snapshot(connection: asyncpg.Connection) -> Snapshot:
    """Read the catalog of the connection's database, as of one moment."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        server = await connection.fetchrow(queries.SERVER)
        _require_supported(server)
        types = _types(await connection.fetch(queries.TYPES))
        columns = _columns(await connection.fetch(queries.COLUMNS), types)
        keys = {row["relation"]: tuple(row["columns"]) for row in await connection.fetch(queries.PRIMARY_KEYS)}
        parents = {row["relation"]: tuple(row["parents"]) for row in await connection.fetch(queries.PARENTS)}
        effects = _Effects.of(await connection.fetch(queries.FOREIGN_KEYS), await connection.fetch(queries.WRITE_CALLS))
        rows = await connection.fetch(queries.RELATIONS)
        relations = tuple(_relation(row, columns, keys, parents, effects) for row in rows)
        schemas = frozenset(row["name"] for row in await connection.fetch(queries.SCHEMAS))
        function_rows = await connection.fetch(queries.FUNCTIONS)
        operator_rows = await connection.fetch(queries.OPERATORS)
        called = await connection.fetch(queries.TYPE_CALLS)
        casts = await connection.fetch(queries.BUILT_IN_CASTS)
        type_calls = frozenset((r["schema"], r["name"], r["function_schema"], r["function"]) for r in (*called, *casts))
        unasked, values = _unasked(casts), _value_calls(called)
        system_relations = frozenset(row["name"] for row in await connection.fetch(queries.SYSTEM_RELATIONS))
        system_functions = frozenset(row["name"] for row in await connection.fetch(queries.SYSTEM_FUNCTIONS))
    functions, operators = _names(function_rows), _names(operator_rows)
    volatile = _names([row for row in (*function_rows, *operator_rows) if row["volatile"]])
    version = _digest(
        server["database"],
        server["database_oid"],
        server["version_num"],
        relations,
        *(sorted(part) for part in (schemas, functions, operators, type_calls)),
        *(sorted(part) for part in (unasked, system_relations, system_functions, volatile)),
        sorted(map(repr, values)),
    )
    return Snapshot(
        database=server["database"],
        database_oid=server["database_oid"],
        version=version,
        server_version_num=server["version_num"],
        relations=relations,
        schemas=schemas,
        functions=functions,
        operators=operators,
        type_calls=type_calls,
        unasked_calls=unasked,
        value_calls=values,
        volatile=volatile,
        system_relations=system_relations,
        system_functions=system_functions,
    )


def _require_supported(server: Row) -> None:
    """Masks know letters by their Unicode code points, and use functions that PostgreSQL 15 brought."""
    if server["version_num"] < _OLDEST_VERSION:
        raise CatalogError(
            f"PostgreSQL {server['version_num'] // 10000} is too old: pgveil needs 15 or newer", sqlstate="0A000"
        )
    if server["encoding"] != "UTF8":
        raise CatalogError(
            f"the database {server['database']} is encoded in {server['encoding']}: pgveil needs UTF8", sqlstate="0A000"
        )


def _types(rows: Sequence[Row]) -> _Types:
    domains = {row["oid"]: row for row in rows if row["is_domain"]}
    return _Types(domains, frozenset(row["oid"] for row in rows if not row["is_domain"]))


def _columns(rows: Sequence[Row], types: _Types) -> Mapping[int, list[Column]]:
    columns: defaultdict[int, list[Column]] = defaultdict(list)
    for row in rows:
        columns[row["relation"]].append(Column(row["name"], row["number"], types.column_type(row), row["generated"]))
    return columns


def _relation(
    row: Row,
    columns: Mapping[int, list[Column]],
    keys: Mapping[int, tuple[str, ...]],
    parents: Mapping[int, tuple[int, ...]],
    effects: _Effects,
) -> Relation:
    kind = RelationKind(row["kind"])
    definition = row["definition"]
    if definition is None and kind in (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW):
        # Dropped by another session while we read: pg_get_viewdef looks at the newest catalog, not at our moment.
        raise asyncpg.InterfaceError("a view went away while the catalog was read")
    return Relation(
        oid=row["oid"],
        schema=row["schema"],
        name=row["name"],
        kind=kind,
        columns=tuple(columns.get(row["oid"], ())),
        row_type_oid=row["row_type"],
        primary_key=keys.get(row["oid"], ()),
        parents=parents.get(row["oid"], ()),
        has_write_rules=row["has_write_rules"],
        foreign_keys=effects.keys.get(row["oid"], ()),
        write_calls=effects.calls.get(row["oid"], frozenset()),
        definition=None if definition is None else definition.strip().removesuffix(";"),
        stamp=row["stamp"],
    )


def _unasked(casts: Sequence[Row]) -> frozenset[tuple[str, str, bool]]:
    """The functions of casts that no text need ask for: ``i`` (implicit) anywhere, ``a`` (assignment) in writes."""
    return frozenset(
        (row["function_schema"], row["function"], row["context"] == "i") for row in casts if row["context"] != "e"
    )


def _value_calls(rows: Sequence[Row]) -> frozenset[ValueCall]:
    return frozenset(
        ValueCall(
            row["oid"], row["function_schema"], row["function"], by_cast=row["by"] != "d", asked=row["by"] in ("a", "e")
        )
        for row in rows
    )


def _names(rows: Sequence[Row]) -> frozenset[tuple[str, str]]:
    return frozenset((row["schema"], row["name"]) for row in rows)


def _digest(*parts: object) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of the parts' printed form, which names every value and its type."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
