"""Query and FunctionCall messages on their way upstream.

Owns: what one message becomes. Must not know: framing beyond one message, sockets, how a text is planned.
Invariant: a Query gives exactly one Query upstream, so exactly one ReadyForQuery; a FunctionCall, which is answered
like one, is refused in the same step.
"""

from __future__ import annotations

from typing import Final

from proxy.errors import ClientProtocolError, Refusal, UnsupportedRefusal
from proxy.planner.plan import TokenCells
from proxy.session.barrier import HOLD, Barrier
from proxy.session.cancelling import cancelled_by
from proxy.session.renewal import Renewal
from proxy.session.replies import OwedScript
from proxy.session.scripts import FAILING_STATEMENT, Script
from proxy.session.state import FAILED, State
from proxy.session.statements import prepared_by_sql
from proxy.wire.frames import HEADER_SIZE, frame
from proxy.wire.frontend import QUERY, Query

_FAILING_TEXT: Final = FAILING_STATEMENT.encode()


class Simple:
    """Handlers: (data, start of the message, its end) → None to send it as it is, or the bytes to send, or HOLD."""

    __slots__ = ("_barrier", "_renewal", "_state")

    def __init__(self, state: State, barrier: Barrier) -> None:
        self._state = state
        self._barrier = barrier
        self._renewal = Renewal(state)

    def query(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A Query."""
        state = self._state
        if data.find(b"\0", pos + HEADER_SIZE, stop) != stop - 1:
            raise ClientProtocolError("malformed Query message")
        given = data[pos + HEADER_SIZE : stop - 1]
        if state.planning.generation is not state.generation:
            state.refresh()
        try:
            text = self._barrier.asked(given, for_query=True)
            if text is not None:
                text = cancelled_by(text, state.cancel)
            script = self._script(text) if text is not None else None
        except Refusal as refusal:
            state.scripts.note(refusal)
            text, script = given, Script((), _FAILING_TEXT, refusal)
        if text is not None and script is not None and script.executes:
            script = self._with_arguments(text, script)
        if text is None or script is None:
            return HOLD
        if text is not given:
            script = _sent_as(script, text)
        if script.path_changes:
            state.path_may_change(script.path_changes)
        closing = state.closing() if state.to_close else b""
        state.flight_open = state.flight_acts = state.unsettled = False
        for plan, client_text in script.prepares:
            made = prepared_by_sql(plan, client_text, state.epoch)
            state.statements.change(made.name, made)
        drops_unnamed = state.statements.drops_unnamed()
        state.owed.append(OwedScript(script, state.clock(), drops_unnamed=drops_unnamed, epoch=state.epoch))
        if script.text is not None:
            return closing + frame(QUERY, script.text + b"\0")
        return closing + data[pos:stop] if closing else None

    def _with_arguments(self, text: bytes, script: Script) -> Script | None:
        """The script with stored values for tokens that are arguments of EXECUTE, None where it must wait.

        Cut short where EXECUTE names a statement that would be planned differently by now.
        """
        state = self._state
        made: dict[str, tuple[TokenCells | None, ...]] = {}  # a PREPARE that fails ends the script
        plans = list(script.plans)
        for index, plan in enumerate(plans):
            if plan.effects.prepares is not None:
                made[plan.effects.prepares] = plan.inner.token_parameters if plan.inner is not None else ()
            if plan.prepared is None:
                continue
            certain = plan.prepared in made or state.statements.certain(plan.prepared.encode(), state.flight)
            if not (certain or self._barrier.answered()):
                return None
            try:
                if plan.prepared in made:
                    plans[index] = self._renewal.with_arguments(plan, made[plan.prepared])
                else:
                    plans[index] = self._renewal.executed(plan)
            except Refusal as refusal:
                script = state.scripts.with_plans(text, script, tuple(plans))
                return state.scripts.refused_at(text, script, index, refusal)
        return state.scripts.with_plans(text, script, tuple(plans))

    def function_call(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A FunctionCall: refused."""
        refusal = UnsupportedRefusal(
            "the function call message is not supported",
            reason="function_call",
            hint="Call the function in a SELECT statement.",
        )
        state = self._state
        state.scripts.note(refusal)
        state.flight_open = state.flight_acts = state.unsettled = False
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


def _sent_as(script: Script, text: bytes) -> Script:
    """The script of a text that goes upstream as ``text``, for instance without its hint: its positions are not the
    client's.
    """
    if script.refusal is not None:
        # With a position clients print the line that it is in, and the token with it.
        script.refusal.position = None
    return script if script.text is not None else Script(script.plans, text, None, script.prepares)
