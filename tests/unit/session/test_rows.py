"""The row description check."""

from __future__ import annotations

import pytest

from proxy.errors import PolicyRefusal, UpstreamProtocolError
from proxy.planner.plan import Decision, Origin, Plan, StatementKind
from proxy.session.rows import RowChecks
from proxy.wire.backend import RowDescription, RowField
from tests.support.fake_planning import PATIENTS, SSN, FakePlanning
from tests.support.playbook import columns


def _plan(*origins: Origin | None) -> Plan:
    return Plan("t", Decision.REWRITTEN, StatementKind.SELECT, "f", origins=origins)


def test_origins_are_put_back() -> None:
    """The plan's origin replaces an expression's (0, 0) and a view's underlying column; where it has none, nothing."""
    checks = RowChecks(FakePlanning())
    plan = _plan(None, Origin(PATIENTS, SSN), Origin(8, 1))
    assert checks.check(columns((5, 1), (0, 0), (7, 1)), plan).shown == columns((5, 1), (PATIENTS, SSN), (8, 1))
    assert checks.check(columns((5, 1), (0, 0)), None).shown is None
    assert checks.check(columns(), _plan()).shown is None


def test_a_protected_origin_is_refused_even_where_the_plan_names_it() -> None:
    """The server says that the stored value is shown, so no plan can make that right."""
    checks = RowChecks(FakePlanning())
    for plan in (None, _plan(), _plan(Origin(PATIENTS, SSN))):
        with pytest.raises(PolicyRefusal, match="column 1"):
            checks.check(columns((PATIENTS, SSN)), plan)


@pytest.mark.parametrize("described", [columns(), columns((0, 0), (0, 0))])
def test_a_result_that_does_not_fit_its_plan_is_refused(described: bytes) -> None:
    """Another number of columns than the plan has."""
    with pytest.raises(UpstreamProtocolError):
        RowChecks(FakePlanning()).check(described, _plan(Origin(7, 1)))


def test_a_malformed_description_is_refused() -> None:
    """Cut off, or with bytes left over."""
    message = columns((5, 1), (5, 2))
    for broken in [message[:end] for end in range(5, len(message))] + [message + b"\0"]:
        with pytest.raises(UpstreamProtocolError):
            RowChecks(FakePlanning()).check(broken, None)


def test_verdicts_are_remembered_until_they_are_forgotten() -> None:
    """A known (plan, bytes) asks nobody; after ``forget`` the policy is asked again; memory stays bounded."""

    class Changing(FakePlanning):
        strict = False

        def is_protected(self, table_oid: int, attribute_number: int) -> bool:
            return self.strict

    planning = Changing()
    checks = RowChecks(planning)
    plan = _plan()
    checks.check(columns((5, 1)), plan)
    planning.strict = True
    assert checks.check(columns((5, 1)), plan).shown is None
    checks.forget()
    with pytest.raises(PolicyRefusal):
        checks.check(columns((5, 1)), plan)
    for number in range(2000):
        checks.check(columns((0, number)), plan)
    assert len(checks._verdicts) <= 512


def test_a_masked_whole_row_is_shown_as_the_tables_row_type() -> None:
    """A row of a masking subquery is a record to the server; what is no record stays as it is."""
    plan = _plan(Origin(PATIENTS, 0, row_type_oid=16_386))

    def described(table_oid: int, type_oid: int) -> bytes:
        return RowDescription((RowField("p", table_oid, 0, type_oid, -1, -1),)).encode()

    checks = RowChecks(FakePlanning())
    assert checks.check(described(0, 2249), plan).shown == described(PATIENTS, 16_386)
    assert checks.check(described(0, 25), plan).shown == described(PATIENTS, 25)
