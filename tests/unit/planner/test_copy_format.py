"""COPY's options as the format of its rows."""

from __future__ import annotations

import pytest

from proxy.errors import Refusal, UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.copy_format import copy_format
from proxy.planner.plan import CopyFormat, CopyKind
from proxy.planner.references import inner

_CSV = CopyFormat(CopyKind.CSV, b",", b"")


def _format(options: str) -> CopyFormat:
    tree = grammar.parse(f"COPY (SELECT 1 AS a, 2 AS b, 3 AS a) TO STDOUT {options}")
    return copy_format(inner(tree.stmts[0].stmt), ("a", "b", "a"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", CopyFormat(CopyKind.TEXT)),
        ("(FORMAT text, DELIMITER '|', NULL 'none')", CopyFormat(CopyKind.TEXT, b"|", b"none")),
        ("(FORMAT csv)", _CSV),
        ("CSV", _CSV),
        ("(FORMAT csv, QUOTE '''')", CopyFormat(CopyKind.CSV, b",", b"", b"'", b"'")),
        ("(FORMAT csv, ESCAPE E'\\\\', DELIMITER E'\\t')", CopyFormat(CopyKind.CSV, b"\t", b"", b'"', b"\\")),
        ("(FORMAT csv, FORCE_QUOTE *)", CopyFormat(CopyKind.CSV, b",", b"", forced=frozenset({0, 1, 2}))),
        ("CSV FORCE QUOTE a, nobody", CopyFormat(CopyKind.CSV, b",", b"", forced=frozenset({0}))),
        ("CSV HEADER", CopyFormat(CopyKind.CSV, b",", b"", header=True)),
        ("(HEADER)", CopyFormat(CopyKind.TEXT, header=True)),
        ("(HEADER 1, ENCODING 'utf-8')", CopyFormat(CopyKind.TEXT, header=True)),
        ("(HEADER 'ON')", CopyFormat(CopyKind.TEXT, header=True)),
        ("(DELIMITER 1.5)", CopyFormat(CopyKind.TEXT, b"1.5")),
        ("(HEADER off)", CopyFormat(CopyKind.TEXT)),
        ("(HEADER 0)", CopyFormat(CopyKind.TEXT)),
        ("BINARY", CopyFormat(CopyKind.BINARY)),
        ("(FORMAT binary)", CopyFormat(CopyKind.BINARY)),
    ],
)
def test_options_are_read_as_the_server_reads_them(options: str, expected: CopyFormat) -> None:
    """In the syntax of today and of old, with the defaults of each format."""
    assert _format(options) == expected


@pytest.mark.parametrize("options", ["(ENCODING 'latin1')", "(colour 'red')", "(DELIMITER (a, b))"])
def test_what_is_not_known_is_refused(options: str) -> None:
    """Rows could not be read, or not as they are meant."""
    with pytest.raises(UnsupportedRefusal) as refused:
        _format(options)
    assert refused.value.reason == "token"


def test_a_format_that_the_server_has_not_is_its_error() -> None:
    """As the server says it."""
    with pytest.raises(Refusal, match="not recognized") as refused:
        _format("(FORMAT 'json')")
    assert refused.value.sqlstate == "22023"
