"""Sessions whose peers misbehave: upstreams that die, clients that stop reading, tokens that end, and drain."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
import tracemalloc

import pytest

from proxy.wire.frontend import CancelRequest, Query
from tests.adversity.conftest import StartProxy, eventually
from tests.adversity.fake_upstream import FakeUpstream, fatal

SHUTDOWN = "terminating connection because pgveil is shutting down"


async def test_upstream_is_down(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Without an upstream a login is FATAL 57P03, and the next one works again once the upstream is back."""
    running = await proxy(upstream.port)
    await upstream.stop()
    client = await running.client()
    client.startup()
    await client.message()
    client.send(b"p\0\0\0\x08ada\0")
    error = await client.error()
    assert (error["S"], error["C"]) == ("FATAL", "57P03")
    assert running.services.failures == ["57P03"]
    assert running.services.failed_logins == [("UpstreamUnavailableError", "ada", "127.0.0.1")]
    await upstream.start()
    await running.session()


@pytest.mark.parametrize(
    ("sqlstate", "message", "expected", "told"),
    [
        ("3D000", 'database "x" does not exist', "3D000", True),
        ("57P03", "the database system is starting up", "57P03", True),
        ("28P01", 'password authentication failed for user "pgveil"', "57P03", False),
    ],
)
async def test_upstream_refuses(
    proxy: StartProxy, upstream: FakeUpstream, sqlstate: str, message: str, expected: str, *, told: bool
) -> None:
    """What the upstream says of the database reaches the client; what it says of our account does not."""
    upstream.greeting = fatal(sqlstate, message)
    running = await proxy(upstream.port)
    client = await running.client()
    client.startup()
    await client.message()
    client.send(b"p\0\0\0\x08ada\0")
    error = await client.error()
    assert error["C"] == expected
    assert (error["M"] == message) is told
    assert running.server.sessions == 0


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"R\0\0\0\x08\0\0"])
async def test_upstream_is_no_server(proxy: StartProxy, upstream: FakeUpstream, greeting: bytes) -> None:
    """An upstream that closes at once, talks nonsense or stops in a message is an error, not a wait."""
    upstream.greeting = greeting
    running = await proxy(upstream.port)
    client = await running.client()
    client.startup()
    await client.message()
    client.send(b"p\0\0\0\x08ada\0")
    assert (await client.error())["C"] in {"57P03", "08006"}


