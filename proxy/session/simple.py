"""Query and FunctionCall messages on their way upstream.

Owns: what one message becomes. Must not know: framing beyond one message, sockets, how a text is planned.
Invariant: a Query gives exactly one Query upstream, so exactly one ReadyForQuery; a FunctionCall, which is answered
like one, is refused in the same step.
"""

from __future__ import annotations

from typing import Final

from proxy.errors import ClientProtocolError, UnsupportedRefusal
from proxy.session.barrier import HOLD, Barrier
from proxy.session.replies import OwedScript
from proxy.session.scripts import FAILING_STATEMENT, Script
from proxy.session.state import FAILED, State
from proxy.wire.frames import HEADER_SIZE, frame
from proxy.wire.frontend import QUERY, Query

_FAILING_TEXT: Final = FAILING_STATEMENT.encode()


class Simple:
    """Handlers: (data, start of the message, its end) → None to send it as it is, or the bytes to send, or HOLD."""

    __slots__ = ("_barrier", "_state")

    def __init__(self, state: State, barrier: Barrier) -> None:
        self._state = state
        self._barrier = barrier

    def query(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A Query."""
        state = self._state
        if data.find(b"\0", pos + HEADER_SIZE, stop) != stop - 1:
            raise ClientProtocolError("malformed Query message")
        text = data[pos + HEADER_SIZE : stop - 1]
        if state.planning.generation is not state.generation:
            state.refresh()
        script = self._script(text)
        if script is None:
            return HOLD
        if script.path_changes:
            state.path_may_change(script.path_changes)
        state.flight_open = state.unsettled = False
        drops_unnamed = state.statements.drops_unnamed()
        state.owed.append(OwedScript(script, state.clock(), drops_unnamed=drops_unnamed))
        return None if script.text is None else frame(QUERY, script.text + b"\0")

    def function_call(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A FunctionCall: refused."""
        refusal = UnsupportedRefusal(
            "the function call message is not supported",
            reason="function_call",
            hint="Call the function in a SELECT statement.",
        )
        state = self._state
        state.scripts.note(refusal)
        state.flight_open = state.unsettled = False
        drops_unnamed = state.statements.drops_unnamed()
        script = Script((), _FAILING_TEXT, refusal)
        state.owed.append(OwedScript(script, state.clock(), drops_unnamed=drops_unnamed))
        return Query(_FAILING_TEXT).encode()

    def _script(self, text: bytes) -> Script | None:
        """The decision on a text, None where it must wait."""
        scripts, path = self._state.scripts, self._state.path
        if path.known:
            return scripts.query(text, path.current, path_known=True, path_touched=path.touched)
        script = scripts.independent(text, path.current)
        if script is not None:
            return script
        if not self._barrier.ready(for_query=True):
            return None
        if path.known or self._state.status == FAILED:
            return scripts.query(text, path.current, path_known=path.known, path_touched=path.touched)
        refusal = self._barrier.refusal()
        scripts.note(refusal)
        return Script((), _FAILING_TEXT, refusal)
