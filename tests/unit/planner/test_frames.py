"""Statements with their query exchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.errors import Refusal, UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.frames import only_query, with_query
from proxy.planner.plan import Decision, Plan, StatementKind
from proxy.planner.planner import Planner
from tests.support.small_clinic import PATIENTS, SNAPSHOT, planner

PATH = ("clinic", "sales")
SSN = '(SELECT "id" AS "id", CAST(NULL AS pg_catalog.text) AS "ssn" FROM "clinic"."patients") AS patients'


@pytest.fixture
def analyst(tmp_path: Path) -> Planner:
    """The planner of a restricted role."""
    return planner(tmp_path, "analyst")


def _plan(analyst: Planner, text: str) -> Plan:
    plan = analyst.plan(text, PATH)
    assert plan.decision is Decision.REWRITTEN
    assert plan.touches_protected
    assert plan.relations == ("clinic.patients",)
    return plan


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("DECLARE c CURSOR FOR SELECT ssn, id FROM patients", "DECLARE c CURSOR FOR SELECT ssn, id FROM {}"),
        (
            'declare "C" binary insensitive scroll cursor with hold for select ssn, id from patients',
            'DECLARE "C" BINARY SCROLL INSENSITIVE CURSOR WITH HOLD FOR SELECT ssn, id FROM {}',
        ),
        ("PREPARE p (int) AS SELECT ssn, id FROM patients", "PREPARE p(int) AS SELECT ssn, id FROM {}"),
        (
            "COPY (SELECT ssn, id FROM patients) TO STDOUT (FORMAT csv, HEADER)",
            "COPY (SELECT ssn, id FROM {}) TO STDOUT WITH (FORMAT CSV, HEADER)",
        ),
        (
            "COPY (SELECT ssn, id FROM patients) TO STDOUT DELIMITER AS 'A' CSV HEADER -- old",
            "COPY (SELECT ssn, id FROM {}) TO STDOUT DELIMITER AS 'A' CSV HEADER -- old",
        ),
    ],
)
def test_the_query_is_masked_inside_the_statement(analyst: Planner, text: str, sent: str) -> None:
    """Everything else of the statement stays."""
    assert _plan(analyst, text).text == sent.format(SSN)


def test_rows_of_cursors_and_prepared_statements_are_treated_by_the_plan_inside(analyst: Planner) -> None:
    """The statement itself gives no rows, so its columns have no positions; the inner plan does nothing to names."""
    for text, kind in (
        ("DECLARE c CURSOR FOR SELECT ssn, id FROM patients", StatementKind.DECLARE),
        ("PREPARE c AS SELECT ssn, id FROM patients", StatementKind.PREPARE),
    ):
        plan = _plan(analyst, text)
        assert plan.kind is kind
        assert plan.origins == ()
        assert {c.output for c in plan.columns} == {None}
        assert plan.inner is not None
        assert plan.inner.kind is StatementKind.SELECT
        assert [o and (o.table_oid, o.attribute_number) for o in plan.inner.origins] == [(PATIENTS, 2), None]
        assert {c.column: c.output for c in plan.inner.columns} == {"ssn": 0, "id": 1}
        assert plan.inner.effects.declares is None
        assert plan.inner.effects.prepares is None


def test_a_copy_of_a_table_is_a_copy_of_its_visible_columns(analyst: Planner) -> None:
    """In the table's order or the statement's, without the rows of its children and without denied columns."""
    assert _plan(analyst, "COPY patients TO STDOUT").text.startswith("COPY (SELECT id, ssn, last_name, sex FROM (")
    listed = _plan(analyst, "COPY clinic.patients (ssn, id) TO STDOUT WITH BINARY").text
    scan = SSN.replace("FROM ", "FROM ONLY ", 1)
    assert listed == f"COPY (SELECT ssn, id FROM {scan}) TO STDOUT WITH (FORMAT BINARY)"


@pytest.mark.parametrize(
    ("text", "sqlstate"),
    [
        ("COPY patients (ssn, nothing) TO STDOUT", "42703"),
        ("COPY patients (ssn, ssn) TO STDOUT", "42701"),
        ("COPY patients (note) TO STDOUT", "42501"),
        ("COPY front TO STDOUT", "42809"),
        ("COPY unlisted TO STDOUT", "42501"),
        ("COPY nobody TO STDOUT", "42P01"),
        ("COPY patients TO '/tmp/x'", "42501"),
    ],
)
def test_what_the_server_does_not_copy_is_refused_as_it_does(analyst: Planner, text: str, sqlstate: str) -> None:
    """With its SQLSTATE, so that tools see what they know."""
    with pytest.raises(Refusal) as refused:
        analyst.plan(text, PATH)
    assert refused.value.sqlstate == sqlstate


def test_a_statement_that_cannot_be_printed_with_a_query_is_refused() -> None:
    """Where the stand-in is not the only one of its kind, or the print is not the same statement."""
    text = "DECLARE \"SELECT 'pgveil: the query'\" CURSOR FOR SELECT 1"
    with pytest.raises(UnsupportedRefusal, match="faithfully"):
        with_query(grammar.parse(text), text, "SELECT 2")


def test_a_cursor_of_a_kind_without_a_print_is_refused(analyst: Planner) -> None:
    """libpg_query's print forgets ASENSITIVE; what it prints is compared, so that nothing else is sent."""
    with pytest.raises(UnsupportedRefusal, match="faithfully"):
        analyst.plan("DECLARE c ASENSITIVE CURSOR FOR SELECT ssn FROM patients", PATH)


def test_generated_columns_are_copied_only_by_a_query(tmp_path: Path) -> None:
    """COPY of a table leaves them out, and refuses to be asked for one."""
    relations = tuple(
        replace(r, columns=tuple(replace(c, generated=c.name == "sex") for c in r.columns)) for r in SNAPSHOT.relations
    )
    generating = planner(tmp_path, "analyst", replace(SNAPSHOT, relations=relations))
    assert '"sex"' not in generating.plan("COPY patients TO STDOUT", PATH).text
    with pytest.raises(Refusal, match="is a generated column") as refused:
        generating.plan("COPY patients (id, sex) TO STDOUT", PATH)
    assert refused.value.sqlstate == "42P10"


def test_a_query_is_cut_out_whole() -> None:
    """As a tree that prints to the query itself."""
    tree = grammar.parse("PREPARE p AS SELECT a FROM b WHERE c = $1")
    assert grammar.deparse(only_query(tree)) == "SELECT a FROM b WHERE c = $1"
