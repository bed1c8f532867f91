"""Replies that end something: a statement, a request, a flight.

Owns: what is recorded, what happens to names and transaction status, and the text of errors. Must not know: framing
beyond one message, sockets, SQL.
Invariant: a statement is recorded before the client learns that it is complete; after an error the queue holds exactly
the requests that the server will still answer.
"""

from __future__ import annotations

from proxy.errors import JournalError, UpstreamProtocolError
from proxy.planner.plan import Decision, Plan, StatementKind
from proxy.session.answers import out_of_step
from proxy.session.replies import Owed, OwedRows, OwedScript, Request
from proxy.session.scripts import FAILING_SQLSTATE
from proxy.session.state import FAILED, IDLE, IN_TRANSACTION, State
from proxy.session.statements import NEVER, aborted, stale_portal
from proxy.session.texts import caused_by_masking, for_client, is_fatal
from proxy.wire.backend import (
    ErrorResponse,
    NoticeResponse,
    error_response,
    parse_error_response,
    parse_notice_response,
    rows_of_tag,
)
from proxy.wire.frames import HEADER_SIZE
from proxy.wire.sqlstate import INVALID_CURSOR_NAME, INVALID_SQL_STATEMENT_NAME

# What the messages that stand in a refused one's place fail with. Any other error is the server's own: the transaction
# had failed before, or the statement was cancelled.
_EXPECTED = {
    Request.QUERY: FAILING_SQLSTATE,
    Request.PARSE: FAILING_SQLSTATE,
    Request.BIND: INVALID_SQL_STATEMENT_NAME,
    Request.DESCRIBE_STATEMENT: INVALID_SQL_STATEMENT_NAME,
    Request.EXECUTE: INVALID_CURSOR_NAME,
}
_BY_NAME = frozenset({Request.BIND, Request.DESCRIBE_STATEMENT, Request.EXECUTE})
_OF_PORTALS = frozenset({Request.EXECUTE, Request.DESCRIBE_PORTAL})
_STATUSES = frozenset({IDLE, IN_TRANSACTION, FAILED})
WITHOUT_EFFECTS = frozenset({StatementKind.SELECT, StatementKind.WRITE})


