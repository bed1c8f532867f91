"""A primary and a standby that streams from it, both real: which is used, and what happens when one takes over."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from proxy.catalog.introspect import ConnectParameters, Servers, connect
from proxy.errors import UpstreamUnavailableError
from proxy.net.limits import Limits
from proxy.net.servers import ServerAddress, Target, UpstreamAddress
from proxy.net.tls import TlsMode
from proxy.net.upstream import Upstream
from proxy.session.startup import Startup
from proxy.session.upstream_login import Account
from tests.support.mortal_postgres import MortalPostgres, Shutdown, StandbyPostgres, mortal_clinic
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, run_proxy

MASKED = "SELECT zip FROM clinic.patients WHERE patient_id = 1"
STARTUP = Startup("ada", "clinic", "", (), 0, (), negotiate=False)
LIMITS = Limits(connect_seconds=3)
WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The clinic on a primary, and its standby."""

    primary: MortalPostgres
    standby: StandbyPostgres
    clinic: Clinic

    def upstream(self, target: Target, *servers: MortalPostgres, others: tuple[ServerAddress, ...] = ()) -> Upstream:
        """Our own way in, with these servers behind the others."""
        found = tuple(ServerAddress("127.0.0.1", server.port) for server in servers)
        account = Account(self.clinic.login, self.clinic.login_password)
        return Upstream(UpstreamAddress((*others, *found), TlsMode.DISABLE, target=target), account, LIMITS)

    def catalog(self, target: Target, *servers: MortalPostgres) -> Servers:
        """The same for reading the catalog."""
        account = ConnectParameters(user=self.clinic.login, password=self.clinic.login_password, ssl=False)
        return Servers(
            tuple(ConnectParameters(**account, host="127.0.0.1", port=server.port) for server in servers), target.value
        )

    def hosts(self) -> list[str]:
        """Both, for the settings; the standby comes first."""
        return [f"127.0.0.1:{server.port}" for server in (self.standby, self.primary)]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Two servers for the tests of this file; the last one has the standby take over."""
    with ExitStack() as stack:
        primary = stack.enter_context(MortalPostgres())
        clinic = asyncio.run(mortal_clinic(primary))
        standby = stack.enter_context(StandbyPostgres(primary))
        yield Pair(primary, standby, clinic)


@pytest.mark.parametrize(
    ("target", "on_standby"),
    [
        (Target.ANY, True),
        (Target.READ_WRITE, False),
        (Target.READ_ONLY, True),
        (Target.PRIMARY, False),
        (Target.STANDBY, True),
        (Target.PREFER_STANDBY, True),
    ],
)
async def test_target_session_attrs(pair: Pair, target: Target, on_standby: bool) -> None:
    """Of the standby and the primary, asked in this order, the one that will do is used, for catalogs too."""
    link = await pair.upstream(target, pair.standby, pair.primary).login(STARTUP, principal_label="ada", user="ada")
    assert link.ready.parameters["in_hot_standby"] == ("on" if on_standby else "off")
    link.discard()
    connection = await connect(pair.catalog(target, pair.standby, pair.primary), "clinic")
    assert await connection.fetchval("SELECT pg_is_in_recovery()") is on_standby
    await connection.close()


@pytest.mark.parametrize("target", [Target.READ_WRITE, Target.PRIMARY])
async def test_no_primary(pair: Pair, target: Target) -> None:
    """Where only the standby is left, what needs a primary is told so."""
    with pytest.raises(UpstreamUnavailableError, match="of the kind that is asked for"):
        await pair.upstream(target, pair.standby).login(STARTUP, principal_label="ada", user="ada")


@pytest.mark.parametrize("target", [Target.READ_ONLY, Target.STANDBY])
async def test_no_standby(pair: Pair, target: Target) -> None:
    """Where only the primary is left, what must not burden it is told so; who only prefers a standby gets it."""
    with pytest.raises(UpstreamUnavailableError, match="of the kind that is asked for"):
        await pair.upstream(target, pair.primary).login(STARTUP, principal_label="ada", user="ada")
    link = await pair.upstream(Target.PREFER_STANDBY, pair.primary).login(STARTUP, principal_label="ada", user="ada")
    assert link.ready.parameters["in_hot_standby"] == "off"
    link.discard()


async def test_dead_and_silent_hosts(pair: Pair) -> None:
    """Hosts that refuse, or accept and say nothing, cost a login their share of the time, and the next one nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as closed:
        dead = ServerAddress("127.0.0.1", closed.getsockname()[1])
        closed.close()
        slow = ServerAddress("127.0.0.1", silent.getsockname()[1])
        upstream = pair.upstream(Target.PRIMARY, pair.standby, pair.primary, others=(slow, dead))
        times = []
        for _ in range(2):
            begun = time.monotonic()
            (await upstream.login(STARTUP, principal_label="ada", user="ada")).discard()
            times.append(time.monotonic() - begun)
        share = LIMITS.connect_seconds / 4
        assert times[0] >= share
        assert times[1] < share


