"""Connections to the upstream: reaching it, TLS, the login of one session, and cancel requests.

Owns: where the upstream is and how it is reached. Must not know: SQL, policy, what a session does with its connection.
Invariant: a connection is handed over logged in and paused, or it is closed; nothing is said in clear where the
settings ask for TLS.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from proxy.errors import ProxyError, UpstreamProtocolError, UpstreamUnavailableError
from proxy.net.limits import Limits
from proxy.net.scram import ScramSha256
from proxy.net.sockets import is_loopback, tune
from proxy.net.tls import TlsMode, upstream_context
from proxy.session.startup import Startup
from proxy.session.upstream_login import Account, UpstreamLogin, UpstreamLoginError, UpstreamReady, upstream_startup
from proxy.wire.frontend import CancelRequest, SSLRequest

_log: Final = logging.getLogger("pgveil.upstream")


@dataclass(frozen=True, slots=True)
class UpstreamAddress:
    """``host`` is a name or address, or the folder of a Unix socket (TLS is not used there, as in libpq)."""

    host: str
    port: int
    tls: TlsMode
    ca: Path | None = None

    @property
    def socket_path(self) -> str | None:
        """The Unix socket's path, or None for TCP."""
        return f"{self.host}/.s.PGSQL.{self.port}" if "/" in self.host else None


@dataclass(frozen=True, slots=True)
class UpstreamLink:
    """A logged-in connection whose reading is paused. ``take_rest`` gives what came behind the login."""

    transport: asyncio.Transport
    ready: UpstreamReady
    take_rest: Callable[[], bytes] = field(repr=False)


class Upstream:
    """The one upstream of this proxy. Raises SettingsFileError where its ``ca`` does not load."""

    def __init__(self, address: UpstreamAddress, account: Account, limits: Limits) -> None:
        self._address = address
        self._account = account
        self._limits = limits
        self._context = None if address.socket_path else upstream_context(address.tls, address.ca)

    async def login(self, startup: Startup, *, principal_label: str) -> UpstreamLink:
        """A connection for one session. Raises ProxyError; what the client must not read is in our log."""
        message = upstream_startup(startup, self._account, principal_label=principal_label)
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                dialogue = await self._connect()
                try:
                    tls = dialogue.transport.get_extra_info("ssl_object")
                    login = UpstreamLogin(
                        message,
                        self._account,
                        private=tls is not None or is_loopback(dialogue.transport),
                        scram=lambda offered: ScramSha256(offered, self._account, tls),
                    )
                    ready = await dialogue.login(login)
                except BaseException:
                    dialogue.transport.abort()
                    raise
        except TimeoutError:
            _log.warning("upstream %s:%s did not answer in time", self._address.host, self._address.port)
            raise UpstreamUnavailableError("the upstream database did not answer in time") from None
        except UpstreamLoginError as error:
            _log.error("upstream %s refused our account: %s", self._address.host, error.upstream_text)
            raise
        return UpstreamLink(dialogue.transport, ready, login.take_rest)

    async def cancel(self, request: CancelRequest) -> None:
        """Pass on a cancel request, and wait until the server has dealt with it. Failures are only logged."""
        try:
            async with asyncio.timeout(self._limits.cancel_seconds):
                dialogue = await self._connect()
                try:
                    await dialogue.say(request.encode())
                finally:
                    dialogue.transport.abort()
        except (TimeoutError, ProxyError) as error:
            _log.warning("a cancel request did not reach the upstream: %s", type(error).__name__)

    async def _connect(self) -> _Dialogue:
        """A connection, encrypted where the settings say so, before its first message (raises ProxyError)."""
        loop = asyncio.get_running_loop()
        address = self._address
        dialogue = _Dialogue(loop)
        try:
            if address.socket_path is not None:
                await loop.create_unix_connection(lambda: dialogue, address.socket_path)
            else:
                await loop.create_connection(lambda: dialogue, address.host, address.port)
        except TimeoutError:
            raise
        except OSError as error:
            _log.warning("upstream %s:%s cannot be reached: %s", address.host, address.port, error.strerror or error)
            raise UpstreamUnavailableError(
                "the upstream database cannot be reached",
                hint="Try again later; the proxy's log has the reason.",
            ) from None
        if self._context is None:
            return dialogue
        try:
            await self._encrypt(dialogue, self._context)
        except TimeoutError:
            dialogue.transport.abort()
            raise
        except OSError as error:  # ssl.SSLError is one
            dialogue.transport.abort()
            reason = getattr(error, "verify_message", "") or getattr(error, "reason", None) or type(error).__name__
            _log.warning("TLS with upstream %s:%s failed: %s", address.host, address.port, reason)
            raise UpstreamUnavailableError("no TLS connection to the upstream database could be made") from None
        except BaseException:
            dialogue.transport.abort()
            raise
        return dialogue

    async def _encrypt(self, dialogue: _Dialogue, context: ssl.SSLContext) -> None:
        match await dialogue.ask(SSLRequest().encode()):
            case b"S":
                await dialogue.start_tls(context, self._address.host, self._limits.connect_seconds)
            case b"N":
                raise UpstreamLoginError("it does not offer TLS, which the settings ask for")
            case _:
                # An ErrorResponse (a server without free slots answers so), or bytes that somebody put behind the
                # answer (CVE-2021-23222, CVE-2024-10977): unauthenticated, so neither used nor shown.
                raise UpstreamProtocolError("unexpected answer of the upstream to the request for TLS")


class _Dialogue(asyncio.Protocol):
    """The connection until it is handed over: one question at a time, each waited for."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lost = False
        self._answered: asyncio.Future[bytes] | None = None
        self._login: UpstreamLogin | None = None

    async def ask(self, message: bytes) -> bytes:
        """Send, and return what comes first; reading is paused then."""
        return await self._answer_to(message)

    async def say(self, message: bytes) -> None:
        """Send, and wait until the server closes the connection."""
        try:
            await self._answer_to(message)
        except UpstreamUnavailableError:
            return

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Encrypt the connection (raises OSError, of which ssl.SSLError is one)."""
        transport = await self._loop.start_tls(
            self.transport, self, context, server_hostname=host, ssl_handshake_timeout=seconds
        )
        if transport is None:
            raise ConnectionResetError
        self.transport = transport

    async def login(self, login: UpstreamLogin) -> UpstreamReady:
        """Log in; reading is paused then. Raises ProxyError."""
        self._login = login
        await self._answer_to(login.start())
        if login.ready is None:
            raise UpstreamProtocolError("the login upstream did not come to an end")
        return login.ready

    async def _answer_to(self, message: bytes) -> bytes:
        self._answered = self._loop.create_future()
        if self._lost:
            raise _closed()
        self.transport.write(message)
        return await self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by shape, not by class.
        self.transport = cast("asyncio.Transport", transport)
        tune(self.transport)

    def data_received(self, data: bytes) -> None:
        try:
            if self._login is not None:
                if answer := self._login.receive(data):
                    self.transport.write(answer)
                if self._login.ready is None:
                    return
        except Exception as error:  # noqa: BLE001 - raised again where the answer is waited for
            self.transport.pause_reading()
            self._settle(error)
        else:
            self.transport.pause_reading()
            self._settle(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._settle(_closed())

    def _settle(self, outcome: bytes | Exception) -> None:
        if self._answered is None or self._answered.done():
            return
        if isinstance(outcome, Exception):
            self._answered.set_exception(outcome)
        else:
            self._answered.set_result(outcome)


def _closed() -> UpstreamUnavailableError:
    return UpstreamUnavailableError("the upstream database closed the connection during login")
