"""The direction from client to upstream: each message is decided on and sent, replaced, or held.

Owns: reading the client's stream, and what is sent upstream for it. Must not know: sockets, SQL.
Invariant: for every message that goes upstream and is answered, one entry goes into the queue of replies owed, in the
same order. Messages that go as they came are sent as one slice of the bytes received, once for each call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from proxy.errors import ClientProtocolError
from proxy.session.barrier import HOLD, Barrier
from proxy.session.extended import Extended
from proxy.session.flights import Flights
from proxy.session.replies import SYNC_OWED, Owed, Request
from proxy.session.simple import Simple
from proxy.session.state import State
from proxy.wire import frontend
from proxy.wire.frames import HEADER, HEADER_SIZE, LENGTH_SIZE
from proxy.wire.frontend import SYNC, SYNC_MESSAGE, TERMINATE, TERMINATE_MESSAGE

_OWN_SYNC: Final = Owed(Request.SYNC, own=True, question=True)
_unpack_header = HEADER.unpack_from

Handler = Callable[[bytes, int, int], bytes | None]


class ClientSide:
    """``held``: a message waits for replies, and nothing more is read until ``resume``.

    ``leaving``: the client has gone. ``terminated``: nothing more is read from it, and upstream was told so, unless
    ``kept``: it said goodbye with nothing open, and ``keeps`` says that somebody has a use for the connection.
    """

    __slots__ = (
        "_barrier",
        "_flights",
        "_handlers",
        "_keeps",
        "_max_length",
        "_need",
        "_state",
        "_tail",
        "_to_upstream",
        "held",
        "kept",
        "leaving",
        "terminated",
    )

    def __init__(
        self,
        state: State,
        flights: Flights,
        to_upstream: Callable[[bytes], None],
        max_message_bytes: int,
        *,
        keeps: Callable[[], bool],
    ) -> None:
        self._state = state
        self._flights = flights
        self._to_upstream = to_upstream
        self._max_length = max_message_bytes + LENGTH_SIZE
        self._tail = bytearray()
        self._need = HEADER_SIZE
        self._barrier = Barrier(state)
        self._keeps = keeps
        self.leaving = False
        self.held = False
        self.terminated = False
        self.kept = False
        simple, extended = Simple(state, self._barrier), Extended(state, self._barrier)
        self._handlers: Mapping[int, Handler] = {
            frontend.QUERY: simple.query,
            frontend.FUNCTION_CALL: simple.function_call,
            frontend.PARSE: extended.parse,
            frontend.BIND: extended.bind,
            frontend.DESCRIBE: extended.describe,
            frontend.EXECUTE: extended.execute,
            frontend.CLOSE: extended.close,
            frontend.SYNC: self._sync,
            frontend.FLUSH: self._flush,
            frontend.TERMINATE: self._terminate,
            # Outside COPY FROM the server ignores these three (manual, 54.2.6), and COPY FROM never starts.
            frontend.COPY_DATA: self._ignore,
            frontend.COPY_DONE: self._ignore,
            frontend.COPY_FAIL: self._ignore,
        }

    @property
    def buffered(self) -> int:
        """How many bytes wait for the rest of their message, or for replies."""
        return len(self._tail)

    def feed(self, data: bytes) -> None:
        """Take bytes as they came. Raises ClientProtocolError; what came before the broken message was sent."""
        if self._tail:
            self._tail += data
            if self.held:
                self._limit()
            if self.held or len(self._tail) < self._need:
                return
            data = self._take_tail()
        if len(data) <= self._max_length and self._flights.take(data):
            self._to_upstream(data)
        else:
            self._process(data)

    def resume(self) -> None:
        """Go on with what was held, now that nothing is owed."""
        state = self._state
        if state.path.needs_sync:
            state.path.needs_sync = False
            self._sync(b"", 0, 0)
            state.owed[-1] = _OWN_SYNC
            self._to_upstream(SYNC_MESSAGE)
            return
        self.held = False
        self._process(self._take_tail())
        if self.leaving:
            self.terminate()

    def terminate(self) -> None:
        """The client is gone: tell upstream, unless the client did. What is held goes first."""
        self.leaving = True
        if (self.kept or not self.terminated) and not self.held:
            self.terminated = True
            self.kept = False
            self._to_upstream(TERMINATE_MESSAGE)

    def _limit(self) -> None:
        """What is sent ahead while a message is held is kept only up to a limit; a careful caller stops reading."""
        if len(self._tail) > 2 * self._max_length:
            raise ClientProtocolError("too many bytes were sent ahead")

    def _take_tail(self) -> bytes:
        data = bytes(self._tail)
        self._tail.clear()
        return data

    def _process(self, data: bytes) -> None:
        state, handlers, max_length = self._state, self._handlers, self._max_length
        out: list[bytes] = []
        start = pos = 0
        end = len(data)
        self._need = HEADER_SIZE
        try:
            while end - pos >= HEADER_SIZE and not self.terminated:
                tag, length = _unpack_header(data, pos)
                stop = pos + 1 + length
                if not LENGTH_SIZE <= length <= max_length:
                    raise ClientProtocolError(f"invalid message length {length}")
                handler = handlers.get(tag)
                if handler is None:
                    raise ClientProtocolError(f"invalid frontend message type {tag}")
                if stop > end:
                    self._need = stop - pos
                    break
                if state.skipping and tag != SYNC and tag != TERMINATE:
                    replacement: bytes | None = b""
                else:
                    replacement = handler(data, pos, stop)
                if replacement is not None:
                    if start < pos:
                        out.append(data[start:pos])
                    start = pos
                    if replacement is HOLD:
                        self.held = True
                        out.append(self._barrier.parting)
                        break
                    out.append(replacement)
                    start = stop
                pos = stop
        finally:
            self._send(out, data, start, pos)
        if pos < end and not self.terminated:
            self._tail += data[pos:] if pos else data

    def _send(self, out: list[bytes], data: bytes, start: int, pos: int) -> None:
        if out:
            if start < pos:
                out.append(data[start:pos])
            message = b"".join(out)
            if message:
                self._to_upstream(message)
        elif start < pos:
            self._to_upstream(data if pos == len(data) else data[:pos])

    def _sync(self, data: bytes, pos: int, stop: int) -> bytes | None:
        state = self._state
        state.skipping = False
        state.flight_open = state.flight_acts = state.unsettled = False
        state.flight += 1
        if state.path.asked_in_flight:
            state.path.flight_ended()
        state.owed.append(SYNC_OWED)
        return None

    def _flush(self, data: bytes, pos: int, stop: int) -> bytes | None:
        return None

    def _terminate(self, data: bytes, pos: int, stop: int) -> bytes | None:
        self.leaving = self.terminated = True
        self.kept = self._state.at_rest and not self._state.skipping and self._keeps()
        return b"" if self.kept else None

    def _ignore(self, data: bytes, pos: int, stop: int) -> bytes | None:
        return b""
