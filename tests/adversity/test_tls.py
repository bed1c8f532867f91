"""TLS on both sides: what is answered, what is refused, and what may not be downgraded."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path

import pytest

from proxy.net.tls import TlsMode, server_context
from proxy.wire.frontend import CancelRequest, Query, SSLRequest, StartupMessage
from tests.adversity.client import Client
from tests.adversity.conftest import StartProxy
from tests.adversity.fake_upstream import FakeUpstream
from tests.support.certificates import ServerFiles, make_server_files


def _client_context(files: ServerFiles, *, alpn: str | None = "postgresql") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files.ca))
    if alpn is not None:
        context.set_alpn_protocols([alpn])
    return context


async def test_tls_session(proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles) -> None:
    """SSLRequest, S, TLS, login, queries of all sizes, and a clean goodbye."""
    running = await proxy(upstream.port, tls=True)
    client = await running.client()
    await client.start_tls(_client_context(server_files))
    await client.login("x" * 16000)
    assert [tag for tag, _ in await client.query("SELECT '" + "x" * 300_000 + "'")] == ["T", "D", "C", "Z"]
    assert len(await client.query("rows 300 10000")) == 303
    client.send(b"X\0\0\0\4")
    assert await client.ended() == b""
    await running.sessions_become(0)


async def test_client_that_leaves_without_a_word(
    proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles
) -> None:
    """A TLS client that drops its connection frees its session."""
    running = await proxy(upstream.port, tls=True)
    client = await running.client()
    await client.start_tls(_client_context(server_files))
    await client.login()
    client.writer.transport.abort()
    await running.sessions_become(0)


async def test_tls_client_that_says_goodbye_to_tls_only(
    proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that closes TLS without a Terminate frees its session, and nobody is warned of it."""
    running = await proxy(upstream.port, tls=True)
    client = await running.client()
    await client.start_tls(_client_context(server_files))
    await client.login()
    client.writer.close()
    await running.sessions_become(0)
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_direct_tls(proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles) -> None:
    """TLS from the first byte is a login like any other where the client names the protocol (PostgreSQL 17)."""
    running = await proxy(upstream.port, tls=True)
    client = await running.client(ssl=_client_context(server_files), server_hostname="localhost")
    await client.login()
    assert [tag for tag, _ in await client.query("SELECT 1")] == ["T", "D", "C", "Z"]


async def test_direct_tls_in_pieces(proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles) -> None:
    """A ClientHello that comes byte by byte is the same ClientHello."""
    running = await proxy(upstream.port, tls=True)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = _client_context(server_files).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    client = await running.client()
    for at in range(0, len(hello), 50):
        client.send(hello[at : at + 50])
        await asyncio.sleep(0.005)
    async with asyncio.timeout(5):
        while tls.version() is None or tls.selected_alpn_protocol() is None:
            incoming.write(await client.reader.read(65536))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert tls.selected_alpn_protocol() == "postgresql"


async def test_direct_tls_without_alpn(proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles) -> None:
    """Direct TLS without the protocol's name could be meant for another server (ALPACA), and is refused."""
    running = await proxy(upstream.port, tls=True)
    context = _client_context(server_files, alpn=None)
    client = await running.client(ssl=context, server_hostname="localhost")
    error = await client.error()
    assert error["C"] == "08P01"
    assert "ALPN" in error["M"]


