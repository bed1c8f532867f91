"""Which protected columns each output shows, and which the statement uses, as the journal is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.planner.planner import Planner
from tests.support.small_clinic import planner

PATH = ("clinic",)


@pytest.fixture
def analyst(tmp_path: Path) -> Planner:
    """The planner of a restricted role."""
    return planner(tmp_path, "analyst")


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT (p.ssn) FROM patients p", {0: "ssn"}),
        ("SELECT (p).ssn FROM patients p", {0: "ssn"}),
        ("SELECT id, x.a FROM json_to_record('{}') AS x(a int), patients", {0: "id"}),
        ("SELECT x.a, ssn FROM json_to_record('{}') AS x(a int, ssn text)", {}),
        ("SELECT ssn FROM patients UNION SELECT a FROM json_to_record('{}') AS x(a text)", {}),
        ("SELECT ssn FROM visits RIGHT JOIN patients USING (id)", {0: "ssn"}),
        ("SELECT id FROM visits RIGHT JOIN patients USING (id)", {0: "id"}),
        ("SELECT id FROM visits LEFT JOIN patients USING (id)", {0: "id"}),
        ("SELECT id FROM visits FULL JOIN patients USING (id)", {}),
    ],
)
def test_each_output_is_followed_to_its_column(analyst: Planner, sql: str, shown: dict[int, str]) -> None:
    """Through brackets, functions in FROM and joins; a merged column of FULL JOIN is neither table's."""
    columns = analyst.plan(sql, PATH).columns
    assert {c.output: c.column for c in columns if c.output is not None} == shown


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x.* FROM json_each('{}') x UNION SELECT ssn, last_name FROM patients",
        "SELECT ssn FROM patients UNION SELECT x.* FROM json_each('{}') x",
        "SELECT ssn, last_name FROM patients UNION SELECT x.* FROM json_each('{}') x",
        "SELECT ((p.ssn).a).b, (p.ssn).a FROM patients p",
    ],
)
def test_outputs_that_are_not_known_show_nothing_and_still_use(analyst: Planner, sql: str) -> None:
    """Where the columns of a side or the fields of a value are not known, the use is told all the same."""
    columns = analyst.plan(sql, PATH).columns
    assert "ssn" in {c.column for c in columns}
    assert {c.output for c in columns} == {None}
