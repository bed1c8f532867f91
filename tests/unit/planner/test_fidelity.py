"""Fidelity: a query that was printed anew is Postgres' same tree, and everything else is noticed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgast import pg_query_pb2
from sqlglot import exp

from proxy.errors import Refusal, StatementSyntaxError, UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.dialect import generator, parse_statement, print_statement
from proxy.planner.fidelity import POSITION_FIELDS, assert_same, faithful_tree, first_difference

CORPUS = Path(__file__).parents[2] / "corpus" / "fidelity"
FILES = sorted(path.name for path in CORPUS.glob("*.sql"))
_LONG = ("tpcds.sql", "tpch.sql")
STATEMENTS = [text for name in FILES for text in grammar.split((CORPUS / name).read_text("utf-8"))]


def test_the_corpus_is_large() -> None:
    """There are hundreds of different statements to run through."""
    assert len(set(STATEMENTS)) >= 450


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in _LONG else name for name in FILES]
)
def test_every_statement_of_the_corpus_survives(name: str) -> None:
    """Nothing that analysts and tools write is refused for its round trip, from either print."""
    refused = []
    for text in grammar.split((CORPUS / name).read_text("utf-8")):
        original = grammar.parse(text)
        try:
            faithful_tree(original, text)
            assert_same(original, print_statement(parse_statement(text)))
        except Refusal as refusal:
            refused.append((text, refusal.detail))
    assert refused == []


@pytest.mark.long
def test_a_print_is_a_fixed_point() -> None:
    """Reading a print and printing it again changes no character."""
    for text in STATEMENTS:
        once = print_statement(parse_statement(text))
        assert print_statement(parse_statement(once)) == once


@pytest.mark.parametrize(
    "text",
    [
        "SELECT (NOT a) IS NULL FROM t",  # printed as NOT a IS NULL
        "SELECT (NOT a) IN (true) FROM t",
        "SELECT (a OR b) IN (false) FROM t",
        "SELECT c = (a <> ALL (SELECT b FROM u)) FROM t",
        'SELECT f("B" => 1)',  # printed as f(B := 1), another name
        "SELECT (CASE WHEN a THEN b END).c FROM t",  # printed without the brackets
        "SELECT XMLPARSE(CONTENT a PRESERVE WHITESPACE) FROM t",
        'SELECT count(*) FROM t GROUP BY "rollup"(b)',  # printed as ROLLUP
        "SELECT - (-1).a FROM t",  # printed as text that does not parse
    ],
)
def test_libpg_querys_own_print_is_not_trusted(text: str) -> None:
    """Where the canonical print says something else, the statement is read from the client's text."""
    original = grammar.parse(text)
    with pytest.raises(UnsupportedRefusal):
        assert_same(original, grammar.deparse(original))
    assert_same(original, print_statement(faithful_tree(original, text)))


