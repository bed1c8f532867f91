"""A whole proxy while its surroundings change: the policy on disk, the database's structure, the upstream's account."""

from __future__ import annotations

import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from proxy.app import Application, keyring_file
from proxy.errors import SettingsFileError
from proxy.identity.local_issuer import LocalIssuer
from proxy.policy.domains import used_domains
from proxy.policy.load import load_policy
from proxy.settings import load_settings
from tests.support.postgres import Clinic, NewDatabase
from tests.support.proxy_process import ProxyProcess, run_proxy

WAIT_SECONDS = 20.0
BORN = "SELECT dob FROM clinic.patients WHERE patient_id = 1"


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Whether it holds before the time is over."""
    end = time.monotonic() + WAIT_SECONDS
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return holds


def readiness(proxy: ProxyProcess) -> int:
    """The status of /readyz."""
    port = (proxy.folder / "admin_port").read_text()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_column_added_while_running(clinic: Clinic, new_database: NewDatabase, tmp_path: Path) -> None:
    """A column added under a running proxy is hidden from everyone and logged, and the proxy stays in service."""
    database = new_database()
    with run_proxy(tmp_path, clinic, database=database) as proxy, proxy.connect("clinician") as session:
        before = session.execute("SELECT * FROM clinic.patients LIMIT 1").fetchone()
        with clinic.connect(database=database) as owner:
            owner.execute("ALTER TABLE clinic.patients ADD COLUMN secret text DEFAULT 'canary'")
        assert becomes_true(lambda: "the column secret has no kind" in proxy.log())
        after = session.execute("SELECT * FROM clinic.patients LIMIT 1").fetchone()
        assert before is not None
        assert after == before
        with pytest.raises(psycopg.errors.UndefinedColumn):
            session.execute("SELECT secret FROM clinic.patients")
        assert readiness(proxy) == 200


def test_policy_reloaded(clinic: Clinic, new_database: NewDatabase, tmp_path: Path) -> None:
    """SIGHUP puts a good policy in force for sessions that are open; a bad one changes nothing and is reported."""
    with run_proxy(tmp_path, clinic, database=new_database()) as proxy, proxy.connect("analyst") as session:
        month = session.execute(BORN).fetchone()
        roles = proxy.policy / "roles.yaml"
        text = roles.read_text()
        roles.write_text(text.replace("generalize: month", "generalize: year"))
        proxy.reload()
        assert becomes_true(lambda: "policy reloaded" in proxy.log())
        year = session.execute(BORN).fetchone()
        assert month is not None
        assert year == (month[0].replace(month=1),)
        roles.write_text(text.replace("roles:", "rolls:"))
        proxy.process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: 'unknown key "rolls"' in proxy.log())
        assert session.execute(BORN).fetchone() == year
        events = [record["event"] for record in proxy.journal() if record["type"] == "policy"]
        assert events == ["loaded", "reloaded", "refused"]


def test_logins_are_recorded(clinic: Clinic, new_database: NewDatabase, tmp_path: Path) -> None:
    """Accepted, refused and failed logins are in the journal with the client's address, and counted apart."""
    database = new_database()
    with run_proxy(tmp_path, clinic, database=database, upstream={"spares": 0}) as proxy:
        proxy.connect("analyst").close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(**(proxy.parameters("analyst") | {"password": "no token"}))  # type: ignore[arg-type]
        with clinic.connect(database="postgres") as owner:
            name = sql.Identifier(database)
            owner.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 0").format(name))
            with pytest.raises(psycopg.OperationalError):
                proxy.connect("analyst")
        logins = [record for record in proxy.journal() if record["type"] == "login"]
        assert [(r["result"], r["client"], r["database"]) for r in logins] == [
            ("accepted", "127.0.0.1", database),
            ("refused", "127.0.0.1", database),
            ("failed", "127.0.0.1", database),
        ]
        for result in ("accepted", "refused", "failed"):
            assert f'pgveil_logins_total{{result="{result}"}} 1.0' in proxy.metrics()


async def test_a_named_database_must_be_the_policys(clinic: Clinic, tmp_path: Path) -> None:
    """A typing error among the databases is told at start, not found when everything is refused."""
    LocalIssuer.create(tmp_path / "issuer")
    where = clinic.proxy_login()
    config = tmp_path / "pgveil.yaml"
    config.write_text(
        f"""
listen: {{port: 0}}
upstream: {{host: {where["host"]}, port: {where["port"]}, user: {where["user"]}, password: {where["password"]},
           databases: [postgres]}}
identity: {{issuers: [{{issuer: "urn:pgveil:local", audience: pgveil, jwks: issuer/jwks.json, algorithms: [ES256]}}]}}
policy: {Path(__file__).parents[2] / "policies" / "clinic"}
audit: {{journal: journal.jsonl}}
admin: {{port: 0}}
keyring: {{file: keyring.yaml, master_key: "file:master.key"}}
"""
    )
    settings = load_settings(config)
    assert settings.keyring is not None
    keyring_file(settings.keyring).init(used_domains(load_policy(settings.policy)), date(2026, 1, 1))
    with pytest.raises(SettingsFileError, match="none of the policy's tables"):
        await Application(settings).start()
