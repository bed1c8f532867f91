"""One session between two transports that only write down what is done to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import pytest

from proxy.errors import Refusal, SessionEndedError
from proxy.identity.principal import Principal
from proxy.net.limits import Limits
from proxy.net.ports import OpenedSession
from proxy.net.relay import Relay
from proxy.net.servers import ServerAddress
from proxy.net.upstream import UpstreamLink
from proxy.planner.plan import Decision, Plan, StatementKind, TokenCells
from proxy.session.hints import NO_HINTS, Hinting, NoHints
from proxy.session.ports import TokenCodec
from proxy.session.startup import Startup, read_startup
from proxy.session.upstream_login import UpstreamReady
from proxy.wire import backend
from proxy.wire.backend import BackendKeyData, parse_error_response
from proxy.wire.frames import frame
from proxy.wire.frontend import TERMINATE_MESSAGE, Parse, Query, StartupMessage
from tests.support.fake_tokens import FakeTokens

READY = backend.ReadyForQuery(b"I").encode()
QUERY = Query(b"SELECT 1").encode()
COLUMN = backend.RowDescription((backend.RowField("x", 0, 0, 25, -1, -1),)).encode()
ANSWER = COLUMN + backend.build_data_row((b"1",)) + backend.CommandComplete("SELECT 1").encode() + READY
STARTUP: Startup = read_startup(StartupMessage(0x30000, (("user", "ada"),)))


class FakeTransport(asyncio.Transport):
    """Keeps what is written, and whether it would be read from."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.closed = False
        self.finished = False
        self.protocol: asyncio.Protocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.finished = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self.closed:
            self.closed = True
            self.now().connection_lost(None)

    def now(self) -> asyncio.Protocol:
        """The protocol in charge."""
        assert self.protocol is not None
        return self.protocol

    def says(self, data: bytes) -> None:
        """The peer says something."""
        self.now().data_received(data)

    def taken(self) -> bytes:
        """What was written since it was last asked for."""
        data, self.written = self.written, b""
        return data


class Services:
    """Planning, watching and the services of a login: every statement passes. Keeps what was closed and failed."""

    generation: object = 1
    restricted: bool = False
    tokens: TokenCodec = FakeTokens()

    def __init__(self) -> None:
        self.over: list[OpenedSession] = []
        self.failures: list[str] = []

    async def authenticate(self, *, user: str, password: str) -> Principal:
        raise AssertionError

    async def open(self, principal: Principal, startup: Startup, *, client: str | None) -> OpenedSession:
        raise AssertionError

    def closed(self, session: OpenedSession, *, unanswered: int) -> None:
        self.over.append(session)

    def out_of_step(self) -> None: ...

    def login_failed(self, error: Exception, *, startup: Startup | None, client: str | None) -> None: ...

    def upstream_failed(self, sqlstate: str) -> None:
        self.failures.append(sqlstate)

    def split(self, text: str) -> tuple[str, ...]:
        return (text,)

    def plan(self, text: str, search_path: tuple[str, ...]) -> Plan:
        return Plan(text, Decision.PASSED, StatementKind.SELECT, "0")

    def with_arguments(self, plan: Plan, parameters: tuple[TokenCells | None, ...]) -> Plan:
        return plan

    def check_parameters(self, type_oids: tuple[int, ...]) -> None:
        raise AssertionError("not asked in this test")

    def is_protected(self, table_oid: int, attribute_number: int) -> bool:
        return False

    def require_journal(self) -> None: ...

    def statement(self, plan: Plan, *, rows: int | None, seconds: float, sqlstate: str | None) -> None: ...

    def refused(self, refusal: Refusal) -> None: ...


class Setting:
    """A relay that has begun, and what is around it."""

    def __init__(
        self,
        *,
        expires_in: float = 3600,
        rest: bytes = b"",
        received: bytes = b"",
        keeps: bool = False,
        hints: Hinting = NO_HINTS,
    ) -> None:
        self.client, self.upstream, self.services = FakeTransport(), FakeTransport(), Services()
        self.upstream.reading = False
        self.events: list[str] = []
        principal = Principal("ada", "ada", "analyst", "https://idp.example", time.time() + expires_in)
        ready = UpstreamReady({"server_version": "16.4"}, 1, b"1234", ("public",), "1")
        self.cancelled = False
        self.given_back: list[Mapping[str, str]] = []
        give_back = (lambda reported: self.given_back.append(dict(reported))) if keeps else None
        release = lambda: self.events.append("released")  # noqa: E731
        self.relay = Relay(
            self.client,
            UpstreamLink(self.upstream, ready, lambda: rest, ServerAddress("db", 5432), release, give_back),
            OpenedSession(principal, self.services, self.services, hints=hints),
            self.services,
            Limits(linger_seconds=0.01),
            withdraw=self._withdraw,
            closed=lambda _: self.events.append("closed"),
        )
        self.relay.begin(STARTUP, BackendKeyData(7, b"keys"), received=received, client_finished=False)
        self.greeting = self.client.taken()

    def _withdraw(self) -> bool:
        self.events.append("ended")
        return self.cancelled

    def error(self) -> dict[str, str]:
        """The ErrorResponse that the client was sent last."""
        data = self.client.taken()
        assert data[:1] == b"E"
        return dict(parse_error_response(data[5:]).fields)


