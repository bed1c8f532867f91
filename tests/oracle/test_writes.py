"""Writes to a clear table that read masked ones: what is written is what the role may see.

Must not know: how the proxy masks. Invariant: each write is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess


@pytest.fixture
def writer(clinic: Clinic, proxy: ProxyProcess) -> Iterator[psycopg.Connection]:
    """A session of a restricted role in a transaction, on a database whose regions the proxy's own login may write."""
    with clinic.connect(database=proxy.database) as owner:
        owner.execute("GRANT INSERT, UPDATE, DELETE ON sales.regions TO pgveil")
    with proxy.connect("contrarian", autocommit=False) as connection:
        yield connection
        connection.rollback()


_MASKED = "SELECT 1000 + patient_id, concat(ssn, ' ', patient_id) AS name FROM clinic.patients WHERE ssn IS NOT NULL"
WRITES = [
    f"INSERT INTO sales.regions (region_id, name) {_MASKED} RETURNING name",
    (
        "UPDATE sales.regions SET name = p.ssn FROM clinic.patients p WHERE p.ssn IS NOT NULL AND region_id = "
        "(SELECT min(region_id) FROM sales.regions) RETURNING regions.name"
    ),
    "DELETE FROM sales.regions r USING clinic.patients p WHERE p.ssn IS NOT NULL AND r.region_id = -1 RETURNING p.ssn",
    (
        f"MERGE INTO sales.regions r USING ({_MASKED}) p (id, name) ON r.region_id = p.id "
        "WHEN NOT MATCHED THEN INSERT (region_id, name) VALUES (p.id, p.name)"
    ),
    f"WITH made AS (INSERT INTO sales.regions (region_id, name) {_MASKED} RETURNING name) SELECT name FROM made",
]


@pytest.mark.parametrize("statement", WRITES, ids=lambda s: s.split()[0])
def test_what_is_written_is_masked(writer: psycopg.Connection, clinic: Clinic, statement: str) -> None:
    """Neither RETURNING nor the written rows hold a stored number."""
    with clinic.connect() as connection:
        stored = {row[0] for row in connection.execute("SELECT ssn FROM clinic.patients WHERE ssn IS NOT NULL")}
    answer = writer.execute(statement)
    seen = [row[0] for row in answer.fetchall()] if answer.description else []
    seen += [row[0] for row in writer.execute("SELECT name FROM sales.regions")]
    assert not stored & {name[:11] for name in seen}
    if not statement.startswith("DELETE"):
        assert any(name[3:11] == "-xx-xxxx" for name in seen), seen[:5]


def test_masked_tables_are_not_written(writer: psycopg.Connection) -> None:
    """Nor what the role does not list."""
    for statement in ("DELETE FROM clinic.patients", "UPDATE sales.orders SET quantity = 1"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), writer.transaction():
            writer.execute(statement)
