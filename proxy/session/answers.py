"""Replies that come before a request is complete, and those that nobody asked for.

Owns: what each does to the state, and whether it passes. Must not know: framing beyond one message, sockets, SQL.
Invariant: names stand for what the server has, because they change here only, when it says so; rows pass only under a
checked description.
"""

from __future__ import annotations

from proxy.errors import Refusal, UnsupportedRefusal, UpstreamProtocolError
from proxy.planner.plan import Plan, StatementKind
from proxy.session.copy_edge import copy_edge
from proxy.session.edge import AS_IT_IS, Edge, Untreated
from proxy.session.replies import Owed, OwedRows, OwedScript, Request
from proxy.session.rows import Verdict
from proxy.session.state import State
from proxy.session.statements import NEVER, Statement
from proxy.session.upstream_login import READ_BY
from proxy.wire.backend import COPY_DATA, ParameterStatus, copy_columns, parse_data_row, parse_parameter_status
from proxy.wire.frames import HEADER_SIZE

_UTF8_OF_OLD = ParameterStatus("client_encoding", "UNICODE")  # the only other name that the server keeps as written
_QUERY = Request.QUERY
_EXECUTE = Request.EXECUTE
_BIND = Request.BIND
_DESCRIBE_PORTAL = Request.DESCRIBE_PORTAL
_DESCRIBE_STATEMENT = Request.DESCRIBE_STATEMENT


