"""A handle as the password of a real driver, from a running proxy: got, used, revoked.

Must not know: how handles are kept. Invariant: nothing that the proxy leaves behind holds a handle or a token.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.clients.seen import SEEN, stored_patients
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, run_proxy


@pytest.fixture(scope="module")
def giving(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy that gives handles."""
    folder = tmp_path_factory.mktemp("handles")
    with run_proxy(folder, clinic, sections={"handles": {"store": str(folder / "handles.sqlite")}}) as running:
        yield running


def ask(proxy: ProxyProcess, method: str, credential: str) -> dict[str, Any]:
    """What ``/handles`` answers."""
    port = (proxy.folder / "admin_port").read_text()
    headers = {"Authorization": f"Bearer {credential}"}
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    connection.request(method, "/handles", headers=headers)
    content: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return content


def connect(proxy: ProxyProcess, handle: str, *, tls: bool) -> psycopg.Connection[Any]:
    """A session whose password is the handle."""
    parameters: dict[str, Any] = proxy.parameters("analyst", tls=tls) | {"password": handle}
    return psycopg.connect(**parameters)


@pytest.mark.parametrize("tls", [False, True])
def test_a_handle_logs_in(giving: ProxyProcess, clinic: Clinic, tls: bool) -> None:
    """The session sees what the token's would; after its end there is no login with it, and nothing has kept it."""
    token = giving.token("analyst")
    given = ask(giving, "POST", token)
    handle = given["handle"]
    with connect(giving, handle, tls=tls) as session:
        rows = session.execute("SELECT zip FROM clinic.patients WHERE patient_id <= 5 ORDER BY patient_id").fetchall()
    assert rows == [(SEEN["analyst"](patient).zip,) for patient in stored_patients(clinic, 5)]
    assert ask(giving, "DELETE", handle) == {"revoked": 1}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(giving, handle, tls=tls)
    login = next(r for r in giving.journal() if r["type"] == "login" and r.get("handle") == given["id"])
    assert login["principal"] == "dana@example.org"
    kept = giving.log() + (giving.folder / "journal.jsonl").read_text() + giving.metrics()
    for secret in (handle, token):
        assert secret not in kept
        assert secret.encode() not in b"".join(f.read_bytes() for f in giving.folder.glob("handles.sqlite*"))


def test_revoked_from_the_command_line(giving: ProxyProcess) -> None:
    """The command ends a handle of a proxy that runs."""
    given = ask(giving, "POST", giving.token("analyst"))
    pgveil = str(Path(sys.executable).with_name("pgveil"))
    arguments = ["handles", "revoke", "--config", str(giving.folder / "pgveil.yaml"), str(given["id"])]
    subprocess.run([pgveil, *arguments], check=True, capture_output=True)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(giving, given["handle"], tls=False)
