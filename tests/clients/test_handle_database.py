"""Handles in a database that several proxies share: what one does the others see, and what holds while it is away.

Must not know: how handles are kept beyond the table that an administrator sees. Invariant: a handle opens nothing that
the database does not confirm at that moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from proxy.errors import AuthenticationError, SettingsFileError
from proxy.identity.authenticator import Authenticator
from proxy.identity.handle_database import Address, HandleDatabase, make_schema, statements
from proxy.identity.handle_store import HandlesUnavailableError, identity_text
from proxy.identity.handles import Handles, Issued
from proxy.identity.local_issuer import LocalIssuer
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, run_proxy

_PGVEIL = str(Path(sys.executable).with_name("pgveil"))
_KEEPER = "handle_keeper"


@dataclass(frozen=True, slots=True)
class Place:
    """A database for handles, and the account that has rights there only."""

    clinic: Clinic
    address: Address

    def superuser(self) -> psycopg.Connection[Any]:
        """An administrator in that database."""
        return self.clinic.connect(database=self.address.database)

    def shut(self, *, away: bool) -> None:
        """Let nobody in, and send those away who are there (as a restart does); or let them in again."""
        with self.clinic.connect(database="postgres") as administrator:
            allowed = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            administrator.execute(allowed.format(sql.Identifier(self.address.database), sql.SQL(str(not away))))
            self.end_connections()

    def end_connections(self) -> None:
        """Send those away who are there."""
        with self.clinic.connect(database="postgres") as administrator:
            activity = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            administrator.execute(activity, (self.address.database,))


@pytest.fixture(scope="module")
def place(clinic: Clinic) -> Iterator[Place]:
    """An empty database; the account may make a schema in it."""
    name = "keeps_handles"
    where = clinic.superuser()
    with clinic.connect(database="postgres") as administrator:
        administrator.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'keeper'").format(sql.Identifier(_KEEPER)))
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        administrator.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(*map(sql.Identifier, (name, _KEEPER)))
        )
    yield Place(clinic, Address(where["host"], where["port"], name, _KEEPER, "keeper"))
    with clinic.connect(database="postgres") as administrator:
        administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        administrator.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(_KEEPER)))


async def test_the_schema_is_made_once(place: Place) -> None:
    """Where it is missing nothing starts; the account may make it, or an administrator; twice changes nothing."""
    store = HandleDatabase(place.address)
    with pytest.raises(SettingsFileError, match="there is no schema"):
        await store.prepare()
    with place.superuser() as administrator:
        administrator.execute(f"REVOKE CREATE ON DATABASE {place.address.database} FROM {_KEEPER}".encode())
    with pytest.raises(SettingsFileError, match="may not make the schema"):
        await make_schema(place.address)
    with place.superuser() as administrator:
        administrator.execute(statements(_KEEPER).encode())
    await store.prepare()
    assert not await make_schema(place.address)
    with place.superuser() as administrator:
        administrator.execute("UPDATE pgveil_handles.version SET number = 99")
        place.end_connections()
    with pytest.raises(SettingsFileError, match="newer version"):
        await store.prepare()
    with place.superuser() as administrator:
        administrator.execute("DROP SCHEMA pgveil_handles CASCADE")
        administrator.execute(f"GRANT CREATE ON DATABASE {place.address.database} TO {_KEEPER}".encode())
    made = await asyncio.gather(*(make_schema(place.address) for _ in range(3)))
    assert sorted(made) == [False, False, True]
    await store.prepare()
    await store.close()
    with pytest.raises(HandlesUnavailableError):
        await store.prepare()


class Bench:
    """Two hosts with clocks of their own, which share the database."""

    def __init__(self, folder: Path, address: Address, *, most: int = 5) -> None:
        self.issuer = LocalIssuer.create(folder / "issuer")
        self.now = time.time()
        self.hosts = [
            Handles(HandleDatabase(address), max_lifetime=3600, max_per_principal=most, clock=lambda: self.now)
            for _ in range(2)
        ]
        self.doors = [
            Authenticator((self.issuer.settings(),), handles=handles, clock=lambda: self.now) for handles in self.hosts
        ]

    async def issue(self, host: int, *, subject: str = "ada", lifetime: float | None = None) -> Issued | None:
        """A handle from one host."""
        verified = await self.doors[host].verify(self.issuer.mint(subject=subject, roles=("analyst",)))
        return await self.hosts[host].issue(verified.identity, verified.signing_key, lifetime)

    async def opens(self, host: int, handle: str) -> str | None:
        """Why a host refuses the handle, None where it does not."""
        with contextlib.suppress(AuthenticationError):
            await self.doors[host].authenticate(handle, "analyst")
            return None
        with pytest.raises(AuthenticationError) as caught:
            await self.doors[host].authenticate(handle, "analyst")
        assert handle not in f"{caught.value!r} {caught.value.detail}"
        return str(caught.value.detail)

    async def close(self) -> None:
        """End both."""
        for handles in self.hosts:
            await handles.close()


@pytest.fixture
async def bench(place: Place, tmp_path: Path) -> Any:
    """Two hosts on an empty store."""
    await make_schema(place.address)
    with place.superuser() as administrator:
        administrator.execute("DELETE FROM pgveil_handles.handles")
    made = Bench(tmp_path, place.address)
    yield made
    await made.close()


async def test_what_one_host_does_the_other_sees(bench: Bench) -> None:
    """Given here, accepted there; revoked there, refused here at once, one or all of a person's."""
    first, second, other = await bench.issue(0), await bench.issue(1), await bench.issue(0, subject="bob")
    assert first is not None
    assert second is not None
    assert other is not None
    assert [await bench.opens(1, issued.handle) for issued in (first, second, other)] == [None] * 3
    assert await bench.hosts[1].revoke(first.stored.handle_id) is not None
    assert await bench.hosts[0].revoke(first.stored.handle_id) is None
    assert "was revoked" in str(await bench.opens(0, first.handle))
    assert [h.handle_id for h in await bench.hosts[0].revoke_all(second.stored.identity)] == [second.stored.handle_id]
    assert "was revoked" in str(await bench.opens(1, second.handle))
    assert await bench.opens(1, other.handle) is None
    assert "unknown" in str(await bench.opens(0, other.handle[:-1] + ("A" if other.handle[-1] != "A" else "B")))


