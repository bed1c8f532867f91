"""Thousands of made-up statements: the proxy answers each as the role's masked copy, or says no for a reason on a list.

Must not know: how the proxy answers. Invariant: the same statements in every run, unless ``PGVEIL_TEST_SEED`` says
otherwise; ``PGVEIL_TEST_STATEMENTS`` asks for more of them for each role.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from psycopg import pq

from tests.attacks.canaries import stored_canaries
from tests.generated.queries import Queries
from tests.generated.scope import tables
from tests.support.answers import Answer, Way, differences
from tests.support.corpus import CorpusStatement, Order
from tests.support.oracle import Oracle
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess
from tests.support.summary import Report

STATEMENTS = int(os.environ.get("PGVEIL_TEST_STATEMENTS", "300"))
SEED = int(os.environ.get("PGVEIL_TEST_SEED", "20261122"))
ROLES = ("analyst", "billing", "researcher", "partner_acme", "contrarian")
SEE_NO_NUMBERS = ("analyst", "researcher", "partner_acme")  # neither social security nor telephone numbers
BATCHES = 4
WAYS = (Way.SIMPLE, Way.EXTENDED_BINARY)

REFUSALS = frozenset({"42501", "0A000"})
CANCELLED = "57014"
RECORD = 2249  # pg_type.oid
MOST_REFUSED = 0.01
TOKENS_IN_A_ROW = "cannot be used in a whole row"  # a stated limit of tokens, and the maker likes whole rows


@pytest.fixture(scope="module")
def tally(report: Report) -> Iterator[Counter[str]]:
    """What became of the statements."""
    counts: Counter[str] = Counter()
    yield counts
    why = "; ".join(f"{n} x {k.removeprefix('why ')}" for k, n in counts.most_common() if k.startswith("why "))
    report(
        f"generated statements: {counts['asked']} asked, {counts['equal']} answered as on the masked copy "
        f"({counts['with rows']} with rows), {counts['failed']} failed on both, {counts['slow']} too slow to compare, "
        f"{counts['rows of tokens']} refused as whole rows of tables with tokens, {counts['refused']} otherwise"
        + (f" ({why})" if why else "")
    )


@pytest.fixture(scope="module")
def numbers(clinic: Clinic) -> re.Pattern[str]:
    """The stored social security and telephone numbers."""
    return re.compile("|".join(re.escape(c) for c in sorted(stored_canaries(clinic)) if re.search(r"\d{4}", c)))


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("role", ROLES)
def test_made_up_statements_are_answered_as_by_the_copy(
    oracle: Oracle, proxy: ProxyProcess, tally: Counter[str], numbers: re.Pattern[str], role: str, batch: int
) -> None:
    """Rows, names, types or the SQLSTATE are the copy's; few are refused; no stored number is told."""
    readable = tables(oracle.snapshot, oracle.planner(role).role)
    for session in (oracle.copy_session(role), oracle.proxy_session(role)):
        assert session.exec_(b"SET statement_timeout = 400").status == pq.ExecStatus.COMMAND_OK
    wrong: list[str] = []
    try:
        for number in range(STATEMENTS // BATCHES):
            rng = Random(f"{SEED} {role} {batch} {number}")
            made = Queries(rng, readable).statement()
            statement = CorpusStatement("generated", f"{number}", made.text, Order.TOTAL, made.parameters)
            way = rng.choice(WAYS) if not made.parameters else Way.EXTENDED_BINARY
            expected, actual = oracle.expected(statement, role, way), oracle.actual(statement, role, way)
            found = list(_judge(tally, statement, expected, actual))
            if role in SEE_NO_NUMBERS:
                found += [f"tells {canary}" for canary in numbers.findall(str(actual))]
            wrong += [f"{way.value}: {made.text}\n    {line}" for line in found[:2]]
    finally:
        for session in (oracle.copy_session(role), oracle.proxy_session(role)):
            session.exec_(b"RESET statement_timeout")
    written = proxy.log() + str(proxy.journal()[-STATEMENTS:]) + proxy.metrics()
    assert not numbers.search(written)
    assert not wrong, f"as {role}, {len(wrong)} lines:\n" + "\n\n".join(wrong[:12])


def test_few_are_refused(tally: Counter[str]) -> None:
    """Of the statements that the copy answers, and most of them are answered with rows."""
    assert tally["asked"] >= STATEMENTS // BATCHES * BATCHES * len(ROLES)
    assert tally["refused"] <= MOST_REFUSED * tally["asked"]
    assert tally["with rows"] >= tally["asked"] / 3


def _judge(tally: Counter[str], statement: CorpusStatement, expected: Answer, actual: Answer) -> Iterator[str]:
    """The differences, counted."""
    tally["asked"] += 1
    if CANCELLED in (expected.sqlstate, actual.sqlstate):
        tally["slow"] += 1
    elif expected.sqlstate is not None and (actual.sqlstate == expected.sqlstate or actual.sqlstate in REFUSALS):
        tally["failed"] += 1
    elif expected.sqlstate is None and actual.sqlstate in REFUSALS:
        tally["rows of tokens" if TOKENS_IN_A_ROW in (actual.message or "") else "refused"] += 1
        tally[f"why {actual.message}"] += 1
    else:
        found = list(differences(statement, _as_described(expected, actual), actual))
        tally["equal"] += not found
        tally["with rows"] += bool(expected.rows)
        yield from found


def _as_described(expected: Answer, actual: Answer) -> Answer:
    """``expected`` with what a description may say otherwise, values being the same.

    Postgres folds constants before it describes a result, and a mask may be one: ``coalesce(code, NULL)`` is ``code``
    with its type modifier. And a row of which the role may not see all columns is no row of the table's type.
    """
    if len(expected.columns) != len(actual.columns):
        return expected
    columns = []
    for wanted, got in zip(expected.columns, actual.columns, strict=True):
        if got.type_oid == wanted.type_oid and (wanted.table_oid, wanted.type_modifier) == (0, -1):
            columns.append(replace(wanted, type_modifier=got.type_modifier))
        elif got.type_oid == RECORD and wanted.attribute_number == 0 and wanted.table_oid != 0:
            columns.append(replace(wanted, type_oid=RECORD, table_oid=0))
        else:
            columns.append(wanted)
    return replace(expected, columns=tuple(columns))
