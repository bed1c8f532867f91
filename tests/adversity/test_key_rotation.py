"""Keys that are rotated and retired under running sessions, and tokens that are turned back, on a whole proxy."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, run_proxy

_PGVEIL = Path(sys.executable).with_name("pgveil")
_POLICY = """\
version: 1
domains: {patient: {}}
kinds:
  mrn: {mask: {token: {domain: patient}}}
  born: {mask: {shift: {by: patient_id, within_days: 30, domain: patient}}}
  other: {mask: nullify}
tables:
  clinic.patients:
    columns: {patient_id: clear, mrn: mrn, ssn: other, first_name: other, last_name: other, dob: born, zip: other,
              phone: other, email: other, address: other, sex: clear, consent_research: clear, city: other,
              created_at: other, deceased_at: other, insurance_id: other, languages: clear, preferences: other,
              state: other}
roles:
  analyst: {reads: [clinic.patients]}
  auditor: {reads: [clinic.patients], detokenize: [patient]}
"""
_FIRST = "SELECT patient_id, mrn, dob FROM clinic.patients ORDER BY mrn LIMIT 20"
_FOUND = "SELECT patient_id FROM clinic.patients WHERE mrn = %s"


def _keys(proxy: ProxyProcess, *arguments: str) -> None:
    command: list[str | Path] = [_PGVEIL, "keys", *arguments, "--config", proxy.folder / "pgveil.yaml"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _reload(proxy: ProxyProcess) -> None:
    """Reload, and wait until the proxy has said how it went."""

    def said() -> int:
        return proxy.log().count("policy reloaded") + proxy.log().count("policy not reloaded")

    before, until = said(), time.monotonic() + 20
    proxy.reload()
    while said() == before:
        assert time.monotonic() < until
        time.sleep(0.02)


def _detokenize(proxy: ProxyProcess, role: str, tokens: list[str]) -> tuple[int, Any]:
    port = (proxy.folder / "admin_port").read_text()
    question = {"role": role, "domain": "patient", "reason": "audit 7", "tokens": tokens}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/detokenize",
        json.dumps(question).encode(),
        {"Authorization": f"Bearer {proxy.token(role)}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy with tokens and shifts."""
    path = tmp_path / "tokens.yaml"
    path.write_text(_POLICY)
    return path


def test_keys_change_under_a_running_session(tmp_path: Path, clinic: Clinic, policy: Path) -> None:
    """A session goes on: new tokens, old ones understood until retired, order and dates as before."""
    with run_proxy(tmp_path / "proxy", clinic, policy=policy, keys=True) as proxy, proxy.connect("analyst") as session:
        old = session.execute(_FIRST, prepare=True).fetchall()
        assert all(token.startswith("patient_1_") for _, token, _ in old)
        assert session.execute(_FOUND, (old[0][1],), prepare=True).fetchall() == [(old[0][0],)]
        _keys(proxy, "rotate", "patient")
        _reload(proxy)
        new = session.execute(_FIRST, prepare=True).fetchall()
        assert all(token.startswith("patient_2_") for _, token, _ in new)
        assert [(who, born) for who, _, born in new] == [(who, born) for who, _, born in old]
        for rows in (old, new):
            assert session.execute(_FOUND, (rows[0][1],), prepare=True).fetchall() == [(old[0][0],)]
        _keys(proxy, "retire", "patient", "1", "--yes")
        _reload(proxy)
        assert session.execute(_FOUND, (old[0][1],), prepare=True).fetchall() == []
        assert session.execute(_FOUND, (new[0][1],), prepare=True).fetchall() == [(old[0][0],)]


def test_a_reload_without_the_master_key_changes_nothing(tmp_path: Path, clinic: Clinic, policy: Path) -> None:
    """The keys in force stay, and the log says what is missing; policy and keyring are taken over together or not."""
    with run_proxy(tmp_path / "proxy", clinic, policy=policy, keys=True) as proxy, proxy.connect("analyst") as session:
        before = session.execute(_FIRST).fetchall()
        _keys(proxy, "rotate", "patient")
        (proxy.folder / "master.key").rename(proxy.folder / "elsewhere")
        policy.write_text(_POLICY.replace("mrn: {mask: {token: {domain: patient}}}", "mrn: {mask: nullify}"))
        _reload(proxy)
        assert session.execute(_FIRST).fetchall() == before
        assert "the master key is missing" in proxy.log()


def test_tokens_are_turned_back_for_those_who_may(tmp_path: Path, clinic: Clinic, policy: Path) -> None:
    """The auditor gets the stored values, the analyst does not; both are on the record, and a reload revokes."""
    with run_proxy(tmp_path / "proxy", clinic, policy=policy, keys=True) as proxy:
        with proxy.connect("analyst") as session:
            rows = session.execute(_FIRST).fetchall()
        with clinic.connect() as direct:
            stored: dict[int, str] = dict(direct.execute("SELECT patient_id, mrn FROM clinic.patients").fetchall())
        tokens = [token for _, token, _ in rows]
        assert _detokenize(proxy, "auditor", tokens) == (200, {"values": [stored[who] for who, _, _ in rows]})
        assert _detokenize(proxy, "analyst", tokens)[0] == 403
        records = [r for r in proxy.journal() if r["type"] == "detokenization"]
        assert [(r["role"], r["result"], r["found"]) for r in records] == [
            ("auditor", "accepted", len(rows)),
            ("analyst", "refused", 0),
        ]
        policy.write_text(_POLICY.replace(", detokenize: [patient]", ""))
        _reload(proxy)
        assert _detokenize(proxy, "auditor", tokens)[0] == 403
