"""The listener: accepts connections, keeps count of them, and drains.

Owns: the listening socket, the register of logins and sessions, their limits, the way a proxy ends.
Must not know: SQL, policy, tokens, what is said on a connection.
Invariant: a connection is in exactly one of the registers until it is closed, so that drain leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from proxy.errors import SessionEndedError, TooManyConnectionsError
from proxy.net.cancel import CancelKeys
from proxy.net.limits import Limits
from proxy.net.login import Login
from proxy.net.ports import OpenedSession, SessionServices
from proxy.net.relay import Relay
from proxy.net.servers import ServerAddress
from proxy.net.upstream import Upstream, UpstreamLink
from proxy.session.handshake import CancelRequested, Methods
from proxy.session.startup import Startup
from proxy.wire.frontend import CancelRequest

_log: Final = logging.getLogger("pgveil.net")

_BACKLOG: Final = 1024


_PASSWORD_ONLY: Final = Methods()


class Server:
    """One listening address. Belongs to one event loop.

    ``tls`` is what ``tls.server_context`` makes, None where no TLS is offered. ``clear_passwords``: whether passwords
    are taken without TLS from elsewhere than loopback. ``methods``: how clients may log in. ``reuse_port`` lets several
    processes share the address.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        services: SessionServices,
        upstream: Upstream,
        limits: Limits,
        tls: ssl.SSLContext | None = None,
        clear_passwords: bool = False,
        methods: Methods = _PASSWORD_ONLY,
        reuse_port: bool = False,
    ) -> None:
        self.services = services
        self.upstream = upstream
        self.limits = limits
        self.tls = tls
        self.clear_passwords = clear_passwords
        self.methods = methods
        self._host = host
        self._port = port
        self._reuse_port = reuse_port
        self._server: asyncio.Server | None = None
        self._draining = False
        self._keys = CancelKeys()
        self._logins: set[Login] = set()
        self._admitted: set[Login] = set()
        self._relays: set[Relay] = set()
        self._cancels: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()

    @property
    def sessions(self) -> int:
        """How many sessions there are now."""
        return len(self._relays)

    async def start(self) -> tuple[str, int]:
        """Listen. Returns the actual address, for port 0 is any free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Login(self), self._host, self._port, backlog=_BACKLOG, reuse_port=self._reuse_port or None
        )
        address = self._server.sockets[0].getsockname()
        return str(address[0]), int(address[1])

    async def drain(self, limit_s: float | None = None) -> None:
        """Stop accepting, send idle sessions away, let the others finish their transaction, and close all.

        Returns when every connection is closed, at the latest ``limit_s`` (``Limits.drain_seconds``) and the time for
        last words after the call.
        """
        self._draining = True
        if self._server is not None:
            self._server.close()
        for login in tuple(self._logins):
            login.shut_down()
        reason = SessionEndedError("terminating connection because pgveil is shutting down", hint="Connect again.")
        for relay in tuple(self._relays):
            relay.end(reason)
        await self._all_gone(self.limits.drain_seconds if limit_s is None else limit_s)
        for relay in tuple(self._relays):
            relay.end(reason, at_once=True)
        await self._all_gone(self.limits.linger_seconds)
        for relay in tuple(self._relays):
            relay.abort()
        for task in tuple(self._cancels):
            task.cancel()
        await self.upstream.close()
        _log.info("drained")

    async def _all_gone(self, seconds: float) -> None:
        if not self._relays:
            return
        self._empty.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()

    def accept(self, login: Login) -> bool:
        """Count a connection; False where there are too many that are not sessions yet."""
        if self._draining or len(self._logins) >= self.limits.max_logins:
            return False
        self._logins.add(login)
        return True

    def admit(self, login: Login) -> None:
        """Count a login as a session to be (raises TooManyConnectionsError)."""
        if len(self._relays) + len(self._admitted) >= self.limits.max_sessions:
            raise TooManyConnectionsError(
                "sorry, too many clients already", detail=f"pgveil serves {self.limits.max_sessions} sessions at once."
            )
        self._admitted.add(login)

    def left(self, login: Login) -> None:
        """The connection is not a login any more."""
        self._logins.discard(login)
        self._admitted.discard(login)

    def cancel(self, request: CancelRequested, done: Callable[[], None]) -> None:
        """Cancel what the session of this key runs, if there is one, and call ``done`` when that has been tried."""
        found = self._keys.upstream_request(request.process_id, request.secret)
        if found is None or not found[1].process_id:
            done()
            return
        self._pass_on(*found).add_done_callback(lambda _: done())

    def _cancel_own(self, process_id: int, owner: object) -> bool:
        """Cancel what a session of this owner runs; False where there is none of that process id."""
        found = self._keys.request_of_owner(process_id, owner)
        if found is None or not found[1].process_id:
            return False
        self._pass_on(*found)
        return True

    def _pass_on(self, server: ServerAddress, request: CancelRequest) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self.upstream.cancel(server, request))
        self._cancels.add(task)
        task.add_done_callback(self._cancels.discard)
        return task

    def begin(self, login: Login, startup: Startup, link: UpstreamLink, opened: OpenedSession) -> None:
        """The login is complete: the session takes over the connection."""
        upstream = CancelRequest(link.ready.process_id, link.ready.secret)
        principal = opened.principal
        owner = (principal.issuer, principal.name, principal.role)
        key = self._keys.issue(minor=startup.minor, server=link.server, upstream=upstream, owner=owner)
        relay = Relay(
            login.transport,
            link,
            opened,
            self.services,
            self.limits,
            withdraw=lambda: self._keys.withdraw(key),
            cancel=lambda process_id: self._cancel_own(process_id, owner),
            closed=self._closed,
        )
        self._relays.add(relay)
        try:
            relay.begin(startup, key, received=login.take_rest(), client_finished=login.client_finished)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
            relay.failed(error)

    def _closed(self, relay: Relay) -> None:
        self._relays.discard(relay)
        if not self._relays:
            self._empty.set()
