"""The strict dialect: its tokens, the shape of its trees, and what it refuses to print."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from proxy.errors import StatementSyntaxError, UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.dialect import (
    Call,
    JoinTree,
    OperatorCall,
    PrefixOperator,
    RowConstructor,
    RowsFrom,
    Special,
    SqlValue,
    StrictPostgres,
    generator,
    parse_statement,
    print_statement,
)
from proxy.planner.dialect.nodes import Locking, Sample
from proxy.planner.dialect.print_expressions import _INFIX
from proxy.planner.dialect.tokens import fold, keywords, quote, quote_string, spell, tokenize
from proxy.planner.fidelity import assert_same
from proxy.planner.references import child_messages

CORPUS = Path(__file__).parents[2] / "corpus" / "fidelity"
STATEMENTS = [text for path in sorted(CORPUS.glob("*.sql")) for text in grammar.split(path.read_text("utf-8"))]


def _select(text: str) -> exp.Select:
    tree = parse_statement(text)
    assert isinstance(tree, exp.Select)
    return tree


def _value(text: str) -> exp.Expr:
    value: exp.Expr = _select(f"SELECT {text}").expressions[0]
    return value


# Tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Abc", "abc"),
        ('"Abc"', "Abc"),
        ('"a""b"', 'a"b'),
        ('U&"d\\0061t"', "dat"),
        ("U&\"d!0061t\" UESCAPE '!'", "dat"),
        ("'it''s'", "it's"),
        ("'a\\b'", "a\\b"),
        ("E'a\\nb\\'c'", "a\nb'c"),
        ("E'a\\\\b''c'", "a\\b'c"),
        ("$$it's$$", "it's"),
        ("$t$ $$ $t$", " $$ "),
        ("U&'\\00e9'", "é"),
        ("'a'\n'b'", "ab"),
        ("Größe", "größe"),
        ("ÄB", "Äb"),
    ],
)
def test_a_token_holds_what_postgres_reads(text: str, expected: str) -> None:
    """Names are folded and unquoted, strings are decoded, in ASCII and beyond."""
    assert [token.text for token in tokenize(text)] == [expected]


def test_parameters_without_spaces_are_parameters() -> None:
    """``$1,$2`` is no dollar quote."""
    assert [token.text for token in tokenize("$1,$2+$3||$4")] == ["$1", ",", "$2", "+", "$3", "||", "$4"]


def test_comments_are_no_tokens() -> None:
    """Comments, nested ones too, leave no trace."""
    assert [token.text for token in tokenize("a /* x /* y */ z */ b -- c")] == ["a", "b"]


def test_names_are_spelled_with_quotes_where_they_must() -> None:
    """Keywords of any kind, capitals and odd letters are quoted; plain names are not."""
    assert {"select", "year", "left", "int"} <= keywords()
    assert [spell(name) for name in ("a_1", "select", "year", "Ab", "a b", 'a"b', "1a", "é", "")] == [
        *("a_1", '"select"', '"year"', '"Ab"', '"a b"', '"a""b"', '"1a"', '"é"', '""')
    ]
    assert quote("a") == '"a"'
    assert fold("ÄBc") == "Äbc"


def test_strings_read_the_same_under_any_setting() -> None:
    """A backslash is written so that standard_conforming_strings does not matter."""
    assert quote_string("it's") == "'it''s'"
    assert quote_string("a\\b'c") == "E'a\\\\b''c'"


# The tree


@pytest.mark.long
def test_the_tree_groups_as_postgres_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brackets printed around every operator of the tree change nothing for Postgres."""

    def bracketed(printed: Callable[[Any, Any], str]) -> Callable[[Any, Any], str]:
        return lambda printer, node: f"({printed(printer, node)})"

    def infix(printer: Any, node: Any) -> str:
        text = _INFIX[type(node)] or node.args["operator"]
        return f"({printer.sql(node, 'this')} {text} {printer.sql(node, 'expression')})"

    predicates: tuple[type[exp.Expr], ...] = (
        exp.Not,
        exp.Neg,
        exp.In,
        exp.Between,
        exp.Like,
        exp.ILike,
        exp.SimilarTo,
        exp.Is,
        exp.Collate,
    )
    for kind in (*predicates, exp.AtTimeZone, PrefixOperator):
        monkeypatch.setitem(generator._PRINTERS, kind, bracketed(generator._PRINTERS[kind]))
    for kind in _INFIX:
        monkeypatch.setitem(generator._PRINTERS, kind, infix)
    monkeypatch.setitem(generator._PRINTERS, exp.Is, bracketed(_is))
    for text in STATEMENTS:
        assert_same(grammar.parse(text), print_statement(parse_statement(text)))


