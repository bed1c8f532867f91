"""The database ``tpc`` with both benchmarks, the proxy in front of it, and its masked copies.

Owns: the fixtures ``tpc`` and ``tpc_oracle``, and the queries' texts. Must not know: what is compared.
Invariant: the database is loaded once a run, and sessions have the benchmark's schema as their search path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from proxy.planner import grammar
from tests.support.corpus import CORPUS
from tests.support.oracle import Oracle
from tests.support.postgres import Clinic
from tests.support.proxy_process import copied_database, run_proxy
from tests.tpc.data import Data

BENCHMARKS = ("tpch", "tpcds")
DATABASE = "tpc"
POLICY = Path(__file__).with_name("policy.yaml")
_SCHEMA = Path(__file__).with_name("schema.sql")
_COLUMNS = """
    SELECT n.nspname || '.' || c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (%s) AND c.relkind = 'r' AND a.attnum > 0 ORDER BY c.oid, a.attnum
"""


def queries(benchmark: str) -> list[str]:
    """The texts in the order of their numbers, without semicolons."""
    return list(grammar.split((CORPUS / "fidelity" / f"{benchmark}.sql").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def tpc(clinic: Clinic) -> Clinic:
    """The clinic's server and logins, with the database of the two benchmarks."""
    loaded = replace(clinic, database=DATABASE)
    with clinic.connect(database="postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    with loaded.connect() as connection:
        connection.execute(_SCHEMA.read_bytes())
        _fill(connection)
        for schema in BENCHMARKS:
            name = sql.Identifier(schema)
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO pgveil").format(name))
            connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO pgveil").format(name))
        connection.execute("VACUUM ANALYZE")
    return loaded


@pytest.fixture(scope="session")
def tpc_oracle(tpc: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """The oracle for the benchmarks' policy; the roles are named like the benchmarks."""
    with (
        copied_database(tpc, "tpc_behind_proxy") as database,
        run_proxy(tmp_path_factory.mktemp("tpc"), tpc, policy=POLICY, database=database) as proxy,
    ):
        oracle = Oracle(tpc, proxy)
        for benchmark in BENCHMARKS:
            for session in (oracle.copy_session(benchmark), oracle.proxy_session(benchmark)):
                session.exec_(f"SET search_path TO {benchmark}".encode())
        yield oracle
        oracle.close()


def _fill(connection: psycopg.Connection) -> None:
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for table, column, type_name in connection.execute(_COLUMNS, [list(BENCHMARKS)]):
        tables[table][column] = type_name
    data = Data(tables)
    for table in tables:
        copy = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(*table.split(".")))
        with connection.cursor().copy(copy) as target:
            for row in data.rows(table):
                target.write_row(row)
