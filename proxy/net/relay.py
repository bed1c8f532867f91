"""One session's two connections: bytes from either side into the conversation, and its bytes out again.

Owns: back-pressure in both directions, the token's expiry, how a session ends on the wire.
Must not know: SQL, policy, what the bytes mean.
Invariant: while one side does not read, the other is not read from, so memory is bounded whatever a peer does; and once
one side is gone the other is sent away in time. No task, future or timer is made for a message here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from proxy.errors import SessionEndedError, UpstreamProtocolError, UpstreamUnavailableError
from proxy.net.farewell import send_away
from proxy.net.gate import ReplyGate
from proxy.net.limits import Limits
from proxy.net.ports import OpenedSession, Proving, SessionServices
from proxy.net.upstream import UpstreamLink
from proxy.session.cancelling import Cancel, cancels_nothing
from proxy.session.conversation import Conversation
from proxy.session.handshake import greeting
from proxy.session.hints import NO_HINTS
from proxy.session.startup import Startup
from proxy.wire.backend import BackendKeyData, error_response

_CLOCK_CHECK_SECONDS: Final = 600.0  # the loop's clock does not follow the wall clock, which tokens go by


class Relay:
    """A session from its greeting to its end.

    ``cancel`` cancels another session of the same owner. ``withdraw`` is called as soon as the session is over, and
    returns whether it was ever cancelled; ``closed`` when both connections are closed, or the one upstream was given
    back.
    """

    __slots__ = (
        "_client",
        "_closed",
        "_conversation",
        "_full",
        "_limits",
        "_link",
        "_loop",
        "_open",
        "_opened",
        "_over",
        "_services",
        "_timer",
        "_upstream",
        "_waits",
        "_withdraw",
        "client_finished",
        "held",
        "upstream_full",
    )

    def __init__(
        self,
        client: asyncio.Transport,
        link: UpstreamLink,
        opened: OpenedSession,
        services: SessionServices,
        limits: Limits,
        *,
        withdraw: Callable[[], bool],
        cancel: Cancel = cancels_nothing,
        closed: Callable[[Relay], None],
    ) -> None:
        self._client = client
        self._link = link
        self._upstream = link.transport
        self._opened = opened
        self._services = services
        self._limits = limits
        self._withdraw = withdraw
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._over = False
        self._open = 2
        self._timer: asyncio.TimerHandle | None = None
        self._full = self._waits = False
        self.held = False
        self.upstream_full = False
        self.client_finished = False
        self._conversation = Conversation(
            planning=opened.planning,
            watching=opened.watching,
            to_client=client.write,
            to_upstream=link.transport.write,
            clock=time.monotonic,
            search_path=link.ready.search_path,
            hints=opened.hints,
            # With hints several people may have asked in it, and the next session's is not known yet.
            keeps_upstream=link.give_back is not None and opened.hints is NO_HINTS,
            cancel=cancel,
            max_client_message_bytes=limits.max_message_bytes,
            max_upstream_message_bytes=limits.max_message_bytes,
        )

    @property
    def over(self) -> bool:
        """Whether the session has ended."""
        return self._over

    @property
    def idle(self) -> bool:
        """Whether nothing runs."""
        return self._conversation.idle

    def begin(self, startup: Startup, key: BackendKeyData, *, received: bytes, client_finished: bool) -> None:
        """Greet the client and take over both connections. ``received``: what the client sent behind its password."""
        high = self._limits.write_buffer_bytes
        for transport in (self._client, self._upstream):
            transport.set_write_buffer_limits(high=high, low=high // 4)
        upstream_gone, client_gone = self._upstream.is_closing(), self._client.is_closing()
        self._upstream.set_protocol(self._upstream_side())
        self._client.set_protocol(_ClientSide(self, self._conversation))
        self._client.write(greeting(startup, self._link.ready.parameters, key))
        self._check_expiry()
        if client_gone:
            self.client_lost()
        elif upstream_gone:
            self.upstream_lost()
        try:
            if not self._over and (rest := self._link.take_rest()):
                self._conversation.upstream_bytes(rest)
            if not self._over and received:
                self._conversation.client_bytes(received)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
            self.failed(error)
        if self._over:
            return
        if client_finished:
            self.client_said_all()
        self._upstream.resume_reading()
        self.hold_or_read()

    def _upstream_side(self) -> _UpstreamSide:
        if self._opened.proving is None:
            return _UpstreamSide(self, self._conversation)
        return _GatedUpstreamSide(self, self._conversation, self._opened.proving)

    def hold_or_read(self) -> None:
        """Read from the client only while the conversation wants more, and upstream takes it."""
        if self._conversation.left_at_rest:
            self._finish(b"")
            return
        self.held = not self._conversation.wants_client_bytes
        if self._client.is_closing():
            return
        if self.held or self.upstream_full:
            self._client.pause_reading()
        else:
            self._client.resume_reading()

    def client_full(self, full: bool) -> None:
        """The client does not read (or reads again): neither do we from upstream."""
        self._full = full
        self._read_upstream()

    def wait(self, waits: bool) -> None:
        """Replies wait for a proof (or do so no longer): more of them are not read meanwhile."""
        self._waits = waits
        self._read_upstream()

    def _read_upstream(self) -> None:
        if self._upstream.is_closing():
            return
        if self._full or self._waits:
            self._upstream.pause_reading()
        else:
            self._upstream.resume_reading()

    def client_said_all(self) -> bool:
        """The client closed its side: it still gets the answers to what it asked, and upstream closes after them.

        Returns whether its connection stays open for them, which one with TLS cannot.
        """
        self.client_finished = True
        self._conversation.client_closed()
        return self._client.can_write_eof()

    def client_lost(self) -> None:
        """The client's connection is closed."""
        if not self._over:
            self._conversation.client_closed()
            self._finish(b"")

    def upstream_lost(self) -> None:
        """The upstream's connection is closed."""
        if self._over:
            return
        try:
            self._conversation.upstream_closed()
        except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
            self.failed(error)
        else:
            self._finish(b"")

    def end(self, reason: SessionEndedError, *, at_once: bool = False) -> None:
        """End the session for this reason: when its transaction is over, or at once (behind a row already begun)."""
        if self._over:
            return
        if at_once and self._conversation.mid_message and not self._waits:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(self._limits.linger_seconds, self.failed, reason)
            self._upstream.set_protocol(_RestOfRow(self, self._conversation, reason))
            return
        try:
            self._conversation.end(reason, at_once=at_once)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """End the session with this error, if it can still be told: not in the middle of a row."""
        if self._over:
            return
        last_words = error_response(error, fatal=True)
        if isinstance(error, UpstreamUnavailableError | UpstreamProtocolError):
            self._services.upstream_failed(error.sqlstate)
        if isinstance(error, UpstreamProtocolError):
            self._services.out_of_step()
        self._finish(b"" if self._conversation.mid_message else last_words)

    def abort(self) -> None:
        """Close both connections now."""
        self._client.abort()
        self._upstream.abort()

    def _finish(self, last_words: bytes) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        seconds, done = self._limits.linger_seconds, self._connection_closed
        try:
            self._services.closed(self._opened, unanswered=self._conversation.replies_owed)
        finally:
            cancelled = self._withdraw()
            send_away(self._client, last_words, seconds=seconds, peer_finished=self.client_finished, done=done)
            if not cancelled and self._given_back():
                done()
            else:
                self._link.release()
                if not self._upstream.is_closing():
                    self._conversation.client_closed()
                send_away(self._upstream, b"", seconds=seconds, done=done)

    def _given_back(self) -> bool:
        """Whether the connection upstream is for another session now."""
        if self._link.give_back is None or not self._conversation.left_at_rest:
            return False
        if self._upstream.is_closing() or self._waits or self._conversation.close_reason is not None:
            return False
        self._link.give_back(self._conversation.reported)
        return True

    def _connection_closed(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._closed(self)

    def _check_expiry(self) -> None:
        left = self._opened.principal.expires_at - time.time()
        if left > 0:
            self._timer = self._loop.call_later(min(left, _CLOCK_CHECK_SECONDS), self._check_expiry)
            return
        reason = SessionEndedError(
            "terminating connection because its token has expired", hint="Connect again with a new token."
        )
        self.end(reason, at_once=True)


class _ClientSide(asyncio.Protocol):
    """What the event loop calls for the client's connection."""

    __slots__ = ("_conversation", "_feed", "_relay")

    def __init__(self, relay: Relay, conversation: Conversation) -> None:
        self._relay = relay
        self._conversation = conversation
        self._feed = conversation.client_bytes

    def data_received(self, data: bytes) -> None:
        try:
            self._feed(data)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
            self._relay.failed(error)
        else:
            if not self._conversation.wants_client_bytes:
                self._relay.hold_or_read()

    def pause_writing(self) -> None:
        self._relay.client_full(True)

    def resume_writing(self) -> None:
        self._relay.client_full(False)

    def eof_received(self) -> bool:
        return self._relay.client_said_all()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.client_lost()


class _UpstreamSide(asyncio.Protocol):
    """What the event loop calls for the upstream's connection."""

    __slots__ = ("_feed", "_relay")

    def __init__(self, relay: Relay, conversation: Conversation) -> None:
        self._relay = relay
        self._feed = conversation.upstream_bytes

    def data_received(self, data: bytes) -> None:
        relay = self._relay
        try:
            self._feed(data)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged where it is a bug of ours
            relay.failed(error)
        else:
            if relay.held:
                relay.hold_or_read()

    def pause_writing(self) -> None:
        self._relay.upstream_full = True
        self._relay.hold_or_read()

    def resume_writing(self) -> None:
        self._relay.upstream_full = False
        self._relay.hold_or_read()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.upstream_lost()


class _GatedUpstreamSide(_UpstreamSide):
    """The same where replies wait until the catalog behind them is proven."""

    __slots__ = ("_gate",)

    def __init__(self, relay: Relay, conversation: Conversation, proving: Proving) -> None:
        super().__init__(relay, conversation)
        self._gate = ReplyGate(self, conversation, proving)

    @property
    def over(self) -> bool:
        """See ``gate.Reader``."""
        return self._relay.over

    def feed(self, data: bytes) -> None:
        """See ``gate.Reader``."""
        super().data_received(data)

    def pause(self, waits: bool) -> None:
        """See ``gate.Reader``."""
        self._relay.wait(waits)

    def failed(self, error: Exception) -> None:
        """See ``gate.Reader``."""
        self._relay.failed(error)

    def data_received(self, data: bytes) -> None:
        self._gate.take(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.finish(self._relay.upstream_lost)


class _RestOfRow(_UpstreamSide):
    """Takes the place of ``_UpstreamSide`` when the session must end in the middle of a row: an error may be said only
    behind it.
    """

    __slots__ = ("_conversation", "_reason")

    def __init__(self, relay: Relay, conversation: Conversation, reason: SessionEndedError) -> None:
        super().__init__(relay, conversation)
        self._conversation = conversation
        self._reason = reason

    def data_received(self, data: bytes) -> None:
        left = self._conversation.row_bytes_left
        super().data_received(data[:left])
        if len(data) >= left:
            self._relay.failed(self._reason)
