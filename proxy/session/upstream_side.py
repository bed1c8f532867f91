"""The direction from upstream to client: whose reply each message is, and whether it passes.

Owns: reading the upstream's stream, and matching it with the queue of replies owed.
Must not know: sockets, SQL, policy.
Invariant: a message that fits no entry of the queue, or a row whose columns were not checked, ends the conversation.
Rows that pass as they are are never kept: pieces of one that is longer than what was received pass as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.errors import UpstreamProtocolError
from proxy.session.answers import Answers
from proxy.session.completions import Completions
from proxy.session.edge import AS_IT_IS
from proxy.session.flights import Flights
from proxy.session.state import State
from proxy.wire import backend
from proxy.wire.backend import COPY_DATA, DATA_ROW
from proxy.wire.frames import HEADER, HEADER_SIZE, LENGTH_SIZE, run_end

_STREAMED = frozenset({DATA_ROW, COPY_DATA})
_unpack_header = HEADER.unpack_from

Handler = Callable[[bytes, int, int], bytes | None]


class UpstreamSide:
    """``passing``: how many bytes of a row that was begun are still to come; until then the client must not be told
    anything else.
    """

    __slots__ = (
        "_answers",
        "_completions",
        "_flights",
        "_handlers",
        "_max_length",
        "_need",
        "_state",
        "_tail",
        "_to_client",
        "passing",
    )

    def __init__(
        self,
        state: State,
        completions: Completions,
        flights: Flights,
        to_client: Callable[[bytes], None],
        max_message_bytes: int,
    ) -> None:
        self._state = state
        self._to_client = to_client
        self._max_length = max_message_bytes + LENGTH_SIZE
        self._tail = bytearray()
        self._need = HEADER_SIZE
        self.passing = 0
        self._answers = answers = Answers(state)
        self._completions = completions
        self._flights = flights
        self._handlers: Mapping[int, Handler] = {
            backend.PARSE_COMPLETE: answers.parse_complete,
            backend.BIND_COMPLETE: answers.bind_complete,
            backend.CLOSE_COMPLETE: answers.close_complete,
            backend.PARAMETER_DESCRIPTION: answers.parameter_description,
            backend.ROW_DESCRIPTION: answers.row_description,
            backend.NO_DATA: answers.no_data,
            backend.DATA_ROW: answers.own_row,
            backend.COPY_OUT_RESPONSE: answers.copy_out,
            backend.COPY_DONE: answers.copy_done,
            backend.PARAMETER_STATUS: answers.parameter_status,
            backend.NOTIFICATION_RESPONSE: answers.notification,
            backend.NOTICE_RESPONSE: completions.notice,
            backend.ERROR_RESPONSE: completions.error,
            backend.COMMAND_COMPLETE: completions.command_complete,
            backend.EMPTY_QUERY_RESPONSE: completions.empty_query,
            backend.PORTAL_SUSPENDED: completions.portal_suspended,
            backend.READY_FOR_QUERY: completions.ready_for_query,
        }

    @property
    def between_messages(self) -> bool:
        """Whether nothing is half received."""
        return not self.passing and not self._tail

    @property
    def fatal(self) -> bool:
        """Whether the upstream has told the client that it ends the session."""
        return self._completions.fatal

    def feed(self, data: bytes) -> None:
        """Take bytes as they came. Raises what must end the session; what came before was sent."""
        pos = 0
        if self.passing:
            if len(data) < self.passing:
                self.passing -= len(data)
                self._to_client(data)
                return
            pos, self.passing = self.passing, 0
        elif self._tail:
            self._tail += data
            if len(self._tail) < self._need:
                return
            data = bytes(self._tail)
            self._tail.clear()
        self._process(data, pos)

    def _process(self, data: bytes, pos: int) -> None:
        """Treat what starts at ``pos``; what is before it passes."""
        owed = self._state.owed
        if owed and not pos:
            if self._flights.answer(data):
                return
            owed.unfold()
        handlers = self._handlers
        out: list[bytes] = []
        start = 0
        end = len(data)
        self._need = HEADER_SIZE
        try:
            while end - pos >= HEADER_SIZE:
                tag, length = _unpack_header(data, pos)
                if length < LENGTH_SIZE:
                    raise UpstreamProtocolError(f"invalid message length {length} from the database")
                if tag in _STREAMED and (passage := self._answers.passage(tag)) is not None:
                    if passage is AS_IT_IS:
                        pos = run_end(data, pos, tag)
                        continue
                    treated_to, treated = passage.treat(data, pos)
                    if treated_to > pos:
                        out += (data[start:pos], treated)
                        start = pos = treated_to
                        continue
                stop = pos + 1 + length
                if stop > end:
                    if length > self._max_length:
                        raise UpstreamProtocolError(f"message of {length} bytes from the database is too long")
                    self._need = stop - pos
                    break
                handler = handlers.get(tag)
                if handler is None:
                    raise UpstreamProtocolError(f"unexpected message type {tag} from the database")
                replacement = handler(data, pos, stop)
                if replacement is not None:
                    if start < pos:
                        out.append(data[start:pos])
                    if replacement:
                        out.append(replacement)
                    start = stop
                pos = stop
        finally:
            self._send(out, data, start, pos)
        if pos > end:
            self.passing = pos - end
        elif pos < end:
            self._tail += data[pos:] if pos else data

    def _send(self, out: list[bytes], data: bytes, start: int, pos: int) -> None:
        if out:
            if start < pos:
                out.append(data[start:pos])
            self._to_client(b"".join(out))
        elif start < pos:
            whole = start == 0 and pos >= len(data)
            self._to_client(data if whole else data[start:pos])
