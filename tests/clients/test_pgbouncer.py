"""PgBouncer between pgveil and the database: good in session mode, found out in transaction mode."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.bench.rig import find_pgbouncer, pgbouncer
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, copied_database, run_proxy

pytestmark = pytest.mark.tools


@contextmanager
def _behind_pgbouncer(clinic: Clinic, folder: Path, mode: str, spares: int) -> Iterator[ProxyProcess]:
    program = find_pgbouncer()
    assert program is not None, "PgBouncer is not installed"
    folder.chmod(0o755)
    for parent in folder.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    port = clinic.server.port
    with (
        copied_database(clinic, f"clinic_pooled_{mode}_{spares}") as database,
        pgbouncer(program, folder, port, clinic.login_password, mode=mode) as pooled,
        run_proxy(
            folder / "proxy",
            clinic,
            database=database,
            upstream={"host": "127.0.0.1", "port": pooled, "spares": spares},
        ) as proxy,
    ):
        yield proxy


@pytest.mark.parametrize("spares", [0, 2])
def test_session_mode(clinic: Clinic, tmp_path: Path, spares: int) -> None:
    """Sessions follow each other, keep their own settings, and end as elsewhere when the server ends them."""
    with _behind_pgbouncer(clinic, tmp_path, "session", spares) as proxy:
        for _ in range(5):
            with proxy.connect("analyst") as first, proxy.connect("billing") as second:
                first.execute("SET search_path = clinic")
                (ssn,) = second.execute("SELECT ssn FROM clinic.patients WHERE patient_id = 42").fetchone() or ("",)
                assert ssn.startswith("***-**-")
                assert first.execute("SELECT count(*) FROM patients").fetchone() is not None
                with pytest.raises(psycopg.errors.UndefinedTable):
                    second.execute("SELECT count(*) FROM patients")
        with proxy.connect("analyst") as victim:
            victim.execute("SELECT 1")
            with clinic.connect(database="postgres") as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [proxy.database]
                )
            with pytest.raises(psycopg.OperationalError):
                victim.execute("SELECT 1")
        with proxy.connect("analyst") as again:
            assert again.execute("SELECT 1").fetchone() == (1,)
        assert proxy.metric("pgveil_out_of_step_total") == 0


@pytest.mark.parametrize("spares", [0, 2])
def test_transaction_mode(clinic: Clinic, tmp_path: Path, spares: int) -> None:
    """Sessions that would share a server process are ended, with words that say what to set."""
    with _behind_pgbouncer(clinic, tmp_path, "transaction", spares) as proxy:
        found: list[str] = []
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                try:
                    stack.enter_context(proxy.connect("analyst"))
                except psycopg.OperationalError as error:
                    found.append(str(error))
        assert any("transaction mode" in text for text in found), found
        assert "must be in session mode" in proxy.log()
