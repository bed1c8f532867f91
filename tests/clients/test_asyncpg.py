"""asyncpg through the proxy: binary results, statements by name, portals with limits, timeouts, the pool's reset.

Must not know: how the proxy works. Invariant: what asyncpg does against a server, it does against the proxy.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import time

import asyncpg
import pytest

from tests.clients.seen import ROLES, SEEN, Seen, stored_patients
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess

FIRST = "SELECT patient_id, ssn, last_name, dob, zip, phone FROM clinic.patients WHERE patient_id <= $1 ORDER BY 1"

RECORDS = [(99, "New", "North", time(8), 1)]


@asynccontextmanager
async def connected(proxy: ProxyProcess, role: str, *, tls: bool = False) -> AsyncIterator[asyncpg.Connection]:
    """A connection as ``role``."""
    context = ssl.create_default_context(cafile=str(proxy.certificates.ca)) if tls else False
    connection = await asyncpg.connect(
        host=proxy.host,
        port=proxy.port,
        user=role,
        password=proxy.token(role),
        database=proxy.database,
        ssl=context,
        timeout=20,
    )
    try:
        yield connection
    finally:
        await connection.close(timeout=20)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("role", ROLES)
async def test_each_role_sees_its_masks(proxy: ProxyProcess, clinic: Clinic, role: str, tls: bool) -> None:
    """Binary rows hold what the role may see."""
    async with connected(proxy, role, tls=tls) as connection:
        rows = await connection.fetch(FIRST, 40)
    assert [Seen(*list(row.values())[1:]) for row in rows] == [SEEN[role](p) for p in stored_patients(clinic, 40)]


async def test_a_refused_login(proxy: ProxyProcess) -> None:
    """A token that is none is the server's own kind of failed login."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host=proxy.host, port=proxy.port, user="analyst", password="x.y.z", database=proxy.database, ssl=False
        )


async def test_a_prepared_statement_is_run_often(proxy: ProxyProcess, clinic: Clinic) -> None:
    """A named statement keeps its plan, its parameter types and its masks."""
    async with connected(proxy, "analyst") as connection:
        statement = await connection.prepare("SELECT ssn, zip FROM clinic.patients WHERE patient_id = $1")
        assert [p.name for p in statement.get_parameters()] == ["int8"]
        assert [(a.name, a.type.name) for a in statement.get_attributes()] == [("ssn", "bpchar"), ("zip", "bpchar")]
        for number, patient in enumerate(stored_patients(clinic, 20), 1):
            row = await statement.fetchrow(number)
            seen = SEEN["analyst"](patient)
            assert tuple(row or ()) == (seen.ssn, seen.zip)


async def test_a_portal_is_read_in_pieces(proxy: ProxyProcess, clinic: Clinic) -> None:
    """Row limits suspend the portal; the pieces together are the whole result."""
    async with connected(proxy, "analyst") as connection:
        whole = await connection.fetch(FIRST, 300)
        async with connection.transaction():
            pieces = [row async for row in connection.cursor(FIRST, 300, prefetch=7)]
            cursor = await connection.cursor(FIRST, 300)
            first = await cursor.fetch(10)
            assert await cursor.forward(5) == 5
            after = await cursor.fetchrow()
    assert pieces == whole
    assert first == whole[:10]
    assert after == whole[15]


async def test_types_of_the_schema_are_looked_up(proxy: ProxyProcess, clinic: Clinic) -> None:
    """Enums, domains, arrays, ranges and whole rows are decoded by what asyncpg reads from the catalog."""
    text = """
        SELECT a.status, a.duration, d.icd10, p.languages, c.reference_range, p.consent_research
        FROM clinic.appointments a JOIN clinic.patients p USING (patient_id)
        LEFT JOIN clinic.diagnoses d USING (patient_id) CROSS JOIN reference.loinc_codes c
        WHERE p.patient_id <= 10 ORDER BY a.appointment_id, d.diagnosis_id, c.code
    """
    async with connected(proxy, "analyst") as connection:
        shown = await connection.fetch(text)
        department = await connection.fetchval("SELECT d FROM clinic.departments d WHERE department_id = 1")
    login = clinic.superuser()
    owner = await asyncpg.connect(**login, database=proxy.database)
    try:
        assert [tuple(r) for r in shown] == [tuple(r) for r in await owner.fetch(text)]
    finally:
        await owner.close()
    assert department["department_id"] == 1


async def test_an_error_ends_the_transaction_only(proxy: ProxyProcess) -> None:
    """A refusal at Parse aborts the transaction as the server's own errors do."""
    async with connected(proxy, "analyst") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.fetchval("SELECT pg_ls_dir($1)", ".")
        transaction = connection.transaction()
        await transaction.start()
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            await connection.execute("TRUNCATE clinic.claims")
        with pytest.raises(asyncpg.InFailedSQLTransactionError):
            await connection.fetchval("SELECT 1")
        await transaction.rollback()
        assert await connection.fetchval("SELECT $1::int + 1", 41) == 42


async def test_a_timeout_cancels_the_statement(proxy: ProxyProcess) -> None:
    """asyncpg's timeout is a CancelRequest on another connection; the session stays usable."""
    async with connected(proxy, "analyst", tls=True) as connection:
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetchval("SELECT pg_sleep(60)", timeout=0.5)
        assert await connection.fetchval("SELECT 1") == 1


async def test_the_pool_resets_its_connections(proxy: ProxyProcess) -> None:
    """The reset between two uses is understood, and statements can be prepared again after it."""
    async with asyncpg.create_pool(
        host=proxy.host,
        port=proxy.port,
        user="analyst",
        password=proxy.token("analyst"),
        database=proxy.database,
        ssl=False,
        min_size=1,
        max_size=2,
    ) as pool:
        for _ in range(4):
            async with pool.acquire() as connection:
                await connection.execute("SET search_path TO clinic")
                assert await connection.fetchval("SELECT count(*) FROM patients WHERE patient_id <= $1", 5) == 5
        async with pool.acquire() as connection:
            with pytest.raises(asyncpg.UndefinedTableError):
                await connection.fetchval("SELECT count(*) FROM patients")


async def test_copy_of_a_masked_table(proxy: ProxyProcess) -> None:
    """COPY out gives masked lines, COPY in is refused, and the session is still good."""
    async with connected(proxy, "analyst") as connection:
        target = io.BytesIO()
        asked = "SELECT ssn, zip FROM clinic.patients WHERE patient_id = $1"
        assert await connection.copy_from_query(asked, 42, output=target) == "COPY 1"
        assert target.getvalue() == b"\\N\t03700\n"
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            await connection.copy_records_to_table("departments", schema_name="clinic", records=RECORDS)
        target = io.BytesIO()
        assert await connection.copy_from_query("SELECT 1 AS one", output=target) == "COPY 1"
        assert target.getvalue() == b"1\n"


async def test_concurrent_sessions_keep_their_roles(proxy: ProxyProcess, clinic: Clinic) -> None:
    """Sessions of several roles at once each see their own masks."""

    async def read(role: str) -> list[Seen]:
        async with connected(proxy, role) as connection:
            rows = [list(row.values())[1:] for _ in range(5) for row in await connection.fetch(FIRST, 10)]
        return [Seen(*row) for row in rows]

    shown = await asyncio.gather(*(read(role) for role in ROLES * 3))
    stored = stored_patients(clinic, 10)
    for role, seen in zip(ROLES * 3, shown, strict=True):
        assert seen == [SEEN[role](p) for p in stored] * 5
