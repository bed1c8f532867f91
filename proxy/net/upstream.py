"""Connections to the upstream: reaching it, TLS, the login of one session, and cancel requests.

Owns: how the upstream is reached, and whose each connection is. Must not know: SQL, policy, what a session does with
its connection.
Invariant: a connection is handed over logged in and paused, or it is closed; nothing is said in clear where the
settings ask for TLS; no two connections that are open have one server process behind them.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from proxy.errors import ProxyError, UpstreamProtocolError, UpstreamUnavailableError
from proxy.net.dialogue import Dialogue
from proxy.net.limits import Limits
from proxy.net.scram import ScramSha256
from proxy.net.servers import ServerAddress, Target, TryOrder, UpstreamAddress
from proxy.net.sockets import is_loopback, peer_address
from proxy.net.spares import Sleeper, Spares
from proxy.net.tls import upstream_context
from proxy.session.startup import Startup
from proxy.session.upstream_login import (
    Account,
    UpstreamLogin,
    UpstreamLoginError,
    UpstreamReady,
    own_startup,
    upstream_startup,
)
from proxy.wire.frontend import TERMINATE_MESSAGE, CancelRequest, SSLRequest, StartupMessage
from proxy.wire.sqlstate import FEATURE_NOT_SUPPORTED, TOO_MANY_CONNECTIONS

_log: Final = logging.getLogger("pgveil.upstream")

_GRACE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class UpstreamLink:
    """A logged-in connection whose reading is paused. ``take_rest`` gives what came behind the login.

    ``server``: where it goes. When the session is over, either ``release`` is called before the server is told so, or,
    where nothing was left open, ``give_back`` with the settings that the server has reported in the session (None where
    nobody has a use for the connection).
    """

    transport: asyncio.Transport
    ready: UpstreamReady
    take_rest: Callable[[], bytes] = field(repr=False)
    server: ServerAddress
    release: Callable[[], None] = field(repr=False)
    give_back: Callable[[Mapping[str, str]], None] | None = field(repr=False)

    def discard(self) -> None:
        """Close a connection that no session has taken over."""
        self.release()
        if not self.transport.is_closing():
            self.transport.write(TERMINATE_MESSAGE)
            self.transport.close()


class Upstream:
    """The one upstream of this proxy. Raises SettingsFileError where its ``ca`` does not load.

    ``spares``: how many connections are kept ready for each database in use.
    """

    def __init__(self, address: UpstreamAddress, account: Account, limits: Limits, *, spares: int = 0) -> None:
        self._address = address
        self._account = account
        self._limits = limits
        sockets = all(server.socket_path for server in address.servers)
        self._context = None if sockets else upstream_context(address.tls, address.ca)
        self._order = TryOrder(address.servers, time.monotonic)
        self._owners: dict[str, _Connection] = {}
        self._kinds = address.target.choices
        self._spares = Spares[_Connection](spares, self._open)

    async def login(self, startup: Startup, *, principal_label: str, user: Hashable) -> UpstreamLink:
        """A connection for one session of this user, who is equal to nobody else.

        Raises ProxyError; what the client must not read is in our log.
        """
        message = upstream_startup(startup, self._account, principal_label=principal_label)
        connection = await self._spares.take(message, user)
        if connection is not None and not any(self._fits(connection, message, kind) for kind in self._kinds):
            connection.discard()
            connection = None
        if connection is None:
            try:
                connection = await self._open(message)
            except ProxyError as error:
                # No session is turned away because of connections that nobody uses.
                if error.sqlstate != TOO_MANY_CONNECTIONS or not await self._spares.make_room():
                    raise
                connection = await self._open(message)
        self._spares.used(message)
        if not self._spares.takes_back:
            return connection.link()
        return connection.link(partial(self._spares.give_back, message, user, connection))

    async def cancel(self, server: ServerAddress, request: CancelRequest) -> None:
        """Pass on a cancel request, and wait until the server has dealt with it. Failures are only logged."""
        try:
            async with asyncio.timeout(self._limits.cancel_seconds):
                dialogue = await self._connect(server)
                try:
                    await dialogue.say(request.encode())
                finally:
                    dialogue.transport.abort()
        except (TimeoutError, ProxyError) as error:
            _log.warning("a cancel request did not reach the upstream: %s", type(error).__name__)

    async def reach(self, database: str | None = None) -> None:
        """Log in to a server that will do; without a ``database``, find one that is there. Raises ProxyError."""
        if database is not None:
            (await self._open(own_startup(self._account, database, "readiness"))).discard()
            return
        failure = _none_fits()
        for server in self._order.now():
            try:
                async with asyncio.timeout(self._limits.connect_seconds / len(self._address.servers)):
                    dialogue = await self._connect(server)
            except TimeoutError:
                failure = _too_slow(server)
            except UpstreamUnavailableError as error:
                failure = error
            else:
                dialogue.transport.abort()
                return
        raise failure

    async def close(self) -> None:
        """Close what no session uses."""
        await self._spares.close()

    async def _open(self, message: StartupMessage) -> _Connection:
        """A connection to the first server that will do (raises ProxyError)."""
        failure = _none_fits()
        for kind in self._kinds:
            for server in self._order.now():
                try:
                    connection = await self._log_in(server, message)
                except UpstreamLoginError as error:
                    _log.error("upstream %s refused our account: %s", server, error.upstream_text)
                    raise
                except UpstreamUnavailableError as error:
                    self._order.failed(server)
                    failure = error
                    continue
                self._order.succeeded(server)
                if self._fits(connection, message, kind):
                    return connection
                connection.discard()
        raise failure

    @staticmethod
    def _fits(connection: _Connection, message: StartupMessage, kind: Target) -> bool:
        asked_read_only = any(name.lower() == "default_transaction_read_only" for name, _ in message.parameters)
        return kind.fits(connection.ready.parameters, asked_read_only=asked_read_only)

    async def _log_in(self, server: ServerAddress, message: StartupMessage) -> _Connection:
        try:
            async with asyncio.timeout(self._limits.connect_seconds / len(self._address.servers)):
                dialogue = await self._connect(server)
                try:
                    tls = dialogue.transport.get_extra_info("ssl_object")
                    login = UpstreamLogin(
                        message,
                        self._account,
                        private=tls is not None or is_loopback(dialogue.transport),
                        scram=lambda offered: ScramSha256(offered, self._account, tls),
                    )
                    ready = await dialogue.log_in(login)
                    connection = _Connection(dialogue, login, ready, server, self._owners)
                    await connection.own()
                except BaseException:
                    dialogue.transport.abort()
                    raise
        except TimeoutError:
            raise _too_slow(server) from None
        return connection

    async def _connect(self, server: ServerAddress) -> Dialogue:
        """A connection, encrypted where the settings say so, before its first message (raises ProxyError)."""
        loop = asyncio.get_running_loop()
        dialogue = Dialogue(loop)
        try:
            if server.socket_path is not None:
                await loop.create_unix_connection(lambda: dialogue, server.socket_path)
            else:
                await loop.create_connection(lambda: dialogue, server.address or server.host, server.port)
        except TimeoutError:
            raise
        except OSError as error:
            _log.warning("upstream %s cannot be reached: %s", server, error.strerror or error)
            raise UpstreamUnavailableError(
                "the upstream database cannot be reached",
                hint="Try again later; the proxy's log has the reason.",
            ) from None
        if self._context is None or server.socket_path is not None:
            return dialogue
        try:
            await self._encrypt(dialogue, self._context, server.host)
        except TimeoutError:
            dialogue.transport.abort()
            raise
        except OSError as error:  # ssl.SSLError is one
            dialogue.transport.abort()
            reason = getattr(error, "verify_message", "") or getattr(error, "reason", None) or type(error).__name__
            _log.warning("TLS with upstream %s failed: %s", server, reason)
            raise UpstreamUnavailableError("no TLS connection to the upstream database could be made") from None
        except BaseException:
            dialogue.transport.abort()
            raise
        return dialogue

    async def _encrypt(self, dialogue: Dialogue, context: ssl.SSLContext, name: str) -> None:
        match await dialogue.ask(SSLRequest().encode()):
            case b"S":
                await dialogue.start_tls(context, name, self._limits.connect_seconds)
            case b"N":
                raise UpstreamLoginError("it does not offer TLS, which the settings ask for")
            case _:
                # An ErrorResponse (a server without free slots answers so), or bytes that somebody put behind the
                # answer (CVE-2021-23222, CVE-2024-10977): unauthenticated, so neither used nor shown.
                raise UpstreamProtocolError("unexpected answer of the upstream to the request for TLS")


class _Connection(Sleeper):
    """A connection that is logged in: a session's, or nobody's yet. ``owners`` has all that are open, by process."""

    def __init__(
        self,
        dialogue: Dialogue,
        login: UpstreamLogin,
        ready: UpstreamReady,
        server: ServerAddress,
        owners: dict[str, _Connection],
    ) -> None:
        self._dialogue = dialogue
        self._login = login
        self._owners = owners
        self._server = replace(server, address=peer_address(dialogue.transport))
        self._born = time.monotonic()
        self.ready = ready

    @property
    def born(self) -> float:
        """See ``Sleeper``."""
        return self._born

    async def own(self) -> None:
        """Take the server process for this connection alone.

        Raises ProxyError where another one has it: then both are ended, since a pooler that hands one process to
        several sessions mixes up their settings, which decide what names mean.
        """
        if self.ready.process in self._owners:
            # It may have ended, and be the next in line to be told so.
            await asyncio.sleep(_GRACE_SECONDS)
        other = self._owners.get(self.ready.process)
        if other is not None:
            other.abandon()
            raise _shared()
        self._owners[self.ready.process] = self

    def release(self) -> None:
        """The session is over (its process may be another's as soon as the pooler knows)."""
        if self._owners.get(self.ready.process) is self:
            del self._owners[self.ready.process]

    def abandon(self) -> None:
        """End the connection, and so its session."""
        self.release()
        self._dialogue.transport.abort()

    def link(self, give_back: Callable[[Mapping[str, str]], None] | None = None) -> UpstreamLink:
        """What a session takes over."""
        transport, take_rest = self._dialogue.transport, self._login.take_rest
        return UpstreamLink(transport, self.ready, take_rest, self._server, self.release, give_back)

    def sleep(self, gone: Callable[[], None]) -> None:
        """See ``Sleeper``."""
        self._dialogue.sleep(gone)

    async def start_over(self, reported: Mapping[str, str]) -> None:
        """See ``Sleeper``."""
        self._become(await self._dialogue.start_over(self._login, reported))

    async def wake(self) -> None:
        """See ``Sleeper``."""
        self._become(await self._dialogue.ask_again(self._login))

    def _become(self, ready: UpstreamReady) -> None:
        before, self.ready = self.ready, ready
        if self.ready.process != before.process:
            self._owners.pop(before.process, None)
            raise _shared()

    def discard(self) -> None:
        """See ``Sleeper``."""
        self.link().discard()

    async def closed(self) -> None:
        """See ``Sleeper``."""
        await self._dialogue.closed()


def _too_slow(server: ServerAddress) -> UpstreamUnavailableError:
    _log.warning("upstream %s did not answer in time", server)
    return UpstreamUnavailableError("the upstream database did not answer in time")


def _none_fits() -> UpstreamUnavailableError:
    return UpstreamUnavailableError(
        "no upstream database server is of the kind that is asked for",
        detail="The settings ask for another target_session_attrs than that of each server that answered.",
        hint="Try again later: after a failover another server takes over.",
    )


def _shared() -> ProxyError:
    _log.error("a pooler upstream gives one server process to several sessions: it must be in session mode")
    return ProxyError(
        "the upstream is a connection pooler in transaction mode, with which pgveil does not work",
        sqlstate=FEATURE_NOT_SUPPORTED,
        detail="Two sessions were given the same server process, so each would meet the other's settings.",
        hint="This is for the administrators of pgveil: PgBouncer needs pool_mode = session for pgveil's account.",
    )