SAME = [
    ("SELECT CAST(a AS int)", "SELECT a::int"),
    ("SELECT a != b", "SELECT a <> b"),
    ("SELECT a ISNULL", "SELECT a IS NULL"),
    ("SELECT A FROM T", 'SELECT "a" FROM "t"'),
    ("SELECT a b", 'SELECT a AS "b"'),
    ("SELECT 'it''s'", "SELECT E'it\\'s'"),
    ("SELECT 'a\\b'", "SELECT E'a\\\\b'"),
    ("SELECT $$a$$", "SELECT 'a'"),
    ("SELECT U&'d\\0061t'", "SELECT 'dat'"),
    ("SELECT 0x1F", "SELECT 31"),
    ("SELECT DATE '2024-01-01'", "SELECT '2024-01-01'::date"),
    ("SELECT EXTRACT(YEAR FROM a)", "SELECT extract('year' FROM a)"),
    ("SELECT a FROM t FETCH FIRST 1 ROWS ONLY", "SELECT a FROM t LIMIT 1"),
    ("TABLE t", "SELECT * FROM t"),
    ("((SELECT 1))", "SELECT 1"),
    ("SELECT a /* c */ -- d\n FROM t", "SELECT a FROM t"),
    ("SELECT f(a := 1)", "SELECT f(a => 1)"),
    ("SELECT ARRAY[[1]]", "SELECT ARRAY[ARRAY[1]]"),
    ("SELECT a FROM b INNER JOIN c ON true", "SELECT a FROM b JOIN c ON true"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_the_same_tree_are_the_same(one: str, other: str) -> None:
    """What Postgres' grammar takes for the same statement is no difference."""
    assert_same(grammar.parse(one), other)


DIFFERENT = [
    ("SELECT 'a'", "SELECT 'b'", "A_Const"),
    ("SELECT 1", "SELECT 1.0", "A_Const"),
    ("SELECT 1", "SELECT '1'", "A_Const"),
    ("SELECT 1.0", "SELECT 1.00", "A_Const"),
    ("SELECT NULL", "SELECT ''", "A_Const"),
    ("SELECT true", "SELECT false", "A_Const"),
    ("SELECT b'1'", "SELECT x'1'", "A_Const"),
    ("SELECT $1", "SELECT $2", "ParamRef"),
    ("SELECT a", "SELECT b", "ColumnRef"),
    ("SELECT a.b", "SELECT a", "ColumnRef"),
    ('SELECT "A"', "SELECT a", "ColumnRef"),
    ("SELECT *", "SELECT a", "ColumnRef"),
    ("SELECT a", "SELECT a, a", "SelectStmt"),
    ("SELECT a AS x", "SELECT a AS y", "ResTarget"),
    ("SELECT a AS x", "SELECT a", "ResTarget"),
    ("SELECT a::int", "SELECT a::int4", "TypeName"),
    ("SELECT a::numeric(10, 2)", "SELECT a::numeric(10, 3)", "A_Const"),
    ("SELECT a::char", 'SELECT a::"char"', "TypeName"),
    ("SELECT a::int[]", "SELECT a::int[][]", "TypeName"),
    ("SELECT a::timestamp", "SELECT a::timestamptz", "TypeName"),
    ("SELECT '1'::interval day", "SELECT '1'::interval", "TypeName"),
    ("SELECT now()", "SELECT current_timestamp", "ResTarget"),
    ("SELECT current_date", "SELECT current_time", "SQLValueFunction"),
    ("SELECT f(a)", "SELECT g(a)", "FuncCall"),
    ("SELECT s.f(a)", "SELECT f(a)", "FuncCall"),
    ("SELECT count(*)", "SELECT count(1)", "FuncCall"),
    ("SELECT count(a)", "SELECT count(DISTINCT a)", "FuncCall"),
    ("SELECT sum(a) FILTER (WHERE b)", "SELECT sum(a)", "FuncCall"),
    ("SELECT f(a ORDER BY b)", "SELECT f(a)", "FuncCall"),
    ("SELECT f(a) WITHIN GROUP (ORDER BY b)", "SELECT f(a ORDER BY b)", "FuncCall"),
    ("SELECT f(VARIADIC a)", "SELECT f(a)", "FuncCall"),
    ("SELECT f(a => 1)", "SELECT f(b => 1)", "NamedArgExpr"),
    ("SELECT substring(a, 1)", "SELECT substring(a FROM 1)", "FuncCall"),
    ("SELECT a AT TIME ZONE b", "SELECT timezone(b, a)", "FuncCall"),
    ("SELECT sum(a) OVER (ORDER BY b)", "SELECT sum(a) OVER (PARTITION BY b)", "WindowDef"),
    ("SELECT f() OVER w FROM t WINDOW w AS ()", "SELECT f() OVER (w) FROM t WINDOW w AS ()", "WindowDef"),
    ("SELECT f() OVER (ROWS 1 PRECEDING)", "SELECT f() OVER (RANGE 1 PRECEDING)", "WindowDef"),
    (
        "SELECT f() OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "SELECT f() OVER (ROWS 1 PRECEDING)",
        "WindowDef",
    ),
    ("SELECT a + b", "SELECT a - b", "A_Expr"),
    ("SELECT a || b", "SELECT concat(a, b)", "ResTarget"),
    ("SELECT a ~~ b", "SELECT a LIKE b", "A_Expr"),
    ("SELECT a LIKE b", "SELECT a NOT LIKE b", "A_Expr"),
    ("SELECT a LIKE b", "SELECT a ILIKE b", "A_Expr"),
    ("SELECT a LIKE b ESCAPE c", "SELECT a LIKE b", "A_Expr"),
    ("SELECT a NOT IN (1)", "SELECT NOT a IN (1)", "ResTarget"),
    ("SELECT a IN (1, 2)", "SELECT a IN (1)", "List"),
    ("SELECT a BETWEEN b AND c", "SELECT a BETWEEN SYMMETRIC b AND c", "A_Expr"),
    ("SELECT a OPERATOR(s.+) b", "SELECT a + b", "A_Expr"),
    ("SELECT a - (b - c)", "SELECT (a - b) - c", "A_Expr"),
    ("SELECT a AND b", "SELECT a OR b", "BoolExpr"),
    ("SELECT a IS NULL", "SELECT a IS NOT NULL", "NullTest"),
    ("SELECT a IS TRUE", "SELECT a IS NOT FALSE", "BooleanTest"),
    ("SELECT a = ANY (b)", "SELECT a = ALL (b)", "A_Expr"),
    ("SELECT a = ANY (SELECT 1)", "SELECT a <> ANY (SELECT 1)", "SubLink"),
    ("SELECT EXISTS (SELECT 1)", "SELECT (SELECT 1)", "SubLink"),
    ("SELECT ROW(a, b)", "SELECT (a, b)", "RowExpr"),
    ("SELECT a[1]", "SELECT a[1:1]", "A_Indices"),
    ("SELECT (a).b", "SELECT a.b", "ResTarget"),
    ('SELECT a COLLATE "C"', 'SELECT a COLLATE "D"', "CollateClause"),
    ("SELECT coalesce(a, b)", 'SELECT "coalesce"(a, b)', "ResTarget"),
    ("SELECT greatest(a, b)", "SELECT least(a, b)", "MinMaxExpr"),
    ("SELECT a IS JSON", "SELECT a IS JSON OBJECT", "JsonIsPredicate"),
    ("SELECT DISTINCT a", "SELECT a", "SelectStmt"),
    ("SELECT DISTINCT ON (a) a", "SELECT DISTINCT a", "SelectStmt"),
    ("SELECT a FROM t", "SELECT a FROM s.t", "RangeVar"),
    ("SELECT a FROM t", "SELECT a FROM ONLY t", "RangeVar"),
    ("SELECT a FROM t", "SELECT a FROM t AS u", "RangeVar"),
    ("SELECT a FROM t AS u (a)", "SELECT a FROM t AS u (b)", "Alias"),
    ("SELECT a FROM t TABLESAMPLE system (1)", "SELECT a FROM t TABLESAMPLE system (2)", "A_Const"),
    ("SELECT a FROM t, u", "SELECT a FROM t CROSS JOIN u", "SelectStmt"),
    ("SELECT a FROM t JOIN u ON b", "SELECT a FROM t LEFT JOIN u ON b", "JoinExpr"),
    ("SELECT a FROM t JOIN u USING (b)", "SELECT a FROM t NATURAL JOIN u", "JoinExpr"),
    ("SELECT a FROM t JOIN u USING (b)", "SELECT a FROM t JOIN u USING (b) AS j", "JoinExpr"),
    ("SELECT a FROM (t JOIN u ON b) JOIN v ON c", "SELECT a FROM t JOIN (u JOIN v ON c) ON b", "JoinExpr"),
    ("SELECT a FROM (SELECT 1) x", "SELECT a FROM LATERAL (SELECT 1) x", "RangeSubselect"),
    ("SELECT a FROM f() WITH ORDINALITY", "SELECT a FROM f()", "RangeFunction"),
    ("SELECT a FROM f() AS (a int)", "SELECT a FROM f() AS (a text)", "TypeName"),
    ("SELECT a FROM t WHERE b", "SELECT a FROM t", "SelectStmt"),
    ("SELECT a GROUP BY a", "SELECT a GROUP BY ()", "SelectStmt"),
    ("SELECT a GROUP BY ROLLUP (a)", "SELECT a GROUP BY CUBE (a)", "GroupingSet"),
    ("SELECT a GROUP BY DISTINCT a", "SELECT a GROUP BY a", "SelectStmt"),
    ("SELECT a ORDER BY a", "SELECT a ORDER BY a ASC", "SortBy"),
    ("SELECT a ORDER BY a NULLS FIRST", "SELECT a ORDER BY a", "SortBy"),
    ("SELECT a ORDER BY a USING <", "SELECT a ORDER BY a USING >", "SortBy"),
    ("SELECT a LIMIT 1", "SELECT a", "SelectStmt"),
    ("SELECT a ORDER BY a FETCH FIRST 1 ROW WITH TIES", "SELECT a ORDER BY a LIMIT 1", "SelectStmt"),
    ("SELECT a LIMIT 1", "SELECT a OFFSET 1", "SelectStmt"),
    ("SELECT a FROM t FOR UPDATE", "SELECT a FROM t FOR SHARE", "LockingClause"),
    ("SELECT 1 UNION SELECT 2", "SELECT 1 UNION ALL SELECT 2", "SelectStmt"),
    ("SELECT 1 UNION SELECT 2", "SELECT 1 EXCEPT SELECT 2", "SelectStmt"),
    (
        "SELECT 1 EXCEPT (SELECT 2 EXCEPT SELECT 3)",
        "SELECT 1 EXCEPT SELECT 2 EXCEPT SELECT 3",
        "SelectStmt",
    ),
    ("WITH x AS (SELECT 1) SELECT 2", "WITH x AS MATERIALIZED (SELECT 1) SELECT 2", "CommonTableExpr"),
    ("WITH RECURSIVE x AS (SELECT 1) SELECT 2", "WITH x AS (SELECT 1) SELECT 2", "WithClause"),
    ("VALUES (1), (2)", "VALUES (2), (1)", "A_Const"),
    ("SELECT 1", "SELECT 1; SELECT 1", "statement"),
    ("SELECT 1", "SELECT FROM FROM", "statement"),
]


@pytest.mark.parametrize(("one", "other", "_kind"), DIFFERENT)
def test_every_difference_is_noticed_in_both_directions(one: str, other: str, _kind: str) -> None:
    """Two statements that Postgres reads differently are never the same."""
    with pytest.raises(UnsupportedRefusal) as caught:
        assert_same(grammar.parse(one), other)
    assert caught.value.reason == "fidelity"
    if other != "SELECT FROM FROM":
        with pytest.raises(UnsupportedRefusal):
            assert_same(grammar.parse(other), one)


@pytest.mark.parametrize(("one", "other", "kind"), DIFFERENT)
def test_a_refusal_names_the_construct(one: str, other: str, kind: str) -> None:
    """The first construct that differs is named by its kind."""
    with pytest.raises(UnsupportedRefusal) as caught:
        assert_same(grammar.parse(one), other)
    expected = "A_Expr" if kind == "List" else kind
    assert caught.value.detail == f"Printed again it would differ in a {expected}."


def test_a_refusal_shows_no_value() -> None:
    """Neither constants nor names reach the refusal's texts."""
    with pytest.raises(UnsupportedRefusal) as caught:
        assert_same(grammar.parse("SELECT ssn FROM p WHERE ssn = '901-42-0042'"), "SELECT ssn FROM p WHERE ssn = 'x'")
    said = f"{caught.value.message} {caught.value.detail} {caught.value.hint}"
    assert "901" not in said
    assert "ssn" not in said


def test_only_positions_are_ignored() -> None:
    """The ignored fields are exactly the grammar's int32 fields that say where something stands."""
    found = {
        field.name
        for message in pg_query_pb2.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if field.type == field.TYPE_INT32 and (field.name in POSITION_FIELDS or "location" in field.name)
    }
    assert found == POSITION_FIELDS


def test_a_name_that_sounds_like_a_position_is_compared() -> None:
    """A table space has a location that is a text."""
    with pytest.raises(UnsupportedRefusal):
        assert_same(grammar.parse("CREATE TABLESPACE a LOCATION '/b'"), "CREATE TABLESPACE a LOCATION '/c'")


Handler = Callable[[Any, Any], str]


def _without(*arguments: str) -> Callable[[Handler], Handler]:
    def wrap(printed: Handler) -> Handler:
        def forgetful(printer: Any, node: Any) -> str:
            kept = node.copy()
            for argument in arguments:
                kept.set(argument, None)
            return printed(printer, kept)

        return forgetful

    return wrap


def _instead(text: str) -> Callable[[Handler], Handler]:
    return lambda _: lambda *_: text


PLANTED: list[tuple[type[exp.Expr], Callable[[Handler], Handler], str]] = [
    (exp.Select, _without("where"), "SELECT a FROM t WHERE b"),
    (exp.Select, _without("having"), "SELECT a FROM t GROUP BY a HAVING b"),
    (exp.Select, _without("distinct"), "SELECT DISTINCT a FROM t"),
    (exp.Select, _without("limit"), "SELECT a FROM t LIMIT 1"),
    (exp.Select, _without("with_"), "WITH x AS (SELECT 1) SELECT * FROM x"),
    (exp.Filter, _instead("sum(a)"), "SELECT sum(a) FILTER (WHERE b) FROM t"),
    (exp.In, _without("negated"), "SELECT a NOT IN (1) FROM t"),
    (exp.Between, _without("symmetric"), "SELECT a BETWEEN SYMMETRIC 1 AND 2 FROM t"),
    (exp.Like, _without("negated"), "SELECT a NOT LIKE b FROM t"),
    (exp.Ordered, _without("nulls_first"), "SELECT a FROM t ORDER BY a NULLS FIRST"),
    (exp.Ordered, _without("desc"), "SELECT a FROM t ORDER BY a DESC"),
    (exp.Table, _without("only"), "SELECT a FROM ONLY t"),
    (exp.Table, _without("db"), "SELECT a FROM s.t"),
    (exp.Table, _without("sample"), "SELECT a FROM t TABLESAMPLE system (1)"),
    (exp.Table, _without("alias"), "SELECT x.a FROM t AS x"),
    (exp.TableAlias, _without("columns"), "SELECT a FROM t AS x (a)"),
    (exp.Join, _without("side"), "SELECT a FROM t LEFT JOIN u ON true"),
    (exp.Join, _without("using_alias"), "SELECT a FROM t JOIN u USING (a) AS j"),
    (exp.Window, _without("spec"), "SELECT sum(a) OVER (ORDER BY b ROWS 1 PRECEDING) FROM t"),
    (exp.WindowSpec, _without("exclude"), "SELECT sum(a) OVER (ROWS 1 PRECEDING EXCLUDE TIES) FROM t"),
    (exp.CTE, _without("materialized"), "WITH x AS MATERIALIZED (SELECT 1) SELECT * FROM x"),
    (exp.With, _without("recursive"), "WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x"),
    (exp.Collate, _instead("a"), 'SELECT a COLLATE "C" FROM t'),
    (exp.Cast, _instead("a"), "SELECT a::text FROM t"),
    (exp.Paren, lambda _: lambda printer, node: printer.sql(node, "this"), "SELECT a * (b + c) FROM t"),
    (exp.Literal, _instead("'x'"), "SELECT a FROM t WHERE a = 'y'"),
    (exp.Union, _without("distinct"), "SELECT 1 UNION SELECT 2"),
    (exp.Lateral, lambda _: lambda printer, node: printer.sql(node, "this"), "SELECT * FROM t, LATERAL (SELECT 1)"),
]


@pytest.mark.parametrize(("kind", "forget", "text"), PLANTED)
def test_a_printer_that_forgets_something_is_caught(
    kind: type[exp.Expr], forget: Callable[[Handler], Handler], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disagreements planted in the generator end in a refusal, never in another statement."""
    original = grammar.parse(text)
    faithful_tree(original, text)
    monkeypatch.setitem(generator._PRINTERS, kind, forget(generator._PRINTERS[kind]))
    with pytest.raises(UnsupportedRefusal) as caught:
        faithful_tree(original, text)
    assert caught.value.reason == "fidelity"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT " + "NOT " * 900 + "true",
        "SELECT " + "f(" * 900 + "1" + ")" * 900,
        "SELECT " + "(SELECT " * 300 + "1" + ")" * 300,
        "SELECT * FROM " + "(SELECT * FROM " * 300 + "t" + ") x" * 300,
    ],
)
def test_nesting_beyond_pythons_reach_is_refused(text: str) -> None:
    """Too deep for recursion in Python is a refusal with the reason ``complexity``, not a crash."""
    with pytest.raises(UnsupportedRefusal) as caught:
        faithful_tree(grammar.parse(text), text)
    assert caught.value.reason == "complexity"


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 WHERE " + " OR ".join(f"a = {i}" for i in range(10_000)),
        "SELECT 1 WHERE " + " AND ".join(f"a = {i}" for i in range(10_000)),
        f"SELECT 1 WHERE a IN ({', '.join(map(str, range(20_000)))})",
        "SELECT " + " || ".join(["a"] * 900),
        " UNION ALL ".join(["SELECT 1"] * 900),
        "SELECT * FROM t" + " JOIN t ON true" * 900,
        "SELECT " + "(" * 100 + "1" + ")" * 100,
    ],
)
def test_long_statements_survive(text: str) -> None:
    """Flat lists and left-leaning chains of any length that Postgres takes are printed."""
    faithful_tree(grammar.parse(text), text)


def _tokens(text: str) -> list[str]:
    encoded = text.encode("utf-8")
    return [encoded[token.start : token.end].decode("utf-8") for token in grammar.scan(text).tokens]


SHORT = [tokens for tokens in map(_tokens, STATEMENTS) if len(tokens) < 80]
PIECES = [
    *("NOT", "(", ")", "-", "@", "::int", "+", ",", "AND", ".", "*", "[1]", '"A"', "LATERAL", "UNION", "AS", "IS NULL"),
    *("LIKE", "DISTINCT", "ALL", "ANY", "CASE", "END", "NULL", "OVER", "->", "'x'", "1", "$1", "(SELECT 1)", "COLLATE"),
    *(
        "BETWEEN 1 AND",
        "IN (1)",
        "ORDER BY a",
        "LIMIT 1",
        "JOIN t ON true",
        "ONLY",
        "FILTER (WHERE a)",
        "$$",
        "'",
        "--",
    ),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), edits=st.integers(1, 4))
def test_a_mutated_statement_is_the_same_tree_or_refused(seed: int, edits: int) -> None:
    """Whatever the tokens, the outcome is a faithful tree, a refusal, or Postgres' syntax error."""
    chance = random.Random(seed)  # noqa: S311 - hypothesis chooses the seed
    tokens = list(chance.choice(SHORT))
    for _ in range(edits):
        at = chance.randrange(len(tokens) + 1)
        replacement = [chance.choice(PIECES)] if chance.random() < 0.6 else chance.choice(SHORT)[: chance.randrange(4)]
        tokens[at : at + chance.randrange(3)] = replacement
    text = " ".join(tokens)
    try:
        original = grammar.parse(text)
    except StatementSyntaxError:
        return
    try:
        tree = faithful_tree(original, text)
    except UnsupportedRefusal:
        return
    assert first_difference(original, grammar.parse(print_statement(tree))) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_at_all_gives_one_of_our_errors(text: str) -> None:
    """The parser of the strict dialect raises refusals only, also for what Postgres would not parse."""
    try:
        parse_statement(text)
    except Refusal:
        return