async def test_upstream_is_silent(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """An upstream that accepts and says nothing costs the time for connecting, no more."""
    upstream.silent = True
    running = await proxy(upstream.port, connect_seconds=0.2)
    client = await running.client()
    client.startup()
    await client.message()
    client.send(b"p\0\0\0\x08ada\0")
    error = await client.error()
    assert error["C"] == "57P03"
    assert "in time" in error["M"]
    await eventually(lambda: not upstream.connections)


async def test_upstream_dies(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """An upstream that vanishes before it answered is FATAL 08006, and the session is over."""
    running = await proxy(upstream.port)
    client = await running.session()
    client.send(Query(b"die").encode())
    error = await client.error()
    assert (error["S"], error["C"]) == ("FATAL", "08006")
    await running.sessions_become(0)
    assert running.services.closed_sessions == running.services.opened


async def test_upstream_dies_in_a_row(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Half a row cannot be followed by an error, which would be taken for data: the connection just ends."""
    running = await proxy(upstream.port)
    client = await running.session()
    client.send(Query(b"die in a row").encode())
    assert [(await client.message())[0] for _ in range(2)] == ["T", "D"]
    assert await client.ended() == b"D\0\0\0\x10\0\1\0\0\0\6sec"
    await running.sessions_become(0)


async def test_upstream_ends_the_session(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """What the upstream says before it leaves is the last thing that the client reads."""
    running = await proxy(upstream.port)
    client = await running.session()
    client.send(Query(b"leave").encode())
    assert (await client.error())["C"] == "57P01"


async def test_upstream_talks_nonsense(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Bytes that are no message end the session with 08006, and do not reach the client."""
    running = await proxy(upstream.port)
    client = await running.session()
    client.send(Query(b"nonsense").encode())
    assert (await client.error())["C"] == "08006"
    assert running.services.sessions_out_of_step == 1


async def test_client_talks_nonsense(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """An impossible message from a logged-in client ends its session with 08P01."""
    running = await proxy(upstream.port)
    client = await running.session()
    client.send(b"Q\x7f\xff\xff\xff")
    assert (await client.error())["C"] == "08P01"
    await eventually(lambda: not upstream.connections)


async def test_bug_in_a_session(proxy: StartProxy, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture) -> None:
    """A bug of ours ends the session with XX000 and a reference; the value that it met is not in the log."""
    running = await proxy(upstream.port)
    client = await running.session()
    client.send(Query(b"BUG").encode())
    error = await client.error()
    assert (error["S"], error["C"]) == ("FATAL", "XX000")
    assert error["M"].rpartition(" ")[2] in caplog.text
    assert "BUGBUG" not in caplog.text
    await running.sessions_become(0)


async def test_client_leaves_mid_query(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A client that vanishes while its rows come frees its upstream connection."""
    running = await proxy(upstream.port, linger_seconds=0.2)
    client = await running.session()
    client.send(Query(b"rows 1000000 1000").encode())
    await client.message()
    client.writer.transport.abort()
    await eventually(lambda: not upstream.connections)
    await running.sessions_become(0)
    assert running.services.unanswered == 1
    assert running.services.sessions_out_of_step == 0


async def test_half_closed_client(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A client that closes its side after a query still gets the whole answer."""
    running = await proxy(upstream.port)
    client = await running.session()
    client.send(Query(b"rows 2000 1000").encode())
    client.writer.write_eof()
    assert len(await client.until("Z")) == 2003
    assert await client.ended() == b""
    await running.sessions_become(0)


async def test_slow_reader(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """While a client does not read, the upstream is not read from: memory stays bounded; then everything arrives."""
    running = await proxy(upstream.port, write_buffer_bytes=65536)
    client = await running.client(limit=4096)
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    await client.login()
    count, size = 200, 100_000
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    client.send(Query(f"rows {count} {size}".encode()).encode())
    sent = -1
    async with asyncio.timeout(10):
        while sent != upstream.rows_sent:
            sent = upstream.rows_sent
            await asyncio.sleep(0.3)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert upstream.rows_sent < count
    assert grown < 3_000_000
    messages = await client.until("Z")
    assert len(messages) == count + 3
    assert upstream.rows_sent == count
    assert [tag for tag, _ in await client.query("SELECT 1")] == ["T", "D", "C", "Z"]


async def test_upstream_that_does_not_read(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """While the upstream does not read, the client is not read from either, and all its messages arrive in the end."""
    running = await proxy(upstream.port, write_buffer_bytes=65536)
    client = await running.session()
    client.writer.transport.set_write_buffer_limits(high=1)
    client.send(Query(b"wait").encode())
    text = b"SELECT '" + b"x" * 100_000 + b"'"
    sent = 0
    with pytest.raises(TimeoutError):  # noqa: PT012 - drain blocks once every buffer on the way is full
        async with asyncio.timeout(1):
            while sent < 500:
                client.send(Query(text).encode())
                sent += 1
                await client.writer.drain()
    assert sent < 500
    upstream.cancelled.set()
    assert (await client.until("Z"))[0][0] == "E"
    for _ in range(sent):
        assert (await client.until("Z"))[1][1].endswith(text)


async def test_expired_token(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """The session ends with FATAL 57P01 when its token does, whether or not anything runs."""
    running = await proxy(upstream.port)
    running.services.expires_at = time.time() + 0.6
    idle, busy = await running.session(), await running.session()
    busy.send(Query(b"wait").encode())
    for client in (idle, busy):
        error = await client.error()
        assert (error["S"], error["C"]) == ("FATAL", "57P01")
        assert "expired" in error["M"]
    await running.sessions_become(0)


async def test_expired_token_in_a_large_result(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """While rows come the error follows the row that was begun, so that the client can read it."""
    running = await proxy(upstream.port)
    running.services.expires_at = time.time() + 0.6
    client = await running.session()
    client.send(Query(b"rows 1000000 30000").encode())
    *rows, last = await client.until("E")
    assert {tag for tag, _ in rows} == {"T", "D"}
    assert b"C57P01\0" in last[1]
    assert await client.ended() == b""
    await running.sessions_become(0)


async def test_expired_token_of_a_deaf_client(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A client that does not read cannot keep its session beyond its token by more than the time for last words."""
    running = await proxy(upstream.port, linger_seconds=0.3)
    running.services.expires_at = time.time() + 0.6
    client = await running.client(limit=4096)
    await client.login()
    client.send(Query(b"rows 1000000 30000").encode())
    await running.sessions_become(1)
    await running.sessions_become(0)


async def test_drain(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Draining sends idle sessions away at once, lets a running statement finish, and refuses newcomers."""
    running = await proxy(upstream.port)
    idle, busy, late = await running.session(), await running.session(), await running.client()
    busy.send(Query(b"wait").encode())
    await asyncio.sleep(0.1)
    draining = asyncio.create_task(running.server.drain(10))
    error = await idle.error()
    assert (error["S"], error["C"], error["M"]) == ("FATAL", "57P01", SHUTDOWN)
    assert (await late.error())["C"] == "57P03"
    with pytest.raises(OSError):
        await running.client()
    assert not draining.done()
    upstream.cancelled.set()
    assert [tag for tag, _ in await busy.until("Z")] == ["E", "Z"]
    assert (await busy.error())["M"] == SHUTDOWN
    await asyncio.wait_for(draining, 5)
    assert running.server.sessions == 0
    assert running.services.closed_sessions


async def test_drain_limit(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A statement that does not finish in time is cut off with 57P01."""
    running = await proxy(upstream.port, linger_seconds=0.3)
    busy = await running.session()
    busy.send(Query(b"wait").encode())
    await asyncio.sleep(0.1)
    draining = asyncio.create_task(running.server.drain(0.2))
    assert (await busy.error())["C"] == "57P01"
    await asyncio.wait_for(draining, 5)
    assert running.server.sessions == 0


async def test_drain_does_not_wait_for_deaf_clients(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A client that never reads cannot keep the proxy from ending."""
    running = await proxy(upstream.port, linger_seconds=0.3)
    client = await running.client(limit=4096)
    await client.login()
    client.send(Query(b"rows 1000 100000").encode())
    await asyncio.sleep(0.3)
    await asyncio.wait_for(running.server.drain(0.1), 5)
    assert running.server.sessions == 0


@pytest.mark.parametrize("minor", ["0", "2"])
async def test_cancel(proxy: StartProxy, upstream: FakeUpstream, minor: str) -> None:
    """A cancel request with our key reaches the upstream with the upstream's own, and gets no answer."""
    running = await proxy(upstream.port)
    client = await running.session(minor=minor)
    assert client.key is not None
    assert len(client.key.secret) == (32 if minor == "2" else 4)
    client.send(Query(b"wait").encode())
    canceller = await running.client()
    canceller.send(CancelRequest(client.key.process_id, client.key.secret).encode())
    assert await canceller.ended() == b""
    assert [tag for tag, _ in await client.until("Z")] == ["E", "Z"]
    assert upstream.cancels == [CancelRequest(4711, b"upky")]


async def test_cancel_by_a_client_that_does_not_wait(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Many drivers close the connection right behind the request; it must arrive all the same."""
    running = await proxy(upstream.port)
    client = await running.session()
    assert client.key is not None
    client.send(Query(b"wait").encode())
    canceller = await running.client()
    canceller.send(CancelRequest(client.key.process_id, client.key.secret).encode())
    await canceller.close()
    assert [tag for tag, _ in await client.until("Z")] == ["E", "Z"]


async def test_wrong_cancel_keys(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """Wrong keys are silent and reach nothing, and so are right keys of sessions that are over."""
    running = await proxy(upstream.port)
    client = await running.session()
    assert client.key is not None
    wrong = CancelRequest(client.key.process_id, bytes(b ^ 1 for b in client.key.secret))
    for request in (wrong, CancelRequest(4711, b"upky")):
        canceller = await running.client()
        canceller.send(request.encode())
        assert await canceller.ended() == b""
    await client.close()
    await running.sessions_become(0)
    canceller = await running.client()
    canceller.send(CancelRequest(client.key.process_id, client.key.secret).encode())
    assert await canceller.ended() == b""
    assert upstream.cancels == []
