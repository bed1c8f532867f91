"""Thousands of made-up statements: the proxy answers each as the role's masked copy, or says no for a reason on a list.

Must not know: how the proxy answers. Invariant: the same statements in every run, unless ``PGVEIL_TEST_SEED`` says
otherwise; ``PGVEIL_TEST_STATEMENTS`` asks for more of them for each role.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random

import pytest

from tests.generated.judge import Judge
from tests.generated.queries import Queries
from tests.generated.scope import tables
from tests.support.answers import Way
from tests.support.corpus import CorpusStatement, Order
from tests.support.oracle import Oracle
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess
from tests.support.summary import Report

STATEMENTS = int(os.environ.get("PGVEIL_TEST_STATEMENTS", "300"))
SEED = int(os.environ.get("PGVEIL_TEST_SEED", "20261122"))
ROLES = ("analyst", "billing", "researcher", "partner_acme", "contrarian")
SHARES = max(4, STATEMENTS // 500)  # each test has a time limit
WAYS = (Way.SIMPLE, Way.EXTENDED_BINARY)
MILLISECONDS = 400
MOST_REFUSED = 0.01


@pytest.fixture(scope="module")
def judge(clinic: Clinic, proxy: ProxyProcess, oracle: Oracle, report: Report) -> Iterator[Judge]:
    """What became of the statements."""
    made = Judge(clinic, proxy, oracle)
    yield made
    report(f"generated statements: {made.told()}")


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("role", ROLES)
def test_made_up_statements_are_answered_as_by_the_copy(judge: Judge, role: str, share: int) -> None:
    """Rows, names, types or the SQLSTATE are the copy's; few are refused; no stored text is told in any form."""
    readable = tables(judge.oracle.snapshot, judge.oracle.planner(role).role)
    judge.set_time_limit(role, MILLISECONDS)
    wrong: list[str] = []
    try:
        for number in range(STATEMENTS // SHARES):
            rng = Random(f"{SEED} {role} {share} {number}")
            made = Queries(rng, readable).statement()
            statement = CorpusStatement("generated", f"{number}", made.text, Order.TOTAL, made.parameters)
            way = rng.choice(WAYS) if not made.parameters else Way.EXTENDED_BINARY
            found = judge.compare(statement, role, way)
            wrong += [f"{way.value}: {made.text} {made.parameters}\n    {line}" for line in found[:2]]
    finally:
        judge.set_time_limit(role, 0)
    assert judge.written(role, STATEMENTS // SHARES) == []
    assert not wrong, f"as {role}, {len(wrong)} lines:\n" + "\n\n".join(wrong[:12])


def test_few_are_refused(judge: Judge) -> None:
    """Of the statements that the copy answers, and most of them are answered with rows."""
    tally = judge.tally
    assert tally["asked"] >= STATEMENTS // SHARES * SHARES * len(ROLES)
    assert tally["refused"] + tally["tokens"] + tally["functions"] + tally["open"] <= MOST_REFUSED * tally["asked"]
    assert tally["with rows"] >= tally["asked"] / 3
