"""PgBouncer between pgveil and the database: good in session mode, found out in transaction mode."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.bench.rig import find_pgbouncer, pgbouncer
from tests.support.mortal_postgres import MortalPostgres, Shutdown, mortal_clinic
from tests.support.postgres import Clinic
from tests.support.proxy_process import Connection, ProxyProcess, copied_database, run_proxy

pytestmark = pytest.mark.tools


def _let_in(folder: Path) -> None:
    """PgBouncer does not run as root."""
    folder.chmod(0o755)
    for parent in folder.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)


@contextmanager
def _behind_pgbouncer(clinic: Clinic, folder: Path, mode: str, spares: int) -> Iterator[ProxyProcess]:
    program = find_pgbouncer()
    assert program is not None, "PgBouncer is not installed"
    _let_in(folder)
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


def test_connections_are_given_back(clinic: Clinic, tmp_path: Path) -> None:
    """Behind PgBouncer too a connection serves the next session of its user, as new."""
    with _behind_pgbouncer(clinic, tmp_path, "session", 3) as proxy:
        processes = set()
        for _ in range(10):
            with proxy.connect("analyst") as session:
                assert session.execute("SHOW search_path").fetchone() == ('"$user", public',)
                processes.add(session.execute("SELECT pg_backend_pid()").fetchone())
                session.execute("SET search_path = clinic")
        assert len(processes) < 10
        assert proxy.metric("pgveil_out_of_step_total") == 0


def test_restart_behind_it(tmp_path: Path) -> None:
    """The database restarts under PgBouncer: sessions end with an error in time, and new ones come through again."""
    program = find_pgbouncer()
    assert program is not None, "PgBouncer is not installed"
    with MortalPostgres() as server:
        clinic = asyncio.run(mortal_clinic(server))
        _let_in(tmp_path)
        with (
            pgbouncer(program, tmp_path, server.port, clinic.login_password) as pooled,
            run_proxy(tmp_path / "proxy", clinic, upstream={"host": "127.0.0.1", "port": pooled}) as proxy,
        ):
            with proxy.connect("analyst") as idle, proxy.connect("analyst") as open_, suppress(psycopg.Error):
                open_.execute("BEGIN; SELECT 1")
                server.restart(Shutdown.FAST)
                for session in (idle, open_):
                    with pytest.raises(psycopg.OperationalError):
                        session.execute("SELECT 1")
            again = _session_in_time(proxy)
            with again:
                row = again.execute("SELECT zip FROM clinic.patients WHERE patient_id = 1").fetchone()
                assert row == ("03000",)
            assert proxy.metric("pgveil_out_of_step_total") == 0


def _session_in_time(proxy: ProxyProcess) -> Connection:
    """PgBouncer does not ask a server again at once (raises AssertionError where it takes longer than it should)."""
    end = time.monotonic() + 40
    while time.monotonic() < end:
        with suppress(psycopg.OperationalError):
            return proxy.connect("analyst")
        time.sleep(0.5)
    raise AssertionError("no login after the restart")


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