def _is(printer: Any, node: exp.Is) -> str:
    test = node.expression
    words = f"NOT {printer.sql(test, 'this')}" if isinstance(test, exp.Not) else printer.sql(test)
    return f"{printer.sql(node, 'this')} IS {words}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a = b", exp.EQ),
        ("a != b", exp.NEQ),
        ("a IS DISTINCT FROM b", exp.NullSafeNEQ),
        ("a IS NOT DISTINCT FROM b", exp.NullSafeEQ),
        ("a AND b", exp.And),
        ("a || b", exp.DPipe),
        ("a ->> b", OperatorCall),
        ("@ a", PrefixOperator),
        ("a IN (1)", exp.In),
        ("a NOT LIKE b", exp.Like),
        ("a IS NOT NULL", exp.Is),
        ("a::int", exp.Cast),
        ("date '2024-01-01'", exp.Cast),
        ("lower(a)", Call),
        ("now()", Call),
        ("coalesce(a, b)", exp.Coalesce),
        ("nullif(a, b)", exp.Nullif),
        ('"coalesce"(a, b)', Call),
        ("extract(year FROM a)", Special),
        ("json_object('a': 1)", Special),
        ("current_date", SqlValue),
        ("(a, b)", exp.Tuple),
        ("ROW(a, b)", RowConstructor),
        ("(a)", exp.Paren),
        ("(SELECT 1)", exp.Subquery),
        ("ARRAY[1]", exp.Array),
        ("a[1]", exp.Bracket),
        ("(a).b", exp.Dot),
        ("t.*", exp.Column),
        ("$1", exp.Parameter),
        ("sum(a) OVER ()", exp.Window),
        ("sum(a) FILTER (WHERE b)", exp.Filter),
        ("EXISTS (SELECT 1)", exp.Exists),
        ("CASE WHEN a THEN b END", exp.Case),
    ],
)
def test_expressions_have_the_nodes_that_callers_look_for(text: str, kind: type[exp.Expr]) -> None:
    """sqlglot's own nodes where they are exact, our own elsewhere."""
    assert type(_value(text)) is kind


def test_negation_is_an_argument() -> None:
    """NOT IN is no NOT around IN, since Postgres tells them apart."""
    assert _value("a NOT IN (1)").args["negated"] is True
    assert _value("a IN (1)").args["negated"] is False
    assert isinstance(_value("NOT a IN (1)"), exp.Not)
    test = _value("a IS NOT NULL")
    assert isinstance(test.expression, exp.Not)


def test_columns_keep_their_parts() -> None:
    """Up to four parts are one Column, folded and counted as quoted; more are fields of it."""
    column = _value('d.s."T".C')
    assert isinstance(column, exp.Column)
    assert [part.name for part in column.parts] == ["d", "s", "T", "c"]
    assert all(part.args["quoted"] for part in column.parts)
    assert isinstance(_value("a.b.c.d.e"), exp.Dot)
    assert isinstance(_value("s.t.*").this, exp.Star)


def test_a_call_keeps_its_name_schema_and_quotes() -> None:
    """The name is an Identifier, its schema stands before it, and both print as they were written."""
    call = _value('pg_catalog."Lower"(DISTINCT a ORDER BY b)')
    assert isinstance(call, Call)
    assert call.name == "Lower"
    assert [part.name for part in call.args["qualifier"]] == ["pg_catalog"]
    assert call.args["distinct"] is True
    assert isinstance(call.args["order"], exp.Order)
    assert print_statement(call) == 'pg_catalog."Lower"(DISTINCT a ORDER BY b)'