async def test_messages_pass_as_one_write() -> None:
    """What comes from one side in one piece goes to the other in one piece, unchanged."""
    setting = Setting()
    assert setting.greeting.endswith(READY)
    assert setting.upstream.reading
    setting.client.says(QUERY)
    assert setting.upstream.taken() == QUERY
    setting.upstream.says(ANSWER)
    assert setting.client.taken() == ANSWER
    assert setting.relay.idle


async def test_early_bytes() -> None:
    """What either side said behind its login is not lost, and not heard before the greeting."""
    setting = Setting(rest=backend.ParameterStatus("TimeZone", "UTC").encode(), received=QUERY)
    assert setting.upstream.taken() == QUERY
    assert setting.greeting.endswith(READY + backend.ParameterStatus("TimeZone", "UTC").encode())


async def test_back_pressure() -> None:
    """While one side's buffer is full the other side is not read from."""
    setting = Setting()
    setting.client.now().pause_writing()
    assert (setting.upstream.reading, setting.client.reading) == (False, True)
    setting.client.now().resume_writing()
    assert setting.upstream.reading
    setting.upstream.now().pause_writing()
    assert (setting.upstream.reading, setting.client.reading) == (True, False)
    setting.upstream.now().resume_writing()
    assert setting.client.reading


async def test_client_leaves() -> None:
    """When the client is gone the upstream is told, and the session is over before its connections are."""
    setting = Setting()
    setting.client.abort()
    assert setting.upstream.taken() == TERMINATE_MESSAGE
    assert setting.events == ["ended", "released"]
    assert len(setting.services.over) == 1
    setting.upstream.abort()
    assert setting.events == ["ended", "released", "closed"]


async def test_client_says_terminate() -> None:
    """A Terminate goes upstream once, and the client is closed when the upstream has closed."""
    setting = Setting()
    setting.client.says(TERMINATE_MESSAGE)
    setting.client.now().eof_received()
    setting.upstream.abort()
    assert setting.upstream.taken() == TERMINATE_MESSAGE
    assert setting.client.taken() == b""
    assert setting.client.closed
    assert setting.events == ["ended", "released", "closed"]
    assert setting.services.failures == []


async def test_upstream_leaves() -> None:
    """When the upstream is gone the client is told 08006, and its connection ends."""
    setting = Setting()
    setting.client.says(QUERY)
    setting.upstream.abort()
    assert setting.error()["C"] == "08006"
    assert setting.client.finished
    assert setting.services.failures == ["08006"]


async def test_nothing_is_said_into_a_row() -> None:
    """An upstream that dies in a row leaves nothing that could be told."""
    setting = Setting()
    setting.client.says(QUERY)
    setting.upstream.says(ANSWER[: len(COLUMN) + 9])
    setting.client.taken()
    setting.upstream.abort()
    assert setting.client.taken() == b""
    assert setting.client.finished


@pytest.mark.parametrize("bytes_each", [1, 3, 10_000])
async def test_end_behind_a_row(bytes_each: int) -> None:
    """A session that must end at once in the middle of a row lets that row pass, and nothing behind it."""
    setting = Setting()
    setting.client.says(QUERY)
    row = backend.build_data_row((b"x" * 20,))
    setting.upstream.says(COLUMN + row[:8])
    setting.relay.end(SessionEndedError("over"), at_once=True)
    assert setting.client.taken() == COLUMN + row[:8]
    rest = row[8:] + row
    for at in range(0, len(rest), bytes_each):
        setting.upstream.says(rest[at : at + bytes_each])
    data = setting.client.taken()
    assert data.startswith(row[8:] + b"E")
    assert data.count(b"C57P01\0") == 1