async def test_clear_bytes_behind_the_request(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A startup packet in clear behind SSLRequest is never taken for one said inside TLS (CVE-2021-23214)."""
    running = await proxy(upstream.port, tls=True)
    client = await running.client()
    injected = StartupMessage(0x30000, (("user", "mallory"), ("database", "clinic"))).encode()
    client.send(SSLRequest().encode() + injected)
    error = await client.error()
    assert error["C"] == "08P01"
    assert "unencrypted data" in error["M"]


@pytest.mark.parametrize("hello", [b"\x16\x03\x01\0\5hello", b"\x16" + b"\0" * 500, b"GET / HTTP/1.1\r\n\r\n"])
async def test_no_tls_behind_the_answer(proxy: StartProxy, upstream: FakeUpstream, hello: bytes) -> None:
    """A client that says something else than TLS after S is dropped, and is asked nothing in clear."""
    running = await proxy(upstream.port, tls=True)
    client = await running.client()
    client.send(SSLRequest().encode())
    assert await client.exactly(1) == b"S"
    client.send(hello)
    assert b"R\0\0\0" not in await client.ended()
    await running.session()


async def test_tls_that_never_begins(proxy: StartProxy, upstream: FakeUpstream) -> None:
    """A client that got its S and says nothing more is dropped when its time is over."""
    running = await proxy(upstream.port, tls=True, login_seconds=0.3)
    client = await running.client()
    client.send(SSLRequest().encode())
    assert await client.exactly(1) == b"S"
    assert await client.ended() == b""


async def test_slow_reader_over_tls(proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles) -> None:
    """Back-pressure holds through TLS too."""
    running = await proxy(upstream.port, tls=True, write_buffer_bytes=65536)
    client = await running.client(limit=4096)
    await client.start_tls(_client_context(server_files))
    await client.login()
    client.send(Query(b"rows 400 100000").encode())
    sent = -1
    async with asyncio.timeout(10):
        while sent != upstream.rows_sent:
            sent = upstream.rows_sent
            await asyncio.sleep(0.3)
    assert upstream.rows_sent < 400
    assert len(await client.until("Z")) == 403


@pytest.mark.parametrize("mode", [TlsMode.REQUIRE, TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL])
async def test_upstream_tls(
    proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles, mode: TlsMode
) -> None:
    """A session works through TLS to the upstream in every mode, cancel requests included."""
    upstream.tls = server_context(server_files.certificate, server_files.key)
    running = await proxy(upstream.port, upstream_tls=mode, ca=server_files.ca)
    client = await running.session()
    assert len(await client.query("rows 300 10000")) == 303
    assert client.key is not None
    client.send(Query(b"wait").encode())
    canceller = await running.client()
    canceller.send(CancelRequest(client.key.process_id, client.key.secret).encode())
    assert [tag for tag, _ in await client.until("Z")] == ["E", "Z"]


async def test_channel_binding(proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles) -> None:
    """The login upstream is bound to the certificate that we saw, so that nobody in between can pass it on."""
    upstream.tls = server_context(server_files.certificate, server_files.key)
    certificate = ssl.PEM_cert_to_DER_cert(server_files.certificate.read_text())
    upstream.scram = ("pencil", hashlib.sha256(certificate).digest())
    running = await proxy(upstream.port, upstream_tls=TlsMode.REQUIRE)
    await running.session()
    upstream.scram = ("pencil", hashlib.sha256(b"the certificate of somebody in between").digest())
    await _refused(await running.client())


@pytest.mark.parametrize("mode", [TlsMode.REQUIRE, TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL])
async def test_upstream_without_tls(proxy: StartProxy, upstream: FakeUpstream, mode: TlsMode) -> None:
    """An upstream that offers no TLS is not spoken to where the settings ask for it."""
    running = await proxy(upstream.port, upstream_tls=mode)
    await _refused(await running.client())
    assert upstream.startups == []


async def test_foreign_authority(
    proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles, tmp_path: Path
) -> None:
    """verify-ca refuses a certificate that our authority did not sign; require takes it."""
    upstream.tls = server_context(server_files.certificate, server_files.key)
    foreign = make_server_files(tmp_path).ca
    running = await proxy(upstream.port, upstream_tls=TlsMode.VERIFY_CA, ca=foreign)
    await _refused(await running.client())
    running = await proxy(upstream.port, upstream_tls=TlsMode.REQUIRE)
    await running.session()


async def test_wrong_name(proxy: StartProxy, upstream: FakeUpstream, tmp_path: Path) -> None:
    """verify-full refuses a certificate for another name; verify-ca takes it."""
    files = make_server_files(tmp_path, names=("db.example",), addresses=())
    upstream.tls = server_context(files.certificate, files.key)
    running = await proxy(upstream.port, upstream_tls=TlsMode.VERIFY_FULL, ca=files.ca)
    await _refused(await running.client())
    running = await proxy(upstream.port, upstream_tls=TlsMode.VERIFY_CA, ca=files.ca)
    await running.session()


async def test_clear_bytes_behind_the_upstreams_answer(
    proxy: StartProxy, upstream: FakeUpstream, server_files: ServerFiles
) -> None:
    """Bytes in clear behind the upstream's S are not taken for its first words inside TLS (CVE-2021-23222)."""
    upstream.tls = server_context(server_files.certificate, server_files.key)
    upstream.behind_answer = b"R\0\0\0\x08\0\0\0\0"
    running = await proxy(upstream.port, upstream_tls=TlsMode.VERIFY_FULL, ca=server_files.ca)
    client = await running.client()
    client.startup()
    await client.message()
    client.send(b"p\0\0\0\x08ada\0")
    assert (await client.error())["C"] in {"08006", "57P03"}
    assert upstream.startups == []


async def _refused(client: Client) -> None:
    client.startup()
    await client.message()
    client.send(b"p\0\0\0\x08ada\0")
    assert (await client.error())["C"] == "57P03"
