"""The throw-away PostgreSQL: it starts, listens where it should, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from proxy.demo import postgres as embedded
from proxy.demo.binaries import EmbeddedPostgresError
from proxy.demo.postgres import EmbeddedPostgres, ServerTls, remove_stale_folders
from tests.support.postgres import Clinic

STARTED_AND_KILLED = """
import os, signal, sys
from proxy.demo.postgres import EmbeddedPostgres
server = EmbeddedPostgres()
server.start()
print(server.folder, (server.folder / "data" / "postmaster.pid").read_text().split()[0], flush=True)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
os.kill(os.getpid(), getattr(signal, sys.argv[1]))
"""


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def started(postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """The run's own server (asked for so that a machine without one leaves these tests out)."""
    return postgres


def test_it_listens_on_socket_and_loopback(started: EmbeddedPostgres) -> None:
    """Both ways in ask for the password, by SCRAM."""
    for host in (started.host, started.tcp_host):
        with psycopg.connect(
            host=host,
            port=started.port,
            user=started.user,
            password=started.password,
            dbname="postgres",
            require_auth="scram-sha-256",
        ) as connection:
            assert connection.execute("SELECT 'É' ~ '^[[:alpha:]]$', upper('ł')").fetchone() == (True, "Ł")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=host, port=started.port, user=started.user, password="wrong", dbname="postgres")
    assert started.password not in repr(started)


@pytest.mark.parametrize("version", [16, 18])
def test_each_version_starts_and_ends(started: EmbeddedPostgres, version: int) -> None:
    """It runs between start and stop; afterwards process and folder are gone, and stop may be called again."""
    assert started.binaries.version >= 15
    server = EmbeddedPostgres(version=version, settings={"work_mem": "5MB"})
    with server:
        folder = server.folder
        pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        assert is_running(pid)
        with pytest.raises(EmbeddedPostgresError, match="socket only"):
            _ = server.tcp_host
        with psycopg.connect(
            host=server.host, port=server.port, user=server.user, password=server.password, dbname="postgres"
        ) as connection:
            assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
    assert not is_running(pid)
    assert not folder.exists()
    server.stop()
    with pytest.raises(EmbeddedPostgresError, match="has not been started"):
        _ = server.folder


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_it_does_not_outlive_us(started: EmbeddedPostgres, how: str) -> None:
    """However the process that started it ends, server and folder are gone soon after."""
    assert started.folder.exists()
    child = subprocess.run(
        [sys.executable, "-c", STARTED_AND_KILLED, how], capture_output=True, text=True, check=False, timeout=60
    )
    assert child.returncode != 0
    folder, pid = child.stdout.split()
    deadline = time.monotonic() + 30
    while is_running(int(pid)) or Path(folder).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_failure_shows_the_log(started: EmbeddedPostgres) -> None:
    """A server that ends while starting is reported with the last lines of its log, and its folder is removed."""
    assert started.folder.exists()
    server = EmbeddedPostgres(settings={"shared_buffers": "nonsense"})
    with pytest.raises(EmbeddedPostgresError, match="ended while starting") as raised:
        server.start()
    assert "shared_buffers" in (raised.value.detail or "")
    with pytest.raises(EmbeddedPostgresError, match="has not been started"):
        _ = server.folder


def test_a_server_without_tls_says_so(started: EmbeddedPostgres, tmp_path: Path) -> None:
    """Where the server was built without TLS, asking for it fails with the server's own words; else it is served."""
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_text("not a certificate")
    key.write_text("not a key")
    assert started.folder.exists()
    server = EmbeddedPostgres(tcp_port=0, tls=ServerTls(certificate, key))
    with pytest.raises(EmbeddedPostgresError, match="ended while starting") as raised:
        server.start()
    detail = raised.value.detail or ""
    assert "SSL is not supported by this build" in detail or "could not load server certificate" in detail


def test_stale_folders_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old folder whose guardian is gone is removed; a new one and a stranger's stay."""
    monkeypatch.setattr(embedded, "_base_folder", lambda: tmp_path)
    old, new, other = (tmp_path / name for name in ("pgveil-pg-old", "pgveil-pg-new", "something-old"))
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "guardian.lock").touch()
    long_ago = time.time() - 2 * embedded.STALE_AFTER
    for folder in (old, other):
        os.utime(folder, (long_ago, long_ago))
    remove_stale_folders()
    assert not old.exists()
    assert new.exists()
    assert other.exists()


def test_the_clinic_is_whole(clinic: Clinic) -> None:
    """Every table and view has rows, the login reads all of it, writes encounters only, and creates nothing."""
    with clinic.connect(superuser=False) as connection:
        names = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'"
            " UNION ALL SELECT format('%I.%I', schemaname, viewname) FROM pg_views WHERE schemaname = 'clinic'"
            " UNION ALL SELECT format('%I.%I', schemaname, matviewname) FROM pg_matviews"
        ).fetchall()
        assert len(names) > 25
        empty = {
            name for (name,) in names if connection.execute(f"SELECT FROM {name} LIMIT 1".encode()).fetchone() is None
        }
        assert empty <= {"clinic.encounters_other"}
        assert connection.execute("SELECT count(*) FROM clinic.patients").fetchone() == (400,)
        for statement in ("CREATE TABLE mine (a int)", "UPDATE clinic.patients SET sex = 'X'", "CREATE SCHEMA mine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        with connection.transaction(force_rollback=True):
            made = connection.execute(
                "INSERT INTO clinic.encounters (patient_id, mrn, provider_id, department_id, kind, admitted_at)"
                " VALUES (42, 'MRN-8735441', 1, 1, 'office', '2026-10-31') RETURNING encounter_id"
            ).fetchone()
        assert made is not None


def test_a_running_servers_folder_is_no_leftover(started: EmbeddedPostgres) -> None:
    """While a server runs its folder is locked, so that no other run takes it for a leftover."""
    long_ago = time.time() - 2 * embedded.STALE_AFTER
    os.utime(started.folder, (long_ago, long_ago))
    remove_stale_folders()
    assert started.folder.exists()
