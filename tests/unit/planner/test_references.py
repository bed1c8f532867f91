"""What a statement names, as Postgres' own tree says."""

from __future__ import annotations

import pytest

from proxy.errors import UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.references import References, collect, inner


def references(sql: str) -> References:
    """The references of one statement."""
    return collect(inner(grammar.parse(sql).stmts[0].stmt))


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT 1", []),
        ("SELECT * FROM a, s.b", ["a", "s.b"]),
        ("TABLE a", ["a"]),
        ("SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE x IN (TABLE c))", ["a", "b", "c"]),
        ("SELECT (SELECT max(x) FROM a), ARRAY(SELECT y FROM b)", ["a", "b"]),
        ("SELECT 1 ORDER BY (SELECT x FROM a) LIMIT (SELECT y FROM b)", ["a", "b"]),
        (
            "SELECT sum(x) FILTER (WHERE x > (SELECT 1 FROM a)) OVER (PARTITION BY (SELECT 1 FROM b)) FROM c",
            list("abc"),
        ),
        ("SELECT * FROM f((SELECT 1 FROM a)) WITH ORDINALITY", ["a"]),
        ("SELECT * FROM json_table((SELECT j FROM a), '$' COLUMNS (x int PATH '$.x'))", ["a"]),
        ("SELECT * FROM xmltable('/x' PASSING (SELECT x FROM a) COLUMNS y int)", ["a"]),
        ("SELECT * FROM a TABLESAMPLE system (10)", ["a"]),
        ("VALUES ((SELECT 1 FROM a))", ["a"]),
        ("SELECT 1 FROM a UNION SELECT 2 FROM b INTERSECT SELECT 3 FROM c", ["a", "b", "c"]),
        ("SELECT * FROM ONLY a FOR UPDATE OF a", ["a"]),
    ],
)
def test_every_clause_is_searched(sql: str, reads: list[str]) -> None:
    """A relation is found wherever the grammar lets it stand."""
    assert reads == sorted(map(str, references(sql).reads))


def test_syntax_that_is_not_on_the_list_is_refused() -> None:
    """What a new grammar brings, or nobody has asked for, cannot hide a relation: WHERE CURRENT OF a cursor."""
    with pytest.raises(UnsupportedRefusal, match="CurrentOfExpr is not supported") as refused:
        references("DELETE FROM a WHERE CURRENT OF c")
    assert refused.value.reason == "construct"


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("WITH a AS (SELECT * FROM a) SELECT * FROM a", ["a"]),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b", ["b"]),
        ("WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b", []),
        ("WITH a AS (SELECT 1) SELECT * FROM s.a", ["s.a"]),
        ("WITH a AS (SELECT 1) SELECT * FROM (WITH b AS (SELECT * FROM a) SELECT * FROM b) x, b", ["b"]),
        ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a", ["a"]),
        ("(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM a", ["a"]),
        ('WITH "A" AS (SELECT 1) SELECT * FROM a, "A"', ["a"]),
    ],
)
def test_a_cte_hides_a_relation_only_in_its_scope(sql: str, reads: list[str]) -> None:
    """The scope rules of WITH are Postgres' own (manual, 7.8)."""
    assert reads == sorted(map(str, references(sql).reads))


def test_the_target_of_a_write_is_never_a_cte() -> None:
    """``WITH t … INSERT INTO t`` writes the table t."""
    found = references("WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t RETURNING *")
    assert list(map(str, found.writes)) == ["t"]
    assert found.reads == []


def test_writes_inside_with_are_found() -> None:
    """A SELECT that deletes in a CTE is a write."""
    assert list(map(str, references("WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x").writes)) == ["a"]


def test_functions_operators_and_fields_are_found() -> None:
    """Also in attribute notation, in ORDER BY USING and in sub-link operators."""
    found = references("SELECT p.label, (q).x, s.f(1) FROM p WHERE a ### 1 ORDER BY b USING OPERATOR(s.<<<)")
    assert {(7, "label"), (-1, "x")} == found.fields
    assert {("s", "f")} == {(f.schema, f.name) for f in found.functions}
    assert {(None, "###"), ("s", "<<<")} == {(o.schema, o.name) for o in found.operators}


@pytest.mark.parametrize(
    ("text", "operators"),
    [
        ("SELECT * FROM a JOIN b USING (c)", {"="}),
        ("SELECT * FROM a NATURAL JOIN b", {"="}),
        ("SELECT CASE a WHEN 1 THEN 2 END", {"="}),
        ("SELECT CASE WHEN a THEN 2 END", set()),
        ("SELECT a IN (SELECT 1)", {"="}),
        ("SELECT a NOT BETWEEN SYMMETRIC 1 AND 2", {"<", "<=", ">", ">="}),
    ],
)
def test_operators_that_no_text_names_are_found(text: str, operators: set[str]) -> None:
    """Postgres looks them up by name, along the search path, like those that are written."""
    assert {o.name for o in references(text).operators} == operators


def test_young_syntax_is_kept_by_name() -> None:
    """A server that does not know it reads a call of a function with that name."""
    assert "json_value" in references("SELECT json_value('{}', '$.a')").keywords
    assert references("SELECT json_build_object()").keywords == set()


def test_row_locks_are_seen_anywhere() -> None:
    """FOR SHARE in a sub-query counts."""
    assert references("SELECT * FROM (SELECT * FROM a FOR SHARE) x").locks_rows


@pytest.mark.parametrize("sql", ["SELECT * INTO x FROM a", "SELECT 1 FROM a TABLESAMPLE s.mine (1)"])
def test_what_is_not_listed_is_refused(sql: str) -> None:
    """Constructs whose masking is not known are refused."""
    with pytest.raises(UnsupportedRefusal):
        references(sql)


def test_long_chains_do_not_exhaust_the_stack() -> None:
    """Hundreds of concatenations are walked without recursion."""
    assert list(map(str, references("SELECT " + " || ".join(["x"] * 400) + " FROM a").reads)) == ["a"]
