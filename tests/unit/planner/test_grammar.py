"""The door to Postgres' grammar: outcomes are trees, refusals and syntax errors, never a crash or a shortened text."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from proxy.errors import StatementSyntaxError, UnsupportedRefusal
from proxy.planner import grammar


def test_a_statement_becomes_one_raw_statement() -> None:
    """A single SELECT parses to one statement of that kind."""
    statements = grammar.parse("SELECT 1").stmts
    assert len(statements) == 1
    assert statements[0].stmt.HasField("select_stmt")


def test_a_syntax_error_is_postgres_own_with_a_character_position() -> None:
    """The message is Postgres', and the position counts characters, not bytes."""
    with pytest.raises(StatementSyntaxError) as caught:
        grammar.parse("SELECT 'éé' FORM FORM t")
    assert caught.value.message == 'syntax error at or near "FORM"'
    assert caught.value.sqlstate == "42601"
    assert caught.value.position == 18
    assert caught.value.reason == "syntax"


@pytest.mark.parametrize("text", ["SELECT 1\0", "SELECT 1\0; DROP TABLE t", "SELECT '\ud800'"])
def test_what_c_would_misread_is_refused_before_it_gets_there(text: str) -> None:
    """NUL bytes and lone surrogates are errors of encoding, in every function that takes a text."""
    for function in (grammar.parse, grammar.split, grammar.fingerprint, grammar.scan):
        with pytest.raises(StatementSyntaxError) as caught:
            function(text)
        assert caught.value.sqlstate == "22021"
        assert caught.value.position == next(i for i, c in enumerate(text, 1) if c in "\0\ud800")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", ("SELECT 1",)),
        ("SELECT 1;", ("SELECT 1",)),
        ("SELECT 1; SELECT 2", ("SELECT 1", "SELECT 2")),
        ("", ()),
        (" ;; ; ", ()),
        ("-- nothing\n", ()),
        (";SELECT 1;;\n\tSELECT 2; ", ("SELECT 1", "SELECT 2")),
        ("SELECT ';'; SELECT $$;$$", ("SELECT ';'", "SELECT $$;$$")),
        ("SELECT 'é'; SELECT 'ü;' AS \"ö;\"; SELECT 3", ("SELECT 'é'", "SELECT 'ü;' AS \"ö;\"", "SELECT 3")),
        ("/* job 7 */ SELECT 1; -- then\nSELECT 2 /* end */", ("/* job 7 */ SELECT 1", "-- then\nSELECT 2 /* end */")),
        ("SELECT 1 AS \u00a0", ("SELECT 1 AS \u00a0",)),
    ],
)
def test_statements_are_cut_as_postgres_cuts_them(text: str, expected: tuple[str, ...]) -> None:
    """Empty statements vanish; comments, and letters that only Python takes for blanks, stay."""
    assert grammar.split(text) == expected


def test_fingerprints_ignore_constants_only() -> None:
    """Statements that differ in constants share a fingerprint of 16 hexadecimal digits; others do not."""
    one = grammar.fingerprint("SELECT a FROM t WHERE b = 1")
    assert one == grammar.fingerprint("select a from t where b = 2 -- comment")
    assert one != grammar.fingerprint("SELECT a FROM t WHERE c = 1")
    assert len(one) == 16
    int(one, 16)


def test_what_no_parser_reads_has_no_fingerprint() -> None:
    """The same error as for parsing it."""
    with pytest.raises(StatementSyntaxError):
        grammar.fingerprint("SELECT FROM WHERE")


def test_a_tree_without_a_print_is_refused() -> None:
    """An edit that leaves something which is no statement is caught by the printer already."""
    tree = grammar.ParseResult()
    tree.stmts.add().stmt.integer.ival = 1
    with pytest.raises(UnsupportedRefusal) as refused:
        grammar.deparse(tree)
    assert refused.value.reason == "fidelity"


def test_a_text_without_the_keyword_has_no_tail() -> None:
    """Nor one that has it inside brackets only."""
    assert grammar.tail_from("COPY t TO STDOUT", "TO") == "TO STDOUT"
    assert grammar.tail_from("COPY (SELECT to) FROM STDIN", "TO") == ""


def test_a_tree_deeper_than_protobuf_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is a refusal; any other error of the library is a defect, and no answer."""

    class DecodeError(Exception):
        """As protobuf calls its own."""

    def fails(error: type[Exception]) -> None:
        def parse(_: str) -> None:
            raise error

        monkeypatch.setattr("postgast.parse", parse)

    fails(DecodeError)
    with pytest.raises(UnsupportedRefusal) as refused:
        grammar.parse("SELECT 1")
    assert refused.value.reason == "complexity"
    fails(MemoryError)
    with pytest.raises(MemoryError):
        grammar.parse("SELECT 1")


def test_protobuf_in_pure_python_gets_its_limit_lifted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its compiled implementation is not there, the other one's limit is set."""
    limits: list[int] = []

    def without_upb(name: str) -> SimpleNamespace:
        if name == "google._upb._message":
            raise ImportError
        return SimpleNamespace(SetRecursionLimit=limits.append)

    monkeypatch.setattr("importlib.import_module", without_upb)
    grammar._lift_protobuf_limit()
    assert limits == [10 * grammar.MAX_DEPTH]


