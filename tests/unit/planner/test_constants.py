"""Statements that differ in constants only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.planner import grammar
from proxy.planner.constants import cut, free_constants, is_single_statement, with_constants


def free(text: str) -> list[str]:
    """The constants of a text that no plan depends on."""
    parts = cut(text)
    assert parts is not None
    shape, constants = parts
    return [constants[i] for i in sorted(free_constants(text, shape))]


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        ("SELECT a FROM t WHERE id = 5", ["5"]),
        (
            "SELECT a FROM t WHERE id IN (1, 2) AND n LIKE 'x%' AND d >= '2024-01-01'::date",
            ["1", "2", "'x%'", "'2024-01-01'"],
        ),
        ("SELECT a FROM t WHERE id BETWEEN 1 AND 2 LIMIT 10 OFFSET 20", ["1", "2", "10", "20"]),
        ("SELECT a + 1 FROM t ORDER BY 1", ["1"]),
        ("SELECT a FROM t GROUP BY 1, 2", []),
        ("SELECT 1, 'x' FROM t", []),
        ("SELECT current_setting('timezone') = 'x'", ["'x'"]),
        ("SELECT set_config('a' || 'b', 'c', false)", ["'a'", "'b'"]),
        ("SELECT a::numeric(10,2) FROM t WHERE b::varchar(5) = 'x'", ["'x'"]),
        ("SELECT date_trunc('month', d) FROM t", []),
        ("SELECT a FROM t TABLESAMPLE system (10)", []),
        ("SELECT a FROM t WHERE x = -5 AND y = 1.5 AND z = 1e-5", []),
        ("SELECT a[1] FROM t", []),
        ("SELECT a[:2], a[3:] FROM t WHERE b = 4", ["4"]),
        ("SELECT DISTINCT a FROM t WHERE b = 4", ["4"]),
        ("SELECT 'é' FROM t WHERE b = 4", []),
        ("SELECT a FROM t WHERE id = 99999999999", []),
        ("SELECT a FROM t WHERE b = 'it''s' AND \"c 1\" = 2", ["'it''s'", "2"]),
    ],
)
def test_only_plain_operands_are_free(text: str, constants: list[str]) -> None:
    """What a plan could depend on stays a part of the shape's key."""
    assert constants == free(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 -- x", "SELECT /* 1 */ 2", "SELECT $1", "SELECT $$a$$", "SELECT E'a'", "SELECT U&'a'", "SELECT b'1'",
        "SELECT 'a\\'", "SELECT n'x'",
    ],
)  # fmt: skip
def test_texts_that_need_a_lexer_have_no_shape(text: str) -> None:
    """Comments, dollar signs, escapes and prefixed strings could hide where a constant ends."""
    assert cut(text) is None


@pytest.mark.parametrize(
    ("text", "single"),
    [
        ("SELECT 1", True), ("SELECT 1;", True), ("SELECT ';'", True), ("", False), (" ; ", False),
        ("SELECT 1; ", True),        ("SELECT 1; SELECT 2", False),
        ("SELECT 'a'; SELECT ';'", False), ('SELECT ";"', True),
    ],
)  # fmt: skip
def test_single_statements_are_told_without_parsing(text: str, single: bool) -> None:
    """A semicolon counts only outside quotes."""
    stripped = text.strip("; ")
    parts = cut(stripped)
    assert parts is not None
    assert single is is_single_statement(stripped, parts[0])


@given(
    integer=st.integers(0, 999_999_999),
    string=st.text(st.characters(exclude_characters="\\$\0", codec="utf-8")).map(
        lambda s: "'" + s.replace("'", "''") + "'"
    ),
)
def test_replacing_free_constants_changes_nothing_else(integer: int, string: str) -> None:
    """Postgres reads the same statement, but for the constants themselves."""
    text = "SELECT a || 'p' FROM t WHERE id = 5 AND name = 'x' OR n IN (7) LIMIT 3"
    parts = cut(text)
    assert parts is not None
    shape, constants = parts
    chosen = tuple(
        (string if c[0] == "'" else str(integer)) if i in free_constants(text, shape) else c
        for i, c in enumerate(constants)
    )
    assert grammar.fingerprint(text) == grammar.fingerprint(with_constants(shape, chosen))
    assert len(grammar.parse(with_constants(shape, chosen)).stmts) == 1
