"""GROUP BY a primary key, once the table is a subquery without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.planner.planner import Planner
from tests.support.small_clinic import planner

PATH = ("clinic", "sales")


@pytest.fixture
def analyst(tmp_path: Path) -> Planner:
    """The planner of a restricted role."""
    return planner(tmp_path, "analyst")


@pytest.mark.parametrize(
    ("sql", "grouped"),
    [
        ("SELECT ssn FROM patients GROUP BY id", "id, patients.ssn"),
        ("SELECT ssn FROM patients p GROUP BY (p.id)", "p.id, p.ssn"),
        ("SELECT id, ssn FROM patients GROUP BY 1", "1, patients.ssn"),
        ("SELECT ssn FROM patients GROUP BY 7, id", "7, id, patients.ssn"),
        ("SELECT ssn FROM patients GROUP BY 'x', id", "'x', id, patients.ssn"),
        ("SELECT count(*) FROM patients GROUP BY id HAVING min(ssn) > sex", "id, patients.ssn, patients.sex"),
        ("SELECT p.* FROM patients p GROUP BY id", "id, p.ssn, p.last_name, p.sex"),
        ("SELECT o.total, ssn FROM patients p, orders o GROUP BY p.id, o.total", "p.id, o.total, p.ssn"),
        ("SELECT sex FROM patients GROUP BY sex", "sex"),
        ("SELECT sex FROM patients GROUP BY GROUPING SETS (sex, id)", "GROUPING SETS (sex, id)"),
    ],
)
def test_columns_that_depend_on_a_grouped_key_are_grouped_too(analyst: Planner, sql: str, grouped: str) -> None:
    """Those that the statement names; groups stay what they are, and where there is no key nothing is added."""
    assert analyst.plan(sql, PATH).text.partition(" GROUP BY ")[2].partition(" HAVING ")[0] == grouped
