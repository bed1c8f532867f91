"""Replies that wait for a proof, between a relay and a conversation that are real."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from proxy.errors import ProxyError, SessionEndedError
from proxy.identity.principal import Principal
from proxy.net.limits import Limits
from proxy.net.ports import OpenedSession
from proxy.net.relay import Relay
from proxy.net.servers import ServerAddress
from proxy.net.upstream import UpstreamLink
from proxy.session.unproven import Unproven
from proxy.session.upstream_login import UpstreamReady
from proxy.wire import backend
from proxy.wire.backend import BackendKeyData
from proxy.wire.frontend import TERMINATE_MESSAGE
from tests.unit.net.test_relay import ANSWER, COLUMN, QUERY, STARTUP, FakeTransport, Services

CHANGED = SessionEndedError("the catalog changed", sqlstate="40001")


class Proofs:
    """Keeps what is asked, and answers when told to."""

    def __init__(self) -> None:
        self.asked: list[Callable[[ProxyError | None], None]] = []

    def prove(self, unproven: Unproven, done: Callable[[ProxyError | None], None]) -> None:
        self.asked.append(done)

    def answer(self, failure: ProxyError | None = None) -> None:
        """Answer the oldest question."""
        self.asked.pop(0)(failure)


class Gated:
    """A session whose replies must be proven."""

    def __init__(self) -> None:
        self.client, self.upstream, self.services, self.proofs = FakeTransport(), FakeTransport(), Services(), Proofs()
        self.services.restricted = True
        self.given_back: list[Mapping[str, str]] = []
        self.relay = Relay(
            self.client,
            UpstreamLink(
                self.upstream,
                UpstreamReady({}, 1, b"1234", ("public",), "1"),
                lambda: b"",
                ServerAddress("db", 5432),
                lambda: None,
                self.given_back.append,
            ),
            OpenedSession(
                Principal("ada", "ada", "analyst", "https://idp.example", time.time() + 3600),
                self.services,
                self.services,
                self.proofs,
            ),
            self.services,
            Limits(linger_seconds=0.01),
            withdraw=lambda: False,
            closed=lambda _: None,
        )
        self.relay.begin(STARTUP, BackendKeyData(7, b"keys"), received=b"", client_finished=False)
        self.client.taken()

    def asks(self, answer: bytes) -> None:
        """The client asks, and upstream says this."""
        self.client.says(QUERY)
        self.upstream.says(answer)


async def test_an_answer_waits() -> None:
    """Nothing leaves before the proof, all of it afterwards; meanwhile upstream is not read from."""
    gated = Gated()
    gated.asks(ANSWER)
    assert (gated.client.taken(), gated.upstream.reading) == (b"", False)
    gated.proofs.answer()
    assert (gated.client.taken(), gated.upstream.reading) == (ANSWER, True)
    assert gated.relay.idle


async def test_rows_pass_behind_the_first_reply() -> None:
    """A long result is asked for once."""
    gated = Gated()
    gated.asks(COLUMN)
    gated.proofs.answer()
    for _ in range(3):
        gated.upstream.says(backend.build_data_row((b"1",)))
    assert len(gated.client.taken()) > len(COLUMN)
    assert gated.proofs.asked == []


async def test_what_comes_later_is_proven_later() -> None:
    """Bytes that came after a question are not covered by its answer."""
    gated = Gated()
    gated.client.says(QUERY + QUERY)
    gated.upstream.says(ANSWER)
    gated.upstream.says(ANSWER)
    gated.proofs.answer()
    assert gated.client.taken() == ANSWER
    assert len(gated.proofs.asked) == 1
    assert not gated.upstream.reading
    gated.proofs.answer()
    assert gated.client.taken() == ANSWER
    assert gated.upstream.reading


async def test_a_change_ends_the_session() -> None:
    """Where it is not proven the client gets the reason and nothing of the answer, and upstream is told to end."""
    gated = Gated()
    gated.asks(ANSWER)
    gated.proofs.answer(CHANGED)
    told = gated.client.taken()
    assert told.startswith(b"E")
    assert b"FATAL" in told
    assert b"C40001\0" in told
    assert gated.upstream.taken().endswith(TERMINATE_MESSAGE)


async def test_back_pressure_and_proof_together() -> None:
    """Upstream is read again only when the client reads and nothing waits."""
    gated = Gated()
    gated.asks(ANSWER)
    gated.client.now().pause_writing()
    gated.proofs.answer()
    assert not gated.upstream.reading
    gated.asks(ANSWER)
    gated.client.now().resume_writing()
    assert not gated.upstream.reading
    gated.proofs.answer()
    assert gated.upstream.reading


async def test_peers_that_leave_meanwhile() -> None:
    """An upstream's last words wait too; a client that has gone is told nothing."""
    gated = Gated()
    words = backend.ErrorResponse({"S": "FATAL", "V": "FATAL", "C": "57P01", "M": "gone"}).encode()
    gated.asks(words)
    gated.upstream.abort()
    assert gated.client.taken() == b""
    gated.proofs.answer()
    assert b"C57P01\0" in gated.client.taken()
    gated = Gated()
    gated.asks(ANSWER)
    gated.client.abort()
    gated.proofs.answer()
    assert gated.client.taken() == b""


async def test_an_end_meanwhile() -> None:
    """A session that must end at once ends without the answer that waits."""
    gated = Gated()
    gated.asks(COLUMN)
    gated.relay.end(SessionEndedError("over"), at_once=True)
    assert b"C57P01\0" in gated.client.taken()
    gated.proofs.answer()
    assert gated.client.taken() == b""


async def test_goodbye_while_something_is_to_be_proven() -> None:
    """What was not shown yet is not left to another session: the connection ends."""
    gated = Gated()
    gated.client.says(QUERY)
    gated.upstream.says(ANSWER)
    gated.client.says(TERMINATE_MESSAGE)
    assert gated.upstream.taken().endswith(TERMINATE_MESSAGE)
    gated.proofs.answer()
    gated.client.abort()
    assert gated.given_back == []
    again = Gated()
    again.asks(ANSWER)
    again.proofs.answer()
    again.client.says(TERMINATE_MESSAGE)
    assert again.given_back == [{}]
