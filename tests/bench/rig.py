"""What is measured: a PostgreSQL with a million made-up patients, a PgBouncer where one is installed, and the proxy.

Owns: starting and ending these processes, all on 127.0.0.1. Must not know: what is measured with them.
Invariant: when ``rig`` ends, so have all its processes, and its folder is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import psycopg

from proxy.demo.postgres import EmbeddedPostgres
from proxy.identity.local_issuer import LocalIssuer

DATABASE = "bench"
ROLE = "reader"
START_SECONDS = 60.0

_SCHEMA = """
CREATE SCHEMA clinic;
CREATE TABLE clinic.patients (
    patient_id bigint NOT NULL, mrn varchar(12) NOT NULL, ssn char(11) NOT NULL, first_name text NOT NULL,
    last_name text NOT NULL, dob date NOT NULL, zip varchar(10) NOT NULL, sex char(1) NOT NULL, balance numeric(12,2)
);
INSERT INTO clinic.patients
SELECT n, 'MRN' || lpad(n::text, 9, '0'),
       lpad((n * 7919 % 1000)::text, 3, '0') || '-' || lpad((n * 104729 % 100)::text, 2, '0') || '-'
         || lpad((n * 1299709 % 10000)::text, 4, '0'),
       (ARRAY['Ada','Grace','Emmy','Mary','Rosalind','Dorothy','Katherine','Lise'])[1 + n % 8],
       (ARRAY['Lovelace','Hopper','Noether','Somerville','Franklin','Hodgkin','Johnson','Meitner'])[1 + n * 31 % 8],
       date '1930-01-01' + (n * 6151 % 33000)::int, lpad((n * 15485863 % 100000)::text, 5, '0'),
       (ARRAY['F','M'])[1 + n % 2], n * 37 % 100000 / 100.0
  FROM generate_series(1, %(rows)s::bigint) AS n;
ALTER TABLE clinic.patients ADD PRIMARY KEY (patient_id);
CREATE TABLE clinic.readings AS
SELECT patient_id AS reading_id, mrn::text AS text_1, 'ENC' || mrn AS text_2, 'CLM' || mrn AS text_3,
       10000000000 + patient_id * 7919 AS digits_1, 20000000000 + patient_id * 7919 AS digits_2,
       30000000000 + patient_id * 7919 AS digits_3, dob, zip, sex, balance FROM clinic.patients;
GRANT USAGE ON SCHEMA clinic TO pgveil;
GRANT SELECT ON ALL TABLES IN SCHEMA clinic TO pgveil;
"""

_POLICY = """\
version: 1
domains: {record: {}}
kinds:
  key:        {mask: clear}
  mrn:        {safe_harbor: medical_record_number, mask: clear}
  ssn:        {safe_harbor: social_security_number, mask: {partial: {show_last: 4}}}
  name:       {safe_harbor: name, mask: {partial: {show_first: 1}}}
  birth_date: {safe_harbor: date, mask: {generalize: year}}
  zip:        {safe_harbor: geography, mask: zip3}
  text:       {mask: {token: {domain: record}}}
  digits:     {mask: {token: {domain: record, format: digits}}}
tables:
  clinic.readings:
    columns: {reading_id: key, text_1: text, text_2: text, text_3: text, digits_1: digits, digits_2: digits,
              digits_3: digits, dob: clear, zip: clear, sex: clear, balance: clear}
  clinic.patients:
    columns: {patient_id: key, mrn: mrn, ssn: ssn, first_name: clear, last_name: name, dob: birth_date, zip: zip,
              sex: clear, balance: clear}
roles:
  reader:
    reads: [clinic.*]
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client connects, and the SQL that it sends there: the role's own, or what the proxy makes of it."""

    name: str
    port: int
    user: str
    password: str
    rewritten: bool

    def __repr__(self) -> str:
        return f"Target({self.name!r}, port={self.port})"

    def dsn(self) -> str:
        """What libpq needs."""
        return psycopg.conninfo.make_conninfo(
            host="127.0.0.1", port=self.port, user=self.user, password=self.password, dbname=DATABASE, sslmode="disable"
        )


