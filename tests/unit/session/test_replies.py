"""The queue of replies owed."""

from __future__ import annotations

from proxy.planner.plan import Decision, Effects, Plan, StatementKind
from proxy.session.replies import Owed, OwedRows, OwedScript, RepliesOwed, Request
from proxy.session.scripts import Script


def test_an_error_skips_all_before_the_next_sync() -> None:
    """Query too; the Sync stays, and what is behind it."""
    queue = RepliesOwed()
    skipped = [Owed(Request.PARSE), OwedRows(b"", 0.0, 0), OwedScript(Script((), None, None), 0.0, drops_unnamed=False)]
    rest = [Owed(Request.SYNC), Owed(Request.BIND)]
    queue.extend(skipped + rest)
    assert queue.skip_to_sync() == skipped
    assert list(queue) == rest
    assert queue.skip_to_sync() == []
    queue.popleft()
    assert queue.skip_to_sync() == rest[1:]
    assert not queue


def test_a_script_knows_the_plan_that_runs() -> None:
    """None once all have run: then it is the refused statement's turn."""
    plan = Plan("t", Decision.PASSED, StatementKind.SELECT, "f")
    owed = OwedScript(Script((plan,), None, None), 0.0, drops_unnamed=False)
    assert owed.plan() is plan
    owed.index += 1
    assert owed.plan() is None


def test_the_portals_of_what_was_sent() -> None:
    """Those of Bind, and the cursors of DECLARE by either protocol; not our own."""
    declare = Plan("t", Decision.PASSED, StatementKind.DECLARE, "f", effects=Effects(declares="c"))
    execute = OwedRows(b"p", 0.0, 0)
    execute.declares = b"d"
    queue = RepliesOwed()
    queue.append(Owed(Request.BIND, b"p"))
    queue.append(Owed(Request.BIND, b"ours", own=True))
    queue.append(OwedRows(b"other", 0.0, 0))
    queue.append(execute)
    queue.append(OwedScript(Script((declare,), None, None), 0.0, drops_unnamed=False))
    assert queue.portals() == {b"p", b"c", b"d"}