async def test_the_limit_holds_for_all_hosts_at_once(bench: Bench) -> None:
    """However many ask at the same moment, and expired ones do not count; long after their end they are gone."""
    given = await asyncio.gather(*(bench.issue(turn % 2, lifetime=60) for turn in range(16)))
    kept = [issued for issued in given if issued is not None]
    assert len(kept) == 5
    assert [await bench.opens(0, issued.handle) for issued in kept] == [None] * 5
    bench.now += 61
    assert "has expired" in str(await bench.opens(1, kept[0].handle))
    assert await bench.issue(0, lifetime=3600) is not None
    assert len(await bench.hosts[0]._store.live(0)) == 6
    bench.now += 4000
    assert await bench.issue(1) is not None
    assert len(await bench.hosts[0]._store.live(0)) == 2


async def test_while_the_database_is_away_handles_open_nothing(
    bench: Bench, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Tokens do; and once it is back, handles do again, over connections that broke without being used."""
    issued = await bench.issue(0)
    assert issued is not None
    assert await bench.opens(0, issued.handle) is None
    place.end_connections()
    assert await bench.opens(0, issued.handle) is None
    place.shut(away=True)
    assert await bench.opens(0, issued.handle) == "Handles cannot be looked up now."
    with pytest.raises(HandlesUnavailableError):
        await bench.hosts[0].prepare()
    with pytest.raises(HandlesUnavailableError):
        await bench.issue(0)
    token = bench.issuer.mint(subject="ada", roles=("analyst",))
    assert await bench.opens(0, token) is None
    place.shut(away=False)
    assert await bench.opens(0, issued.handle) is None
    nowhere = HandleDatabase(Address("127.0.0.1", 1, "x", "x"))
    with pytest.raises(HandlesUnavailableError):
        await nowhere.prepare()
    await nowhere.close()
    assert issued.handle not in caplog.text


async def test_rows_that_somebody_else_wrote(bench: Bench, place: Place) -> None:
    """What is no identity opens nothing, and a table that is gone neither."""
    issued = await bench.issue(0)
    assert issued is not None
    good = json.loads(identity_text(issued.stored))
    mixed_up = [good | {"expires_at": "never"}, good | {"name": 7}, good | {"roles": [[]]}, good | {"more": 1}]
    for text in ("", "[]", "{}", "\x7f", *map(json.dumps, mixed_up)):
        with place.superuser() as administrator:
            administrator.execute("UPDATE pgveil_handles.handles SET identity = %s", (text,))
        assert await bench.opens(0, issued.handle) == "Handles cannot be looked up now."
    with place.superuser() as administrator:
        administrator.execute("REVOKE ALL ON pgveil_handles.handles FROM handle_keeper")
        assert await bench.opens(0, issued.handle) == "Handles cannot be looked up now."
        administrator.execute("GRANT ALL ON pgveil_handles.handles TO handle_keeper")
        administrator.execute("DELETE FROM pgveil_handles.handles")


def _ask(proxy: ProxyProcess, method: str, credential: str) -> dict[str, Any]:
    port = (proxy.folder / "admin_port").read_text()
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    connection.request(method, "/handles", headers={"Authorization": f"Bearer {credential}"})
    content: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return content


def _ready(proxy: ProxyProcess) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", int((proxy.folder / "admin_port").read_text()), timeout=10)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def _command(proxy: ProxyProcess, *arguments: str) -> str:
    command = [_PGVEIL, "handles", *arguments, "--config", str(proxy.folder / "pgveil.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _log_in(proxy: ProxyProcess, handle: str) -> None:
    parameters: dict[str, Any] = proxy.parameters("analyst") | {"password": handle}
    psycopg.connect(**parameters).close()


def test_two_proxies(place: Place, clinic: Clinic, tmp_path: Path) -> None:
    """A handle of one logs in at the other until the command line, or either, revokes it; nothing keeps it whole."""
    asyncio.run(make_schema(place.address))
    issuer = LocalIssuer.create(tmp_path / "shared")
    section = {
        "host": place.address.host, "port": place.address.port, "database": place.address.database,
        "user": _KEEPER, "password": "keeper",
    }  # fmt: skip
    identity = {
        "issuers": [{"issuer": issuer.issuer, "audience": "pgveil", "jwks": str(tmp_path / "shared/jwks.json")}]
    }
    sections = {"handles": {"database": section}, "identity": identity}
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\ntables: {'clinic.*': {columns: clear}}\nroles: {analyst: {reads: [clinic.*]}}\n")
    token = issuer.mint(subject="ada", roles=("analyst",))
    with ExitStack() as running:
        one, two = (
            running.enter_context(run_proxy(tmp_path / name, clinic, policy=policy, sections=sections))
            for name in ("one", "two")
        )
        given = [_ask(one, "POST", token) for _ in range(3)]
        for proxy in (one, two):
            assert _ready(proxy)[0] == 200
            for handle in given:
                _log_in(proxy, handle["handle"])
        assert _ask(two, "DELETE", given[0]["handle"]) == {"revoked": 1}
        assert given[1]["id"] in _command(two, "list")
        _command(two, "revoke", given[1]["id"])
        assert "as it should be" in _command(two, "init")
        for proxy in (one, two):
            for handle in given[:2]:
                with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                    _log_in(proxy, handle["handle"])
            _log_in(proxy, given[2]["handle"])
        place.shut(away=True)
        with pytest.raises(psycopg.OperationalError, match="cannot be looked up now"):
            _log_in(one, given[2]["handle"])
        place.shut(away=False)
        _log_in(one, given[2]["handle"])
        with place.superuser() as administrator:
            kept = str(administrator.execute("SELECT h::text FROM pgveil_handles.handles h").fetchall())
        for proxy in (one, two):
            kept += proxy.log() + (proxy.folder / "journal.jsonl").read_text() + proxy.metrics()
        assert not [handle["id"] for handle in given if handle["handle"][5:20] in kept]
        assert token not in kept
