"""Prepared statements that SQL names: whether what was planned when they were made still holds.

Owns: planning such a statement again, and the refusal where that gives another one. Must not know: framing, sockets.
Invariant: a statement passes here only if the text that the server has for it is what would be sent for it now.
"""

from __future__ import annotations

from proxy.errors import ProxyError
from proxy.planner.plan import Plan, TokenCells
from proxy.session.state import State
from proxy.session.statements import Statement, prepared_by_sql, stale_statement


class Renewal:
    """Questions about statements by name; the search path must be known when they are asked."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state = state

    def executed(self, execute: Plan) -> Plan:
        """The plan of EXECUTE with stored values for the tokens that the statement takes which it names now.

        Raises a refusal where it must not run (of one that nobody made the server says so). What the name stands for
        must be certain.
        """
        return self.with_arguments(execute, self._parameters(execute))

    def with_arguments(self, execute: Plan, parameters: tuple[TokenCells | None, ...]) -> Plan:
        """The same for a statement of these parameters."""
        return self._state.planning.with_arguments(execute, parameters) if parameters else execute

    def check(self, execute: Plan) -> None:
        """Raise a refusal where EXECUTE must not run with the arguments that it has, which were put there before."""
        if self._parameters(execute) != execute.arguments:
            raise stale_statement((execute.prepared or "").encode())

    def _parameters(self, execute: Plan) -> tuple[TokenCells | None, ...]:
        statement = self._state.statements.expected((execute.prepared or "").encode())
        if statement is not None and statement.epoch != self._state.epoch:
            statement = self.again(statement)
        return statement.token_parameters if statement is not None else ()

    def again(self, statement: Statement) -> Statement:
        """The same statement under a plan of now. Raises a refusal where the server has it as another one."""
        state = self._state
        try:
            script = state.scripts.single(statement.text, state.path.current, path_known=state.path.known)
        except ProxyError:
            raise stale_statement(statement.name) from None
        plan = script.plans[0] if script.plans else None
        if statement.by_sql and plan is not None:
            fresh = prepared_by_sql(plan, statement.text, state.epoch)
        else:
            sent = statement.text if script.text is None else script.text
            fresh = Statement(statement.name, statement.text, statement.parameter_types, plan, sent, state.epoch)
        if fresh.sent != statement.sent:
            raise stale_statement(statement.name)
        state.statements.replace(statement, fresh)
        return fresh