class Completions:
    """Handlers: (data, start of the message, its end) → None to pass it as it is, or what to send in its place.

    ``fatal``: the upstream said that it ends the session. ``_revived``: a statement has run since the last
    ReadyForQuery, so that a transaction that had failed then has not now.
    """

    __slots__ = ("_owed", "_revived", "_state", "_statements", "fatal")

    def __init__(self, state: State) -> None:
        self._state = state
        self._owed = state.owed
        self._statements = state.statements
        self.fatal = False
        self._revived = False

    def command_complete(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A statement has run."""
        self._revived = True
        entry = self._owed[0] if self._owed else None
        if isinstance(entry, OwedRows):
            statement = self._statements.portals.get(entry.name)
            if statement is not None and statement.plan is not None:
                tag = data[pos + HEADER_SIZE : stop - 1]
                self.completed(statement.plan, tag, entry.started, entry.epoch)
            if entry.prepares is not None:
                self._statements.apply(entry.prepares)
            self._owed.popleft()
            return None
        if isinstance(entry, OwedScript):
            plan = entry.plan()
            if plan is None or entry.failed:
                raise out_of_step("CommandComplete")
            self.completed(plan, data[pos + HEADER_SIZE : stop - 1], entry.started, entry.epoch)
            if plan.effects.prepares is not None:
                self._statements.apply(plan.effects.prepares.encode())
            entry.index += 1
            entry.described = entry.copying = None
            if entry.index < len(entry.script.plans):
                entry.started = self._state.clock()
            return None
        if entry is not None and entry.request is Request.ASK:
            self._owed.popleft()
            self._state.path_answered()
            return b""
        raise out_of_step("CommandComplete")

    def empty_query(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """An empty text has run."""
        entry = self._owed[0] if self._owed else None
        if isinstance(entry, OwedRows):
            self._owed.popleft()
        elif not isinstance(entry, OwedScript):
            raise out_of_step("EmptyQueryResponse")
        return None

    def portal_suspended(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """An Execute has given as many rows as it was to."""
        entry = self._owed[0] if self._owed else None
        if not isinstance(entry, OwedRows):
            raise out_of_step("PortalSuspended")
        statement = self._statements.portals.get(entry.name)
        if statement is not None and statement.plan is not None:
            plan = self._statements.shown_by(statement.plan, NEVER) or statement.plan
            self._record(plan, entry.max_rows, entry.started, None)
        self._owed.popleft()
        return None

    def ready_for_query(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A Query or a flight has ended."""
        entry = self._owed.popleft() if self._owed else None
        if entry is None or stop != pos + HEADER_SIZE + 1:
            raise out_of_step("ReadyForQuery")
        if isinstance(entry, OwedScript):
            if entry.refusal is not None and not entry.failed:
                raise UpstreamProtocolError("the database ran a statement that was made to fail")
            if entry.drops_unnamed:
                self._statements.apply(b"")
        elif entry.request is not Request.SYNC:
            raise out_of_step("ReadyForQuery")
        status = data[pos + HEADER_SIZE]
        if status not in _STATUSES:
            raise UpstreamProtocolError("malformed ReadyForQuery message")
        self.ready(status)
        return b"" if entry.own else None

    def ready(self, status: int) -> None:
        """A Query or a flight has left the transaction in this status."""
        state = self._state
        state.status = status
        self._revived = False
        if status == IDLE:
            self._statements.end_transaction()
            if not self._owed and not state.flight_open:
                state.opening.clear()
        elif state.opening and not self._owed and not state.flight_open:
            # SQL may have closed a portal, and declared a cursor of its name, whose columns were not seen.
            portals = self._statements.portals
            state.opening = {name: opened for name, opened in state.opening.items() if portals.get(name) is opened}

    def completed(self, plan: Plan, tag: bytes, started: float, epoch: int = NEVER) -> None:
        """A statement has run: it takes effect here, and is recorded. Raises JournalError.

        ``epoch``: the conversation's when it was sent.
        """
        if plan.kind not in WITHOUT_EFFECTS:
            shown = self._statements.shown_by(plan, epoch) or plan
            self._apply_effects(plan, epoch)
            plan = shown
        self._record(plan, rows_of_tag(tag), started, None)

    def notice(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A notice, at any time."""
        if not self._state.planning.restricted:
            return None
        notice = parse_notice_response(data[pos + HEADER_SIZE : stop])
        return NoticeResponse(for_client(notice.fields, restricted=True, rewritten=True)).encode()

    def error(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A request has failed, or the server ends the session."""
        error = parse_error_response(data[pos + HEADER_SIZE : stop])
        entry = self._owed[0] if self._owed else None
        if is_fatal(error.fields):
            self.fatal = True
            return self._shown(error)
        if entry is None:
            raise out_of_step("ErrorResponse")
        if isinstance(entry, OwedScript):
            return self._script_failed(entry, error)
        if entry.request is Request.SYNC:
            # The commit at the end of the flight failed (a deferred constraint); its ReadyForQuery still comes.
            return b"" if entry.own else self._shown(error)
        return self._request_failed(entry, error)

    def _script_failed(self, entry: OwedScript, error: ErrorResponse) -> bytes | None:
        plan = entry.plan()
        if entry.failed:
            raise out_of_step("ErrorResponse")
        entry.failed = True
        entry.copying = None
        self._not_prepared(entry, entry.index)
        if plan is not None:
            self._record(plan, None, entry.started, error.sqlstate)
        elif entry.refusal is not None and error.sqlstate == FAILING_SQLSTATE:
            return error_response(entry.refusal)
        portal = plan.portal.encode() if plan is not None and plan.portal is not None else None
        return self._shown(error, plan, rewritten=entry.script.rewritten, portal=portal)

    def _request_failed(self, entry: Owed, error: ErrorResponse) -> bytes | None:
        """An extended message has failed: the server skips what follows, up to the next Sync."""
        state = self._state
        statement = entry.statement
        if isinstance(entry, OwedRows):
            statement = self._statements.portals.get(entry.name)
        if entry.request is Request.PARSE and entry.name == b"":
            self._statements.forget_unnamed(lost=entry.own)
        for skipped in self._owed.skip_to_sync():
            self._skipped(skipped)
        state.skipping = not self._owed
        if entry.question:
            if not state.skipping or state.path.for_query:
                state.path.unanswered(final=True)
                state.path.needs_sync = state.skipping
                return b""
            # We asked inside the client's flight, which has failed with this; the client's Sync ends it.
            state.path.unanswered(final=False)
        if statement is not None and statement.plan is not None:
            started = entry.started if isinstance(entry, OwedRows) else state.clock()
            self._record(statement.plan, None, started, error.sqlstate)
        if self._stands_for_aborted(entry, error):
            return error_response(aborted())
        if entry.refusal is not None and error.sqlstate == _EXPECTED.get(entry.request):
            return error_response(entry.refusal)
        own_text = statement is not None and not statement.rewritten and not entry.own
        portal = entry.name if entry.request in _OF_PORTALS else None
        if statement is not None and statement.plan is not None and statement.plan.portal is not None:
            portal = statement.plan.portal.encode()
        return self._shown(error, statement.plan if statement is not None else None, not own_text, portal)

    def _stands_for_aborted(self, entry: Owed, error: ErrorResponse) -> bool:
        """Whether the server would have refused the client's own message because the transaction has failed.

        It looks for a statement's or portal's name before that: what stands in the message's place has one that nobody
        has, and a statement that could not be prepared again in this transaction is gone without the client's knowing.
        """
        if self._state.status != FAILED or self._revived:
            return False
        if entry.refusal is not None:
            return entry.request in _BY_NAME and error.sqlstate == _EXPECTED[entry.request]
        if error.sqlstate != INVALID_SQL_STATEMENT_NAME:
            return False
        name = entry.statement_name if entry.request is Request.BIND else entry.name
        lost = self._statements.confirmed.get(name)
        return lost is not None and lost.sent is None

    def _skipped(self, entry: Owed) -> None:
        """A message has failed, or was discarded: what it would have done to names will not happen."""
        if isinstance(entry, OwedScript):
            self._not_prepared(entry, 0)
            if entry.drops_unnamed:
                self._statements.drop(b"")
        elif entry.question or entry.refusal is not None:
            return
        elif entry.request is Request.PARSE or entry.request is Request.CLOSE_STATEMENT:
            self._statements.drop(entry.name)
        elif entry.request is Request.CLOSE_PORTAL and entry.own:
            self._statements.doomed.add(entry.name)
            self._state.to_close.add(entry.name)
        elif isinstance(entry, OwedRows) and entry.prepares is not None:
            self._statements.drop(entry.prepares)

    def _not_prepared(self, entry: OwedScript, first: int) -> None:
        """The statements of a script from this one on will not run."""
        for plan in entry.script.plans[first:]:
            if plan.effects.prepares is not None:
                self._statements.drop(plan.effects.prepares.encode())

    def _shown(
        self, error: ErrorResponse, plan: Plan | None = None, rewritten: bool = True, portal: bytes | None = None
    ) -> bytes | None:
        """``rewritten``: positions are not those of the client's text."""
        if plan is not None and plan.decision is Decision.REWRITTEN:
            refusal = caused_by_masking(error.fields)
            if refusal is not None:
                self._state.scripts.note(refusal)
                return error_response(refusal)
        if error.sqlstate == INVALID_CURSOR_NAME and portal in self._statements.outdated:
            refusal = stale_portal(portal or b"")
            self._state.scripts.note(refusal)
            return error_response(refusal)
        fields = for_client(error.fields, restricted=self._state.planning.restricted, rewritten=rewritten)
        return None if fields is error.fields else ErrorResponse(fields).encode()

    def _apply_effects(self, plan: Plan, epoch: int) -> None:
        effects = plan.effects
        if effects.deallocates is not None:
            self._statements.deallocate(effects.deallocates)
        if effects.closes is not None:
            self._statements.close(effects.closes)
        if effects.declares is not None:
            self._statements.declare(plan, epoch)

    def _record(self, plan: Plan, rows: int | None, started: float, sqlstate: str | None) -> None:
        state = self._state
        try:
            state.watching.statement(plan, rows=rows, seconds=state.clock() - started, sqlstate=sqlstate)
        except JournalError:
            if plan.touches_protected:
                raise
