"""Parse, Bind, Describe, Execute and Close messages on their way upstream.

Owns: what each becomes, and planning a statement again when its plan no longer holds. Must not know: framing beyond
one message, sockets, SQL, parameter values.
Invariant: a Bind or Describe of a statement reaches the server only when the text that the server has for it was
planned in the present epoch; an Execute only when the columns of its portal are checked before its first row.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from proxy.errors import ClientProtocolError, JournalError, ProxyError, UnsupportedRefusal
from proxy.planner.plan import Plan
from proxy.session.barrier import HOLD, Barrier
from proxy.session.edge import bind_with_stored_values, with_wider_types
from proxy.session.renewal import Renewal
from proxy.session.replies import Owed, OwedRows, Request
from proxy.session.scripts import FAILING_STATEMENT, NAMES_RELATIONS, NEED_NOBODY, Script, journal_refusal
from proxy.session.state import FAILED, State
from proxy.session.statements import MAX_NAME, NEVER, Statement, aborted, prepared_by_sql, stale_statement
from proxy.wire.frames import HEADER_SIZE, frame
from proxy.wire.frontend import BIND, PARSE, Close, Describe, Execute
from proxy.wire.sqlstate import DUPLICATE_PREPARED_STATEMENT

_MAX_ROWS: Final = Struct("!i")
_MAX_ROWS_SIZE: Final = 4
_PORTAL: Final = ord("P")
_COUNT_SIZE: Final = 2
_TYPE_SIZE: Final = 4

# No statement has this name (a name with a colon and blanks may be given, but only to fool oneself), so that these fail
# at the step of the message in whose place they stand.
_NOBODY: Final = b"pgveil: statement refused"
_FAILING_BIND: Final = frame(BIND, b"\0" + _NOBODY + b"\0" + bytes(6))
_FAILING_DESCRIBE: Final = Describe(b"S", _NOBODY).encode()
_FAILING_EXECUTE: Final = Execute(_NOBODY).encode()
_FAILING_TEXT: Final = FAILING_STATEMENT.encode()

_DESCRIBE_UNNAMED_PORTAL: Final = Owed(Request.DESCRIBE_PORTAL)


class Extended:
    """Handlers: (data, start of the message, its end) → None to send it as it is, or the bytes to send, or HOLD."""

    __slots__ = ("_barrier", "_renewal", "_state")

    def __init__(self, state: State, barrier: Barrier) -> None:
        self._state = state
        self._barrier = barrier
        self._renewal = Renewal(state)

    def parse(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A Parse."""
        state = self._state
        name_end = _zero(data, pos + HEADER_SIZE, stop)
        text_end = _zero(data, name_end + 1, stop)
        name, text = data[pos + HEADER_SIZE : name_end][:MAX_NAME], data[name_end + 1 : text_end]
        if state.planning.generation is not state.generation:
            state.refresh()
        try:
            if name:
                self._check_unused(name)
            statement = self._plan(name, text, data[text_end + 1 : stop])
        except ProxyError as refusal:
            return self._refuse(refusal, Request.PARSE, name, frame(PARSE, name + b"\0" + _FAILING_TEXT + bytes(3)))
        if statement is None:
            return HOLD
        state.flight_open = True
        statement.parsed_in = state.flight
        state.statements.change(name, statement)
        state.owed.append(Owed(Request.PARSE, name, statement=statement))
        as_it_is = statement.sent == text and statement.parameter_types == data[text_end + 1 : stop]
        return None if as_it_is else _parse_message(statement)

    def bind(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A Bind. Formats and values pass unread, unless tokens are among the parameters."""
        state = self._state
        portal_end = data.find(b"\0", pos + HEADER_SIZE, stop)
        name_end = data.find(b"\0", portal_end + 1, stop)
        if portal_end < 0 or name_end < 0:
            raise ClientProtocolError("malformed Bind message")
        portal, name = data[pos + HEADER_SIZE : portal_end][:MAX_NAME], data[portal_end + 1 : name_end][:MAX_NAME]
        if state.planning.generation is not state.generation:
            state.refresh()
        if not (state.statements.certain(name, state.flight) or self._barrier.answered()):
            return HOLD
        statement = state.statements.expected(name)
        prefix = b""
        message: bytes | None = None
        if statement is not None:
            try:
                if statement.epoch != state.epoch or not state.path.known:
                    renewed = self._renew(statement)
                    if renewed is None:
                        return HOLD
                    statement, prefix = renewed
                if statement.protected:
                    self._require_journal()
                message = self._entering(data, pos, stop, name_end + 1, statement)
            except ProxyError as refusal:
                return prefix + self._refuse(refusal, Request.BIND, portal, _FAILING_BIND)
        if state.to_close:
            prefix += state.closing()
        if statement is not None:
            entry = self._bound(statement, portal)
        else:
            state.opening.pop(portal, None)
            entry = Owed(Request.BIND, portal, statement_name=name)
        state.flight_open = state.flight_acts = True
        state.owed.append(entry)
        if message is not None:
            return prefix + message
        return prefix + data[pos:stop] if prefix else None

    def describe(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A Describe of a statement or a portal."""
        state = self._state
        name_end = stop - 1
        kind = data[pos + HEADER_SIZE] if stop > pos + HEADER_SIZE + 1 else 0
        if data.find(b"\0", pos + HEADER_SIZE + 1, stop) != name_end or kind not in b"PS":
            raise ClientProtocolError("malformed Describe message")
        name = data[pos + HEADER_SIZE + 1 : name_end][:MAX_NAME]
        prefix = b""
        if kind == _PORTAL:
            statement = state.opening.get(name)
            entry = Owed(Request.DESCRIBE_PORTAL, name) if name else _DESCRIBE_UNNAMED_PORTAL
        else:
            if state.planning.generation is not state.generation:
                state.refresh()
            statement = state.statements.expected(name)
            entry = Owed(Request.DESCRIBE_STATEMENT, name)
            if statement is not None and (statement.epoch != state.epoch or not state.path.known):
                try:
                    renewed = self._renew(statement)
                except ProxyError as refusal:
                    return self._refuse(refusal, Request.DESCRIBE_STATEMENT, name, _FAILING_DESCRIBE)
                if renewed is None:
                    return HOLD
                statement, prefix = renewed
        if statement is not None:
            statement.described_in = state.flight
        state.flight_open = True
        state.owed.append(entry)
        return prefix + data[pos:stop] if prefix else None

    def execute(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """An Execute. Where the columns were not described, we have them described first."""
        state = self._state
        portal_end = stop - _MAX_ROWS_SIZE - 1
        if data.find(b"\0", pos + HEADER_SIZE, stop) != portal_end:
            raise ClientProtocolError("malformed Execute message")
        portal = data[pos + HEADER_SIZE : portal_end][:MAX_NAME]
        if state.planning.generation is not state.generation:
            state.refresh()
        statement = state.opening.get(portal)
        if state.standing.used and not state.path.known and not _needs_nobody(statement):
            # A token that was set since the portal was bound closes it.
            if not self._barrier.ready():
                return HOLD
            if not state.path.known and state.status != FAILED:
                return self._refuse(self._barrier.refusal(), Request.EXECUTE, portal, _FAILING_EXECUTE)
        closing = state.closing() if state.to_close else b""
        statement = state.opening.get(portal)
        state.flight_open = state.flight_acts = True
        (max_rows,) = _MAX_ROWS.unpack_from(data, portal_end + 1)
        entry = OwedRows(portal, state.clock(), max_rows, state.epoch)
        describe = b""
        if statement is None:
            state.unsettled = True
            if portal in state.statements.portals:  # a cursor of SQL
                state.owed.append(Owed(Request.DESCRIBE_PORTAL, portal, own=True))
                describe = Describe(b"P", portal).encode()
        else:
            if statement.late:
                try:
                    self._prepare_late(statement, entry)
                except ProxyError as refusal:
                    return closing + self._refuse(refusal, Request.EXECUTE, portal, _FAILING_EXECUTE)
            if statement.plan is not None and statement.plan.effects.declares is not None:
                entry.declares = statement.plan.effects.declares.encode()
            if statement.ends_transaction:
                state.unsettled = True
            if statement.changes_path and statement.plan is not None:
                state.path.sent(statement.plan)
            if not statement.checked and statement.described_in != state.flight:
                statement.described_in = state.flight
                state.owed.append(Owed(Request.DESCRIBE_PORTAL, portal, own=True))
                describe = Describe(b"P", portal).encode()
        state.owed.append(entry)
        return closing + describe + data[pos:stop] if describe or closing else None

    def _prepare_late(self, statement: Statement, entry: OwedRows) -> None:
        """Before an Execute of what the server looks at only then. Raises a refusal where the plan may not hold."""
        state, plan = self._state, statement.plan
        if plan is None:  # pragma: no cover - only a plan makes a statement late
            return
        if not state.path.known or statement.epoch != state.epoch:
            raise UnsupportedRefusal(
                "the statement has to be bound again",
                reason="stale_plan",
                detail="The policy, the search path or the database's structure may have changed since it was bound.",
                hint="Send Bind and Execute after the change is complete.",
            )
        if plan.prepared is not None:
            self._renewal.check(plan)
        if plan.effects.prepares is not None:
            made = prepared_by_sql(plan, statement.text, state.epoch)
            state.statements.change(made.name, made)
            entry.prepares = made.name

    def close(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A Close of a statement or a portal."""
        state = self._state
        kind = data[pos + HEADER_SIZE] if stop > pos + HEADER_SIZE + 1 else 0
        if data.find(b"\0", pos + HEADER_SIZE + 1, stop) != stop - 1 or kind not in b"PS":
            raise ClientProtocolError("malformed Close message")
        name = data[pos + HEADER_SIZE + 1 : stop - 1][:MAX_NAME]
        if kind == _PORTAL:
            state.opening.pop(name, None)
            state.owed.append(Owed(Request.CLOSE_PORTAL, name))
        else:
            state.statements.change(name, None)
            state.owed.append(Owed(Request.CLOSE_STATEMENT, name))
        state.flight_open = True
        return None

    def _check_unused(self, name: bytes) -> None:
        """Raise for the name of a statement that the server has lost without the client's knowing."""
        known = self._state.statements.expected(name)
        if known is not None and known.sent is None:
            raise ProxyError(
                f'prepared statement "{name.decode(errors="replace")}" already exists',
                sqlstate=DUPLICATE_PREPARED_STATEMENT,
            )

    def _plan(self, name: bytes, text: bytes, parameter_types: bytes) -> Statement | None:
        """The statement that a text makes, None where it must wait. Raises what refuses it."""
        state = self._state
        path = state.path
        asked = self._barrier.asked(text)
        if asked is None:
            return None
        if any(parameter_types):
            state.planning.check_parameters(_oids(parameter_types))
        epoch = state.epoch
        script = None if path.known else self._independent(asked)
        if script is None:
            if not self._barrier.ready():
                return None
            if not path.known:
                if state.status != FAILED:
                    raise self._barrier.refusal()
                epoch = NEVER
            try:
                script = state.scripts.single(asked, path.current, path_known=path.known)
            except ProxyError as refusal:
                if asked is not text:
                    refusal.position = None  # with one clients print the line that it is in, and the token with it
                raise
        sent = asked if script.text is None else script.text
        plan = script.plans[0] if script.plans else None
        # A stale one must not be described either: what it shows is not what was planned.
        if plan is not None and plan.prepared is not None and path.known:
            if not self._is_certain(plan):
                return None
            executed = self._renewal.executed(plan)
            plan, sent = executed, sent if executed is plan else executed.text.encode()
        if plan is not None and plan.token_parameters:
            parameter_types = with_wider_types(parameter_types, plan.token_parameters)
        return Statement(name, text, parameter_types, plan, sent, epoch)

    def _is_certain(self, plan: Plan) -> bool:
        """Whether the statement that EXECUTE names is certain enough for its arguments; if not, it must wait."""
        state = self._state
        if plan.prepared is None or state.statements.certain(plan.prepared.encode(), state.flight):
            return True
        return self._barrier.answered()

    def _independent(self, text: bytes) -> Script | None:
        """The script where it is the same under every search path."""
        try:
            script = self._state.scripts.single(text, self._state.path.current, path_known=False)
        except ProxyError:
            return None
        return script if all(plan.kind not in NAMES_RELATIONS or plan.any_path for plan in script.plans) else None

    def _renew(self, statement: Statement) -> tuple[Statement, bytes] | None:
        """Plan a statement again: (the statement to use, what to send before its use), or None where it must wait."""
        state = self._state
        plan = statement.plan
        if (
            state.status == FAILED
            and not (state.unsettled or state.owed)
            and plan is not None
            and plan.kind in NAMES_RELATIONS
        ):
            # The server refuses whatever is not the end of the transaction, and it could not be parsed now anyway.
            if statement.sent is None:
                raise aborted()
            return statement, b""
        if statement.by_sql:
            return self._renew_by_sql(statement)
        fresh = self._plan(statement.name, statement.text, statement.parameter_types)
        if fresh is None:
            return None
        if fresh.sent == statement.sent:
            state.statements.replace(statement, fresh)
            return fresh, b""
        name = statement.name
        closing = b""
        if name:
            # The unnamed statement is replaced by the next Parse; a named one must go first (42P05).
            closing = Close(b"S", name).encode()
            state.statements.change(name, None)
            state.owed.append(Owed(Request.CLOSE_STATEMENT, name, own=True))
        fresh.parsed_in = state.flight
        state.statements.change(name, fresh)
        state.owed.append(Owed(Request.PARSE, name, own=True, statement=fresh))
        return fresh, closing + _parse_message(fresh)

    def _renew_by_sql(self, statement: Statement) -> tuple[Statement, bytes] | None:
        """What PREPARE made cannot be made again by a message, so it must still be what it would be now."""
        if not self._barrier.ready():
            return None
        path = self._state.path
        if not path.known:
            raise self._barrier.refusal() if path.failed else stale_statement(statement.name)
        return self._renewal.again(statement), b""

    def _bound(self, statement: Statement, portal: bytes) -> Owed:
        """The entry for a Bind. That of the unnamed portal, the most frequent, is made once for each statement."""
        if statement.epoch != self._state.epoch:
            # It can succeed only where the plan holds all the same, which the reply's treatment will find out.
            self._state.opening.pop(portal, None)
            return Owed(Request.BIND, portal, statement_name=statement.name)
        opened = statement.for_portal()
        self._state.opening[portal] = opened
        if portal or opened is not statement:
            return Owed(Request.BIND, portal, statement=statement, statement_name=statement.name, opened=opened)
        entry = statement.bind_entry
        if entry is None:
            entry = statement.bind_entry = Owed(
                Request.BIND, portal, statement=statement, statement_name=statement.name, opened=opened
            )
        return entry

    def _entering(self, data: bytes, pos: int, stop: int, names_end: int, statement: Statement) -> bytes | None:
        """The Bind with stored values for the tokens among its parameters; None where there are none."""
        plan = statement.plan
        if plan is None or not plan.token_parameters:
            return None
        codec = self._state.planning.tokens
        return bind_with_stored_values(data, pos, stop, names_end, plan.token_parameters, codec)

    def _require_journal(self) -> None:
        try:
            self._state.watching.require_journal()
        except JournalError as error:
            raise journal_refusal(error) from None

    def _refuse(self, refusal: ProxyError, request: Request, name: bytes, failing: bytes) -> bytes:
        """Send a message that fails at the same step; its error will carry the refusal's text."""
        state = self._state
        state.scripts.note(refusal)
        state.flight_open = True
        state.owed.append(Owed(request, name, refusal=refusal))
        return failing


def _needs_nobody(statement: Statement | None) -> bool:
    return statement is not None and (statement.plan is None or statement.plan.kind in NEED_NOBODY)


def _zero(data: bytes, start: int, stop: int) -> int:
    """Where the string that starts there ends."""
    end = data.find(b"\0", start, stop)
    if end < 0:
        raise ClientProtocolError("malformed Parse message")
    return end


def _oids(parameter_types: bytes) -> tuple[int, ...]:
    """The types that a Parse names for its parameters (manual, 54.7)."""
    count = len(parameter_types) // _TYPE_SIZE
    if (
        len(parameter_types) != _COUNT_SIZE + count * _TYPE_SIZE
        or int.from_bytes(parameter_types[:_COUNT_SIZE]) != count
    ):
        raise ClientProtocolError("malformed Parse message")
    return Struct(f"!{count}I").unpack_from(parameter_types, _COUNT_SIZE)


def _parse_message(statement: Statement) -> bytes:
    sent = statement.sent if statement.sent is not None else statement.text
    return frame(PARSE, statement.name + b"\0" + sent + b"\0" + statement.parameter_types)
