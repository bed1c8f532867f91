"""Everything in this folder runs on both event loops: asyncio's own, and uvloop, which the proxy uses where it can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
import uvloop

from proxy.net.limits import Limits
from proxy.net.listener import Server
from proxy.net.servers import ServerAddress, Target, UpstreamAddress
from proxy.net.tls import TlsMode, server_context
from proxy.net.upstream import Upstream
from proxy.session.upstream_login import Account
from tests.adversity.client import Client
from tests.adversity.fake_services import FakeServices
from tests.adversity.fake_upstream import FakeUpstream
from tests.support.certificates import ServerFiles, make_server_files

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

LIMITS = Limits(max_sessions=20, login_seconds=10, connect_seconds=5, linger_seconds=1, drain_seconds=5)
ACCOUNT = Account("pgveil", "pencil")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """The event loops that each test runs on."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def server_files(tmp_path_factory: pytest.TempPathFactory) -> ServerFiles:
    """A certificate for 127.0.0.1 and localhost."""
    return make_server_files(tmp_path_factory.mktemp("certificates"))


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds that no event tells of (raises TimeoutError)."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for belongs to the proxy, which has no event for it
            await asyncio.sleep(0.01)


class StartProxy(Protocol):
    """What the fixture ``proxy`` gives: a running proxy in front of an upstream on a port or a socket's folder."""

    def __call__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        tls: bool = False,
        upstream_tls: TlsMode = TlsMode.DISABLE,
        ca: Path | None = None,
        account: Account = ...,
        others: tuple[ServerAddress, ...] = (),
        target: Target = Target.ANY,
        spares: int = 0,
        **limits: float,
    ) -> Awaitable[Proxy]: ...


class Proxy:
    """A running proxy, and what it asked its services."""

    def __init__(self, server: Server, services: FakeServices, port: int) -> None:
        self.server = server
        self.services = services
        self.port = port
        self._clients: list[Client] = []

    async def client(self, **options: object) -> Client:
        """A connection that has said nothing yet."""
        client = await Client.connect(self.port, **options)
        self._clients.append(client)
        return client

    async def sessions_become(self, count: int) -> None:
        """Wait until there are so many sessions (raises TimeoutError)."""
        await eventually(lambda: self.server.sessions == count)

    async def close(self) -> None:
        """Close every client, and the proxy."""
        for client in self._clients:
            await client.close()
        await self.server.drain(0)

    async def session(self, who: str = "ada", **parameters: str) -> Client:
        """A client that is logged in."""
        client = await self.client()
        await client.login(who, **parameters)
        return client


@pytest.fixture
async def proxy(server_files: ServerFiles) -> AsyncIterator[StartProxy]:
    """A function that starts a proxy; what it started is drained after the test."""
    async with AsyncExitStack() as stack:

        async def start(
            port: int,
            *,
            host: str = "127.0.0.1",
            tls: bool = False,
            upstream_tls: TlsMode = TlsMode.DISABLE,
            ca: Path | None = None,
            account: Account = ACCOUNT,
            others: tuple[ServerAddress, ...] = (),
            target: Target = Target.ANY,
            spares: int = 0,
            **limits: float,
        ) -> Proxy:
            services = FakeServices()
            changed = replace(LIMITS, **limits)  # type: ignore[arg-type]
            server = Server(
                host="127.0.0.1",
                port=0,
                services=services,
                upstream=Upstream(
                    UpstreamAddress((ServerAddress(host, port), *others), upstream_tls, ca, target),
                    account,
                    changed,
                    spares=spares,
                ),
                limits=changed,
                tls=server_context(server_files.certificate, server_files.key) if tls else None,
            )
            _, bound = await server.start()
            running = Proxy(server, services, bound)
            stack.push_async_callback(running.close)
            return running

        yield start


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """A server that speaks just enough of the protocol to misbehave."""
    fake = FakeUpstream()
    await fake.start()
    yield fake
    await fake.stop()
