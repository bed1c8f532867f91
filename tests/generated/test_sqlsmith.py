"""Statements of sqlsmith: none tells a stored text, and where the answer is determined it is the masked copy's.

Must not know: how the proxy answers. Invariant: the sample is asked in every run; fresh ones where sqlsmith is
installed (`make sqlsmith`), as many as ``PGVEIL_TEST_STATEMENTS`` says, from the seed ``PGVEIL_TEST_SEED``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import pytest

from tests.generated import sqlsmith
from tests.generated.judge import REFUSALS, Judge
from tests.support.answers import Way, ask
from tests.support.oracle import Oracle
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess
from tests.support.summary import Report

STATEMENTS = int(os.environ.get("PGVEIL_TEST_STATEMENTS", "2000"))
SEED = int(os.environ.get("PGVEIL_TEST_SEED", "20261122"))
SHARE = 200  # statements of one test, which has a time limit
MILLISECONDS = 300
SYNTAX = frozenset({"42601", "42883", "42804", "42846", "42P01", "42703"})  # sqlsmith is not always right about types


@pytest.fixture(scope="module")
def judge(clinic: Clinic, proxy: ProxyProcess, oracle: Oracle, report: Report) -> Iterator[Judge]:
    """What became of the statements."""
    made = Judge(clinic, proxy, oracle)
    yield made
    report(f"sqlsmith's statements: {made.told()}, {made.tally['writes']} that write, all refused")


@pytest.mark.parametrize("role", ["analyst", "contrarian"])
def test_the_sample_is_answered_as_by_the_copy(judge: Judge, role: str) -> None:
    """Each statement that is kept with the tests."""
    _ask_all(judge, role, sqlsmith.sample())
    assert judge.tally["equal"] >= judge.tally["asked"] / 3


@pytest.mark.tools
@pytest.mark.parametrize("share", range(-(-STATEMENTS // SHARE)))
@pytest.mark.parametrize("role", ["analyst", "billing", "researcher", "partner_acme", "contrarian"])
def test_fresh_statements_are_answered_as_by_the_copy(judge: Judge, role: str, share: int) -> None:
    """The program reads the catalog through pgveil, which answers it, and makes statements of what the role sees."""
    parameters = judge.proxy.parameters(role)
    target = " ".join(f"{name}={value}" for name, value in parameters.items())
    _ask_all(judge, role, sqlsmith.make(target, seed=SEED + share, count=SHARE))


def _ask_all(judge: Judge, role: str, texts: Iterable[str]) -> None:
    wrong: list[str] = []
    judge.set_time_limit(role, MILLISECONDS)
    try:
        for number, text in enumerate(texts):
            statement = sqlsmith.as_statement(text, number)
            if sqlsmith.writes(text):
                judge.tally["writes"] += 1
                answer = ask(judge.oracle.proxy_session(role), statement, Way.EXTENDED_TEXT)
                found = [] if answer.sqlstate in REFUSALS | SYNTAX else [f"ends with {answer.sqlstate}"]
                found += judge.canaries(role).found([judge.oracle.proxy_session(role).error_message], said=text)
            else:
                way = Way.SIMPLE if number % 3 else Way.EXTENDED_BINARY
                found = judge.compare(statement, role, way)
            wrong += [f"{statement.text}\n    {line}" for line in found[:2]]
    finally:
        judge.set_time_limit(role, 0)
    assert judge.written(role, SHARE) == []
    assert not wrong, f"as {role}, {len(wrong)} lines:\n" + "\n\n".join(wrong[:12])
