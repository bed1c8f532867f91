"""Spare connections and several servers, over real sockets."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable

import pytest

from proxy.errors import UpstreamUnavailableError
from proxy.net.servers import ServerAddress, Target
from tests.adversity.client import Client
from tests.adversity.conftest import Proxy, StartProxy, eventually
from tests.adversity.fake_upstream import FakeUpstream, fatal


@pytest.fixture
async def other() -> AsyncIterator[FakeUpstream]:
    """A second server."""
    fake = FakeUpstream()
    await fake.start()
    yield fake
    await fake.stop()


def _at(server: FakeUpstream) -> ServerAddress:
    return ServerAddress("127.0.0.1", server.port)


async def _spares_become(running: Proxy, count: int) -> None:
    await eventually(lambda: running.server.upstream._spares.ready == count)


async def _refused(running: Proxy) -> dict[str, str]:
    """The error that a login ends with."""
    client = await running.client()
    client.startup()
    assert await client.message() == ("R", b"\0\0\0\3")
    client.send(b"p\0\0\0\x08ada\0")
    return await client.error()


async def test_second_session_is_given_a_spare(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """It was logged in before the client came, and says to the database what its own would have said."""
    running = await proxy(upstream.port, spares=1)
    await running.session(application_name="psql", TimeZone="UTC")
    await _spares_become(running, 1)
    assert len(upstream.startups) == 2
    second = await running.session(application_name="psql", TimeZone="UTC")
    assert second.parameters["application_name"] == "psql"
    assert [tag for tag, _ in await second.query("SELECT 1")] == ["T", "D", "C", "Z"]
    await _spares_become(running, 1)
    assert len(upstream.startups) == 3
    assert len(set(upstream.startups)) == 1


async def test_what_differs_gets_its_own(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A spare is not bent to fit: with another setting a session has a connection made for it."""
    running = await proxy(upstream.port, spares=1)
    await running.session(TimeZone="UTC")
    await _spares_become(running, 1)
    await running.session(TimeZone="CET")
    assert [startup.get("TimeZone") for startup in upstream.startups[:3]] == ["UTC", "UTC", "CET"]


