"""Writes to clear tables that read masked ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import Refusal
from proxy.planner.plan import Decision, StatementKind
from proxy.planner.planner import Planner
from tests.support.small_clinic import planner
from tests.support.token_clinic import token_planner

PATH = ("sales", "clinic")


@pytest.fixture
def analyst(tmp_path: Path) -> Planner:
    """The planner of a role that reads masked patients and writes clear orders."""
    return planner(tmp_path, "analyst")


@pytest.fixture
def scan(analyst: Planner) -> str:
    """The masking subquery of all visible columns."""
    masked = analyst.plan("SELECT p.* FROM clinic.patients p", ()).text
    return masked[masked.index("(") : masked.rindex(")") + 1]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (
            "INSERT INTO orders (id) SELECT id FROM patients WHERE ssn = $1 RETURNING id",
            "INSERT INTO sales.orders (id) SELECT id FROM {} patients WHERE ssn = $1 RETURNING id",
        ),
        (
            "insert into orders values ((select count(*) from clinic.patients p), 1)",
            "INSERT INTO sales.orders VALUES ((SELECT count(*) FROM {} p), 1)",
        ),
        (
            "INSERT INTO orders VALUES (1) ON CONFLICT (id) DO UPDATE SET total = (SELECT max(id) FROM patients p)",
            "INSERT INTO sales.orders VALUES (1) ON CONFLICT (id) DO UPDATE SET total = (SELECT max(id) FROM {} p)",
        ),
        (
            "UPDATE orders o SET total = 1 FROM clinic.patients WHERE clinic.patients.ssn IS NULL RETURNING patients",
            "UPDATE sales.orders o SET total = 1 FROM {} patients WHERE patients.ssn IS NULL RETURNING patients",
        ),
        (
            "INSERT INTO orders SELECT DISTINCT p.id, 1 FROM patients p, orders TABLESAMPLE system (10)",
            "INSERT INTO sales.orders SELECT DISTINCT p.id, 1 FROM {} p, sales.orders TABLESAMPLE system(10)",
        ),
        (
            "DELETE FROM orders USING patients p, orders o WHERE p.ssn = 'x'",
            "DELETE FROM sales.orders USING {} p, sales.orders o WHERE p.ssn = 'x'",
        ),
        (
            "MERGE INTO orders USING patients AS p (a, b) ON a = orders.id WHEN MATCHED THEN DELETE",
            "MERGE INTO sales.orders USING {} p(a, b) ON a = orders.id WHEN MATCHED THEN DELETE",
        ),
        (
            "WITH patients AS (SELECT id FROM patients) INSERT INTO orders SELECT id, 1 FROM patients",
            "WITH patients AS (SELECT id FROM {} patients) INSERT INTO sales.orders SELECT id, 1 FROM patients",
        ),
        (
            "WITH gone AS (DELETE FROM orders RETURNING *) SELECT gone.id, ssn FROM gone JOIN patients p USING (id)",
            "WITH gone AS (DELETE FROM sales.orders RETURNING *) SELECT gone.id, ssn FROM gone JOIN {} p USING (id)",
        ),
    ],
)
def test_what_is_read_is_masked(analyst: Planner, scan: str, text: str, sent: str) -> None:
    """Wherever it stands; what is clear, the target too, gets its schema, and a CTE keeps its name."""
    plan = analyst.plan(text, PATH)
    assert plan.decision is Decision.REWRITTEN
    assert plan.kind is StatementKind.WRITE
    assert plan.touches_protected
    assert plan.relations == ("clinic.patients", "sales.orders")
    assert plan.text == sent.format(scan)


def test_views_and_prepared_writes_are_masked_too(analyst: Planner) -> None:
    """A view is its masked definition; PREPARE holds the masked statement."""
    plan = analyst.plan("PREPARE p (int) AS INSERT INTO orders SELECT id, $1 FROM front", PATH)
    assert plan.text.startswith("PREPARE p(int) AS INSERT INTO sales.orders SELECT id, $1 FROM (SELECT p.id, ")
    assert '"clinic"."patients") AS p WHERE' in plan.text
    assert plan.inner is not None
    assert plan.inner.kind is StatementKind.WRITE


def test_a_write_that_reads_nothing_masked_passes(analyst: Planner) -> None:
    """As the client's own bytes."""
    text = "insert into  sales.orders values (1, 2)  returning *"
    assert analyst.plan(text, PATH).text == text


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO codes (code) SELECT mrn FROM patients",
        "INSERT INTO codes (code) SELECT who FROM front",
        "UPDATE codes SET label = f.who FROM front f",
        "DELETE FROM codes USING front f WHERE f.who LIKE 'C%' RETURNING f.who",
        "WITH gone AS (DELETE FROM codes RETURNING code) SELECT f.who || 'x' FROM front f",
        "PREPARE q AS INSERT INTO codes (code) SELECT mrns::text FROM groups",
        "MERGE INTO codes USING costs c ON c.mrn = code WHEN MATCHED THEN UPDATE SET label = c.mrn",
    ],
)
def test_writes_read_no_tokens(tmp_path: Path, text: str) -> None:
    """Neither from a table nor from a view: nothing would exchange the stored values that they wrote or returned."""
    with pytest.raises(Refusal) as refused:
        token_planner(tmp_path, "scribe").plan(text, ("clinic",))
    assert refused.value.reason == "token"


@pytest.mark.parametrize(
    ("text", "sqlstate"),
    [
        ("INSERT INTO patients SELECT * FROM patients", "0A000"),
        ("UPDATE orders SET total = 1 FROM patients TABLESAMPLE SYSTEM (10)", "0A000"),
        ("INSERT INTO orders SELECT id, 1 FROM ONLY front", "0A000"),
        ("INSERT INTO orders SELECT id, 1 FROM patients FOR UPDATE", "0A000"),
        ("UPDATE orders SET total = 1 FROM unlisted", "42501"),
        ("WITH x AS (INSERT INTO visits VALUES (1) RETURNING *) SELECT * FROM patients", "42501"),
        ("INSERT INTO orders SELECT id, 1 FROM patients WHERE ssn = 'SELECT ''pgveil: scan 0.'''", None),
        ("INSERT INTO orders SELECT id, 1 FROM patients WHERE ssn = $$SELECT 'pgveil: scan 0.'$$", None),
        ("INSERT INTO orders SELECT \"SELECT 'pgveil: scan 0.'\", 1 FROM patients", "0A000"),
    ],
)
def test_what_cannot_be_masked_is_refused(analyst: Planner, text: str, sqlstate: str | None) -> None:
    """Also where a name looks like what stands in for a masking subquery."""
    if sqlstate is None:
        assert analyst.plan(text, PATH).decision is Decision.REWRITTEN
        return
    with pytest.raises(Refusal) as refused:
        analyst.plan(text, PATH)
    assert refused.value.sqlstate == sqlstate