def test_the_canonical_print_parses_again() -> None:
    """Deparse is Postgres' grammar's own print."""
    assert grammar.deparse(grammar.parse("select  a::int from t")) == "SELECT a::int FROM t"


FLAT = {
    "or": "SELECT 1 WHERE " + " OR ".join(f"a = {i}" for i in range(10_000)),
    "and": "SELECT 1 WHERE " + " AND ".join(f"a = {i}" for i in range(10_000)),
    "in": f"SELECT 1 WHERE a IN ({', '.join(map(str, range(20_000)))})",
    "values": f"VALUES {', '.join(f'({i})' for i in range(10_000))}",
    "branches": f"SELECT CASE {' '.join(f'WHEN a = {i} THEN b + {i}' for i in range(5_000))} END",
    "columns": f"SELECT {', '.join(f'c{i}' for i in range(10_000))}",
}


@pytest.mark.parametrize("name", FLAT)
def test_long_statements_are_no_deep_ones(name: str) -> None:
    """Lists of any length parse: only nesting is limited."""
    assert len(grammar.parse(FLAT[name]).stmts) == 1


def test_statements_of_one_text_do_not_add_up() -> None:
    """A long script of shallow statements parses, and a deep one among them is refused all the same."""
    shallow = "SELECT a FROM t JOIN t AS u ON true UNION SELECT b FROM t" + " " * 200
    assert len(grammar.split("; ".join([shallow] * 2_000))) == 2_000
    deep = "SELECT 1" + " UNION SELECT 1" * 5_000
    for script in (f"{deep}; {shallow}", f"{shallow}; {deep}"):
        with pytest.raises(UnsupportedRefusal):
            grammar.split(script)


def test_chains_longer_than_protobufs_own_limit_parse() -> None:
    """Protobuf stops at 100 levels of its own accord; everyday concatenations have more."""
    assert grammar.parse("SELECT " + " || ".join(["a"] * 200)).stmts


DEEP = {
    "brackets": ("SELECT ", "(", "1", ")"),
    "subselects": ("SELECT ", "(SELECT ", "1", ")"),
    "tables": ("SELECT * FROM ", "(SELECT * FROM ", "t", ") x"),
    "case": ("SELECT ", "CASE WHEN ", "a", " THEN 1 END"),
    "calls": ("SELECT ", "f(", "1", ")"),
    "not": ("SELECT ", "NOT ", "a", ""),
    "minus": ("SELECT ", "- ", "a", ""),
    "joins": ("SELECT * FROM t", " JOIN t ON true", "", ""),
    "bracketed joins": ("SELECT * FROM ", "(", "t", " JOIN t ON true)"),
    "unions": ("SELECT 1", " UNION SELECT 1", "", ""),
    "sums": ("SELECT a", " + a", "", ""),
    "casts": ("SELECT a", "::text", "", ""),
    "exists": ("SELECT ", "EXISTS (SELECT 1 WHERE ", "a", ")"),
    "arrays": ("SELECT ", "ARRAY[", "1", "]"),
    "left open": ("SELECT ", "(SELECT ", "1", ""),
}


@pytest.mark.parametrize("shape", DEEP)
def test_no_nesting_brings_the_process_down(shape: str) -> None:
    """Statements just below and far above the limit are parsed, printed and fingerprinted, or refused, in a process
    of their own: what this guards against is a segmentation fault."""
    start, opening, middle, closing = DEEP[shape]
    code = (
        "import sys\n"
        "from proxy.errors import Refusal\n"
        "from proxy.planner import grammar\n"
        f"for depth in (300, 990, 5_000, 50_000):\n"
        f"    text = {start!r} + {opening!r} * depth + {middle!r} + {closing!r} * depth\n"
        "    try:\n"
        "        tree = grammar.parse(text)\n"
        "        grammar.deparse(tree)\n"
        "        grammar.fingerprint(text)\n"
        "    except Refusal as refusal:\n"
        "        print(depth, refusal.reason)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] in ("50000 complexity", "50000 syntax")


def test_the_refusal_of_deep_nesting_says_what_to_do() -> None:
    """It has the reason ``complexity``, SQLSTATE 0A000 and a hint."""
    with pytest.raises(UnsupportedRefusal) as caught:
        grammar.parse("SELECT " + "- " * 5_000 + "a")
    assert caught.value.reason == "complexity"
    assert caught.value.sqlstate == "0A000"
    assert caught.value.hint


@pytest.mark.parametrize("text", [*FLAT.values(), "SELECT ((a))[1]::text[] OPERATOR(+) -b"])
def test_the_cheap_bound_is_a_bound(text: str) -> None:
    """What is let pass without a scanner would pass with it."""
    assert grammar._bound(text) >= grammar._depth(grammar.scan(text))
