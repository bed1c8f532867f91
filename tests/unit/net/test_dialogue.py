"""A connection upstream before and after its session."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors import UpstreamUnavailableError
from proxy.net.dialogue import Dialogue
from proxy.net.servers import ServerAddress
from proxy.net.upstream import UpstreamLink
from proxy.session.upstream_login import Account, UpstreamLogin, UpstreamReady, own_startup
from tests.unit.net.test_relay import FakeTransport


def _dialogue() -> tuple[Dialogue, FakeTransport]:
    transport, dialogue = FakeTransport(), Dialogue(asyncio.get_running_loop())
    transport.set_protocol(dialogue)
    dialogue.transport = transport
    return dialogue, transport


async def test_sleep_of_a_connection_that_is_lost_already() -> None:
    """Whoever would wait for it is told, in its own time, and nothing is asked of the transport."""
    dialogue, transport = _dialogue()
    transport.closed = True
    told: list[str] = []
    dialogue.sleep(lambda: told.append("gone"))
    assert told == []
    await asyncio.sleep(0)
    assert told == ["gone"]


async def test_connection_that_was_lost_in_its_session() -> None:
    """It cannot be made as new."""
    dialogue, transport = _dialogue()
    transport.closed = True
    account = Account("pgveil", None)
    login = UpstreamLogin(own_startup(account, "clinic", "test"), account, private=True, scram=lambda _: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(UpstreamUnavailableError):
        await dialogue.start_over(login, {})
    assert transport.written == b""


async def test_connection_that_is_lost_is_discarded_without_a_word() -> None:
    """uvloop raises where a closed transport is written to."""
    dialogue, transport = _dialogue()
    transport.closed = True
    released: list[bool] = []
    ready = UpstreamReady({}, 1, b"1234", (), "1")
    server = ServerAddress("db", 5432)
    UpstreamLink(dialogue.transport, ready, lambda: b"", server, lambda: released.append(True), None).discard()
    assert (released, transport.written) == ([True], b"")
