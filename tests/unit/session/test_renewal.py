"""Prepared statements that SQL names, asked for again under another policy, path or catalog."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from proxy.errors import JournalError, PolicyRefusal, ProxyError
from proxy.planner.plan import Decision, Plan, StatementKind
from proxy.session.renewal import Renewal
from proxy.session.state import State
from proxy.session.statements import Statement


@pytest.mark.parametrize("error", [PolicyRefusal("secret words", reason="relation"), JournalError("no journal")])
def test_a_statement_that_cannot_be_planned_any_more_is_stale(error: ProxyError) -> None:
    """Whatever stands in the way of a new plan, the old one is not used, and the client is told to prepare anew."""

    def single(*_: object, **__: object) -> None:
        raise error

    path = SimpleNamespace(current=("public",), known=True)
    state = SimpleNamespace(scripts=SimpleNamespace(single=single), path=path)
    plan = Plan("t", Decision.PASSED, StatementKind.SELECT, "f")
    with pytest.raises(ProxyError, match=r"cached plan|prepared statement") as caught:
        Renewal(cast("State", state)).again(Statement(b"s", b"t", b"\0\0", plan, b"t", epoch=1))
    assert "secret" not in str(caught.value)
