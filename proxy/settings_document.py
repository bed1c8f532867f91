"""A settings file as plain values: YAML read strictly, with the line of each value.

Owns: reading the file, ``${NAME}`` from the environment, and saying where in the file a mistake is. Must not know:
which settings there are. Invariant: every scalar stays text (pydantic knows what it must become), and no message
repeats a value, since any of them may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from proxy.errors import SettingsFileError

MAX_SETTINGS_BYTES = 1 << 20

Location = tuple[int | str, ...]


class SettingsDocument:
    """A YAML file as plain values, with the line of each. Every scalar stays text: pydantic knows what it must become.

    Anchors, aliases and tags are refused: a settings file has no use for them, and they can be made to explode.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._lines: dict[Location, int] = {}
        self._seen: set[int] = set()
        self._problems: list[tuple[Location, str]] = []
        root = self._compose()
        self.value = {} if root is None else self._plain(root, ())
        if self._problems:
            raise self.error(self._problems)

    def error(self, problems: list[tuple[Location, str]]) -> SettingsFileError:
        """One exception for all problems, in the order of the file."""
        lines = sorted((self._line(location), f"{_dotted(location)}: {words}") for location, words in problems)
        return SettingsFileError("\n".join(f"{self._path}:{line}: {text}" for line, text in lines))

    def _compose(self) -> Node | None:
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_SETTINGS_BYTES + 1)
        except OSError as problem:
            raise SettingsFileError(f"{self._path}: cannot be read: {problem.strerror}") from None
        if len(data) > MAX_SETTINGS_BYTES:
            raise SettingsFileError(f"{self._path}: longer than {MAX_SETTINGS_BYTES} bytes")
        try:
            node: Node | None = YAML(typ="safe", pure=True).compose(data.decode())
        except UnicodeDecodeError as problem:
            line = data.count(b"\n", 0, problem.start) + 1
            raise SettingsFileError(f"{self._path}:{line}: not UTF-8") from None
        except MarkedYAMLError as problem:
            # What the parser quotes can be part of a value, unless it is a single sign or a kind of token.
            quoted = r"('.'|'<[a-z ]+>')|'[^']*'|\"[^\"]*\""
            words = re.sub(quoted, lambda m: m[1] or "…", problem.problem or "unreadable")
            mark = problem.problem_mark or problem.context_mark
            raise SettingsFileError(f"{self._path}:{mark.line + 1 if mark else 1}: not YAML: {words}") from None
        except (YAMLError, ValueError, RecursionError):
            raise SettingsFileError(f"{self._path}:1: not YAML, or nested too deeply") from None
        return node

    def _plain(self, node: Node, location: Location) -> object:
        self._lines.setdefault(location, node.start_mark.line + 1)
        if id(node) in self._seen or node.anchor is not None:
            self._problems.append((location, "anchors and aliases are not accepted in settings"))
            return None
        self._seen.add(id(node))
        match node:
            case MappingNode():
                return dict(self._pairs(node, location))
            case SequenceNode():
                return [self._plain(item, (*location, n)) for n, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node, location)
            case _:
                self._problems.append((location, "not a mapping, list or scalar"))
                return None

    def _pairs(self, node: MappingNode, location: Location) -> Iterator[tuple[str, object]]:
        found = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self._lines[*location, "?"] = line
                self._problems.append(((*location, "?"), "a key must be a word"))
                continue
            key = str(key_node.value)
            here = (*location, key)
            self._lines[here] = line
            if key in found:
                self._problems.append((here, "is given twice"))
            found.add(key)
            yield key, self._plain(value_node, here)

    def _scalar(self, node: ScalarNode, location: Location) -> str | None:
        if node.style is None and str(node.tag) == "tag:yaml.org,2002:null":
            return None

        def value_of(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            if match["name"] is None:
                self._problems.append(
                    (location, "`${` must be followed by a variable's name and `}` (write `$${` for `${`)")
                )
            elif match["name"] not in self._environ:
                self._problems.append((location, f"the environment variable {match['name']} is not set"))
            else:
                return self._environ[match["name"]]
            return ""

        return re.sub(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?", value_of, str(node.value))

    def _line(self, location: Location) -> int:
        """The line of the place itself, or of the nearest thing around it (for what is missing)."""
        while location and location not in self._lines:
            location = location[:-1]
        return self._lines.get(location, 1)


def _dotted(location: Location) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.lstrip(".") or "settings"
