"""Logins over real sockets: good ones, refused ones, and peers that send anything but a login."""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.errors import ProxyError
from proxy.wire.frontend import GSSENCRequest, PasswordMessage
from tests.adversity.client import Client
from tests.adversity.conftest import StartProxy, eventually
from tests.adversity.fake_upstream import FakeUpstream, fatal


async def test_session(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A login ends in a session with the client's own name and rights, and tells the upstream's logs who asks."""
    running = await proxy(upstream.port)
    client = await running.session(application_name="psql", TimeZone="UTC")
    assert client.parameters["server_version"] == "16.4"
    assert client.parameters["session_authorization"] == "ada"
    assert client.parameters["is_superuser"] == "off"
    assert client.parameters["application_name"] == "psql"
    assert [tag for tag, _ in await client.query("SELECT 1")] == ["T", "D", "C", "Z"]
    (startup,) = upstream.startups
    assert startup.get("user") == "pgveil"
    assert startup.get("TimeZone") == "UTC"
    assert startup.get("application_name") == "pgveil/analyst:ada psql"
    await client.close()
    await asyncio.wait_for(upstream.received_terminate.wait(), 5)


async def test_everything_in_one_flight(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A client that sends password, query and Terminate at once and closes its side gets its answer."""
    running = await proxy(upstream.port)
    client = await running.client()
    client.startup()
    client.send(PasswordMessage(b"ada").encode() + b"Q\0\0\0\x0dSELECT 1\0" + b"X\0\0\0\4")
    client.writer.write_eof()
    assert [m[0] for m in await client.until("D")][-2:] == ["T", "D"]
    assert b"SELECT 1\0Z\0\0\0\5I" in await client.ended()


async def test_refused_login(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A refused password is FATAL 28P01 with the reason in DETAIL, and no connection upstream is made for it."""
    running = await proxy(upstream.port)
    client = await running.client()
    client.startup()
    assert await client.message() == ("R", b"\0\0\0\3")
    client.send(PasswordMessage(b"bad").encode())
    error = await client.error()
    assert (error["S"], error["C"]) == ("FATAL", "28P01")
    assert error["M"] == 'password authentication failed for user "ada"'
    assert error["D"] == "The token has expired."
    assert not upstream.startups
    assert running.services.failed_logins == [("AuthenticationError", "ada", "127.0.0.1")]


async def test_bug_in_a_login(proxy: StartProxy, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture) -> None:
    """An exception that nobody expected is XX000 with a reference; the log has the same reference and no secret."""
    running = await proxy(upstream.port)
    client = await running.client()
    client.startup()
    await client.message()
    client.send(PasswordMessage(b"bug").encode())
    error = await client.error()
    assert error["C"] == "XX000"
    reference = error["M"].rpartition(" ")[2]
    assert reference in caplog.text
    assert "bugbug" not in caplog.text


async def test_service_that_refuses_to_open(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """What ``open`` raises reaches the client, and the upstream connection made for it is closed."""
    running = await proxy(upstream.port)
    client = await running.client()
    client.startup(database="unreadable")
    await client.message()
    client.send(PasswordMessage(b"ada").encode())
    assert (await client.error())["C"] == "57P03"
    await asyncio.wait_for(upstream.received_terminate.wait(), 5)
    assert running.services.failed_logins == [("CatalogError", "ada", "127.0.0.1")]


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\0\0\0\0",
        b"\x7f\xff\xff\xff" + b"x" * 100_000,
        b"\0\0\0\x08\x04\xd2\x16\x31",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\0\0\0\x09\0\3\0\0x",
        b"SSH-2.0-OpenSSH_9.7\r\n",
    ],
)
async def test_garbage(proxy: StartProxy, upstream: FakeUpstream, garbage: bytes) -> None:
    """Whatever stands on the port first, the answer is an error of the protocol, and the connection ends."""
    running = await proxy(upstream.port)
    client = await running.client()
    client.send(garbage)
    error = await client.error()
    assert error["S"] == "FATAL"
    assert error["C"] == "08P01"


@given(data=st.binary(max_size=200), after_startup=st.booleans())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_random_bytes(proxy: StartProxy, upstream: FakeUpstream, data: bytes, *, after_startup: bool) -> None:
    """Random bytes, before or after a startup packet, never get a session and never keep a connection."""
    running = await proxy(upstream.port)
    client = await running.client()
    if after_startup:
        client.startup()
    client.send(data)
    client.writer.write_eof()
    assert b"Z\0\0\0\5I" not in await client.ended()
    await client.close()
    assert running.server.sessions == 0


async def test_oversized_password(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A password that claims two gigabytes is refused by its length, as another message is; none is waited for."""
    running = await proxy(upstream.port)
    for tag, words in ((b"p", "password authentication failed"), (b"Q", "invalid message length")):
        client = await running.client()
        client.startup()
        await client.message()
        client.send(tag + b"\x7f\xff\xff\xff")
        error = await client.error()
        assert error["C"] == ("28P01" if tag == b"p" else "08P01")
        assert words in error["M"]


async def test_long_password(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A token of 16 kB is a password like any other."""
    running = await proxy(upstream.port)
    await running.session("x" * 16384)
    assert running.services.opened[0].principal.name == "x" * 16384


@pytest.mark.parametrize("begun", ["nothing", "half", "startup"])
async def test_slow_login(proxy: StartProxy, upstream: FakeUpstream, begun: str) -> None:
    """A client that says nothing, or not enough, is sent away when its time is over."""
    running = await proxy(upstream.port, login_seconds=0.2)
    client = await running.client()
    match begun:
        case "half":
            client.send(b"\0\0\0\x30\0\3")
        case "startup":
            client.startup()
            await client.message()
    error = await client.error()
    assert (error["S"], error["C"]) == ("FATAL", "57014")
    assert "timeout" in error["M"]


async def test_slow_identity(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """An issuer that does not answer costs the client its login time, no more."""
    running = await proxy(upstream.port, login_seconds=0.2)
    client = await running.client()
    client.startup()
    await client.message()
    client.send(PasswordMessage(b"slow").encode())
    assert (await client.error())["C"] == "57014"


async def test_client_that_leaves_during_its_login(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A client that is gone before it was let in leaves nothing behind."""
    upstream.silent = True
    running = await proxy(upstream.port, login_seconds=0.4)
    client = await running.client()
    client.startup()
    await client.message()
    client.send(PasswordMessage(b"ada").encode())
    await eventually(lambda: bool(upstream.startups))
    client.writer.transport.abort()
    await eventually(lambda: not upstream.connections)
    assert running.server.sessions == 0
    assert not running.services.opened


async def test_session_limit(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """One session too many is told 53300 before it is asked for a password; a free place is given again."""
    running = await proxy(upstream.port, max_sessions=2)
    first, _ = await running.session(), await running.session()
    client = await running.client()
    client.startup()
    error = await client.error()
    assert (error["S"], error["C"]) == ("FATAL", "53300")
    assert running.services.failed_logins == [("TooManyConnectionsError", None, "127.0.0.1")]
    assert running.services.clients == ["127.0.0.1", "127.0.0.1"]
    await first.close()
    await running.sessions_become(1)
    await running.session()


async def test_connection_limit(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Connections that never log in cannot pile up."""
    running = await proxy(upstream.port, max_logins=2)
    idle = [await running.client() for _ in range(2)]
    late = await running.client()
    assert await late.ended() == b""
    await idle[0].close()
    await asyncio.sleep(0.05)
    await running.session()


async def test_logins_at_the_same_time(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Many logins at once all succeed, and their places count while they are under way."""
    running = await proxy(upstream.port, max_sessions=15)

    async def attempt() -> bool:
        client = await running.client()
        client.startup()
        tag, _ = await client.message()
        if tag == "R":
            client.send(PasswordMessage(b"ada").encode())
            await client.until("Z")
        return tag == "R"

    outcomes = await asyncio.gather(*(attempt() for _ in range(20)))
    assert outcomes.count(True) == 15
    assert running.server.sessions == 15


async def test_gss_and_ssl_without_certificate(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Without a certificate both requests for encryption get N, and the login goes on in clear on loopback."""
    running = await proxy(upstream.port)
    client = await running.client()
    client.send(GSSENCRequest().encode())
    assert await client.exactly(1) == b"N"
    client.send(b"\0\0\0\x08\x04\xd2\x16\x2f")
    assert await client.exactly(1) == b"N"
    await client.login()


async def test_log_has_no_passwords(
    proxy: StartProxy, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even the most talkative log shows what a client sent as its password."""
    caplog.set_level(logging.DEBUG)
    running = await proxy(upstream.port)
    await running.session("canary-token")
    client: Client = await running.client()
    client.startup(user="canary-user")
    await client.message()
    client.send(b"p\0\0\0\x14canary-password")
    client.writer.write_eof()
    await client.ended()
    assert "canary" not in caplog.text


async def test_readiness_logs_in(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A server that is there and does not let our account in is not reached; without a database to name it is."""
    running = await proxy(upstream.port)
    await running.server.upstream.reach("clinic")
    assert len(upstream.startups) == 1
    upstream.greeting = fatal("28P01", "password authentication failed")
    with pytest.raises(ProxyError):
        await running.server.upstream.reach("clinic")
    await running.server.upstream.reach()
    assert len(upstream.startups) == 2
