"""One client connection until it is a session, a cancel request, or sent away.

Owns: driving the handshake, TLS towards the client, the time limit of a login. Must not know: SQL, policy, tokens.
Invariant: whatever the peer sends, the connection ends as a session, or closed with an error that says why, in time.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final, Protocol, cast, runtime_checkable

from proxy.errors import (
    AuthenticationError,
    ClientProtocolError,
    ProxyError,
    SessionEndedError,
    TooManyConnectionsError,
    UpstreamUnavailableError,
)
from proxy.net.farewell import send_away
from proxy.net.limits import Limits
from proxy.net.ports import OpenedSession, SessionServices
from proxy.net.sockets import is_loopback, peer_address, tune
from proxy.net.tls import ALPN_PROTOCOL
from proxy.net.upstream import Upstream, UpstreamLink
from proxy.session.handshake import (
    CancelRequested,
    Handshake,
    LoginRequested,
    MetadataTold,
    Methods,
    StartTls,
    login_refused,
)
from proxy.session.startup import Startup
from proxy.wire.backend import error_response
from proxy.wire.sqlstate import QUERY_CANCELED

_log: Final = logging.getLogger("pgveil.login")

_EARLY_BYTES: Final = 64 * 1024  # what a client may send behind its password before it is let in


class Host(Protocol):
    """What a login asks of the listener that accepted it."""

    services: SessionServices
    upstream: Upstream
    limits: Limits
    tls: ssl.SSLContext | None
    clear_passwords: bool
    methods: Methods

    def admit(self, login: Login) -> None:
        """Count a login as a session to be (raises TooManyConnectionsError)."""

    def accept(self, login: Login) -> bool:
        """Count a connection; False where there are too many."""

    def left(self, login: Login) -> None:
        """The connection is not a login any more."""

    def cancel(self, request: CancelRequested, done: Callable[[], None]) -> None:
        """Cancel what the session of this key runs, if there is one, and call ``done`` when that has been tried."""

    def begin(self, login: Login, startup: Startup, link: UpstreamLink, opened: OpenedSession) -> None:
        """The login is complete: the session takes over the connection."""


class Login(asyncio.Protocol):
    """The protocol of a connection that was just accepted."""

    transport: asyncio.Transport

    def __init__(self, host: Host) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._handshake: Handshake | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._starting_tls = False
        self._early = bytearray()  # decrypted before we learned that TLS is up
        self.client_finished = False

    def take_rest(self) -> bytes:
        """What the client sent behind its password."""
        return self._handshake.take_rest() if self._handshake is not None else b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by shape, not by class.
        self.transport = cast("asyncio.Transport", transport)
        if not self._host.accept(self):
            self.transport.abort()
            return
        tune(self.transport)
        self._handshake = Handshake(
            tls=self._host.tls is not None,
            clear_password=self._host.clear_passwords or is_loopback(self.transport),
            password_bytes=self._host.limits.password_bytes,
            admit=lambda: self._host.admit(self),
            methods=self._host.methods,
        )
        self._timer = self._loop.call_later(self._host.limits.login_seconds, self._too_slow)

    def data_received(self, data: bytes) -> None:
        if self._starting_tls:
            self._early += data
        elif self._handshake is not None:
            self._receive(self._handshake, data)

    def _receive(self, handshake: Handshake, data: bytes) -> None:
        try:
            answers, event = handshake.receive(data)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
            self.refuse(error)
            return
        if answers:
            self.transport.write(answers)
        match event:
            case StartTls() as start:
                # From here on the client's bytes are TLS records, which the TLS layer must be the first to read.
                self._starting_tls = True
                self.transport.pause_reading()
                self._task = self._loop.create_task(self._start_tls(handshake, start))
            case CancelRequested() as request:
                # The client waits for us to close: it takes that as the sign that the request has reached the server.
                # It may also be gone by then, which must not stop the request.
                self._over()
                self._host.cancel(request, self.transport.close)
            case LoginRequested(startup, password):
                self._task = self._loop.create_task(self._login(handshake, startup, password))
            case MetadataTold():
                user = handshake.startup.user if handshake.startup is not None else ""
                self._send_away(login_refused(user, "The client gave no token, and was told where to get one."))
            case None:
                if handshake.buffered > _EARLY_BYTES and self._task is not None:
                    self.transport.pause_reading()

    async def _start_tls(self, handshake: Handshake, start: StartTls) -> None:
        if self._host.tls is None:
            raise RuntimeError("TLS was promised to a client without a certificate")
        starting = self._loop.create_task(
            self._loop.start_tls(
                self.transport,
                self,
                self._host.tls,
                server_side=True,
                ssl_handshake_timeout=self._host.limits.login_seconds,
            )
        )
        if start.received:
            await asyncio.sleep(0)  # start_tls has put its own protocol in our place now
            self._loop.call_soon(_feed, self.transport, start.received)
        try:
            transport = await starting
        except (OSError, ssl.SSLError) as error:
            _log.info("TLS with a client failed: %s", getattr(error, "reason", None) or type(error).__name__)
            transport = None
        if transport is None:
            self.transport.abort()
            self._over()
            return
        self.transport = transport
        self._starting_tls = False
        self._task = None
        tls = transport.get_extra_info("ssl_object")
        if start.direct and tls.selected_alpn_protocol() != ALPN_PROTOCOL:
            self.refuse(
                ClientProtocolError(
                    "received direct SSL connection request without ALPN protocol negotiation extension",
                    hint=f"The client must offer the protocol {ALPN_PROTOCOL}, or begin with an SSLRequest.",
                )
            )
            return
        handshake.tls_started()
        early = bytes(self._early)
        self._early.clear()
        if early:
            self._receive(handshake, early)

    async def _login(self, handshake: Handshake, startup: Startup, password: str) -> None:
        try:
            principal = await self._host.services.authenticate(user=startup.user, password=password)
            link = await self._host.upstream.login(
                startup, principal_label=f"{principal.role}:{principal.name}", user=principal.person
            )
            try:
                opened = await self._host.services.open(principal, startup, client=peer_address(self.transport))
            except BaseException:
                link.discard()
                raise
        except AuthenticationError as error:
            self._task = None
            if challenge := handshake.reject(error):
                self.transport.write(challenge)
                self._receive(handshake, b"")
            else:
                self.refuse(error)
        except UpstreamUnavailableError as error:
            self._host.services.upstream_failed(error.sqlstate)
            self.refuse(error)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
            self.refuse(error)
        else:
            self._task = None
            self._over()
            try:
                self._host.begin(self, startup, link, opened)
            except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
                link.discard()
                self._host.services.closed(opened, unanswered=0)
                self.refuse(error)

    def refuse(self, error: Exception) -> None:
        """Send the client away with this error."""
        client = peer_address(self.transport)
        if isinstance(error, ProxyError):
            _log.info("login from %s refused: %s %r", client, error.sqlstate, error.detail or error.message)
        # Without a startup packet it was no login: whoever knocks at the port or talks nonsense fills no journal.
        startup = self._handshake.startup if self._handshake is not None else None
        if startup is not None or isinstance(error, TooManyConnectionsError):
            self._host.services.login_failed(error, startup=startup, client=client)
        self._send_away(error)

    def _send_away(self, error: Exception) -> None:
        self._over()
        if self._starting_tls:
            self.transport.abort()  # it is neither in clear nor encrypted: nothing can be said
            return
        send_away(
            self.transport,
            error_response(error, fatal=True),
            seconds=self._host.limits.linger_seconds,
            peer_finished=self.client_finished,
        )

    def shut_down(self) -> None:
        """Send the client away because the proxy ends."""
        self.refuse(SessionEndedError("pgveil is shutting down", sqlstate="57P03"))

    def _too_slow(self) -> None:
        self.refuse(ProxyError("canceling authentication due to timeout", sqlstate=QUERY_CANCELED))

    def eof_received(self) -> bool:
        self.client_finished = True
        # A client that asked for everything and closed its side gets its answers; one without a password yet is gone.
        return self._task is not None and self.transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over()

    def _over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and self._task is not asyncio.current_task(self._loop):
            self._task.cancel()
        self._host.left(self)


@runtime_checkable
class _BufferedLayer(Protocol):
    """asyncio.BufferedProtocol, which the TLS layers of asyncio and uvloop are by shape."""

    def get_buffer(self, sizehint: int) -> bytearray | memoryview:
        """Where to put what was read."""

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes were put there."""


def _feed(transport: asyncio.Transport, received: bytes) -> None:
    """Give the TLS layer what was read before it was there."""
    layer = transport.get_protocol()
    if not isinstance(layer, _BufferedLayer):
        raise TypeError("the event loop's TLS layer does not take bytes")
    rest = memoryview(received)
    while rest:
        buffer = memoryview(layer.get_buffer(len(rest)))
        size = min(len(buffer), len(rest))
        buffer[:size] = rest[:size]
        layer.buffer_updated(size)
        rest = rest[size:]
