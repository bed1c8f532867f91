"""What the server keeps in a token's place, and what it stands for."""

from __future__ import annotations

import pytest

from proxy.errors import PolicyRefusal
from proxy.planner.plan import Decision, Plan, StatementKind
from proxy.session.hints import Hint, TokenSetting
from proxy.session.standing import UNSET, Standing

_UNSET = Plan(UNSET, Decision.PASSED, StatementKind.SETTING, "f")
_ADA, _EVE = Hint("eyJ.ada.1", None), Hint("eyJ.eve.1", "analyst")


def _reference(standing: Standing, hint: Hint) -> str:
    plan = standing.plan(TokenSetting(hint, local=False), _UNSET)
    assert plan is not None
    return plan.text.split("'")[1]


def test_a_reference_stands_for_its_hint_in_its_session_only() -> None:
    """It is the same each time, another for another hint, and unknown elsewhere."""
    one, two = Standing(), Standing()
    for standing in (one, two):
        assert not standing.used
        standing.keep(_ADA)
        standing.keep(_EVE)
        assert standing.used
    assert one.meant(_reference(one, _ADA)) == _ADA
    assert one.meant(_reference(one, _EVE)) == _EVE
    assert _reference(one, _ADA) == _reference(one, _ADA) != _reference(two, _ADA)
    with pytest.raises(PolicyRefusal):
        two.meant(_reference(one, _ADA))
    assert one.meant("") is None


def test_the_plan_holds_no_token() -> None:
    """It is rewritten, may change the path and who asks, and there is none of a hint that was not accepted."""
    standing = Standing()
    assert standing.plan(TokenSetting(_ADA, local=True), _UNSET) is None
    standing.keep(_ADA)
    plan = standing.plan(TokenSetting(_ADA, local=True), _UNSET)
    assert plan is not None
    assert plan.text.startswith("SET LOCAL pgveil.token = '")
    assert "eyJ" not in repr(plan)
    assert (plan.decision, plan.effects.search_path, plan.effects.asker) == (Decision.REWRITTEN, True, True)


def test_what_is_kept_is_bounded() -> None:
    """The oldest goes first; one that is set again is the newest."""
    standing = Standing()
    standing.keep(_ADA)
    references = []
    for number in range(15):
        hint = Hint(f"eyJ.{number}.1", None)
        standing.keep(hint)
        references.append(_reference(standing, hint))
    ada = _reference(standing, _ADA)
    standing.keep(_ADA)
    standing.keep(_EVE)
    assert standing.meant(ada) == _ADA
    with pytest.raises(PolicyRefusal):
        standing.meant(references[0])
