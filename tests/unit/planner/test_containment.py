"""The last check before a text goes upstream, and what it catches when the rewrite is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlglot import exp

from proxy.errors import UnsupportedRefusal
from proxy.planner import masking, rewriting
from proxy.planner.containment import assert_contained, assert_same_references
from proxy.planner.planner import Planner
from proxy.planner.references import RelationReference
from proxy.planner.sources import Resolver
from tests.support.small_clinic import SNAPSHOT, planner

SCAN = 'SELECT "id" AS "id", NULL AS "ssn" FROM "clinic"."patients"'


@pytest.fixture
def analyst(tmp_path: Path) -> Planner:
    """The planner of a restricted role."""
    return planner(tmp_path, "analyst")


@pytest.fixture
def resolver(analyst: Planner) -> Resolver:
    """Name resolution for that role, no view being clear."""
    return Resolver(SNAPSHOT, analyst.role, (), lambda _: False)


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT * FROM ({SCAN}) AS p",
        f"SELECT * FROM sales.orders, ({SCAN}) AS a JOIN ({SCAN}) AS b USING (id)",
        f"WITH x AS (SELECT * FROM ({SCAN}) AS p) SELECT * FROM x, pg_catalog.pg_class",
        f"SELECT 'é' FROM (({SCAN})) AS p",
    ],
)
def test_what_is_inside_our_subqueries_is_contained(resolver: Resolver, text: str) -> None:
    """Masking subqueries may stand anywhere, as often as they like."""
    assert_contained(text, {SCAN}, resolver.resolve)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM clinic.patients",
        f"SELECT *, (SELECT max(ssn) FROM clinic.patients) FROM ({SCAN}) AS p",
        f"SELECT * FROM ({SCAN} WHERE true) AS p",
        f"SELECT * FROM (({SCAN}) ORDER BY ssn || '') AS p",
        f"SELECT * FROM (({SCAN}) LIMIT (SELECT 1)) AS p",
        f"SELECT * FROM (({SCAN}) UNION {SCAN}) AS p",
        f"SELECT * FROM (WITH x AS (SELECT) {SCAN}) AS p",
        f"SELECT '({SCAN})' FROM clinic.patients AS p",
        f"SELECT 'é', * FROM (SELECT DISTINCT {SCAN.removeprefix('SELECT ')}) AS p",
        'SELECT * FROM (SELECT "id" AS "id", "ssn" AS "ssn" FROM "clinic"."patients") AS p',
        f"SELECT * FROM ({SCAN}) AS p, orders",
        f"WITH patients AS (SELECT 1) SELECT * FROM ({SCAN}) AS p, clinic.patients",
        "SELECT * FROM clinic.front",
        f"SELECT 1; SELECT * FROM ({SCAN}) AS p",
    ],
)
def test_anything_else_is_refused(resolver: Resolver, text: str) -> None:
    """A protected relation outside, an altered subquery, an unqualified name, a second statement."""
    with pytest.raises(UnsupportedRefusal) as refused:
        assert_contained(text, {SCAN}, resolver.resolve)
    assert refused.value.reason == "containment"


def test_a_view_without_a_select_list_of_its_own_is_ours(resolver: Resolver) -> None:
    """A set operation has its lists below it, so where it begins is not known: it is compared without places."""
    union = f"({SCAN}) UNION ALL ({SCAN})"
    assert_contained(f"SELECT * FROM ({union}) AS p", {union}, resolver.resolve)
    with pytest.raises(UnsupportedRefusal):
        assert_contained(f"SELECT * FROM ({union} ORDER BY 1) AS p", {union}, resolver.resolve)


def test_the_two_readings_must_name_the_same_relations() -> None:
    """Each as often as the other."""
    a, b = RelationReference("clinic", "a"), RelationReference(None, "a")
    assert_same_references([a, b, a], [b, a, a])
    for other in ([a, b], [a, b, b], [a, a, a]):
        with pytest.raises(UnsupportedRefusal):
            assert_same_references([a, b, a], other)


def test_a_reference_that_the_rewrite_misses_is_caught(analyst: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were sqlglot's walk to skip a table, the two readings would disagree."""
    found = masking._table_references
    monkeypatch.setattr(masking, "_table_references", lambda tree: found(tree)[1:])
    with pytest.raises(UnsupportedRefusal, match="faithfully"):
        analyst.plan("SELECT a.ssn FROM patients a, patients b", ("clinic",))


def test_an_edit_that_undoes_a_mask_is_caught(analyst: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the printed text to read the table itself, containment would see it."""
    monkeypatch.setattr(rewriting, "print_statement", lambda _: "SELECT ssn FROM clinic.patients")
    with pytest.raises(UnsupportedRefusal) as refused:
        analyst.plan("SELECT ssn FROM patients", ("clinic",))
    assert refused.value.reason == "containment"


def test_a_subquery_with_another_text_than_announced_is_caught(
    analyst: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the very text that the policy made counts as a masking subquery."""
    made = masking._subquery

    def unmasked(*arguments: object) -> exp.Expr:
        subquery = made(*arguments)  # type: ignore[arg-type]
        subquery.this.set("this", 'SELECT "ssn" AS "ssn" FROM "clinic"."patients"')
        return subquery

    monkeypatch.setattr(masking, "_subquery", unmasked)
    with pytest.raises(UnsupportedRefusal) as refused:
        analyst.plan("SELECT ssn FROM patients", ("clinic",))
    assert refused.value.reason == "containment"
