"""Names of output columns without AS, as ``FigureColnameInternal`` gives them (parse_target.c)."""

from __future__ import annotations

import pytest

from proxy.planner import grammar
from proxy.planner.naming import output_name
from proxy.planner.references import inner


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("a.b.c", "c"),
        ("(a).b", "b"),
        ("(a)[1]", "a"),
        ("pg_catalog.lower(x)", "lower"),
        ("nullif(a, b)", "nullif"),
        ("a + b", "?column?"),
        ("1", "?column?"),
        ("a::int", "a"),
        ("1::int", "int4"),
        ("'x'::clinic.code", "code"),
        ('a COLLATE "C"', "a"),
        ("CASE WHEN a THEN 1 END", "case"),
        ("CASE WHEN a THEN 1 ELSE b END", "b"),
        ("CASE WHEN a THEN 1 ELSE 2::int END", "case"),
        ("greatest(a, b)", "greatest"),
        ("least(a, b)", "least"),
        ("coalesce(a, b)", "coalesce"),
        ("ARRAY[1]", "array"),
        ("ROW(1)", "row"),
        ("EXISTS (SELECT 1)", "exists"),
        ("ARRAY(SELECT a)", "array"),
        ("(SELECT a)", "a"),
        ("(SELECT 1 AS b)", "b"),
        ("(SELECT a UNION SELECT b)", "a"),
        ("(VALUES (1))", "?column?"),
        ("(SELECT FROM t)", "?column?"),
        ("a IN (SELECT 1)", "?column?"),
        ("current_date", "current_date"),
        ("current_timestamp(3)", "current_timestamp"),
    ],
)
def test_the_name_is_the_servers(expression: str, name: str) -> None:
    """Columns of subqueries are found under the names that the server gives them."""
    select = inner(grammar.parse(f"SELECT {expression}").stmts[0].stmt)
    assert output_name(select.target_list[0].res_target.val) == name


def test_what_is_not_there_has_no_name() -> None:
    """A CASE without ELSE has no default result to be named after."""
    select = inner(grammar.parse("SELECT CASE WHEN a THEN b END").stmts[0].stmt)
    assert output_name(select.target_list[0].res_target.val.case_expr.defresult) == "?column?"