def test_standby_is_read_only(pair: Pair, tmp_path: Path) -> None:
    """Through a proxy in front of the standby masks hold as elsewhere, and writes fail with the server's own error."""
    upstream = {"host": pair.hosts(), "tls": "disable", "target_session_attrs": "prefer-standby"}
    with (
        run_proxy(tmp_path, pair.clinic, upstream=upstream) as proxy,
        proxy.connect("analyst") as analyst,
        proxy.connect("clinician") as clinician,
    ):
        assert analyst.info.parameter_status("in_hot_standby") == "on"
        assert analyst.execute(MASKED).fetchone() == ("03000",)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            clinician.execute("DELETE FROM clinic.encounters WHERE encounter_id = -1")


def log_has(proxy: ProxyProcess, text: str) -> bool:
    """Whether the proxy has logged it before the time is over."""
    end = time.monotonic() + WAIT_SECONDS
    while not (found := text in proxy.log()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def test_failover(pair: Pair, tmp_path: Path) -> None:
    """When the primary dies its sessions end, logins are told 57P03 until the standby has taken over, and then all goes
    on: with the masks, with the catalog that the old primary had, and with the changes that the new one makes to it.
    """
    upstream = {"host": pair.hosts(), "tls": "disable", "target_session_attrs": "primary", "spares": 2}
    with run_proxy(tmp_path, pair.clinic, upstream=upstream) as proxy:
        with proxy.connect("analyst") as session, suppress(psycopg.OperationalError):
            assert session.info.parameter_status("in_hot_standby") == "off"
            assert session.execute(MASKED).fetchone() == ("03000",)
            pair.primary.shut_down(Shutdown.IMMEDIATE)
            with pytest.raises(psycopg.OperationalError) as ended:
                session.execute(MASKED)
            assert ended.value.sqlstate in (None, "57P01", "08006")
        with pytest.raises(psycopg.OperationalError, match="upstream database"):
            proxy.connect("analyst")
        pair.standby.promote()
        with proxy.connect("analyst") as session:
            assert session.info.parameter_status("in_hot_standby") == "off"
            assert session.execute(MASKED.encode()).fetchone() == ("03000",)
            with psycopg.connect(
                host=pair.standby.host, port=pair.standby.port, user=pair.standby.user, dbname="clinic",
                password=pair.standby.password, autocommit=True,
            ) as owner:  # fmt: skip
                owner.execute("ALTER TABLE clinic.patients ADD COLUMN secret text DEFAULT 'canary'")
            assert log_has(proxy, "the column secret has no kind")
            with pytest.raises(psycopg.errors.UndefinedColumn):
                session.execute("SELECT secret FROM clinic.patients")
        assert proxy.metric("pgveil_out_of_step_total") == 0
