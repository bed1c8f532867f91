"""One conversation after login: bytes in from either peer, bytes out to each.

Owns: the front door of the session's state, and when it ends. Must not know: sockets, SQL, policy, who answers its
questions (``ports``).
Invariant: nothing here waits. What must end the session is raised as a ProxyError from the call that found it, after
all that was right before it has been sent; the conversation must not be fed again afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from proxy.errors import ProxyError, UpstreamUnavailableError
from proxy.session.cancelling import Cancel, cancels_nothing
from proxy.session.client_side import ClientSide
from proxy.session.completions import Completions
from proxy.session.flights import Flights
from proxy.session.hints import NO_HINTS, Hinting
from proxy.session.ports import Planning, Watching
from proxy.session.state import IDLE, State
from proxy.session.unproven import Unproven, unproven
from proxy.session.upstream_side import UpstreamSide
from proxy.wire.sqlstate import CONNECTION_FAILURE

MAX_CLIENT_MESSAGE_BYTES: Final = 64 * 1024 * 1024
MAX_UPSTREAM_MESSAGE_BYTES: Final = 64 * 1024 * 1024  # rows and COPY data pass unkept and have no limit
_MAX_REPLIES_OWED: Final = 10_000


class Conversation:
    """Starts when ReadyForQuery of the login has been sent and upstream is idle.

    ``to_client`` and ``to_upstream`` take bytes to write, at most once for each call where nothing was held.
    ``clock`` gives seconds (monotonic).
    ``search_path``: the session's, as ``current_schemas(true)`` gives it.
    ``keeps_upstream``: whether a client's goodbye is kept from upstream where nothing is open (see ``left_at_rest``).
    """

    __slots__ = ("_client", "_ending", "_keeps", "_state", "_upstream", "close_reason")

    def __init__(
        self,
        *,
        planning: Planning,
        watching: Watching,
        to_client: Callable[[bytes], None],
        to_upstream: Callable[[bytes], None],
        clock: Callable[[], float],
        search_path: tuple[str, ...],
        hints: Hinting = NO_HINTS,
        keeps_upstream: bool = False,
        cancel: Cancel = cancels_nothing,
        max_client_message_bytes: int = MAX_CLIENT_MESSAGE_BYTES,
        max_upstream_message_bytes: int = MAX_UPSTREAM_MESSAGE_BYTES,
    ) -> None:
        self._state = State(
            planning=planning, watching=watching, clock=clock, search_path=search_path, hints=hints, cancel=cancel
        )
        completions = Completions(self._state)
        flights = Flights(self._state, completions, to_client)
        self._client = ClientSide(self._state, flights, to_upstream, max_client_message_bytes, keeps=self._may_keep)
        self._upstream = UpstreamSide(self._state, completions, flights, to_client, max_upstream_message_bytes)
        self._ending: ProxyError | None = None
        self._keeps = keeps_upstream
        self.close_reason: BaseException | None = None

    def client_bytes(self, data: bytes) -> None:
        """Take what the client sent. Raises ProxyError to end the session."""
        try:
            self._client.feed(data)
        except BaseException as reason:
            self.close_reason = reason
            raise

    def upstream_bytes(self, data: bytes) -> None:
        """Take what upstream sent. Raises ProxyError to end the session."""
        try:
            self._upstream.feed(data)
            if self._client.held and not self._state.owed:
                self._client.resume()
            if self._ending is not None:
                self._end_at_rest(self._ending)
        except BaseException as reason:
            self.close_reason = reason
            raise

    def unproven(self) -> Unproven | None:
        """What must be proven before ``upstream_bytes`` is given the next bytes (see ``session.unproven``)."""
        return unproven(self._state)

    def proven(self) -> None:
        """All that was asked for so far has been proven and fed."""
        if self._state.at_rest:
            self._state.since = self._state.generation

    def client_closed(self) -> None:
        """The client went away, with or without Terminate: upstream is told to end, if it was not."""
        self._client.terminate()

    def upstream_closed(self) -> None:
        """Upstream went away. Raises unless it has told the client why, or the client had left."""
        if self._upstream.fatal or self._client.leaving:
            return
        self.close_reason = UpstreamUnavailableError(
            "the database closed the connection unexpectedly",
            sqlstate=CONNECTION_FAILURE,
            hint="Connect again.",
        )
        raise self.close_reason

    def end(self, reason: ProxyError, *, at_once: bool = False) -> None:
        """End the session: now, or (drain) as soon as no transaction is open and nothing is owed.

        Raises ``reason`` now where it is time; otherwise a later ``upstream_bytes`` raises it.
        """
        self._ending = reason
        if at_once:
            self.close_reason = reason
            raise reason
        self._end_at_rest(reason)

    @property
    def left_at_rest(self) -> bool:
        """Whether the client has said goodbye with nothing open, owed or half said, so that upstream need not end."""
        return self._client.kept

    @property
    def reported(self) -> Mapping[str, str]:
        """The settings that upstream has reported to have changed in this session."""
        return self._state.reported

    @property
    def idle(self) -> bool:
        """Whether nothing is owed and nothing is held or half received."""
        return not self._state.owed and not self._client.held and not self._client.buffered

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction (a failed one too) was open at the last ReadyForQuery."""
        return self._state.status != IDLE

    @property
    def mid_message(self) -> bool:
        """Whether the client has got only a part of a row: then an ErrorResponse cannot be sent any more."""
        return self._upstream.passing > 0

    @property
    def row_bytes_left(self) -> int:
        """How many bytes are still to come of the row that the client has got a part of; 0 between messages."""
        return self._upstream.passing

    @property
    def wants_client_bytes(self) -> bool:
        """False while the client should not be read from: a message is held, or very many replies are owed."""
        return not self._client.held and not self._client.kept and len(self._state.owed) < _MAX_REPLIES_OWED

    @property
    def replies_owed(self) -> int:
        """How many replies are owed; those of a whole flight may count as one."""
        return len(self._state.owed)

    def _may_keep(self) -> bool:
        return self._keeps and self._upstream.between_messages and not self._upstream.fatal

    def _end_at_rest(self, reason: ProxyError) -> None:
        if self.idle and self._state.status == IDLE and not self._state.flight_open:
            self.close_reason = reason
            raise reason
