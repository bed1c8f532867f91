"""``pgveil serve`` as its own process, as an administrator starts it.

Owns: the fixture ``proxy``, its settings file, its tokens, and the check that it ends cleanly. Must not know: what is
asked of it. Invariant: every process ends with its test, its log holds no traceback, and tokens are never printed.
"""

from __future__ import annotations

import json
import select
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest
from psycopg import sql
from ruamel.yaml import YAML

from proxy.app import keyring_file
from proxy.identity.local_issuer import LocalIssuer
from proxy.settings import load_settings
from proxy.tokens.derivation import Keyring
from proxy.tokens.tokenizer import Tokenizer
from tests.support.certificates import ServerFiles, make_server_files
from tests.support.postgres import Clinic

POLICIES = (Path(__file__).parents[2] / "policies" / "clinic", Path(__file__).parent / "policy")
START_SECONDS = 100.0
STOP_SECONDS = 30.0
_PGVEIL = Path(sys.executable).with_name("pgveil")

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class ProxyProcess:
    """A running proxy: where it listens, and how to log in to it."""

    process: subprocess.Popen[str]
    folder: Path
    host: str
    port: int
    issuer: LocalIssuer
    database: str
    policy: Path
    certificates: ServerFiles

    def token(self, *roles: str, subject: str = "dana@example.org") -> str:
        """A token that is good for these roles."""
        return self.issuer.mint(subject=subject, roles=roles)

    def parameters(self, role: str, *, tls: bool = False) -> dict[str, str]:
        """What a libpq client needs to log in as ``role``."""
        parameters = {
            "host": self.host,
            "port": str(self.port),
            "user": role,
            "password": self.token(role),
            "dbname": self.database,
            "sslmode": "verify-full" if tls else "disable",
        }
        return parameters | ({"sslrootcert": str(self.certificates.ca)} if tls else {})

    def connect(self, role: str, *, tls: bool = False, autocommit: bool = True) -> Connection:
        """A psycopg connection as ``role``; use it as a context manager."""
        return psycopg.connect(**self.parameters(role, tls=tls), autocommit=autocommit)  # type: ignore[arg-type]

    def log(self) -> str:
        """What the proxy has written so far."""
        return (self.folder / "proxy.log").read_text(encoding="utf-8")

    def journal(self) -> list[dict[str, Any]]:
        """The records written so far."""
        lines = (self.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def metrics(self) -> str:
        """What Prometheus would scrape."""
        port = (self.folder / "admin_port").read_text()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            return str(response.read().decode())

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        return next(float(line.split()[1]) for line in self.metrics().splitlines() if line.startswith(f"{name} "))

    def tokenizer(self) -> Tokenizer:
        """The tokens of its keyring as it is now (of none where there is no keyring)."""
        keyring = load_settings(self.folder / "pgveil.yaml").keyring
        return Tokenizer(keyring_file(keyring).read() if keyring is not None else Keyring({}))

    def keys(self, *arguments: str) -> None:
        """Run ``pgveil keys`` on its settings."""
        command = [str(_PGVEIL), "keys", *arguments, "--config", str(self.folder / "pgveil.yaml")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def reload(self) -> None:
        """Ask for a reload of the policy (it happens a moment later)."""
        self.process.send_signal(signal.SIGHUP)


@contextmanager
def run_proxy(
    folder: Path,
    clinic: Clinic,
    *,
    policy: Path | None = None,
    database: str | None = None,
    upstream: Mapping[str, object] | None = None,
    keys: bool = False,
    sections: Mapping[str, object] | None = None,
) -> Iterator[ProxyProcess]:
    """Start a proxy in front of ``database`` (by default the clinic) and end it with SIGTERM.

    The policy is by default the worked example's, and beside its roles some that exist for tests only.
    ``upstream`` are further settings of that section. ``keys``: with a keyring that has all the policy's domains, made
    by ``pgveil keys init``; the worked example needs one. ``sections`` are further sections of the settings, whole.

    Raises AssertionError where it does not come up, does not end with exit code 0, or has logged a traceback.
    """
    folder.mkdir(parents=True, exist_ok=True)
    certificates = make_server_files(folder / "tls")
    issuer = LocalIssuer.create(folder / "issuer")
    admin_port = _free_port()
    keys = keys or policy is None
    policy = policy or _merged_policy(folder / "policy")
    settings = folder / "pgveil.yaml"
    with settings.open("w", encoding="utf-8") as file:
        given = _settings(folder, clinic, policy, database or clinic.database, certificates, admin_port)
        given["upstream"] |= upstream or {}
        if keys:
            given["keyring"] = {"file": str(folder / "keyring.yaml"), "master_key": f"file:{folder / 'master.key'}"}
        YAML().dump(given | dict(sections or {}), file)
    settings.chmod(0o600)
    if keys:
        subprocess.run([_PGVEIL, "keys", "init", "--config", settings], check=True, stdout=subprocess.DEVNULL)
    (folder / "admin_port").write_text(str(admin_port))
    with (folder / "proxy.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [_PGVEIL, "serve", "--config", settings],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            host, port = _wait_until_listening(process, folder)
            yield ProxyProcess(process, folder, host, port, issuer, database or clinic.database, policy, certificates)
        finally:
            _end(process)
    written = (folder / "proxy.log").read_text(encoding="utf-8")
    assert process.returncode == 0, f"exit code {process.returncode} after SIGTERM:\n{written[-4000:]}"
    assert "Traceback" not in written, written[-4000:]


@pytest.fixture(scope="session")
def proxy(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy in front of a copy of the clinic for the whole run.

    A copy, because the proxy stays connected to its database, and nobody may be connected to one that is copied.
    """
    with (
        copied_database(clinic, "clinic_behind_proxy") as database,
        run_proxy(tmp_path_factory.mktemp("proxy"), clinic, database=database) as running,
    ):
        yield running


@contextmanager
def copied_database(clinic: Clinic, name: str) -> Iterator[str]:
    """A database with the clinic's files, so that all OIDs are the same, dropped in the end."""
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with clinic.connect(database="postgres") as connection:
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(clinic.database)))
    try:
        yield name
    finally:
        with clinic.connect(database="postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _settings(
    folder: Path, clinic: Clinic, policy: Path, database: str, certificates: ServerFiles, admin_port: int
) -> dict[str, Any]:
    upstream = clinic.proxy_login()
    return {
        "listen": {
            "host": "127.0.0.1",
            "port": 0,
            "tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)},
        },
        "upstream": {
            "host": upstream["host"],
            "port": upstream["port"],
            "user": upstream["user"],
            "password": upstream["password"],
            "databases": [database],
        },
        "identity": {
            "issuers": [{"issuer": "urn:pgveil:local", "audience": "pgveil", "jwks": str(folder / "issuer/jwks.json")}]
        },
        "policy": str(policy),
        "audit": {"journal": str(folder / "journal.jsonl")},
        "admin": {"host": "127.0.0.1", "port": admin_port},
    }


def _merged_policy(folder: Path) -> Path:
    folder.mkdir()
    for file in (file for part in POLICIES for file in sorted(part.glob("*.yaml"))):
        shutil.copy(file, folder / file.name)
    return folder


def _wait_until_listening(process: subprocess.Popen[str], folder: Path) -> tuple[str, int]:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else ""
    assert line.startswith("listening on "), f"got {line!r}; log:\n{(folder / 'proxy.log').read_text()[-4000:]}"
    host, _, port = line.removeprefix("listening on ").strip().rpartition(":")
    return host, int(port)


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