class Answers:
    """Handlers: (data, start of the message, its end) → None to pass it as it is, or what to send in its place."""

    __slots__ = ("_owed", "_portals", "_state", "_statements")

    def __init__(self, state: State) -> None:
        self._state = state
        self._owed = state.owed
        self._statements = state.statements
        self._portals = state.statements.portals

    def passage(self, tag: int) -> Edge | Untreated | None:
        """How rows (or COPY data) that come now are treated; None where they are the answer to our own question.

        Raises where they must not come.
        """
        entry = self._owed[0] if self._owed else None
        if tag == COPY_DATA:
            if isinstance(entry, OwedRows | OwedScript) and entry.copying is not None:
                return entry.copying
            raise out_of_step("CopyData")
        if isinstance(entry, OwedRows):
            statement = self._portals.get(entry.name)
            if statement is None:
                raise UnsupportedRefusal(
                    "rows of a cursor or statement that SQL made cannot be read with Execute",
                    reason="cursor",
                    hint="Read it with FETCH or EXECUTE in a Query.",
                )
            if not statement.has_rows or not self._still_describes(statement):
                raise out_of_step("DataRow")
            return statement.edge
        if isinstance(entry, OwedScript):
            if entry.described is None:
                raise out_of_step("DataRow")
            return entry.described
        if entry is not None and entry.request is Request.ASK:
            return None
        raise out_of_step("DataRow")

    def own_row(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A row of the answer to our own question."""
        self._state.path.row(parse_data_row(data[pos + HEADER_SIZE : stop]))
        return b""

    def parse_complete(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A statement exists."""
        entry = self._take(Request.PARSE, "ParseComplete")
        if entry.statement is not None:
            self._statements.apply(entry.name)
        return b"" if entry.own else None

    def bind_complete(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A portal exists, of the statement that has the name now."""
        entry = self._take(_BIND, "BindComplete")
        if entry.question:
            return b""
        statement = self._statements.confirmed.get(entry.statement_name)
        if statement is entry.statement and entry.opened is not None:
            self._portals[entry.name] = entry.opened
            names = self._statements
            if names.outdated or names.doomed or names.held:
                names.renamed(entry.name)
        elif statement is None:
            self._portals.pop(entry.name, None)
        else:
            self._bound_to_another(entry, statement)
        return None

    def _bound_to_another(self, entry: Owed, statement: Statement) -> None:
        """An earlier request failed, so the name still stands for an older statement: is its plan as good?"""
        meant = entry.statement.token_parameters if entry.statement is not None else ()
        if statement.epoch != self._state.epoch or statement.token_parameters != meant:
            raise UnsupportedRefusal(
                "a prepared statement was used whose plan no longer holds",
                reason="stale_plan",
                detail="An earlier request that was to replace it has failed.",
            )
        self._portals[entry.name] = statement.for_portal()

    def close_complete(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A statement or portal is gone."""
        entry = self._owed.popleft() if self._owed else None
        if entry is None:
            raise out_of_step("CloseComplete")
        if entry.request is Request.CLOSE_PORTAL:
            self._statements.closed(entry.name, own=entry.own and not entry.question)
        elif entry.request is Request.CLOSE_STATEMENT:
            if entry.question:
                return b""
            if entry.own:
                self._statements.lose(entry.name)
            else:
                self._statements.apply(entry.name)
        else:
            raise out_of_step("CloseComplete")
        return b"" if entry.own else None

    def parameter_description(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """The first half of the answer to a Describe of a statement."""
        entry = self._owed[0] if self._owed else None
        if entry is None or entry.request is not _DESCRIBE_STATEMENT or entry.refusal is not None:
            raise out_of_step("ParameterDescription")
        return None

    def row_description(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """The columns of the rows that may follow: checked, and shown with their origins put back."""
        entry = self._owed[0] if self._owed else None
        if isinstance(entry, OwedScript):
            plan = entry.plan()
            if plan is None or entry.failed:
                raise out_of_step("RowDescription")
            verdict = self._checked(data[pos:stop], plan, entry.epoch)
            entry.described = verdict.edge or AS_IT_IS
            return verdict.shown
        if entry is None or entry.refusal is not None:
            raise out_of_step("RowDescription")
        if entry.request is _DESCRIBE_PORTAL:
            statement = self._portals.get(entry.name)
        elif entry.request is _DESCRIBE_STATEMENT:
            statement = self._statements.confirmed.get(entry.name)
        else:
            raise out_of_step("RowDescription")
        verdict = self._checked(data[pos:stop], statement.plan if statement is not None else None, NEVER)
        self._owed.popleft()
        if statement is not None:
            statement.checked = statement.has_rows = True
            if entry.request is _DESCRIBE_PORTAL:
                statement.edge = verdict.edge or AS_IT_IS
                statement.described_by = verdict.plan
        return b"" if entry.own else verdict.shown

    def no_data(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """What was described gives no rows."""
        entry = self._owed.popleft() if self._owed else None
        if entry is None or entry.refusal is not None:
            raise out_of_step("NoData")
        if entry.request is _DESCRIBE_PORTAL:
            statement = self._portals.get(entry.name)
        elif entry.request is _DESCRIBE_STATEMENT:
            statement = self._statements.confirmed.get(entry.name)
        else:
            raise out_of_step("NoData")
        if statement is not None:
            statement.checked = True
            statement.has_rows = False
        return b"" if entry.own else None

    def copy_out(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """COPY data follows: only where the plan said so."""
        entry = self._owed[0] if self._owed else None
        plan: Plan | None = None
        if isinstance(entry, OwedScript):
            plan = entry.plan()
        elif isinstance(entry, OwedRows):
            statement = self._portals.get(entry.name)
            plan = statement.plan if statement is not None else None
        if not isinstance(entry, OwedRows | OwedScript) or plan is None or plan.kind is not StatementKind.COPY_OUT:
            raise out_of_step("CopyOutResponse")
        entry.copying = self._copy_edge(data, pos, stop, plan) if plan.tokens else AS_IT_IS
        return None

    def copy_done(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """The COPY data is complete."""
        entry = self._owed[0] if self._owed else None
        if not isinstance(entry, OwedRows | OwedScript) or entry.copying is None:
            raise out_of_step("CopyDone")
        entry.copying = None
        return None

    def parameter_status(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A reported setting has changed. Raises UpstreamProtocolError for one by which texts are read."""
        status = parse_parameter_status(data[pos + HEADER_SIZE : stop])
        self._state.reported[status.name] = status.value
        if status.name == "search_path":
            self._state.path.reported()
        elif READ_BY.get(status.name, status.value) != status.value and status != _UTF8_OF_OLD:
            # No statement that passes sets it: a function of the database's own did.
            raise UpstreamProtocolError(f"the database's session has changed {status.name}, by which texts are read")
        return None

    def notification(self, data: bytes, pos: int, stop: int) -> bytes | None:
        """A NOTIFY that the session listens to; a policy may have restricted its principal since it began to."""
        return b"" if self._state.planning.restricted else None

    def _copy_edge(self, data: bytes, pos: int, stop: int, plan: Plan) -> Edge:
        if plan.copy_format is None:  # pragma: no cover - the planner says it of every COPY with tokens
            raise out_of_step("CopyOutResponse")
        columns = copy_columns(data[pos + HEADER_SIZE : stop])
        return copy_edge(plan.tokens, plan.copy_format, columns, self._state.planning.tokens)

    def _still_describes(self, portal: Statement) -> bool:
        """Whether the rows of a portal are of the plan that it was described by: FETCH and EXECUTE look up the name of
        their cursor or statement when they run, and it may be another's by then.
        """
        if portal.fixed_result:
            return True
        shown = self._statements.shown_by(portal.plan, NEVER)
        return (shown.identity if shown is not None else None) is portal.described_by

    def _checked(self, message: bytes, plan: Plan | None, epoch: int) -> Verdict:
        try:
            return self._state.checks.check(message, self._statements.shown_by(plan, epoch))
        except Refusal as refusal:
            self._state.scripts.note(refusal)
            raise

    def _take(self, request: Request, reply: str) -> Owed:
        entry = self._owed.popleft() if self._owed else None
        if entry is None or entry.request is not request or entry.refusal is not None:
            raise out_of_step(reply)
        return entry


def out_of_step(reply: str) -> UpstreamProtocolError:
    """The error for a reply that belongs to nothing that was asked, or to something that was made to fail."""
    return UpstreamProtocolError(f"unexpected {reply} from the database")
