"""YAML text as plain data that remembers its lines.

Owns: reading one document with ruamel.yaml, and what of YAML a policy may use. Must not know: what a policy means.
Invariant: any text gives either data made of dict, list, str, bool, int, Decimal, date, datetime and None, or problems
with line numbers; duplicate keys, merge keys, foreign tags and ``${}`` are problems, never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Data: TypeAlias = "dict[str, Data] | list[Data] | str | bool | int | Decimal | date | datetime | None"
Path: TypeAlias = tuple[str | int, ...]

MAX_CHARACTERS: Final = 4_000_000
_MAX_NODES: Final = 200_000  # with aliases counted as often as they are used
_MAX_DEPTH: Final = 60
_TAG: Final = "tag:yaml.org,2002:"
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Tree:
    """One document. ``lines`` gives the line (from 1) of each key and list item, by its path from the root."""

    data: Data
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of the part of ``path`` that the document has."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


class TreeError(Exception):
    """The text is no YAML that a policy may use; ``problems`` are (line, message)."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


def read_tree(text: str) -> Tree:
    """The one document in ``text`` (raises TreeError). An empty document is None."""
    if len(text) > MAX_CHARACTERS:
        raise TreeError([(1, f"the file has more than {MAX_CHARACTERS:,} characters")])
    reader = YAML(typ="rt", pure=True)
    reader.max_depth = _MAX_DEPTH  # else the time that nesting takes grows with its square
    try:
        node = reader.compose(text)
    except MaxDepthExceededError as error:
        raise TreeError([(error.problem_mark.line + 1, "the YAML is nested too deeply")]) from error
    except MarkedYAMLError as error:
        raise TreeError([_syntax_problem(error)]) from error
    except (YAMLError, ValueError, TypeError, AttributeError, LookupError, AssertionError) as error:
        # ruamel.yaml's scanner meets some malformed directives and escapes with exceptions of Python's own.
        raise TreeError([(1, f"this is not YAML ({type(error).__name__})")]) from error
    builder = _Builder()
    data = builder.build(node, ()) if node is not None else None
    if builder.problems:
        raise TreeError(builder.problems)
    return Tree(data, {(): 1, **builder.lines})


def _syntax_problem(error: MarkedYAMLError) -> tuple[int, str]:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 1
    what = ", ".join(" ".join(part.split()) for part in (error.context, error.problem) if part)
    hint = ' (a * must stand in quotes: "*")' if "alias" in what else ""
    return line, f"YAML: {what or 'cannot be read'}{hint}"


@dataclass(slots=True)
class _Builder:
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    nodes: int = 0

    def build(self, node: Node, path: Path) -> Data:
        self.nodes += 1
        if self.nodes > _MAX_NODES or len(path) > _MAX_DEPTH:
            # An alias inside its own anchor has no end either.
            raise TreeError([(_line(node), "the document is too large or too deep once its aliases are followed")])
        match node:
            case MappingNode():
                return self._mapping(node, path)
            case SequenceNode():
                return self._sequence(node, path)
            case ScalarNode():
                return self._scalar(node)
            case _:
                self._problem(node, "this cannot be read")
                return None

    def _problem(self, node: Node, message: str) -> None:
        self.problems.append((_line(node), message))

    def _mapping(self, node: MappingNode, path: Path) -> Data:
        if _tag(node) != "map":
            self._problem(node, "YAML tags are not supported")
        result: dict[str, Data] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, "a key should be a word")
                continue
            if _tag(key_node) == "merge":
                self._problem(key_node, "merge keys (<<) are not supported")
                continue
            key = str(key_node.value)
            self._check_text(key_node)
            if _tag(key_node) != "str":
                self._problem(key_node, f"the key {key or 'null'} is no text: put it in quotes if it is a name")
            if key in result:
                first = self.lines[(*path, key)]
                self._problem(key_node, f'the key "{key}" is there twice (first in line {first})')
                continue
            self.lines[(*path, key)] = _line(key_node)
            result[key] = self.build(value_node, (*path, key))
        return result

    def _sequence(self, node: SequenceNode, path: Path) -> Data:
        if _tag(node) != "seq":
            self._problem(node, "YAML tags are not supported")
        result: list[Data] = []
        for number, item in enumerate(node.value):
            self.lines[(*path, number)] = _line(item)
            result.append(self.build(item, (*path, number)))
        return result

    def _check_text(self, node: ScalarNode) -> None:
        if any("\ud800" <= c <= "\udfff" or c == "\0" for c in node.value):
            self._problem(node, "this holds a character that no text in Postgres can hold")
        if "${" in node.value:
            self._problem(node, "${…} is not supported in policy files: they take nothing from the environment")

    def _scalar(self, node: ScalarNode) -> Data:
        tag, value = _tag(node), str(node.value)
        self._check_text(node)
        try:
            match tag:
                case "str":
                    return value
                case "null":
                    return None
                case "bool":
                    return value.lower() == "true"
                case "int":
                    return int(value, 0) if re.match(r"[-+]?0[xob]", value) else int(value)
                case "float":
                    return _decimal(value)
                case "timestamp":
                    return date.fromisoformat(value) if _DATE.fullmatch(value) else datetime.fromisoformat(value)
                case _:
                    self._problem(node, "YAML tags are not supported")
        except (ValueError, InvalidOperation):
            self._problem(node, f"this is no {tag} that can be read: put it in quotes if it is a text")
        return None


def _decimal(value: str) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > 400:
        raise ValueError("no number that a column could hold")
    return number


def _tag(node: Node) -> str:
    tag = str(node.tag)
    return tag.removeprefix(_TAG) if tag.startswith(_TAG) else "foreign"


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
