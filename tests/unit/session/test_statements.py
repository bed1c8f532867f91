"""The name spaces of prepared statements and portals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.errors import UnsupportedRefusal
from proxy.planner.plan import Decision, Plan, StatementKind, TokenCells
from proxy.session.statements import NEVER, Statement, Statements
from proxy.tokens.types import StoredType, TokenFormat, TokenType


def _statement(name: bytes = b"s", kind: StatementKind = StatementKind.SELECT) -> Statement:
    plan = Plan("t", Decision.PASSED, kind, "f")
    return Statement(name, b"t", b"\0\0", plan, b"t", epoch=1)


def test_a_change_is_expected_at_once_and_confirmed_when_it_is_applied() -> None:
    """What was sent counts for what is sent next; what the server has changes with its replies, in order."""
    statements = Statements()
    first, second = _statement(), _statement()
    statements.change(b"s", first)
    statements.change(b"s", None)
    statements.change(b"s", second)
    assert statements.expected(b"s") is second
    statements.apply(b"s")
    assert statements.confirmed == {b"s": first}
    statements.apply(b"s")
    assert statements.confirmed == {}
    assert statements.drop(b"s") is second
    assert statements.expected(b"s") is None


def test_deallocating_all_spares_the_unnamed_statement() -> None:
    """As in PostgreSQL; a name drops that one only, and an unknown one nothing."""
    statements = Statements()
    statements.confirmed.update({b"": _statement(b""), b"a": _statement(b"a"), b"b": _statement(b"b")})
    statements.deallocate("b")
    statements.deallocate("nobody")
    assert set(statements.confirmed) == {b"", b"a"}
    statements.deallocate("*")
    assert set(statements.confirmed) == {b""}


def test_closing_drops_portals() -> None:
    """CLOSE name and CLOSE ALL."""
    statements = Statements()
    statements.portals.update({b"a": _statement(), b"b": _statement()})
    statements.close("a")
    assert set(statements.portals) == {b"b"}
    statements.close("*")
    assert statements.portals == {}


def test_a_lost_statement_stays_known_and_is_planned_again() -> None:
    """After our own Close the client still believes in it."""
    statements = Statements()
    statement = _statement()
    statements.confirmed[b"s"] = statement
    statements.change(b"s", None)
    statements.lose(b"s")
    assert statements.expected(b"s") is statement
    assert statement.sent is None
    assert statement.epoch == NEVER


def test_replacing_leaves_other_definitions_alone() -> None:
    """A statement that was planned again takes the place of the one it came from, and of no other."""
    statements = Statements()
    old, new, other = _statement(), _statement(), _statement()
    statements.confirmed[b"s"] = old
    statements.replace(old, new)
    assert statements.confirmed[b"s"] is new
    statements.replace(old, other)
    assert statements.confirmed[b"s"] is new
    statements.change(b"s", other)
    statements.replace(other, old)
    assert statements.expected(b"s") is old


def test_the_unnamed_statement_is_dropped_by_a_query() -> None:
    """There is something to drop only where it exists or is on its way."""
    statements = Statements()
    assert not statements.drops_unnamed()
    statements.confirmed[b""] = _statement(b"")
    assert statements.drops_unnamed()
    assert statements.expected(b"") is None
    statements.apply(b"")
    assert statements.confirmed == {}


def test_a_failed_parse_drops_the_unnamed_statement() -> None:
    """Where it was our own Parse, the client still believes in it."""
    statements = Statements()
    statements.forget_unnamed(lost=True)
    statements.confirmed[b""] = statement = _statement(b"")
    statements.forget_unnamed(lost=True)
    assert statement.sent is None
    statements.forget_unnamed(lost=False)
    assert statements.confirmed == {}


def test_results_that_are_not_fixed_are_checked_for_each_portal() -> None:
    """SELECT shares its verdict with its portals, FETCH does not."""
    select, fetch = _statement(), _statement(kind=StatementKind.CURSOR)
    assert select.for_portal() is select
    fetch.checked = True
    assert fetch.for_portal() is not fetch
    assert not fetch.for_portal().checked


def test_an_empty_statement_needs_no_check() -> None:
    """It has no plan and no rows."""
    empty = Statement(b"", b"", b"\0\0", None, b"", epoch=1)
    assert empty.checked
    assert not empty.has_rows
    assert empty.for_portal() is empty


def test_losing_a_statement_that_is_gone_does_nothing() -> None:
    """A DEALLOCATE may have run before our own Close of the same name."""
    statements = Statements()
    statements.change(b"s", None)
    statements.lose(b"s")
    assert statements.expected(b"s") is None


def test_execute_shows_no_rows_of_a_statement_that_its_arguments_were_not_for() -> None:
    """Its tokens would have entered it as they are, or its values as tokens."""
    token = TokenCells(TokenType("patient", TokenFormat.TEXT, StoredType.TEXT))
    statements = Statements()
    inner = Plan("t", Decision.PASSED, StatementKind.SELECT, "f", token_parameters=(token,))
    statements.confirmed[b"s"] = Statement(b"s", b"t", b"\0\0", inner, b"t", epoch=1)
    execute = Plan("t", Decision.PASSED, StatementKind.EXECUTE, "f", prepared="s", arguments=(token,))
    assert statements.shown_by(execute, 1) is inner
    with pytest.raises(UnsupportedRefusal, match="has to be prepared again"):
        statements.shown_by(replace(execute, arguments=()), 1)
