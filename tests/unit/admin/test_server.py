"""The administrators' port: what each path answers."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from proxy.admin.readiness import Readiness
from proxy.admin.server import AdminServer
from proxy.errors import SettingsFileError
from proxy.metrics import Metrics
from proxy.net.tls import server_context
from tests.support.certificates import make_server_files


@pytest.fixture
def readiness() -> Readiness:
    """A readiness that can be told otherwise."""
    readiness = Readiness(journal_writable=lambda: True)
    readiness.listening = readiness.policy_loaded = True
    readiness.upstream_answered()
    return readiness


@pytest.fixture
async def server(readiness: Readiness) -> AsyncIterator[AdminServer]:
    """A server on a free port."""
    server = AdminServer("127.0.0.1", 0, Metrics(), readiness)
    await server.start()
    yield server
    await server.stop()


async def get(server: AdminServer, path: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, media type and body of an answer."""
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, f"http://127.0.0.1:{server.port}{path}") as answer,
    ):
        return answer.status, answer.headers.get("Content-Type", ""), await answer.text()


async def test_metrics(server: AdminServer) -> None:
    """Metrics come in the text format with its version."""
    status, media_type, body = await get(server, "/metrics")
    assert (status, media_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "pgveil_sessions 0.0\n" in body


async def test_health(server: AdminServer, readiness: Readiness) -> None:
    """A living process is healthy, ready or not."""
    readiness.listening = False
    assert (await get(server, "/healthz"))[::2] == (200, '{"status": "alive"}')


async def test_ready(server: AdminServer, readiness: Readiness) -> None:
    """Readiness is 200, or 503 with the list of what is missing."""
    assert (await get(server, "/readyz"))[::2] == (200, '{"status": "ready", "missing": []}')
    readiness.policy_loaded = False
    status, _, body = await get(server, "/readyz")
    assert (status, body) == (503, '{"status": "not ready", "missing": ["no policy is loaded"]}')


async def test_other_requests(server: AdminServer) -> None:
    """There is nothing else, and nothing can be changed."""
    assert (await get(server, "/"))[0] == 404
    assert (await get(server, "/metrics", "POST"))[0] == 405


async def test_taken_port(server: AdminServer, readiness: Readiness) -> None:
    """A port that is taken is told with the address."""
    other = AdminServer("127.0.0.1", server.port, Metrics(), readiness)
    with pytest.raises(SettingsFileError, match=rf"admin: cannot listen on 127\.0\.0\.1:{server.port}"):
        await other.start()
    await other.stop()


async def test_tls(readiness: Readiness, tmp_path: Path) -> None:
    """With a certificate the port speaks TLS, which a client can verify, and nothing in clear."""
    files = make_server_files(tmp_path)
    context = server_context(files.certificate, files.key, protocol="http/1.1")
    server = AdminServer("127.0.0.1", 0, Metrics(), readiness, tls=context)
    await server.start()
    trusting = ssl.create_default_context(cafile=str(files.ca))
    async with aiohttp.ClientSession() as client:
        async with client.get(f"https://127.0.0.1:{server.port}/healthz", ssl=trusting) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await client.get(f"http://127.0.0.1:{server.port}/healthz")
    await server.stop()
