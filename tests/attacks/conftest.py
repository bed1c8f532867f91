"""The ward: a small database of canaries, its twin, the masked copy, and a proxy in front of all that has one.

Owns: the fixture ``ward``, and the clinic's proxy that takes hints. Must not know: any attack. Invariant: the ward's
login upstream is the superuser's, so that no attack fails for want of a right in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from proxy.catalog.introspect import ConnectParameters, introspect
from proxy.catalog.snapshot import RelationKind, Snapshot
from proxy.policy.bound import BoundPolicy, BoundRole, bind
from proxy.policy.load import load_policy
from proxy.policy.masks import Clear
from tests.support.copy_structure import exists, name_of
from tests.support.disguises import Canaries
from tests.support.masked_copy import mask_database
from tests.support.postgres import Clinic
from tests.support.proxy_process import Connection, ProxyProcess, copied_database, run_proxy
from tests.support.twins import make_twin

_HOLDS_ROWS = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE, RelationKind.MATERIALIZED_VIEW})
WARD = Path(__file__).parent / "ward"
ROLES = ("reader", "clerk")


@dataclass(frozen=True, slots=True)
class Ward:
    """``left`` and ``right[role]`` are databases that the role cannot tell apart, ``masked[role]`` is what it may see.

    ``canaries[role]`` are the values of both that it may not see.
    """

    server: Clinic
    proxy: ProxyProcess
    policy: BoundPolicy
    left: str
    right: dict[str, str]
    masked: dict[str, str]
    canaries: dict[str, Canaries]

    def parameters(self, role: str, database: str) -> dict[str, str]:
        """How to log in through the proxy."""
        return self.proxy.parameters(role) | {"dbname": database}

    def bare(self, database: str) -> psycopg.Connection:
        """The superuser's connection past the proxy, autocommit."""
        return self.server.connect(database=database)


@pytest.fixture(scope="session")
def ward(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """The databases, and one proxy in front of them."""
    superuser = clinic.superuser()
    server = replace(clinic, database="ward", login=superuser["user"], login_password=superuser["password"])
    with ExitStack() as stack:
        stack.enter_context(_made(clinic))
        snapshot = asyncio.run(introspect(_parameters(server), "ward"))
        policy = bind(load_policy(WARD / "policy.yaml"), snapshot)
        left = stack.enter_context(copied_database(server, "ward_left"))
        right, masked, canaries = {}, {}, {}
        for name in ROLES:
            role = policy.role(name)
            assert role is not None
            right[name] = stack.enter_context(copied_database(server, f"ward_right_of_{name}"))
            masked[name] = stack.enter_context(copied_database(server, f"ward_masked_for_{name}"))
            with server.connect(database=right[name]) as twin:
                assert make_twin(twin, snapshot, role) > 0
                values = _hidden_values(twin, snapshot, role)
            with server.connect(database=left) as original, server.connect(database=masked[name]) as copy:
                copy.execute("DROP RULE leak ON shop.patients")  # what an administrator left about is no part of a copy
                mask_database(original, copy, snapshot, role)
                values |= _hidden_values(original, snapshot, role)
                values -= _shown_values(copy, snapshot)
            canaries[name] = Canaries(values)
        folder = tmp_path_factory.mktemp("ward")
        proxy = stack.enter_context(run_proxy(folder, server, policy=WARD / "policy.yaml", database=left))
        yield Ward(server, proxy, policy, left, right, masked, canaries)


@pytest.fixture(scope="module")
def hinting(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy that takes hints, and requires them of billing's logins."""
    folder = tmp_path_factory.mktemp("hints")
    issuer = {
        "issuer": "urn:pgveil:local", "audience": "pgveil", "jwks": str(folder / "issuer/jwks.json"),
        "leeway_seconds": 0,
    }  # fmt: skip
    identity = {"issuers": [issuer], "hints": "optional", "hints_required": ["billing"]}
    with run_proxy(folder, clinic, sections={"identity": identity}) as running:
        yield running


@pytest.fixture
def login(hinting: ProxyProcess) -> Iterator[Connection]:
    """A clinician's session, as a BI server has it: it sees everything."""
    with hinting.connect("clinician") as connection:
        yield connection


def _made(clinic: Clinic) -> ExitStack:
    stack = ExitStack()
    with clinic.connect(database="postgres") as connection:
        connection.execute("CREATE DATABASE ward TEMPLATE template0")
    stack.callback(_dropped, clinic)
    with clinic.connect(database="ward") as connection:
        connection.execute((WARD / "schema.sql").read_text(encoding="utf-8"))
        connection.execute("VACUUM ANALYZE")
    return stack


def _dropped(clinic: Clinic) -> None:
    with clinic.connect(database="postgres") as connection:
        connection.execute("DROP DATABASE ward WITH (FORCE)")


def _hidden_values(connection: psycopg.Connection, snapshot: Snapshot, role: BoundRole) -> set[str]:
    """The values of all columns that are not clear to the role, each element of an array and each field for itself."""
    values: set[str] = set()
    for relation in snapshot.relations:
        if relation.kind in _HOLDS_ROWS:
            decisions = role.access(relation).columns
            for decision in decisions:
                if not (exists(role.access(relation)) and isinstance(decision.mask, Clear)):
                    values |= _values(connection, name_of(relation), decision.column.name)
    return values


def _values(connection: psycopg.Connection, table: sql.Identifier, column: str) -> set[str]:
    text = sql.SQL("SELECT DISTINCT {}::text FROM {}").format(sql.Identifier(column), table)
    found = {value for (value,) in connection.execute(text) if value is not None}
    parts = {part for value in found for part in value.strip("{}").replace('"', "").split(",")}
    words = {word for value in found for word in value.replace('"', " ").split()}
    return {v.strip().removeprefix("\\x") for v in (*found, *parts, *words)}


def _shown_values(connection: psycopg.Connection, snapshot: Snapshot) -> set[str]:
    """What the copy holds itself, and what everybody sees in the catalogs or the shop."""
    shown: set[str] = {"allergy", "bearer", "cousin", "somebody@example.org", "allergic"}
    for relation in snapshot.relations:
        live = connection.execute("SELECT to_regclass(%s)", [f'"{relation.schema}"."{relation.name}"']).fetchone()
        if live is not None and live[0] is not None and relation.kind in _HOLDS_ROWS:
            find = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            for (column,) in connection.execute(find, [f'"{relation.schema}"."{relation.name}"']).fetchall():
                shown |= _values(connection, name_of(relation), column)
    return shown


def _parameters(server: Clinic) -> ConnectParameters:
    login = server.proxy_login()
    return ConnectParameters(
        host=login["host"], port=login["port"], user=login["user"], password=login["password"], ssl=False
    )