def test_every_column_and_table_is_reachable() -> None:
    """Walking the tree meets the columns and tables of every construct, special grammars included."""
    text = (
        "SELECT extract(year FROM c1), trim(BOTH c2 FROM c3), json_object(c4: c5), xmlelement(NAME x, c6), "
        "c7[c8:c9], (c10).f, f(x => c11), sum(c12) FILTER (WHERE c13) OVER (PARTITION BY c14 ORDER BY c15), "
        "c16 OPERATOR(s.+) c17, (SELECT c18 FROM t1), ROW(c19), CASE c20 WHEN c21 THEN c22 ELSE c23 END "
        "FROM t2 TABLESAMPLE system (c24), LATERAL f(c25), ROWS FROM (g(c26)), "
        "(t3 JOIN (SELECT * FROM t4) q ON c27 = c28), XMLTABLE(c29 PASSING c30 COLUMNS a int DEFAULT c31), "
        "JSON_TABLE(c32, '$' PASSING c33 AS x COLUMNS (a int PATH '$' DEFAULT c34 ON EMPTY)) "
        "GROUP BY ROLLUP (c35), GROUPING SETS ((c36, c37), CUBE (c38)) HAVING c39 "
        "WINDOW w AS (ORDER BY c40) ORDER BY c41 USING < LIMIT c42 OFFSET c43"
    )
    tree = parse_statement(text)
    assert {column.name for column in tree.find_all(exp.Column)} == {f"c{i}" for i in range(1, 44)}
    tables = {table.name for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)}
    assert tables == {"t1", "t2", "t3", "t4"}


def test_words_of_special_grammars_are_no_columns() -> None:
    """Units, names and options in them do not look like columns."""
    text = "SELECT extract(epoch FROM interval '1' day), xmlelement(NAME foo), normalize('a', NFC), json_scalar(1)"
    assert list(parse_statement(text).find_all(exp.Column)) == []


def _named_columns(text: str) -> set[str]:
    """The names of all columns in the expressions of ``text``, as Postgres reads it."""
    found: set[str] = set()
    stack: list[Any] = [raw.stmt for raw in grammar.parse(text).stmts]
    while stack:
        message = stack.pop()
        if message.DESCRIPTOR.name == "ColumnRef":
            found.update(field.string.sval for field in message.fields[-1:] if field.HasField("string"))
        stack += child_messages(message, without=("typmods",))  # those are words, not values
    return found


@pytest.mark.long
def test_both_readers_see_the_same_columns() -> None:
    """What is a column to Postgres is one in the tree, which edits and the scan's list of columns go by."""
    for text in STATEMENTS:
        seen = {column.name for column in parse_statement(text).find_all(exp.Column) if column.name != "*"}
        assert seen == _named_columns(text), text


def test_from_lists_keep_their_structure() -> None:
    """Commas are bare joins; a join in brackets is a Subquery of a JoinTree, and so is a join on the right side."""
    select = _select("SELECT 1 FROM a, b JOIN c ON true, (d CROSS JOIN e) AS x, f LEFT JOIN g JOIN h ON 1 = 1 ON 2 = 2")
    first = select.args["from_"].this
    joins = select.args["joins"]
    assert first.name == "a"
    assert [bool(join.args.get("on")) for join in joins] == [False, True, False, False, True]
    bracketed = joins[2].this
    assert isinstance(bracketed, exp.Subquery)
    assert isinstance(bracketed.this, JoinTree)
    assert bracketed.alias == "x"
    assert isinstance(joins[4].this, JoinTree)


