"""TPC-H and TPC-DS: what bare Postgres answers on the masked copy, the proxy answers on the original.

Must not know: how the proxy answers. Invariant: a query that is refused counts, and fails.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from statistics import median_high
from time import perf_counter
from typing import Any

import pytest

from proxy.planner import grammar
from proxy.planner.references import names_of
from tests.support.answers import Answer, Way, differences
from tests.support.corpus import CorpusStatement
from tests.support.oracle import Oracle
from tests.support.ordering import order_differences
from tests.support.summary import Report
from tests.support.trees import nodes
from tests.tpc.database import BENCHMARKS, queries

QUERIES = [(b, n, text) for b in BENCHMARKS for n, text in enumerate(queries(b), 1)]
CLAUSES = ("target_list", "from_clause", "where_clause", "group_clause", "having_clause", "sort_clause")
LEAST = dict(zip(("anywhere", *CLAUSES), (90, 50, 50, 40, 25, 3, 20), strict=True))


@pytest.fixture(scope="module")
def tally(report: Report) -> Iterator[Counter[str]]:
    """What became of the queries."""
    counts: Counter[str] = Counter()
    yield counts
    report(
        f"TPC-H and TPC-DS: {counts['asked']} queries asked, {counts['equal']} answered as on the masked copy "
        f"({counts['with rows']} with rows, {counts['failed']} with the same error), {counts['refused']} refused"
    )


@pytest.mark.parametrize(("benchmark", "number", "text"), QUERIES, ids=[f"{b} {n}" for b, n, _ in QUERIES])
def test_the_answer_is_the_masked_copys(
    tpc_oracle: Oracle, tally: Counter[str], benchmark: str, number: int, text: str
) -> None:
    """Rows, their order as far as it is determined, names and types are the copy's, in text and binary."""
    tally["asked"] += 1
    # A hundred rows of more leave open which of those that are sorted alike: all of them are compared as well.
    all_rows = re.sub(r"\bLIMIT 100$", "LIMIT 100000", text)
    found: list[str] = []
    for way in (Way.EXTENDED_TEXT, Way.EXTENDED_BINARY):
        expected, actual = _answers(tpc_oracle, benchmark, all_rows, way)
        if way is Way.EXTENDED_TEXT:
            tally["refused"] += expected.sqlstate is None and actual.sqlstate is not None
            tally["failed"] += expected.sqlstate is not None
        found += differences(CorpusStatement(benchmark, str(number), text), expected, actual)
        found += order_differences(text, expected, actual)
    if all_rows != text:
        found += order_differences(text, *_answers(tpc_oracle, benchmark, text, Way.SIMPLE))
    tally["with rows"] += bool(expected.rows)
    tally["equal"] += not found
    assert not found, "\n".join(found)


def test_the_policy_is_felt_everywhere(tpc_oracle: Oracle, report: Report) -> None:
    """The queries use more than fifty protected columns, and dozens of them in each clause."""
    used: dict[str, set[str]] = defaultdict(set)
    for benchmark, _, text in QUERIES:
        plan = tpc_oracle.planner(benchmark).plan(text, (benchmark,))
        names = {c.column for c in plan.columns if c.mask != "clear"}
        used["anywhere"] |= {f"{benchmark}.{name}" for name in names}
        for clause, named in _names_by_clause(grammar.parse(text)):
            used[clause] |= {f"{benchmark}.{name}" for name in named & names}
    report("protected columns that the queries use: " + ", ".join(f"{len(v)} {k}" for k, v in used.items()))
    assert len(used["anywhere"]) >= 50
    assert {clause: len(names) for clause, names in used.items() if len(names) < LEAST[clause]} == {}


def test_planning_is_timed(tpc_oracle: Oracle, report: Report) -> None:
    """Every query has a plan; how long a first one takes is told, and not judged."""
    seconds = []
    for benchmark, number, text in QUERIES:
        planner = tpc_oracle.planner(benchmark)
        started = perf_counter()
        planner.plan(text, (benchmark,))
        seconds.append((perf_counter() - started, f"{benchmark} {number}"))
    slowest, name = max(seconds)
    report(
        f"planning, uncached: median {median_high(seconds)[0] * 1000:.0f} ms, slowest {slowest * 1000:.0f} ms ({name})"
    )
    assert len(seconds) == len(QUERIES)


def _names_by_clause(tree: Any) -> Iterator[tuple[str, set[str]]]:
    """The last names of all column references, by the part of the query block that they stand in."""
    for message in nodes(tree):
        if message.DESCRIPTOR.name == "SelectStmt":
            for clause in CLAUSES:
                value = getattr(message, clause)
                parts = value if isinstance(value, Sequence) else [value]
                below = [node for part in parts for node in nodes(part)]
                references = [node for node in below if node.DESCRIPTOR.name == "ColumnRef"]
                yield clause, {name for r in references for name in names_of(r.fields)}


def _answers(oracle: Oracle, benchmark: str, text: str, way: Way) -> tuple[Answer, Answer]:
    statement = CorpusStatement(benchmark, "a query", text)
    return oracle.expected(statement, benchmark, way), oracle.actual(statement, benchmark, way)