async def test_drain_waits_for_the_statement() -> None:
    """Asked to end, an idle session ends now and a busy one when its statement is answered."""
    setting = Setting()
    setting.relay.end(SessionEndedError("over"))
    assert setting.error()["C"] == "57P01"
    setting = Setting()
    setting.client.says(QUERY)
    setting.relay.end(SessionEndedError("over"))
    assert setting.client.taken() == b""
    setting.upstream.says(ANSWER)
    data = setting.client.taken()
    assert data.startswith(ANSWER + b"E")


async def test_expired_from_the_start() -> None:
    """A token that ended during the login gets a greeting and the error, not a session."""
    setting = Setting(expires_in=-1)
    assert b"C57P01\0" in setting.greeting
    assert setting.events == ["ended", "released"]


async def test_ends_once() -> None:
    """Whatever happens after the end, the session is counted out once."""
    setting = Setting()
    setting.client.says(b"\0" * 5)
    assert setting.error()["C"] == "08P01"
    later: tuple[Callable[[], None], ...] = (
        lambda: setting.relay.failed(ValueError()),
        lambda: setting.relay.end(SessionEndedError("over")),
        setting.relay.client_lost,
        setting.relay.upstream_lost,
    )
    for event in later:
        event()
    setting.relay.abort()
    assert setting.events == ["ended", "released", "closed"]
    assert len(setting.services.over) == 1


async def test_connection_given_back() -> None:
    """A client that says goodbye with nothing open leaves its connection, of which the server hears nothing."""
    setting = Setting(keeps=True)
    setting.client.says(QUERY)
    setting.upstream.says(backend.ParameterStatus("TimeZone", "CET").encode() + ANSWER)
    setting.upstream.taken()
    setting.client.says(TERMINATE_MESSAGE)
    assert setting.given_back == [{"TimeZone": "CET"}]
    assert setting.events == ["ended"]
    assert len(setting.services.over) == 1
    setting.client.abort()
    assert setting.events == ["ended", "closed"]
    assert (setting.upstream.taken(), setting.upstream.closed) == (b"", False)


async def test_goodbye_right_behind_the_login() -> None:
    """The session is as short as can be, and its connection as new."""
    setting = Setting(keeps=True, received=TERMINATE_MESSAGE)
    assert setting.given_back == [{}]
    assert setting.upstream.taken() == b""


BEGUN = backend.CommandComplete("BEGIN").encode() + backend.ReadyForQuery(b"T").encode()
NOTICE = backend.NoticeResponse({"S": "NOTICE", "C": "00000", "M": "x" * 30}).encode()


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        (QUERY, b""),
        (Query(b"BEGIN").encode(), BEGUN),
        (Parse(b"", b"SELECT 1").encode(), b""),
        (Parse(b"", b"SELECT 1").encode(), frame(backend.PARSE_COMPLETE, b"")),
        (b"", NOTICE[:-5]),
    ],
    ids=["owed", "in a transaction", "unsynced", "unsynced, answered", "half a message"],
)
async def test_connection_that_is_not_given_back(said: bytes, answered: bytes) -> None:
    """With anything open, owed or half said the server is told to end."""
    setting = Setting(keeps=True)
    if said:
        setting.client.says(said)
    if answered:
        setting.upstream.says(answered)
    setting.upstream.taken()
    setting.client.says(TERMINATE_MESSAGE)
    assert setting.upstream.taken() == TERMINATE_MESSAGE
    setting.client.abort()
    setting.upstream.abort()
    assert setting.given_back == []
    assert "released" in setting.events


async def test_session_with_hints_gives_nothing_back() -> None:
    """Several people may have asked in it."""
    setting = Setting(keeps=True, hints=NoHints())
    setting.client.says(TERMINATE_MESSAGE)
    assert setting.given_back == []
    assert setting.upstream.taken() == TERMINATE_MESSAGE


async def test_cancelled_session_gives_nothing_back() -> None:
    """A cancel request that is on its way must not end somebody else's statement."""
    setting = Setting(keeps=True)
    setting.cancelled = True
    setting.client.says(TERMINATE_MESSAGE)
    assert setting.given_back == []
    assert setting.upstream.taken() == TERMINATE_MESSAGE
    setting.upstream.abort()
    assert setting.events[:2] == ["ended", "released"]


@pytest.mark.parametrize("how", ["vanishes", "is sent away", "was lost upstream"])
async def test_other_ends_give_nothing_back(how: str) -> None:
    """Only a client that says goodbye is known to have left nothing on its way."""
    setting = Setting(keeps=True)
    match how:
        case "vanishes":
            setting.client.abort()
        case "is sent away":
            setting.relay.end(SessionEndedError("terminating connection"))
        case _:
            setting.upstream.abort()
            setting.client.says(TERMINATE_MESSAGE)
    assert setting.given_back == []
    assert "released" in setting.events