def test_a_table_can_be_replaced_by_itself() -> None:
    """No table carries joins, so putting a subquery in its place loses none."""
    for text in (
        "SELECT 1 FROM a JOIN b ON true",
        "SELECT 1 FROM (a JOIN b ON true)",
        "SELECT 1 FROM c, a JOIN b USING (x)",
    ):
        tree = parse_statement(text)
        for table in list(tree.find_all(exp.Table)):
            alias = exp.TableAlias(this=exp.to_identifier(table.name))
            table.replace(exp.Subquery(this=parse_statement("SELECT 2"), alias=alias))
        plain = (
            text.replace("a JOIN", "(SELECT 2) AS a JOIN")
            .replace("b ", "(SELECT 2) AS b ")
            .replace(" c,", " (SELECT 2) AS c,")
        )
        assert_same(grammar.parse(plain), print_statement(tree))


def test_functions_in_from_are_tables_of_calls() -> None:
    """A function is a Table or a Lateral whose ``this`` is no Identifier."""
    select = _select("SELECT 1 FROM f(1) WITH ORDINALITY AS g (a, b), LATERAL h(2), ROWS FROM (i(3)), k() AS (a int)")
    items = [select.args["from_"].this, *(join.this for join in select.args["joins"])]
    assert [type(item) for item in items] == [exp.Table, exp.Lateral, exp.Table, exp.Table]
    assert isinstance(items[0].this, Call)
    assert items[0].args["ordinality"] is True
    assert isinstance(items[2].this, RowsFrom)
    assert isinstance(items[3].args["alias"].columns[0], exp.ColumnDef)


def test_set_operations_nest_as_postgres_nests_them() -> None:
    """INTERSECT binds tighter than UNION, and both lean to the left."""
    tree = parse_statement("SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 3 EXCEPT SELECT 4 ORDER BY 1 LIMIT 5")
    assert isinstance(tree, exp.Except)
    assert isinstance(tree.this, exp.Union)
    assert tree.this.args["distinct"] is False
    assert isinstance(tree.this.expression, exp.Intersect)
    assert tree.args["order"] is not None
    assert tree.args["limit"] is not None


def test_set_operations_get_the_brackets_that_the_tree_needs() -> None:
    """Also trees that were not read from text print as they nest."""

    def one(number: int) -> exp.Expr:
        return parse_statement(f"SELECT {number}")

    left = exp.Intersect(
        this=exp.Union(this=one(1), expression=one(2), distinct=True), expression=one(3), distinct=True
    )
    assert print_statement(left) == "(SELECT 1 UNION SELECT 2) INTERSECT SELECT 3"
    right = exp.Except(this=one(1), expression=exp.Except(this=one(2), expression=one(3), distinct=True), distinct=True)
    assert print_statement(right) == "SELECT 1 EXCEPT (SELECT 2 EXCEPT SELECT 3)"
    limited = exp.Union(this=parse_statement("SELECT 1 LIMIT 1"), expression=one(2), distinct=False)
    assert print_statement(limited) == "(SELECT 1 LIMIT 1) UNION ALL SELECT 2"


def test_ctes_are_where_callers_look_for_them() -> None:
    """WITH hangs on the query that it belongs to, with its names, columns and options."""
    tree = _select("WITH RECURSIVE a (x) AS NOT MATERIALIZED (SELECT 1), b AS (SELECT 2) SELECT * FROM a, b")
    with_ = tree.args["with_"]
    assert with_.recursive is True
    assert [cte.alias for cte in with_.expressions] == ["a", "b"]
    assert with_.expressions[0].args["materialized"] is False
    assert [column.name for column in with_.expressions[0].args["alias"].columns] == ["x"]


def test_locks_and_samples_are_kept_as_nodes() -> None:
    """FOR UPDATE and TABLESAMPLE can be found and refused by whoever may not allow them."""
    tree = _select("SELECT * FROM ONLY t TABLESAMPLE bernoulli (1) REPEATABLE (2) FOR UPDATE OF t NOWAIT")
    assert isinstance(tree.args["from_"].this.args["sample"], Sample)
    assert tree.args["from_"].this.args["only"] is True
    assert isinstance(tree.args["locks"][0], Locking)


def test_it_is_a_sqlglot_dialect() -> None:
    """sqlglot's own entry points read and print with it."""
    tree = sqlglot.parse_one("SELECT now(), a !~~ 'x' FROM T;", dialect=StrictPostgres)
    assert tree.sql(dialect=StrictPostgres) == "SELECT now(), a !~~ 'x' FROM t"
    assert len(StrictPostgres().parse("SELECT 1; SELECT 2")) == 2


