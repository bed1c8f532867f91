"""Whole flights in one step: what most clients send most of the time, and its usual answer.

Owns: recognizing [Bind, (Describe), Execute, Sync] of a known statement; and the answer to it, or to a Query of one
statement, where it comes in one piece. Must not know: sockets, SQL.
Invariant: the step does to state, records and bytes exactly what the handlers of the single messages would have done
one after another. Whatever does not fit is left to them, with nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.errors import JournalError
from proxy.planner.plan import Plan
from proxy.session.completions import WITHOUT_EFFECTS, Completions
from proxy.session.replies import OwedFlight, OwedScript
from proxy.session.state import IDLE, IN_TRANSACTION, State
from proxy.wire.backend import BIND_COMPLETE, COMMAND_COMPLETE, DATA_ROW, NO_DATA, READY_FOR_QUERY, ROW_DESCRIPTION
from proxy.wire.frames import HEADER, HEADER_SIZE, LENGTH_SIZE, frame, run_end
from proxy.wire.frontend import BIND, SYNC_MESSAGE, Describe, Execute

_RUN: Final = Execute(b"").encode() + SYNC_MESSAGE
_DESCRIBED_RUN: Final = Describe(b"P", b"").encode() + _RUN
_NAME: Final = HEADER_SIZE + 1  # where a Bind of the unnamed portal names its statement

_BOUND: Final = frame(BIND_COMPLETE, b"")
_READY: Final = HEADER.pack(READY_FOR_QUERY, LENGTH_SIZE + 1)
_READY_SIZE: Final = HEADER_SIZE + 1
_SETTLED: Final = frozenset({IDLE, IN_TRANSACTION})

_unpack_header = HEADER.unpack_from


class Flights:
    """``take`` sees the client's bytes, ``answer`` upstream's; each says whether it did all that there was to do."""

    __slots__ = ("_completions", "_state", "_to_client")

    def __init__(self, state: State, completions: Completions, to_client: Callable[[bytes], None]) -> None:
        self._state = state
        self._completions = completions
        self._to_client = to_client

    def take(self, data: bytes) -> bool:
        """Whether these bytes are one flight and nothing else, which goes upstream as it is and is owed a reply now."""
        if not data.endswith(_RUN):
            return False
        state = self._state
        described = data.endswith(_DESCRIBED_RUN)
        stop = len(data) - len(_DESCRIBED_RUN if described else _RUN)
        if stop <= _NAME or _unpack_header(data) != (BIND, stop - 1) or data[HEADER_SIZE]:
            return False
        if state.owed or state.flight_open or state.skipping or state.to_close or not state.path.known:
            return False
        name_end = data.find(b"\0", _NAME, stop)
        if name_end < 0:
            return False
        if state.planning.generation is not state.generation:
            state.refresh()
        statement = state.statements.confirmed.get(data[_NAME:name_end])
        if statement is None or not statement.plain or statement.epoch != state.epoch or not state.path.known:
            return False
        if not described and not statement.checked:
            return False
        if statement.protected:
            try:
                state.watching.require_journal()
            except JournalError:
                return False
        state.opening[b""] = statement
        if described:
            statement.described_in = state.flight
        state.flight += 1
        state.unsettled = False
        state.owed.append(OwedFlight(statement, state.clock(), described=described))
        return True

    def answer(self, data: bytes) -> bool:
        """Whether these bytes were the whole answer to the first request owed, and nothing else, and were treated."""
        end = len(data) - _READY_SIZE
        if end < 0 or not data.startswith(_READY, end) or data[-1] not in _SETTLED:
            return False
        entry = self._state.owed[0]
        if isinstance(entry, OwedFlight):
            return self._flight(entry, data, end)
        if isinstance(entry, OwedScript):
            return self._script(entry, data, end)
        return False

    def _flight(self, entry: OwedFlight, data: bytes, end: int) -> bool:
        state, statement = self._state, entry.used
        plan = statement.plan
        if plan is None or statement.epoch != state.epoch or not data.startswith(_BOUND):
            return False
        places = _places(data, HEADER_SIZE, end)
        if places is None or state.statements.confirmed.get(statement.name) is not statement:
            return False
        rows, complete = places
        message = shown = data[HEADER_SIZE:rows]
        if bool(message) is not entry.described:
            return False
        has_rows = statement.has_rows
        if message:
            has_rows = message[0] == ROW_DESCRIPTION
            if has_rows:
                verdict = state.checks.known(message, plan)
                if verdict is None:
                    return False
                shown = verdict
        if complete > rows and not has_rows:
            return False
        statement.checked, statement.has_rows = True, has_rows
        state.statements.portals[b""] = statement
        out = data if shown is message else _BOUND + shown + data[rows:]
        self._complete(plan, entry.started, data, complete, out)
        return True

    def _script(self, entry: OwedScript, data: bytes, end: int) -> bool:
        state, plans = self._state, entry.script.plans
        if (
            len(plans) != 1
            or entry.script.refusal is not None
            or entry.index
            or entry.described is not None
            or entry.failed
        ):
            return False
        plan = plans[0]
        places = _places(data, 0, end) if plan.kind in WITHOUT_EFFECTS else None
        if places is None:
            return False
        rows, complete = places
        message = shown = data[:rows]
        if message:
            verdict = state.checks.known(message, plan)
            if verdict is None:
                return False
            shown = verdict
        elif complete > rows:
            return False
        out = data if shown is message else shown + data[rows:]
        self._complete(plan, entry.started, data, complete, out)
        if entry.drops_unnamed:
            state.statements.apply(b"")
        return True

    def _complete(self, plan: Plan, started: float, data: bytes, complete: int, out: bytes) -> None:
        """The CommandComplete that starts there, and the ReadyForQuery behind it."""
        ended = len(data) - complete
        try:
            self._completions.completed(plan, data[complete + HEADER_SIZE : -_READY_SIZE - 1], started)
        except BaseException:
            if complete:
                self._to_client(out[:-ended])
            raise
        self._state.owed.popleft()
        self._completions.ready(data[-1])
        self._to_client(out)


def _places(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Where the rows start, and where the CommandComplete, if from ``start`` to ``end`` there is nothing but (a
    description of the rows), rows and a CommandComplete.
    """
    rows = start
    tag, length = _unpack_header(data, start)
    if tag in (ROW_DESCRIPTION, NO_DATA) and length >= LENGTH_SIZE:
        rows += 1 + length
    complete = run_end(data, rows, DATA_ROW)
    if complete >= end or _unpack_header(data, complete) != (COMMAND_COMPLETE, end - complete - 1):
        return None
    return rows, complete
