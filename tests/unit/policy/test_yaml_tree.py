"""YAML as plain data: what of YAML a policy may use, and that all else is a problem with its line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node

from proxy.policy import yaml_tree
from proxy.policy.yaml_tree import Data, TreeError, read_tree


def problems(text: str) -> list[tuple[int, str]]:
    """Why the text is refused."""
    with pytest.raises(TreeError) as caught:
        read_tree(text)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("word", "word"),
        ("'8'", "8"),
        ("~", None),
        ("True", True),
        ("false", False),
        ("8", 8),
        ("-0x1F", -31),
        ("0o17", 15),
        ("1.50", Decimal("1.50")),
        ("1900-01-02", date(1900, 1, 2)),
        ("1900-01-02T10:00:00+00:00", datetime(1900, 1, 2, 10, tzinfo=UTC)),
        ("[a, {b: [1]}]", ["a", {"b": [1]}]),
        ("{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
    ],
)
def test_plain_yaml_is_plain_data(text: str, data: Data) -> None:
    """Numbers are exact, texts in quotes stay texts, and an alias is what it stands for."""
    assert read_tree(text).data == data


def test_lines_are_known_by_path() -> None:
    """What a part has no line for is reported at the nearest part above it."""
    tree = read_tree("a:\n  - b\n  - c: d\n")
    assert [tree.line(path) for path in ((), ("a",), ("a", 1), ("a", 1, "c"), ("a", 1, "x"))] == [1, 1, 3, 3, 3]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("\n!x {a: b}", 2, "YAML tags are not supported"),
        ("!x [a]", 1, "YAML tags are not supported"),
        ("a: !x b", 1, "YAML tags are not supported"),
        ("a: !!binary aGk=", 1, "YAML tags are not supported"),
        ("a: b\n[c]: d", 2, "a key should be a word"),
        ("a: &x {b: c}\nd:\n  <<: *x", 3, "merge keys (<<) are not supported"),
        ("8: b", 1, "the key 8 is no text: put it in quotes if it is a name"),
        (": b", 1, "the key null is no text: put it in quotes if it is a name"),
        ("a: b\na: c", 2, 'the key "a" is there twice (first in line 1)'),
        ('a: "\\0"', 1, "this holds a character that no text in Postgres can hold"),
        ("a: ${HOME}", 1, "${…} is not supported in policy files: they take nothing from the environment"),
        ("a: .inf", 1, "this is no float that can be read: put it in quotes if it is a text"),
        ("a: 1e999", 1, "this is no float that can be read: put it in quotes if it is a text"),
        ("a: 2001-02-30", 1, "this is no timestamp that can be read: put it in quotes if it is a text"),
    ],
)
def test_the_rest_of_yaml_is_a_problem(text: str, line: int, what: str) -> None:
    """A policy says what it means in words that every reader of YAML understands alike."""
    assert problems(text) == [(line, what)]


def test_documents_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the length of a file, nor its depth, nor what its aliases multiply to is without a limit."""
    monkeypatch.setattr(yaml_tree, "MAX_CHARACTERS", 100)
    assert problems("a" * 101) == [(1, "the file has more than 100 characters")]
    monkeypatch.undo()
    endless = [(1, "the document is too large or too deep once its aliases are followed")]
    assert problems("&a [*a]") == endless
    monkeypatch.setattr(yaml_tree, "_MAX_NODES", 20)
    assert problems("{a: &x [1, 2, 3, 4, 5], b: &y [*x, *x], c: [*y, *y]}") == endless


@pytest.mark.parametrize("text", ["\n" + "[" * 100, "\n" + "{" * 100, "a:\n" + "- " * 100])
def test_deep_documents_are_refused_before_they_are_read_to_the_end(text: str) -> None:
    """How deep a document is does not decide how long it takes to say no."""
    assert problems(text) == [(2, "the YAML is nested too deeply")]


def test_a_node_of_an_unknown_kind_is_a_problem() -> None:
    """A kind of node that a newer reader of YAML may make is not taken for nothing."""
    mark = YAML(typ="rt", pure=True).compose("a").start_mark
    builder = yaml_tree._Builder()
    assert builder.build(Node("tag:new", None, mark, mark), ()) is None
    assert builder.problems == [(1, "this cannot be read")]


def test_an_error_without_a_place_or_words_still_is_a_problem() -> None:
    """What the reader of YAML leaves out of its errors is not needed to report them."""
    assert yaml_tree._syntax_problem(MarkedYAMLError()) == (1, "YAML: cannot be read")


@pytest.mark.parametrize("error", [YAMLError, ValueError, TypeError, AttributeError, LookupError, AssertionError])
def test_errors_of_the_reader_of_yaml_are_problems(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """It meets some malformed texts with exceptions of Python's own, whose words could quote the text."""

    def fails(*_: object) -> None:
        raise error("the text's own words")

    monkeypatch.setattr(YAML, "compose", fails)
    assert problems("a") == [(1, f"this is not YAML ({error.__name__})")]