async def test_search_path_is_asked_for_when_the_session_begins(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A schema may have been made since the spare was opened: names must not be resolved along the path of then."""
    running = await proxy(upstream.port, spares=1)
    await running.session()
    await _spares_become(running, 1)
    upstream.search_path = (b"shadow", b"public")
    await running.session()
    relay = max(running.server._relays, key=lambda relay: len(relay._link.ready.search_path))
    assert relay._link.ready.search_path == ("shadow", "public")


async def test_spares_that_the_server_ends(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """After a restart of the database the next login does not meet the old server's end."""
    running = await proxy(upstream.port, spares=2)
    client = await running.session()
    await running.session()
    await _spares_become(running, 2)
    for writer in tuple(upstream.connections):
        writer.write(fatal("57P01", "terminating connection due to administrator command"))
        writer.close()
    assert (await client.message())[0] == "E"
    await running.sessions_become(0)
    await _spares_become(running, 0)
    again = await running.session()
    assert [tag for tag, _ in await again.query("SELECT 1")] == ["T", "D", "C", "Z"]


async def test_no_spare_outlives_the_proxy(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """The drain closes them too."""
    running = await proxy(upstream.port, spares=3)
    await running.session()
    await running.session()
    await _spares_become(running, 2)
    await running.close()
    await eventually(lambda: not upstream.connections)


async def test_shared_server_process(
    proxy: StartProxy, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    """A pooler that gives two sessions one server process mixes up their settings: neither goes on."""
    upstream.process = b"4711 2026-01-01"
    running = await proxy(upstream.port)
    first = await running.session()
    error = await _refused(running)
    assert error["C"] == "0A000"
    assert "transaction mode" in error["M"]
    assert (await first.message())[0] == "E"
    await running.sessions_become(0)
    assert "session mode" in caplog.text


async def test_process_that_a_pooler_hands_on(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """In session mode a process is another session's when the one before is over: that is right, and goes on."""
    upstream.process = b"4711 2026-01-01"
    running = await proxy(upstream.port)
    for _ in range(3):
        client = await running.session()
        assert [tag for tag, _ in await client.query("SELECT 1")] == ["T", "D", "C", "Z"]
        client.send(b"X\0\0\0\4")
        await client.close()


async def test_next_host(proxy: StartProxy, upstream: FakeUpstream, other: FakeUpstream) -> None:
    """A host that is not there, or still starting, is passed over; a cancel request goes to the session's server."""
    running = await proxy(upstream.port, others=(_at(other),))
    upstream.greeting = fatal("57P03", "the database system is starting up")
    client = await running.session()
    assert (len(upstream.startups), len(other.startups)) == (1, 1)
    client.send(b"Q\0\0\0\x09wait\0")
    canceller = await running.client()
    assert client.key is not None
    canceller.send(b"\0\0\0\x10\x04\xd2\x16\x2e" + client.key.process_id.to_bytes(4, "big") + client.key.secret)
    assert (await client.until("Z"))[0][0] == "E"
    assert (len(other.cancels), upstream.cancels) == (1, [])
    await running.session()
    assert (len(upstream.startups), len(other.startups)) == (1, 2)


async def test_silent_host(proxy: StartProxy, upstream: FakeUpstream, other: FakeUpstream) -> None:
    """A host that does not answer costs its share of the time, and the next one is used."""
    upstream.silent = True
    running = await proxy(upstream.port, others=(_at(other),), connect_seconds=0.4)
    await running.session()
    assert len(other.startups) == 1


async def test_refused_account_is_final(proxy: StartProxy, upstream: FakeUpstream, other: FakeUpstream) -> None:
    """A server that refuses our account is a mistake in the settings, not a reason to ask another one (as in libpq)."""
    upstream.greeting = fatal("28P01", "password authentication failed")
    running = await proxy(upstream.port, others=(_at(other),))
    assert (await _refused(running))["C"] == "57P03"
    assert other.startups == []


@pytest.mark.parametrize(
    ("target", "used"),
    [(Target.ANY, 0), (Target.PRIMARY, 1), (Target.READ_WRITE, 1), (Target.STANDBY, 0), (Target.PREFER_STANDBY, 0)],
)
async def test_kind_of_server(
    proxy: StartProxy, upstream: FakeUpstream, other: FakeUpstream, target: Target, used: int
) -> None:
    """Of a standby and a primary the one that is asked for is used; /readyz looks for the same."""
    upstream.settings = {"in_hot_standby": "on", "default_transaction_read_only": "off"}
    other.settings = {"in_hot_standby": "off", "default_transaction_read_only": "off"}
    running = await proxy(upstream.port, others=(_at(other),), target=target)
    client = await running.session()
    assert client.parameters["in_hot_standby"] == ("on", "off")[used]
    await running.server.upstream.reach("clinic")


async def test_no_server_of_that_kind(
    proxy: StartProxy, upstream: FakeUpstream, other: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    """During a failover there may be no primary: that is 57P03, and what prefers a standby takes what there is."""
    caplog.set_level(logging.CRITICAL)
    upstream.settings = other.settings = {"in_hot_standby": "on"}
    running = await proxy(upstream.port, others=(_at(other),), target=Target.PRIMARY)
    error = await _refused(running)
    assert (error["C"], "target_session_attrs" in error["D"]) == ("57P03", True)
    with pytest.raises(UpstreamUnavailableError):
        await running.server.upstream.reach("clinic")
    upstream.settings = other.settings = {"in_hot_standby": "off"}
    running = await proxy(upstream.port, others=(_at(other),), target=Target.PREFER_STANDBY)
    assert (await running.session()).parameters["in_hot_standby"] == "off"


async def test_spare_on_a_server_that_was_demoted(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A spare whose server is not of the kind asked for any more is not used."""
    upstream.settings = {"in_hot_standby": "off"}
    running = await proxy(upstream.port, target=Target.PRIMARY, spares=1)
    await running.session()
    await _spares_become(running, 1)
    upstream.report = {"in_hot_standby": "on"}
    upstream.settings = {"in_hot_standby": "on"}
    assert (await _refused(running))["C"] == "57P03"


async def test_slots_of_spares_are_given_back(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A login that finds no slot left on the server gets one of those that nobody uses."""
    upstream.slots = 2
    running = await proxy(upstream.port, spares=1)
    await running.session(application_name="a")
    await _spares_become(running, 1)
    client = await running.session(application_name="b")
    assert [tag for tag, _ in await client.query("SELECT 1")] == ["T", "D", "C", "Z"]


async def test_reach(proxy: StartProxy, upstream: FakeUpstream, other: FakeUpstream) -> None:
    """The probe that only connects succeeds where somebody listens, and fails where nobody does."""
    running = await proxy(upstream.port, others=(_at(other),))
    await upstream.stop()
    await running.server.upstream.reach()
    await other.stop()
    with pytest.raises(UpstreamUnavailableError):
        await running.server.upstream.reach()


async def _goodbye(client: Client) -> None:
    client.send(b"X\0\0\0\4")
    assert await client.ended() == b""


def _discarded(upstream: FakeUpstream, times: int) -> Callable[[], bool]:
    return lambda: upstream.discarded == times


async def test_connection_used_again(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """The next session of the same person has the connection of the one before, made as new in between."""
    running = await proxy(upstream.port, spares=1)
    for number in range(4):
        client = await running.session(TimeZone="UTC")
        assert [tag for tag, _ in await client.query("SELECT 1")] == ["T", "D", "C", "Z"]
        await _goodbye(client)
        await eventually(_discarded(upstream, number + 1))
        await _spares_become(running, 2)
    assert len(upstream.startups) == 2
    assert len(running.services.closed_sessions) == 4
    await running.session("grace", TimeZone="UTC")
    assert len(upstream.startups) >= 3
    assert running.services.sessions_out_of_step == 0


async def test_connection_that_cannot_be_made_as_new(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """It ends, and the next session gets another one."""
    upstream.discards = False
    running = await proxy(upstream.port, spares=1)
    await _goodbye(await running.session())
    await eventually(lambda: len(upstream.connections) == 1)
    await _spares_become(running, 1)
    client = await running.session()
    assert [tag for tag, _ in await client.query("SELECT 1")] == ["T", "D", "C", "Z"]


async def test_cancelled_session_is_not_used_again(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Its cancel request might still be on its way to the server."""
    running = await proxy(upstream.port, spares=1)
    client = await running.session()
    assert client.key is not None
    client.send(b"Q\0\0\0\x09wait\0")
    canceller = await running.client()
    canceller.send(b"\0\0\0\x10\x04\xd2\x16\x2e" + client.key.process_id.to_bytes(4, "big") + client.key.secret)
    await client.until("Z")
    await _goodbye(client)
    await eventually(upstream.received_terminate.is_set)
    assert upstream.discarded == 0


async def test_drain_closes_what_was_given_back(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Nothing stays open behind a proxy that has ended, also what is just being made as new."""
    running = await proxy(upstream.port, spares=2)
    first, second = await running.session(), await running.session()
    await _goodbye(first)
    second.send(b"X\0\0\0\4")
    await running.sessions_become(0)
    await running.close()
    await eventually(lambda: not upstream.connections)


async def test_keys_of_the_session_before(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Who had the connection before cannot cancel what runs in it now; who has it can."""
    running = await proxy(upstream.port, spares=1)
    before = await running.session()
    await _goodbye(before)
    await _spares_become(running, 2)
    now = await running.session()
    assert len(upstream.startups) == 2
    now.send(b"Q\0\0\0\x09wait\0")
    for client, reaches in ((before, 0), (now, 1)):
        assert client.key is not None
        canceller = await running.client()
        canceller.send(b"\0\0\0\x10\x04\xd2\x16\x2e" + client.key.process_id.to_bytes(4, "big") + client.key.secret)
        assert await canceller.ended() == b""
        assert len(upstream.cancels) == reaches
    assert [tag for tag, _ in await now.until("Z")] == ["E", "Z"]