class AnotherProxy(Protocol):
    """Starts a proxy that ends with the context."""

    def __call__(self, name: str, *, spares: int, pooled: bool = False) -> AbstractContextManager[Target]: ...


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything running. ``proxy_pid`` is the process whose memory is looked at, ``tools`` has pgbench, and ``rows``
    is the number of patients, who are numbered from 1. ``admin_port`` has the proxy's metrics. ``another`` starts a
    proxy more, of that name and with so many spares; where it says so, PgBouncer is between it and the server.
    """

    folder: Path
    tools: Path
    settings: Path
    targets: tuple[Target, ...]
    proxy_pid: int
    admin_port: int
    rows: int
    another: AnotherProxy

    def target(self, name: str) -> Target:
        """The target of that name (KeyError if there is none)."""
        return {target.name: target for target in self.targets}[name]


@contextlib.contextmanager
def rig(*, rows: int, note: Callable[[str], None]) -> Iterator[Rig]:
    """Start everything. ``note`` is told what takes a while; messages of the processes go to files in the folder."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgveil-bench-")))
        folder.chmod(0o755)
        note("starting PostgreSQL")
        server = stack.enter_context(
            EmbeddedPostgres(tcp_port=0, settings={"shared_buffers": "512MB", "max_connections": "700"})
        )
        password = secrets.token_urlsafe(18)
        note(f"making {rows:,} patients")
        _load(server, rows, password)
        targets = [
            Target("direct, unmasked", server.port, "pgveil", password, rewritten=False),
            Target("direct", server.port, "pgveil", password, rewritten=True),
        ]
        bouncer = find_pgbouncer()
        if bouncer is not None:
            note("starting PgBouncer")
            port = stack.enter_context(pgbouncer(bouncer, folder, server.port, password))
            targets.append(Target("PgBouncer", port, "pgveil", password, rewritten=True))
        note("starting pgveil")
        issuer = LocalIssuer.create(folder / "issuer")
        token = issuer.mint(subject="bench", roles=(ROLE,), lifetime=timedelta(hours=12))
        upstream = {"port": server.port, "password": password}
        admin_port = _free_port()
        settings = _settings(folder, "pgveil", upstream, issuer, admin_port)
        process, port = stack.enter_context(_proxy(settings))
        targets.append(Target("pgveil", port, ROLE, token, rewritten=False))

        @contextlib.contextmanager
        def another(name: str, *, spares: int, pooled: bool = False) -> Iterator[Target]:
            with contextlib.ExitStack() as inner:
                changed: dict[str, object] = {**upstream, "spares": spares}
                if pooled and bouncer is not None:
                    own = folder / name
                    own.mkdir(mode=0o755)
                    changed["port"] = inner.enter_context(pgbouncer(bouncer, own, server.port, password))
                file = _settings(folder, name, changed, issuer, admin_port=0)
                _, listens = inner.enter_context(_proxy(file))
                yield Target(name, listens, ROLE, token, rewritten=False)

        yield Rig(folder, server.binaries.folder, settings, tuple(targets), process.pid, admin_port, rows, another)


def find_pgbouncer() -> Path | None:
    """The installed PgBouncer; Debian keeps it where only root's PATH looks."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return None if found is None else Path(found)


def _load(server: EmbeddedPostgres, rows: int, password: str) -> None:
    def connect(database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            dbname=database,
            autocommit=True,
        )

    with connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
        connection.execute(psycopg.sql.SQL("CREATE ROLE pgveil LOGIN PASSWORD {}").format(password))
    with connect(DATABASE) as connection:
        for statement in _SCHEMA.replace("%(rows)s", str(rows)).split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("VACUUM (ANALYZE, FREEZE) clinic.patients, clinic.readings")


@contextlib.contextmanager
def pgbouncer(program: Path, folder: Path, upstream: int, password: str, *, mode: str = "session") -> Iterator[int]:
    """PgBouncer with nothing but what a plain installation needs."""
    port = _free_port()
    users, config = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"pgveil" "{password}"\n')
    config.write_text(
        "[databases]\n"
        f"* = host=127.0.0.1 port={upstream}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {users}\n"
        f"pool_mode = {mode}\nmax_client_conn = 400\ndefault_pool_size = 250\nserver_tls_sslmode = disable\n"
        "ignore_startup_parameters = extra_float_digits,options\n"
        "log_connections = 0\nlog_disconnections = 0\n"
    )
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    for file in (users, config):
        file.chmod(0o600)
        if account is not None:
            os.chown(file, account.pw_uid, account.pw_gid)
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(
            [program, config],
            stdout=log,
            stderr=log,
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
        )
    try:
        _wait_for_port(port, process, folder / "pgbouncer.log")
        yield port
    finally:
        _end(process)


def _settings(folder: Path, name: str, upstream: Mapping[str, object], issuer: LocalIssuer, admin_port: int) -> Path:
    """The settings of one proxy; all have the same policy, issuer and keys."""
    (folder / "policy.yaml").write_text(_POLICY)
    settings = folder / f"{name}.yaml"
    settings.touch(0o600)
    account = {"host": "127.0.0.1", "user": "pgveil", "tls": "disable", "databases": [DATABASE]}
    known = {"issuer": issuer.issuer, "audience": issuer.audience, "jwks": "issuer/jwks.json"}
    sections = {
        "listen": {"host": "127.0.0.1", "port": 0},
        "upstream": {**account, **upstream},
        "identity": {"issuers": [{**known, "algorithms": [issuer.algorithm.value]}]},
        "policy": "policy.yaml",
        "keyring": {"file": "keyring.yaml", "master_key": "file:master.key"},
        "audit": {"journal": f"{name}.jsonl"},
        "admin": {"host": "127.0.0.1", "port": admin_port},
    }
    settings.write_text(json.dumps(sections))  # which is YAML too
    return settings


@contextlib.contextmanager
def _proxy(settings: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    log = settings.with_suffix(".log")
    program = Path(sys.executable).with_name("pgveil")
    keys = [str(program), "keys", "init", "--config", str(settings)]
    subprocess.run(keys, check=True, stdout=subprocess.DEVNULL)
    command = [str(program), "serve", "--config", str(settings), "--log-level", "warning"]
    with log.open("wb") as messages:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, text=True)
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line.startswith("listening on "):
            raise SystemExit(f"pgveil did not start:\n{log.read_text(errors='replace')}")
        yield process, int(line.rstrip().rpartition(":")[2])
    finally:
        _end(process)


def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(35)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"PgBouncer did not start:\n{log.read_text(errors='replace')}")