# Refusals


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "SELECT 1 INTO t",
        "SHOW x",
        "SELECT 1; SELECT 2",
        "",
        "SELECT 1 2",
        "SELECT (",
        "SELECT a FROM",
        "SELECT 1 FROM t WHERE",
        "SELECT a b c",
        "SELECT * FROM a.b.c.d",
        "SELECT a AS 1",
        "SELECT a AS b FROM t AS 1",
        "SELECT a.1",
        "SELECT a NOT b",
        "SELECT a IN b",
        "SELECT a = ANY b",
        "SELECT left a",
        "SELECT sum(a) OVER (ROWS 1 BEFORE)",
        "SELECT a FROM t FOR ALL",
        "SELECT a::1",
        "SELECT a::b.1",
        "SELECT a::b.'x'",
        "SELECT a::b(1",
    ],
)
def test_what_is_no_single_query_is_refused(text: str) -> None:
    """Other statements, scripts and fragments are refusals with the reason ``fidelity``."""
    with pytest.raises(UnsupportedRefusal) as caught:
        parse_statement(text)
    assert caught.value.reason == "fidelity"


def test_a_text_without_tokens_is_a_syntax_error() -> None:
    """Where Postgres' scanner fails, its message is the answer."""
    with pytest.raises(StatementSyntaxError):
        parse_statement("SELECT 'open")


def test_tokens_of_another_reader_are_refused() -> None:
    """The parser takes no tokens but those of Postgres' own scanner."""
    with pytest.raises(ParseError):
        StrictPostgres().parser().parse(sqlglot.tokenize("SELECT 1", dialect="postgres"), "SELECT 1")


def test_a_tree_too_deep_to_print_is_refused() -> None:
    """An edit that nests beyond Python's reach is a refusal, never a crash."""
    tree: exp.Expr = exp.Null()
    for _ in range(5000):
        tree = exp.Paren(this=tree)
    with pytest.raises(UnsupportedRefusal) as caught:
        print_statement(tree)
    assert caught.value.reason == "complexity"


def test_a_refusal_does_not_quote_the_statement() -> None:
    """Names and constants stay out of the refusal."""
    for text in ("SELECT secret_name 'secret value' more FROM WHERE", "SELECT 1 + * 'secret value'"):
        with pytest.raises(UnsupportedRefusal) as caught:
            parse_statement(text)
        assert "secret" not in f"{caught.value.message} {caught.value.detail}"


@pytest.mark.parametrize(
    "node",
    [
        exp.Upper(this=exp.column("a")),
        exp.CurrentTimestamp(),
        exp.DataType.build("int"),
        exp.Cast(this=exp.column("a"), to=exp.DataType.build("int")),
        exp.Select(expressions=[exp.Max(this=exp.column("a"))]),
        exp.Command(this="SHOW"),
        exp.Insert(this=exp.to_table("t")),
        exp.Qualify(this=exp.column("a")),
        exp.Anonymous(this="f"),
        exp.Property(this="a", value="b"),
    ],
)
def test_what_was_not_read_by_this_dialect_is_not_printed(node: exp.Expr) -> None:
    """Nodes that sqlglot's own printers would translate have no print here."""
    with pytest.raises(UnsupportedRefusal) as caught:
        print_statement(node)
    assert caught.value.reason == "fidelity"


def test_printing_changes_no_tree() -> None:
    """The tree is the same object with the same content afterwards."""
    tree = parse_statement("SELECT a, sum(b) OVER (PARTITION BY c) FROM t JOIN u USING (d) WHERE e[1] = ANY ('{1}')")
    before = tree.copy()
    assert print_statement(tree) == print_statement(tree)
    assert tree == before


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """sqlglot's warnings reach neither a log nor the terminal."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("sqlglot").warning("what it may say about %s", "a value")
        for text in STATEMENTS[:50]:
            print_statement(parse_statement(text))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
