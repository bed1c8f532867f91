"""PostgreSQL servers that stop, start again, and take over from each other.

Owns: their shutdowns, restarts and the copy that a standby begins with. Must not know: what is connected to them.
Invariant: like any ``EmbeddedPostgres`` they and their folders are gone with the context.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Mapping
from enum import Enum

import psycopg

from proxy.demo.binaries import Account, account_for_server
from proxy.demo.clinic import load_clinic
from proxy.demo.postgres import STOP_SECONDS, EmbeddedPostgres
from tests.support.postgres import PATIENTS, Clinic

REPLICATED: Mapping[str, str] = {"wal_level": "replica", "max_wal_senders": "4"}


class Shutdown(Enum):
    """How a server is told to stop (manual, 19.5): sessions are ended, or cut off without a word of farewell."""

    FAST = signal.SIGINT
    IMMEDIATE = signal.SIGQUIT


class MortalPostgres(EmbeddedPostgres):
    """A server on a port of 127.0.0.1 that can go away and come back with its data."""

    def __init__(self) -> None:
        super().__init__(version=int(os.environ.get("PGVEIL_TEST_PG_VERSION", "16")), tcp_port=0, settings=REPLICATED)

    def shut_down(self, how: Shutdown) -> None:
        """Stop it; its data stay. Returns when it is gone."""
        process = self._process
        assert process is not None
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how.value)
        process.wait(STOP_SECONDS)

    def start_again(self) -> None:
        """Start it on its data and its port."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._launch(account_for_server())
        self._wait_until_ready()

    def restart(self, how: Shutdown) -> None:
        """Stop and start."""
        self.shut_down(how)
        self.start_again()

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the superuser."""
        with psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description is not None else []


class StandbyPostgres(MortalPostgres):
    """A hot standby that streams from ``primary``: a copy made by pg_basebackup (manual, 27.2)."""

    def __init__(self, primary: MortalPostgres) -> None:
        super().__init__()
        self._primary = primary
        self.password = primary.password

    def _make_cluster(self, account: Account | None) -> None:
        data = self.folder / "data"
        where = f"host={self._primary.host} port={self._primary.port} user={self.user} application_name=standby"
        copied = subprocess.run(
            [self.binaries.program("pg_basebackup"), "-D", data, "-R", "-c", "fast", "--no-sync", "-d", where],
            env={**os.environ, "PGPASSWORD": self.password},
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            timeout=60,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
        assert copied.returncode == 0, copied.stderr
        with (data / "postgresql.conf").open("a") as conf:
            for name, value in self._all_settings(account).items():
                conf.write(f"{name} = '{value}'\n")

    def promote(self) -> None:
        """Make it a primary; returns when it takes writes."""
        assert self.execute("SELECT pg_promote(true, 30)") == [(True,)]


async def mortal_clinic(server: MortalPostgres) -> Clinic:
    """The clinic on a server of its own."""
    clinic = Clinic(server, login_password=secrets.token_urlsafe(12))
    await load_clinic(clinic.superuser(), login_password=clinic.login_password, patients=PATIENTS)
    return clinic
