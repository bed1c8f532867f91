"""A connection to the upstream until a session takes it over: one question at a time, each waited for.

Owns: whose answer the bytes are. Must not know: what is asked, where the server is.
Invariant: nothing is read but the answer to a question. A connection that speaks or ends without being asked is lost.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import cast

from proxy.errors import UpstreamProtocolError, UpstreamUnavailableError
from proxy.net.sockets import tune
from proxy.session.upstream_login import UpstreamLogin, UpstreamReady


class Dialogue(asyncio.Protocol):
    """``lost``: the connection is of no use any more."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.lost = False
        self._ended: asyncio.Future[None] = loop.create_future()
        self._answered: asyncio.Future[bytes] | None = None
        self._login: UpstreamLogin | None = None
        self._gone: Callable[[], None] | None = None

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

    async def log_in(self, login: UpstreamLogin) -> UpstreamReady:
        """Log in; reading is paused then. Raises ProxyError."""
        self._login = login
        await self._answer_to(login.start())
        return _outcome(login)

    async def ask_again(self, login: UpstreamLogin) -> UpstreamReady:
        """End the sleep: ask what a session must know once more. Raises ProxyError."""
        self._gone = None
        await self._answer_to(login.ask_again())
        return _outcome(login)

    async def start_over(self, login: UpstreamLogin, reported: Mapping[str, str]) -> UpstreamReady:
        """Take the connection back from a session, and make it as new. Raises ProxyError."""
        self.lost = self.transport.is_closing()
        self.transport.set_protocol(self)
        await self._answer_to(login.start_over(reported))
        return _outcome(login)

    def sleep(self, gone: Callable[[], None]) -> None:
        """Wait for ``ask_again``; ``gone`` is called, from the event loop, if the connection is lost (already)."""
        if self.lost or self.transport.is_closing():
            self._loop.call_soon(gone)
            return
        self._gone = gone
        self.transport.resume_reading()

    async def closed(self) -> None:
        """Wait until the connection is closed."""
        await asyncio.shield(self._ended)

    async def _answer_to(self, message: bytes) -> bytes:
        self._answered = self._loop.create_future()
        if self.lost:
            raise _closed()
        self.transport.write(message)
        self.transport.resume_reading()
        return await self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by shape, not by class.
        self.transport = cast("asyncio.Transport", transport)
        tune(self.transport)

    def data_received(self, data: bytes) -> None:
        if self._gone is not None:
            self.transport.abort()
            self._lose()
            return
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
        self._lose()
        self._settle(_closed())
        if not self._ended.done():
            self._ended.set_result(None)

    def _lose(self) -> None:
        self.lost = True
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()

    def _settle(self, outcome: bytes | Exception) -> None:
        if self._answered is None or self._answered.done():
            return
        if isinstance(outcome, Exception):
            self._answered.set_exception(outcome)
        else:
            self._answered.set_result(outcome)


def _outcome(login: UpstreamLogin) -> UpstreamReady:
    if login.ready is None:
        raise UpstreamProtocolError("the login upstream did not come to an end")
    return login.ready


def _closed() -> UpstreamUnavailableError:
    return UpstreamUnavailableError("the upstream database closed the connection during login")
